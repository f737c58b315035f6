#pragma once

#include "engine/context.hpp"
#include "transport/connection.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

namespace roomcast::server::http {

/// Listens on a port or a unix socket. Accepts connections on the first shard and deals them out to all in
/// turn.
class listener {
public:
    listener(engine::context& shared, transport::request_handler& handler);
    ~listener();

    /// Opens the port, or the unix socket of a host `unix:/path`. @errors std::system_error
    void open(const std::string& host, std::uint16_t port);
    /// Connections speak TLS from now on; nullptr: they do not. Before `start`, or on the first shard's
    /// thread.
    void use_tls(std::shared_ptr<const transport::tls_context> context) { tls_ = std::move(context); }
    /// Begins to accept; on the first shard's thread.
    void start();
    void close();
    /// 0 for a unix socket.
    std::uint16_t port() const { return port_; }

private:
    int open_port(const std::string& host, std::uint16_t port);
    int open_unix(const std::string& path);
    void remove_unix();
    void wait();
    void accept_some();

    engine::context* context_;
    transport::request_handler* handler_;
    boost::asio::posix::stream_descriptor acceptor_;
    boost::asio::steady_timer pause_;
    std::shared_ptr<const transport::tls_context> tls_;
    std::string unix_path_; ///< of the file that is ours, empty: none
    dev_t unix_device_ = 0;
    ino_t unix_inode_ = 0;
    std::size_t next_shard_ = 0;
    std::uint16_t port_ = 0;
};

} // namespace roomcast::server::http
