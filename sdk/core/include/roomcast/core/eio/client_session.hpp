#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/close_reason.hpp"
#include "roomcast/core/eio/handshake.hpp"
#include "roomcast/core/eio/payload.hpp"
#include "roomcast/core/eio/transport.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>
#include <vector>

namespace roomcast::core::eio {

/// Settings of a client's session; must outlive it.
struct client_session_options {
    /// With which transport to begin. Polling passes every proxy; websocket saves two round trips.
    transport first_transport = transport::polling;
    /// May a session that began with polling move to a WebSocket when the server offers it?
    bool allow_upgrade = true;
    /// How long the server may take from `connect` to its open packet; as in the reference client.
    duration connect_timeout = std::chrono::seconds{20};
    /// How long a probing WebSocket may take to finish the upgrade; the server gives it no longer.
    duration upgrade_timeout = std::chrono::seconds{10};
    /// How long `close` may try to bring out what was sent before it.
    duration close_timeout = std::chrono::seconds{5};
    /// Bytes that may wait for the transport or be on their way: what is sent beyond them is refused.
    std::size_t max_write_buffer_bytes = 16U << 20U;
    /// Bounds for what the server sends. One polling body brings all that waited in the server's queue, so
    /// that the limits of one message of ours (`maxPayload`) would be too small here.
    core::limits bounds{.max_payload_bytes = 64'000'000, .max_packets_per_payload = 1'000'000};
};

enum class http_method : std::uint8_t { get, post };

/// How a WebSocket came to its end: by a close handshake, or by anything else (also when it never opened).
enum class link_end : std::uint8_t { closed, failed };

/// The client end of one Engine.IO connection over either transport: handshake, heartbeat, polling cycle,
/// upgrade, write buffer, close. HTTP requests and WebSockets are named by numbers (`request`, `link`; never
/// 0) that the session gives out and never uses twice, so that what comes late for an old one is harmless.
///
/// After each input and each command the driver drains `poll_output` until it gives nothing, then arms its
/// timer for `next_timeout`. @source Engine.IO v4; behaviour and reasons as npm engine.io-client has them
class client_session {
public:
    enum class state : std::uint8_t {
        idle,
        opening, ///< waiting for the server's open packet
        open,
        closing, ///< `close` was called; what was sent before is still going out
        closed,
    };

    // What the driver must do or tell, in this order.

    /// The session is open: messages may be sent.
    struct opened {};
    /// A message came. Text is UTF-8.
    struct message {
        frame_kind kind = frame_kind::text;
        bytes data;
    };
    /// The session moved from polling to a WebSocket.
    struct upgraded {};
    /// The session ended. Nothing follows; what was not sent is lost.
    struct closed {
        close_reason reason{};
        std::error_code error; ///< the fault behind the reason where there is one to name
    };
    /// Make an HTTP request to the Engine.IO path. A POST's body is text/plain; charset=UTF-8.
    struct send_request {
        std::uint64_t request = 0;
        http_method method = http_method::get;
        std::string query; ///< percent-encoded, without `?`
        std::string body;
    };
    /// The answer to this request is not wanted any more: end it.
    struct abort_request {
        std::uint64_t request = 0;
    };
    /// Open a WebSocket to the Engine.IO path.
    struct open_link {
        std::uint32_t link = 0;
        std::string query; ///< percent-encoded, without `?`
    };
    /// Send one message on an open WebSocket.
    struct send_frame {
        std::uint32_t link = 0;
        frame_kind kind = frame_kind::text;
        bytes data;
    };
    /// Close a WebSocket, or stop opening it.
    struct close_link {
        std::uint32_t link = 0;
    };
    using output = std::variant<opened, message, upgraded, closed, send_request, abort_request, open_link,
                                send_frame, close_link>;

    /// One message to send. Text is UTF-8 and, because of polling, without U+001E (JSON never has it).
    struct outgoing {
        frame_kind kind = frame_kind::text;
        bytes_view data;
    };

    explicit client_session(const client_session_options& options) : options_(&options) {}

    // A: inputs
    /// The response to a request came whole. @param body at most `options.bounds.max_payload_bytes` are
    /// wanted
    void on_response(time_point now, std::uint64_t request, std::uint16_t status, std::string body);
    /// A request ended without a response.
    void on_request_failed(time_point now, std::uint64_t request);
    void on_link_open(time_point now, std::uint32_t link);
    /// A message of a WebSocket. Text was checked for UTF-8 by who read the frames (RFC 6455, section 8.1).
    void on_frame(time_point now, std::uint32_t link, frame_kind kind, bytes_view data);
    /// All frames given out for this link have left: more may be given.
    void on_link_drained(time_point now, std::uint32_t link);
    void on_link_closed(time_point now, std::uint32_t link, link_end end);
    void on_timeout(time_point now);

    // B: commands
    /// Begins a connection; also again, after the last one was closed. @errors already_connected
    [[nodiscard]] std::error_code connect(time_point now);
    /// Sends messages one behind the other with no other message between them, all or none.
    /// @errors not_connected, payload_too_large (the server would not take it), queue_full
    [[nodiscard]] std::error_code send(std::span<const outgoing> messages);
    /// Ends the session in order: what was sent goes out first. Messages that come meanwhile are dropped.
    void close(time_point now);

    // C: outputs
    [[nodiscard]] std::optional<output> poll_output();
    time_point next_timeout() const;

    // D: getters
    state current_state() const { return state_; }
    transport current_transport() const { return transport_; }
    const std::string& sid() const { return handshake_.sid; }
    /// What the server told when the session opened.
    const handshake& told() const { return handshake_; }
    /// Bytes that wait for the transport or are on their way.
    std::size_t buffered_bytes() const { return queued_bytes_ + in_flight_bytes_; }
    /// Would a message go out at once?
    bool is_writable() const;

private:
    enum class upgrade_state : std::uint8_t {
        none,       ///< not offered, done, or failed
        connecting, ///< the probing link is being opened
        probing,    ///< `2probe` was sent
        pausing,    ///< `3probe` came: polling ends when its requests have ended
    };
    struct queued {
        frame_kind kind;
        bytes packet; ///< text with its digit
        std::size_t size() const { return packet.size(); }
    };

    void read_body();
    void end_body();
    void on_packet(std::string_view text);
    void on_open_packet(std::string_view data);
    void on_message(frame_kind kind, bytes data);
    void on_ping();
    void on_probe_frame(frame_kind kind, bytes_view data);
    void begin_upgrade();
    void finish_upgrade_when_paused();
    void abandon_upgrade();
    void poll_when_idle();
    void flush();
    void flush_polling();
    void flush_link();
    void fail(close_reason reason, std::error_code error = {});
    void finish(close_reason reason, std::error_code error);
    std::string query_for(transport wanted) const;
    std::uint64_t request(http_method method, std::string body);
    std::uint32_t begin_link();
    bool has_queued() const { return queue_head_ < queue_.size(); }
    queued take_queued();
    template <class Output>
    void put(Output made) {
        outputs_.emplace_back(std::move(made));
    }

    const client_session_options* options_;
    std::vector<output> outputs_;
    std::size_t output_head_ = 0;
    handshake handshake_;
    std::vector<queued> queue_; ///< messages from `queue_head_` on wait for the transport
    std::size_t queue_head_ = 0;
    std::size_t queued_bytes_ = 0;
    std::size_t in_flight_bytes_ = 0;
    std::string body_; ///< a polling body being read
    payload_reader reader_{std::string_view{}};
    std::size_t packets_in_body_ = 0;
    time_point now_{};                    ///< of the last input
    time_point deadline_ = never;         ///< of connecting, of the next ping, or of closing
    time_point upgrade_deadline_ = never; ///< of the probing link
    std::uint64_t last_request_ = 0;
    std::uint64_t get_request_ = 0;
    std::uint64_t post_request_ = 0;
    std::uint32_t last_link_ = 0;
    std::uint32_t link_ = 0;
    std::uint32_t probe_link_ = 0;
    state state_ = state::idle;
    transport transport_ = transport::polling;
    upgrade_state upgrade_ = upgrade_state::none;
    bool is_reading_body_ = false;
    bool is_link_writable_ = false;
    bool owes_pong_ = false;
    bool has_said_close_ = false; ///< the close packet is in the POST under way
};

} // namespace roomcast::core::eio
