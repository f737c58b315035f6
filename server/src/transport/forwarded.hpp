#pragma once

#include "base/address_set.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::transport {

/// What proxies wrote about who is behind them. Several lines of one name are joined by commas.
struct forwarded_headers {
    std::string x_forwarded_for;
    std::string x_forwarded_proto;
    std::string forwarded;
    std::string x_real_ip;
};

/// Who is behind a proxy.
struct forwarded_origin {
    std::optional<std::string> address; ///< nothing: no proxy says so
    std::optional<bool> is_secure;
};

/// Reads what a trusted proxy says. Of the addresses the last one counts that is no trusted proxy's own: what
/// stands before it the client may have written. `X-Forwarded-For` goes before `Forwarded`, that before
/// `X-Real-IP`.
/// @source RFC 7239
forwarded_origin read_forwarded(const forwarded_headers& said, const base::address_set& trusted);

/// The host that the nearest proxy says was asked for; nothing when it is none that a URL could have.
/// @param x_forwarded_host of a trusted proxy
std::optional<std::string> read_forwarded_host(std::string_view x_forwarded_host);

} // namespace roomcast::server::transport
