#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::transport {

/// Longest header that is read, in bytes: of version 2 with what a proxy adds about TLS.
inline constexpr std::size_t max_proxy_header_bytes = 2048;

/// What stands in front of a connection's bytes when a proxy speaks the PROXY protocol, version 1 or 2.
struct proxy_header {
    enum class status : std::uint8_t { incomplete, complete, malformed };
    status what = status::incomplete;
    std::size_t size = 0; ///< bytes that it takes
    /// Who is behind the proxy; nothing when it does not know, or speaks for itself (LOCAL).
    std::optional<std::string> address;
    bool is_secure = false; ///< the client speaks TLS with the proxy
};

/// @param begin all bytes since the connection began
/// @source The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt), section 2
proxy_header read_proxy_header(std::string_view begin);

} // namespace roomcast::server::transport
