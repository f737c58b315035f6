#pragma once

#include "outbound/url.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>

namespace roomcast::server::outbound {

/// What kind of place an address is.
enum class address_kind : std::uint8_t {
    general,   ///< the internet
    loopback,  ///< this machine
    nearby,    ///< private networks: RFC 1918, unique local, shared address space
    forbidden, ///< link-local with the metadata services of clouds, multicast, unspecified, reserved
};

/// Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4) are judged by that one.
address_kind kind_of(const boost::asio::ip::address& address);

/// Whether places near by may be reached by a name.
enum class reach : std::uint8_t {
    literal_only, ///< loopback and private addresses only where the URL names them as such
    intranet,     ///< also by names that only a private network knows: `web`, `app.internal`, `db.local`
    nearby,       ///< private networks and loopback, whatever the name was
};

/// May a connection for this URL go to that address, to which its host was resolved?
bool is_allowed(const boost::asio::ip::address& address, const url& target, reach how_far);

} // namespace roomcast::server::outbound
