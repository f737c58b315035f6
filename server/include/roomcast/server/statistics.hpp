#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server {

/// How many of something were at most so long. `Bounds` in seconds, ascending; what is longer than the last
/// is counted by the last count.
template <std::size_t N>
struct histogram {
    std::array<std::uint64_t, N + 1> counts{};
    double sum_s = 0;

    void add(double seconds, const std::array<double, N>& bounds) {
        std::size_t at = 0;
        while (at < N && seconds > bounds[at]) ++at;
        ++counts[at];
        sum_s += seconds;
    }
    histogram& operator+=(const histogram& more) {
        for (std::size_t i = 0; i <= N; ++i) counts[i] += more.counts[i];
        sum_s += more.sum_s;
        return *this;
    }
};

inline constexpr std::array<double, 8> handler_bounds_s{5e-6, 2e-5, 1e-4, 5e-4, 2e-3, 1e-2, 1e-1, 1};
inline constexpr std::array<double, 7> connection_bounds_s{1, 10, 60, 300, 1800, 7200, 43200};

/// The words of the reference implementation, in the order in which they are counted; the last stands for all
/// others.
inline constexpr std::array<std::string_view, 11> disconnect_reasons{"transport close",
                                                                     "transport error",
                                                                     "ping timeout",
                                                                     "client namespace disconnect",
                                                                     "server namespace disconnect",
                                                                     "server shutting down",
                                                                     "forced close",
                                                                     "forced server close",
                                                                     "parse error",
                                                                     "slow consumer",
                                                                     "other"};

inline constexpr std::array<double, 9> answer_bounds_s{0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 1, 5, 30};

/// What came of a request that was passed on to the application: its answer by class, or why there is none.
enum class proxy_outcome : std::uint8_t {
    success,      ///< 2xx
    redirect,     ///< 3xx
    client_fault, ///< 4xx
    server_fault, ///< 5xx of the application
    upgraded,     ///< a tunnel: WebSocket of a development server
    unreachable,
    timeout,
    bad_answer,
    busy,         ///< as many connections to it as there may be
    bad_request,  ///< the client's body
    slow_request, ///< the client's body did not come
    client_gone,  ///< the client left before there was an answer
};
inline constexpr std::array<std::string_view, 12> proxy_outcomes{
    "2xx",     "3xx",        "4xx",  "5xx",         "upgraded",     "unreachable",
    "timeout", "bad_answer", "busy", "bad_request", "slow_request", "client_gone"};

/// How talking to another server goes, as the traffic with it shows. Times are Unix time in milliseconds; 0:
/// never.
struct contact_figures {
    std::int64_t last_success_ms = 0;
    std::int64_t last_failure_ms = 0;
    std::uint64_t failures_in_a_row = 0;
    std::string why; ///< of the last failure; empty: there was none
};

/// Integrated mode: requests, connections to the application, and the application itself.
struct proxy_figures {
    std::array<std::uint64_t, proxy_outcomes.size()> requests{};
    std::uint64_t broken_answers = 0;          ///< begun, and not completed by the application
    histogram<answer_bounds_s.size()> answers; ///< time until the head of an answer
    std::uint64_t active = 0;                  ///< connections with a request under way now
    std::uint64_t idle = 0;                    ///< kept for the next one
    std::uint64_t tunnels = 0;                 ///< of upgraded requests
    contact_figures app;
};

/// The sockets of one namespace.
struct name_space_count {
    std::string nsp;
    std::uint64_t sockets = 0;
};

/// What moved since the start, and what is there now; sums over all threads.
struct statistics {
    std::uint64_t connections_total = 0; ///< Engine.IO sessions opened
    std::uint64_t events_received = 0;
    std::uint64_t messages_sent = 0;       ///< messages put into a peer's queue
    std::uint64_t dropped_volatile = 0;    ///< volatile messages for peers that were not ready
    std::uint64_t dropped_slow = 0;        ///< messages dropped for peers that are far behind
    std::uint64_t slow_consumers = 0;      ///< sessions ended by it
    std::uint64_t protocol_errors = 0;     ///< connections closed for what the peer sent
    std::uint64_t refused_joins = 0;       ///< above max_rooms_per_socket, or of too long a name
    std::uint64_t refused_connections = 0; ///< above max_connections, or a bound per address
    std::uint64_t recovered = 0;           ///< sessions whose state was recovered
    std::uint64_t recovery_failed = 0;     ///< clients that asked for it and got a new session
    std::uint64_t recovery_dropped = 0;    ///< kept events and sessions dropped before their time
    std::uint64_t bytes_received = 0;
    std::uint64_t bytes_sent = 0;
    std::array<std::uint64_t, disconnect_reasons.size()> disconnects{}; ///< sockets, by reason
    histogram<handler_bounds_s.size()> handlers;                        ///< time in the handlers of an event
    histogram<connection_bounds_s.size()> connected; ///< how long sockets that are gone were there
    std::uint64_t connections = 0;                   ///< sessions now
    std::uint64_t polling = 0;                       ///< of these by long-polling
    std::uint64_t sockets = 0;                       ///< sockets now, over all namespaces
    std::uint64_t rooms = 0;         ///< rooms now, over all namespaces, socket ids not counted
    std::uint64_t private_rooms = 0; ///< of these, those with `options::private_room_prefix`
    std::uint64_t queued_bytes = 0;  ///< that wait for peers now
    std::vector<name_space_count> name_spaces;
    proxy_figures proxy;
    double uptime_s = 0;
};

} // namespace roomcast::server
