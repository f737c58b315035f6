#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace roomcast::server::outbound {

/// An HTTP server that answers with whatever bytes a test wants.
class local_server {
public:
    /// What to do with one request: bytes to send, and whether the connection then ends.
    struct answer {
        std::string bytes;
        bool ends = false;
        bool stays_silent = false; ///< says nothing, and keeps the connection
        std::size_t piece = 0;     ///< bytes sent at a time, with a rest behind each; 0: all at once
    };
    using script = std::function<answer(const std::string& request)>;

    explicit local_server(script how) : how_(std::move(how)) {
        acceptor_.open(tcp::v4());
        acceptor_.bind({boost::asio::ip::address_v4::loopback(), 0});
        acceptor_.listen();
        port_ = acceptor_.local_endpoint().port();
        accepting_ = std::thread{[this] { accept(); }};
    }
    ~local_server() {
        is_stopping_ = true;
        tcp::socket last{loop_}; // wakes the acceptor
        boost::system::error_code ignored;
        last.connect({boost::asio::ip::address_v4::loopback(), port_}, ignored);
        accepting_.join();
        {
            const std::lock_guard lock{mutex_};
            for (auto& each : sockets_) each.shutdown(tcp::socket::shutdown_both, ignored);
        }
        for (auto& each : threads_) each.join();
    }
    local_server(const local_server&) = delete;
    local_server& operator=(const local_server&) = delete;

    std::string url(const std::string& target = "/", const std::string& host = "127.0.0.1") const {
        return "http://" + host + ':' + std::to_string(port_) + target;
    }
    int connections() const { return connections_; }
    std::vector<std::string> requests() const {
        const std::lock_guard lock{mutex_};
        return requests_;
    }

    static std::string ok(const std::string& body, const std::string& headers = {}) {
        return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    }

private:
    using tcp = boost::asio::ip::tcp;

    void accept() {
        for (;;) {
            tcp::socket one{loop_};
            boost::system::error_code error;
            acceptor_.accept(one, error);
            if (error || is_stopping_) return;
            ++connections_;
            const std::lock_guard lock{mutex_};
            sockets_.push_back(std::move(one));
            threads_.emplace_back([this, &socket = sockets_.back()] { serve(socket); });
        }
    }

    void serve(tcp::socket& socket) {
        std::string read;
        boost::system::error_code error;
        while (const auto request = next_request(socket, read)) {
            {
                const std::lock_guard lock{mutex_};
                requests_.push_back(*request);
            }
            const answer said = how_(*request);
            if (said.stays_silent) continue;
            send(socket, said);
            if (said.ends) break;
        }
        socket.shutdown(tcp::socket::shutdown_both, error);
    }

    static void send(tcp::socket& socket, const answer& said) {
        boost::system::error_code error;
        const std::size_t piece = said.piece == 0 ? said.bytes.size() : said.piece;
        for (std::size_t at = 0; at < said.bytes.size() && !error; at += piece) {
            boost::asio::write(socket, boost::asio::buffer(said.bytes.substr(at, piece)), error);
            if (said.piece != 0) std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    }

    static std::optional<std::string> next_request(tcp::socket& socket, std::string& read) {
        boost::system::error_code error;
        const std::size_t head =
            boost::asio::read_until(socket, boost::asio::dynamic_buffer(read), "\r\n\r\n", error);
        if (error) return std::nullopt;
        std::size_t size = head;
        if (const auto at = read.find("Content-Length: "); at < head)
            size += std::stoul(read.substr(at + 16));
        if (read.size() < size)
            boost::asio::read(socket, boost::asio::dynamic_buffer(read),
                              boost::asio::transfer_exactly(size - read.size()), error);
        if (error) return std::nullopt;
        std::string request = read.substr(0, size);
        read.erase(0, size);
        return request;
    }

    script how_;
    boost::asio::io_context loop_;
    tcp::acceptor acceptor_{loop_};
    unsigned short port_ = 0;
    std::atomic<bool> is_stopping_{false};
    std::atomic<int> connections_{0};
    mutable std::mutex mutex_; ///< guards the lists, which the server's threads and the test share
    std::list<tcp::socket> sockets_;
    std::vector<std::string> requests_;
    std::list<std::thread> threads_;
    std::thread accepting_;
};

} // namespace roomcast::server::outbound
