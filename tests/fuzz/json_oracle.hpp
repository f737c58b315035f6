#pragma once

#include <nlohmann/json.hpp>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

/// Ends the program, for the fuzzer to see, when a property does not hold.
#define ROOMCAST_PROPERTY(holds)                                                                             \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds);                  \
            std::abort();                                                                                    \
        }                                                                                                    \
    } while (false)

/// An independent opinion on JSON: nlohmann's parser, without the points where it is not RFC 8259.
namespace roomcast::fuzz {

/// Writes U+FFFD for the escapes of lone surrogates, which the grammar allows but nlohmann does not.
/// Surrogate pairs stay.
inline std::string without_lone_surrogates(std::string_view text) {
    const auto unit_at = [text](std::size_t at) {
        if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
        int unit = 0;
        for (std::size_t i = at + 2; i < at + 6; ++i) {
            if (std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return -1;
            unit = unit * 16 + std::stoi(std::string{text[i]}, nullptr, 16);
        }
        return unit;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '\\') {
            out.push_back(text[i++]);
            continue;
        }
        const int unit = unit_at(i);
        std::size_t size = unit < 0 ? 2 : 6;
        if (unit >= 0xd800 && unit < 0xdc00) {
            const int low = unit_at(i + 6);
            if (low >= 0xdc00 && low < 0xe000) size = 12;
        }
        if (size == 6 && unit >= 0xd800 && unit < 0xe000) {
            out += "\\ufffd";
        } else {
            out += text.substr(i, size);
        }
        i += size;
    }
    return out;
}

/// Shortens runs of digits outside strings and makes exponents zero: nlohmann refuses what no double can
/// hold.
inline std::string with_small_numbers(std::string_view text) {
    std::string out;
    bool in_string = false;
    bool in_exponent = false;
    int run = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            out.push_back(c);
            if (c == '\\' && i + 1 < text.size()) out.push_back(text[++i]);
            if (c == '"') in_string = false;
            continue;
        }
        if (c >= '0' && c <= '9') {
            if (++run <= 3) out.push_back(in_exponent ? '0' : c);
            continue;
        }
        run = 0;
        in_exponent = c == 'e' || c == 'E' || (in_exponent && (c == '+' || c == '-'));
        in_string = c == '"';
        out.push_back(c);
    }
    return out;
}

/// Is the whole text one JSON value?
inline bool is_json(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return false; // nlohmann takes it for the end
    if (text.substr(0, 3) == "\xef\xbb\xbf") return false;       // nlohmann skips it
    return nlohmann::json::accept(with_small_numbers(without_lone_surrogates(text)));
}

/// The tree of checked text; discarded when it holds a number that no double can hold.
inline nlohmann::json tree_of(std::string_view checked) {
    return nlohmann::json::parse(without_lone_surrogates(checked), nullptr, false);
}

} // namespace roomcast::fuzz
