#include "roomcast/core/sio/ack_table.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace roomcast::core::sio {
namespace {

time_point at(int seconds) {
    return time_point{std::chrono::seconds{seconds}};
}

TEST(AckTable, GivesBackWhatWasKept) {
    ack_table<std::string> table;
    table.add(1, "one", never);
    table.add(2, "two", never);
    EXPECT_EQ(table.take(2), "two");
    EXPECT_EQ(table.size(), 1U);
}

TEST(AckTable, AnswersOnlyOnce) {
    ack_table<std::string> table;
    table.add(1, "one", never);
    EXPECT_EQ(table.take(1), "one");
    EXPECT_EQ(table.take(1), std::nullopt);
}

TEST(AckTable, IgnoresUnknownIds) {
    ack_table<std::string> table;
    table.add(1, "one", never);
    EXPECT_EQ(table.take(2), std::nullopt);
    EXPECT_EQ(table.size(), 1U);
}

TEST(AckTable, KeepsValuesThatCannotBeCopied) {
    ack_table<std::unique_ptr<int>> table;
    table.add(1, std::make_unique<int>(7), never);
    const auto taken = table.take(1);
    EXPECT_TRUE(taken.has_value() && **taken == 7);
}

TEST(AckTable, ExpiresAtItsDeadline) {
    ack_table<std::string> table;
    table.add(1, "one", at(5));
    EXPECT_EQ(table.take_expired(at(4)), std::nullopt);
    EXPECT_EQ(table.take_expired(at(5)), "one");
    EXPECT_EQ(table.take(1), std::nullopt);
}

TEST(AckTable, ExpiresAllThatAreDueAndNoMore) {
    ack_table<std::string> table;
    table.add(1, "one", at(5));
    table.add(2, "two", at(9));
    table.add(3, "three", at(4));
    EXPECT_EQ(table.take_expired(at(6)), "one");
    EXPECT_EQ(table.take_expired(at(6)), "three");
    EXPECT_EQ(table.take_expired(at(6)), std::nullopt);
    EXPECT_EQ(table.next_timeout(), at(9));
}

TEST(AckTable, NeverExpiresWithoutDeadline) {
    ack_table<std::string> table;
    table.add(1, "one", never);
    EXPECT_EQ(table.next_timeout(), never);
    EXPECT_EQ(table.take_expired(at(1'000'000'000)), std::nullopt);
}

TEST(AckTable, NextTimeoutIsNotLaterThanTheEarliest) {
    ack_table<std::string> table;
    table.add(1, "one", at(5));
    table.add(2, "two", at(3));
    EXPECT_EQ(table.next_timeout(), at(3));
}

TEST(AckTable, HasNoTimeoutWhenAllWereAnswered) {
    ack_table<std::string> table;
    table.add(1, "one", at(5));
    EXPECT_EQ(table.take(1), "one");
    EXPECT_EQ(table.next_timeout(), never);
}

TEST(AckTable, WakesUpForTheNextWhenTheEarliestWasAnswered) {
    ack_table<std::string> table;
    table.add(1, "one", at(3));
    table.add(2, "two", at(8));
    EXPECT_EQ(table.take(1), "one");
    EXPECT_EQ(table.take_expired(table.next_timeout()), std::nullopt);
    EXPECT_EQ(table.next_timeout(), at(8));
}

TEST(AckTable, HandsOutAllWhenTheSocketIsGone) {
    ack_table<std::string> table;
    table.add(1, "one", at(3));
    table.add(2, "two", never);
    EXPECT_EQ(table.take_any(), "one");
    EXPECT_EQ(table.take_any(), "two");
    EXPECT_EQ(table.take_any(), std::nullopt);
    EXPECT_EQ(table.next_timeout(), never);
}

} // namespace
} // namespace roomcast::core::sio
