#pragma once

#include "roomcast/server/socket.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace roomcast::server {

namespace engine {
class name_space_definition;
}

/// Why a middleware refuses: becomes the CONNECT_ERROR that the client's `connect_error` handler gets.
struct connect_error {
    std::string message;
    std::string data; ///< JSON text, empty: none
};

/// Lets a client in (`next()`) or refuses it (`next(connect_error{…})`). May be called later, and from any
/// thread; only the first call counts.
using next_step = std::function<void(std::optional<connect_error>)>;
using middleware = std::function<void(socket&, next_step)>;

/// Collects what all sockets of a namespace have in common. Handlers are set before the server runs and are
/// frozen then; they run on the thread of the socket that they are for.
class name_space {
public:
    explicit name_space(std::shared_ptr<engine::name_space_definition> definition)
        : definition_(std::move(definition)) {}

    /// Middlewares run in order for each CONNECT.
    name_space& use(middleware step);
    name_space& on_connection(std::function<void(socket&)> handler);
    /// Handles an event of every socket.
    name_space& on(std::string_view name, event_handler handler);
    /// Handles every event that has no handler of its own.
    name_space& on_any(event_handler handler);
    name_space& on_disconnect(std::function<void(socket&, std::string_view reason)> handler);
    /// Keeps no events for clients that come back, whatever the options say.
    name_space& without_recovery();
    /// An event from another server of the cluster.
    name_space& on_server_side(std::string_view name, std::function<void(const args&)> handler);

    const std::string& name() const;

    /// Operators on all sockets of this namespace. Only for a namespace with a fixed name (std::logic_error).
    [[nodiscard]] broadcast_operator sockets() const;
    [[nodiscard]] broadcast_operator to(std::string_view room) const { return sockets().to(room); }
    [[nodiscard]] broadcast_operator in(std::string_view room) const { return sockets().to(room); }
    [[nodiscard]] broadcast_operator except(std::string_view room) const { return sockets().except(room); }
    void emit(std::string_view event, args arguments = {}) const {
        sockets().emit(event, std::move(arguments));
    }
    /// To the other servers of the cluster; with none there is nothing to do.
    void server_side_emit(std::string_view event, args arguments = {}) const;

private:
    std::shared_ptr<engine::name_space_definition> definition_;
};

} // namespace roomcast::server
