#pragma once

#include "roomcast/core/time.hpp"
#include "roomcast/server/statistics.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace roomcast::server::outbound {

enum class failure : std::uint8_t;

/// What another server is asked for.
enum class purpose : std::uint8_t {
    other,
    keys,          ///< public keys of an issuer
    introspection, ///< who a cookie or token belongs to
    callout,       ///< whether a client may come in
    forward,       ///< events
    webhook,       ///< news of sockets and rooms
    app,           ///< the application of integrated mode; its requests go another way
};
inline constexpr std::array<std::string_view, 7> purpose_names{
    "other", "keys", "introspection", "callout", "forward", "webhook", "app"};
constexpr std::string_view name_of(purpose what) {
    return purpose_names[static_cast<std::size_t>(what)];
}

inline constexpr std::array<double, 8> backend_bounds_s{0.005, 0.02, 0.05, 0.1, 0.25, 1, 2.5, 10};

/// A server that is asked for something, as the configuration names it.
struct backend {
    purpose what = purpose::other;
    std::string origin; ///< scheme, host and port: no user, path or query
    std::string name;   ///< of the provider; empty: it has none
    bool operator==(const backend&) const = default;
};

/// What came of requests with one purpose.
struct purpose_figures {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    histogram<backend_bounds_s.size()> times;
};

/// How talking to each backend goes, as requests show it, and checks where there are none.
/// @thread any
class contacts {
public:
    /// How a request ended.
    struct ending {
        failure why{};
        unsigned status = 0;  ///< when there was an answer
        bool is_sent = false; ///< there was a connection
    };
    void note(purpose what, const std::string& origin, ending how, core::duration length,
              std::int64_t now_ms);
    /// Somebody looked whether there is a connection to be had. One proves that the server is there again
    /// after it was not, but nothing about its answers.
    void note_check(purpose what, const std::string& origin, ending how, std::int64_t now_ms);

    contact_figures of(purpose what, const std::string& origin) const;
    /// Is it time to check this one? Says yes once, and not again before some time has gone.
    /// @param heard_ms when somebody heard of it last; 0: never @param is_failing then it is looked at sooner
    bool take_check(purpose what, const std::string& origin, std::int64_t heard_ms, bool is_failing,
                    std::int64_t now_ms);
    std::array<purpose_figures, purpose_names.size()> by_purpose() const;

private:
    struct entry {
        contact_figures figures;
        std::int64_t checked_ms = 0;
        bool was_connected = false; ///< when it failed last
    };
    using key = std::pair<purpose, std::string>;
    entry* find_or_make(purpose what, const std::string& origin);

    /// Guards all of it: requests end on one thread and are looked at from others, now and then.
    mutable std::mutex mutex_;
    std::map<key, entry> entries_;
    std::array<purpose_figures, purpose_names.size()> by_purpose_;
};

/// Does an answer with this status say that the server does what it is asked for?
bool is_success(purpose what, unsigned status);

} // namespace roomcast::server::outbound
