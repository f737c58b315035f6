#include "rules/rate_gate.hpp"

#include <gtest/gtest.h>

using roomcast::core::duration;
using roomcast::core::time_point;
using roomcast::server::rate;
using roomcast::server::rules::bucket;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{std::chrono::hours{1}};

/// How many go through at one moment.
int taken_at(bucket& of, const rate& allowed, time_point now) {
    int taken = 0;
    while (taken < 1000 && of.take(allowed, now)) ++taken;
    return taken;
}

} // namespace

TEST(RateGate, LetsABurstThroughAtOnce) {
    bucket one;
    EXPECT_EQ(taken_at(one, {100ms, 5}, start), 5);
}

TEST(RateGate, LetsOneMoreThroughAfterEachInterval) {
    bucket one;
    const rate allowed{100ms, 5};
    ASSERT_EQ(taken_at(one, allowed, start), 5);
    EXPECT_EQ(taken_at(one, allowed, start + 99ms), 0);
    EXPECT_EQ(taken_at(one, allowed, start + 100ms), 1);
    EXPECT_EQ(taken_at(one, allowed, start + 399ms), 2);
}

TEST(RateGate, NeverSavesUpMoreThanABurst) {
    bucket one;
    const rate allowed{100ms, 5};
    ASSERT_EQ(taken_at(one, allowed, start), 5);
    EXPECT_EQ(taken_at(one, allowed, start + 24h), 5);
}

TEST(RateGate, WhatIsRefusedCostsNothing) {
    bucket one;
    const rate allowed{1s, 1};
    ASSERT_TRUE(one.take(allowed, start));
    for (int i = 0; i < 100; ++i) ASSERT_FALSE(one.take(allowed, start + 999ms));
    EXPECT_TRUE(one.take(allowed, start + 1s));
}

TEST(RateGate, ABurstOfOneIsAPlainInterval) {
    bucket one;
    EXPECT_EQ(taken_at(one, {100ms, 1}, start), 1);
}

TEST(RateGate, OffIsWithoutBound) {
    bucket one;
    EXPECT_EQ(taken_at(one, {}, start), 1000);
}

TEST(RateGate, AChangedRateHoldsFromNowOn) {
    bucket one;
    ASSERT_EQ(taken_at(one, {100ms, 5}, start), 5);
    EXPECT_EQ(taken_at(one, {100ms, 10}, start), 5);
    EXPECT_EQ(taken_at(one, {100ms, 2}, start), 0);
}

TEST(RateGate, IsIdleOnceItIsFullAgain) {
    bucket one;
    EXPECT_TRUE(one.is_idle(start));
    const rate allowed{100ms, 5};
    ASSERT_EQ(taken_at(one, allowed, start), 5);
    EXPECT_FALSE(one.is_idle(start + 499ms));
    EXPECT_TRUE(one.is_idle(start + 500ms));
}

TEST(RateGate, TheLongestRateDoesNotOverflow) {
    bucket one;
    const rate allowed{std::chrono::hours{24 * 365}, 1'000'000};
    EXPECT_EQ(taken_at(one, allowed, start), 1000);
    EXPECT_FALSE(one.is_idle(start + 24h));
}
