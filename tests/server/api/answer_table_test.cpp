#include "api/answer_table.hpp"

#include <gtest/gtest.h>

namespace api = roomcast::server::api;
namespace core = roomcast::core;
using state = api::answer_table::state;
using namespace std::chrono_literals;

namespace {

constexpr core::time_point start{};

struct AnswerTable : testing::Test {
    state begin(const std::string& key, const std::string& digest = "d", core::time_point now = start) {
        return table.begin(key, digest, now, bounds, body);
    }

    api::answer_table table;
    api::answer_table::bounds bounds{1h, 3, 1000};
    std::string body;
};

} // namespace

TEST_F(AnswerTable, AKeyIsFreshThenRunningThenAnswered) {
    EXPECT_EQ(begin("k"), state::fresh);
    EXPECT_EQ(begin("k"), state::running);
    table.finish("k", "answer", start, bounds);
    EXPECT_EQ(begin("k"), state::answered);
    EXPECT_EQ(body, "answer");
}

TEST_F(AnswerTable, AnotherRequestWithTheKeyDiffersEvenWhileItRuns) {
    EXPECT_EQ(begin("k", "one"), state::fresh);
    EXPECT_EQ(begin("k", "two"), state::differs);
    table.finish("k", "answer", start, bounds);
    EXPECT_EQ(begin("k", "two"), state::differs);
}

TEST_F(AnswerTable, AKeyIsFreeAfterItsTime) {
    EXPECT_EQ(begin("k"), state::fresh);
    table.finish("k", "answer", start + 10min, bounds);
    EXPECT_EQ(begin("k", "d", start + 69min), state::answered);
    EXPECT_EQ(begin("k", "d", start + 70min), state::fresh);
}

TEST_F(AnswerTable, AKeyThatWasGivenUpIsFree) {
    EXPECT_EQ(begin("k"), state::fresh);
    table.give_up("k");
    EXPECT_EQ(begin("k", "another"), state::fresh);
}

TEST_F(AnswerTable, TheOldestGoesWhenThereAreTooMany) {
    for (const char* key : {"a", "b", "c", "d"}) EXPECT_EQ(begin(key), state::fresh);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_EQ(begin("b"), state::running);
    EXPECT_EQ(begin("a"), state::fresh);
}

TEST_F(AnswerTable, TheOldestGoesWhenThereAreTooManyBytes) {
    for (const char* key : {"a", "b"}) {
        EXPECT_EQ(begin(key), state::fresh);
        table.finish(key, std::string(600, 'x'), start, bounds);
    }
    EXPECT_EQ(begin("b"), state::answered);
    EXPECT_EQ(begin("a"), state::fresh);
}

TEST_F(AnswerTable, AnAnswerForAKeyThatIsGoneIsDropped) {
    table.finish("nobody", "answer", start, bounds);
    EXPECT_EQ(table.size(), 0U);
}
