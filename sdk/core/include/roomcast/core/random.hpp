#pragma once

#include <cstdint>

namespace roomcast::core {

/// Random words from a seed that the driver takes from a real source; the same seed gives the same words
/// (SplitMix64). Good for jitter; not for identifiers that must not be guessed.
class random_words {
public:
    explicit constexpr random_words(std::uint64_t seed) : state_(seed) {}

    constexpr std::uint64_t next() {
        std::uint64_t word = (state_ += 0x9e3779b97f4a7c15U);
        word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
        word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
        return word ^ (word >> 31U);
    }

private:
    std::uint64_t state_;
};

} // namespace roomcast::core
