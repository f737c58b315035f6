#include "app/health_check.hpp"

#include "base/address_set.hpp"

#include <openssl/ssl.h>

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

namespace roomcast::server::app {

namespace {

using steady = std::chrono::steady_clock;

constexpr std::string_view unix_prefix = "unix:";
/// "HTTP/1.1 200" and the blank or line end behind it.
constexpr std::size_t status_line_bytes = 13;

class descriptor {
public:
    explicit descriptor(int number) noexcept : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor& operator=(descriptor&&) = delete;
    ~descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const noexcept { return number_; }

private:
    int number_;
};

/// Bounds each of connect, read and write by what is left.
void bound(const descriptor& socket, steady::time_point end) {
    const auto left = std::max<std::chrono::microseconds>(
        std::chrono::duration_cast<std::chrono::microseconds>(end - steady::now()),
        std::chrono::milliseconds{1});
    timeval most{};
    most.tv_sec = static_cast<time_t>(left.count() / 1'000'000);
    most.tv_usec = static_cast<suseconds_t>(left.count() % 1'000'000);
    ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

descriptor connect_to(int family, const sockaddr* address, socklen_t length, steady::time_point end,
                      std::string& why) {
    descriptor socket{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (socket.number() >= 0) bound(socket, end);
    if (socket.number() >= 0 && ::connect(socket.number(), address, length) == 0) return socket;
    why = errno == EINPROGRESS ? "no answer in time" : std::strerror(errno);
    return descriptor{-1};
}

descriptor connect_unix(const std::string& path, steady::time_point end, std::string& why) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        why = "the path of the socket is too long";
        return descriptor{-1};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, end, why);
}

descriptor connect_tcp(const outbound::url& where, steady::time_point end, std::string& why) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* raw = nullptr;
    const int failed = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &wanted, &raw);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found{raw, &::freeaddrinfo};
    if (failed != 0) why = ::gai_strerror(failed);
    for (const addrinfo* each = failed == 0 ? raw : nullptr; each != nullptr; each = each->ai_next) {
        descriptor socket = connect_to(each->ai_family, each->ai_addr, each->ai_addrlen, end, why);
        if (socket.number() >= 0) return socket;
    }
    return descriptor{-1};
}

/// The connection, with TLS or without.
class stream {
public:
    stream(descriptor socket, steady::time_point end) : socket_{std::move(socket)}, end_{end} {}

    bool begin_tls() {
        context_.reset(::SSL_CTX_new(::TLS_client_method()));
        if (context_) tls_.reset(::SSL_new(context_.get()));
        if (!tls_ || ::SSL_set_fd(tls_.get(), socket_.number()) != 1) return false;
        return ::SSL_connect(tls_.get()) == 1;
    }

    bool write(std::string_view text) {
        while (!text.empty()) {
            const auto count = tls_ ? ::SSL_write(tls_.get(), text.data(), static_cast<int>(text.size()))
                                    : ::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

    /// As many bytes as are wanted, or fewer when there are no more or no more time.
    std::string read(std::size_t wanted) {
        std::string out(wanted, '\0');
        std::size_t have = 0;
        while (have < wanted && steady::now() < end_) {
            bound(socket_, end_);
            char* const to = out.data() + have;
            const auto count = tls_ ? ::SSL_read(tls_.get(), to, static_cast<int>(wanted - have))
                                    : ::recv(socket_.number(), to, wanted - have, 0);
            if (count <= 0) break;
            have += static_cast<std::size_t>(count);
        }
        out.resize(have);
        return out;
    }

private:
    descriptor socket_;
    steady::time_point end_;
    std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context_{nullptr, &::SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&::SSL_free)> tls_{nullptr, &::SSL_free};
};

unsigned status_in(std::string_view line) {
    unsigned status = 0;
    if (line.size() < status_line_bytes || !line.starts_with("HTTP/1.") || line[8] != ' ') return 0;
    const auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, status);
    return error == std::errc{} && end == line.data() + 12 ? status : 0;
}

} // namespace

std::optional<health_place> health_place_of(const config::settings& chosen) {
    health_place place;
    place.where.target = "/health";
    place.where.port = std::to_string(chosen.server.port);
    place.where.is_tls = chosen.server.tls.is_on();
    const auto begins_as_proxy = [&](std::string_view peer) {
        base::address_set trusted;
        for (const std::string& each : chosen.server.trusted_proxies) (void)trusted.add(each);
        return chosen.server.proxy_protocol && trusted.contains(peer);
    };
    std::string host = chosen.server.host;
    if (host.starts_with(unix_prefix)) {
        place.unix_path = host.substr(unix_prefix.size());
        place.where.host = "localhost";
        place.has_proxy_header = begins_as_proxy(base::unix_peer);
        return place;
    }
    if (chosen.server.port == 0) return std::nullopt;
    if (host == "0.0.0.0" || host == "0") host = "127.0.0.1";
    if (host == "::" || host == "0:0:0:0:0:0:0:0") host = "::1";
    // On the same machine both ends of a connection have the same address.
    place.has_proxy_header = begins_as_proxy(host);
    place.where.host = std::move(host);
    return place;
}

std::optional<health_place> health_place_at(std::string_view url) {
    auto where = outbound::parse_url(url);
    if (!where) return std::nullopt;
    return health_place{std::move(*where), {}, false};
}

health_answer ask_health(const health_place& place, core::duration timeout) {
    // What a closed TLS connection does to a write is to be an error, not the end of the program.
    std::signal(SIGPIPE, SIG_IGN);
    const steady::time_point end = steady::now() + timeout;
    health_answer answer;
    descriptor socket = place.unix_path.empty() ? connect_tcp(place.where, end, answer.why)
                                                : connect_unix(place.unix_path, end, answer.why);
    if (socket.number() < 0) return answer;
    stream connection{std::move(socket), end};
    if (place.has_proxy_header) (void)connection.write("PROXY UNKNOWN\r\n");
    if (place.where.is_tls && !connection.begin_tls()) {
        answer.why = "no TLS there, or no answer in time";
        return answer;
    }
    const std::string question = "GET " + place.where.target +
                                 " HTTP/1.1\r\nHost: " + place.where.host_header() +
                                 "\r\nUser-Agent: roomcast-healthcheck\r\nConnection: close\r\n\r\n";
    if (connection.write(question)) answer.status = status_in(connection.read(status_line_bytes));
    if (answer.status == 0) answer.why = "no HTTP answer in time";
    return answer;
}

} // namespace roomcast::server::app
