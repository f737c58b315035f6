#pragma once

#include "outbound/address_policy.hpp"
#include "outbound/contacts.hpp"

#include "roomcast/core/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Requests of ours to other servers: key sets, introspection, callouts, forwarded events.
namespace roomcast::server::outbound {

using header_list = std::vector<std::pair<std::string, std::string>>;

struct request {
    std::string method = "GET";
    std::string url; ///< absolute, http or https
    header_list headers;
    std::string body;
    core::duration timeout = std::chrono::seconds{5}; ///< for all of it, waiting for a connection included
    std::size_t max_response_bytes = 65'536;          ///< of the body
    purpose what = purpose::other;                    ///< for the figures
};

/// Why there is no response.
enum class failure : std::uint8_t {
    none,
    invalid_request, ///< the URL, or a character that no header may have
    queue_full,
    resolve_failed,
    address_refused, ///< the name leads to a place that is out of bounds
    connect_failed,
    tls_failed,
    timed_out,
    too_large,
    broken_response, ///< not HTTP, or the connection ended within it
    stopped,         ///< the client is being destroyed
};
std::string_view name_of(failure why) noexcept;

struct response {
    failure why = failure::none; ///< the other members count only for none
    unsigned status = 0;         ///< a redirect is an answer like any other: nobody follows it
    header_list headers;         ///< names in lower case
    std::string body;
    /// The first header of that name (in lower case), or nothing.
    std::string_view header(std::string_view name) const;
};

struct client_options {
    reach how_far = reach::intranet;
    std::string ca_file;               ///< PEM, added to the system's; empty: the system's alone
    std::size_t max_queued = 1000;     ///< requests under way or waiting; one more is refused
    std::size_t max_per_host = 16;     ///< connections to one host and port
    std::size_t max_idle_per_host = 4; ///< of these kept for later
    core::duration idle_timeout = std::chrono::seconds{30}; ///< then an idle connection is closed
};

/// Sends requests from a thread of its own. Connections are kept and used again. A name is resolved once for
/// a connection, the address is judged, and the connection goes to just that address.
class client {
public:
    using handler = std::function<void(response)>;

    /// @throws std::runtime_error when the CA file cannot be read
    explicit client(client_options chosen = {});
    /// Ends what is under way; handlers still run, with `stopped`.
    ~client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// Sends a request. A GET that ends on a kept connection before anything came back is sent once more.
    /// @param done gets what came of it, once, on the client's thread; on the caller's, before this returns,
    /// when the request is refused as invalid or because the queue is full. It must not throw or block.
    /// @thread any
    void send(request what, handler done);
    /// Connects, and asks for nothing; the connection is kept for a request to come.
    /// @param done gets a response without status @thread any
    void check(const backend& whom, core::duration timeout, handler done);
    /// @thread any
    const contacts& contact() const;
    contacts& contact();

private:
    class engine;
    std::unique_ptr<engine> engine_;
};

} // namespace roomcast::server::outbound
