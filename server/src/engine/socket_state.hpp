#pragma once

#include "engine/name_space_slice.hpp"
#include "hub/room_index.hpp"

#include "roomcast/core/sio/ack_table.hpp"
#include "roomcast/core/sio/server_session.hpp"
#include "roomcast/server/socket.hpp"

#include <any>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::engine {

class session;

/// Why a socket left its namespace.
enum class disconnect_reason : std::uint8_t {
    client_left,       ///< "client namespace disconnect"
    server_disconnect, ///< "server namespace disconnect"
    forced_server_close,
    connection_ended, ///< the session's own reason
};

/// A client in a namespace, on its shard. The handle `socket` points here; what it outlives is gone quietly.
/// @thread its shard's, but for `home` and `id`
class socket_state final : public hub::member, public std::enable_shared_from_this<socket_state> {
public:
    using ack_handler = std::function<void(reply)>;

    socket_state(std::string id, name_space_slice& slice, engine::session& of, core::sio::slot_id slot,
                 std::string auth);
    ~socket_state();

    shard& home() { return *home_; }
    name_space_slice& slice() { return *slice_; }
    const std::string& nsp() const { return whole_->name(); }
    const std::shared_ptr<name_space_state>& whole() const { return whole_; }
    /// nullptr once it is gone.
    engine::session* of() { return session_; }
    core::sio::slot_id slot() const { return slot_; }
    bool is_connected() const { return state_ == state::connected; }
    bool is_gone() const { return state_ == state::gone; }
    bool is_recovered() const { return is_recovered_; }
    /// Does somebody still hold the answer to an event of this client, or wait for an answer of its?
    bool owes_answer() const { return owed_.use_count() > 1 || (acks_ && acks_->size() > 0); }
    const std::shared_ptr<const handshake_info>& handshake() const { return handshake_; }
    const std::string& auth() const { return auth_; }
    std::any& data() { return data_; }
    /// For lines of the log.
    base::about about() const {
        return base::about{}
            .with("connection", handshake_->connection)
            .with("namespace", nsp())
            .with("socket", id());
    }

    // The way in: CONNECT -> recovery or middlewares -> connected or refused.
    void begin();

    // From the session.
    void on_event(const core::sio::server_output& event);
    void on_ack(const core::sio::server_output& ack);
    void on_timeout(core::time_point now);
    core::time_point next_timeout() const { return acks_ ? acks_->next_timeout() : core::never; }
    /// Out of the namespace; tells handlers, gives up waiting acknowledgements, keeps what recovery needs.
    void end(std::string_view reason);

    // From the hub.
    void deliver(const prepared_broadcast& what);

    // From the application.
    void emit(const std::string& name, const args& arguments, droppable drop);
    void emit_with_ack(const std::string& name, const args& arguments, core::duration timeout,
                       ack_handler done);
    /// A broadcast's question: the same id for all.
    void ask(const core::shared_message& message, std::uint64_t id, ack_handler done);
    void forget_question(std::uint64_t id);
    /// To an observer that watches. @param event name and arguments
    void show_sent(const args& event);
    bool join(std::string_view room);
    void leave(std::string_view room);
    std::vector<std::string> rooms() const;
    void disconnect(bool close_connection);
    void on(std::string_view name, event_handler handler);
    void on_disconnect(std::function<void(socket&, std::string_view)> handler);
    std::uint64_t after(core::duration delay, std::function<void(socket&)> work);
    void cancel(std::uint64_t timer);

private:
    class delayed_work;
    enum class state : std::uint8_t { connecting, connected, gone };
    struct own_handlers {
        hub::text_map<event_handler> events;
        std::vector<std::function<void(socket&, std::string_view)>> disconnect;
    };

    struct way_back {
        hub::progress seen; ///< events up to here came by recovery
        core::time_point away_since;
    };

    void ask_for_recovery(const core::sio::recovery_request& request, std::size_t asked);
    void on_recovery(std::optional<hub::recovered_session> found);
    void run_middleware(std::size_t index);
    void finish_connect();
    void refuse(const connect_error& error);
    observer* watching() const { return home_->watching(); }
    bool add_question(std::uint64_t id, ack_handler done, core::time_point deadline);

    shard* home_;
    name_space_slice* slice_; ///< while not gone
    std::shared_ptr<name_space_state> whole_;
    engine::session* session_;
    std::shared_ptr<const handshake_info> handshake_;
    std::string auth_;
    std::string pid_;
    std::any data_;
    std::shared_ptr<char> owed_; ///< each answer that may still come holds it, too
    std::unique_ptr<own_handlers> handlers_;
    std::vector<std::unique_ptr<delayed_work>> delayed_;
    std::unique_ptr<core::sio::ack_table<ack_handler>> acks_;
    std::vector<core::shared_message> missed_; ///< to be sent before CONNECT
    std::unique_ptr<way_back> came_back_;      ///< with recovery alone
    core::time_point since_{};                 ///< connected
    std::uint64_t last_timer_ = 0;
    core::sio::slot_id slot_;
    state state_ = state::connecting;
    bool is_recovered_ = false;
};

/// Runs an application's handler; what it throws ends here, in the log.
template <class Handler, class... Arguments>
void call_application(const Handler& handler, Arguments&&... arguments) {
    try {
        handler(std::forward<Arguments>(arguments)...);
    } catch (const std::exception& error) {
        base::log("engine").error("a handler threw: {}", error.what());
    } catch (...) {
        base::log("engine").error("a handler threw something that is no std::exception");
    }
}

} // namespace roomcast::server::engine
