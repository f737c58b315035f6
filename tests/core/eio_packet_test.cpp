#include "roomcast/core/eio/packet.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::core::eio {
namespace {

TEST(EioPacket, EveryDigitIsAType) {
    const packet_type types[] = {packet_type::open, packet_type::close,   packet_type::ping,
                                 packet_type::pong, packet_type::message, packet_type::upgrade,
                                 packet_type::noop};
    for (const packet_type type : types) {
        const std::string text = digit_of(type) + std::string{"probe"};
        const auto packet = decode_text(text);
        ASSERT_TRUE(packet) << text;
        EXPECT_EQ(packet->type, type);
        EXPECT_EQ(packet->kind, frame_kind::text);
        EXPECT_EQ(packet->data, "probe");
        EXPECT_FALSE(packet->is_base64);
    }
}

TEST(EioPacket, DigitsAreThoseOfTheProtocol) {
    EXPECT_EQ(digit_of(packet_type::open), '0');
    EXPECT_EQ(digit_of(packet_type::message), '4');
    EXPECT_EQ(digit_of(packet_type::noop), '6');
}

TEST(EioPacket, AMessageMayBeEmpty) {
    const auto packet = decode_text("4");
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->type, packet_type::message);
    EXPECT_EQ(packet->data, "");
}

TEST(EioPacket, TheDataPointsIntoTheText) {
    const std::string text = "4hello";
    const auto packet = decode_text(text);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->data.data(), text.data() + 1);
}

TEST(EioPacket, ABinaryMessageStaysBase64) {
    const auto packet = decode_text("bAQIDBA==");
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->type, packet_type::message);
    EXPECT_EQ(packet->kind, frame_kind::binary);
    EXPECT_EQ(packet->data, "AQIDBA==");
    EXPECT_TRUE(packet->is_base64);
}

TEST(EioPacket, ABase64PacketThatBeginsWithADigitIsStillBinary) {
    const auto packet = decode_text("b4444");
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->kind, frame_kind::binary);
    EXPECT_EQ(packet->data, "4444");
}

TEST(EioPacket, RefusesNothing) {
    EXPECT_EQ(decode_text("").error(), errc::empty_packet);
}

TEST(EioPacket, RefusesEveryOtherFirstCharacter) {
    for (int first = 0; first < 256; ++first) {
        if ((first >= '0' && first <= '6') || first == 'b') continue;
        const std::string text{static_cast<char>(first), 'x'};
        EXPECT_EQ(decode_text(text).error(), errc::unknown_packet_type) << first;
    }
}

} // namespace
} // namespace roomcast::core::eio
