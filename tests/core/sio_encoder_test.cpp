#include "roomcast/core/sio/encoder.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core {
namespace {

using namespace std::string_view_literals;

const limits bounds;

sio::attachments parts_of(std::initializer_list<std::string> parts) {
    return std::make_shared<const std::vector<std::string>>(parts);
}

/// The payloads of all packets of a message.
std::vector<std::string> payloads_of(const shared_message& message) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < message->size(); ++i) out.emplace_back(message->at(i).payload());
    return out;
}

// --- wire_packet ---

TEST(WirePacket, JoinsItsPiecesBehindAFrameHeader) {
    const auto packet = wire_packet::make(frame_kind::text, {"42", "", R"(["m"])"});
    EXPECT_EQ(packet.frame(), "\x81\x07"
                              "42[\"m\"]");
    EXPECT_EQ(packet.payload(), R"(42["m"])");
    EXPECT_EQ(packet.kind(), frame_kind::text);
    EXPECT_FALSE(packet.is_control());
}

TEST(WirePacket, BinaryHasItsOwnOpcode) {
    const auto packet = wire_packet::make(frame_kind::binary, {"\0\xff"sv});
    EXPECT_EQ(packet.frame(), "\x82\x02\0\xff"sv);
    EXPECT_EQ(packet.kind(), frame_kind::binary);
}

TEST(WirePacket, MayBeEmpty) {
    const auto packet = wire_packet::make(frame_kind::binary, {});
    EXPECT_EQ(packet.frame(), "\x82\0"sv);
    EXPECT_EQ(packet.payload(), "");
}

TEST(WirePacket, FindsItsPayloadBehindEveryLengthOfHeader) {
    for (const std::size_t size : {125U, 126U, 65535U, 65536U}) {
        const std::string payload(size, 'x');
        const auto packet = wire_packet::make(frame_kind::text, {payload});
        EXPECT_EQ(packet.payload(), payload) << size;
        EXPECT_EQ(packet.frame().size(), size + (size < 126 ? 2 : size < 65536 ? 4 : 10)) << size;
    }
}

TEST(WirePacket, ControlFrameIsNoPacket) {
    const auto packet = wire_packet::control(ws::opcode::pong, "hi");
    EXPECT_EQ(packet.frame(), "\x8a\x02hi");
    EXPECT_EQ(packet.payload(), "hi");
    EXPECT_TRUE(packet.is_control());
}

// --- prepared_message ---

TEST(PreparedMessage, CountsTheBytesOfAllFrames) {
    const auto message = sio::encode_event("/", R"(["m"])", parts_of({"AB", ""}));
    EXPECT_EQ(message->frame_bytes, 2 + R"(452-["m"])"sv.size() + 2 + 2 + 2);
}

TEST(PreparedMessage, TextIsOnePacket) {
    const auto message = prepare_text("2probe");
    EXPECT_EQ(payloads_of(message), std::vector<std::string>{"2probe"});
    EXPECT_EQ(message->frame_bytes, 8U);
}

// --- packets ---

TEST(SioEncoder, WritesConnect) {
    EXPECT_EQ(payloads_of(sio::encode_connect("/", "abc", {})),
              std::vector<std::string>{R"(40{"sid":"abc"})"});
}

TEST(SioEncoder, WritesConnectWithRecovery) {
    EXPECT_EQ(payloads_of(sio::encode_connect("/custom", "abc", "xyz")),
              std::vector<std::string>{R"(40/custom,{"sid":"abc","pid":"xyz"})"});
}

TEST(SioEncoder, WritesConnectError) {
    EXPECT_EQ(payloads_of(sio::encode_connect_error("/random", "Invalid namespace", {})),
              std::vector<std::string>{R"(44/random,{"message":"Invalid namespace"})"});
}

TEST(SioEncoder, WritesConnectErrorWithData) {
    EXPECT_EQ(payloads_of(sio::encode_connect_error("/deny", "no\"pe", R"({"code":7})")),
              std::vector<std::string>{R"(44/deny,{"message":"no\"pe","data":{"code":7}})"});
}

TEST(SioEncoder, WritesDisconnect) {
    EXPECT_EQ(payloads_of(sio::encode_disconnect("/")), std::vector<std::string>{"41"});
    EXPECT_EQ(payloads_of(sio::encode_disconnect("/custom")), std::vector<std::string>{"41/custom,"});
}

TEST(SioEncoder, WritesEvent) {
    EXPECT_EQ(payloads_of(sio::encode_event("/", R"(["m",1])", nullptr)),
              std::vector<std::string>{R"(42["m",1])"});
    EXPECT_EQ(payloads_of(sio::encode_event("/chat", R"(["m"])", nullptr)),
              std::vector<std::string>{R"(42/chat,["m"])"});
}

TEST(SioEncoder, WritesEventWithAcknowledgementId) {
    EXPECT_EQ(payloads_of(sio::encode_event("/", R"(["q",1])", nullptr, "12")),
              std::vector<std::string>{R"(4212["q",1])"});
}

TEST(SioEncoder, AppendsTheOffsetAsLastArgument) {
    EXPECT_EQ(payloads_of(sio::encode_event("/", R"(["b","one"])", nullptr, {}, "Q7xxEIc")),
              std::vector<std::string>{R"(42["b","one","Q7xxEIc"])"});
}

TEST(SioEncoder, AppendsTheOffsetBehindBrackets) {
    EXPECT_EQ(payloads_of(sio::encode_event("/", R"(["b",["]"] ] )", nullptr, {}, "Q\"")),
              std::vector<std::string>{R"(42["b",["]"] ,"Q\""])"});
}

TEST(SioEncoder, WithoutAnOffsetNoTextIsLast) {
    const auto text_of = [](std::string_view args) {
        return payloads_of(sio::encode_event_without_offset("/", args, nullptr)).at(0);
    };
    EXPECT_EQ(text_of(R"(["a","b"])"), R"(42["a","b",null])");
    EXPECT_EQ(text_of(R"(["a" ] )"), R"(42["a" ,null])");
    EXPECT_EQ(text_of(R"(["a",["b"]])"), R"(42["a",["b"]])");
    EXPECT_EQ(text_of(R"(["a",1])"), R"(42["a",1])");
}

TEST(SioEncoder, WritesBinaryEvent) {
    EXPECT_EQ(payloads_of(sio::encode_event("/", R"(["m",{"_placeholder":true,"num":0}])", parts_of({"\1\2"}),
                                            "7", "off")),
              (std::vector<std::string>{R"(451-7["m",{"_placeholder":true,"num":0},"off"])", "\1\2"}));
}

TEST(SioEncoder, NamespaceStandsBehindTheCountOfAttachments) {
    EXPECT_EQ(payloads_of(sio::encode_event("/chat", R"(["m"])", parts_of({"A", "B"})))[0],
              R"(452-/chat,["m"])");
}

TEST(SioEncoder, AttachmentsAreBinaryFrames) {
    const auto message = sio::encode_event("/", R"(["m"])", parts_of({"A"}));
    EXPECT_EQ(message->at(0).kind(), frame_kind::text);
    EXPECT_EQ(message->at(1).kind(), frame_kind::binary);
}

TEST(SioEncoder, NoAttachmentsMakeNoBinaryPacket) {
    EXPECT_EQ(payloads_of(sio::encode_event("/", R"(["m"])", parts_of({}))),
              std::vector<std::string>{R"(42["m"])"});
}

TEST(SioEncoder, WritesAck) {
    EXPECT_EQ(payloads_of(sio::encode_ack("/", "12", "[]", nullptr)), std::vector<std::string>{"4312[]"});
    EXPECT_EQ(payloads_of(sio::encode_ack("/chat", "0", "[1]", nullptr)),
              std::vector<std::string>{"43/chat,0[1]"});
}

TEST(SioEncoder, WritesBinaryAck) {
    EXPECT_EQ(payloads_of(sio::encode_ack("/", "12", R"([{"_placeholder":true,"num":0}])", parts_of({"A"}))),
              (std::vector<std::string>{R"(461-12[{"_placeholder":true,"num":0}])", "A"}));
}

TEST(SioEncoder, IsUnderstoodByTheDecoder) {
    const auto message =
        sio::encode_event("/chat", R"(["m",{"_placeholder":true,"num":1},2])", parts_of({"A", "B"}), "9");
    sio::decoder reader{bounds};
    auto given = reader.add_text(message->at(0).payload().substr(1));
    for (std::size_t i = 1; given && i < message->size(); ++i)
        given = reader.add_binary(message->at(i).payload());
    EXPECT_TRUE(given && *given);
    EXPECT_EQ(reader.packet().nsp, "/chat");
    EXPECT_EQ(reader.packet().id, "9");
    EXPECT_EQ(reader.packet().data, R"(["m",{"_placeholder":true,"num":1},2])");
    EXPECT_EQ(*reader.take_attachments(), (std::vector<std::string>{"A", "B"}));
}

} // namespace
} // namespace roomcast::core
