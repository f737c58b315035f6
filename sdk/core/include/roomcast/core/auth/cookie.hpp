#pragma once

#include "roomcast/core/auth/reason.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::core::auth {

/// Bytes of a token, after its chunks were joined.
inline constexpr std::size_t max_token_bytes = 16'384;
/// Chunks of one cookie; the numbers run from 0.
inline constexpr std::size_t max_chunks = 100;

/// Undoes percent-encoding as `decodeURIComponent` does.
/// @return nothing when an escape is broken or the result is not UTF-8
std::optional<std::string> percent_decode_strict(std::string_view text);

/// The value of the first cookie of this name: unquoted, percent-decoded (as it stands when that fails).
/// @param header the Cookie header
std::optional<std::string> cookie(std::string_view header, std::string_view name);

/// The value of a session cookie, joined from `<name>.0`, `<name>.1`, … when `<name>` itself is absent or
/// empty. `out` is empty when there is none.
/// @return none; malformed when chunks are missing between others; token_too_large
reason session_cookie(std::string_view header, std::string_view name, std::string& out);

/// Is a cookie of that name, or a chunk of it, in the header?
bool has_session_cookie(std::string_view header, std::string_view name);

} // namespace roomcast::core::auth
