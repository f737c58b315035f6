#pragma once

#include "roomcast/core/time.hpp"
#include "roomcast/server/options.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

namespace roomcast::server::rules {

/// A token bucket without tokens: one moment says how full it is (the generic cell rate algorithm).
/// @thread any: sockets of one user are on several threads, and share this without a lock
class bucket {
public:
    /// May one more happen now? Takes its place if so.
    bool take(const rate& allowed, core::time_point now) {
        if (allowed.is_off()) return true;
        const std::int64_t at = now.time_since_epoch().count();
        const std::int64_t step = allowed.interval.count();
        // No sum of these overflows, however long a burst of long steps may be.
        constexpr std::int64_t longest = std::numeric_limits<std::int64_t>::max() / 4;
        const std::int64_t others = static_cast<std::int64_t>(allowed.burst) - 1;
        const std::int64_t most = others > longest / step ? longest : step * others;
        std::int64_t full = full_at_.load(std::memory_order_relaxed);
        for (;;) {
            const std::int64_t from = std::max(full, at);
            if (from - at > most) return false;
            if (full_at_.compare_exchange_weak(full, from + step, std::memory_order_relaxed)) return true;
        }
    }
    /// Is it as good as new?
    bool is_idle(core::time_point now) const {
        return full_at_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
    }

private:
    std::atomic<std::int64_t> full_at_{0};
};

} // namespace roomcast::server::rules
