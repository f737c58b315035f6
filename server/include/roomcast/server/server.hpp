#pragma once

#include "roomcast/server/adapter.hpp"
#include "roomcast/server/broadcast.hpp"
#include "roomcast/server/name_space.hpp"
#include "roomcast/server/observer.hpp"
#include "roomcast/server/options.hpp"
#include "roomcast/server/socket.hpp"
#include "roomcast/server/statistics.hpp"

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomcast::server {

/// A plain HTTP request that is not the protocol's. Views are valid during the handler's call.
struct http_request {
    std::string_view method;
    std::string_view path;  ///< without the query, as it came
    std::string_view query; ///< without `?`
    std::string_view body;
    const handshake_info* info = nullptr;
    bool is_too_large = false; ///< the body was longer than its area allows, and is not here
};
struct http_response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};
/// Answers one request, once; it may be kept and called later.
/// @thread any
using http_reply = std::function<void(http_response)>;
/// Looks at a request on the thread of its connection; must not block. @return false: not mine
using http_handler = std::function<bool(const http_request&, const http_reply&)>;

/// Which requests a handler gets, and on what terms.
struct http_area {
    std::function<bool(std::string_view path)> has{}; ///< empty: all paths
    /// Longest body; a longer one is the handler's to answer (`is_too_large`). 0: the server answers with 413
    /// above the protocol's own bound.
    std::uint64_t max_body_bytes = 0;
    /// Who may send more than 16 KiB; empty: everybody. A longer body of others is not read: the handler
    /// answers at once (`is_too_large`).
    std::function<bool(const handshake_info&)> may_send_much{};
    bool has_cors = false; ///< `options::cors` holds here as it does on the protocol's path, preflights too
    bool is_without_tls = false; ///< of a port of its own: plain HTTP, though `options::tls` is on
};

/// A room and how many are in it.
struct room_info {
    std::string nsp;
    std::string room;
    std::size_t sockets = 0;
};

/// Some sockets of a target, by their ids in order.
struct socket_page {
    struct entry {
        std::string id;
        std::string words; ///< what was said of it
    };
    std::vector<entry> sockets;
    std::size_t total = 0; ///< sockets of the target, those on other pages too
};

/// How the data of sockets (`socket::data`) becomes bytes and data again. Without functions it is left out.
struct data_form {
    /// @return nothing: the socket's state is not kept
    std::function<std::optional<std::string>(const std::any& data)> write{};
    /// @return nothing: the bytes are none that `write` makes
    std::function<std::optional<std::any>(std::string_view bytes)> read{};
};

/// What clients that come back need, for a process that comes after this one.
struct kept_recovery {
    std::string bytes;
    std::size_t sessions = 0;
    std::size_t events = 0;
    bool is_whole = true; ///< all went in
};
struct restored_recovery {
    std::size_t restored = 0; ///< sessions that their clients may come back to
    std::size_t expired = 0;  ///< away for too long
    std::size_t dropped = 0;  ///< of namespaces that are no more, or too many
};

/// What one thread sees of a room: its first member there came, or the last one went.
enum class room_change : std::uint8_t { occupied, vacated };

/// The Socket.IO server. Set namespaces and handlers up, then `listen` and `run`:
/// ```
/// roomcast::server::server io{{.port = 3001}};
/// io.of("/").on("message", [](auto& socket, auto& event) { socket.emit("message-back", event.args().copy());
/// }); io.run();
/// ```
/// What handlers refer to must outlive the server: its end still calls disconnect handlers.
/// @thread Set-up happens before `listen`; afterwards emit, to, stop, port and stats may be called from any.
class server {
public:
    explicit server(options chosen = {});
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// The namespace of this name ("/" or "/name"); made when it is new.
    name_space of(std::string_view name);
    /// Namespaces whose whole name matches an ECMAScript regular expression, made when a client asks for one.
    name_space of_pattern(std::string_view expression);
    /// Namespaces that a function lets be; it gets the name and the auth payload.
    name_space of_matching(std::function<bool(std::string_view name, std::string_view auth)> matches);

    /// Decides on every first request of a connection; a returned text refuses it (403).
    void allow_request(std::function<std::optional<std::string>(const handshake_info&)> decide);
    /// Handles HTTP requests outside the protocol's path; several are asked in order.
    void on_http(http_handler handler);
    void on_http(http_area where, http_handler handler);
    /// Opens a further port, for HTTP requests to this handler alone. Bounds, times and TLS are those of all.
    /// @return the port @errors std::system_error
    std::uint16_t listen_http(const std::string& host, std::uint16_t port, http_area where,
                              http_handler handler);
    /// Hears of rooms that fill and empty, on the thread where it happens; a room with members on several
    /// threads is told of by each. It must not touch rooms itself.
    void
    watch_rooms(std::function<void(const std::string& nsp, std::string_view room, room_change what)> watcher);
    /// Replaces the memory adapter of all namespaces.
    void use_adapter(adapter_factory factory);
    /// Shows what happens to sockets to one observer, which must outlive the server.
    void observe(observer& by);

    /// Opens the port. @errors std::system_error, e.g. the port is in use, or the certificate cannot be read
    void listen();
    /// Starts the threads and returns when the server was stopped. Listens if that was not done.
    void run();
    /// Starts the threads and returns. `stop` ends them.
    void start();
    /// Waits until a started server was stopped.
    void join();
    /// Tells clients, closes connections, ends `run`. Safe in a signal handler's thread; may be called twice.
    void stop();
    /// Takes no new sessions any more (503) and ends those there are one after the other over `window`, then
    /// calls `done` on one of the threads; `stop` ends the rest. Who waits for an acknowledgement gets it
    /// before, or stop_timeout more. @thread any
    void drain(core::duration window, std::function<void()> done);
    /// From now on `is_draining` is true and a readiness probe should say so. @thread any
    void announce_end();
    bool is_draining() const;
    /// The state that clients may recover, once the server was stopped and `join` has returned.
    /// @param most_bytes of it; with more the oldest events are left out, then sessions
    kept_recovery keep_recovery(const data_form& form, std::uint64_t most_bytes) const;
    /// Takes over what `keep_recovery` gave, of this process or another, with as many threads or not. After
    /// all is set up and before `start`; once. @param away how long nobody ran
    /// @return nothing: these are no such bytes, and nothing was taken
    std::optional<restored_recovery> restore_recovery(std::string_view bytes, core::duration away,
                                                      const data_form& form);
    /// Reads certificate and key again; connections from now on get them, those that are open keep theirs.
    /// Only for a server that listens with TLS. @errors std::system_error, and the old ones stay
    void reload_tls(const tls_options& chosen);
    /// The port that is open (it was chosen by the system when 0 was asked for).
    std::uint16_t port() const;

    /// How many threads there are; each socket lives on one of them.
    std::size_t threads() const;
    /// Runs work on one of the threads: now when called there, else soon. Work posted from one thread to
    /// another keeps its order. @param thread below `threads()`
    void post(std::size_t thread, std::function<void()> work);
    /// The number of this thread, when it is one of them.
    std::optional<std::size_t> this_thread() const;
    /// Is this that thread?
    bool is_on(std::size_t thread) const;

    /// Operators of the namespace "/", as `of("/")` has them.
    [[nodiscard]] broadcast_operator to(std::string_view room);
    [[nodiscard]] broadcast_operator except(std::string_view room);
    void emit(std::string_view name, args arguments = {});
    /// All sockets of a namespace that exists now, static or dynamic; nullopt when it does not.
    [[nodiscard]] std::optional<broadcast_operator> everyone_in(const std::string& name_space);

    /// Calls `visit` for each socket of a target on that socket's thread, then `done` on one of the threads.
    /// @param done gets how many there were
    void visit_sockets(const std::string& name_space, const target& whom, std::function<void(socket&)> visit,
                       std::function<void(std::size_t)> done);
    /// Asks for a page of a target's sockets. @param after the last id of the page before, or empty
    /// @param describe says what is wanted of a socket, on its thread
    void list_sockets(const std::string& name_space, const target& whom, std::string after, std::size_t most,
                      std::function<std::string(socket&)> describe, std::function<void(socket_page)> done);
    /// Asks for a page of a namespace's rooms, by their names in order.
    void list_rooms(const std::string& name_space, std::string prefix, std::string after, std::size_t most,
                    std::function<void(std::vector<room_info>)> done);

    /// Asks every thread, then calls `done` on one of them.
    void collect(std::function<void(statistics, std::vector<room_info>)> done, std::size_t most_rooms = 0);

    /// Calls `each` for every connected socket, on its own thread, where it may look but not act; then `done`
    /// on one of the threads.
    void visit(std::function<void(const socket&)> each, std::function<void()> done);

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

} // namespace roomcast::server
