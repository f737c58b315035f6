#pragma once

#include <string>
#include <string_view>

namespace roomcast::server::transport {

class connection;

/// Checks the headers of a WebSocket upgrade. @return what is wrong, empty when nothing is
/// @source RFC 6455, section 4.2.1
std::string_view check_upgrade(const connection& from);

/// The header lines that go with what is wrong.
std::string_view upgrade_hint(std::string_view wrong);

/// `Sec-WebSocket-Accept` for a checked key.
std::string accept_for(std::string_view key);

/// The first subprotocol offered, empty when there is none (or it is no token).
std::string_view first_subprotocol(std::string_view offered);

} // namespace roomcast::server::transport
