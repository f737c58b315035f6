#include "roomcast/core/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace roomcast::core {
namespace {

constexpr int highest_code = 120;

std::string message_of(int code) {
    return core_category().message(code);
}

bool is_known(int code) {
    return message_of(code) != "unknown error";
}

int groups_of(errc code) {
    const std::error_code error = code;
    int count = 0;
    for (const auto group : {condition::peer_fault, condition::limit_reached, condition::gone}) {
        if (error == group) ++count;
    }
    return count;
}

TEST(Error, EveryCodeHasAMessageOfItsOwn) {
    std::set<std::string> seen;
    for (int code = 1; code <= highest_code; ++code) {
        if (!is_known(code)) continue;
        EXPECT_TRUE(seen.insert(message_of(code)).second) << code;
    }
    EXPECT_GE(seen.size(), 41U);
}

TEST(Error, UnknownCodeHasAMessage) {
    EXPECT_EQ(message_of(12345), "unknown error");
}

TEST(Error, NoCodeIsZero) {
    EXPECT_FALSE(is_known(0));
}

TEST(Error, EveryCodeButAckTimeoutIsInExactlyOneGroup) {
    for (int code = 1; code <= highest_code; ++code) {
        if (!is_known(code)) continue;
        const auto each = static_cast<errc>(code);
        EXPECT_EQ(groups_of(each), each == errc::ack_timeout ? 0 : 1) << message_of(code);
    }
}

TEST(Error, MalformedJsonIsThePeersFault) {
    EXPECT_EQ(make_error_code(errc::invalid_json), condition::peer_fault);
}

TEST(Error, DepthIsALimit) {
    EXPECT_EQ(make_error_code(errc::json_too_deep), condition::limit_reached);
}

TEST(Error, LengthOfAControlFrameIsNoSettingOfOurs) {
    EXPECT_EQ(make_error_code(errc::control_frame_too_long), condition::peer_fault);
}

TEST(Error, DisconnectedIsGone) {
    EXPECT_EQ(make_error_code(errc::disconnected), condition::gone);
}

TEST(Error, SuccessIsInNoGroup) {
    const std::error_code success{0, core_category()};
    EXPECT_NE(success, condition::peer_fault);
    EXPECT_NE(success, condition::limit_reached);
    EXPECT_NE(success, condition::gone);
}

TEST(Error, SameNumberOfAnotherCategoryIsInNoGroup) {
    const std::error_code other{static_cast<int>(errc::disconnected), std::generic_category()};
    EXPECT_NE(other, condition::gone);
}

TEST(Error, ConditionsHaveMessages) {
    EXPECT_EQ(make_error_condition(condition::peer_fault).message(), "the peer broke the protocol");
    EXPECT_EQ(make_error_condition(condition::limit_reached).message(), "a limit was reached");
    EXPECT_EQ(make_error_condition(condition::gone).message(), "there is no connection any more");
}

} // namespace
} // namespace roomcast::core
