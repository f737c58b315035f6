#pragma once

#include "engine/link.hpp"
#include "engine/shard.hpp"
#include "engine/timer_heap.hpp"

#include "roomcast/core/ws/frame.hpp"
#include "roomcast/server/socket.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Bytes on a socket: HTTP requests, polling and WebSocket. Meaning is elsewhere: of a request in `http`, of
/// a frame in the core.
namespace roomcast::server::transport {

class connection;
class tls_context;
struct deflate_agreement;
struct layers;
struct tools;

/// How a connection came.
struct arrival {
    std::string address;     ///< of the peer, or `base::unix_peer`
    bool is_trusted = false; ///< a proxy whose word about who is behind it counts
    bool has_proxy_header = false;
    bool is_spare = false;                    ///< above the limit, for one plain answer
    std::shared_ptr<const tls_context> tls{}; ///< nullptr: without
};

/// Who is behind a request: the peer, or whom trusted proxies tell of.
struct client_origin {
    std::string address;
    bool is_secure = false;
};

/// The head of a request, as `http` looks at it. Views are valid until the request is answered.
struct request_head {
    std::string_view method;
    std::string_view target; ///< path and query as they came
    std::string_view path;
    std::string_view query;
    bool is_upgrade = false; ///< asks for another protocol by Connection and Upgrade
    bool has_body = false;
    bool is_chunked = false;
    std::optional<std::uint64_t> content_length;
    bool is_keep_alive = true;
    bool is_http_11 = true;
};

/// Takes a connection over behind the head of a request: its bytes as they come, and the answer as bytes. It
/// gives it back, or loses it.
/// @thread the connection's
class relay {
public:
    /// What the peer sent. @return how many of them were taken; the rest waits for `connection::offer_again`,
    /// and nothing more is read meanwhile
    virtual std::size_t on_client_bytes(std::string_view bytes) = 0;
    /// Everything that was written went out.
    virtual void on_client_writable() = 0;
    /// The connection ended and must not be touched any more.
    virtual void on_client_gone() = 0;
    /// The server stops: what is under way may end, nothing new begins.
    virtual void on_stop() = 0;

protected:
    ~relay() = default;
};

/// Decides what a request means. One for all connections; called on their shards.
class request_handler {
public:
    /// What to do once the head is read.
    enum class next : std::uint8_t {
        read_body, ///< call `on_request` when the body is complete
        done,      ///< answered, or somebody will answer it; a body is read and dropped
        moved,     ///< the connection went to another shard and must not be touched
        relayed,   ///< `relay_to` was called
    };
    virtual next on_head(connection& from) = 0;
    virtual void on_request(connection& from, std::string body) = 0;
    /// The body is longer than the bound that `on_head` set.
    virtual void on_body_too_large(connection& from) = 0;
    /// What cannot be read as HTTP/1.x, or takes too long.
    virtual void on_bad_request(connection& from, unsigned status) = 0;

protected:
    ~request_handler() = default;
};

/// One TCP connection. It begins with HTTP and may become a WebSocket; it waits without buffers of its own.
/// @thread its shard's
class connection final : public engine::pollable,
                         public engine::timer_node,
                         public engine::held,
                         public engine::link,
                         public engine::pending_request {
public:
    /// @param fd a connected, non-blocking socket; it is owned from now on
    connection(int fd, arrival how, request_handler& handler);
    ~connection() override;

    /// Begins to live on a shard, or goes on there with a request whose head was read elsewhere.
    static void adopt(std::unique_ptr<connection> made, engine::shard& home);
    engine::shard& home() { return *home_; }

    // For the handler, while a request is handled.
    const request_head& head() const { return head_; }
    /// A header's value, the first of this name; empty when there is none.
    std::string_view header(std::string_view name) const;
    std::size_t count_headers(std::string_view name) const;
    /// Calls `each(name, value)` for every header, in the order in which they came.
    void for_each_header(const std::function<void(std::string_view, std::string_view)>& each) const;
    /// Who sent this request.
    client_origin origin() const;
    /// The host that the client asked for: as a trusted proxy says, else as the request has it. Empty: it has
    /// none.
    std::string asked_host() const;
    bool waits_for_continue() const;
    /// The values of all headers of this name, joined by commas.
    std::string joined_headers(std::string_view name) const;
    /// What is kept of the request for the application.
    std::shared_ptr<handshake_info> make_info() const;
    void limit_body(std::uint64_t bytes);
    /// The shard that must handle this request; return `next::moved` after it.
    void move_to(engine::shard& other) { moving_to_ = &other; }
    /// For an answer that comes later and from elsewhere: where the connection is, nullptr once the request
    /// or the connection ended. Only its own shard may look.
    std::shared_ptr<connection*> answer_place();
    /// The session that will answer this request: it hears when the connection ends first.
    void wait_for(engine::session& by) { session_ = &by; }
    engine::session* waiting_for() { return session_; }
    /// Header lines for what the session answers, each with its CRLF. @param first only for its first answer
    void keep_headers(std::string every, std::string first);
    /// Answers the request. @param extra header lines, each with its CRLF
    void respond(unsigned status, std::string_view content_type, std::string_view extra,
                 std::string_view body);
    /// Is it one above the limit, which may have a plain answer and nothing else?
    bool is_spare() const { return is_spare_; }
    /// The answer to come is the last one of this connection.
    void close_after_answer() { is_last_answer_ = true; }
    /// Answers an upgrade request with a refusal in plain text, and ends the connection.
    void refuse_upgrade(std::string_view message, std::string_view extra);
    /// Switches to WebSocket; the session hears of what comes.
    void become_websocket(engine::session& session, std::string_view extra);

    // For a relay. Views into the request end with `relay_to`'s turn.
    /// From now on this one has the connection; in `on_head`, or later instead of another relay.
    void relay_to(relay& by);
    /// Where it writes; `send` sends it. What is in it has not gone out yet.
    std::string& output() { return output_; }
    std::size_t backlog() const;
    void send();
    /// There is room for what `on_client_bytes` left, and for more.
    void offer_again();
    enum class afterwards : std::uint8_t {
        next_request,
        close, ///< once everything went out
        cut,   ///< at once: the peer must see that something is missing
    };
    /// The answer is complete, or will never be. The connection must not be touched after it.
    void end_relay(afterwards then);
    bool is_stopping() const { return is_last_answer_; }

    // engine::link
    void write(std::string_view frames) override;
    bool flush(core::eio::outbox& owed) override;
    void close(core::eio::outbox* owed, core::ws::close_code code) override;
    void abort() override;

    // engine::pending_request
    void respond(std::uint16_t status, std::string body, bool is_html, bool is_first) override;
    void abort_request() override;

    void on_ready(std::uint32_t events) override;
    void on_timer(core::time_point now) override;
    void shut_down() override;

private:
    struct request; // the HTTP parser and what belongs to one request
    enum class state : std::uint8_t {
        http,
        relayed, ///< somebody else reads and writes
        websocket,
        closing_websocket, ///< our close frame is on its way, the peer's is awaited
        lingering,         ///< nothing more to say; reads until the peer has heard it
        closed,
    };

    friend struct layers;

    // With layers between us and the socket; a connection without them comes here never.
    void on_layered_ready(std::uint32_t events);
    void read_layered();
    /// @return false when the connection went to another shard, or ended
    [[nodiscard]] bool take_from_wire(std::string_view raw);
    [[nodiscard]] bool take_proxy_header(std::string_view raw);
    [[nodiscard]] bool take_records(std::string_view raw);
    void drop_layers();
    bool flush_own_layered();
    bool flush_layered(core::eio::outbox& owed);
    bool send_wire();
    void say_tls_end();
    void use_deflate(const deflate_agreement& agreed);
    bool on_compressed(core::frame_kind kind, std::string_view payload);
    engine::pollable& polled();
    tools& shared_tools();

    void read();
    bool write_own();
    void after_flush();
    bool is_owing() const;
    void fail_websocket(core::ws::close_code code);
    /// Each returns false when the connection went to another shard: it must not be touched any more.
    [[nodiscard]] bool on_writable(bool had_output);
    [[nodiscard]] bool is_to_read(std::uint32_t events);
    [[nodiscard]] bool on_bytes(char* data, std::size_t size);
    [[nodiscard]] bool parse();
    bool read_head();
    void refuse_body();
    [[nodiscard]] bool offer(std::string_view bytes);
    void come_again();
    void end_request();
    void on_frames(char* data, std::size_t size);
    void on_ping(std::string_view payload);
    void on_peer_close(std::string_view payload);
    void on_peer_gone();
    void tell_session_gone(bool is_error);
    bool is_between_frames() const;
    bool flush_own();
    /// @return false: a request in advance took it to another shard, and it must not be touched any more
    bool after_write();
    void end_when_written();
    void end();
    void set_deadline(core::duration from_now);

    engine::shard* home_ = nullptr;
    engine::shard* moving_to_ = nullptr;
    request_handler* handler_;
    engine::session* session_ = nullptr;
    relay* relay_ = nullptr;
    std::unique_ptr<request> request_;
    std::shared_ptr<connection*> answer_place_;
    std::unique_ptr<core::ws::frame_reader> frames_;
    std::unique_ptr<layers> layers_; ///< nullptr, nearly always: bytes go to the socket as they are
    std::string input_;              ///< HTTP bytes not yet understood
    std::string output_;             ///< goes out before the outbox
    std::string pong_;               ///< the newest ping's payload while an older pong still waits
    std::string address_;
    request_head head_;
    std::size_t written_ = 0; ///< of output_
    int fd_;
    state state_ = state::http;
    bool can_write_ = true;       ///< the socket takes bytes; false for good while there are layers
    bool is_answer_due_ = false;  ///< a request's head was read, and it is not answered
    bool is_body_wanted_ = false; ///< its body goes to the handler
    bool is_last_answer_ = false;
    bool is_ending_ = false; ///< linger, or end, once output_ is written
    bool is_parsing_ = false;
    bool is_hung_up_ = false; ///< the poller told of the peer's end
    bool is_paused_ = false;  ///< the relay takes no more
    bool is_offering_ = false;
    bool is_pong_queued_ = false;
    bool has_pong_ = false;
    bool is_trusted_ = false; ///< the peer is a proxy whose word counts
    bool is_secure_ = false;  ///< TLS, up to us or up to a proxy that says so in its header
    bool is_spare_ = false;
};

} // namespace roomcast::server::transport
