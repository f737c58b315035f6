#pragma once

#include "roomcast/server/adapter.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server {

namespace engine {
class name_space_state;
}

/// Chooses receivers, then acts on them: `io.to("room").except(id).emit("news", {…})`. Each step gives a new
/// operator; the one it was called on stays as it is.
/// @thread any
class broadcast_operator {
public:
    explicit broadcast_operator(std::shared_ptr<engine::name_space_state> of) : of_(std::move(of)) {}

    /// Adds a room; several are a union, and nobody gets an event twice.
    [[nodiscard]] broadcast_operator to(std::string_view room) const;
    [[nodiscard]] broadcast_operator to(const std::vector<std::string>& rooms) const;
    [[nodiscard]] broadcast_operator in(std::string_view room) const { return to(room); }
    /// Takes the members of a room (or one socket, by id) out.
    [[nodiscard]] broadcast_operator except(std::string_view room) const;
    [[nodiscard]] broadcast_operator except(const std::vector<std::string>& rooms) const;
    /// Only the sockets of this process.
    [[nodiscard]] broadcast_operator local() const;
    /// May be dropped for a peer that is not ready to take it.
    [[nodiscard]] broadcast_operator volatile_() const;
    /// May be dropped for a peer that does not keep up: it waits between two polls and during an upgrade,
    /// where a volatile event is lost, but never makes a slow consumer. Like a volatile event it is not
    /// recovered.
    [[nodiscard]] broadcast_operator expendable() const;
    [[nodiscard]] broadcast_operator compress(bool wanted) const;
    /// How long `emit_with_ack` waits; 10 s when not set.
    [[nodiscard]] broadcast_operator timeout(core::duration longest) const;

    void emit(std::string_view name, args arguments = {}) const;
    /// @param done gets all answers, or those that came in time and `ack_timeout`
    void emit_with_ack(std::string_view name, args arguments,
                       std::function<void(broadcast_replies)> done) const;
    void fetch_sockets(std::function<void(std::vector<remote_socket>)> done) const;
    void sockets_join(std::vector<std::string> rooms) const;
    void sockets_leave(std::vector<std::string> rooms) const;
    /// @param close_connection also ends the whole connection, not only this namespace
    void disconnect_sockets(bool close_connection = false) const;

private:
    std::shared_ptr<engine::name_space_state> of_;
    target target_;
    broadcast_flags flags_;
    core::duration timeout_ = std::chrono::seconds{10};
};

} // namespace roomcast::server
