#include "roomcast/server/server.hpp"

#include "roomcast/core/value.hpp"
#include "roomcast/core/ws/frame.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace roomcast::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using texts = std::vector<std::string>;

constexpr seconds longest_wait{20}; ///< only a broken test waits that long

/// A blocking TCP connection to the server.
class tcp_client {
public:
    explicit tcp_client(std::uint16_t port, int receive_buffer_bytes = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const timeval longest{longest_wait.count(), 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof(longest));
        if (receive_buffer_bytes != 0) {
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
        }
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        is_open_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0;
    }
    ~tcp_client() { ::close(fd_); }
    tcp_client(const tcp_client&) = delete;
    tcp_client& operator=(const tcp_client&) = delete;

    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// Reads more. @return false: the end, or the test's time-out
    bool receive(std::string& into) {
        std::array<char, 16'384> some{};
        const ssize_t got = is_open_ ? ::recv(fd_, some.data(), some.size(), 0) : 0;
        if (got <= 0) return false;
        into.append(some.data(), static_cast<std::size_t>(got));
        return true;
    }
    /// Does the server end the connection, whatever it says before?
    bool is_ended() {
        std::string rest;
        while (receive(rest)) {
        }
        return !is_open_ || errno != EAGAIN;
    }

private:
    int fd_;
    bool is_open_ = false;
};

struct http_answer {
    int status = 0; ///< 0: none came
    std::string body;
};

/// One HTTP request on a connection of its own, so that it may land on any shard.
class http_request_client {
public:
    http_request_client(std::uint16_t port, std::string_view method, const std::string& query,
                        const std::string& body = {})
        : tcp_(port) {
        std::string head = std::string{method} + " /socket.io/?EIO=4&transport=polling" + query +
                           " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        if (method == "POST") head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        (void)tcp_.send(head + "\r\n" + body);
    }
    http_answer answer() {
        std::string all;
        while (tcp_.receive(all)) {
        }
        const std::size_t end = all.find("\r\n\r\n");
        if (end == std::string::npos) return {};
        return {std::stoi(all.substr(9, 3)), all.substr(end + 4)};
    }

private:
    tcp_client tcp_;
};

http_answer get(std::uint16_t port, const std::string& query) {
    return http_request_client{port, "GET", query}.answer();
}
http_answer post(std::uint16_t port, const std::string& query, const std::string& body) {
    return http_request_client{port, "POST", query, body}.answer();
}

std::string sid_in(std::string_view packet, std::string_view key = "sid") {
    const std::size_t brace = packet.find('{');
    if (brace == std::string_view::npos) return {};
    const auto raw = core::value::member(packet.substr(brace), key);
    return raw ? core::value::text(*raw).value_or("") : "";
}

/// A Socket.IO client over a WebSocket, without a thread.
class websocket_client {
public:
    explicit websocket_client(std::uint16_t port, const std::string& query = {}, int receive_buffer_bytes = 0)
        : tcp_(port, receive_buffer_bytes), reader_(core::ws::role::client, bounds_) {
        (void)tcp_.send("GET /socket.io/?EIO=4&transport=websocket" + query +
                        " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
            if (!tcp_.receive(head)) return;
        }
        is_upgraded = head.rfind("HTTP/1.1 101", 0) == 0;
        read(head.substr(head.find("\r\n\r\n") + 4));
    }

    bool is_upgraded = false;
    std::string sid; ///< of the socket
    std::string pid;
    std::string offset; ///< of the last event, when the server recovers

    void send(std::string_view packet) {
        std::string frame;
        core::ws::append_masked(frame, core::ws::opcode::text, packet, 0x01020304);
        (void)tcp_.send(frame);
    }
    /// The next message; pings are answered. @return "end": none comes any more
    std::string next() {
        for (;;) {
            while (messages_.empty()) {
                std::string more;
                if (is_closed_ || !tcp_.receive(more)) return "end";
                read(std::move(more));
            }
            std::string message = std::move(messages_.front());
            messages_.pop_front();
            if (message == "2") {
                send("3");
                continue;
            }
            return message;
        }
    }
    texts next(std::size_t count) {
        texts all;
        while (all.size() < count) {
            all.push_back(next());
            if (all.back() == "end") break;
        }
        return all;
    }
    /// Joins the namespace "/"; messages that come before the answer are returned.
    texts join(const std::string& auth = {}) {
        (void)next(); // the handshake
        send("40" + auth);
        texts before;
        for (;;) {
            std::string message = next();
            if (message.rfind("40", 0) == 0) {
                sid = sid_in(message, "sid");
                pid = sid_in(message, "pid");
                return before;
            }
            before.push_back(message);
            if (message == "end" || message.rfind("44", 0) == 0) return before;
        }
    }
    bool is_ended() {
        while (next() != "end") {
        }
        return is_closed_ || tcp_.is_ended();
    }

private:
    void read(std::string bytes) {
        if (bytes.empty()) return;
        reader_.feed(bytes.data(), bytes.size());
        for (;;) {
            const auto event = reader_.next();
            if (!event || !*event) return;
            if ((**event).type == core::ws::frame_reader::event_type::close) {
                is_closed_ = true;
                return;
            }
            messages_.emplace_back((**event).payload);
        }
    }

    static inline const core::limits bounds_{};
    tcp_client tcp_;
    core::ws::frame_reader reader_;
    std::deque<std::string> messages_;
    bool is_closed_ = false;
};

options loopback(unsigned threads) {
    options chosen;
    chosen.host = "127.0.0.1";
    chosen.port = 0;
    chosen.threads = threads;
    chosen.stop_timeout = milliseconds{500};
    return chosen;
}

statistics statistics_of(server& io) {
    std::promise<statistics> told;
    io.collect([&](statistics now, std::vector<room_info>) { told.set_value(now); });
    return told.get_future().get();
}

/// Waits until the statistics are so; they change on the server's threads without telling anybody.
statistics wait_for(server& io, const std::function<bool(const statistics&)>& is_so) {
    const auto latest = std::chrono::steady_clock::now() + longest_wait;
    for (;;) {
        const statistics now = statistics_of(io);
        if (is_so(now) || std::chrono::steady_clock::now() > latest) return now;
        std::this_thread::yield();
    }
}

/// The tests run with one thread and with three: what a client sees must be the same.
class EngineServer : public testing::TestWithParam<unsigned> {
protected:
    server io{loopback(GetParam())};

    void start() {
        // "say": to everybody; "join": into a room; "echo": an ack.
        io.of("/").on("say",
                      [](socket& from, event& said) { from.everyone().emit("said", said.args().copy()); });
        io.of("/").on("join", [](socket& from, event& asked) {
            from.join(asked.text(0).value_or(""));
            asked.ack();
        });
        io.of("/").on("echo", [](socket&, event& asked) { asked.ack(asked.args().copy()); });
        io.start();
    }
};

INSTANTIATE_TEST_SUITE_P(Threads, EngineServer, testing::Values(1U, 3U));

TEST_P(EngineServer, PollingRequestsFindTheirSessionFromAnyConnection) {
    start();
    for (int client = 0; client < 4; ++client) {
        const http_answer opened = get(io.port(), "");
        ASSERT_EQ(opened.status, 200);
        const std::string query = "&sid=" + sid_in(opened.body);
        EXPECT_EQ(post(io.port(), query, "40").body, "ok");
        EXPECT_EQ(get(io.port(), query).body.substr(0, 3), "40{");
        for (int i = 0; i < 6; ++i) {
            const std::string number = std::to_string(i);
            EXPECT_EQ(post(io.port(), query, "42" + number + "[\"echo\"," + number + "]").body, "ok");
            const http_answer got = get(io.port(), query);
            EXPECT_EQ(got.status, 200);
            EXPECT_EQ(got.body, "43" + number + "[" + number + "]");
        }
    }
}

TEST_P(EngineServer, WaitingGetIsAnsweredByAnEmitFromElsewhere) {
    start();
    const std::string query = "&sid=" + sid_in(get(io.port(), "").body);
    EXPECT_EQ(post(io.port(), query, "40").body, "ok");
    EXPECT_EQ(get(io.port(), query).body.substr(0, 3), "40{");
    http_request_client waiting{io.port(), "GET", query};
    websocket_client other{io.port()};
    other.join();
    other.send(R"(42["say","hello"])");
    EXPECT_EQ(waiting.answer().body, R"(42["said","hello"])");
}

TEST_P(EngineServer, UnknownSidIsRefusedOnEveryShard) {
    start();
    for (int i = 0; i < 6; ++i) {
        const http_answer answer = get(io.port(), "&sid=AAAAAAAAAAAAAAAAAAAA");
        EXPECT_EQ(answer.status, 400);
        EXPECT_EQ(answer.body, R"({"code":1,"message":"Session ID unknown"})");
    }
}

TEST_P(EngineServer, PollingSessionUpgradesOverAConnectionOfAnotherShard) {
    start();
    for (int i = 0; i < 4; ++i) {
        const std::string query = "&sid=" + sid_in(get(io.port(), "").body);
        EXPECT_EQ(post(io.port(), query, "40").body, "ok");
        websocket_client upgrading{io.port(), query};
        upgrading.send("2probe");
        EXPECT_EQ(upgrading.next(), "3probe");
        upgrading.send("5");
        EXPECT_EQ(upgrading.next().substr(0, 3), "40{");
        upgrading.send(R"(427["echo",1])");
        EXPECT_EQ(upgrading.next(), "437[1]");
        EXPECT_EQ(get(io.port(), query).body, R"({"code":3,"message":"Bad request"})");
    }
}

/// A polling client on one connection, which may ask in advance.
class pipelining_client {
public:
    explicit pipelining_client(std::uint16_t port) : tcp_(port) {
        ask("GET", "");
        (void)hear("\r\n\r\n0{");
        query_ = "&sid=" + sid_in(heard_.substr(heard_.find("\r\n\r\n0{")));
        ask("POST", query_, "40");
        ask("GET", query_);
        (void)hear("40{");
        (void)hear("}", 2);
        id = sid_in(heard_.substr(heard_.rfind("40{")));
        heard_.clear();
    }

    std::string id; ///< of its socket

    void ask(std::string_view method, const std::string& query, std::string_view body = {}) {
        (void)tcp_.send(std::string{method} + " /socket.io/?EIO=4&transport=polling" + query +
                        " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
                        "\r\n\r\n" + std::string{body});
    }
    void poll() { ask("GET", query_); }
    /// Waits for a text, so many times.
    bool hear(std::string_view what, std::size_t times = 1) {
        for (;;) {
            std::size_t count = 0;
            for (auto at = heard_.find(what); at != std::string::npos; at = heard_.find(what, at + 1))
                ++count;
            if (count >= times) return true;
            if (!tcp_.receive(heard_)) return false;
        }
    }

private:
    tcp_client tcp_;
    std::string query_;
    std::string heard_;
};

TEST(EngineServerLife, ConnectionThatLeavesForAnotherShardInAnothersTurnIsNotTouchedAgain) {
    server io{loopback(2)};
    std::promise<void> held;
    std::promise<void> released;
    std::promise<void> other_released;
    io.of("/").on("hold", [&](socket&, event&) {
        held.set_value();
        released.get_future().wait();
    });
    io.of("/").on("kick", [&](socket&, event& asked) {
        io.visit_sockets(
            "/", {{asked.text(0).value_or("")}, {}}, [](socket& one) { one.end_connection(); },
            [](std::size_t) {});
        asked.ack();
    });
    io.start();
    // Connections are dealt out in turn: the even ones to the first shard, the others to the second.
    websocket_client kicker{io.port()};
    kicker.join();
    const std::string elsewhere = "&sid=" + sid_in(get(io.port(), "").body);
    pipelining_client kicked{io.port()};
    (void)get(io.port(), "");
    websocket_client late_kicker{io.port()};
    late_kicker.join();
    kicked.poll();
    kicked.ask("POST", elsewhere, "40");
    kicker.send(R"(42["hold"])");
    held.get_future().wait();
    // All wait for the same turn of the first shard, and the second cannot take anything over meanwhile.
    io.post(1, [&] { other_released.get_future().wait(); });
    const std::string kick = R"(421["kick",")" + kicked.id + R"("])";
    kicker.send(kick);
    kicked.ask("GET", "");
    late_kicker.send(kick); // the poller's order is its own affair
    released.set_value();
    EXPECT_EQ(kicker.next(), "431[]");
    EXPECT_EQ(late_kicker.next(), "431[]");
    other_released.set_value();
    EXPECT_TRUE(kicked.hear("HTTP/1.1 200 OK", 3));
}

TEST_P(EngineServer, EventsOfOneSenderReachEverybodyInOrder) {
    start();
    constexpr std::size_t clients = 6;
    constexpr std::size_t events = 50;
    std::vector<std::unique_ptr<websocket_client>> all;
    for (std::size_t i = 0; i < clients; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
    }
    for (std::size_t event = 0; event < events; ++event) {
        for (std::size_t i = 0; i < clients; ++i) {
            all[i]->send("42[\"say\"," + std::to_string(i) + "," + std::to_string(event) + "]");
        }
    }
    for (const auto& one : all) {
        std::vector<texts> by_sender(clients);
        for (const std::string& message : one->next(clients * events)) {
            const std::size_t sender =
                message.size() > 10 ? static_cast<std::size_t>(message[10] - '0') : clients;
            ASSERT_LT(sender, clients) << message;
            by_sender[sender].push_back(message);
        }
        for (std::size_t i = 0; i < clients; ++i) {
            texts expected;
            for (std::size_t event = 0; event < events; ++event) {
                expected.push_back("42[\"said\"," + std::to_string(i) + "," + std::to_string(event) + "]");
            }
            EXPECT_EQ(by_sender[i], expected);
        }
    }
}

TEST_P(EngineServer, RoomReachesItsMembersOnAllShardsAndNobodyElse) {
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (std::size_t i = 0; i < 6; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
        all.back()->send(i % 2 == 0 ? R"(421["join","even"])" : R"(421["join","odd"])");
        EXPECT_EQ(all.back()->next(), "431[]");
    }
    io.to("even").emit("for", {"even"});
    io.to("odd").except(all[1]->sid).emit("for", {"odd"});
    io.emit("last");
    for (std::size_t i = 0; i < 6; ++i) {
        texts expected{i % 2 == 0 ? R"(42["for","even"])" : R"(42["for","odd"])", R"(42["last"])"};
        if (i == 1) expected.erase(expected.begin());
        EXPECT_EQ(all[i]->next(expected.size()), expected) << i;
    }
}

TEST_P(EngineServer, BroadcastWithAckCollectsAnswersOfAllShards) {
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
    }
    std::promise<broadcast_replies> told;
    io.of("/").sockets().timeout(longest_wait).emit_with_ack("ask", {1}, [&](broadcast_replies given) {
        told.set_value(std::move(given));
    });
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::string question = all[i]->next();
        EXPECT_EQ(question, R"(420["ask",1])");
        all[i]->send("430[" + std::to_string(i) + "]");
    }
    const broadcast_replies given = told.get_future().get();
    std::set<std::string> answers;
    for (const args& each : given.replies) answers.insert(each.text());
    EXPECT_FALSE(given.error);
    EXPECT_EQ(given.expected, 4U);
    EXPECT_EQ(answers, (std::set<std::string>{"[0]", "[1]", "[2]", "[3]"}));
}

TEST_P(EngineServer, BroadcastWithAckGivesTheAnswersThatCameInTime) {
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
    }
    std::promise<broadcast_replies> told;
    io.of("/").sockets().timeout(milliseconds{300}).emit_with_ack("ask", {}, [&](broadcast_replies given) {
        told.set_value(std::move(given));
    });
    EXPECT_EQ(all[1]->next(), R"(420["ask"])");
    all[1]->send("430[7]");
    const broadcast_replies given = told.get_future().get();
    EXPECT_EQ(given.error, core::errc::ack_timeout);
    EXPECT_EQ(given.expected, 3U);
    ASSERT_EQ(given.replies.size(), 1U);
    EXPECT_EQ(given.replies[0].text(), "[7]");
}

TEST_P(EngineServer, BroadcastWithAckToNobodyIsAnsweredAtOnce) {
    start();
    std::promise<broadcast_replies> told;
    io.to("nobody").emit_with_ack("ask", {},
                                  [&](broadcast_replies given) { told.set_value(std::move(given)); });
    const broadcast_replies given = told.get_future().get();
    EXPECT_FALSE(given.error);
    EXPECT_EQ(given.expected, 0U);
    EXPECT_TRUE(given.replies.empty());
}

TEST_P(EngineServer, SocketsAreMovedAndFoundOnAllShards) {
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    std::set<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
        ids.insert(all.back()->sid);
    }
    const auto found_in = [&](const broadcast_operator& whom) {
        std::promise<std::vector<remote_socket>> told;
        whom.fetch_sockets([&](std::vector<remote_socket> found) { told.set_value(std::move(found)); });
        std::set<std::string> found;
        for (const remote_socket& each : told.get_future().get()) found.insert(each.id);
        return found;
    };
    EXPECT_EQ(found_in(io.of("/").sockets()), ids);
    EXPECT_EQ(found_in(io.to("hall")), std::set<std::string>{});
    io.of("/").sockets().sockets_join({"hall", "yard"});
    EXPECT_EQ(found_in(io.to("hall")), ids);
    io.to(all[0]->sid).sockets_leave({"hall"});
    std::set<std::string> others = ids;
    others.erase(all[0]->sid);
    EXPECT_EQ(found_in(io.to("hall")), others);
    EXPECT_EQ(found_in(io.to("yard").except("hall")), std::set<std::string>{all[0]->sid});
}

TEST_P(EngineServer, SocketsAreDisconnectedOnAllShards) {
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
    }
    io.to(all[0]->sid).disconnect_sockets();
    EXPECT_EQ(all[0]->next(), "41");
    all[0]->send("40"); // the transport is open: the namespace may be joined again
    EXPECT_EQ(all[0]->next().substr(0, 3), "40{");
    io.of("/").sockets().disconnect_sockets(true);
    for (const auto& one : all) {
        EXPECT_EQ(one->next(2), (texts{"41", "end"}));
        EXPECT_TRUE(one->is_ended());
    }
    EXPECT_EQ(wait_for(io, [](const statistics& now) { return now.connections == 0; }).connections, 0U);
}

TEST_P(EngineServer, SocketsThatEndEachOtherLeaveTheirNamespaceWhole) {
    name_space halls = io.of_pattern("/hall-.*");
    halls.on_disconnect([&](socket& gone, std::string_view) { gone.everyone().disconnect_sockets(); });
    start();
    // On several threads some pair meets on one.
    std::vector<std::unique_ptr<websocket_client>> all;
    for (unsigned i = 0; i < 4 * GetParam(); ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
        all.back()->send("40/hall-1,");
        EXPECT_EQ(all.back()->next().substr(0, 11), "40/hall-1,{");
    }
    all.front()->send("41/hall-1,");
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i]->next(), "41/hall-1,");
    all.front()->send("40/hall-1,");
    EXPECT_EQ(all.front()->next().substr(0, 11), "40/hall-1,{");
}

TEST_P(EngineServer, MiddlewareMayAnswerFromAnotherThread) {
    std::vector<std::thread> answering;
    std::mutex adding;
    io.of("/").use([&](socket& asking, next_step next) {
        const std::string auth{asking.auth()};
        const std::lock_guard guard{adding};
        answering.emplace_back([auth, next] {
            if (auth == R"({"let":"in"})") {
                next(std::nullopt);
                next(connect_error{"too late", {}});
            } else {
                next(connect_error{"stay out", R"({"why":1})"});
            }
        });
    });
    start();
    for (int i = 0; i < 4; ++i) {
        websocket_client in{io.port()};
        in.join(R"({"let":"in"})");
        EXPECT_FALSE(in.sid.empty());
        in.send(R"(421["echo"])");
        EXPECT_EQ(in.next(), "431[]");
        websocket_client out{io.port()};
        EXPECT_EQ(out.join(), texts{R"(44{"message":"stay out","data":{"why":1}})"});
    }
    io.stop();
    io.join();
    for (std::thread& each : answering) each.join();
}

TEST_P(EngineServer, EventsSentBeforeASlowMiddlewareAnsweredAreHandledBehindIt) {
    std::promise<next_step> asked;
    io.of("/").use([&](socket&, next_step next) { asked.set_value(std::move(next)); });
    start();
    websocket_client early{io.port()};
    EXPECT_EQ(early.next().substr(0, 1), "0");
    early.send("40");
    early.send(R"(421["echo","a"])");
    early.send(R"(422["echo","b"])");
    asked.get_future().get()(std::nullopt);
    EXPECT_EQ(early.next().substr(0, 3), "40{");
    EXPECT_EQ(early.next(2), (texts{R"(431["a"])", R"(432["b"])"}));
}

TEST_P(EngineServer, AnswerOfAMiddlewareForAClientThatLeftDoesNothing) {
    std::promise<next_step> asked;
    io.of("/slow").use([&](socket&, next_step next) { asked.set_value(std::move(next)); });
    start();
    websocket_client leaving{io.port()};
    leaving.join();
    leaving.send("40/slow,");
    const next_step answer = asked.get_future().get();
    leaving.send("41/slow,");
    leaving.send(R"(421["echo"])");
    EXPECT_EQ(leaving.next(), "431[]");
    answer(std::nullopt);
    leaving.send(R"(422["echo"])");
    EXPECT_EQ(leaving.next(), "432[]");
}

TEST_P(EngineServer, EmitsOfOtherThreadsArriveInTheirOrder) {
    std::promise<socket> connected;
    io.of("/").on_connection([&](socket& one) { connected.set_value(one); });
    start();
    websocket_client one{io.port()};
    one.join();
    const socket handle = connected.get_future().get();
    constexpr int count = 200;
    std::thread direct{[&] {
        for (int i = 0; i < count; ++i) handle.emit("direct", {i});
    }};
    std::thread broad{[&] {
        for (int i = 0; i < count; ++i) io.emit("broad", {i});
    }};
    texts direct_events;
    texts broad_events;
    for (std::string& message : one.next(2 * count)) {
        (message.rfind("42[\"direct\"", 0) == 0 ? direct_events : broad_events).push_back(std::move(message));
    }
    direct.join();
    broad.join();
    texts expected_direct;
    texts expected_broad;
    for (int i = 0; i < count; ++i) {
        expected_direct.push_back("42[\"direct\"," + std::to_string(i) + "]");
        expected_broad.push_back("42[\"broad\"," + std::to_string(i) + "]");
    }
    EXPECT_EQ(direct_events, expected_direct);
    EXPECT_EQ(broad_events, expected_broad);
}

TEST_P(EngineServer, StopTellsClientsOfBothTransportsAndEndsTheThreads) {
    std::mutex adding;
    texts reasons;
    io.of("/").on_disconnect([&](socket&, std::string_view reason) {
        const std::lock_guard guard{adding};
        reasons.emplace_back(reason);
    });
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
    }
    const std::string query = "&sid=" + sid_in(get(io.port(), "").body);
    EXPECT_EQ(post(io.port(), query, "40").body, "ok");
    EXPECT_EQ(get(io.port(), query).body.substr(0, 3), "40{");
    http_request_client waiting{io.port(), "GET", query};
    io.of("/").sockets().timeout(seconds{60}).emit_with_ack("never answered", {}, [](broadcast_replies) {});
    for (const auto& one : all) EXPECT_EQ(one->next(), R"(420["never answered"])");
    EXPECT_EQ(waiting.answer().body, R"(420["never answered"])");
    io.stop();
    io.stop();
    for (const auto& one : all) EXPECT_EQ(one->next(), "end");
    io.join();
    EXPECT_EQ(reasons, texts(5, "server shutting down"));
    EXPECT_EQ(get(io.port(), "").status, 0);
}

TEST_P(EngineServer, StatisticsAreSumsOverAllThreads) {
    start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        all.back()->join();
        all.back()->send(R"(421["join","hall"])");
        EXPECT_EQ(all.back()->next(), "431[]");
    }
    std::promise<std::vector<room_info>> told;
    io.collect([&](statistics, std::vector<room_info> rooms) { told.set_value(std::move(rooms)); }, 10);
    const std::vector<room_info> rooms = told.get_future().get();
    ASSERT_EQ(rooms.size(), 1U);
    EXPECT_EQ(rooms[0].room, "hall");
    EXPECT_EQ(rooms[0].sockets, 5U);
    const statistics now = statistics_of(io);
    EXPECT_EQ(now.rooms, 1U); // though it has members on each thread
    EXPECT_EQ(now.connections, 5U);
    EXPECT_EQ(now.sockets, 5U);
    EXPECT_EQ(now.events_received, 5U);
    all.clear();
    EXPECT_EQ(wait_for(io, [](const statistics& last) { return last.rooms == 0; }).rooms, 0U);
}

// ---- Recovery

class EngineServerRecovery : public testing::TestWithParam<unsigned> {
protected:
    static options recovering(unsigned threads) {
        options chosen = loopback(threads);
        chosen.recovery.is_enabled = true;
        return chosen;
    }
    server io{recovering(GetParam())};

    static std::string offset_in(const std::string& message) {
        const auto last = message.rfind(",\"");
        return last == std::string::npos ? "" : message.substr(last + 2, message.size() - last - 4);
    }
    static std::string auth_for(const std::string& pid, const std::string& offset) {
        return R"({"pid":")" + pid + R"(","offset":")" + offset + R"("})";
    }
    /// An event without its offset.
    static std::string bare(const std::string& message) {
        const auto last = message.rfind(",\"");
        return last == std::string::npos ? message : message.substr(0, last) + "]";
    }
};

INSTANTIATE_TEST_SUITE_P(Threads, EngineServerRecovery, testing::Values(1U, 3U));

TEST_P(EngineServerRecovery, ClientThatComesBackOnAnyShardGetsWhatItMissedAgainAndAgain) {
    io.of("/").on("join", [](socket& from, event& asked) {
        from.join(asked.text(0).value_or(""));
        asked.ack();
    });
    io.start();
    auto client = std::make_unique<websocket_client>(io.port());
    client->join();
    client->send(R"(421["join","hall"])");
    EXPECT_EQ(client->next(), "431[]");
    const std::string sid = client->sid;
    const std::string pid = client->pid;
    io.to("hall").emit("first");
    std::string offset = offset_in(client->next());
    for (int round = 0; round < 7; ++round) {
        client.reset();
        EXPECT_EQ(wait_for(io, [](const statistics& now) { return now.sockets == 0; }).sockets, 0U);
        io.to("hall").emit("missed", {round});
        io.to("elsewhere").emit("not for it", {round});
        io.to(sid).emit("own", {round});
        client = std::make_unique<websocket_client>(io.port());
        const texts missed = client->join(auth_for(pid, offset));
        const std::string number = std::to_string(round);
        texts without_offsets;
        for (const std::string& each : missed) without_offsets.push_back(bare(each));
        EXPECT_EQ(without_offsets, (texts{"42[\"missed\"," + number + "]", "42[\"own\"," + number + "]"}));
        EXPECT_EQ(client->sid, sid) << "round " << round;
        EXPECT_EQ(client->pid, pid);
        io.to("hall").emit("live", {round});
        const std::string live = client->next();
        EXPECT_EQ(bare(live), "42[\"live\"," + number + "]");
        offset = offset_in(live);
    }
    EXPECT_EQ(statistics_of(io).recovered, 7U);
}

TEST_P(EngineServerRecovery, UnknownOffsetOrPidGivesANewSession) {
    io.start();
    websocket_client first{io.port()};
    first.join();
    for (const std::string& auth : {auth_for(first.pid, "0-1"), auth_for("AAAAAAAAAAAAAAAAAAAA", "0-1"),
                                    auth_for("x", "y"), auth_for(first.pid, "")}) {
        websocket_client other{io.port()};
        EXPECT_EQ(other.join(auth), texts{});
        EXPECT_FALSE(other.sid.empty());
        EXPECT_NE(other.sid, first.sid);
    }
    EXPECT_EQ(statistics_of(io).recovery_failed, 4U);
}

// ---- Bounds

options with_small_queue(slow_consumer_policy policy) {
    options chosen = loopback(1);
    chosen.session.max_queue_bytes = 100'000;
    chosen.slow_consumer = policy;
    return chosen;
}

/// Sends numbered events until the policy has acted.
int flood(server& io, const std::function<bool(const statistics&)>& is_enough) {
    const std::string filler(10'000, 'x');
    int sent = 0;
    while (sent < 100'000 && !is_enough(statistics_of(io))) {
        for (int i = 0; i < 100; ++i) io.emit("n", {sent++, filler});
    }
    return sent;
}

/// The numbers of the events that arrive, up to the one named "end".
std::vector<int> numbers_until_the_end(websocket_client& from) {
    std::vector<int> numbers;
    for (;;) {
        const std::string message = from.next();
        if (message == "end" || message == R"(42["end"])") return numbers;
        if (message.rfind("42[\"n\",", 0) == 0) numbers.push_back(std::stoi(message.substr(7)));
    }
}

TEST(EngineServerSlowConsumer, IsDisconnected) {
    server io{with_small_queue(slow_consumer_policy::disconnect)};
    std::promise<std::string> gone;
    io.of("/").on_disconnect([&](socket&, std::string_view reason) { gone.set_value(std::string{reason}); });
    io.start();
    websocket_client slow{io.port(), {}, 4'096};
    slow.join();
    flood(io, [](const statistics& now) { return now.slow_consumers > 0; });
    EXPECT_EQ(gone.get_future().get(), "slow consumer");
    const statistics now = statistics_of(io);
    EXPECT_EQ(now.slow_consumers, 1U);
    EXPECT_GE(now.dropped_slow, 1U);
    EXPECT_EQ(now.connections, 0U);
    EXPECT_TRUE(slow.is_ended());
}

TEST(EngineServerSlowConsumer, LosesTheOldestEvents) {
    server io{with_small_queue(slow_consumer_policy::drop_oldest)};
    io.start();
    websocket_client slow{io.port(), {}, 4'096};
    slow.join();
    const int sent = flood(io, [](const statistics& now) { return now.dropped_slow > 200; });
    io.emit("end");
    const std::vector<int> got = numbers_until_the_end(slow);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.back(), sent - 1);
    EXPECT_EQ(static_cast<std::uint64_t>(sent) - got.size(), statistics_of(io).dropped_slow);
}

TEST(EngineServerSlowConsumer, LosesTheNewestEvents) {
    server io{with_small_queue(slow_consumer_policy::drop_newest)};
    io.start();
    websocket_client slow{io.port(), {}, 4'096};
    slow.join();
    const int sent = flood(io, [](const statistics& now) { return now.dropped_slow > 200; });
    const std::uint64_t dropped = statistics_of(io).dropped_slow;
    std::vector<int> got;
    while (got.size() + dropped < static_cast<std::size_t>(sent)) {
        const std::string message = slow.next();
        ASSERT_NE(message, "end");
        got.push_back(std::stoi(message.substr(7)));
    }
    std::vector<int> expected(got.size());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int>(i);
    EXPECT_EQ(got, expected);
    io.emit("end");
    EXPECT_EQ(slow.next(), R"(42["end"])");
}

TEST(EngineServerSlowConsumer, ThatAsksForNamespacesWithoutReadingIsDisconnected) {
    server io{with_small_queue(slow_consumer_policy::drop_newest)};
    io.start();
    std::thread asking{[port = io.port()] {
        tcp_client slow{port, 4'096};
        std::string head = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n"
                           "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        std::string frames;
        for (int i = 0; i < 1'000; ++i) {
            core::ws::append_masked(frames, core::ws::opcode::text, "40", 1);
            core::ws::append_masked(frames, core::ws::opcode::text, "41", 1);
        }
        if (!slow.send(head)) return;
        for (int i = 0; i < 5'000 && slow.send(frames); ++i) {
        }
    }};
    EXPECT_EQ(wait_for(io, [](const statistics& now) { return now.slow_consumers == 1; }).slow_consumers, 1U);
    asking.join();
}

TEST(EngineServerSlowConsumer, DropsVolatileEventsOnly) {
    options chosen = loopback(1);
    chosen.session.max_queue_bytes = 0;
    server io{chosen};
    io.start();
    const std::string query = "&sid=" + sid_in(get(io.port(), "").body);
    EXPECT_EQ(post(io.port(), query, "40").body, "ok");
    EXPECT_EQ(get(io.port(), query).body.substr(0, 3), "40{");
    io.of("/").sockets().volatile_().emit("lost"); // no GET waits
    io.emit("kept");
    EXPECT_EQ(get(io.port(), query).body, R"(42["kept"])");
    EXPECT_EQ(statistics_of(io).dropped_volatile, 1U);
}

TEST(EngineServerSlowConsumer, MissesWhatIsExpendableOnlyFromHalfOfItsQueueOn) {
    options chosen = loopback(1);
    chosen.session.max_queue_bytes = 1'000;
    server io{chosen};
    io.start();
    const std::string query = "&sid=" + sid_in(get(io.port(), "").body);
    EXPECT_EQ(post(io.port(), query, "40").body, "ok");
    EXPECT_EQ(get(io.port(), query).body.substr(0, 3), "40{");
    const broadcast_operator all = io.of("/").sockets().expendable();
    all.emit("kept", {std::string(600, 'a')}); // no GET waits
    all.emit("lost");
    io.emit("owed");
    EXPECT_EQ(get(io.port(), query).body,
              "42[\"kept\",\"" + std::string(600, 'a') + "\"]\x1e" + R"(42["owed"])");
    EXPECT_EQ(statistics_of(io).dropped_slow, 1U);
    EXPECT_EQ(statistics_of(io).slow_consumers, 0U);
}

TEST(EngineServerBounds, ConnectionsAboveTheirMaximumAreEnded) {
    options chosen = loopback(3);
    chosen.max_connections = 3;
    server io{chosen};
    io.start();
    std::vector<std::unique_ptr<websocket_client>> all;
    for (int i = 0; i < 3; ++i) {
        all.push_back(std::make_unique<websocket_client>(io.port()));
        EXPECT_TRUE(all.back()->is_upgraded);
    }
    EXPECT_FALSE(websocket_client{io.port()}.is_upgraded);
    EXPECT_FALSE(websocket_client{io.port()}.is_upgraded);
    EXPECT_EQ(statistics_of(io).refused_connections, 2U);
    all.pop_back();
    (void)wait_for(io, [](const statistics& now) { return now.connections == 2; });
    EXPECT_TRUE(websocket_client{io.port()}.is_upgraded);
}

TEST(EngineServerLife, NeverStartedServerMayBeStoppedAndDestroyed) {
    server idle{loopback(2)};
    idle.stop();
    server listening{loopback(2)};
    listening.listen();
    EXPECT_NE(listening.port(), 0);
}

TEST(EngineServerLife, TakenPortIsAnError) {
    server one{loopback(1)};
    one.listen();
    options chosen = loopback(1);
    chosen.port = one.port();
    server other{chosen};
    EXPECT_THROW(other.listen(), std::system_error);
}

} // namespace
} // namespace roomcast::server
