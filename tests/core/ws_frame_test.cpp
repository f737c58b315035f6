#include "roomcast/core/ws/frame.hpp"

#include "roomcast/core/random.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

namespace roomcast::core::ws {
namespace {

using event_type = frame_reader::event_type;

struct received {
    event_type type;
    std::string payload;

    bool operator==(const received& other) const { return type == other.type && payload == other.payload; }
};

void PrintTo(const received& event, std::ostream* out) {
    constexpr const char* names[] = {"text", "binary", "compressed text", "compressed binary", "ping",
                                     "pong", "close"};
    *out << names[static_cast<int>(event.type)] << " of " << event.payload.size() << " bytes "
         << testing::PrintToString(event.payload.substr(0, 40));
}

/// All that a stream of bytes was read as.
struct outcome {
    std::vector<received> events;
    std::error_code error;

    bool operator==(const outcome& other) const { return events == other.events && error == other.error; }
};

void PrintTo(const outcome& read, std::ostream* out) {
    *out << testing::PrintToString(read.events) << ", error: " << read.error.message();
}

outcome read_in_pieces(role reads_as, const limits& bounds, std::string stream, std::size_t piece_bytes,
                       compression agreed = compression::none) {
    frame_reader reader{reads_as, bounds, agreed};
    outcome read;
    for (std::size_t at = 0; at < stream.size(); at += piece_bytes) {
        // A copy of its own for each piece: reading beyond it is seen by the sanitizers.
        std::string piece = stream.substr(at, piece_bytes);
        reader.feed(piece.data(), piece.size());
        for (;;) {
            const auto next = reader.next();
            if (!next) {
                read.error = next.error();
                return read;
            }
            if (!*next) break;
            read.events.push_back({(*next)->type, std::string{(*next)->payload}});
        }
    }
    return read;
}

/// Reads the stream whole and byte by byte; both must give the same.
outcome read(role reads_as, const std::string& stream, const limits& bounds = {}) {
    outcome whole = read_in_pieces(reads_as, bounds, stream, stream.size() + 1);
    EXPECT_EQ(read_in_pieces(reads_as, bounds, stream, 1), whole) << "byte by byte";
    return whole;
}

/// The same where permessage-deflate was agreed on.
outcome read_compressed(const std::string& stream, const limits& bounds = {}) {
    outcome whole = read_in_pieces(role::client, bounds, stream, stream.size() + 1, compression::per_message);
    EXPECT_EQ(read_in_pieces(role::client, bounds, stream, 1, compression::per_message), whole)
        << "byte by byte";
    return whole;
}

std::string octets(std::initializer_list<int> values) {
    std::string made;
    for (const int value : values) made += static_cast<char>(value);
    return made;
}

constexpr int final_bit = 0x80;

/// A frame as a server sends it, with a first byte of one's own choice. Payloads below 126 bytes.
std::string small_frame(int first, const std::string& payload) {
    return octets({first, static_cast<int>(payload.size())}) + payload;
}

std::string frame(opcode code, const std::string& payload) {
    std::string made;
    append_header(made, code, payload.size());
    return made + payload;
}

std::string fragment(opcode code, const std::string& payload) {
    return small_frame(static_cast<int>(code), payload);
}

std::string last_fragment(const std::string& payload) {
    return small_frame(final_bit, payload);
}

std::string close_frame(int code, const std::string& reason = {}) {
    return small_frame(0x88, octets({code >> 8, code & 0xff}) + reason);
}

outcome failure(errc code, std::vector<received> before = {}) {
    return {std::move(before), make_error_code(code)};
}

// RFC 6455, section 5.7

TEST(WsFrameReader, ReadsTheUnmaskedTextOfTheRfc) {
    EXPECT_EQ(read(role::client, octets({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f})),
              (outcome{{{event_type::text, "Hello"}}, {}}));
}

TEST(WsFrameReader, ReadsTheMaskedTextOfTheRfc) {
    EXPECT_EQ(read(role::server, octets({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})),
              (outcome{{{event_type::text, "Hello"}}, {}}));
}

TEST(WsFrameReader, ReadsTheFragmentedTextOfTheRfc) {
    EXPECT_EQ(read(role::client, octets({0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f})),
              (outcome{{{event_type::text, "Hello"}}, {}}));
}

TEST(WsFrameReader, ReadsThePingAndTheMaskedPongOfTheRfc) {
    EXPECT_EQ(read(role::client, octets({0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f})),
              (outcome{{{event_type::ping, "Hello"}}, {}}));
    EXPECT_EQ(read(role::server, octets({0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})),
              (outcome{{{event_type::pong, "Hello"}}, {}}));
}

TEST(WsFrameReader, ReadsTheLongBinaryFramesOfTheRfc) {
    const std::string medium(256, 'm');
    const std::string large(65'536, 'l');
    EXPECT_EQ(read(role::client, octets({0x82, 0x7e, 0x01, 0x00}) + medium +
                                     octets({0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}) + large),
              (outcome{{{event_type::binary, medium}, {event_type::binary, large}}, {}}));
}

TEST(WsFrameReader, ReadsEmptyMessages) {
    EXPECT_EQ(
        read(role::client, frame(opcode::text, "") + frame(opcode::binary, "") + frame(opcode::ping, "")),
        (outcome{{{event_type::text, ""}, {event_type::binary, ""}, {event_type::ping, ""}}, {}}));
}

TEST(WsFrameReader, WaitsForTheRestOfAFrame) {
    EXPECT_EQ(read(role::client, "\x81"), outcome{});
    EXPECT_EQ(read(role::client, "\x81\x05Hell"), outcome{});
    EXPECT_EQ(read(role::client, octets({0x82, 0x7e, 0x01})), outcome{});
}

// Where the payload lies

TEST(WsFrameReader, LeavesAWholeMessageInPlace) {
    const limits bounds;
    frame_reader reader{role::server, bounds};
    const std::size_t at_rest = reader.buffered_bytes();
    std::string input;
    append_masked(input, opcode::text, "one whole message", 0x01020304);
    reader.feed(input.data(), input.size());
    const auto next = reader.next();
    ASSERT_TRUE(next && *next);
    EXPECT_EQ((*next)->payload, "one whole message");
    EXPECT_EQ((*next)->payload.data(), input.data() + 6);
    EXPECT_EQ(reader.buffered_bytes(), at_rest);
}

TEST(WsFrameReader, HoldsNothingAfterASplitMessageWasTaken) {
    const limits bounds;
    frame_reader reader{role::client, bounds};
    const std::size_t at_rest = reader.buffered_bytes();
    const std::string message(100'000, 'x');
    std::string input = frame(opcode::text, message);
    reader.feed(input.data(), 50'000);
    ASSERT_TRUE(reader.next());
    EXPECT_GE(reader.buffered_bytes(), 49'000U);
    reader.feed(input.data() + 50'000, input.size() - 50'000);
    const auto next = reader.next();
    ASSERT_TRUE(next && *next);
    EXPECT_EQ((*next)->payload, message);
    const auto after = reader.next();
    ASSERT_TRUE(after);
    EXPECT_FALSE(*after);
    EXPECT_EQ(reader.buffered_bytes(), at_rest);
}

TEST(WsFrameReader, DoesNotReserveWhatIsOnlyAnnounced) {
    limits bounds;
    bounds.max_payload_bytes = 1U << 30U;
    frame_reader reader{role::client, bounds};
    std::string input = octets({0x82, 0x7f, 0, 0, 0, 0, 0x40, 0, 0, 0}) + "few";
    reader.feed(input.data(), input.size());
    const auto next = reader.next();
    ASSERT_TRUE(next);
    EXPECT_FALSE(*next);
    EXPECT_LE(reader.buffered_bytes(), 70'000U);
}

TEST(WsFrameReader, KeepsWhatIsInTheInputBehindAnEvent) {
    EXPECT_EQ(read(role::client, frame(opcode::text, "a") + frame(opcode::pong, "b") +
                                     frame(opcode::binary, "c") + frame(opcode::text, std::string(300, 'd')) +
                                     "\x81"),
              (outcome{{{event_type::text, "a"},
                        {event_type::pong, "b"},
                        {event_type::binary, "c"},
                        {event_type::text, std::string(300, 'd')}},
                       {}}));
}

TEST(WsFrameReader, ReadsManyMessagesInPiecesOfEverySize) {
    random_words random{20'251};
    std::string stream;
    std::vector<received> sent;
    for (int i = 0; i < 40; ++i) {
        const std::size_t size = random.next() % 8 == 0 ? random.next() % 70'000 : random.next() % 200;
        const std::string payload(size, static_cast<char>('a' + i % 26));
        const bool is_text = random.next() % 2 == 0;
        append_masked(stream, is_text ? opcode::text : opcode::binary, payload,
                      static_cast<std::uint32_t>(random.next()));
        sent.push_back({is_text ? event_type::text : event_type::binary, payload});
    }
    for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 8U, 13U, 100U, 4096U, 65'536U, 10'000'000U}) {
        EXPECT_EQ(read_in_pieces(role::server, {}, stream, piece), (outcome{sent, {}})) << piece;
    }
}

// Lengths

TEST(WsFrameReader, TakesAMessageOfTheLimitAndRefusesOneByteMore) {
    limits bounds;
    bounds.max_payload_bytes = 300;
    const std::string most(300, 'm');
    EXPECT_EQ(read(role::client, frame(opcode::binary, most), bounds),
              (outcome{{{event_type::binary, most}}, {}}));
    EXPECT_EQ(read(role::client, frame(opcode::binary, most + '+'), bounds), failure(errc::message_too_big));
}

TEST(WsFrameReader, CountsTheFragmentsOfAMessageTogether) {
    limits bounds;
    bounds.max_payload_bytes = 200;
    const std::string half(100, 'h');
    EXPECT_EQ(read(role::client, fragment(opcode::binary, half) + last_fragment(half), bounds),
              (outcome{{{event_type::binary, half + half}}, {}}));
    EXPECT_EQ(read(role::client, fragment(opcode::binary, half) + last_fragment(half + '+'), bounds),
              failure(errc::message_too_big));
}

TEST(WsFrameReader, RefusesAMessageByItsHeaderAlone) {
    EXPECT_EQ(read(role::client, octets({0x82, 0x7f, 0, 0, 1, 0, 0, 0, 0, 0})),
              failure(errc::message_too_big));
}

TEST(WsFrameReader, TheLimitIsNotForControlFrames) {
    limits bounds;
    bounds.max_payload_bytes = 3;
    EXPECT_EQ(read(role::client, frame(opcode::ping, "longer than three"), bounds),
              (outcome{{{event_type::ping, "longer than three"}}, {}}));
}

TEST(WsFrameReader, RefusesALengthWithTheHighestBit) {
    EXPECT_EQ(read(role::client, octets({0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 1})),
              failure(errc::invalid_length));
    EXPECT_EQ(read(role::client, octets({0x82, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})),
              failure(errc::invalid_length));
}

TEST(WsFrameReader, RefusesALengthInMoreBytesThanItNeeds) {
    EXPECT_EQ(read(role::client, octets({0x82, 0x7e, 0, 125})), failure(errc::invalid_length));
    EXPECT_EQ(read(role::client, octets({0x82, 0x7e, 0, 0})), failure(errc::invalid_length));
    EXPECT_EQ(read(role::client, octets({0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0xff, 0xff})),
              failure(errc::invalid_length));
}

TEST(WsFrameReader, TakesTheSmallestLengthsOfEachForm) {
    const std::string smallest(126, 's');
    EXPECT_EQ(read(role::client, octets({0x82, 0x7e, 0, 126}) + smallest),
              (outcome{{{event_type::binary, smallest}}, {}}));
}

// Fragments

TEST(WsFrameReader, GivesControlFramesBetweenFragments) {
    EXPECT_EQ(
        read(role::client, fragment(opcode::text, "one ") + frame(opcode::ping, "now") +
                               fragment(opcode::continuation, "two ") + frame(opcode::pong, "") +
                               last_fragment("three")),
        (outcome{{{event_type::ping, "now"}, {event_type::pong, ""}, {event_type::text, "one two three"}},
                 {}}));
}

TEST(WsFrameReader, ReadsACloseBetweenFragments) {
    EXPECT_EQ(read(role::client, fragment(opcode::text, "one ") + close_frame(1000)),
              (outcome{{{event_type::close, "\x03\xe8"}}, {}}));
}

TEST(WsFrameReader, ReadsAMessageOfEmptyFragments) {
    EXPECT_EQ(read(role::client,
                   fragment(opcode::binary, "") + fragment(opcode::continuation, "") + last_fragment("")),
              (outcome{{{event_type::binary, ""}}, {}}));
    EXPECT_EQ(read(role::client, fragment(opcode::binary, "") + last_fragment("last")),
              (outcome{{{event_type::binary, "last"}}, {}}));
    EXPECT_EQ(read(role::client, fragment(opcode::binary, "first") + last_fragment("")),
              (outcome{{{event_type::binary, "first"}}, {}}));
}

TEST(WsFrameReader, CountsEmptyFragments) {
    limits bounds;
    bounds.max_fragments = 3;
    const std::string empty = fragment(opcode::continuation, "");
    EXPECT_EQ(read(role::client, fragment(opcode::binary, "") + empty + last_fragment("x"), bounds),
              (outcome{{{event_type::binary, "x"}}, {}}));
    EXPECT_EQ(read(role::client, fragment(opcode::binary, "") + empty + empty + last_fragment("x"), bounds),
              failure(errc::too_many_fragments));
}

TEST(WsFrameReader, CountsFragmentsPerMessage) {
    limits bounds;
    bounds.max_fragments = 2;
    const std::string message = fragment(opcode::text, "a") + last_fragment("b");
    EXPECT_EQ(read(role::client, message + message + message, bounds),
              (outcome{{{event_type::text, "ab"}, {event_type::text, "ab"}, {event_type::text, "ab"}}, {}}));
}

TEST(WsFrameReader, RefusesAContinuationOfNothing) {
    EXPECT_EQ(read(role::client, last_fragment("x")), failure(errc::unexpected_continuation));
    EXPECT_EQ(read(role::client, frame(opcode::text, "whole") + last_fragment("x")),
              failure(errc::unexpected_continuation, {{event_type::text, "whole"}}));
}

TEST(WsFrameReader, RefusesANewMessageWithinAMessage) {
    EXPECT_EQ(read(role::client, fragment(opcode::text, "a") + frame(opcode::text, "b")),
              failure(errc::missing_continuation));
    EXPECT_EQ(read(role::client, fragment(opcode::text, "") + frame(opcode::binary, "b")),
              failure(errc::missing_continuation));
}

TEST(WsFrameReader, RefusesAFragmentedControlFrame) {
    for (const opcode code : {opcode::close, opcode::ping, opcode::pong}) {
        EXPECT_EQ(read(role::client, fragment(code, "")), failure(errc::fragmented_control_frame));
    }
}

TEST(WsFrameReader, TakesAControlFrameOf125BytesAndRefusesLongerOnes) {
    const std::string most(125, 'c');
    EXPECT_EQ(read(role::client, frame(opcode::ping, most)), (outcome{{{event_type::ping, most}}, {}}));
    EXPECT_EQ(read(role::client, frame(opcode::ping, most + 'c')), failure(errc::control_frame_too_long));
    EXPECT_EQ(read(role::client, frame(opcode::pong, std::string(70'000, 'c'))),
              failure(errc::control_frame_too_long));
}

// Headers

TEST(WsFrameReader, RefusesReservedBits) {
    for (const int bit : {0x10, 0x20, 0x40}) {
        EXPECT_EQ(read(role::client, small_frame(0x81 | bit, "x")), failure(errc::reserved_bits)) << bit;
        EXPECT_EQ(read(role::client, small_frame(0x89 | bit, "x")), failure(errc::reserved_bits)) << bit;
    }
}

TEST(WsFrameReader, RefusesReservedOpcodes) {
    for (const int code : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
        EXPECT_EQ(read(role::client, small_frame(final_bit | code, "x")), failure(errc::unknown_opcode))
            << code;
    }
}

TEST(WsFrameReader, AsAServerWantsAMask) {
    EXPECT_EQ(read(role::server, frame(opcode::text, "x")), failure(errc::frame_not_masked));
    EXPECT_EQ(read(role::server, frame(opcode::ping, "")), failure(errc::frame_not_masked));
}

TEST(WsFrameReader, AsAClientRefusesAMask) {
    std::string masked;
    append_masked(masked, opcode::text, "x", 7);
    EXPECT_EQ(read(role::client, masked), failure(errc::frame_masked));
}

// Compressed messages: RFC 7692, section 6

TEST(WsFrameReader, GivesACompressedMessageAsItCame) {
    EXPECT_EQ(
        read_compressed(small_frame(0xc1, "\xff\xfe") + small_frame(0xc2, "b") + small_frame(0x81, "c")),
        (outcome{{{event_type::compressed_text, "\xff\xfe"},
                  {event_type::compressed_binary, "b"},
                  {event_type::text, "c"}},
                 {}}));
}

TEST(WsFrameReader, TheFirstFragmentSaysThatAMessageIsCompressed) {
    EXPECT_EQ(read_compressed(small_frame(0x41, "a") + small_frame(0x89, "now") + small_frame(0x80, "b")),
              (outcome{{{event_type::ping, "now"}, {event_type::compressed_text, "ab"}}, {}}));
    EXPECT_EQ(read_compressed(small_frame(0x01, "a") + small_frame(0x80, "b")),
              (outcome{{{event_type::text, "ab"}}, {}}));
}

TEST(WsFrameReader, RefusesTheCompressedBitOnALaterFragment) {
    EXPECT_EQ(read_compressed(small_frame(0x41, "a") + small_frame(0xc0, "b")), failure(errc::reserved_bits));
    EXPECT_EQ(read_compressed(small_frame(0x01, "a") + small_frame(0xc0, "b")), failure(errc::reserved_bits));
}

TEST(WsFrameReader, RefusesCompressedControlFrames) {
    for (const int code : {0x88, 0x89, 0x8a}) {
        EXPECT_EQ(read_compressed(small_frame(code | 0x40, "")), failure(errc::reserved_bits)) << code;
    }
}

TEST(WsFrameReader, RefusesTheOtherReservedBitsOfACompressedMessage) {
    EXPECT_EQ(read_compressed(small_frame(0xe1, "x")), failure(errc::reserved_bits));
    EXPECT_EQ(read_compressed(small_frame(0xd1, "x")), failure(errc::reserved_bits));
    EXPECT_EQ(read_compressed(small_frame(0xa1, "x")), failure(errc::reserved_bits));
    EXPECT_EQ(read_compressed(small_frame(0xc3, "x")), failure(errc::reserved_bits));
}

TEST(WsFrameReader, ChecksTextAfterACompressedMessage) {
    EXPECT_EQ(read_compressed(small_frame(0xc1, "\xff") + small_frame(0x81, "\xff")),
              failure(errc::invalid_utf8, {{event_type::compressed_text, "\xff"}}));
}

TEST(WsFrame, WritesTheHeaderOfACompressedMessage) {
    std::string out;
    append_compressed_header(out, opcode::text, 5);
    append_compressed_header(out, opcode::binary, 300);
    EXPECT_EQ(out, octets({0xc1, 5, 0xc2, 126, 1, 44}));
}

// Text

TEST(WsFrameReader, JoinsACharacterThatIsSplitOverFragments) {
    EXPECT_EQ(read(role::client, fragment(opcode::text, "\xe2") + fragment(opcode::continuation, "\x82") +
                                     last_fragment("\xac")),
              (outcome{{{event_type::text, "\xe2\x82\xac"}}, {}}));
}

TEST(WsFrameReader, RefusesTextThatIsNotUtf8) {
    for (const char* bad :
         {"\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "plain \xff", "\xe2\x82"}) {
        EXPECT_EQ(read(role::client, frame(opcode::text, bad)), failure(errc::invalid_utf8)) << bad;
    }
    EXPECT_EQ(read(role::client, fragment(opcode::text, "\xe2") + last_fragment("(")),
              failure(errc::invalid_utf8));
}

TEST(WsFrameReader, DoesNotLookIntoBinary) {
    EXPECT_EQ(read(role::client, frame(opcode::binary, "\xff\xfe")),
              (outcome{{{event_type::binary, "\xff\xfe"}}, {}}));
    EXPECT_EQ(read(role::client, frame(opcode::ping, "\xff")), (outcome{{{event_type::ping, "\xff"}}, {}}));
}

// Close

TEST(WsFrameReader, ReadsACloseWithNothing) {
    EXPECT_EQ(read(role::client, frame(opcode::close, "")), (outcome{{{event_type::close, ""}}, {}}));
}

TEST(WsFrameReader, ReadsACloseWithCodeAndReason) {
    EXPECT_EQ(read(role::client, close_frame(4001, "g\xc3\xbcte")),
              (outcome{{{event_type::close, "\x0f\xa1g\xc3\xbcte"}}, {}}));
}

TEST(WsFrameReader, RefusesACloseWithHalfACode) {
    EXPECT_EQ(read(role::client, frame(opcode::close, "\x03")), failure(errc::invalid_close_frame));
}

TEST(WsFrameReader, TakesTheLegalCloseCodes) {
    for (const int code :
         {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
        EXPECT_FALSE(read(role::client, close_frame(code)).error) << code;
    }
}

TEST(WsFrameReader, RefusesCloseCodesThatNobodyMaySend) {
    for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65'535}) {
        EXPECT_EQ(read(role::client, close_frame(code)), failure(errc::invalid_close_frame)) << code;
    }
}

TEST(WsFrameReader, RefusesACloseReasonThatIsNotUtf8) {
    EXPECT_EQ(read(role::client, close_frame(1000, "\xff")), failure(errc::invalid_utf8));
}

TEST(WsFrameReader, DropsWhatFollowsAClose) {
    EXPECT_EQ(read(role::client, close_frame(1000) + frame(opcode::text, "late") + "\xff\xff\xff"),
              (outcome{{{event_type::close, "\x03\xe8"}}, {}}));
}

// Writing

TEST(WsFrameWriter, WritesTheShortestHeader) {
    const auto header = [](std::uint64_t size) {
        std::string made;
        append_header(made, opcode::text, size);
        EXPECT_EQ(made.size(), header_bytes(size));
        return made;
    };
    EXPECT_EQ(header(0), octets({0x81, 0}));
    EXPECT_EQ(header(125), octets({0x81, 125}));
    EXPECT_EQ(header(126), octets({0x81, 126, 0, 126}));
    EXPECT_EQ(header(65'535), octets({0x81, 126, 0xff, 0xff}));
    EXPECT_EQ(header(65'536), octets({0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
    EXPECT_EQ(header(0x0102030405060708U), octets({0x81, 127, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(WsFrameWriter, WritesTheMaskedTextOfTheRfc) {
    std::string made = "before";
    append_masked(made, opcode::text, "Hello", 0x37fa213d);
    EXPECT_EQ(made, "before" + octets({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
}

TEST(WsFrameWriter, WhatItMasksIsReadBack) {
    random_words random{4};
    for (const std::size_t size :
         {0U, 1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 125U, 126U, 65'535U, 65'536U}) {
        std::string payload;
        while (payload.size() < size) payload += static_cast<char>(random.next());
        std::string made;
        append_masked(made, opcode::binary, payload, static_cast<std::uint32_t>(random.next()));
        EXPECT_EQ(read(role::server, made), (outcome{{{event_type::binary, payload}}, {}})) << size;
    }
}

TEST(WsFrameWriter, WritesACloseWithAndWithoutACode) {
    std::string made;
    append_close(made, close_code::none);
    EXPECT_EQ(made, octets({0x88, 0}));
    made.clear();
    append_close(made, close_code::too_big);
    EXPECT_EQ(made, octets({0x88, 2, 0x03, 0xf1}));
}

TEST(WsCloseCode, EveryErrorOfTheReaderHasOne) {
    EXPECT_EQ(close_code_for(errc::message_too_big), close_code::too_big);
    EXPECT_EQ(close_code_for(errc::too_many_fragments), close_code::policy_violation);
    EXPECT_EQ(close_code_for(errc::invalid_utf8), close_code::invalid_data);
    for (const errc code :
         {errc::reserved_bits, errc::unknown_opcode, errc::frame_not_masked, errc::frame_masked,
          errc::invalid_length, errc::fragmented_control_frame, errc::control_frame_too_long,
          errc::unexpected_continuation, errc::missing_continuation, errc::invalid_close_frame}) {
        EXPECT_EQ(close_code_for(code), close_code::protocol_error);
    }
}

} // namespace
} // namespace roomcast::core::ws
