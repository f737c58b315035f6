#pragma once

#include "engine/context.hpp"
#include "transport/connection.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <string>

namespace roomcast::server::http {

/// Accepts connections on the first shard and deals them out to all in turn.
class listener {
public:
    listener(engine::context& shared, transport::request_handler& handler);

    /// Opens the port. @errors std::system_error
    void open(const std::string& host, std::uint16_t port);
    /// Begins to accept; on the first shard's thread.
    void start();
    void close();
    std::uint16_t port() const { return port_; }

private:
    void wait();
    void accept_some();

    engine::context* context_;
    transport::request_handler* handler_;
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer pause_;
    std::size_t next_shard_ = 0;
    std::uint16_t port_ = 0;
};

} // namespace roomcast::server::http
