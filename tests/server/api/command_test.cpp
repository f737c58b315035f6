#include "api/command.hpp"

#include <gtest/gtest.h>

namespace api = roomcast::server::api;
using namespace std::chrono_literals;

namespace {

struct outcome {
    std::string code;
    std::string field;
    friend bool operator==(const outcome&, const outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const outcome& what) {
    return out << what.code << " at " << what.field;
}

outcome of(const std::optional<api::fault>& wrong) {
    return wrong ? outcome{wrong->code, wrong->field} : outcome{};
}

outcome wrong_emit(std::string_view body) {
    api::command into;
    return of(api::read_request(body, api::command::kind::emit, {}, into));
}

api::command right(std::string_view body, api::command::kind what = api::command::kind::emit) {
    api::command into;
    EXPECT_EQ(of(api::read_request(body, what, {}, into)), outcome{});
    return into;
}

} // namespace

TEST(ApiCommand, ReadsEveryMemberOfAnEmit) {
    const api::command read = right(
        R"( {"namespace":"/a","event":"e\u0041","args":[1, {"_placeholder":true,"num":0}],"to":["r","s"],)"
        R"("users":"u","sockets":["i"],"except":[],"attachments":["AAEC"],"ack":{"timeout":"2s"}} )");
    EXPECT_EQ(read.name_space, "/a");
    EXPECT_EQ(read.event, "eA");
    EXPECT_EQ(read.arguments, R"([1, {"_placeholder":true,"num":0}])");
    EXPECT_EQ(read.whom.rooms, (std::vector<std::string>{"r", "s"}));
    EXPECT_EQ(read.whom.users, (std::vector<std::string>{"u"}));
    EXPECT_EQ(read.whom.sockets, (std::vector<std::string>{"i"}));
    EXPECT_EQ(read.attachments, (std::vector<std::string>{std::string("\0\1\2", 3)}));
    EXPECT_EQ(read.ack, 2s);
    EXPECT_FALSE(read.whom.is_everybody());
}

TEST(ApiCommand, ANameWithEscapesIsTheSameMember) {
    EXPECT_EQ(right(R"({"\u0065vent":"x"})").event, "x");
}

TEST(ApiCommand, OfAMemberThatStandsTwiceTheLastOneCounts) {
    const api::command read = right(R"({"event":"a","event":"b","to":"r","to":"s"})");
    EXPECT_EQ(read.event, "b");
    EXPECT_EQ(read.whom.rooms, (std::vector<std::string>{"s"}));
}

TEST(ApiCommand, SaysWhatIsWrongAndWhere) {
    EXPECT_EQ(wrong_emit("{"), (outcome{"invalid_json", ""}));
    EXPECT_EQ(wrong_emit(""), (outcome{"invalid_json", ""}));
    EXPECT_EQ(wrong_emit("[]"), (outcome{"invalid_command", ""}));
    EXPECT_EQ(wrong_emit("{}"), (outcome{"invalid_command", "/event"}));
    EXPECT_EQ(wrong_emit(R"({"event":"connect"})"), (outcome{"invalid_command", "/event"}));
    EXPECT_EQ(wrong_emit(R"({"event":"x","to":["a",1]})"), (outcome{"invalid_command", "/to/1"}));
    EXPECT_EQ(wrong_emit(R"({"event":"x","to":[]})"), (outcome{"invalid_command", "/to"}));
    EXPECT_EQ(wrong_emit(R"({"event":"x","nope":1})"), (outcome{"unknown_member", "/nope"}));
    EXPECT_EQ(wrong_emit(R"({"event":"x","ack":{"timeout":5,"foo":1}})"),
              (outcome{"unknown_member", "/ack/foo"}));
    EXPECT_EQ(wrong_emit(R"({"event":"x","attachments":["*"]})"),
              (outcome{"invalid_command", "/attachments/0"}));
    EXPECT_EQ(wrong_emit(R"({"event":"x","args":[{"_placeholder":true,"num":1}],"attachments":["AA=="]})"),
              (outcome{"invalid_command", "/args"}));
}

TEST(ApiCommand, ATimeIsOfAKnownUnitAndWithinBounds) {
    for (const char* good : {"1", "\"1\"", "\"500ms\"", "\"60s\"", "\"1m\"", "60000"}) {
        EXPECT_EQ(wrong_emit(std::string{R"({"event":"x","ack":{"timeout":)"} + good + "}}"), outcome{})
            << good;
    }
    for (const char* bad : {"0", "-1", "1.5", "1e3", "\"61s\"", "\"1w\"", "\"\"", "\" 1\"", "null", "true",
                            "9223372036854775808", "\"9223372036854775807d\""}) {
        EXPECT_EQ(wrong_emit(std::string{R"({"event":"x","ack":{"timeout":)"} + bad + "}}"),
                  (outcome{"invalid_command", "/ack/timeout"}))
            << bad;
    }
}

TEST(ApiCommand, WhatMovesSocketsNeverMeansEverybody) {
    api::command into;
    for (const auto what :
         {api::command::kind::join, api::command::kind::leave, api::command::kind::disconnect}) {
        const char* body = what == api::command::kind::disconnect ? "{}" : R"({"rooms":"r"})";
        EXPECT_EQ(of(api::read_request(body, what, {}, into)), (outcome{"invalid_command", ""}));
        into = {};
    }
}

TEST(ApiCommand, ARevocationNamesOneThing) {
    EXPECT_EQ(right(R"({"user":"u","for":0})", api::command::kind::revoke).how_long, 0s);
    api::command into;
    EXPECT_EQ(of(api::read_request(R"({"user":"u","session":"s"})", api::command::kind::revoke, {}, into)),
              (outcome{"invalid_command", ""}));
}

TEST(ApiBatch, AWrongCommandSpoilsNoOther) {
    std::vector<api::batch_entry> read;
    const auto wrong = api::read_batch(
        R"({"commands":[{"emit":{"event":"a"}},null,{"emit":{}},{"emit":{"event":"b"},"join":{}},{}]})", {},
        read);
    EXPECT_EQ(of(wrong), outcome{});
    ASSERT_EQ(read.size(), 5U);
    EXPECT_EQ(of(read[0].wrong), outcome{});
    EXPECT_EQ(of(read[1].wrong), (outcome{"invalid_command", "/commands/1"}));
    EXPECT_EQ(of(read[2].wrong), (outcome{"invalid_command", "/commands/2/emit/event"}));
    EXPECT_EQ(of(read[3].wrong), (outcome{"invalid_command", "/commands/3"}));
    EXPECT_EQ(of(read[4].wrong), (outcome{"invalid_command", "/commands/4"}));
}

TEST(ApiBatch, TooManyCommandsAreNotRead) {
    api::command_bounds bounds;
    bounds.max_commands = 2;
    std::vector<api::batch_entry> read;
    EXPECT_EQ(of(api::read_batch(R"({"commands":[null,null,null]})", bounds, read)),
              (outcome{"too_many", "/commands"}));
    EXPECT_TRUE(read.empty());
}

TEST(ApiFault, IsJsonWhateverItQuotes) {
    EXPECT_EQ((api::fault{422, "a", "b\"\n", "c"}.to_json()),
              R"({"code":"a","message":"b\"\n","field":"c"})");
}
