#include "roomcast/core/auth/cookie.hpp"

#include "roomcast/core/bytes.hpp"

#include <array>

namespace roomcast::core::auth {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Walks over the pairs of a Cookie header.
class cookie_walker {
public:
    explicit cookie_walker(std::string_view header) : rest_(header) {}

    bool next() {
        while (!rest_.empty()) {
            const std::size_t end = rest_.find(';');
            const std::string_view pair = rest_.substr(0, end);
            rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
            const std::size_t equals = pair.find('=');
            if (equals == std::string_view::npos) continue;
            name_ = trimmed(pair.substr(0, equals));
            value_ = trimmed(pair.substr(equals + 1));
            return true;
        }
        return false;
    }
    std::string_view name() const { return name_; }
    std::string_view raw_value() const { return value_; }

private:
    std::string_view rest_;
    std::string_view name_;
    std::string_view value_;
};

std::string value_of(std::string_view raw) {
    if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"') raw = raw.substr(1, raw.size() - 2);
    if (raw.find('%') == std::string_view::npos) return std::string{raw};
    return percent_decode_strict(raw).value_or(std::string{raw});
}

/// The number of a chunk's name `<name>.<number>`, written without leading zeros; max_chunks when it is none
/// or too large.
std::size_t chunk_index(std::string_view cookie_name, std::string_view name) {
    if (!cookie_name.starts_with(name)) return max_chunks;
    cookie_name.remove_prefix(name.size());
    if (cookie_name.size() < 2 || cookie_name.size() > 3 || cookie_name.front() != '.') return max_chunks;
    cookie_name.remove_prefix(1);
    if (cookie_name.size() > 1 && cookie_name.front() == '0') return max_chunks;
    std::size_t index = 0;
    for (const char c : cookie_name) {
        if (c < '0' || c > '9') return max_chunks;
        index = index * 10 + static_cast<std::size_t>(c - '0');
    }
    return index;
}

} // namespace

std::optional<std::string> percent_decode_strict(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const int high = hex_digit(text[i + 1]);
        const int low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
    }
    if (!is_utf8(out)) return std::nullopt;
    return out;
}

std::optional<std::string> cookie(std::string_view header, std::string_view name) {
    cookie_walker each{header};
    while (each.next()) {
        if (each.name() == name) return value_of(each.raw_value());
    }
    return std::nullopt;
}

reason session_cookie(std::string_view header, std::string_view name, std::string& out) {
    out = cookie(header, name).value_or(std::string{});
    if (!out.empty()) return out.size() > max_token_bytes ? reason::token_too_large : reason::none;
    std::array<std::optional<std::string_view>, max_chunks> chunks{};
    std::size_t count = 0;
    cookie_walker each{header};
    while (each.next()) {
        const std::size_t index = chunk_index(each.name(), name);
        if (index == max_chunks || chunks[index]) continue;
        chunks[index] = each.raw_value();
        ++count;
    }
    for (std::size_t i = 0; i < count; ++i) {
        if (!chunks[i]) {
            out.clear();
            return reason::malformed;
        }
        out += value_of(*chunks[i]);
        if (out.size() > max_token_bytes) return reason::token_too_large;
    }
    return reason::none;
}

bool has_session_cookie(std::string_view header, std::string_view name) {
    cookie_walker each{header};
    while (each.next()) {
        const bool is_ours = each.name() == name || chunk_index(each.name(), name) != max_chunks;
        if (is_ours && !each.raw_value().empty()) return true;
    }
    return false;
}

} // namespace roomcast::core::auth
