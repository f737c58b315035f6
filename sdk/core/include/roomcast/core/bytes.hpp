#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::core {

/// Octets. Text is UTF-8 in the same types; which of the two it is, `frame_kind` says.
using bytes = std::string;
using bytes_view = std::string_view;

/// How an Engine.IO message travels.
enum class frame_kind : std::uint8_t { text, binary };

/// Length of the well-formed UTF-8 sequence (RFC 3629) at `at`, which is before `end`; 0 when there is none.
constexpr std::size_t utf8_length(const char* at, const char* end) noexcept {
    const auto octet = [at](int i) { return static_cast<unsigned char>(at[i]); };
    const auto continues = [&octet](int i) { return (octet(i) & 0xc0U) == 0x80U; };
    const std::ptrdiff_t size = end - at;
    const unsigned first = octet(0);
    if (first < 0x80U) return 1;
    if (first < 0xe0U) return first >= 0xc2U && size >= 2 && continues(1) ? 2 : 0;
    if (first < 0xf0U) {
        if (size < 3 || !continues(1) || !continues(2)) return 0;
        if (first == 0xe0U && octet(1) < 0xa0U) return 0;  // overlong
        if (first == 0xedU && octet(1) >= 0xa0U) return 0; // surrogate
        return 3;
    }
    if (first > 0xf4U || size < 4 || !continues(1) || !continues(2) || !continues(3)) return 0;
    if (first == 0xf0U && octet(1) < 0x90U) return 0;  // overlong
    if (first == 0xf4U && octet(1) >= 0x90U) return 0; // above U+10FFFF
    return 4;
}

/// Is this well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF)?
bool is_utf8(bytes_view text) noexcept;

/// Appends `text` as a part of a URL: all but letters, digits and `-._~` (RFC 3986, section 2.3) as `%XX`.
void append_percent_encoded(std::string& out, std::string_view text);

/// Appends the base64 form (RFC 4648, section 4, padded) of `data`.
void append_base64(std::string& out, bytes_view data);

/// Appends what `text` stands for in base64; both alphabets, padding optional.
/// @return false, with `out` as it was, when a character or the length cannot be base64.
[[nodiscard]] bool append_from_base64(bytes& out, bytes_view text);

/// Appends a whole number in decimal. (std::to_string costs 2 KB of WebAssembly.)
void append_number(std::string& out, std::uint64_t number);

} // namespace roomcast::core
