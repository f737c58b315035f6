#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/epoll.h>

#include "frame.hpp"

struct z_stream_s;

namespace roomcast::bench {

using steady_time = std::chrono::steady_clock::time_point;

/// permessage-deflate: not offered, or offered, and the run fails when the server does not take it.
enum class compression : std::uint8_t { none, deflate };

enum class client_state : std::uint8_t { connecting, upgrading, opening, joining, ready, closing, closed };

/// One Socket.IO client over WebSocket. The fields below the line belong to the scenario.
struct client {
    int fd = -1;
    client_state state = client_state::connecting;
    std::uint32_t registered_events = 0;
    std::string unread;     ///< the beginning of a frame or of the upgrade response
    std::string unsent;     ///< frames of this turn, and what the kernel has not taken yet
    bool is_queued = false; ///< already in the list of clients to flush

    std::size_t index = 0;
    std::uint64_t next_sequence = 0;
    std::uint64_t received = 0;
    steady_time heartbeat_base{};
};

/// What a scenario hears. `packet` is a Socket.IO packet in text form, without Engine.IO's leading `4`.
class listener {
public:
    virtual ~listener() = default;
    virtual void on_open(client&, std::string_view /*handshake*/, steady_time) {}
    virtual void on_ready(client&) {}
    virtual void on_packet(client&, std::string_view packet, steady_time) = 0;
    virtual void on_attachment(client&, std::string_view /*bytes*/) {}
    virtual void on_ping(client&, steady_time) {}
    /// The server closed the connection. By default that ends the measurement.
    virtual void on_lost(client&);
};

/// All connections of the generator on one epoll: connects, upgrades, joins namespace `/`, answers pings, and
/// gathers what each client writes in a turn into one write.
class client_pool {
public:
    client_pool(sockaddr_in target, std::size_t expected_clients, compression wanted);
    ~client_pool();
    client_pool(const client_pool&) = delete;
    client_pool& operator=(const client_pool&) = delete;

    void set_listener(listener& heard_by) { listener_ = &heard_by; }

    client& open();
    /// Opens `count` clients, at most `batch` of them at a time on their way, and waits until all are ready.
    void open_ready(std::size_t count, std::size_t batch, steady_time deadline);
    /// Says goodbye on every connection and waits until the server has closed them, `grace` at most.
    void close_all(std::chrono::milliseconds grace);

    /// Queues a Socket.IO packet in text form for the end of the turn.
    void send(client& to, std::string_view packet);
    void send_attachment(client& to, std::string_view bytes);

    /// One turn: waits for events until `until`, handles them, then writes what was queued.
    void turn(steady_time until);
    void turn_for(std::chrono::nanoseconds duration);

    /// Also wakes a turn when this file has something to read.
    void watch(int fd);

    [[nodiscard]] std::deque<client>& clients() { return clients_; }
    [[nodiscard]] std::size_t ready_count() const { return ready_count_; }

private:
    void handle(client& subject, std::uint32_t events);
    void finish_connect(client& subject);
    void read_from(client& subject);
    std::size_t consume(client& subject, std::string_view input, steady_time now);
    std::size_t consume_upgrade(client& subject, std::string_view input);
    std::string_view inflate(std::string_view message);
    void on_frame(client& subject, opcode kind, std::string_view payload, steady_time now);
    void on_engine_packet(client& subject, std::string_view payload, steady_time now);
    void queue(client& subject, opcode kind, std::string_view payload);
    void enlist(client& subject);
    void flush(client& subject);
    void flush_queued();
    void register_events(client& subject, std::uint32_t events);
    void drop(client& subject);

    sockaddr_in target_;
    std::size_t source_count_;
    compression compression_;
    std::unique_ptr<z_stream_s, int (*)(z_stream_s*)> inflater_;
    std::string inflated_;
    int epoll_ = -1;
    listener* listener_ = nullptr;
    std::deque<client> clients_; // a client keeps its address: epoll holds it
    std::vector<client*> queued_;
    std::vector<epoll_event> events_;
    std::string read_buffer_;
    std::string upgrade_request_;
    std::string packet_;
    std::size_t opened_ = 0;
    std::size_t ready_count_ = 0;
    std::uint32_t mask_ = 0x9e3779b9;
};

} // namespace roomcast::bench
