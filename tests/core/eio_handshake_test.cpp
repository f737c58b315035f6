#include "roomcast/core/eio/handshake.hpp"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace roomcast::core::eio {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view usual =
    R"({"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})";

/// The usual handshake with one piece of its text replaced.
std::string with(std::string_view piece, std::string_view by) {
    std::string text{usual};
    const std::size_t at = text.find(piece);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, piece.size(), by);
}

void expect_refused(const std::string& text) {
    EXPECT_EQ(decode_open(text, limits{}).error(), errc::invalid_handshake) << text;
}

TEST(EioHandshake, IsWrittenAsTheReferenceWritesIt) {
    handshake given;
    given.sid = "lv_VI97HAXpY6yYWAAAC";
    given.can_upgrade = true;
    EXPECT_EQ(encode_open(given), "0" + std::string{usual});
}

TEST(EioHandshake, IsWrittenWithoutUpgrades) {
    handshake given;
    given.sid = "s";
    given.ping_interval = milliseconds{300};
    given.ping_timeout = milliseconds{200};
    given.max_payload_bytes = 1;
    EXPECT_EQ(encode_open(given),
              R"(0{"sid":"s","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":1})");
}

TEST(EioHandshake, IsRead) {
    const auto told = decode_open(usual, limits{});
    ASSERT_TRUE(told);
    EXPECT_EQ(told->sid, "lv_VI97HAXpY6yYWAAAC");
    EXPECT_TRUE(told->can_upgrade);
    EXPECT_EQ(told->ping_interval, seconds{25});
    EXPECT_EQ(told->ping_timeout, seconds{20});
    EXPECT_EQ(told->max_payload_bytes, 1'000'000U);
}

TEST(EioHandshake, WhatIsWrittenIsReadBack) {
    handshake given;
    given.sid = "quote \" backslash \\ \xc3\xbc";
    given.can_upgrade = true;
    given.ping_interval = milliseconds{1};
    given.ping_timeout = hours{24};
    given.max_payload_bytes = 123'456'789;
    const auto told = decode_open(encode_open(given).substr(1), limits{});
    ASSERT_TRUE(told);
    EXPECT_EQ(told->sid, given.sid);
    EXPECT_EQ(told->can_upgrade, given.can_upgrade);
    EXPECT_EQ(told->ping_interval, given.ping_interval);
    EXPECT_EQ(told->ping_timeout, given.ping_timeout);
    EXPECT_EQ(told->max_payload_bytes, given.max_payload_bytes);
}

TEST(EioHandshake, UnknownUpgradesAreIgnored) {
    const auto others =
        decode_open(with(R"(["websocket"])", R"(["webtransport",1,null,["websocket"]])"), limits{});
    ASSERT_TRUE(others);
    EXPECT_FALSE(others->can_upgrade);
    const auto among_others =
        decode_open(with(R"(["websocket"])", R"(["webtransport","websocket"])"), limits{});
    ASSERT_TRUE(among_others);
    EXPECT_TRUE(among_others->can_upgrade);
}

TEST(EioHandshake, UpgradesMayBeMissing) {
    const auto told = decode_open(with(R"("upgrades":["websocket"],)", ""), limits{});
    ASSERT_TRUE(told);
    EXPECT_FALSE(told->can_upgrade);
}

TEST(EioHandshake, MaxPayloadMayBeMissingOrNull) {
    const auto missing = decode_open(with(R"(,"maxPayload":1000000)", ""), limits{});
    ASSERT_TRUE(missing);
    EXPECT_EQ(missing->max_payload_bytes, 1'000'000U);
    const auto unlimited = decode_open(with("1000000", "null"), limits{});
    ASSERT_TRUE(unlimited);
    EXPECT_EQ(unlimited->max_payload_bytes, 1'000'000U);
}

TEST(EioHandshake, AHugeMaxPayloadIsCappedAtTheAddressSpace) {
    const auto told = decode_open(with("1000000", "9223372036854775807"), limits{});
    ASSERT_TRUE(told);
    EXPECT_EQ(told->max_payload_bytes,
              std::min<std::uint64_t>(9'223'372'036'854'775'807U, std::numeric_limits<std::size_t>::max()));
}

TEST(EioHandshake, OtherMembersAreIgnored) {
    EXPECT_TRUE(decode_open(with("{", R"({"__proto__":{"sid":1},"x":[[]],)"), limits{}));
}

TEST(EioHandshake, RefusesWhatIsNoObject) {
    for (const char* text : {"", "null", "1", "[]", "\"sid\"", "{", "{}x", "{\"sid\":\"a\"", "{sid:1}"}) {
        expect_refused(text);
    }
}

TEST(EioHandshake, RefusesABadSid) {
    for (const char* sid : {"\"\"", "1", "null", "{}", "[\"a\"]", "true"}) {
        expect_refused(with("\"lv_VI97HAXpY6yYWAAAC\"", sid));
    }
    expect_refused(with(R"("sid":"lv_VI97HAXpY6yYWAAAC",)", ""));
    expect_refused(with("lv_VI97HAXpY6yYWAAAC", std::string(257, 's')));
    EXPECT_TRUE(decode_open(with("lv_VI97HAXpY6yYWAAAC", std::string(256, 's')), limits{}));
}

TEST(EioHandshake, RefusesIntervalsOutOfRange) {
    for (const char* bad :
         {"0", "-1", "-9223372036854775808", "86400001", "9223372036854775807", "9223372036854775808", "1e3",
          "25000.5", "1e999", "\"25000\"", "null", "{}", "true"}) {
        expect_refused(with("25000", bad));
        expect_refused(with("20000", bad));
    }
    expect_refused(with(R"("pingInterval":25000,)", ""));
    expect_refused(with(R"("pingTimeout":20000,)", ""));
}

TEST(EioHandshake, TakesTheEdgesOfTheRange) {
    const auto told =
        decode_open(with("25000,\"pingTimeout\":20000", "1,\"pingTimeout\":86400000"), limits{});
    ASSERT_TRUE(told);
    EXPECT_EQ(told->ping_interval, milliseconds{1});
    EXPECT_EQ(told->ping_timeout, hours{24});
}

TEST(EioHandshake, RefusesABadMaxPayload) {
    for (const char* bad : {"0", "-1", "1.5", "\"1\"", "{}", "9223372036854775808", "true"}) {
        expect_refused(with("1000000", bad));
    }
}

TEST(EioHandshake, RefusesUpgradesThatAreNoArray) {
    for (const char* bad : {"\"websocket\"", "{}", "null", "1"})
        expect_refused(with(R"(["websocket"])", bad));
}

TEST(EioHandshake, RefusesNestingBeyondTheLimit) {
    limits bounds;
    bounds.max_json_depth = 2;
    EXPECT_TRUE(decode_open(usual, bounds));
    EXPECT_EQ(decode_open(with("{", R"({"x":[[]],)"), bounds).error(), errc::invalid_handshake);
    expect_refused(with("{", "{\"x\":" + std::string(100'000, '[')));
}

} // namespace
} // namespace roomcast::core::eio
