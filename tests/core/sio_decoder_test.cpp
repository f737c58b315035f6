#include "roomcast/core/sio/decoder.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::sio {
namespace {

const limits bounds;

attachments parts_of(std::initializer_list<std::string> parts) {
    return std::make_shared<const std::vector<std::string>>(parts);
}

std::vector<std::string> list_of(const attachments& parts) {
    return parts == nullptr ? std::vector<std::string>{} : *parts;
}

/// What one call gave, as a word.
std::string outcome(const result<bool>& given) {
    if (!given) return given.error().message();
    return *given ? "complete" : "waiting";
}

std::string message_of(errc code) {
    return make_error_code(code).message();
}

/// Decodes a binary packet whose attachments are "A", "B" and so on.
result<bool> decode_with_letters(decoder& reader, std::string_view text, std::size_t count) {
    auto given = reader.add_text(text);
    for (std::size_t i = 0; given && i < count; ++i) {
        given = reader.add_binary(std::string(1, static_cast<char>('A' + i)));
    }
    return given;
}

std::string placeholder(std::string_view number) {
    return R"({"_placeholder":true,"num":)" + std::string{number} + "}";
}

/// The error of a binary event with two attachments and this argument.
std::error_code error_of_argument(std::string_view argument) {
    decoder reader{bounds};
    return decode_with_letters(reader, R"(52-["m",)" + std::string{argument} + "]", 2).error();
}

struct picked_text {
    std::string text;
    std::vector<std::string> parts;
    friend bool operator==(const picked_text& a, const picked_text& b) {
        return a.text == b.text && a.parts == b.parts;
    }
};

picked_text picked_from(std::string_view checked, const attachments& from) {
    auto chosen = pick(checked, from);
    return {chosen.text, list_of(chosen.parts)};
}

// --- packets without attachments ---

TEST(SioDecoder, CompletesTextAtOnce) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_text(R"(2["m",1])")), "complete");
    EXPECT_FALSE(reader.is_waiting());
    EXPECT_EQ(reader.take_attachments(), nullptr);
}

TEST(SioDecoder, DoesNotCopyText) {
    decoder reader{bounds};
    const std::string text = R"(2/chat,["m",1])";
    EXPECT_EQ(outcome(reader.add_text(text)), "complete");
    EXPECT_EQ(reader.packet().data.data(), text.data() + 7);
}

TEST(SioDecoder, PassesErrorsOfThePacketOn) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_text("2{}")), message_of(errc::invalid_payload));
}

TEST(SioDecoder, ReadsNoPlaceholdersInPacketsWithoutAttachments) {
    decoder reader{bounds};
    const std::string text = R"(2["m",)" + placeholder("7") + "]";
    EXPECT_EQ(outcome(reader.add_text(text)), "complete");
    EXPECT_EQ(reader.packet().data, text.substr(1));
}

// --- attachments ---

TEST(SioDecoder, WaitsForAllAttachments) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_text(R"(52-["m",)" + placeholder("0") + "," + placeholder("1") + "]")),
              "waiting");
    EXPECT_TRUE(reader.is_waiting());
    EXPECT_EQ(outcome(reader.add_binary("A")), "waiting");
    EXPECT_EQ(outcome(reader.add_binary("B")), "complete");
    EXPECT_FALSE(reader.is_waiting());
    EXPECT_EQ(list_of(reader.take_attachments()), (std::vector<std::string>{"A", "B"}));
}

TEST(SioDecoder, OwnsTheTextOfAPacketThatWaits) {
    decoder reader{bounds};
    std::string text = R"(51-/chat,7["m",)" + placeholder("0") + "]";
    EXPECT_EQ(outcome(reader.add_text(text)), "waiting");
    text.assign(text.size(), 'x');
    EXPECT_EQ(outcome(reader.add_binary("A")), "complete");
    EXPECT_EQ(reader.packet().nsp, "/chat");
    EXPECT_EQ(reader.packet().id, "7");
    EXPECT_EQ(reader.packet().data, R"(["m",)" + placeholder("0") + "]");
}

TEST(SioDecoder, OwnsTheTextOfAShortPacketToo) {
    decoder reader{bounds};
    std::string text = "61-1[]";
    EXPECT_EQ(outcome(reader.add_text(text)), "waiting");
    text.assign(text.size(), 'x');
    EXPECT_EQ(outcome(reader.add_binary("A")), "complete");
    EXPECT_EQ(reader.packet().id, "1");
    EXPECT_EQ(reader.packet().data, "[]");
}

TEST(SioDecoder, BinaryEventBecomesAnEvent) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(decode_with_letters(reader, R"(51-["m"])", 1)), "complete");
    EXPECT_EQ(reader.packet().type, packet_type::event);
    EXPECT_EQ(reader.packet().attachments, 1U);
}

TEST(SioDecoder, BinaryAckBecomesAnAck) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(decode_with_letters(reader, "61-3[]", 1)), "complete");
    EXPECT_EQ(reader.packet().type, packet_type::ack);
}

TEST(SioDecoder, AttachmentsMayBeEmpty) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_text(R"(51-["m"])")), "waiting");
    EXPECT_EQ(outcome(reader.add_binary({})), "complete");
    EXPECT_EQ(list_of(reader.take_attachments()), std::vector<std::string>{""});
}

TEST(SioDecoder, GivesAttachmentsOnlyOnce) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(decode_with_letters(reader, R"(51-["m"])", 1)), "complete");
    EXPECT_NE(reader.take_attachments(), nullptr);
    EXPECT_EQ(reader.take_attachments(), nullptr);
}

TEST(SioDecoder, AttachmentsThatWereNotTakenDoNotReachTheNextPacket) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(decode_with_letters(reader, R"(51-["m"])", 1)), "complete");
    EXPECT_EQ(outcome(reader.add_text(R"(2["m"])")), "complete");
    EXPECT_EQ(reader.take_attachments(), nullptr);
}

TEST(SioDecoder, ReadsOnePacketAfterAnother) {
    decoder reader{bounds};
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(outcome(decode_with_letters(reader, R"(52-["m"])", 2)), "complete");
        EXPECT_EQ(list_of(reader.take_attachments()).size(), 2U);
        EXPECT_EQ(outcome(reader.add_text("1")), "complete");
    }
}

// --- hostile sequences (items 1, 6, 7, 8) ---

TEST(SioDecoder, ZeroAttachmentsDoNotArmIt) {
    for (const auto* text : {R"(50-["x"])", R"(5-["x"])"}) {
        decoder reader{bounds};
        EXPECT_EQ(outcome(reader.add_text(text)), message_of(errc::invalid_attachment_count));
        EXPECT_FALSE(reader.is_waiting());
        EXPECT_EQ(outcome(reader.add_binary("A")), message_of(errc::unexpected_attachment));
    }
}

TEST(SioDecoder, RefusesTextInsteadOfAttachments) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_text(R"(51-["m"])")), "waiting");
    EXPECT_EQ(outcome(reader.add_text(R"(2["m"])")), message_of(errc::attachments_missing));
}

TEST(SioDecoder, RefusesBinaryThatNothingAnnounced) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_binary("A")), message_of(errc::unexpected_attachment));
}

TEST(SioDecoder, RefusesOneAttachmentTooMany) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(decode_with_letters(reader, R"(51-["m"])", 1)), "complete");
    EXPECT_EQ(outcome(reader.add_binary("B")), message_of(errc::unexpected_attachment));
}

TEST(SioDecoder, KeepsNothingAfterAnError) {
    decoder reader{bounds};
    EXPECT_EQ(outcome(reader.add_text(R"(52-["m"])")), "waiting");
    EXPECT_EQ(outcome(reader.add_binary(std::string(100'000, 'A'))), "waiting");
    EXPECT_EQ(outcome(reader.add_text("1")), message_of(errc::attachments_missing));
    EXPECT_FALSE(reader.is_waiting());
}

TEST(SioDecoder, BoundsAllAttachmentsTogether) {
    limits narrow;
    narrow.max_attachments = 3;
    narrow.max_payload_bytes = 10;
    decoder reader{narrow};
    EXPECT_EQ(outcome(reader.add_text(R"(53-["m"])")), "waiting");
    EXPECT_EQ(outcome(reader.add_binary(std::string(20, 'A'))), "waiting");
    EXPECT_EQ(outcome(reader.add_binary(std::string(10, 'B'))), "waiting");
    EXPECT_EQ(outcome(reader.add_binary("C")), message_of(errc::payload_too_large));
    EXPECT_FALSE(reader.is_waiting());
}

TEST(SioDecoder, BoundOfAllAttachmentsDoesNotOverflow) {
    limits wide;
    wide.max_attachments = 4;
    wide.max_payload_bytes = SIZE_MAX / 4 + 1;
    decoder reader{wide};
    EXPECT_EQ(outcome(decode_with_letters(reader, R"(52-["m"])", 2)), "complete");
}

// --- placeholders (hostile item 5) ---

TEST(SioPlaceholder, MayBeReorderedReusedAndNested) {
    EXPECT_FALSE(error_of_argument("[" + placeholder("1") + "," + placeholder("0") + R"(,{"k":)" +
                                   placeholder("1") + "}]"));
}

TEST(SioPlaceholder, MayBeMissing) {
    EXPECT_FALSE(error_of_argument("null"));
}

TEST(SioPlaceholder, RefusesNumbersOutOfRange) {
    for (const auto* number : {"2", "-1", "1000000000", "9223372036854775808", "-9223372036854775809"}) {
        EXPECT_EQ(error_of_argument(placeholder(number)), errc::invalid_placeholder) << number;
    }
}

TEST(SioPlaceholder, RefusesWhatIsNoWholeNumber) {
    for (const auto* number : {"1.5", "1.0", "1e0", R"("0")", "null", "true", "[0]", R"({"num":0})"}) {
        EXPECT_EQ(error_of_argument(placeholder(number)), errc::invalid_placeholder) << number;
    }
}

TEST(SioPlaceholder, RefusesAMissingNumber) {
    EXPECT_EQ(error_of_argument(R"({"_placeholder":true})"), errc::invalid_placeholder);
    EXPECT_EQ(error_of_argument(R"({"_placeholder":true,"Num":0})"), errc::invalid_placeholder);
}

TEST(SioPlaceholder, TakesTheLastOfEqualKeys) {
    EXPECT_FALSE(error_of_argument(R"({"num":9,"_placeholder":true,"num":0})"));
    EXPECT_EQ(error_of_argument(R"({"num":0,"_placeholder":true,"num":9})"), errc::invalid_placeholder);
    EXPECT_EQ(error_of_argument(R"({"num":0,"_placeholder":true,"num":"0"})"), errc::invalid_placeholder);
    EXPECT_FALSE(error_of_argument(R"({"_placeholder":true,"num":9,"_placeholder":false})"));
}

TEST(SioPlaceholder, IsFoundInAnyOrderAndSpacing) {
    EXPECT_EQ(error_of_argument("{ \"num\" : 9 , \"x\" : [ ] , \"_placeholder\" :\n true }"),
              errc::invalid_placeholder);
}

TEST(SioPlaceholder, IsFoundBehindEscapes) {
    EXPECT_EQ(error_of_argument(R"({"\u005fplaceholder":true,"num":9})"), errc::invalid_placeholder);
    EXPECT_EQ(error_of_argument(R"({"_place\u0068older":true,"n\u0075m":9})"), errc::invalid_placeholder);
    EXPECT_FALSE(error_of_argument(R"({"_placeholder":true,"num":9,"n\u0075m":0})"));
}

TEST(SioPlaceholder, IsOneOnlyWhenTrue) {
    for (const auto* mark : {"false", "1", "null", R"("true")", "{}"}) {
        EXPECT_FALSE(error_of_argument(R"({"_placeholder":)" + std::string{mark} + R"(,"num":9})")) << mark;
    }
}

TEST(SioPlaceholder, TextThatLooksLikeOneIsNone) {
    EXPECT_FALSE(error_of_argument(R"("{\"_placeholder\":true,\"num\":9}")"));
    EXPECT_FALSE(error_of_argument(R"(["_placeholder",true,"num",9])"));
    EXPECT_FALSE(error_of_argument(R"({"x":"_placeholder","num":9})"));
}

TEST(SioPlaceholder, NumberOfAnotherObjectDoesNotCount) {
    EXPECT_EQ(error_of_argument(R"({"_placeholder":true,"x":{"num":0}})"), errc::invalid_placeholder);
    EXPECT_EQ(error_of_argument(R"({"num":0,"x":{"_placeholder":true}})"), errc::invalid_placeholder);
    EXPECT_FALSE(error_of_argument(R"({"_placeholder":true,"num":0,"x":{"num":9}})"));
}

TEST(SioPlaceholder, HidesWhatItHolds) {
    EXPECT_FALSE(error_of_argument(R"({"_placeholder":true,"x":[)" + placeholder("9") + R"(],"num":0})"));
}

TEST(SioPlaceholder, IsFoundAtTheGreatestDepth) {
    std::string argument = placeholder("9");
    for (std::size_t i = 0; i < 98; ++i) argument = R"({"k":[)" + argument + "]}";
    EXPECT_EQ(error_of_argument(argument), errc::invalid_placeholder);
}

TEST(SioPlaceholder, SurvivesNestingWithoutBound) {
    const std::size_t depth = 10'000;
    std::string nested;
    for (std::size_t i = 0; i < depth; ++i) nested += R"({"_placeholder":true,"num":9,"x":)";
    nested += "0";
    nested.append(depth, '}');
    EXPECT_EQ(check_placeholders(nested, 1), errc::invalid_placeholder);
    nested.insert(nested.size() - 1, R"(,"num":0)");
    EXPECT_FALSE(check_placeholders(nested, 1)); // the outermost hides all others
}

// --- pick ---

TEST(SioPick, NumbersAnew) {
    EXPECT_EQ(picked_from(placeholder("2"), parts_of({"A", "B", "C"})),
              (picked_text{placeholder("0"), {"C"}}));
}

TEST(SioPick, KeepsTheRestOfTheText) {
    EXPECT_EQ(picked_from(R"({ "a" : )" + placeholder("1") + R"( , "b":[1, "x"] })", parts_of({"A", "B"})),
              (picked_text{R"({ "a" : )" + placeholder("0") + R"( , "b":[1, "x"] })", {"B"}}));
}

TEST(SioPick, TakesAnAttachmentThatIsNamedTwiceOnce) {
    EXPECT_EQ(picked_from("[" + placeholder("1") + "," + placeholder("0") + "," + placeholder("1") + "]",
                          parts_of({"A", "B"})),
              (picked_text{"[" + placeholder("0") + "," + placeholder("1") + "," + placeholder("0") + "]",
                           {"B", "A"}}));
}

TEST(SioPick, TakesNothingThatIsNotNamed) {
    const auto chosen = pick(R"({"a":1})", parts_of({"A"}));
    EXPECT_EQ(chosen.text, R"({"a":1})");
    EXPECT_EQ(chosen.parts, nullptr);
}

TEST(SioPick, LeavesNothingOfAPlaceholderButItsNumber) {
    EXPECT_EQ(picked_from(R"({"x":)" + placeholder("0") + R"(,"\u005fplaceholder":true,"num":1})",
                          parts_of({"A", "B"})),
              (picked_text{placeholder("0"), {"B"}}));
}

TEST(SioPick, WithoutAttachmentsKeepsTextAsItIs) {
    EXPECT_EQ(picked_from(placeholder("0"), nullptr), (picked_text{placeholder("0"), {}}));
}

TEST(SioPick, PlaceholderThatNamesNothingBecomesNull) {
    EXPECT_EQ(picked_from("[" + placeholder("7") + "," + placeholder("0") + "]", parts_of({"A"})),
              (picked_text{"[null," + placeholder("0") + "]", {"A"}}));
}

TEST(SioAppendPicked, NumbersPiecesOneAfterAnother) {
    std::string out = "[";
    std::vector<std::string> parts;
    append_picked(out, parts, placeholder("1"), parts_of({"A", "B"}));
    out.push_back(',');
    append_picked(out, parts, placeholder("0"), parts_of({"C"}));
    out.push_back(']');
    EXPECT_EQ(out, "[" + placeholder("0") + "," + placeholder("1") + "]");
    EXPECT_EQ(parts, (std::vector<std::string>{"B", "C"}));
}

TEST(SioAppendPicked, TextOfOneSenderNeverNamesThePartOfAnother) {
    std::string out;
    std::vector<std::string> parts{"secret"};
    append_picked(out, parts, R"({"x":)" + placeholder("0") + "}", nullptr);
    EXPECT_EQ(out, R"({"x":null})");
    EXPECT_EQ(parts, std::vector<std::string>{"secret"});
}

} // namespace
} // namespace roomcast::core::sio
