#pragma once

#include "outbound/client.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::rules {

/// HMAC-SHA-256 in lower-case hex. @source RFC 2104
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

/// Signs what is posted to a backend: `X-Roomcast-Timestamp` (Unix seconds) and `X-Roomcast-Signature`,
/// `sha256=HMAC(secret, timestamp.body)` in hex; of several secrets one signature each, parted by a comma and
/// a space, so that the receiver may know either. Without a secret nothing is added.
void sign(outbound::request& what, const std::vector<std::string>& secrets, std::int64_t unix_s);

} // namespace roomcast::server::rules
