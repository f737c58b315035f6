#pragma once

#include "roomcast/server/socket.hpp"
#include "roomcast/server/statistics.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// What the official Admin UI is told, and what it may do. @source npm @socket.io/admin-ui, `typed-events`
namespace roomcast::server::admin {

/// The Unix time in milliseconds as the UI reads it.
std::string iso_time(std::int64_t unix_ms);

/// A socket as JSON. What lets somebody in (cookies, tokens, the whole session id) is left out.
/// @thread the socket's
std::string description_of(const socket& whose);

/// What a server did since it was asked the last time, as JSON.
std::string description_of(const statistics& now, const statistics& before, std::int64_t unix_ms);

} // namespace roomcast::server::admin
