#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::core {

/// Octets. Text is UTF-8 in the same types; which of the two it is, `frame_kind` says.
using bytes = std::string;
using bytes_view = std::string_view;

/// How an Engine.IO message travels.
enum class frame_kind : std::uint8_t { text, binary };

/// Is this well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF)?
bool is_utf8(bytes_view text) noexcept;

/// Appends the base64 form (RFC 4648, section 4, padded) of `data`.
void append_base64(std::string& out, bytes_view data);

/// Appends what `text` stands for in base64; both alphabets, padding optional.
/// @return false, with `out` as it was, when a character or the length cannot be base64.
[[nodiscard]] bool append_from_base64(bytes& out, bytes_view text);

/// Appends a whole number in decimal. (std::to_string costs 2 KB of WebAssembly.)
void append_number(std::string& out, std::uint64_t number);

} // namespace roomcast::core
