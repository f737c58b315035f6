#pragma once

#include "roomcast/core/time.hpp"

#include <cstdint>

namespace roomcast::core {

/// Delays between attempts to reconnect: they double up to a maximum, and jitter is applied after the cap, so
/// that clients which all reached the maximum still do not come back in step.
class backoff {
public:
    struct options {
        duration first = std::chrono::seconds{1};   ///< delay before the first retry
        duration longest = std::chrono::seconds{5}; ///< the cap
        double jitter = 0.5; ///< 0..1: the delay varies by this part of itself either way
    };

    explicit backoff(options chosen) : options_(chosen) {}

    /// The next delay; counts the attempt. @param random_word 64 random bits.
    duration next(std::uint64_t random_word);
    /// Called when a namespace was joined, not when bytes first flowed: a server that accepts and then
    /// refuses must not be called in a tight loop.
    void reset() { attempts_ = 0; }
    std::uint32_t attempts() const { return attempts_; }

private:
    options options_;
    std::uint32_t attempts_ = 0;
};

} // namespace roomcast::core
