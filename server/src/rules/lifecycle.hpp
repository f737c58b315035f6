#pragma once

#include "rules/visitor.hpp"

#include "roomcast/server/server.hpp"

#include <string>
#include <string_view>

namespace roomcast::server::rules {

/// Hears what becomes of sockets and rooms.
/// @thread of a socket: its own, in order; of a room: the one that the room belongs to, in order
class lifecycle_listener {
public:
    virtual void on_connected(const socket& who, const visitor& as) = 0;
    virtual void on_disconnected(const socket& who, const visitor& as, std::string_view reason) = 0;
    virtual void on_room(const std::string& name_space, const std::string& room, room_change what) = 0;
    /// Does anybody care about rooms now? Otherwise nobody counts them together.
    virtual bool hears_of_rooms() const = 0;

protected:
    ~lifecycle_listener() = default;
};

} // namespace roomcast::server::rules
