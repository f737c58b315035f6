#pragma once

#include <chrono>
#include <cstdint>

namespace roomcast::core {

/// The clock type of every machine in core. It has no now(): drivers hand the time in, tests invent it.
struct monotonic {
    using rep = std::int64_t;
    using period = std::micro;
    using duration = std::chrono::duration<rep, period>;
    using time_point = std::chrono::time_point<monotonic, duration>;
    static constexpr bool is_steady = true;
};

using duration = monotonic::duration;
using time_point = monotonic::time_point;

/// The deadline of a timer that is not set.
inline constexpr time_point never = time_point::max();

/// `at + wait`, kept below `never` so that no peer's number can overflow a deadline.
constexpr time_point deadline_after(time_point at, duration wait) {
    if (wait < duration::zero()) return at;
    constexpr time_point latest = time_point::max() - duration{1};
    return at > latest - wait ? latest : at + wait;
}

/// Wall-clock seconds since 1970-01-01 UTC; enters only checks of claims.
struct unix_time {
    std::int64_t seconds = 0;
    friend constexpr bool operator==(unix_time, unix_time) = default;
    friend constexpr auto operator<=>(unix_time, unix_time) = default;
};

} // namespace roomcast::core
