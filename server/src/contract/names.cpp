#include "contract/names.hpp"

#include <array>

namespace roomcast::server::contract {

namespace {

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_letter(char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::string identifier(std::string_view name, letter_case wanted) {
    std::string out;
    bool begins_word = true;
    char last = '\0';
    for (const char c : name) {
        if (!is_letter(c) && !is_digit(c)) {
            begins_word = true;
            continue;
        }
        if (wanted == letter_case::snake) {
            const bool is_hump = is_upper(c) && (is_digit(last) || (is_letter(last) && !is_upper(last)));
            if (!out.empty() && (begins_word || is_hump)) out.push_back('_');
            out.push_back(lower(c));
        } else if (out.empty()) {
            out.push_back(wanted == letter_case::pascal ? upper(c) : lower(c));
        } else {
            out.push_back(begins_word ? upper(c) : c);
        }
        begins_word = false;
        last = c;
    }
    if (out.empty() || is_digit(out.front())) out.insert(0, wanted == letter_case::pascal ? "X" : "x");
    return out;
}

std::string named_schema(std::string_view reference) {
    constexpr std::string_view shelf = "#/schemas/";
    if (!reference.starts_with(shelf)) return {};
    reference.remove_prefix(shelf.size());
    if (reference.find('/') != std::string_view::npos) return {};
    std::string name;
    for (std::size_t i = 0; i < reference.size(); ++i) {
        const bool is_escape = reference[i] == '~' && i + 1 < reference.size();
        if (is_escape) ++i;
        name.push_back(!is_escape ? reference[i] : reference[i] == '1' ? '/' : '~');
    }
    return name;
}

} // namespace roomcast::server::contract
