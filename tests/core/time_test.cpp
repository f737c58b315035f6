#include "roomcast/core/time.hpp"

#include <gtest/gtest.h>

namespace roomcast::core {
namespace {

using std::chrono::seconds;

TEST(Time, ADeadlineIsTheWaitAfterNow) {
    EXPECT_EQ(deadline_after(time_point{seconds{5}}, seconds{2}), time_point{seconds{7}});
    EXPECT_EQ(deadline_after(time_point{seconds{-5}}, seconds{2}), time_point{seconds{-3}});
}

TEST(Time, ANegativeWaitIsNoWait) {
    EXPECT_EQ(deadline_after(time_point{seconds{5}}, seconds{-2}), time_point{seconds{5}});
    EXPECT_EQ(deadline_after(time_point{seconds{5}}, duration::min()), time_point{seconds{5}});
}

TEST(Time, NoWaitReachesNever) {
    const time_point latest = never - duration{1};
    EXPECT_EQ(deadline_after(time_point{seconds{5}}, duration::max()), latest);
    EXPECT_EQ(deadline_after(time_point{}, duration::max()), latest);
    EXPECT_EQ(deadline_after(latest, seconds{1}), latest);
    EXPECT_EQ(deadline_after(time_point{seconds{5}}, latest - time_point{seconds{5}}), latest);
}

TEST(Time, AClockBelowZeroCanWaitForever) {
    EXPECT_EQ(deadline_after(time_point::min(), duration{1}), time_point::min() + duration{1});
    EXPECT_LT(deadline_after(time_point{seconds{-1}}, duration::max()), never);
}

TEST(Time, UnixTimesCompareBySeconds) {
    EXPECT_LT(unix_time{1}, unix_time{2});
    EXPECT_EQ(unix_time{3}, unix_time{3});
}

} // namespace
} // namespace roomcast::core
