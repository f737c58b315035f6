#pragma once

#include "roomcast/core/bytes.hpp"

#include <string>

namespace roomcast::core::auth {

/// Appends what unpadded base64url stands for (RFC 4648, section 5), strictly: no padding, no white space, no
/// character of the other alphabet, unused bits zero. So a token has exactly one spelling.
/// @return false, with `out` as it was, for anything else
[[nodiscard]] bool append_from_base64url(bytes& out, bytes_view text);

/// The same for padded standard base64 (section 4).
[[nodiscard]] bool append_from_strict_base64(bytes& out, bytes_view text);

/// Appends the unpadded base64url form of `data`.
void append_base64url(std::string& out, bytes_view data);

} // namespace roomcast::core::auth
