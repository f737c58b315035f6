#include "roomcast/core/backoff.hpp"

#include <limits>

namespace roomcast::core {

namespace {

/// A number in [0, 1) with the 53 bits that a double holds.
double fraction_of(std::uint64_t random_word) {
    return static_cast<double>(random_word >> 11U) * 0x1p-53;
}

duration doubled(duration first, duration longest, std::uint32_t times) {
    duration delay = first < longest ? first : longest;
    while (times-- > 0 && delay > duration::zero() && delay < longest) {
        delay = delay > longest / 2 ? longest : delay * 2;
    }
    return delay > duration::zero() ? delay : duration::zero();
}

} // namespace

duration backoff::next(std::uint64_t random_word) {
    const duration delay = doubled(options_.first, options_.longest, attempts_);
    if (attempts_ < std::numeric_limits<std::uint32_t>::max()) ++attempts_;
    if (!(options_.jitter > 0)) return delay;
    const double jitter = options_.jitter < 1 ? options_.jitter : 1;
    const double factor = 1 - jitter + 2 * jitter * fraction_of(random_word);
    const double varied = static_cast<double>(delay.count()) * factor;
    constexpr auto longest = duration::max();
    if (varied >= static_cast<double>(longest.count())) return longest;
    return duration{static_cast<duration::rep>(varied)};
}

} // namespace roomcast::core
