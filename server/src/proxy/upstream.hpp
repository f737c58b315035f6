#pragma once

#include "engine/context.hpp"
#include "transport/connection.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::proxy {

class app_connection;

/// What came of a request.
inline void count(engine::shard& home, proxy_outcome what) {
    ++home.counts().proxy.requests[static_cast<std::size_t>(what)];
}

/// The application that everything goes to that is not ours: where it is, and the connections that wait for
/// work.
/// @thread every shard calls it; each has a slot of its own in it, only the count of connections is common
class upstream {
public:
    /// @param shared has all its shards by now
    explicit upstream(engine::context& shared);
    ~upstream();

    /// Does this path belong to the application?
    bool has(std::string_view path) const;
    /// Passes a request on, or refuses it.
    transport::request_handler::next on_head(transport::connection& from);

    // For connections to the application.
    const upstream_options& options() const { return context_->options.upstream; }
    const http_options& bounds() const { return context_->options.http; }
    /// Where it was expected, for people: `http://host:port`.
    const std::string& url() const { return url_; }
    const std::string& authority() const { return authority_; }
    /// One more connection. @return nullptr when there are too many
    app_connection* open(engine::shard& home);
    /// One that waited for work and seems to be alive; nullptr when there is none.
    app_connection* take_idle(engine::shard& home);
    /// @return false: there is no room for it
    [[nodiscard]] bool keep_idle(app_connection& one);
    void forget_idle(app_connection& one);
    void on_connection_gone() { --connections_; }
    using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
    /// Says where the application is, now or later; nothing when the name is unknown. @param done on the same
    /// shard
    void resolve(engine::shard& home, std::function<void(const endpoints&)> done);
    /// The address that a connection came about with is the first one to be tried from now on.
    void prefer(engine::shard& home, const boost::asio::ip::tcp::endpoint& good);
    /// The addresses may be old: the next one who asks has the name looked up again.
    void doubt(engine::shard& home);
    /// Tells what is wrong with the application.
    void complain(std::string_view what) const;
    /// The application said something. @thread any
    void on_word_of_app();
    /// It did not, or nothing that can be understood. @param why a text that lasts @thread any
    void on_failure_of_app(const char* why);
    /// How talking to it goes. @thread any
    contact_figures contact() const;

private:
    struct slot;

    engine::context* context_;
    std::string url_;
    std::string authority_;
    std::vector<std::unique_ptr<slot>> slots_;
    std::atomic<std::size_t> connections_{0};
    // What is read of these together may be of two moments; nobody decides by it.
    std::atomic<std::int64_t> last_success_ms_{0};
    std::atomic<std::int64_t> last_failure_ms_{0};
    std::atomic<std::uint64_t> failures_in_a_row_{0};
    std::atomic<const char*> why_{""};
};

} // namespace roomcast::server::proxy
