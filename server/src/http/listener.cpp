#include "http/listener.hpp"

#include "base/log.hpp"
#include "transport/tls.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <utility>

namespace asio = boost::asio;

namespace roomcast::server::http {

namespace {

/// Accepted in one turn; others wait in the kernel's queue meanwhile.
constexpr int most_a_turn = 128;
/// Connections above the limit, for one plain answer each: whoever watches the server must still hear of it.
constexpr std::size_t most_spare = 16;

constexpr std::string_view unix_prefix = "unix:";

/// Closes a descriptor that nobody took.
class opened {
public:
    explicit opened(int fd) : fd_(fd) {
        if (fd < 0) throw std::system_error{errno, std::generic_category(), "cannot open a socket"};
    }
    ~opened() {
        if (fd_ >= 0) ::close(fd_);
    }
    opened(const opened&) = delete;
    opened& operator=(const opened&) = delete;
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_;
};

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::generic_category(), what};
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        throw std::system_error{std::make_error_code(std::errc::filename_too_long),
                                "a unix socket's path has 1 to " +
                                    std::to_string(sizeof(address.sun_path) - 1) + " bytes"};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// Removes the file of a server that ended without doing so. @errors std::system_error: somebody is there
void remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return;
    if (!S_ISSOCK(found.st_mode)) {
        throw std::system_error{std::make_error_code(std::errc::file_exists),
                                path + " is there and is no socket"};
    }
    const opened asking{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int result = ::connect(asking.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    // A full queue (EAGAIN) is somebody's, too.
    if (result == 0 || errno != ECONNREFUSED) {
        throw std::system_error{std::make_error_code(std::errc::address_in_use), path};
    }
    ::unlink(path.c_str());
}

std::string address_text(const sockaddr_storage& from) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (from.ss_family == AF_UNIX) return std::string{base::unix_peer};
    if (from.ss_family == AF_INET) {
        const auto& address = reinterpret_cast<const sockaddr_in&>(from);
        ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    } else if (from.ss_family == AF_INET6) {
        const auto& address = reinterpret_cast<const sockaddr_in6&>(from);
        ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    }
    // An IPv4 client of a socket for both kinds is known by its IPv4 address.
    return base::canonical_address(text.data()).value_or(text.data());
}

} // namespace

listener::listener(engine::context& shared, transport::request_handler& handler)
    : context_(&shared), handler_(&handler), acceptor_(shared.shards.front()->io()),
      pause_(shared.shards.front()->io()) {}

listener::~listener() {
    remove_unix();
}

void listener::open(const std::string& host, std::uint16_t port) {
    const bool is_unix = host.starts_with(unix_prefix);
    const int fd = is_unix ? open_unix(host.substr(unix_prefix.size())) : open_port(host, port);
    acceptor_.assign(fd);
}

int listener::open_port(const std::string& host, std::uint16_t port) {
    struct addresses_end {
        void operator()(addrinfo* all) const { ::freeaddrinfo(all); }
    };
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) {
        throw std::system_error{std::make_error_code(std::errc::address_not_available),
                                "cannot resolve the host to listen on, " + host};
    }
    const std::unique_ptr<addrinfo, addresses_end> all{found};
    opened made{::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(made.get(), found->ai_addr, found->ai_addrlen) != 0) fail("cannot listen");
    if (::listen(made.get(), SOMAXCONN) != 0) fail("cannot listen");
    sockaddr_storage at{};
    socklen_t size = sizeof(at);
    ::getsockname(made.get(), reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(at).sin6_port
                                           : reinterpret_cast<const sockaddr_in&>(at).sin_port);
    return made.release();
}

int listener::open_unix(const std::string& path) {
    const sockaddr_un address = unix_address(path);
    remove_stale(path, address);
    opened made{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        fail("cannot listen");
    }
    struct stat file {};
    if (::lstat(path.c_str(), &file) == 0) {
        unix_path_ = path;
        unix_device_ = file.st_dev;
        unix_inode_ = file.st_ino;
    }
    // Before `listen` nobody can connect, whatever the mode is.
    if (::chmod(path.c_str(), context_->options.socket_mode) != 0) fail("cannot set the unix socket's mode");
    if (::listen(made.get(), SOMAXCONN) != 0) fail("cannot listen");
    return made.release();
}

/// Removes the socket's file, unless somebody put another one into its place.
void listener::remove_unix() {
    const std::string path = std::exchange(unix_path_, {});
    if (path.empty()) return;
    struct stat file {};
    if (::lstat(path.c_str(), &file) == 0 && file.st_dev == unix_device_ && file.st_ino == unix_inode_) {
        ::unlink(path.c_str());
    }
}

void listener::start() {
    wait();
}

void listener::close() {
    boost::system::error_code ignored;
    remove_unix();
    acceptor_.close(ignored);
    pause_.cancel();
}

void listener::wait() {
    acceptor_.async_wait(asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
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
        const bool is_spare = most != 0 && context_->open_connections >= most;
        if (is_spare && context_->open_connections >= most + most_spare) {
            ::close(fd);
            base::log("http").warn("a connection was closed at once: there are {} already", most);
            ++context_->shards.front()->counts().refused_connections;
            continue;
        }
        ++context_->open_connections;
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        transport::arrival how{address_text(from)};
        how.is_trusted = context_->trusted_proxies.contains(how.address);
        how.has_proxy_header = how.is_trusted && context_->options.proxy_protocol;
        how.is_spare = is_spare;
        how.tls = tls_;
        auto made = std::make_unique<transport::connection>(fd, std::move(how), *handler_);
        engine::shard& home = *context_->shards[next_shard_++ % context_->shards.size()];
        home.dispatch([made = std::move(made), &home]() mutable {
            transport::connection::adopt(std::move(made), home);
        });
    }
    context_->shards.front()->end_turn();
    wait();
}

} // namespace roomcast::server::http
