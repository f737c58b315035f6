#include "roomcast/core/eio/payload.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::eio {
namespace {

std::vector<std::string> packets_of(std::string_view body) {
    std::vector<std::string> packets;
    payload_reader reader{body};
    while (const auto packet = reader.next()) packets.emplace_back(*packet);
    EXPECT_FALSE(reader.next()) << "the end is the end";
    return packets;
}

using packets = std::vector<std::string>;

TEST(EioPayloadReader, AnEmptyBodyHasNoPacket) {
    EXPECT_EQ(packets_of(""), packets{});
}

TEST(EioPayloadReader, ABodyMayBeOnePacket) {
    EXPECT_EQ(packets_of("4hello"), packets{"4hello"});
}

// Engine.IO v4, "HTTP long-polling"
TEST(EioPayloadReader, SplitsAtTheSeparator) {
    EXPECT_EQ(packets_of("4hello\x1e"
                         "2\x1e"
                         "4world"),
              (packets{"4hello", "2", "4world"}));
}

TEST(EioPayloadReader, ShowsWhereNothingIsBetweenSeparators) {
    EXPECT_EQ(packets_of("\x1e"), (packets{"", ""}));
    EXPECT_EQ(packets_of("4a\x1e\x1e"
                         "4b"),
              (packets{"4a", "", "4b"}));
    EXPECT_EQ(packets_of("4a\x1e"), (packets{"4a", ""}));
    EXPECT_EQ(packets_of("\x1e"
                         "4a"),
              (packets{"", "4a"}));
}

TEST(EioPayloadReader, KeepsEveryOtherByte) {
    const std::string body{"4\0\x1f\xff\x1e"
                           "b",
                           6};
    EXPECT_EQ(packets_of(body), (packets{std::string{"4\0\x1f\xff", 4}, "b"}));
}

TEST(EioPayloadReader, NeverCopies) {
    const std::string_view body = "4a\x1e"
                                  "4b";
    payload_reader reader{body};
    EXPECT_EQ(reader.next()->data(), body.data());
    EXPECT_EQ(reader.next()->data(), body.data() + 3);
}

TEST(EioPayloadWriter, JoinsPackets) {
    std::string body;
    append_packet(body, frame_kind::text, "4hello");
    append_packet(body, frame_kind::text, "2");
    EXPECT_EQ(body, "4hello\x1e"
                    "2");
}

TEST(EioPayloadWriter, WritesBinaryAsBase64) {
    std::string body;
    append_packet(body, frame_kind::binary, "\x01\x02\x03\x04");
    append_packet(body, frame_kind::text, "4x");
    append_packet(body, frame_kind::binary, "");
    EXPECT_EQ(body, "bAQIDBA==\x1e"
                    "4x\x1e"
                    "b");
}

} // namespace
} // namespace roomcast::core::eio
