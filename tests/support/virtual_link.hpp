#pragma once

#include "roomcast/core/eio/client_session.hpp"
#include "roomcast/core/eio/request.hpp"
#include "roomcast/core/eio/server_session.hpp"
#include "roomcast/core/random.hpp"
#include "roomcast/core/ws/frame.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace roomcast::support {

using core::duration;
using core::frame_kind;
using core::time_point;

struct heard_message {
    frame_kind kind;
    std::string data;
    bool operator==(const heard_message& other) const { return kind == other.kind && data == other.data; }
};

/// The client's and the server's machine of one Engine.IO connection with a network between them, all in
/// virtual time. The network knows HTTP requests, each on a connection of its own, and WebSockets, whose
/// bytes really are frames and may come in pieces. What is due at the same time happens in an order that the
/// seed chooses; order within one connection is kept.
class virtual_link {
public:
    // The world: set before `connect`, or changed at any time between runs.
    duration latency = std::chrono::milliseconds{10}; ///< one way
    duration jitter{0};                               ///< at most this is added to each way
    bool is_silent = false;                           ///< nothing arrives, and nobody is told
    bool refuses_links = false;                       ///< a proxy that lets no WebSocket through
    std::size_t most_arrives_bytes = std::numeric_limits<std::size_t>::max(); ///< of a WebSocket at once
    std::size_t most_written_bytes = std::numeric_limits<std::size_t>::max(); ///< by the server at once
    core::eio::client_session_options client_options;
    core::eio::session_options server_options;

    explicit virtual_link(std::uint64_t seed) : random_(seed), client_(client_options) {}
    virtual_link(const virtual_link&) = delete;
    virtual_link& operator=(const virtual_link&) = delete;

    // What happened.
    std::vector<heard_message> at_client;
    std::vector<heard_message> at_server;
    std::vector<core::eio::client_session::closed> client_ends;
    std::vector<core::eio::close_reason> server_ends;
    int opens = 0;
    int upgrades = 0;
    bool is_spinning =
        false; ///< a timeout was handled without an effect on the next one: a driver would spin

    time_point now() const { return now_; }
    const core::eio::client_session& client() const { return client_; }
    /// The server's session; nullptr when there is none (any more).
    const core::eio::server_session* server() const { return server_.get(); }
    core::random_words& random() { return random_; }
    std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }

    void connect() {
        (void)client_.connect(now_);
        drain_client();
    }
    std::error_code client_send(frame_kind kind, std::string_view data) {
        const core::eio::client_session::outgoing one[] = {{kind, data}};
        const std::error_code error = client_.send(one);
        drain_client();
        return error;
    }
    void client_close() {
        client_.close(now_);
        drain_client();
    }
    bool server_send(frame_kind kind, std::string_view data) {
        if (!server_) return false;
        auto message = std::make_shared<core::prepared_message>(
            kind == frame_kind::text ? core::wire_packet::make(kind, {"4", data})
                                     : core::wire_packet::make(kind, {data}));
        message->finish();
        const bool is_queued = server_->send(std::move(message));
        turn_server();
        return is_queued;
    }
    void server_close(core::eio::close_reason reason) {
        if (!server_) return;
        server_->close(now_, reason);
        turn_server();
    }

    /// Every TCP connection breaks; both ends hear of it at once.
    void cut() {
        events_.clear();
        for (const auto& [id, each] : std::exchange(requests_, {})) {
            if (each.is_at_server && server_) server_->on_request_closed(id);
            turn_server();
            client_.on_request_failed(now_, id);
            drain_client();
        }
        cut_links();
    }

    /// Every WebSocket breaks; both ends hear of it at once.
    void cut_links() {
        for (auto& [id, each] : links_) {
            if (std::exchange(each.is_alive_at_client, false)) {
                client_.on_link_closed(now_, id, core::eio::link_end::failed);
                drain_client();
            }
            if (std::exchange(each.is_alive_at_server, false) && server_) {
                server_->on_link_closed(each.server_id, true);
                turn_server();
            }
        }
    }

    void run_for(duration time) { run_until(now_ + time); }

    void run_until(time_point end) {
        while (!is_spinning) {
            const time_point next = std::min(next_event(), next_timeout());
            if (next > end) break;
            if (next > now_) now_ = next;
            const bool is_event_due = next_event() <= now_;
            const bool is_timeout_due = next_timeout() <= now_;
            if (is_event_due && (!is_timeout_due || below(2) == 0)) {
                happen();
            } else {
                time_out();
            }
        }
        now_ = std::max(now_, end);
    }

private:
    /// What happens later. Events of one channel happen in the order in which they were made.
    struct event {
        time_point due;
        std::uint64_t channel;
        std::function<void()> happens;
    };
    struct request {
        bool is_at_server = false;
    };
    struct link {
        std::uint32_t server_id;
        bool is_alive_at_client = true;
        bool is_alive_at_server = true;
        bool is_server_writing = false;
        core::ws::frame_reader client_reads;
        core::ws::frame_reader server_reads;
    };

    // Time

    time_point next_event() const {
        time_point next = core::never;
        for (const event& each : events_) next = std::min(next, each.due);
        return next;
    }
    time_point next_timeout() const {
        return std::min(client_.next_timeout(), server_ ? server_->next_timeout() : core::never);
    }

    void happen() {
        std::vector<std::size_t> due;
        std::vector<std::uint64_t> channels;
        for (std::size_t i = 0; i < events_.size(); ++i) {
            const bool is_first =
                std::find(channels.begin(), channels.end(), events_[i].channel) == channels.end();
            channels.push_back(events_[i].channel);
            if (is_first && events_[i].due <= now_) due.push_back(i);
        }
        const std::size_t chosen = due[below(due.size())];
        const auto happens = std::move(events_[chosen].happens);
        events_.erase(events_.begin() + static_cast<std::ptrdiff_t>(chosen));
        happens();
    }

    void time_out() {
        const time_point client_before = client_.next_timeout();
        if (client_before <= now_) {
            client_.on_timeout(now_);
            if (client_.next_timeout() <= now_ && client_.next_timeout() == client_before) is_spinning = true;
            drain_client();
        }
        if (server_ && server_->next_timeout() <= now_) {
            const time_point server_before = server_->next_timeout();
            server_->on_timeout(now_);
            if (server_->next_timeout() <= now_ && server_->next_timeout() == server_before)
                is_spinning = true;
            turn_server();
        }
    }

    duration way() {
        const auto most = static_cast<std::uint64_t>(jitter.count());
        // Whole milliseconds: so that things often are due together.
        constexpr std::uint64_t step = 1000;
        return latency + duration{static_cast<duration::rep>(most == 0 ? 0 : below(most / step + 1) * step)};
    }

    void later(time_point due, std::uint64_t channel, std::function<void()> happens) {
        for (const event& each : events_) {
            if (each.channel == channel) due = std::max(due, each.due);
        }
        events_.push_back({due, channel, std::move(happens)});
    }
    void over_network(time_point due, std::uint64_t channel, std::function<void()> happens) {
        later(due, channel, [this, happens = std::move(happens)] {
            if (!is_silent) happens();
        });
    }

    static std::uint64_t channel_of_request(std::uint64_t request) { return request * 4; }
    static std::uint64_t channel_to_client(std::uint32_t id) { return std::uint64_t{id} * 4 + 1; }
    static std::uint64_t channel_to_server(std::uint32_t id) { return std::uint64_t{id} * 4 + 2; }

    // The client's driver

    void drain_client() {
        while (auto output = client_.poll_output()) {
            std::visit([this](auto& each) { on_output(each); }, *output);
        }
    }

    using client_session = core::eio::client_session;

    void on_output(const client_session::opened&) { ++opens; }
    void on_output(const client_session::upgraded&) { ++upgrades; }
    void on_output(client_session::message& each) { at_client.push_back({each.kind, std::move(each.data)}); }
    void on_output(const client_session::closed& each) { client_ends.push_back(each); }
    void on_output(const client_session::send_request& each) {
        requests_[each.request] = {};
        over_network(now_ + way(), channel_of_request(each.request), [this, each] { on_request(each); });
    }
    void on_output(const client_session::abort_request& each) {
        const auto known = requests_.find(each.request);
        if (known == requests_.end()) return;
        requests_.erase(known);
        over_network(now_ + way(), channel_of_request(each.request), [this, id = each.request] {
            if (server_) server_->on_request_closed(id);
            turn_server();
        });
    }
    void on_output(const client_session::open_link& each) {
        over_network(now_ + way(), channel_to_server(each.link), [this, each] { on_link_request(each); });
    }
    void on_output(const client_session::send_frame& each) {
        if (link_at_client(each.link) == nullptr) return;
        std::string frame;
        core::ws::append_masked(
            frame, each.kind == frame_kind::text ? core::ws::opcode::text : core::ws::opcode::binary,
            each.data, static_cast<std::uint32_t>(random_.next()));
        transmit_to_server(each.link, frame);
        later(now_, channel_to_server(each.link) + 1, [this, id = each.link] {
            if (link_at_client(id) == nullptr) return;
            client_.on_link_drained(now_, id);
            drain_client();
        });
    }
    void on_output(const client_session::close_link& each) {
        if (link_at_client(each.link) == nullptr) return;
        std::string frame;
        core::ws::append_masked(frame, core::ws::opcode::close, "\x03\xe8", 1);
        transmit_to_server(each.link, frame);
        links_.at(each.link).is_alive_at_client = false;
    }

    link* link_at_client(std::uint32_t id) {
        const auto known = links_.find(id);
        return known != links_.end() && known->second.is_alive_at_client ? &known->second : nullptr;
    }

    void transmit_to_server(std::uint32_t id, const std::string& bytes) {
        in_pieces(bytes, [this, id](std::string piece) {
            over_network(now_ + way(), channel_to_server(id),
                         [this, id, piece = std::move(piece)]() mutable { at_server_link(id, piece); });
        });
    }
    void transmit_to_client(std::uint32_t id, const std::string& bytes) {
        in_pieces(bytes, [this, id](std::string piece) {
            over_network(now_ + way(), channel_to_client(id),
                         [this, id, piece = std::move(piece)]() mutable { at_client_link(id, piece); });
        });
    }
    template <class Send>
    void in_pieces(const std::string& bytes, Send&& send) {
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t most =
                most_arrives_bytes < bytes.size() ? below(most_arrives_bytes) + 1 : bytes.size();
            std::string piece = bytes.substr(at, most);
            at += piece.size();
            send(std::move(piece));
        }
    }

    void at_client_link(std::uint32_t id, std::string& piece) {
        link* at = link_at_client(id);
        if (at == nullptr) return;
        at->client_reads.feed(piece.data(), piece.size());
        while (link_at_client(id) != nullptr) {
            const auto next = at->client_reads.next();
            if (!next) {
                end_at_client(id, core::eio::link_end::failed);
                return;
            }
            if (!*next) return;
            using type = core::ws::frame_reader::event_type;
            switch ((*next)->type) {
            case type::text: client_.on_frame(now_, id, frame_kind::text, (*next)->payload); break;
            case type::binary: client_.on_frame(now_, id, frame_kind::binary, (*next)->payload); break;
            case type::close: end_at_client(id, core::eio::link_end::closed); break;
            case type::compressed_text: // never agreed on
            case type::compressed_binary:
            case type::ping:
            case type::pong: break;
            }
            drain_client();
        }
    }
    void end_at_client(std::uint32_t id, core::eio::link_end end) {
        links_.at(id).is_alive_at_client = false;
        client_.on_link_closed(now_, id, end);
        drain_client();
    }

    // The server's driver

    /// What follows each input of the server: outputs, then what is owed, then the outputs of that.
    void turn_server() {
        drain_server();
        if (!server_) return;
        if (server_->current_transport() == core::eio::transport::polling) {
            server_->flush_poll();
        } else {
            write_outbox();
        }
        drain_server();
        if (server_ && server_->is_finished()) server_.reset();
    }

    void drain_server() {
        while (server_) {
            auto output = server_->poll_output(now_);
            if (!output) return;
            on_output(*output);
        }
    }

    void on_output(core::eio::session_output& output) {
        using kind = core::eio::session_output::kind;
        switch (output.what) {
        case kind::message: at_server.push_back({output.data_kind, std::string{output.data}}); break;
        case kind::respond: respond(output.request, output.status, std::move(output.body)); break;
        case kind::abort_request:
            over_network(now_ + way(), channel_of_request(output.request), [this, id = output.request] {
                if (requests_.erase(id) == 0) return;
                client_.on_request_failed(now_, id);
                drain_client();
            });
            break;
        case kind::send_link:
            if (const auto to = link_at_server(output.link); to != links_.end()) {
                transmit_to_client(to->first, output.body);
            }
            break;
        case kind::close_link:
            if (const auto to = link_at_server(output.link); to != links_.end()) {
                std::string bytes;
                if (output.link == server_link_) bytes = take_owed(std::numeric_limits<std::uint64_t>::max());
                core::ws::append_close(bytes, output.code);
                transmit_to_client(to->first, bytes);
                to->second.is_alive_at_server = false;
            }
            break;
        case kind::abort_link:
            if (const auto to = link_at_server(output.link); to != links_.end()) {
                to->second.is_alive_at_server = false;
                over_network(now_ + way(), channel_to_client(to->first), [this, id = to->first] {
                    if (link_at_client(id) != nullptr) end_at_client(id, core::eio::link_end::failed);
                });
            }
            break;
        case kind::upgraded: server_link_ = output.link; break;
        case kind::closed: server_ends.push_back(output.reason); break;
        }
    }

    std::map<std::uint32_t, link>::iterator link_at_server(std::uint32_t server_id) {
        for (auto each = links_.begin(); each != links_.end(); ++each) {
            if (each->second.server_id == server_id && each->second.is_alive_at_server) return each;
        }
        return links_.end();
    }

    std::string take_owed(std::uint64_t most_bytes) {
        std::string bytes;
        server_->pending().gather(std::numeric_limits<std::size_t>::max(), most_bytes,
                                  [&](const char* at, std::size_t size) { bytes.append(at, size); });
        if (bytes.size() > most_bytes) bytes.resize(static_cast<std::size_t>(most_bytes));
        server_->pending().consume(bytes.size());
        return bytes;
    }

    void write_outbox() {
        const auto to = link_at_server(server_link_);
        if (to == links_.end() || to->second.is_server_writing || server_->pending().is_empty()) return;
        transmit_to_client(to->first, take_owed(most_written_bytes));
        to->second.is_server_writing = true;
        later(now_, channel_to_client(to->first) + 2, [this, id = to->first] {
            links_.at(id).is_server_writing = false;
            turn_server();
        });
    }

    void respond(std::uint64_t id, std::uint16_t status, std::string body) {
        const auto known = requests_.find(id);
        if (known != requests_.end()) known->second.is_at_server = false;
        over_network(now_ + way(), channel_of_request(id), [this, id, status, body = std::move(body)] {
            if (requests_.erase(id) == 0) return;
            client_.on_response(now_, id, status, body);
            drain_client();
        });
    }

    bool is_session(const core::eio::request_query& query) const {
        return server_ && server_->sid() == query.sid;
    }

    std::optional<core::eio::refusal> refusal_of(const core::eio::request_query& query, bool is_get,
                                                 bool is_upgrade) const {
        core::eio::request_facts facts;
        facts.query = &query;
        facts.is_get = is_get;
        facts.is_upgrade = is_upgrade;
        if (is_session(query)) facts.session = server_->current_transport();
        return core::eio::verify(facts);
    }

    void begin_server(core::eio::transport opened_by, std::uint32_t server_id) {
        server_ = std::make_unique<core::eio::server_session>("sid/" + std::to_string(++last_sid_),
                                                              server_options, opened_by, server_id, now_);
        server_link_ = server_id;
    }

    void on_request(const client_session::send_request& given) {
        const auto known = requests_.find(given.request);
        if (known == requests_.end()) return;
        const auto query = core::eio::parse_query(given.query);
        const bool is_get = given.method == core::eio::http_method::get;
        if (const auto refused = refusal_of(query, is_get, false)) {
            respond(given.request, core::eio::status_of(*refused), core::eio::body_of(*refused));
            return;
        }
        known->second.is_at_server = true;
        if (!query.has_sid) begin_server(core::eio::transport::polling, 0);
        if (is_get) {
            server_->on_poll(now_, given.request);
            turn_server();
            return;
        }
        const bool waits_for_body = server_->on_post_begin(given.request, false);
        turn_server();
        if (!waits_for_body) return;
        over_network(now_ + way() - latency, channel_of_request(given.request),
                     [this, id = given.request, body = given.body] {
                         if (!server_ || requests_.find(id) == requests_.end()) return;
                         if (body.size() > server_options.bounds.max_payload_bytes) {
                             server_->on_post_too_large(id);
                         } else {
                             server_->on_post(id, body);
                         }
                         turn_server();
                     });
    }

    void on_link_request(const client_session::open_link& given) {
        const auto query = core::eio::parse_query(given.query);
        if (refuses_links || refusal_of(query, true, true)) {
            over_network(now_ + way(), channel_to_client(given.link), [this, id = given.link] {
                client_.on_link_closed(now_, id, core::eio::link_end::failed);
                drain_client();
            });
            return;
        }
        const std::uint32_t server_id = ++last_server_link_;
        links_.emplace(given.link,
                       link{server_id, true, true, false,
                            core::ws::frame_reader{core::ws::role::client, client_options.bounds},
                            core::ws::frame_reader{core::ws::role::server, server_options.bounds}});
        over_network(now_ + way(), channel_to_client(given.link), [this, id = given.link] {
            if (link_at_client(id) == nullptr) return;
            client_.on_link_open(now_, id);
            drain_client();
        });
        if (query.has_sid) {
            server_->on_link_open(now_, server_id);
        } else {
            begin_server(core::eio::transport::websocket, server_id);
        }
        turn_server();
    }

    void at_server_link(std::uint32_t id, std::string& piece) {
        const auto known = links_.find(id);
        if (known == links_.end()) return;
        link& at = known->second;
        if (!at.is_alive_at_server) return;
        at.server_reads.feed(piece.data(), piece.size());
        while (at.is_alive_at_server) {
            const auto next = at.server_reads.next();
            if (next && !*next) return;
            using type = core::ws::frame_reader::event_type;
            if (!next || (*next)->type == type::close) {
                at.is_alive_at_server = false;
                if (server_) server_->on_link_closed(at.server_id, !next);
            } else if (server_ && ((*next)->type == type::text || (*next)->type == type::binary)) {
                server_->on_frame(now_, at.server_id,
                                  (*next)->type == type::text ? frame_kind::text : frame_kind::binary,
                                  (*next)->payload);
            }
            turn_server();
        }
    }

    time_point now_{std::chrono::seconds{1000}};
    core::random_words random_;
    std::vector<event> events_;
    std::map<std::uint64_t, request> requests_; ///< that the client waits for
    std::map<std::uint32_t, link> links_;
    core::eio::client_session client_;
    std::unique_ptr<core::eio::server_session> server_;
    std::uint32_t server_link_ = 0; ///< to which the server's outbox goes
    std::uint32_t last_server_link_ = 100;
    int last_sid_ = 0;
};

} // namespace roomcast::support
