#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "roomcast/core/value.hpp"

/// Small steps over checked JSON text that the reader, the compiler and the loader share.
namespace roomcast::core::contract {

inline const char* skip_space(const char* at, const char* end) {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
    return at;
}

/// Behind the closing quote of a checked string; `has_escape` becomes true when there is a backslash in it.
inline const char* string_end(const char* at, const char* end, bool& has_escape) {
    const auto eight = [](unsigned char c) { return 0x0101010101010101U * c; };
    // Marks bytes that are zero with their top bit; exact for the lowest one.
    const auto zeros = [eight](std::uint64_t x) { return (x - eight(1)) & ~x & eight(0x80); };
    ++at;
    for (;;) {
        if constexpr (std::endian::native == std::endian::little) {
            while (end - at >= 8) {
                std::uint64_t next = 0;
                std::memcpy(&next, at, sizeof next);
                const std::uint64_t marks = zeros(next ^ eight('"')) | zeros(next ^ eight('\\'));
                if (marks != 0) {
                    at += std::countr_zero(marks) / 8;
                    break;
                }
                at += 8;
            }
        }
        while (at != end && *at != '"' && *at != '\\') ++at;
        if (at == end) return end;
        if (*at == '"') return at + 1;
        has_escape = true;
        at += end - at >= 2 ? 2 : 1;
    }
}

/// Between the quotes of a checked string.
inline std::string_view inside(std::string_view string) {
    return string.size() >= 2 ? string.substr(1, string.size() - 2) : std::string_view{};
}

inline bool has_escape(std::string_view raw) {
    return !raw.empty() && std::memchr(raw.data(), '\\', raw.size()) != nullptr;
}

/// What a checked string stands for: a view of it where it has no escapes, otherwise of `room`.
inline std::string_view decoded(std::string_view string, std::string& room) {
    const std::string_view raw = inside(string);
    if (!has_escape(raw)) return raw;
    room = value::text(string).value_or(std::string{});
    return room;
}

/// The text without white space at both ends.
inline std::string_view trimmed(std::string_view text) {
    const char* const first = skip_space(text.data(), text.data() + text.size());
    text.remove_prefix(static_cast<std::size_t>(first - text.data()));
    return text.substr(0, value::length_of(text));
}

/// FNV-1a. @source http://www.isthe.com/chongo/tech/comp/fnv/
inline std::uint64_t hash_of(std::string_view text) {
    std::uint64_t hash = 14695981039346656037U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return hash;
}

/// The code point of well-formed UTF-8 at `at`, which moves behind it.
inline std::uint32_t next_point(const char*& at, const char* end) {
    const auto first = static_cast<unsigned char>(*at++);
    if (first < 0x80U) return first;
    unsigned more = first >= 0xf0U ? 3 : first >= 0xe0U ? 2 : 1;
    std::uint32_t point = first & (0x3fU >> more);
    for (; more > 0 && at != end; --more) point = point << 6U | (static_cast<unsigned char>(*at++) & 0x3fU);
    return point;
}

/// Appends a step of a JSON Pointer. @source RFC 6901, section 4
inline void append_step(std::string& pointer, std::string_view key) {
    pointer.push_back('/');
    for (const char c : key) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer.push_back(c);
        }
    }
}

} // namespace roomcast::core::contract
