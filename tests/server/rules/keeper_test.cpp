#include "rules/keeper.hpp"

#include "rules/program.hpp"

#include <gtest/gtest.h>

namespace server = roomcast::server;
using roomcast::core::duration;
using roomcast::core::time_point;
using server::rules::joint_key;
using server::rules::keeper;
using taken = keeper::taken;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{std::chrono::hours{1}};
constexpr duration for_ever = duration::zero();
constexpr std::size_t plenty = 1'000'000;
constexpr std::uint64_t much = 1U << 30U;
using texts = std::vector<std::string>;

/// What a place keeps, as `event arguments`.
texts kept_at(const keeper& of, const std::string& place) {
    texts all;
    for (const auto& each : of.retained(place)) all.push_back(each.event + ' ' + each.arguments.text());
    return all;
}

} // namespace

// ---- Once

TEST(KeeperOnce, AKeyIsTakenOnce) {
    keeper one;
    EXPECT_EQ(one.take_once("a", start, for_ever, plenty), taken::now);
    EXPECT_EQ(one.take_once("a", start + 24h * 3650, for_ever, plenty), taken::before);
    EXPECT_EQ(one.take_once("b", start, for_ever, plenty), taken::now);
}

TEST(KeeperOnce, AKeyThatIsKeptForATimeIsFreeBehindIt) {
    keeper one;
    ASSERT_EQ(one.take_once("a", start, 10s, plenty), taken::now);
    EXPECT_EQ(one.take_once("a", start + 10s - duration{1}, 10s, plenty), taken::before);
    EXPECT_EQ(one.take_once("a", start + 10s, 10s, plenty), taken::now);
    EXPECT_EQ(one.take_once("a", start + 19s, 10s, plenty), taken::before);
}

TEST(KeeperOnce, ARepetitionDoesNotKeepItLonger) {
    keeper one;
    ASSERT_EQ(one.take_once("a", start, 10s, plenty), taken::now);
    ASSERT_EQ(one.take_once("a", start + 9s, 10s, plenty), taken::before);
    EXPECT_EQ(one.take_once("a", start + 10s, 10s, plenty), taken::now);
}

TEST(KeeperOnce, WhatIsGivenBackIsFree) {
    keeper one;
    ASSERT_EQ(one.take_once("a", start, for_ever, plenty), taken::now);
    one.give_back_once("a");
    EXPECT_EQ(one.take_once("a", start, for_ever, plenty), taken::now);
    one.give_back_once("never taken");
}

TEST(KeeperOnce, AFullTableRefusesNewKeysAndKnowsTheOldOnes) {
    keeper one;
    ASSERT_EQ(one.take_once("a", start, for_ever, 2), taken::now);
    ASSERT_EQ(one.take_once("b", start, for_ever, 2), taken::now);
    EXPECT_EQ(one.take_once("c", start, for_ever, 2), taken::full);
    EXPECT_EQ(one.take_once("a", start, for_ever, 2), taken::before);
    one.give_back_once("a");
    EXPECT_EQ(one.take_once("c", start, for_ever, 2), taken::now);
}

TEST(KeeperOnce, AFullTableMakesRoomOfWhatHasExpired) {
    keeper one;
    ASSERT_EQ(one.take_once("a", start, 10s, 2), taken::now);
    ASSERT_EQ(one.take_once("b", start, for_ever, 2), taken::now);
    ASSERT_EQ(one.take_once("c", start + 9s, for_ever, 2), taken::full);
    EXPECT_EQ(one.take_once("c", start + 10s, for_ever, 2), taken::now);
    EXPECT_EQ(one.take_once("b", start + 10s, for_ever, 2), taken::before);
}

TEST(KeeperOnce, AnExpiredKeyIsTakenAgainInAFullTable) {
    keeper one;
    ASSERT_EQ(one.take_once("a", start, 10s, 1), taken::now);
    EXPECT_EQ(one.take_once("a", start + 10s, 10s, 1), taken::now);
}

TEST(KeeperOnce, ALargeTableHoldsAllItMay) {
    keeper one;
    constexpr std::size_t most = 5000;
    std::size_t now = 0;
    for (std::size_t i = 0; i < most + 10; ++i) {
        if (one.take_once(std::to_string(i), start, for_ever, most) == taken::now) ++now;
    }
    EXPECT_EQ(now, most);
}

// ---- Retained events

TEST(KeeperRetained, TheLastOneOfEachEventIsKept) {
    keeper one;
    EXPECT_EQ(one.retain("r", "a", {1}, much), 0U);
    EXPECT_EQ(one.retain("r", "b", {2}, much), 0U);
    EXPECT_EQ(one.retain("r", "a", {3}, much), 0U);
    EXPECT_EQ(kept_at(one, "r"), (texts{"b [2]", "a [3]"}));
}

TEST(KeeperRetained, EachPlaceHasItsOwn) {
    keeper one;
    one.retain("r", "a", {1}, much);
    one.retain("s", "a", {2}, much);
    EXPECT_EQ(kept_at(one, "r"), texts{"a [1]"});
    EXPECT_EQ(kept_at(one, "s"), texts{"a [2]"});
    EXPECT_EQ(kept_at(one, "t"), texts{});
}

TEST(KeeperRetained, TheyComeInTheOrderInWhichTheyCame) {
    keeper one;
    // not in the order of their names
    for (const char* event : {"c", "a", "d", "b"}) one.retain("r", event, {event}, much);
    EXPECT_EQ(kept_at(one, "r"), (texts{"c [\"c\"]", "a [\"a\"]", "d [\"d\"]", "b [\"b\"]"}));
    one.retain("r", "c", {"again"}, much);
    EXPECT_EQ(kept_at(one, "r").back(), "c [\"again\"]");
}

TEST(KeeperRetained, TheOldestGoesWhenThereIsNoRoom) {
    keeper one;
    const server::args kilobyte{std::string(1000, 'x')};
    EXPECT_EQ(one.retain("r", "a", kilobyte, 3000), 0U);
    EXPECT_EQ(one.retain("s", "b", kilobyte, 3000), 0U);
    EXPECT_EQ(one.retain("t", "c", kilobyte, 3000), 1U);
    EXPECT_EQ(kept_at(one, "r"), texts{});
    EXPECT_EQ(kept_at(one, "s").size(), 1U);
    EXPECT_EQ(kept_at(one, "t").size(), 1U);
}

TEST(KeeperRetained, ANewerOneOfTheSameEventTakesThePlaceOfTheOld) {
    keeper one;
    const server::args kilobyte{std::string(1000, 'x')};
    for (int i = 0; i < 100; ++i) EXPECT_EQ(one.retain("r", "a", kilobyte, 3000), 0U);
    EXPECT_EQ(kept_at(one, "r").size(), 1U);
}

TEST(KeeperRetained, WhatIsLargerThanAllRoomIsNotKept) {
    keeper one;
    one.retain("r", "a", {1}, 3000);
    EXPECT_EQ(one.retain("r", "b", {std::string(5000, 'x')}, 3000), 2U);
    EXPECT_EQ(kept_at(one, "r"), texts{});
    EXPECT_EQ(one.retain("r", "c", {3}, 3000), 0U);
    EXPECT_EQ(kept_at(one, "r"), texts{"c [3]"});
}

TEST(KeeperRetained, AttachmentsCount) {
    keeper one;
    one.retain("r", "a", {server::binary{std::string(5000, 'x')}}, 3000);
    EXPECT_EQ(kept_at(one, "r"), texts{});
}

// ---- Tallies

TEST(KeeperTally, IsSharedByAllOfOneKey) {
    keeper one;
    const auto first = one.tally_of("a", start);
    EXPECT_EQ(one.tally_of("a", start), first);
    EXPECT_NE(one.tally_of("b", start), first);
}

TEST(KeeperTally, BucketsAreSharedWhileTheProgramIsTheSame) {
    keeper one;
    const auto now = std::make_shared<const server::rules::program>();
    const auto found = one.tally_of("a", start);
    EXPECT_EQ(found->row_of(now, 2), found->row_of(now, 2));
}

TEST(KeeperTally, WhatOneProgramCountedDoesNotFillTheBucketsOfTheNext) {
    keeper one;
    const auto found = one.tally_of("a", start);
    const server::rate once_an_hour{1h, 1};
    const auto before = std::make_shared<const server::rules::program>();
    ASSERT_TRUE(found->row_of(before, 2)->at(1).take(once_an_hour, start));
    ASSERT_FALSE(found->row_of(before, 2)->at(1).take(once_an_hour, start));
    const auto after = std::make_shared<const server::rules::program>();
    EXPECT_TRUE(found->row_of(after, 2)->at(1).take({1s, 1}, start));
}

TEST(KeeperTally, LivesOnWithoutSocketsWhileItsBucketIsNotFull) {
    keeper one;
    const auto now = std::make_shared<const server::rules::program>();
    const server::rate allowed{1h, 1};
    ASSERT_TRUE(one.tally_of("a", start)->row_of(now, 1)->at(0).take(allowed, start));
    for (int i = 0; i < 10'000; ++i) (void)one.tally_of(std::to_string(i), start);
    EXPECT_FALSE(one.tally_of("a", start)->row_of(now, 1)->at(0).take(allowed, start + 1s));
}

TEST(KeeperTally, ThoseThatNobodyUsesAreForgotten) {
    keeper one;
    const std::weak_ptr<server::rules::tally> watched = one.tally_of("a", start);
    const auto held = one.tally_of("held", start);
    for (int i = 0; i < 10'000; ++i) (void)one.tally_of(std::to_string(i), start);
    EXPECT_TRUE(watched.expired());
    EXPECT_EQ(one.tally_of("held", start), held);
}

TEST(KeeperTally, KeysOfTwoTextsDoNotMeet) {
    EXPECT_NE(joint_key("a", "bc"), joint_key("ab", "c"));
}
