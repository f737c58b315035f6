#include "rules/kept_state.hpp"

#include "rules/keeper.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace roomcast::server::rules {
namespace {

using std::chrono::seconds;

kept_state sample() {
    kept_state state;
    state.once = {{joint_key("once", "k"), seconds{5}}, {"for ever", {}}};
    state.events = {{joint_key("/", "r"), "e", args{json{R"({"a":1})"}, binary{"\1\2"}}, 1'700'000'000'000},
                    {joint_key("/", ""), "f", args{}, 7}};
    state.revocations = {{joint_key("user", "u"), seconds{60}}};
    return state;
}

std::string bytes_of(const kept_state& state) {
    std::string bytes;
    append(bytes, state);
    return bytes;
}

std::optional<kept_state> read(std::string_view bytes) {
    base::octet_reader from{bytes};
    auto state = read_kept_state(from);
    return from.is_at_end() ? std::move(state) : std::nullopt;
}

visitor somebody() {
    visitor who;
    who.is_user = true;
    who.user_id = "u1";
    who.user_json = R"({"id":"u1"})";
    who.claims_json = R"({"sub":"u1"})";
    who.session_id = "s";
    who.provider = "app";
    who.expires = -5;
    who.rooms = {"a", "b"};
    who.matches = {"m"};
    who.presence = {{"desk", R"({"room":"desk"})"}};
    return who;
}

TEST(RulesKeptState, IsReadAsItWasWritten) {
    const auto state = read(bytes_of(sample()));
    ASSERT_TRUE(state);
    ASSERT_EQ(state->once.size(), 2U);
    EXPECT_EQ(state->once[0].key, joint_key("once", "k"));
    EXPECT_EQ(state->once[0].left, core::duration{seconds{5}});
    EXPECT_EQ(state->once[1].left, std::nullopt);
    ASSERT_EQ(state->events.size(), 2U);
    EXPECT_EQ(state->events[0].place, joint_key("/", "r"));
    EXPECT_EQ(state->events[0].event, "e");
    EXPECT_EQ(state->events[0].changed_ms, 1'700'000'000'000);
    EXPECT_EQ(state->events[0].arguments.text(), sample().events[0].arguments.text());
    EXPECT_EQ(*state->events[0].arguments.parts(), std::vector<std::string>{"\1\2"});
    EXPECT_EQ(state->events[1].arguments.parts(), nullptr);
    ASSERT_EQ(state->revocations.size(), 1U);
    EXPECT_EQ(state->revocations[0].left, core::duration{seconds{60}});
}

TEST(RulesKeptState, CutOffAnywhereIsRefused) {
    const std::string bytes = bytes_of(sample());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(read(std::string_view{bytes}.substr(0, size))) << size;
    }
}

TEST(RulesKeptState, ArgumentsThatAreNoneAreRefused) {
    const auto is_taken = [](std::string text, core::sio::attachments parts = nullptr) {
        kept_state state;
        state.events.push_back({"p", "e", args::from_checked(std::move(text), std::move(parts)), 0});
        return read(bytes_of(state)).has_value();
    };
    EXPECT_TRUE(is_taken("[1]"));
    EXPECT_TRUE(is_taken(R"([{"_placeholder":true,"num":0}])"));
    for (const char* text : {"", "1", "{}", "[", "[1]]"}) {
        EXPECT_FALSE(is_taken(text)) << text;
    }
}

TEST(RulesKeptVisitor, IsReadAsItWasWritten) {
    const auto who = visitor_from(bytes_of(somebody()));
    ASSERT_NE(who, nullptr);
    EXPECT_TRUE(who->is_user);
    EXPECT_EQ(who->user_id, "u1");
    EXPECT_EQ(who->user_json, R"({"id":"u1"})");
    EXPECT_EQ(who->claims_json, R"({"sub":"u1"})");
    EXPECT_EQ(who->session_id, "s");
    EXPECT_EQ(who->provider, "app");
    EXPECT_EQ(who->expires, -5);
    EXPECT_EQ(who->rooms, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(who->matches, std::vector<std::string>{"m"});
    EXPECT_EQ(who->presence, somebody().presence);
}

TEST(RulesKeptVisitor, CutOffAnywhereOrLongerIsNobody) {
    const std::string bytes = bytes_of(somebody());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(visitor_from(std::string_view{bytes}.substr(0, size)), nullptr) << size;
    }
    EXPECT_EQ(visitor_from(bytes + "x"), nullptr);
}

TEST(RulesKeptVisitor, TextsThatAreNoJsonAreNobody) {
    for (std::string visitor::*const member : {&visitor::user_json, &visitor::claims_json}) {
        visitor who = somebody();
        who.*member = R"({"id":"u1")";
        EXPECT_EQ(visitor_from(bytes_of(who)), nullptr);
    }
}

TEST(RulesKeeper, RestoredKeysAreBounded) {
    keeper at;
    EXPECT_TRUE(at.put_once("a", core::never, 1));
    EXPECT_FALSE(at.put_once("b", core::never, 1));
    EXPECT_EQ(at.take_once("a", core::time_point{}, core::duration::zero(), 1), keeper::taken::before);
}

} // namespace
} // namespace roomcast::server::rules
