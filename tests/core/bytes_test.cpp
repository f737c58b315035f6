#include "roomcast/core/bytes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

namespace roomcast::core {
namespace {

std::string to_base64(bytes_view data) {
    std::string out;
    append_base64(out, data);
    return out;
}

std::optional<bytes> from_base64(bytes_view text) {
    bytes out;
    if (!append_from_base64(out, text)) return std::nullopt;
    return out;
}

std::string decimal(std::uint64_t number) {
    std::string out;
    append_number(out, number);
    return out;
}

/// The sequence at each distance from the start, so that it falls on every place of an eight byte step.
void expect_utf8_anywhere(bool is_expected, bytes_view sequence) {
    for (std::size_t before = 0; before < 10; ++before) {
        for (std::size_t behind = 0; behind < 10; ++behind) {
            const std::string text = std::string(before, 'a').append(sequence).append(behind, 'z');
            EXPECT_EQ(is_utf8(text), is_expected) << before << " before, " << behind << " behind";
        }
    }
}

TEST(Utf8, EmptyTextIsUtf8) {
    EXPECT_TRUE(is_utf8({}));
}
TEST(Utf8, AcceptsNul) {
    expect_utf8_anywhere(true, bytes_view{"\0", 1});
}
TEST(Utf8, AcceptsLastOfOneByte) {
    expect_utf8_anywhere(true, "\x7f");
}
TEST(Utf8, AcceptsFirstOfTwoBytes) {
    expect_utf8_anywhere(true, "\xc2\x80");
}
TEST(Utf8, AcceptsLastOfTwoBytes) {
    expect_utf8_anywhere(true, "\xdf\xbf");
}
TEST(Utf8, AcceptsFirstOfThreeBytes) {
    expect_utf8_anywhere(true, "\xe0\xa0\x80");
}
TEST(Utf8, AcceptsLastBeforeSurrogates) {
    expect_utf8_anywhere(true, "\xed\x9f\xbf");
}
TEST(Utf8, AcceptsFirstBehindSurrogates) {
    expect_utf8_anywhere(true, "\xee\x80\x80");
}
TEST(Utf8, AcceptsLastOfThreeBytes) {
    expect_utf8_anywhere(true, "\xef\xbf\xbf");
}
TEST(Utf8, AcceptsFirstOfFourBytes) {
    expect_utf8_anywhere(true, "\xf0\x90\x80\x80");
}
TEST(Utf8, AcceptsLastCodePoint) {
    expect_utf8_anywhere(true, "\xf4\x8f\xbf\xbf");
}

TEST(Utf8, RefusesContinuationAlone) {
    expect_utf8_anywhere(false, "\x80");
}
TEST(Utf8, RefusesOverlongTwoBytes) {
    expect_utf8_anywhere(false, "\xc1\xbf");
}
TEST(Utf8, RefusesOverlongThreeBytes) {
    expect_utf8_anywhere(false, "\xe0\x9f\xbf");
}
TEST(Utf8, RefusesOverlongFourBytes) {
    expect_utf8_anywhere(false, "\xf0\x8f\xbf\xbf");
}
TEST(Utf8, RefusesFirstSurrogate) {
    expect_utf8_anywhere(false, "\xed\xa0\x80");
}
TEST(Utf8, RefusesLastSurrogate) {
    expect_utf8_anywhere(false, "\xed\xbf\xbf");
}
TEST(Utf8, RefusesAboveLastCodePoint) {
    expect_utf8_anywhere(false, "\xf4\x90\x80\x80");
}
TEST(Utf8, RefusesFiveByteForm) {
    expect_utf8_anywhere(false, "\xf8\x88\x80\x80\x80");
}
TEST(Utf8, RefusesByteFf) {
    expect_utf8_anywhere(false, "\xff");
}
TEST(Utf8, RefusesTwoBytesCutShort) {
    expect_utf8_anywhere(false, "\xc2");
}
TEST(Utf8, RefusesThreeBytesCutShort) {
    expect_utf8_anywhere(false, "\xe2\x82");
}
TEST(Utf8, RefusesFourBytesCutShort) {
    expect_utf8_anywhere(false, "\xf0\x9f\x98");
}

// RFC 4648, section 10
TEST(Base64, EncodesTheVectorsOfTheRfc) {
    EXPECT_EQ(to_base64(""), "");
    EXPECT_EQ(to_base64("f"), "Zg==");
    EXPECT_EQ(to_base64("fo"), "Zm8=");
    EXPECT_EQ(to_base64("foo"), "Zm9v");
    EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
    EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
    EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, EncodesHighBits) {
    EXPECT_EQ(to_base64("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64, EncodingKeepsWhatWasThere) {
    std::string out = "b";
    append_base64(out, "foo");
    EXPECT_EQ(out, "bZm9v");
}

TEST(PercentEncoding, LeavesWhatIsUnreservedAlone) {
    std::string out = "q=";
    append_percent_encoded(out, "aZ09-._~ /+=\xc3\xa9");
    EXPECT_EQ(out, "q=aZ09-._~%20%2F%2B%3D%C3%A9");
}

TEST(Base64, DecodesWhatItEncodes) {
    std::string data;
    for (int size = 0; size < 300; ++size) {
        EXPECT_EQ(from_base64(to_base64(data)), data) << size;
        data.push_back(static_cast<char>(size * 7));
    }
}

TEST(Base64, DecodesTheUrlAlphabet) {
    EXPECT_EQ(from_base64("-_-_"), "\xfb\xff\xbf");
}
TEST(Base64, DecodesWithoutPadding) {
    EXPECT_EQ(from_base64("Zm9vYg"), "foob");
}
TEST(Base64, DecodingKeepsWhatWasThere) {
    bytes out = "x";
    EXPECT_TRUE(append_from_base64(out, "Zm9v"));
    EXPECT_EQ(out, "xfoo");
}

TEST(Base64, RefusalLeavesTheOutputAsItWas) {
    bytes out = "x";
    EXPECT_FALSE(append_from_base64(out, "Zm9vYm!v"));
    EXPECT_EQ(out, "x");
}

TEST(Base64, RefusesOneDigitTooMany) {
    EXPECT_EQ(from_base64("Zm9vY"), std::nullopt);
}
TEST(Base64, RefusesPaddingAlone) {
    for (const auto* text : {"=", "==", "===", "===="}) EXPECT_EQ(from_base64(text), std::nullopt) << text;
}
TEST(Base64, RefusesPaddingOfTheWrongLength) {
    EXPECT_EQ(from_base64("Zg="), std::nullopt);
}
TEST(Base64, RefusesPaddingInside) {
    EXPECT_EQ(from_base64("Zg==Zg=="), std::nullopt);
}
TEST(Base64, RefusesWhiteSpace) {
    EXPECT_EQ(from_base64("Zm9\n"), std::nullopt);
}
TEST(Base64, RefusesNul) {
    EXPECT_EQ(from_base64(bytes_view{"Zm9\0", 4}), std::nullopt);
}
TEST(Base64, RefusesHighBytes) {
    EXPECT_EQ(from_base64("Zm9\xff"), std::nullopt);
}

TEST(AppendNumber, WritesZero) {
    EXPECT_EQ(decimal(0), "0");
}
TEST(AppendNumber, WritesTensWhole) {
    EXPECT_EQ(decimal(100), "100");
}
TEST(AppendNumber, WritesTheLargest) {
    EXPECT_EQ(decimal(UINT64_MAX), "18446744073709551615");
}
TEST(AppendNumber, KeepsWhatWasThere) {
    std::string out = "51-";
    append_number(out, 7);
    EXPECT_EQ(out, "51-7");
}

} // namespace
} // namespace roomcast::core
