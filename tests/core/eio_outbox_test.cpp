#include "roomcast/core/eio/outbox.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::eio {
namespace {

using lines = std::vector<std::string>;

/// An event with attachments: several frames that belong together.
shared_message with_parts(std::string_view text, const lines& parts) {
    auto made = std::make_shared<prepared_message>(wire_packet::make(frame_kind::text, {text}));
    for (const std::string& part : parts) made->rest.push_back(wire_packet::make(frame_kind::binary, {part}));
    made->finish();
    return made;
}

shared_message pong(std::string_view payload) {
    auto made = std::make_shared<prepared_message>(wire_packet::control(ws::opcode::pong, payload));
    made->finish();
    return made;
}

std::string frame_of(std::string_view packet) {
    return std::string{prepare_text(packet)->first.frame()};
}

lines pieces(const outbox& from, std::size_t most = 64, std::uint64_t most_bytes = 1U << 20U) {
    lines out;
    from.gather(most, most_bytes, [&](const char* data, std::size_t size) { out.emplace_back(data, size); });
    return out;
}

std::string joined(const lines& all) {
    std::string whole;
    for (const std::string& each : all) whole += each;
    return whole;
}

lines drained(outbox& from) {
    lines out;
    from.drain_packets([&](const wire_packet& packet) { out.emplace_back(packet.payload()); });
    return out;
}

TEST(EioOutbox, CountsMessagesAndTheBytesOfTheirFrames) {
    outbox owed;
    EXPECT_TRUE(owed.is_empty());
    owed.push(prepare_text("4ab"));
    owed.push(with_parts("451-", {"xyz"}));
    EXPECT_FALSE(owed.is_empty());
    EXPECT_EQ(owed.messages(), 2U);
    EXPECT_EQ(owed.bytes(), (2U + 3U) + (2U + 4U) + (2U + 3U));
}

TEST(EioOutbox, GathersEveryFrameInOrder) {
    outbox owed;
    owed.push(prepare_text("4a"));
    owed.push(with_parts("452-", {"x", "yy"}));
    EXPECT_EQ(pieces(owed), (lines{"\x81\x02"
                                   "4a",
                                   "\x81\x04"
                                   "452-",
                                   "\x82\x01x", "\x82\x02yy"}));
}

lines taken(outbox& from, std::uint64_t most_bytes) {
    lines out;
    from.take(most_bytes, [&](const shared_message& message, std::size_t packet) {
        out.emplace_back(message->at(packet).payload());
    });
    return out;
}

TEST(EioOutbox, HandsOutWholePacketsUntilTheBytesAreReached) {
    outbox owed;
    owed.push(with_parts("4a", {"one", "two"}));
    owed.push(prepare_text("4b"));
    const std::uint64_t all = owed.bytes();
    EXPECT_EQ(taken(owed, 1), lines{"4a"});
    EXPECT_EQ(owed.bytes(), all - frame_of("4a").size());
    EXPECT_EQ(taken(owed, 6), (lines{"one", "two"}));
    EXPECT_EQ(taken(owed, 1000), lines{"4b"});
    EXPECT_TRUE(owed.is_empty());
    EXPECT_EQ(owed.bytes(), 0U);
    EXPECT_EQ(taken(owed, 1000), lines{});
}

TEST(EioOutbox, GathersNoMorePiecesThanAsked) {
    outbox owed;
    for (const char* each : {"4a", "4b", "4c"}) owed.push(prepare_text(each));
    EXPECT_EQ(pieces(owed, 2), (lines{frame_of("4a"), frame_of("4b")}));
    EXPECT_EQ(pieces(owed, 0), lines{});
}

TEST(EioOutbox, StopsGatheringOnceTheBytesAreReached) {
    outbox owed;
    for (const char* each : {"4a", "4b", "4c"}) owed.push(prepare_text(each));
    EXPECT_EQ(pieces(owed, 64, 4), lines{frame_of("4a")});
    EXPECT_EQ(pieces(owed, 64, 5), (lines{frame_of("4a"), frame_of("4b")}));
}

TEST(EioOutbox, GoesOnInTheMiddleOfAFrame) {
    outbox owed;
    owed.push(with_parts("451-", {"xyz"}));
    owed.push(prepare_text("4a"));
    owed.consume(2 + 4 + 3);
    EXPECT_EQ(pieces(owed), (lines{"yz", frame_of("4a")}));
    EXPECT_EQ(owed.bytes(), 2U + 4U);
    EXPECT_EQ(owed.messages(), 2U);
    owed.consume(2);
    EXPECT_EQ(pieces(owed), lines{frame_of("4a")});
    EXPECT_EQ(owed.messages(), 1U);
}

TEST(EioOutbox, IsEmptyWhenAllIsConsumed) {
    outbox owed;
    owed.push(prepare_text("4a"));
    owed.consume(owed.bytes());
    EXPECT_TRUE(owed.is_empty());
    EXPECT_EQ(owed.bytes(), 0U);
    EXPECT_EQ(pieces(owed), lines{});
}

TEST(EioOutbox, DrainsWholePacketsWithoutControlFrames) {
    outbox owed;
    owed.push(prepare_text("4a"));
    owed.push(pong("p"));
    owed.push(with_parts("451-", {"x"}));
    EXPECT_EQ(drained(owed), (lines{"4a", "451-", "x"}));
    EXPECT_TRUE(owed.is_empty());
    EXPECT_EQ(owed.bytes(), 0U);
}

TEST(EioOutbox, DropsTheOldestMessagesUntilTheRestFits) {
    outbox owed;
    for (const char* each : {"42a", "42b", "42c"}) owed.push(prepare_text(each)); // 5 bytes each
    EXPECT_EQ(owed.drop_oldest(14), 1U);
    EXPECT_EQ(pieces(owed), (lines{frame_of("42b"), frame_of("42c")}));
    EXPECT_EQ(owed.bytes(), 10U);
    EXPECT_EQ(owed.drop_oldest(10), 0U);
    EXPECT_EQ(owed.drop_oldest(0), 2U);
    EXPECT_TRUE(owed.is_empty());
    EXPECT_EQ(owed.bytes(), 0U);
}

TEST(EioOutbox, DropsAnEventTogetherWithItsAttachments) {
    outbox owed;
    owed.push(with_parts("452-", {"x", "y"}));
    owed.push(prepare_text("42a"));
    EXPECT_EQ(owed.drop_oldest(owed.bytes() - 1), 1U);
    EXPECT_EQ(pieces(owed), lines{frame_of("42a")});
}

TEST(EioOutbox, KeepsAMessageThatIsHalfOut) {
    outbox owed;
    owed.push(with_parts("451-", {"xyz"}));
    owed.push(prepare_text("42a"));
    owed.push(prepare_text("42b"));
    owed.consume(6); // the text is out, its attachment is not
    EXPECT_EQ(owed.drop_oldest(0), 2U);
    EXPECT_EQ(pieces(owed), lines{"\x82\x03xyz"});
    EXPECT_EQ(owed.bytes(), 5U);
    owed.push(prepare_text("42c"));
    EXPECT_EQ(pieces(owed), (lines{"\x82\x03xyz", frame_of("42c")}));
}

TEST(EioOutbox, DropsEventsAndAcksButNoPacketOfTheProtocolItself) {
    outbox owed;
    const lines packets{"0{}", "40{}", "42[1]", "430[]", "451-", "460-[]", "41/a,", "44{}", "2", "42[2]"};
    for (const std::string& each : packets) owed.push(prepare_text(each));
    owed.push(pong("p"));
    EXPECT_EQ(owed.drop_oldest(0), 6U);
    EXPECT_EQ(drained(owed), (lines{"0{}", "40{}", "41/a,", "44{}", "2"}));
}

TEST(EioOutbox, PushingAndConsumingInAnyStepsGivesTheStreamOfAllFrames) {
    constexpr unsigned seed = 20240611;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    outbox owed;
    std::string expected;
    std::string got;
    for (int step = 0; step < 5'000; ++step) {
        if (random() % 3 != 0) {
            const std::string text = "4" + std::string(random() % 200, static_cast<char>('a' + step % 26));
            const shared_message message =
                random() % 4 == 0 ? with_parts(text, {"part", ""}) : prepare_text(text);
            for (std::size_t i = 0; i < message->size(); ++i) expected += message->at(i).frame();
            owed.push(message);
        } else {
            const std::string shown = joined(pieces(owed, 1 + random() % 8, 1 + random() % 1'000));
            const std::size_t taken = shown.empty() ? 0 : random() % (shown.size() + 1);
            got += shown.substr(0, taken);
            owed.consume(taken);
        }
        ASSERT_EQ(owed.bytes(), expected.size() - got.size());
        ASSERT_EQ(owed.is_empty(), owed.bytes() == 0);
    }
    got += joined(pieces(owed, 100'000, 100'000'000));
    EXPECT_EQ(got, expected);
}

} // namespace
} // namespace roomcast::core::eio
