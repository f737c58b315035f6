#include "roomcast/core/value.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomcast::core::value {
namespace {

constexpr std::size_t max_depth = 200;

std::error_code whole(std::string_view text) {
    return check_whole(text, max_depth);
}

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

std::string nested_objects(std::size_t depth) {
    std::string out;
    for (std::size_t i = 0; i < depth; ++i) out += R"({"a":)";
    out += "1";
    return out.append(depth, '}');
}

using member_list = std::vector<std::pair<std::string, std::string>>;

member_list walk(std::string_view container) {
    member_list seen;
    walker each{container};
    while (each.next()) seen.emplace_back(each.raw_key(), each.element());
    return seen;
}

std::string in_json(std::string_view utf8) {
    std::string out;
    append_string(out, utf8);
    return out;
}

// --- check ---

TEST(ValueCheck, AcceptsEveryKindOfValue) {
    for (const auto* text : {"null", "true", "false", "0", R"("")", "[]", "{}"})
        EXPECT_FALSE(whole(text)) << text;
}

TEST(ValueCheck, AcceptsWhiteSpaceBetweenAllTokens) {
    EXPECT_FALSE(whole(" \t\r\n{ \"a\" : [ 1 , true ] , \"b\" : { } , \"c\" : [ ] } \n"));
}

TEST(ValueCheck, RefusesTextWithoutAValue) {
    for (const auto* text : {"", " ", "\n\t"})
        EXPECT_EQ(whole(text), errc::invalid_json) << '"' << text << '"';
}

TEST(ValueCheck, RefusesEveryPrefixOfADocument) {
    const std::string_view document = R"(["a\u00e9b",{"k":[-1.5e+10,true,null]},{}])";
    for (std::size_t size = 0; size < document.size(); ++size) {
        EXPECT_EQ(whole(document.substr(0, size)), errc::invalid_json) << document.substr(0, size);
    }
    EXPECT_FALSE(whole(document));
}

TEST(ValueCheck, AcceptsNumbersOfTheGrammar) {
    for (const auto* text : {"-0", "10", "-12.50", "0.0", "1e5", "1E+5", "1.25e-5", "12345678901234567890"}) {
        EXPECT_FALSE(whole(text)) << text;
    }
}

TEST(ValueCheck, RefusesNumbersOutsideTheGrammar) {
    for (const auto* text :
         {"-", "+1", ".5", "1.", "1.e5", "01", "-01", "1e", "1e+", "0x10", "1_0", "NaN", "Infinity", "--1"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, AcceptsNumbersNoDoubleCanHold) {
    EXPECT_FALSE(whole("1e400"));
    EXPECT_FALSE(whole(std::string(10'000, '9')));
}

TEST(ValueCheck, RefusesMisspeltWords) {
    for (const auto* text : {"tru", "truE", "fals", "nul", "nil", "undefined", "nulll", "True"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, RefusesMisplacedCommasAndColons) {
    for (const auto* text : {"[,]", "[1,]", "[1,,2]", "[1 2]", "{,}", R"({"a":1,})", R"({"a"})", R"({"a":})",
                             R"({"a",1})", R"({"a" 1})", R"({"a":1 "b":2})", R"({"a"::1})", ",", ":"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, RefusesKeysThatAreNoStrings) {
    for (const auto* text : {"{1:1}", "{a:1}", "{null:1}", "{[]:1}", "{'a':1}"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, RefusesBracketsThatDoNotMatch) {
    for (const auto* text : {"[}", "{]", "[1}", R"({"a":1])", "]", "}", R"([{"a":[1}]])"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, TellsContainersApartBelowTheFirst64Levels) {
    const std::string open(70, '[');
    EXPECT_FALSE(whole(open + R"({"a":1})" + std::string(70, ']')));
    EXPECT_EQ(whole(open + R"({"a":1})" + std::string(69, ']') + "}"), errc::invalid_json);
    EXPECT_EQ(whole(open + "1" + std::string(10, ']') + "}" + std::string(59, ']')), errc::invalid_json);
}

TEST(ValueCheck, RefusesWhatFollowsTheValue) {
    for (const auto* text : {"1 1", "[]x", "{}{}", "null,", R"("a""b")"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, RefusesCommentsAndByteOrderMarks) {
    for (const auto* text : {"/**/1", "1//", "#\n1",
                             "\xef\xbb\xbf"
                             "1"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, RefusesNulBehindAValue) {
    EXPECT_EQ(whole(std::string_view{"1\0", 2}), errc::invalid_json);
}

TEST(ValueCheck, AcceptsEveryEscape) {
    EXPECT_FALSE(whole(R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00")"));
}

TEST(ValueCheck, AcceptsLoneSurrogateEscapes) {
    EXPECT_FALSE(whole(R"(["\ud800","\udc00\ud800"])"));
}

TEST(ValueCheck, RefusesUnknownEscapes) {
    for (const auto* text : {R"("\x41")", R"("\'")", R"("\U0041")", R"("\0")", "\"\\\n\""}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, RefusesBrokenUnicodeEscapes) {
    for (const auto* text :
         {R"("\u")", R"("\u12")", R"("\u123")", R"("\u12g4")", R"("\u+123")", R"("\u 123")"}) {
        EXPECT_EQ(whole(text), errc::invalid_json) << text;
    }
}

TEST(ValueCheck, FindsAControlCharacterAtEveryPlaceOfAString) {
    for (char control = 0; control < 0x20; ++control) {
        for (std::size_t before = 0; before < 20; ++before) {
            const std::string text = '"' + std::string(before, 'a') + control + "aaaaaaaaaaaa\"";
            EXPECT_EQ(whole(text), errc::invalid_json) << int{control} << " behind " << before;
        }
    }
}

TEST(ValueCheck, FindsTheEndOfAStringAtEveryPlace) {
    for (std::size_t size = 0; size < 40; ++size) {
        const std::string text = '"' + std::string(size, 'a') + "\"";
        const auto end = check(text + ",\"bbbbbbbbbbbbbbbb\"", max_depth);
        EXPECT_TRUE(end.has_value() && *end == text.size()) << size;
    }
}

TEST(ValueCheck, AcceptsDeleteCharacter) {
    EXPECT_FALSE(whole("\"\x7f\""));
}

TEST(ValueCheck, AcceptsUtf8InStringsAndKeys) {
    EXPECT_FALSE(whole("{\"\xc3\xa9\":\"a\xe2\x82\xac\xf0\x9f\x98\x80z\"}"));
}

TEST(ValueCheck, RefusesMalformedUtf8AtEveryPlaceOfAString) {
    for (const auto* sequence :
         {"\x80", "\xc1\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"}) {
        for (std::size_t before = 0; before < 20; ++before) {
            const std::string text = '"' + std::string(before, 'a') + sequence + "aaaaaaaa\"";
            EXPECT_EQ(whole(text), errc::invalid_utf8) << before;
        }
    }
}

TEST(ValueCheck, RefusesHighBytesOutsideStrings) {
    EXPECT_EQ(whole("[\xc3\xa9]"), errc::invalid_json);
}

TEST(ValueCheck, AcceptsTheGreatestDepth) {
    for (const std::size_t depth : {1U, 63U, 64U, 65U, 128U, 200U, 257U, 1000U}) {
        EXPECT_FALSE(check_whole(nested(depth), depth)) << depth;
        EXPECT_FALSE(check_whole(nested_objects(depth), depth)) << depth;
    }
}

TEST(ValueCheck, RefusesOneLevelMore) {
    for (const std::size_t depth : {0U, 1U, 63U, 64U, 65U, 128U, 200U, 257U, 1000U}) {
        EXPECT_EQ(check_whole(nested(depth + 1), depth), errc::json_too_deep) << depth;
        EXPECT_EQ(check_whole(nested_objects(depth + 1), depth), errc::json_too_deep) << depth;
    }
}

TEST(ValueCheck, DepthZeroLeavesScalars) {
    EXPECT_FALSE(check_whole("\"a\"", 0));
}

TEST(ValueCheck, DepthIsNotAddedUpOverSiblings) {
    std::string text = "[[]";
    for (int i = 0; i < 1000; ++i) text += ",[[]]";
    EXPECT_FALSE(check_whole(text + "]", 3));
}

TEST(ValueCheck, SurvivesADepthBomb) {
    EXPECT_EQ(check_whole(std::string(1'000'000, '['), std::numeric_limits<std::size_t>::max()),
              errc::invalid_json);
    EXPECT_EQ(whole(std::string(1'000'000, '[')), errc::json_too_deep);
}

TEST(ValueCheck, AcceptsDuplicateAndPrototypeKeys) {
    EXPECT_FALSE(whole(R"({"a":1,"a":2,"__proto__":{"x":1},"constructor":null})"));
}

TEST(ValueCheck, TellsWhereTheValueEnds) {
    const auto size = check(R"( ["a"] trailing)", max_depth);
    EXPECT_TRUE(size.has_value() && *size == 6);
}

TEST(ValueCheck, DoesNotLookBehindTheValue) {
    const auto size = check("12\xff", max_depth);
    EXPECT_TRUE(size.has_value() && *size == 2);
}

// --- readers of checked text ---

TEST(ValueKind, IsReadOffTheFirstCharacter) {
    EXPECT_EQ(kind_of("null"), kind::null);
    EXPECT_EQ(kind_of("true"), kind::boolean);
    EXPECT_EQ(kind_of("false"), kind::boolean);
    EXPECT_EQ(kind_of("-1"), kind::number);
    EXPECT_EQ(kind_of("\"1\""), kind::string);
    EXPECT_EQ(kind_of("[]"), kind::array);
    EXPECT_EQ(kind_of(" {}"), kind::object);
}

TEST(ValueWalker, GivesTheElementsOfAnArray) {
    EXPECT_EQ(
        walk(R"( [ 1 , "a,]" ,[2,[3]],{"b":"}"} , null ] )"),
        (member_list{{"", "1"}, {"", R"("a,]")"}, {"", "[2,[3]]"}, {"", R"({"b":"}"})"}, {"", "null"}}));
}

TEST(ValueWalker, GivesTheMembersOfAnObject) {
    EXPECT_EQ(walk(R"({"a" : 1,"b\"":[{}] , "" :"x"})"),
              (member_list{{R"("a")", "1"}, {R"("b\"")", "[{}]"}, {R"("")", R"("x")"}}));
}

TEST(ValueWalker, FindsNothingInEmptyContainers) {
    EXPECT_TRUE(walk("[]").empty());
    EXPECT_TRUE(walk("{ }").empty());
}

TEST(ValueWalker, FindsNothingInScalars) {
    for (const auto* text : {"1", "\"[1]\"", "null", "", " "}) EXPECT_TRUE(walk(text).empty()) << text;
}

TEST(ValueElementAt, CountsFromZero) {
    EXPECT_EQ(element_at("[10, 20]", 0), "10");
    EXPECT_EQ(element_at("[10, 20]", 1), "20");
}

TEST(ValueElementAt, HasNothingBehindTheEnd) {
    EXPECT_EQ(element_at("[10]", 1), std::nullopt);
}

TEST(ValueElementAt, HasNothingInAnObject) {
    EXPECT_EQ(element_at(R"({"a":1})", 0), std::nullopt);
}

TEST(ValueMember, FindsAKeyWrittenWithEscapes) {
    EXPECT_EQ(member(R"({"\u0073id":1})", "sid"), "1");
}

TEST(ValueMember, LastOfEqualKeysWins) {
    EXPECT_EQ(member(R"({"a":1,"b":2,"\u0061":3})", "a"), "3");
}

TEST(ValueMember, DoesNotLookIntoMembers) {
    EXPECT_EQ(member(R"({"x":{"a":1}})", "a"), std::nullopt);
}

TEST(ValueMember, HasNothingInOtherKinds) {
    for (const auto* text : {"[\"a\"]", "\"a\"", "1", "null"})
        EXPECT_EQ(member(text, "a"), std::nullopt) << text;
}

TEST(ValueText, ResolvesEscapes) {
    EXPECT_EQ(text(R"("\"\\\/\b\f\n\r\tx")"), "\"\\/\b\f\n\r\tx");
}

TEST(ValueText, ResolvesUnicodeEscapesOfEveryLength) {
    EXPECT_EQ(text(R"("\u0041\u00e9\u20AC\ud83d\ude00")"), "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(ValueText, KeepsNul) {
    EXPECT_EQ(text(R"("a\u0000b")"), std::string("a\0b", 3));
}

TEST(ValueText, LoneSurrogateBecomesReplacementCharacter) {
    EXPECT_EQ(text(R"("\ud800")"), "\xef\xbf\xbd");
    EXPECT_EQ(text(R"("\udc00x")"), "\xef\xbf\xbdx");
    EXPECT_EQ(text(R"("\udc00\udc00")"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(text(R"("\ud800\ud800")"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(text(R"("\ud800\ud83d\ude00")"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
    EXPECT_EQ(text(R"("\ud800\u0041")"), "\xef\xbf\xbd"
                                         "A");
    EXPECT_EQ(text(R"("\ud800\n")"), "\xef\xbf\xbd\n");
}

TEST(ValueText, IsOnlyInStrings) {
    for (const auto* each : {"1", "null", "[\"a\"]", "{}", ""}) EXPECT_EQ(text(each), std::nullopt) << each;
}

TEST(ValueIsText, ComparesWhatEscapesStandFor) {
    EXPECT_TRUE(is_text(R"("c\u006fnn\u0065ct")", "connect"));
    EXPECT_TRUE(is_text(R"("")", ""));
}

TEST(ValueIsText, RefusesPrefixesAndLongerTexts) {
    EXPECT_FALSE(is_text(R"("connec")", "connect"));
    EXPECT_FALSE(is_text(R"("connects")", "connect"));
    EXPECT_FALSE(is_text(R"("connect\u0000")", "connect"));
    EXPECT_FALSE(is_text(R"("")", "connect"));
}

TEST(ValueIsText, IsFalseForOtherKinds) {
    EXPECT_FALSE(is_text("null", "null"));
}

TEST(ValueInteger, ReadsTheWholeRange) {
    EXPECT_EQ(integer("0"), 0);
    EXPECT_EQ(integer("-0"), 0);
    EXPECT_EQ(integer(" 42 "), 42);
    EXPECT_EQ(integer("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(integer("-9223372036854775808"), INT64_MIN);
}

TEST(ValueInteger, RefusesWhatDoesNotFit) {
    for (const auto* each : {"9223372036854775808", "-9223372036854775809", "18446744073709551616",
                             "100000000000000000000000000000000"}) {
        EXPECT_EQ(integer(each), std::nullopt) << each;
    }
}

TEST(ValueInteger, RefusesFractionsAndExponents) {
    for (const auto* each : {"1.0", "1e2", "1E2", "0.5"}) EXPECT_EQ(integer(each), std::nullopt) << each;
}

TEST(ValueInteger, RefusesOtherKinds) {
    for (const auto* each : {"\"1\"", "null", "true", "[1]", "", "-"})
        EXPECT_EQ(integer(each), std::nullopt) << each;
}

TEST(ValueLength, EndsWithTheValue) {
    EXPECT_EQ(length_of("[1,[2]],3"), 7U);
    EXPECT_EQ(length_of(R"({"a":"}"},3)"), 9U);
    EXPECT_EQ(length_of(R"("a\"]",3)"), 6U);
    EXPECT_EQ(length_of("-12.5e3,3"), 7U);
    EXPECT_EQ(length_of("true]"), 4U);
    EXPECT_EQ(length_of("null }"), 4U);
}

TEST(ValueLength, OfNothingIsZero) {
    EXPECT_EQ(length_of(""), 0U);
}

// --- writer ---

TEST(ValueAppendString, QuotesPlainText) {
    EXPECT_EQ(in_json("plain text / 100%"), R"("plain text / 100%")");
}

TEST(ValueAppendString, EscapesWhatMustBeEscaped) {
    EXPECT_EQ(in_json(std::string_view("\"\\\b\f\n\r\t\0\x1e\x1f\x7f", 11)),
              "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001e\\u001f\x7f\"");
}

TEST(ValueAppendString, KeepsUtf8) {
    EXPECT_EQ(in_json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

TEST(ValueAppendString, ReplacesBytesThatAreNotUtf8) {
    EXPECT_EQ(in_json("a\xff"
                      "b\xed\xa0\x80"),
              "\"a\xef\xbf\xbd"
              "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

TEST(ValueAppendString, IsReadBackAsItWas) {
    std::string all;
    for (int c = 0; c < 0x80; ++c) all.push_back(static_cast<char>(c));
    EXPECT_FALSE(whole(in_json(all)));
    EXPECT_EQ(text(in_json(all)), all);
}

} // namespace
} // namespace roomcast::core::value
