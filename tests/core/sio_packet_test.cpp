#include "roomcast/core/sio/packet.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace roomcast::core::sio {
namespace {

const limits bounds;

std::error_code error_of(std::string_view text) {
    return decode(text, bounds).error();
}

/// All that was decoded in one line, so that tests compare it whole.
std::string decoded(std::string_view text) {
    const auto packet = decode(text, bounds);
    if (!packet) return packet.error().message();
    std::string out{digit_of(packet->type)};
    out += " attachments:" + std::to_string(packet->attachments);
    return out.append(" nsp:")
        .append(packet->nsp)
        .append(" id:")
        .append(packet->id)
        .append(" data:")
        .append(packet->data);
}

// --- types ---

TEST(SioPacketType, RefusesTextWithoutAType) {
    for (const auto* text : {"", "abc", "7", "9[]", "-1", " 2[\"a\"]", "/"}) {
        EXPECT_EQ(error_of(text), errc::unknown_type) << text;
    }
}

TEST(SioPacketType, KnowsAllSeven) {
    EXPECT_EQ(decoded("0"), "0 attachments:0 nsp:/ id: data:");
    EXPECT_EQ(decoded("1"), "1 attachments:0 nsp:/ id: data:");
    EXPECT_EQ(decoded(R"(2["a"])"), R"(2 attachments:0 nsp:/ id: data:["a"])");
    EXPECT_EQ(decoded("37[]"), "3 attachments:0 nsp:/ id:7 data:[]");
    EXPECT_EQ(decoded(R"(4"no")"), R"(4 attachments:0 nsp:/ id: data:"no")");
    EXPECT_EQ(decoded(R"(51-["a"])"), R"(5 attachments:1 nsp:/ id: data:["a"])");
    EXPECT_EQ(decoded("61-7[]"), "6 attachments:1 nsp:/ id:7 data:[]");
}

TEST(SioPacket, PutsAllPartsInOrder) {
    EXPECT_EQ(decoded(R"(52-/chat,13["m",{"k":1}])"),
              R"(5 attachments:2 nsp:/chat id:13 data:["m",{"k":1}])");
}

TEST(SioPacket, PointsIntoTheText) {
    const std::string text = R"(2/chat,1["m"])";
    const auto packet = decode(text, bounds);
    if (!packet) {
        ADD_FAILURE() << packet.error().message();
        return;
    }
    EXPECT_EQ(packet->nsp.data(), text.data() + 1);
    EXPECT_EQ(packet->id.data(), text.data() + 7);
    EXPECT_EQ(packet->data.data(), text.data() + 8);
}

// --- attachments (hostile items 1 to 4) ---

TEST(SioAttachments, RefusesZero) {
    for (const auto* text : {R"(50-["x"])", R"(500-["x"])", R"(60-[])"}) {
        EXPECT_EQ(error_of(text), errc::invalid_attachment_count) << text;
    }
}

TEST(SioAttachments, RefusesMissingCount) {
    for (const auto* text : {R"(5-["x"])", R"(5["x"])", "5", "6", "6[]", "6-1[]"}) {
        EXPECT_EQ(error_of(text), errc::invalid_attachment_count) << text;
    }
}

TEST(SioAttachments, RefusesMissingHyphen) {
    for (const auto* text : {R"(51["x"])", "51", "510", R"(51/chat,["x"])"}) {
        EXPECT_EQ(error_of(text), errc::invalid_attachment_count) << text;
    }
}

TEST(SioAttachments, RefusesAllButDigits) {
    for (const auto* text : {"51.5-", "51e0-", "5+1-", "5 1-", "51 -", "50x1-", "5--1-", "5\t1-"}) {
        EXPECT_EQ(error_of(std::string{text} + R"(["x"])"), errc::invalid_attachment_count) << text;
    }
}

TEST(SioAttachments, RefusesNegativeCountBehindACount) {
    EXPECT_EQ(error_of("54-1-[]"), errc::invalid_json);
}

TEST(SioAttachments, AcceptsTheMaximum) {
    EXPECT_EQ(decoded(R"(510-["x"])"), R"(5 attachments:10 nsp:/ id: data:["x"])");
}

TEST(SioAttachments, RefusesOneMoreThanTheMaximum) {
    EXPECT_EQ(error_of(R"(511-["x"])"), errc::too_many_attachments);
    EXPECT_EQ(error_of("611-1[]"), errc::too_many_attachments);
}

TEST(SioAttachments, RefusesCountsThatOverflow) {
    EXPECT_EQ(error_of("59999999999-[]"), errc::too_many_attachments);
    EXPECT_EQ(error_of("518446744073709551617-[]"), errc::too_many_attachments); // 2^64 + 1
    EXPECT_EQ(error_of("5" + std::string(1000, '9') + "-[]"), errc::too_many_attachments);
}

TEST(SioAttachments, MaximumIsALimitOfTheCaller) {
    limits narrow;
    narrow.max_attachments = 2;
    EXPECT_FALSE(decode(R"(52-["x"])", narrow).error());
    EXPECT_EQ(decode(R"(53-["x"])", narrow).error(), errc::too_many_attachments);
}

// --- namespace (hostile item 11) ---

TEST(SioNamespace, EndsAtTheComma) {
    EXPECT_EQ(decoded("0/a,{}"), "0 attachments:0 nsp:/a id: data:{}");
}

TEST(SioNamespace, EndsAtTheEndOfTheText) {
    EXPECT_EQ(decoded("0/a"), "0 attachments:0 nsp:/a id: data:");
}

TEST(SioNamespace, MayBeWrittenWhenItIsTheMainOne) {
    EXPECT_EQ(decoded(R"(2/,["a"])"), R"(2 attachments:0 nsp:/ id: data:["a"])");
}

TEST(SioNamespace, WithoutSlashIsPayload) {
    EXPECT_EQ(error_of("0custom"), errc::invalid_json);
}

TEST(SioNamespace, KeepsWhatLooksLikeAQuery) {
    EXPECT_EQ(decoded("0/a?token=x,{}"), "0 attachments:0 nsp:/a?token=x id: data:{}");
    EXPECT_EQ(decoded("0/?,"), "0 attachments:0 nsp:/? id: data:");
}

TEST(SioNamespace, KeepsNamesThatMeanSomethingElsewhere) {
    EXPECT_EQ(decoded("0/__proto__,"), "0 attachments:0 nsp:/__proto__ id: data:");
    EXPECT_EQ(decoded("0/a%00b,"), "0 attachments:0 nsp:/a%00b id: data:");
    EXPECT_EQ(decoded("0//a/../b,"), "0 attachments:0 nsp://a/../b id: data:");
}

TEST(SioNamespace, AcceptsTheGreatestLength) {
    const std::string name = "/" + std::string(bounds.max_namespace_bytes - 1, 'n');
    EXPECT_FALSE(error_of("0" + name));
}

TEST(SioNamespace, RefusesOneByteMore) {
    EXPECT_EQ(error_of("0/" + std::string(bounds.max_namespace_bytes, 'n')), errc::namespace_too_long);
    EXPECT_EQ(error_of("0/" + std::string(1'000'000, 'n')), errc::namespace_too_long);
}

TEST(SioNamespace, RefusesBytesThatAreNotUtf8) {
    EXPECT_EQ(error_of("0/a\xff,"), errc::invalid_namespace);
    EXPECT_EQ(error_of("0/a?\xc0\x80,"), errc::invalid_namespace);
}

TEST(SioNamespace, AcceptsUtf8) {
    EXPECT_EQ(decoded("0/\xc3\xa9,"), "0 attachments:0 nsp:/\xc3\xa9 id: data:");
}

// --- acknowledgement id (hostile item 10) ---

TEST(SioAckId, AcceptsNumbersNoIntegerCanHold) {
    EXPECT_EQ(decoded("31000000000000000000000000000000[]"),
              "3 attachments:0 nsp:/ id:1000000000000000000000000000000 data:[]");
}

TEST(SioAckId, RefusesTooManyDigits) {
    EXPECT_FALSE(error_of("3" + std::string(bounds.max_ack_id_digits, '1') + "[]"));
    EXPECT_EQ(error_of("3" + std::string(bounds.max_ack_id_digits + 1, '1') + "[]"), errc::invalid_ack_id);
}

TEST(SioAckId, LosesLeadingZeros) {
    EXPECT_EQ(decoded(R"(2007["a"])"), R"(2 attachments:0 nsp:/ id:7 data:["a"])");
    EXPECT_EQ(decoded(R"(2000["a"])"), R"(2 attachments:0 nsp:/ id:0 data:["a"])");
}

TEST(SioAckId, RefusesNegativeNumbers) {
    EXPECT_EQ(error_of("3-1[]"), errc::invalid_json);
}

TEST(SioAckId, AllowsWhiteSpaceAroundIt) {
    EXPECT_EQ(decoded(R"(21 ["a"])"), R"(2 attachments:0 nsp:/ id:1 data:["a"])");
    EXPECT_EQ(decoded(R"(2 1["a"])"), R"(2 attachments:0 nsp:/ id:1 data:["a"])");
}

TEST(SioAckId, WhiteSpaceAloneIsZero) {
    EXPECT_EQ(decoded(R"(2 ["a"])"), R"(2 attachments:0 nsp:/ id:0 data:["a"])");
}

TEST(SioAckId, RefusesWhiteSpaceInside) {
    EXPECT_EQ(error_of(R"(21 2["a"])"), errc::invalid_json);
}

// --- shapes (hostile items 9, 10, 13) ---

TEST(SioConnect, TakesNothingOrAnObject) {
    EXPECT_FALSE(error_of("0"));
    EXPECT_FALSE(error_of(R"(0{"token":"x"})"));
}

TEST(SioConnect, RefusesOtherPayloads) {
    for (const auto* text : {"0[]", "0null", R"(0"x")", "0true", "0/a,[]", "0/a,-1"}) {
        EXPECT_EQ(error_of(text), errc::invalid_payload) << text;
    }
}

TEST(SioDisconnect, RefusesAnyPayload) {
    EXPECT_FALSE(error_of("1/a,"));
    for (const auto* text : {"1{}", "1[]", "1null", "1/a,\"x\""}) {
        EXPECT_EQ(error_of(text), errc::invalid_payload) << text;
    }
}

TEST(SioConnectError, TakesAStringOrAnObject) {
    EXPECT_FALSE(error_of(R"(4"no")"));
    EXPECT_FALSE(error_of(R"(4/a,{"message":"no"})"));
}

TEST(SioConnectError, RefusesOtherPayloads) {
    for (const auto* text : {"4", "4[]", "4null", "4/a,"}) {
        EXPECT_EQ(error_of(text), errc::invalid_payload) << text;
    }
}

TEST(SioEvent, MayHaveNoPayload) {
    EXPECT_EQ(decoded("2"), "2 attachments:0 nsp:/ id: data:");
    EXPECT_EQ(decoded("2/a,1"), "2 attachments:0 nsp:/a id:1 data:");
}

TEST(SioEvent, RefusesPayloadsThatAreNoArray) {
    for (const auto* text : {"2{}", "2null", R"(2"a")", "51-{}", "51-null", "51-"}) {
        EXPECT_EQ(error_of(text), errc::invalid_payload) << text;
    }
}

TEST(SioEvent, RefusesAnArrayWithoutName) {
    for (const auto* text : {"2[]", "2[ ]", "51-[]"})
        EXPECT_EQ(error_of(text), errc::invalid_event_name) << text;
}

TEST(SioEvent, NameMayBeANumber) {
    for (const auto* text : {"2[1,2]", "2[-1.5e3]", "51-[0]"}) EXPECT_FALSE(error_of(text)) << text;
}

TEST(SioEvent, NameMayBeEmpty) {
    EXPECT_FALSE(error_of(R"(2[""])"));
}

TEST(SioEvent, RefusesNamesOfOtherKinds) {
    for (const auto* text :
         {"2[null]", "2[{}]", "2[[]]", "2[true]", "2[false]", R"(2[["a"],"a"])", "51-[null]"}) {
        EXPECT_EQ(error_of(text), errc::invalid_event_name) << text;
    }
}

TEST(SioEvent, RefusesReservedNames) {
    for (const auto* name :
         {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}) {
        EXPECT_EQ(error_of(R"(2[")" + std::string{name} + R"("])"), errc::invalid_event_name) << name;
        EXPECT_EQ(error_of(R"(51-[")" + std::string{name} + R"(",1])"), errc::invalid_event_name) << name;
    }
}

TEST(SioEvent, RefusesReservedNamesWrittenWithEscapes) {
    EXPECT_EQ(error_of(R"(2["\u0063onnect"])"), errc::invalid_event_name);
    EXPECT_EQ(error_of(R"(2["disconnectin\u0067"])"), errc::invalid_event_name);
    EXPECT_EQ(error_of(R"(2[ "\u006e\u0065wListener"])"), errc::invalid_event_name);
}

TEST(SioEvent, AcceptsNamesThatAreOnlyLikeReservedOnes) {
    for (const auto* name :
         {"error", "connected", "Connect", "connec", " connect", "connect\\u0000", "message"}) {
        EXPECT_FALSE(error_of(R"(2[")" + std::string{name} + R"("])")) << name;
    }
}

TEST(SioEvent, ReservedNamesMayBeArguments) {
    EXPECT_FALSE(error_of(R"(2["m","connect"])"));
}

TEST(SioAck, MayHaveNoPayload) {
    EXPECT_FALSE(error_of("31"));
    EXPECT_FALSE(error_of("3"));
}

TEST(SioAck, TakesAnyArray) {
    EXPECT_FALSE(error_of("31[]"));
    EXPECT_FALSE(error_of(R"(31["connect"])"));
    EXPECT_FALSE(error_of("61-1[null]"));
}

TEST(SioAck, RefusesPayloadsThatAreNoArray) {
    for (const auto* text : {"31{}", "3null", R"(31"x")", "61-1{}", "61-1"}) {
        EXPECT_EQ(error_of(text), errc::invalid_payload) << text;
    }
}

TEST(SioReservedEvent, KnowsTheSixNames) {
    EXPECT_TRUE(is_reserved_event("connect_error"));
    EXPECT_TRUE(is_reserved_event("removeListener"));
    EXPECT_FALSE(is_reserved_event("error"));
    EXPECT_FALSE(is_reserved_event(""));
}

// --- payload text (hostile item 12) ---

TEST(SioPayload, RefusesBrokenJson) {
    for (const auto* text :
         {R"(2["a")", R"(2["m"]x)", R"(2abc["a"])", R"(2["a",])", "0{", "0{}{}", R"(2['a'])"}) {
        EXPECT_EQ(error_of(text), errc::invalid_json) << text;
    }
}

TEST(SioPayload, LosesWhiteSpaceBehindIt) {
    EXPECT_EQ(decoded("2[\"a\"] \r\n"), R"(2 attachments:0 nsp:/ id: data:["a"])");
}

TEST(SioPayload, RefusesBytesThatAreNotUtf8) {
    EXPECT_EQ(error_of("2[\"a\",\"\xff\"]"), errc::invalid_utf8);
}

TEST(SioPayload, AcceptsTheGreatestDepth) {
    const std::size_t inner = bounds.max_json_depth - 1;
    EXPECT_FALSE(error_of(R"(2["a",)" + std::string(inner, '[') + std::string(inner, ']') + "]"));
}

TEST(SioPayload, RefusesOneLevelMore) {
    const std::size_t inner = bounds.max_json_depth;
    EXPECT_EQ(error_of(R"(2["a",)" + std::string(inner, '[') + std::string(inner, ']') + "]"),
              errc::json_too_deep);
}

TEST(SioPayload, RefusesADepthBomb) {
    EXPECT_EQ(error_of("2" + std::string(1'000'000, '[')), errc::json_too_deep);
}

TEST(SioPayload, AcceptsOddButValidJson) {
    for (const auto* text : {R"(2["a",1e400])", R"(2["a",{"k":1,"k":2}])", R"(2["a","\ud800"])",
                             R"(2["a",{"__proto__":{"admin":true}}])", R"(0{"__proto__":1})"}) {
        EXPECT_FALSE(error_of(text)) << text;
    }
}

} // namespace
} // namespace roomcast::core::sio
