#pragma once

#include "roomcast/core/eio/server_session.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace roomcast::server {

/// How often something may happen: one per `interval` in the long run, `burst` at once.
struct rate {
    core::duration interval{}; ///< zero: no bound
    std::uint32_t burst = 1;
    bool is_off() const { return interval == core::duration::zero(); }
};

/// What happens to a peer that does not take what it is owed.
enum class slow_consumer_policy : std::uint8_t {
    disconnect,  ///< end the session; a client with recovery gets what it missed when it is back
    drop_oldest, ///< drop the oldest messages until there is room
    drop_newest, ///< drop what comes while the queue is full
};

struct cors_options {
    /// Origins that browsers may call from; `*` is all. Empty: no CORS headers are sent.
    std::vector<std::string> origins{};
    bool credentials = false;
    std::vector<std::string> methods{};         ///< empty: GET,HEAD,PUT,PATCH,POST,DELETE
    std::vector<std::string> allowed_headers{}; ///< empty: those that the preflight asks for
    std::vector<std::string> exposed_headers{};
    std::uint32_t max_age_s = 0; ///< 0: not sent
};

struct cookie_options {
    std::string name{}; ///< empty: no cookie
    std::string path = "/";
    bool is_http_only = true;
    std::string same_site = "Lax"; ///< Lax, Strict or None
    bool is_secure = false;
};

struct recovery_options {
    bool is_enabled = false;
    /// How long a client may be away.
    core::duration max_disconnection = std::chrono::minutes{2};
    bool skip_middlewares = true;
    /// Events kept per namespace and thread; beyond them the oldest go, counted.
    std::size_t max_events = 10'000;
    /// Bytes of those events. A client that missed more than that, or than `session.max_queue_bytes`, begins
    /// anew.
    std::uint64_t max_bytes = 64U << 20U;
    /// Sessions that may wait for their client's return, per namespace and thread.
    std::size_t max_sessions = 100'000;
};

struct http_options {
    std::size_t max_header_bytes = 16U << 10U; ///< request line and headers together; beyond it 431
    std::size_t max_headers = 100;
    core::duration request_timeout = std::chrono::seconds{30};    ///< from a request's first byte to its last
    core::duration keep_alive_timeout = std::chrono::seconds{30}; ///< without a request
    core::duration close_timeout = std::chrono::seconds{5}; ///< for a closing handshake or a last answer
};

/// Integrated mode: what is not the server's own goes to an application on another port, so that both share
/// this one.
struct upstream_options {
    std::string host{}; ///< a name or an address; empty: no integrated mode
    std::uint16_t port = 80;
    bool is_enabled = true;     ///< switches the mode off without forgetting where the application is
    bool preserves_host = true; ///< does it hear the Host that the client asked for, or its own?
    core::duration connect_timeout = std::chrono::seconds{5};
    core::duration response_timeout =
        std::chrono::seconds{60}; ///< from the whole request to an answer's head
    /// Longest silence in an answer that has begun, and in a tunnel.
    core::duration idle_timeout = std::chrono::minutes{10};
    /// How long a connection waits for the next request. Node ends those that waited for 5 s, and a request
    /// that meets the end is lost.
    core::duration keep_alive_timeout = std::chrono::seconds{4};
    std::size_t max_connections = 1024; ///< to the application; more requests get 503
    /// Paths that stay with the handlers of `on_http`; what ends in `/` stands for all below it, too.
    std::vector<std::string> own_paths{};
    bool is_on() const { return is_enabled && !host.empty(); }
};

/// TLS by the server itself; off without a certificate.
struct tls_options {
    std::string certificate_file{}; ///< PEM: the certificate, then those between it and its authority
    std::string key_file{};         ///< PEM, without a password
    /// For a handshake, and for the header of the PROXY protocol.
    core::duration handshake_timeout = std::chrono::seconds{10};
    bool is_on() const { return !certificate_file.empty() || !key_file.empty(); }
};

/// permessage-deflate (RFC 7692).
struct websocket_compression_options {
    bool is_enabled = false;
    std::size_t threshold = 1024; ///< bytes of the smallest packet that is compressed
    int level = 6;                ///< zlib's, 1 to 9
    int window_bits = 15;         ///< 9 to 15
    int memory_level = 8;         ///< zlib's, 1 to 9
    /// Each message for itself: one compressor of a thread serves all connections, and a broadcast is
    /// compressed once. Otherwise each connection has a compressor, 256 KiB with the defaults.
    bool server_no_context_takeover = true;
    /// The same for what clients send: otherwise each connection keeps a window of 32 KiB.
    bool client_no_context_takeover = true;
};

/// gzip and deflate of what polling clients get.
struct http_compression_options {
    bool is_enabled = false;
    std::size_t threshold = 1024; ///< bytes of the smallest body that is compressed
    int level = 6;                ///< zlib's, 1 to 9
};

struct compression_options {
    websocket_compression_options websocket{};
    http_compression_options http{};
};

/// Every choice of who runs a server.
struct options {
    /// An address, a name, or `unix:/path`: then the port means nothing.
    std::string host = "0.0.0.0";
    std::uint16_t port = 3001;   ///< 0: any free port
    unsigned socket_mode = 0660; ///< permissions of a unix socket
    /// Shards: one thread each, with its own sockets. 0: one for each core.
    unsigned threads = 1;
    std::string path = "/socket.io";
    bool add_trailing_slash = true;
    bool allow_polling = true;
    bool allow_websocket = true;
    /// Engine.IO settings, and the bounds of the protocol (`session.bounds`).
    core::eio::session_options session{};
    /// How long a connection may stay without any namespace.
    core::duration connect_timeout = std::chrono::seconds{45};
    slow_consumer_policy slow_consumer = slow_consumer_policy::disconnect;
    std::size_t max_rooms_per_socket = 10'000;
    std::size_t max_room_name_bytes = 512;
    /// Open TCP connections of the whole server; above it new ones are refused, counted. A few more may each
    /// have one answer of `on_http`, so that somebody can still ask for the health. 0: no bound but the
    /// process's own.
    std::size_t max_connections = 0;
    /// Sessions that one address may have open; more are refused with 429, counted. 0: no bound. An address
    /// is an IPv4 address or the /64 network of an IPv6 address.
    std::size_t max_sessions_per_address = 0;
    /// New sessions of one address; more are refused with 429, counted.
    rate connect_rate_per_address{};
    /// How long a stop waits for what was sent to go out.
    core::duration stop_timeout = std::chrono::seconds{5};
    cors_options cors{};
    cookie_options cookie{};
    recovery_options recovery{};
    http_options http{};
    upstream_options upstream{};
    tls_options tls{};
    compression_options compression{};
    /// Proxies whose `X-Forwarded-For`, `X-Forwarded-Proto`, `Forwarded` and `X-Real-IP` count: addresses,
    /// networks (`10.0.0.0/8`), and `unix` for peers on a unix socket.
    std::vector<std::string> trusted_proxies{};
    /// These proxies begin each connection with a header of the PROXY protocol, version 1 or 2.
    bool proxy_protocol = false;
    /// Rooms that begin so are counted apart, too: they say nothing of what goes on. Empty: none.
    std::string private_room_prefix{};
    /// Dynamic namespaces are forgotten when their last socket left.
    bool forget_empty_namespaces = true;
};

} // namespace roomcast::server
