// Requests to the HTTP API and to state polling over a few kept connections, one under way on each; prints
// what one costs the server.
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process_meter.hpp"
#include "report.hpp"

namespace {

using namespace roomcast::bench;
using clock_type = std::chrono::steady_clock;

constexpr const char* usage = "usage: roomcast-bench-api PORT PID SECRET ROUND_MS ROUNDS\n";
constexpr std::size_t connections = 8;
constexpr int batch_size = 100;

struct lane {
    int fd = -1;
    std::string input;
};

int connect_to(std::uint16_t port) {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons(port);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
        throw std::runtime_error("cannot connect");
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) throw std::runtime_error("the server closed the connection");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

/// @return is a whole response there? It is taken off. @throws when it is not the status that was wanted
bool take_response(std::string& input, std::string_view wanted) {
    const std::size_t head = input.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view name = "Content-Length: ";
    std::size_t length = 0;
    const std::size_t at = input.find(name);
    if (at < head) {
        std::from_chars(input.data() + at + name.size(), input.data() + head, length);
    }
    if (input.size() < head + 4 + length) return false;
    if (std::string_view{input}.substr(9, 3) != wanted || input.find("\"error\"") != std::string::npos) {
        throw std::runtime_error("not the answer that was wanted: " + input.substr(0, 400));
    }
    input.erase(0, head + 4 + length);
    return true;
}

std::uint64_t run(std::vector<lane>& lanes, const std::string& request, std::string_view wanted,
                  std::chrono::milliseconds length) {
    const auto end = clock_type::now() + length;
    std::vector<pollfd> watched;
    for (lane& each : lanes) {
        watched.push_back({each.fd, POLLIN, 0});
        send_all(each.fd, request);
    }
    std::uint64_t answered = 0;
    std::size_t under_way = lanes.size();
    std::array<char, 65'536> buffer{};
    while (under_way > 0) {
        if (::poll(watched.data(), watched.size(), 10'000) <= 0) throw std::runtime_error("no answer");
        for (std::size_t i = 0; i < lanes.size(); ++i) {
            if ((watched[i].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
            const ssize_t got = ::recv(lanes[i].fd, buffer.data(), buffer.size(), 0);
            if (got <= 0) throw std::runtime_error("the server closed the connection");
            lanes[i].input.append(buffer.data(), static_cast<std::size_t>(got));
            if (!take_response(lanes[i].input, wanted)) continue;
            ++answered;
            if (clock_type::now() < end) {
                send_all(lanes[i].fd, request);
            } else {
                --under_way;
            }
        }
    }
    return answered;
}

std::string post(const std::string& path, const std::string& secret, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + secret +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string measure(int count, char** words) {
    if (count != 6) throw std::runtime_error(usage);
    const auto port = static_cast<std::uint16_t>(std::stoi(words[1]));
    const process_meter server{static_cast<pid_t>(std::stoi(words[2]))};
    const std::string secret = words[3];
    const std::chrono::milliseconds round{std::stoi(words[4])};
    const int rounds = std::stoi(words[5]);

    const std::string event =
        R"({"event":"news","to":"nobody","args":[{"id":42,"text":"0123456789abcdef"}]})";
    std::string commands = "{\"commands\":[";
    for (int i = 0; i < batch_size; ++i) commands += (i == 0 ? "{\"emit\":" : ",{\"emit\":") + event + '}';
    commands += "]}";
    struct kind {
        const char* name;
        std::string request;
        const char* wanted;
        int events;
    };
    const std::string kept = R"({"event":"kept","args":[{"votes":1}]})";
    const std::vector<kind> kinds{
        {"emit", post("/roomcast/v1/emit", secret, event), "200", 1},
        {"batch", post("/roomcast/v1/batch", secret, commands), "200", batch_size},
        {"state", "GET /state HTTP/1.1\r\nHost: bench\r\n\r\n", "200", 1},
        {"unchanged", "GET /state HTTP/1.1\r\nHost: bench\r\nIf-None-Match: *\r\n\r\n", "304", 1},
    };
    std::vector<lane> lanes(connections);
    for (lane& each : lanes) each.fd = connect_to(port);
    run(lanes, post("/roomcast/v1/emit", secret, kept), "200", std::chrono::milliseconds{0});

    json_object result;
    for (const kind& each : kinds) {
        run(lanes, each.request, each.wanted, round / 2);
        std::vector<double> cost;
        std::vector<double> speed;
        for (int i = 0; i < rounds; ++i) {
            const auto cpu = server.cpu_time();
            const auto began = clock_type::now();
            const auto events =
                static_cast<double>(run(lanes, each.request, each.wanted, round)) * each.events;
            const std::chrono::duration<double> took = clock_type::now() - began;
            const std::chrono::duration<double, std::micro> used = server.cpu_time() - cpu;
            cost.push_back(used.count() / events);
            speed.push_back(events / took.count());
        }
        json_object one;
        one.add_json("server_us", summary(cost));
        one.add("per_core_s", 1e6 / median(cost));
        one.add_json("per_s", summary(speed));
        result.add_json(each.name, one.text());
    }
    for (const lane& each : lanes) ::close(each.fd);
    return result.text();
}

} // namespace

int main(int count, char** words) {
    try {
        std::printf("%s\n", measure(count, words).c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
