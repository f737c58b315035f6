#include "http/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace asio = boost::asio;

namespace roomcast::server::http {

namespace {

/// Accepted in one turn; others wait in the kernel's queue meanwhile.
constexpr int most_a_turn = 128;

std::string address_text(const sockaddr_storage& from) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (from.ss_family == AF_INET) {
        const auto& address = reinterpret_cast<const sockaddr_in&>(from);
        ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    } else if (from.ss_family == AF_INET6) {
        const auto& address = reinterpret_cast<const sockaddr_in6&>(from);
        ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

} // namespace

listener::listener(engine::context& shared, transport::request_handler& handler)
    : context_(&shared), handler_(&handler), acceptor_(shared.shards.front()->io()),
      pause_(shared.shards.front()->io()) {}

void listener::open(const std::string& host, std::uint16_t port) {
    asio::ip::tcp::resolver resolver{context_->shards.front()->io()};
    boost::system::error_code error;
    const auto found = resolver.resolve(host, std::to_string(port), asio::ip::resolver_base::passive, error);
    if (error || found.empty()) {
        throw std::system_error{std::make_error_code(std::errc::address_not_available),
                                "cannot resolve the host to listen on, " + host};
    }
    const asio::ip::tcp::endpoint at = found.begin()->endpoint();
    const auto check = [&](const boost::system::error_code& failed, const char* what) {
        if (failed) throw std::system_error{failed, what};
    };
    acceptor_.open(at.protocol(), error);
    check(error, "cannot open a socket");
    acceptor_.set_option(asio::socket_base::reuse_address{true}, error);
    acceptor_.bind(at, error);
    check(error, "cannot listen");
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    check(error, "cannot listen");
    acceptor_.native_non_blocking(true, error);
    port_ = acceptor_.local_endpoint(error).port();
}

void listener::start() {
    wait();
}

void listener::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

void listener::wait() {
    acceptor_.async_wait(asio::socket_base::wait_read, [this](boost::system::error_code error) {
        if (!error) accept_some();
    });
}

void listener::accept_some() {
    for (int i = 0; i < most_a_turn; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof(from);
        const int fd = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) break;
            // No files left, most likely: the waiting connection stays readable, so ask again a little later.
            base::log("http").error("cannot accept a connection: {}", std::generic_category().message(errno));
            ++context_->shards.front()->counts().refused_connections;
            pause_.expires_after(std::chrono::milliseconds{100});
            pause_.async_wait([this](boost::system::error_code error) {
                if (!error) wait();
            });
            return;
        }
        const std::size_t most = context_->options.max_connections;
        if (most != 0 && context_->open_connections >= most) {
            ::close(fd);
            ++context_->shards.front()->counts().refused_connections;
            continue;
        }
        ++context_->open_connections;
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        auto made = std::make_unique<transport::connection>(fd, address_text(from), *handler_);
        engine::shard& home = *context_->shards[next_shard_++ % context_->shards.size()];
        home.dispatch([made = std::move(made), &home]() mutable {
            transport::connection::adopt(std::move(made), home);
        });
    }
    context_->shards.front()->end_turn();
    wait();
}

} // namespace roomcast::server::http
