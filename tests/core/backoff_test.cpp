#include "roomcast/core/backoff.hpp"

#include "roomcast/core/random.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace roomcast::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t lowest_word = 0;
constexpr std::uint64_t middle_word = std::uint64_t{1} << 63U;
constexpr std::uint64_t highest_word = std::numeric_limits<std::uint64_t>::max();

std::vector<duration> delays(backoff::options chosen, std::uint64_t word, int count) {
    backoff each{chosen};
    std::vector<duration> found;
    for (int i = 0; i < count; ++i) found.push_back(each.next(word));
    return found;
}

TEST(Backoff, DoublesUpToTheCap) {
    EXPECT_EQ(delays({.first = seconds{1}, .longest = seconds{5}, .jitter = 0}, highest_word, 5),
              (std::vector<duration>{seconds{1}, seconds{2}, seconds{4}, seconds{5}, seconds{5}}));
}

TEST(Backoff, JitterGoesEitherWayAlsoAtTheCap) {
    const backoff::options chosen{.first = seconds{1}, .longest = seconds{2}, .jitter = 0.5};
    EXPECT_EQ(delays(chosen, lowest_word, 3),
              (std::vector<duration>{milliseconds{500}, seconds{1}, seconds{1}}));
    EXPECT_EQ(delays(chosen, middle_word, 3), (std::vector<duration>{seconds{1}, seconds{2}, seconds{2}}));
    const auto longest = delays(chosen, highest_word, 3);
    EXPECT_GT(longest[2], milliseconds{2999});
    EXPECT_LE(longest[2], seconds{3});
}

TEST(Backoff, ClientsAtTheCapDoNotComeBackInStep) {
    random_words random{1};
    backoff at_the_cap{backoff::options{}};
    for (int i = 0; i < 10; ++i) (void)at_the_cap.next(0);
    const duration one = at_the_cap.next(random.next());
    const duration other = at_the_cap.next(random.next());
    EXPECT_NE(one, other);
}

TEST(Backoff, CountsAttemptsAndForgetsThemOnReset) {
    backoff tried{{.first = seconds{1}, .longest = seconds{60}, .jitter = 0}};
    EXPECT_EQ(tried.attempts(), 0U);
    (void)tried.next(0);
    (void)tried.next(0);
    EXPECT_EQ(tried.attempts(), 2U);
    EXPECT_EQ(tried.next(0), seconds{4});
    tried.reset();
    EXPECT_EQ(tried.attempts(), 0U);
    EXPECT_EQ(tried.next(0), seconds{1});
}

TEST(Backoff, NeverOverflows) {
    for (const duration first : {duration{1}, duration{seconds{1}}, duration::max() / 2, duration::max()}) {
        const auto found =
            delays({.first = first, .longest = duration::max(), .jitter = 1}, highest_word, 200);
        for (std::size_t i = 1; i < found.size(); ++i) EXPECT_GE(found[i], found[i - 1]) << i;
        EXPECT_EQ(found.back(), duration::max());
    }
}

TEST(Backoff, SettingsOutOfRangeDoNoHarm) {
    EXPECT_EQ(delays({.first = seconds{0}, .longest = seconds{5}, .jitter = 0.5}, highest_word, 2),
              (std::vector<duration>{seconds{0}, seconds{0}}));
    EXPECT_EQ(delays({.first = seconds{-1}, .longest = seconds{5}, .jitter = 0}, 0, 1),
              (std::vector<duration>{seconds{0}}));
    EXPECT_EQ(delays({.first = seconds{1}, .longest = seconds{-5}, .jitter = 0}, 0, 1),
              (std::vector<duration>{seconds{0}}));
    EXPECT_EQ(delays({.first = seconds{1}, .longest = seconds{5}, .jitter = -1}, 0, 1),
              (std::vector<duration>{seconds{1}}));
    EXPECT_EQ(delays({.first = seconds{1}, .longest = seconds{5}, .jitter = 9}, 0, 1),
              (std::vector<duration>{seconds{0}}));
    EXPECT_EQ(
        delays(
            {.first = seconds{1}, .longest = seconds{5}, .jitter = std::numeric_limits<double>::quiet_NaN()},
            0, 1),
        (std::vector<duration>{seconds{1}}));
}

} // namespace
} // namespace roomcast::core
