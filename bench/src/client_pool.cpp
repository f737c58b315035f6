#include "client_pool.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

namespace roomcast::bench {
namespace {

// One key for all: a server has no way to use that, and the answer can be compared whole (it is the pair of
// RFC 6455, 1.3).
constexpr std::string_view upgrade_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view upgrade_accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

constexpr std::size_t read_bytes = std::size_t{256} * 1024;
constexpr std::size_t max_frame_bytes = std::size_t{4} * 1024 * 1024;
constexpr std::size_t max_response_bytes = std::size_t{16} * 1024;
constexpr std::size_t clients_per_source = 4000;
constexpr std::size_t min_sources = 4;
constexpr int events_per_turn = 1024;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

void listener::on_lost(client& subject) {
    throw std::runtime_error("the server closed connection " + std::to_string(subject.index));
}

// One source address to one port becomes slow past some 14 000 connections: the kernel searches long for a
// free port. So clients come from several addresses of 127.0.0.0/8.
client_pool::client_pool(sockaddr_in target, std::size_t expected_clients, compression wanted)
    : target_(target), source_count_(std::max(min_sources, expected_clients / clients_per_source + 1)),
      compression_(wanted), inflater_(nullptr, nullptr), events_(events_per_turn),
      read_buffer_(read_bytes, '\0') {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) fail("epoll_create1");
    char host[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &target_.sin_addr, host, sizeof host);
    upgrade_request_ = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: " + std::string(host) +
                       ":" + std::to_string(ntohs(target_.sin_port)) +
                       "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: " +
                       std::string(upgrade_key) + "\r\n";
    if (wanted == compression::deflate) {
        upgrade_request_ += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
        inflater_ = {new z_stream_s{}, [](z_stream_s* one) {
                         const int result = ::inflateEnd(one);
                         delete one;
                         return result;
                     }};
        if (::inflateInit2(inflater_.get(), -15) != Z_OK) throw std::runtime_error("zlib does not begin");
        inflated_.resize(max_frame_bytes);
    }
    upgrade_request_ += "\r\n";
}

client_pool::~client_pool() {
    for (client& subject : clients_) {
        if (subject.fd >= 0) ::close(subject.fd);
    }
    if (epoll_ >= 0) ::close(epoll_);
}

client& client_pool::open() {
    client& subject = clients_.emplace_back();
    subject.index = clients_.size() - 1;
    subject.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (subject.fd < 0) fail("socket");
    const int on = 1;
    setsockopt(subject.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // The port is then chosen at connect, where it only has to be free for this pair of addresses.
    setsockopt(subject.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(opened_++ % source_count_));
    if (bind(subject.fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) fail("bind");
    if (connect(subject.fd, reinterpret_cast<const sockaddr*>(&target_), sizeof target_) != 0 &&
        errno != EINPROGRESS) {
        fail("connect");
    }
    epoll_event event{};
    event.events = subject.registered_events = EPOLLOUT;
    event.data.ptr = &subject;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, subject.fd, &event) != 0) fail("epoll_ctl");
    return subject;
}

void client_pool::open_ready(std::size_t count, std::size_t batch, steady_time deadline) {
    const std::size_t already = ready_count_;
    std::size_t started = 0;
    while (ready_count_ - already < count) {
        if (ready_count_ - already == started) {
            const std::size_t next = std::min(batch, count - started);
            for (std::size_t i = 0; i < next; ++i) open();
            started += next;
        }
        if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("connecting took too long");
        turn_for(std::chrono::milliseconds{50});
    }
}

void client_pool::close_all(std::chrono::milliseconds grace) {
    for (client& subject : clients_) {
        if (subject.fd < 0) continue;
        if (subject.state == client_state::ready) {
            --ready_count_;
            queue(subject, opcode::close, std::string_view("\x03\xe8", 2)); // 1000
        }
        subject.state = client_state::closing;
    }
    flush_queued();
    const auto deadline = std::chrono::steady_clock::now() + grace;
    const auto is_open = [](const client& subject) { return subject.fd >= 0; };
    while (std::any_of(clients_.begin(), clients_.end(), is_open) &&
           std::chrono::steady_clock::now() < deadline) {
        turn_for(std::chrono::milliseconds{20});
    }
    for (client& subject : clients_) {
        if (subject.fd >= 0) drop(subject);
    }
    queued_.clear();
    clients_.clear();
}

void client_pool::send(client& to, std::string_view packet) {
    packet_.assign(1, '4');
    packet_.append(packet);
    queue(to, opcode::text, packet_);
}

void client_pool::send_attachment(client& to, std::string_view bytes) {
    queue(to, opcode::binary, bytes);
}

void client_pool::turn(steady_time until) {
    const auto now = std::chrono::steady_clock::now();
    const auto wait = std::max(until - now, std::chrono::steady_clock::duration::zero());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wait);
    const timespec timeout{static_cast<time_t>(whole.count()),
                           static_cast<long>(std::chrono::nanoseconds(wait - whole).count())};
    flush_queued();
    const int count = epoll_pwait2(epoll_, events_.data(), events_per_turn, &timeout, nullptr);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events_[static_cast<std::size_t>(i)];
        if (event.data.ptr != nullptr) handle(*static_cast<client*>(event.data.ptr), event.events);
    }
    flush_queued();
}

void client_pool::turn_for(std::chrono::nanoseconds duration) {
    turn(std::chrono::steady_clock::now() + duration);
}

void client_pool::watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void client_pool::handle(client& subject, std::uint32_t events) {
    if (subject.state == client_state::connecting) {
        finish_connect(subject);
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(subject);
    if ((events & EPOLLOUT) != 0 && subject.fd >= 0) flush(subject);
}

void client_pool::finish_connect(client& subject) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(subject.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) throw std::system_error(error, std::generic_category(), "connect");
    subject.state = client_state::upgrading;
    subject.unsent = upgrade_request_;
    register_events(subject, EPOLLIN);
    flush(subject);
}

// One read a turn: level-triggered epoll comes back when there is more, and a second read only to hear EAGAIN
// would be the dearest part of a small message.
void client_pool::read_from(client& subject) {
    const ssize_t count = ::read(subject.fd, read_buffer_.data(), read_buffer_.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        const bool is_expected = subject.state == client_state::closing;
        drop(subject);
        if (!is_expected) listener_->on_lost(subject);
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    std::string_view input(read_buffer_.data(), static_cast<std::size_t>(count));
    if (subject.unread.empty()) {
        subject.unread.assign(input.substr(consume(subject, input, now)));
    } else {
        subject.unread.append(input);
        const std::string whole = std::move(subject.unread);
        subject.unread.assign(whole, consume(subject, whole, now));
    }
}

std::size_t client_pool::consume(client& subject, std::string_view input, steady_time now) {
    std::size_t used = 0;
    if (subject.state == client_state::upgrading) used = consume_upgrade(subject, input);
    if (subject.state == client_state::upgrading) return used;
    while (subject.fd >= 0) {
        const auto head = read_frame_head(input.substr(used));
        if (!head) break;
        if (head->cover == masking::masked) throw std::runtime_error("the server sent a masked frame");
        if (head->position == fragment::part) throw std::runtime_error("the server sent a fragment");
        if (head->payload_bytes > max_frame_bytes)
            throw std::runtime_error("the server sent too long a frame");
        const auto payload_bytes = static_cast<std::size_t>(head->payload_bytes);
        if (input.size() - used < head->head_bytes + payload_bytes) break;
        const std::string_view payload = input.substr(used + head->head_bytes, payload_bytes);
        on_frame(subject, head->kind, head->is_compressed ? inflate(payload) : payload, now);
        used += head->head_bytes + payload_bytes;
    }
    return subject.fd < 0 ? input.size() : used;
}

std::size_t client_pool::consume_upgrade(client& subject, std::string_view input) {
    const std::size_t end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (input.size() > max_response_bytes) throw std::runtime_error("the upgrade response is too long");
        return 0;
    }
    const std::string_view response = input.substr(0, end);
    if (response.substr(0, 12) != "HTTP/1.1 101" || response.find(upgrade_accept) == std::string_view::npos) {
        throw std::runtime_error("the server refused the upgrade: " +
                                 std::string(response.substr(0, response.find('\r'))));
    }
    const bool is_deflated = response.find("permessage-deflate; server_no_context") != std::string_view::npos;
    if (is_deflated != (compression_ == compression::deflate)) {
        throw std::runtime_error("the server and the generator disagree about compression");
    }
    subject.state = client_state::opening;
    return end + 4;
}

/// Every message for itself: this is what the server is asked for.
std::string_view client_pool::inflate(std::string_view message) {
    if (!inflater_) throw std::runtime_error("the server compressed what was not to be");
    constexpr std::string_view end{"\x00\x00\xff\xff", 4};
    z_stream_s& z = *inflater_;
    ::inflateReset(&z);
    z.next_out = reinterpret_cast<Bytef*>(inflated_.data());
    z.avail_out = static_cast<uInt>(inflated_.size());
    for (const std::string_view piece : {message, end}) {
        z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
        z.avail_in = static_cast<uInt>(piece.size());
        const int result = ::inflate(&z, Z_SYNC_FLUSH);
        if (result != Z_OK || z.avail_in != 0) throw std::runtime_error("a message that is no deflate");
    }
    return std::string_view{inflated_}.substr(0, inflated_.size() - z.avail_out);
}

void client_pool::on_frame(client& subject, opcode kind, std::string_view payload, steady_time now) {
    switch (kind) {
    case opcode::text: on_engine_packet(subject, payload, now); return;
    case opcode::binary: listener_->on_attachment(subject, payload); return;
    case opcode::ping: queue(subject, opcode::pong, payload); return;
    case opcode::close: // the end of the stream follows and is handled there
    case opcode::pong: return;
    case opcode::continuation: break;
    }
    throw std::runtime_error("the server sent an unexpected frame");
}

void client_pool::on_engine_packet(client& subject, std::string_view payload, steady_time now) {
    if (payload.empty() || subject.state == client_state::closing) return;
    switch (payload.front()) {
    case '0':
        if (subject.state != client_state::opening) break;
        subject.state = client_state::joining;
        listener_->on_open(subject, payload.substr(1), now);
        queue(subject, opcode::text, "40");
        return;
    case '2':
        listener_->on_ping(subject, now);
        queue(subject, opcode::text, "3");
        return;
    case '4':
        if (subject.state == client_state::joining && payload.substr(0, 3) == "40{") {
            subject.state = client_state::ready;
            ++ready_count_;
            listener_->on_ready(subject);
            return;
        }
        if (subject.state == client_state::ready) {
            listener_->on_packet(subject, payload.substr(1), now);
            return;
        }
        break;
    case '6': return;
    default: break;
    }
    throw std::runtime_error("unexpected packet: " + std::string(payload.substr(0, 80)));
}

void client_pool::queue(client& subject, opcode kind, std::string_view payload) {
    mask_ = mask_ * 1664525U + 1013904223U; // unlike masks, so that no server gains by a mask of zero
    append_masked_frame(subject.unsent, kind, payload, mask_);
    enlist(subject);
}

void client_pool::enlist(client& subject) {
    if (subject.is_queued) return;
    subject.is_queued = true;
    queued_.push_back(&subject);
}

void client_pool::flush_queued() {
    for (client* subject : queued_) {
        subject->is_queued = false;
        if (subject->fd >= 0) flush(*subject);
    }
    queued_.clear();
}

void client_pool::flush(client& subject) {
    if (!subject.unsent.empty()) {
        const ssize_t count = ::send(subject.fd, subject.unsent.data(), subject.unsent.size(), MSG_NOSIGNAL);
        if (count > 0) {
            subject.unsent.erase(0, static_cast<std::size_t>(count));
        } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
            subject.unsent.clear(); // the read that follows reports the loss
        }
    }
    register_events(subject, subject.unsent.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void client_pool::register_events(client& subject, std::uint32_t events) {
    if (subject.registered_events == events) return;
    subject.registered_events = events;
    epoll_event event{};
    event.events = events;
    event.data.ptr = &subject;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, subject.fd, &event) != 0) fail("epoll_ctl");
}

void client_pool::drop(client& subject) {
    if (subject.state == client_state::ready) --ready_count_;
    ::close(subject.fd);
    subject.fd = -1;
    subject.state = client_state::closed;
}

} // namespace roomcast::bench
