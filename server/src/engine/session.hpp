#pragma once

#include "engine/address_table.hpp"
#include "engine/link.hpp"
#include "engine/shard.hpp"
#include "engine/socket_state.hpp"
#include "engine/timer_heap.hpp"

#include "roomcast/core/eio/server_session.hpp"
#include "roomcast/core/sio/server_session.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomcast::server::engine {

/// One client's connection, whatever carries it: drives the two machines of the core, and owns its sockets.
/// @thread its shard's
class session final : public timer_node, public retired {
public:
    /// @param websocket nullptr: the session begins with polling
    session(shard& home, std::shared_ptr<handshake_info> info, link* websocket);
    ~session() override;

    const std::string& sid() const { return eio_.sid(); }
    shard& home() { return *home_; }
    const std::shared_ptr<const handshake_info>& handshake() const { return info_; }
    core::eio::transport transport() const { return eio_.current_transport(); }
    bool is_closed() const { return eio_.is_closed(); }
    /// Does the client wait for an acknowledgement that may still come?
    bool owes_answer() const;

    /// Keeps its place among its address's sessions until it ends.
    void keep(address_table::ticket place) { place_ = std::move(place); }
    void use_jsonp(std::string index) { eio_.use_jsonp(std::move(index)); }

    // From the polling transport.
    void on_poll(pending_request& request);
    bool on_post_begin(pending_request& request, bool is_octet_stream);
    void on_post(pending_request& request, std::string body);
    void on_post_too_large(pending_request& request);
    void on_other_method(pending_request& request);
    void on_request_closed(pending_request& request);

    // From the WebSocket transport.
    void on_link_open(link& opened);
    void on_frame(link& from, core::frame_kind kind, std::string_view data);
    void on_link_writable(link& ready);
    bool is_current(const link& which) const { return current_link_ != 0 && id_of(which) == current_link_; }
    const core::eio::outbox& owed() const { return eio_.pending(); }
    core::eio::outbox& owed() { return eio_.pending(); }
    void on_link_closed(link& gone, bool is_error);

    // From its sockets.
    void send(core::shared_message message);
    /// The same with the bounds and policies for what the application sends.
    void enqueue(const core::shared_message& message, droppable drop);
    void accept(core::sio::slot_id slot);
    void refuse(core::sio::slot_id slot);
    void leave(core::sio::slot_id slot);
    /// Handles what a command above made possible, when it did not come from within the session.
    void drain();
    void reschedule();

    /// Ends the connection; each namespace is told first.
    void disconnect_all();
    void close(core::eio::close_reason reason);
    /// Writes what the turn produced.
    void flush();

    void on_timer(core::time_point now) override;

private:
    bool may_drop(droppable drop, const core::eio::outbox& owed, std::uint64_t bound) const;
    void drain_namespaces();
    void on_output(core::eio::session_output& output);
    void on_packet(core::sio::server_output& output);
    void on_connect_request(const core::sio::server_output& request);
    void end_sockets(std::string_view reason);
    base::about about() const { return base::about{}.with("connection", info_->connection); }
    void mark_dirty();
    std::uint64_t add_request(pending_request& request);
    pending_request* take_request(std::uint64_t id);
    link* find_link(std::uint32_t id);
    std::uint32_t id_of(const link& known) const;
    void remove_link(std::uint32_t id);

    shard* home_;
    address_table::ticket place_;
    std::shared_ptr<const handshake_info> info_;
    core::eio::server_session eio_;
    core::sio::server_session sio_;
    std::vector<std::shared_ptr<socket_state>> sockets_; ///< by slot
    std::vector<std::pair<std::uint32_t, link*>> links_;
    std::vector<std::pair<std::uint64_t, pending_request*>> requests_;
    std::uint64_t next_request_ = 1;
    std::uint32_t next_link_ = 1;
    std::uint32_t current_link_ = 0; ///< where the outbox goes
    bool is_draining_ = false;
    bool is_dirty_ = false;
    bool is_congested_ = false; ///< the link took no more at the last flush
    bool is_slow_ = false;      ///< over the queue's bound: to be ended at the end of the turn
    bool was_answered_ = false; ///< the first HTTP answer is out
    bool is_forgotten_ = false;
};

} // namespace roomcast::server::engine
