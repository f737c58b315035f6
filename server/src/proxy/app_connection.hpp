#pragma once

#include "proxy/body_reader.hpp"
#include "proxy/refusal.hpp"
#include "proxy/response_head.hpp"
#include "proxy/upstream.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace roomcast::server::proxy {

/// A request as the application gets it, and what must be known of it for the answer.
struct request_to_app {
    std::string head; ///< with its empty line, in our own framing
    body_reader body = body_reader::none();
    core::time_point began{}; ///< when it was read
    std::string upgrade;      ///< the protocol that the client wants to switch to; empty: none
    bool is_chunked = false;
    bool is_head = false;       ///< the method is HEAD
    bool is_repeatable = false; ///< changes nothing and has no body
    bool is_http_11 = true;
    bool is_keep_alive = true;
    bool waits_for_continue = false;
    bool wants_json = false;
};

/// Reads what a client asked for. Only while its head is handled.
request_to_app read_request(const transport::connection& from, const upstream& to);

/// One TCP connection to the application. It carries one request and its answer at a time, in pieces, with no
/// more than a few pieces kept on either side, and waits in between; or it is the far end of a tunnel.
/// @thread its shard's
class app_connection final : public engine::pollable,
                             public engine::timer_node,
                             public engine::held,
                             public transport::relay {
public:
    app_connection(upstream& of, engine::shard& home);
    ~app_connection() override;

    engine::shard& home() { return *home_; }
    /// Takes a client over. When this cannot connect, or is at its end already, the client hears of it.
    void begin(transport::connection& client, request_to_app request);
    /// Has the application neither closed it nor said anything unasked?
    bool is_alive() const;
    void end();

    // transport::relay
    std::size_t on_client_bytes(std::string_view bytes) override;
    void on_client_writable() override;
    void on_client_gone() override;
    void on_stop() override;

    void on_ready(std::uint32_t events) override;
    void on_timer(core::time_point now) override;
    void shut_down() override;

private:
    enum class state : std::uint8_t {
        resolving,
        connecting,
        waiting, ///< for the answer's head
        answering,
        tunnel,
        idle,
        flushing, ///< the client is gone, and what it said last is on its way
        closed,
    };

    void connect_next();
    void on_connected();
    void send_request();
    void flush();
    void read();
    void feed(std::string_view bytes);
    void on_head_bytes(std::string_view bytes);
    void on_informational(const response_head& head);
    void begin_tunnel(const response_head& head);
    void begin_answer(const response_head& head);
    void on_head_of_answer();
    void on_body_bytes(std::string_view bytes);
    void append_fields(const response_head& head);
    void append_payload(std::string_view piece);
    void end_answer();
    enum class ending : std::uint8_t { closed, broken };
    void on_app_gone(ending how);
    /// There was no answer yet: the client gets one of ours.
    void refuse(refused_because reason, std::string_view what);
    /// The answer has begun and cannot be completed.
    void abort_answer(std::string_view what);
    void arm();
    void set_deadline(core::duration from_now);
    void release_fd();
    /// Is one of those that this gauge counts, from now on; nullptr: of none.
    void count_as(std::uint64_t* gauge);

    upstream* of_;
    engine::shard* home_;
    transport::connection* client_ = nullptr;
    std::shared_ptr<app_connection*> place_; ///< for answers of the resolver
    upstream::endpoints addresses_;
    std::size_t next_address_ = 0;
    request_to_app request_;
    std::string to_app_;
    std::size_t written_ = 0; ///< of to_app_
    std::string head_bytes_;  ///< the beginning of a head that came in pieces
    body_reader body_ = body_reader::none();
    core::duration keep_alive_{};
    core::time_point client_due_{}; ///< when more of the request's body must have come
    int fd_ = -1;
    std::uint64_t* counted_in_ = nullptr; ///< of its shard's figures
    std::uint8_t informationals_ = 0;
    state state_ = state::resolving;
    bool can_write_ = false;
    bool is_hung_up_ = false;
    bool is_paused_ = false; ///< the client takes no more
    bool is_reused_ = false;
    bool is_client_due_ = false;       ///< the next to do something is the client
    bool is_request_complete_ = false; ///< read, not necessarily written
    bool is_answer_complete_ = false;
    bool is_reusable_ = false;
    bool is_client_kept_ = false;
    bool is_chunking_ = false; ///< towards the client
};

} // namespace roomcast::server::proxy
