#include "base/flood_gate.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::server::base {
namespace {

constexpr flood_gate::bounds two_in_a_second{2, 1000};

TEST(FloodGate, LetsABurstThroughAndNoMore) {
    flood_gate gate;
    gate.use(two_in_a_second);
    EXPECT_TRUE(gate.pass("a", 1, 0));
    EXPECT_TRUE(gate.pass("a", 1, 10));
    EXPECT_FALSE(gate.pass("a", 1, 20));
    EXPECT_FALSE(gate.pass("a", 1, 999));
    EXPECT_EQ(gate.kept_back(), 2U);
}

TEST(FloodGate, CountsEachKindAndEachGroupForItself) {
    flood_gate gate;
    gate.use({1, 1000});
    EXPECT_TRUE(gate.pass("a", 1, 0));
    EXPECT_TRUE(gate.pass("b", 1, 0));
    EXPECT_TRUE(gate.pass("a", 2, 0));
    EXPECT_FALSE(gate.pass("a", 1, 0));
}

TEST(FloodGate, TellsWhatWasKeptBackOnceWhenTheIntervalIsOver) {
    flood_gate gate;
    gate.use(two_in_a_second);
    for (int i = 0; i < 7; ++i) (void)gate.pass("a", 3, 100);
    EXPECT_TRUE(gate.take_due(1099).empty());
    const auto due = gate.take_due(1100);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].kind, "a");
    EXPECT_EQ(due[0].group, 3U);
    EXPECT_EQ(due[0].count, 5U);
    EXPECT_TRUE(gate.take_due(5000).empty());
}

TEST(FloodGate, LetsTheNextIntervalsLinesThrough) {
    flood_gate gate;
    gate.use({1, 1000});
    EXPECT_TRUE(gate.pass("a", 1, 0));
    EXPECT_FALSE(gate.pass("a", 1, 1));
    (void)gate.take_due(1000);
    EXPECT_TRUE(gate.pass("a", 1, 1000));
    EXPECT_FALSE(gate.pass("a", 1, 1001));
}

TEST(FloodGate, ForgetsABurstThatKeptNothingBack) {
    flood_gate gate;
    gate.use({1, 1000});
    EXPECT_TRUE(gate.pass("a", 1, 0));
    EXPECT_TRUE(gate.pass("a", 1, 1000));
}

TEST(FloodGate, SumsUpWhatWasLostWithLinesThatAreNotWritten) {
    flood_gate gate;
    gate.use({1, 1000});
    EXPECT_TRUE(gate.pass("a", 1, 0, 100));
    EXPECT_FALSE(gate.pass("a", 1, 1, 30));
    EXPECT_FALSE(gate.pass("a", 1, 2, 4));
    const auto due = gate.take_due(1000);
    ASSERT_EQ(due.size(), 1U);
    EXPECT_EQ(due[0].lost, 34U);
}

TEST(FloodGate, TellsAllAtTheEnd) {
    flood_gate gate;
    gate.use({1, 1000});
    (void)gate.pass("a", 1, 0);
    (void)gate.pass("a", 1, 0);
    EXPECT_EQ(gate.take_all().size(), 1U);
    EXPECT_TRUE(gate.take_all().empty());
}

TEST(FloodGate, KeepsAsMuchForManyKindsAsForFew) {
    flood_gate gate;
    gate.use({1, 1000});
    for (int i = 0; i < 100'000; ++i) (void)gate.pass("kind " + std::to_string(i), 1, 5);
    EXPECT_LE(gate.kinds(), flood_gate::most_kinds);
    std::uint64_t told = 0;
    for (const auto& each : gate.take_due(1005)) told += each.count;
    EXPECT_EQ(told, 100'000U - flood_gate::most_kinds);
    EXPECT_EQ(gate.kept_back(), told);
}

TEST(FloodGate, ForgetsKindsThatAreQuiet) {
    flood_gate gate;
    gate.use({1, 1000});
    for (std::size_t i = 0; i < flood_gate::most_kinds; ++i)
        (void)gate.pass("old " + std::to_string(i), 1, 0);
    EXPECT_TRUE(gate.pass("new", 1, 1000));
    EXPECT_FALSE(gate.pass("new", 1, 1000));
    EXPECT_LE(gate.kinds(), 3U);
}

TEST(FloodGate, LetsEverythingThroughWithoutABurst) {
    flood_gate gate;
    gate.use({0, 1000});
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(gate.pass("a", 1, 0));
}

} // namespace
} // namespace roomcast::server::base
