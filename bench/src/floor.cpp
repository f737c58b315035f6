// The floor: what no server on this machine can do better by much. It knows the few packets of the bench by
// their first bytes, keeps nothing about a client but its file and its rooms, prepares every frame once, and
// writes to each socket once a turn. It has no heartbeat, no limits, no JSON, no error answers: it is a ruler
// and not a server.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "frame.hpp"
#include "sha1.hpp"

namespace roomcast::bench {
namespace {

constexpr int events_per_turn = 1024;
constexpr std::size_t read_bytes = std::size_t{256} * 1024;
constexpr std::string_view accept_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3

/// What a connection needs only while a frame is incomplete or the kernel does not take more.
struct backlog {
    std::string unread;
    std::string unsent;
};

struct connection {
    int fd = -1;
    enum class phase : std::uint8_t { http, frames } phase = phase::http;
    bool is_queued = false;
    std::string replies; ///< frames for this client alone, of this turn
    std::unique_ptr<backlog> rest;
};

struct room {
    std::vector<connection*> members;
    std::string frames; ///< what all members are owed this turn, encoded once
};

std::string plain_text_frame(std::string_view payload) {
    std::string frame;
    append_plain_frame(frame, opcode::text, payload);
    return frame;
}

class floor_server {
public:
    explicit floor_server(std::uint16_t port);
    [[noreturn]] void run();

private:
    void accept_all();
    void read_from(connection& from);
    std::size_t consume(connection& from, char* input, std::size_t size);
    std::size_t answer_upgrade(connection& from, std::string_view input);
    void on_packet(connection& from, std::string_view packet);
    void on_event(connection& from, std::string_view packet);
    void reply(connection& to, std::string_view frame);
    void end_turn();
    void write(connection& to, std::string_view own, std::string_view shared);
    void watch(connection& subject, std::uint32_t events, int operation);
    void close(connection& subject);

    int listener_ = -1;
    int epoll_ = -1;
    std::vector<std::unique_ptr<connection>> by_file_;
    std::vector<connection*> queued_;
    std::map<std::string, room, std::less<>> rooms_;
    std::vector<room*> owed_rooms_;
    std::vector<std::unique_ptr<connection>>
        closed_; ///< kept to the end of the turn: events may point at them
    std::string buffer_ = std::string(read_bytes, '\0');
    const std::string open_frame_ = plain_text_frame(
        R"(0{"sid":"floorfloorfloorfloor","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})");
    const std::string connect_frame_ = plain_text_frame(R"(40{"sid":"floorfloorfloorfloor"})");
};

floor_server::floor_server(std::uint16_t port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, SOMAXCONN) != 0) {
        throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
    }
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
}

void floor_server::run() {
    std::vector<epoll_event> events(events_per_turn);
    for (;;) {
        const int count = epoll_wait(epoll_, events.data(), events_per_turn, -1);
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.ptr == nullptr) {
                accept_all();
                continue;
            }
            connection& subject = *static_cast<connection*>(event.data.ptr);
            if (subject.fd < 0) continue;
            if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read_from(subject);
            if ((event.events & EPOLLOUT) != 0 && subject.fd >= 0) write(subject, {}, {});
        }
        end_turn();
        closed_.clear();
    }
}

void floor_server::accept_all() {
    for (;;) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const auto slot = static_cast<std::size_t>(fd);
        if (by_file_.size() <= slot) by_file_.resize(slot + 1);
        by_file_[slot] = std::make_unique<connection>();
        by_file_[slot]->fd = fd;
        watch(*by_file_[slot], EPOLLIN, EPOLL_CTL_ADD);
    }
}

void floor_server::read_from(connection& from) {
    std::size_t kept = 0;
    if (from.rest && !from.rest->unread.empty()) {
        kept = from.rest->unread.size();
        if (kept >= buffer_.size()) return close(from);
        std::memcpy(buffer_.data(), from.rest->unread.data(), kept);
        from.rest->unread.clear();
    }
    const ssize_t count = read(from.fd, buffer_.data() + kept, buffer_.size() - kept);
    if (count < 0 && errno != EAGAIN) return close(from);
    if (count == 0) return close(from);
    const std::size_t size = kept + static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    const std::size_t used = consume(from, buffer_.data(), size);
    if (from.fd < 0 || used == size) return;
    if (!from.rest) from.rest = std::make_unique<backlog>();
    from.rest->unread.assign(buffer_, used, size - used);
}

std::size_t floor_server::consume(connection& from, char* input, std::size_t size) {
    std::size_t used = 0;
    if (from.phase == connection::phase::http) used = answer_upgrade(from, {input, size});
    if (from.phase == connection::phase::http) return used;
    while (from.fd >= 0) {
        const auto head = read_frame_head({input + used, size - used});
        if (!head || size - used - head->head_bytes < head->payload_bytes) break;
        char* const payload = input + used + head->head_bytes;
        const auto payload_bytes = static_cast<std::size_t>(head->payload_bytes);
        used += head->head_bytes + payload_bytes;
        if (head->kind == opcode::close) {
            close(from);
            break;
        }
        if (head->kind != opcode::text) continue;
        apply_mask(payload, payload_bytes, head->mask);
        on_packet(from, {payload, payload_bytes});
    }
    return used;
}

std::size_t floor_server::answer_upgrade(connection& from, std::string_view input) {
    const std::size_t end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) return 0;
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const std::size_t at = input.find(name);
    if (at > end) {
        close(from);
        return input.size();
    }
    const std::string_view key = input.substr(at + name.size(), input.find('\r', at) - at - name.size());
    std::string response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Accept: " +
                           base64(sha1(std::string(key).append(accept_suffix))) + "\r\n\r\n";
    from.phase = connection::phase::frames;
    reply(from, response.append(open_frame_));
    return end + 4;
}

void floor_server::on_packet(connection& from, std::string_view packet) {
    if (packet.substr(0, 2) == "42") return on_event(from, packet.substr(2));
    if (packet == "40") reply(from, connect_frame_);
}

// "<id>["echo",<arguments>]" and so on: everything is found by where it must stand.
void floor_server::on_event(connection& from, std::string_view packet) {
    const std::size_t bracket = packet.find('[');
    if (bracket == std::string_view::npos) return;
    const std::string_view id = packet.substr(0, bracket);
    const std::string_view event = packet.substr(bracket);
    constexpr std::string_view echo = R"(["echo",)";
    constexpr std::string_view join = R"(["join",")";
    constexpr std::string_view publish = R"(["publish",")";

    std::string_view answer = "[]";
    if (event.starts_with(echo)) {
        const std::string_view arguments = event.substr(echo.size());
        if (id.empty()) return;
        append_frame_head(from.replies, opcode::text, 3 + id.size() + arguments.size(), masking::plain);
        from.replies.append("43").append(id).append("[").append(arguments);
        reply(from, {});
        return;
    }
    if (event.starts_with(join)) {
        const std::string_view name = event.substr(join.size(), event.rfind('"') - join.size());
        rooms_[std::string(name)].members.push_back(&from);
    } else if (event.starts_with(publish)) {
        const std::string_view rest = event.substr(publish.size());
        const std::size_t quote = rest.find('"');
        const auto target = rooms_.find(rest.substr(0, quote));
        if (target != rooms_.end()) {
            const std::string_view arguments = rest.substr(quote + 1); // ,<payload>]
            constexpr std::string_view start = R"(42["msg")";
            std::string& frames = target->second.frames;
            if (frames.empty()) owed_rooms_.push_back(&target->second);
            append_frame_head(frames, opcode::text, start.size() + arguments.size(), masking::plain);
            frames.append(start).append(arguments);
        }
    }
    if (id.empty()) return;
    append_frame_head(from.replies, opcode::text, 2 + id.size() + answer.size(), masking::plain);
    from.replies.append("43").append(id).append(answer);
    reply(from, {});
}

void floor_server::reply(connection& to, std::string_view frame) {
    to.replies.append(frame);
    if (to.is_queued) return;
    to.is_queued = true;
    queued_.push_back(&to);
}

void floor_server::end_turn() {
    for (room* owed : owed_rooms_) {
        for (connection* member : owed->members) {
            write(*member, member->replies, owed->frames);
            if (member->is_queued) member->replies.clear();
        }
        owed->frames.clear();
    }
    owed_rooms_.clear();
    for (connection* subject : queued_) {
        subject->is_queued = false;
        if (subject->fd >= 0 && !subject->replies.empty()) write(*subject, subject->replies, {});
        // A quiet connection keeps no buffer.
        subject->replies = std::string();
    }
    queued_.clear();
}

void floor_server::write(connection& to, std::string_view own, std::string_view shared) {
    if (to.fd < 0) return;
    std::string late = to.rest ? std::move(to.rest->unsent) : std::string();
    if (!late.empty()) {
        late.append(own);
        own = late;
    }
    iovec parts[2] = {{const_cast<char*>(own.data()), own.size()},
                      {const_cast<char*>(shared.data()), shared.size()}};
    const bool has_own = !own.empty();
    const ssize_t count = shared.empty() ? send(to.fd, own.data(), own.size(), MSG_NOSIGNAL)
                          : has_own      ? writev(to.fd, parts, 2)
                                         : send(to.fd, shared.data(), shared.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return close(to);
    const auto written = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    const bool was_full = !late.empty();
    if (written == own.size() + shared.size()) {
        if (to.rest) to.rest->unsent.clear();
        if (was_full) watch(to, EPOLLIN, EPOLL_CTL_MOD);
        return;
    }
    std::string unsent(own.substr(std::min(written, own.size())));
    unsent.append(shared.substr(written > own.size() ? written - own.size() : 0));
    if (!to.rest) to.rest = std::make_unique<backlog>();
    to.rest->unsent = std::move(unsent);
    watch(to, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

void floor_server::watch(connection& subject, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &subject;
    epoll_ctl(epoll_, operation, subject.fd, &event);
}

void floor_server::close(connection& subject) {
    if (subject.fd < 0) return;
    for (auto& [name, target] : rooms_) std::erase(target.members, &subject);
    const auto slot = static_cast<std::size_t>(subject.fd);
    ::close(subject.fd);
    subject.fd = -1;
    closed_.push_back(std::move(by_file_[slot]));
}

} // namespace
} // namespace roomcast::bench

int main() {
    // Settings come by environment, as for the servers that it is compared with.
    const char* const port = std::getenv("PORT");
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    std::signal(SIGPIPE, SIG_IGN);
    try {
        roomcast::bench::floor_server(static_cast<std::uint16_t>(port == nullptr ? 3009 : std::atoi(port)))
            .run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
