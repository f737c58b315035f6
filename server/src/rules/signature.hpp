#pragma once

#include <string>
#include <string_view>

namespace roomcast::server::rules {

/// HMAC-SHA-256 in lower-case hex. @source RFC 2104
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

} // namespace roomcast::server::rules
