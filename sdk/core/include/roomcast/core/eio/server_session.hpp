#pragma once

#include "roomcast/core/eio/close_reason.hpp"
#include "roomcast/core/eio/handshake.hpp"
#include "roomcast/core/eio/outbox.hpp"
#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/eio/payload.hpp"
#include "roomcast/core/eio/transport.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::eio {

/// Settings of all sessions of a server; must outlive them.
struct session_options {
    duration ping_interval = std::chrono::seconds{25};
    duration ping_timeout = std::chrono::seconds{20};
    /// How long a probing WebSocket may take to finish the upgrade.
    duration upgrade_timeout = std::chrono::seconds{10};
    /// How long a closed polling session waits for the GET that is to hear of it.
    duration close_timeout = std::chrono::seconds{30};
    bool allow_upgrade = true;
    /// Bytes that may wait in the outbox; beyond them the slow-consumer policy acts. 0: no bound.
    std::uint64_t max_queue_bytes = 16U << 20U;
    core::limits bounds{};
};

/// What the driver must do next. Views in it are valid until the next input.
struct session_output {
    enum class kind : std::uint8_t {
        message,       ///< `data` (text or binary) came from the peer
        respond,       ///< answer HTTP request `request` with `status` and `body`
        abort_request, ///< end the TCP connection of `request` without an answer
        send_link,     ///< send `frame_bytes` on WebSocket `link`
        close_link,    ///< close WebSocket `link` with `code`, the outbox first if it is the current one
        abort_link,    ///< end the TCP connection of WebSocket `link` without a word
        upgraded,      ///< the session moved from polling to WebSocket `link`; the outbox goes there now
        closed,        ///< the session ended for `reason`; nothing comes from the peer after this
    };
    kind what{};
    frame_kind data_kind = frame_kind::text;
    close_reason reason{};
    ws::close_code code = ws::close_code::none;
    std::uint16_t status = 0;
    std::uint32_t link = 0;
    std::uint64_t request = 0;
    std::string_view data;
    bool is_html = false; ///< content type of the answer: text/html for `ok`, else text/plain
    std::string body;
};

/// The server end of one Engine.IO connection over either transport: handshake, heartbeat, polling requests,
/// upgrade, close. The driver names HTTP requests by `request` and WebSockets by `link` (never 0), gives
/// every input with its time, then drains `poll_output` until it gives nothing, then asks `next_timeout`.
///
/// What is owed to the peer lies in `pending()`: after each turn the driver writes it to the current link,
/// or, while the session polls, calls `flush_poll`, which answers a waiting GET.
/// @source Engine.IO v4; exact answers as the npm reference gives them
class server_session {
public:
    /// A session opens with its handshake packet in the outbox.
    /// @param link the WebSocket, 0 for polling
    server_session(std::string sid, const session_options& options, transport opened_by, std::uint32_t link,
                   time_point now);

    // A: inputs
    /// A GET of the polling transport.
    void on_poll(time_point now, std::uint64_t request);
    /// A POST began (its header is complete). @return false: it was answered already and has no body to wait
    /// for
    bool on_post_begin(std::uint64_t request, bool is_octet_stream);
    /// The POST's body is complete.
    void on_post(std::uint64_t request, std::string body);
    /// The POST's body is longer than `max_payload_bytes`; the session lives on.
    void on_post_too_large(std::uint64_t request);
    /// A request with any other method.
    void on_other_method(std::uint64_t request);
    /// The TCP connection of an unanswered request ended.
    void on_request_closed(std::uint64_t request);
    /// A WebSocket was accepted for this session's sid.
    void on_link_open(time_point now, std::uint32_t link);
    /// A message of that WebSocket. `data` must stay until the outputs are drained.
    void on_frame(time_point now, std::uint32_t link, frame_kind kind, std::string_view data);
    void on_link_closed(std::uint32_t link, bool is_error);
    void on_timeout(time_point now);

    // B: commands
    /// Puts a message into the outbox. @return false when the session is closing: nothing was queued
    bool send(shared_message message);
    /// Ends the session from our side.
    void close(time_point now, close_reason reason);
    /// Ends it at once; what is owed is discarded and the connection cut. For peers that do not read.
    void abort(close_reason reason);
    /// Polls are answered with scripts, and POSTs come as forms. Before the first poll. @param index digits
    void use_jsonp(std::string index) { jsonp_ = std::move(index); }
    /// Answers a waiting GET with what is owed. Call after a turn in which something was queued.
    void flush_poll();

    // C: outputs
    std::optional<session_output> poll_output(time_point now);
    bool has_output() const { return output_head_ < outputs_.size() || has_message_ || is_reading_body_; }
    time_point next_timeout() const;

    // D: getters
    const std::string& sid() const { return sid_; }
    transport current_transport() const { return transport_; }
    std::uint32_t current_link() const { return link_; }
    outbox& pending() { return outbox_; }
    const outbox& pending() const { return outbox_; }
    /// Has the session ended for the application? (A polling peer may still be owed the news.)
    bool is_closed() const { return state_ != state::open; }
    /// May the driver forget the session and its sid?
    bool is_finished() const { return state_ == state::finished; }
    /// Is a GET waiting for something to be sent?
    bool is_writable() const { return transport_ == transport::websocket ? link_ != 0 : poll_request_ != 0; }

private:
    enum class state : std::uint8_t {
        open,
        closing, ///< ended for the application, but a polling peer has not heard of it
        finished,
    };

    void read_body(time_point now);
    void on_packet(time_point now, std::string_view text);
    void on_message(frame_kind kind, std::string_view data);
    void on_activity(time_point now);
    void on_probe_frame(frame_kind kind, std::string_view data);
    void upgrade();
    void fail(close_reason reason);
    void finish();
    void end_for_application(close_reason reason);
    void answer_poll(std::string body);
    void answer_poll_from_outbox();
    void respond(std::uint64_t request, std::uint16_t status, std::string body, bool is_html);
    void close_link(std::uint32_t link);
    void end_probe();

    const session_options* options_;
    std::string sid_;
    std::vector<session_output> outputs_;
    std::size_t output_head_ = 0;
    outbox outbox_;
    std::string body_; ///< a polling body being read
    std::optional<std::string> jsonp_;
    std::string scratch_; ///< a binary message decoded from base64
    payload_reader reader_{std::string_view{}};
    std::string_view message_; ///< from the peer, not yet drained
    std::uint64_t poll_request_ = 0;
    std::uint64_t post_request_ = 0; ///< its body is still coming, or being read
    time_point heartbeat_ = never;   ///< when to ping, or when the pong is overdue
    time_point upgrade_deadline_ = never;
    time_point noop_at_ = never; ///< when a GET that waits during an upgrade is answered
    time_point close_deadline_ = never;
    std::uint32_t link_ = 0;
    std::uint32_t probe_link_ = 0;
    std::uint32_t packets_in_body_ = 0;
    frame_kind message_kind_ = frame_kind::text;
    transport transport_;
    state state_ = state::open;
    bool has_message_ = false;
    bool is_awaiting_pong_ = false;
    bool was_pong_extended_ = false;
    bool is_reading_body_ = false;
    bool has_probed_ = false; ///< the probing link was answered with 3probe
};

} // namespace roomcast::core::eio
