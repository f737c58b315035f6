#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::outbound {

/// An absolute http or https URL, taken apart.
struct url {
    bool is_tls = false;
    std::string host;   ///< in lower case; an IPv6 address without brackets
    std::string port;   ///< in digits
    std::string target; ///< path and query as they stand, at least "/"

    /// `scheme://host[:port]` as it stands in an Origin header: the usual port is left out.
    std::string origin() const;
    /// The URL for logs: without its query, which may hold a key.
    std::string place() const { return origin() + target.substr(0, target.find('?')); }
    /// The value of a Host header.
    std::string host_header() const;
    /// Does it name this very machine: a loopback address, or `localhost`?
    bool is_loopback() const;
};

/// @return nothing for other schemes, names with user and password, fragments, and characters that RFC 3986
/// does not know
std::optional<url> parse_url(std::string_view text);

} // namespace roomcast::server::outbound
