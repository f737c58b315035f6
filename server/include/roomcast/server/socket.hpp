#pragma once

#include "roomcast/server/broadcast.hpp"
#include "roomcast/server/event.hpp"

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server {

namespace engine {
class socket_state;
}

/// What is known of a connection from its first request.
struct handshake_info {
    std::string url;            ///< path and query of the first request
    std::string headers;        ///< `Name: value\r\n` lines as they came
    std::string address;        ///< of the peer (or what a trusted proxy says)
    std::string connection;     ///< what the log calls the session; opens no door, unlike its id
    std::int64_t issued_ms = 0; ///< Unix time in milliseconds
    bool is_secure = false;
    bool is_cross_domain = false; ///< the request had an Origin

    /// The first header of this name, case-insensitive; empty when there is none.
    std::string_view header(std::string_view name) const;
    /// How many headers have this name, case-insensitive.
    std::size_t count(std::string_view name) const;
    /// A parameter of the query, percent-decoded.
    std::optional<std::string> query(std::string_view key) const;
};

/// One client in one namespace: a cheap handle, valid (though it does nothing) after the client went away.
/// @thread Call it in handlers of this socket, which all run on its shard's thread. `emit`, `join`, `leave`,
/// `disconnect` and the broadcast operators may be called from any thread.
class socket {
public:
    explicit socket(std::shared_ptr<engine::socket_state> state) : state_(std::move(state)) {}

    const std::string& id() const;
    const std::string& nsp() const;
    bool is_connected() const;
    /// Was the state of an earlier connection recovered?
    bool is_recovered() const;
    const handshake_info& handshake() const;
    /// The auth payload of this namespace's CONNECT: JSON text, `{}` when the client sent none.
    std::string_view auth() const;
    /// "polling" or "websocket".
    std::string_view transport() const;
    /// The Engine.IO session that carries it, shared by a client's namespaces; empty when it is gone. Who
    /// knows it can read and write in the client's name.
    std::string connection() const;

    void emit(std::string_view name, args arguments = {}) const;
    /// Dropped, and counted, when the client is not ready to take it.
    void emit_volatile(std::string_view name, args arguments = {}) const;
    /// @param timeout zero: waits as long as the client stays
    void emit_with_ack(std::string_view name, args arguments, core::duration timeout,
                       std::function<void(reply)> done) const;

    /// Handles an event of this socket only, before the namespace's own handlers.
    void on(std::string_view name, event_handler handler) const;
    /// @param reason the reference implementation's words, e.g. "transport close"
    void on_disconnect(std::function<void(socket&, std::string_view reason)> handler) const;

    void join(std::string_view room) const;
    void leave(std::string_view room) const;
    std::vector<std::string> rooms() const;
    bool is_in(std::string_view room) const;

    /// Everyone in the room but this socket.
    [[nodiscard]] broadcast_operator to(std::string_view room) const;
    /// Everyone in the namespace but this socket.
    [[nodiscard]] broadcast_operator broadcast() const;

    /// Everyone in the namespace, this socket too.
    [[nodiscard]] broadcast_operator everyone() const;

    void disconnect(bool close_connection = false) const;

    /// Ends the whole connection without a word to its namespaces; its sockets see the reason "forced close".
    void end_connection() const;

    /// Runs work on this socket's thread, unless it is gone by then. @thread any
    void post(std::function<void(socket&)> work) const;
    /// Runs work on this socket's thread, also when the socket is gone by then: what somebody began may
    /// concern others, who are still there. @thread any
    void post_anyway(std::function<void(socket&)> work) const;
    /// Runs work after a time, unless the socket is gone by then or `cancel` was called.
    std::uint64_t after(core::duration delay, std::function<void(socket&)> work) const;
    /// Takes back what `after` was asked for; harmless when it has run.
    void cancel(std::uint64_t timer) const;

    /// For the application; survives a recovery of this process's memory.
    std::any& data() const;

    friend bool operator==(const socket& a, const socket& b) { return a.state_ == b.state_; }

private:
    std::shared_ptr<engine::socket_state> state_;
};

} // namespace roomcast::server
