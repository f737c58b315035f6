#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/schema.hpp"
#include "roomcast/core/value.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::contract {
namespace {

schema compiled(std::string_view source, const compile_options& options = {}) {
    std::vector<mistake> mistakes;
    const bytes form = compile_schema(source, "", options, mistakes);
    for (const auto& one : mistakes) ADD_FAILURE() << one.pointer << ' ' << one.message;
    auto loaded = schema::load(form, options.bounds);
    if (!loaded) ADD_FAILURE() << loaded.error().message();
    return loaded ? *loaded : *schema::load(compile_schema("true", "", {}, mistakes));
}

/// "path rule: message" of what is wrong; empty when nothing is.
std::string said(const schema& one, std::string_view text, attachments present = attachments::none) {
    EXPECT_FALSE(value::check_whole(text, 1000)) << text;
    violation why;
    if (one.check(text, why, present)) return "";
    return why.path + " " + why.rule + ": " + why.message;
}

bool matches(std::string_view pattern, std::string_view text) {
    std::string source = R"({"pattern":)";
    value::append_string(source, pattern);
    std::string instance;
    value::append_string(instance, text);
    return said(compiled(source + "}"), instance).empty();
}

TEST(ContractSchema, NamesPathRuleAndMessage) {
    const schema one = compiled(R"({"properties":{"a/b":{"items":{"type":["string","null"]}}}})");
    EXPECT_EQ(said(one, R"({"a/b":["x",null,5]})"), "/a~1b/2 type: must be null or string");
    EXPECT_EQ(said(compiled(R"({"minLength":2})"), R"("x")"), " minLength: must have at least 2 characters");
    EXPECT_EQ(said(compiled(R"({"required":["a"]})"), "{}"), " required: must have the property a");
    EXPECT_EQ(said(compiled(R"({"additionalProperties":false})"), R"({"b":1})"),
              "/b additionalProperties: is not a property that the schema knows");
    EXPECT_EQ(said(compiled(R"({"const":[1]})"), "2"), " const: must be [1]");
    EXPECT_EQ(said(compiled("false"), "2"), " false: must not be there");
}

TEST(ContractSchema, PathSaysWhatEscapesStandFor) {
    EXPECT_EQ(said(compiled(R"({"additionalProperties":{"type":"null"}})"), R"({"\u00e9~":1})"),
              "/\xc3\xa9~0 type: must be null");
}

TEST(ContractSchema, AcceptsWhiteSpaceEverywhere) {
    const schema one = compiled(R"({"properties":{"a":{"type":"array","maxItems":2}},"required":["a"]})");
    EXPECT_EQ(said(one, " { \"a\" : [ 1 , 2 ] \n} "), "");
    EXPECT_EQ(said(one, " { \"a\" : [ 1 , 2 , 3 ] } "), "/a maxItems: must have at most 2 items");
}

TEST(ContractSchema, RefusesAMemberThatIsThereTwice) {
    // Readers take the last one, others the first: whichever was checked, somebody sees the other.
    EXPECT_EQ(said(compiled(R"({"properties":{"a":{"type":"string"}}})"), R"({"a":"x","a":"y"})"),
              "/a uniqueKeys: is there twice");
    EXPECT_EQ(said(compiled(R"({"properties":{"a":{}}})"), R"({"a":"x","\u0061":"y"})"),
              "/a uniqueKeys: is there twice");
    EXPECT_EQ(said(compiled(R"({"minProperties":1})"), R"({"b":1,"c":1,"b":2})"),
              " uniqueKeys: names a member twice");
    EXPECT_EQ(said(compiled(R"({"not":{"properties":{"a":{"type":"string"}}}})"), R"({"a":1,"a":"x"})"), "");
    EXPECT_EQ(said(compiled(R"({"enum":[{"a":1}]})"), R"({"a":1,"a":1})"),
              " uniqueKeys: names a member twice");
}

TEST(ContractSchema, FindsDuplicatesAmongMany) {
    std::string text = "{";
    for (int i = 0; i < 1000; ++i) text += "\"k" + std::to_string(i) + "\":1,";
    const schema one = compiled(R"({"additionalProperties":{"type":"number"}})");
    EXPECT_EQ(said(one, text + "\"z\":1}"), "");
    EXPECT_EQ(said(one, text + "\"k500\":1}"), " uniqueKeys: names a member twice");
}

TEST(ContractSchema, ComparesNumbersAsDecimalText) {
    EXPECT_EQ(said(compiled(R"({"maximum":0.1})"), "0.1000000000000000000000000000"), "");
    EXPECT_NE(said(compiled(R"({"maximum":0.1})"), "0.1000000000000000000000000001"), "");
    EXPECT_EQ(said(compiled(R"({"minimum":9007199254740993})"), "9007199254740993"), "");
    EXPECT_NE(said(compiled(R"({"minimum":9007199254740993})"), "9007199254740992"), "");
    EXPECT_EQ(said(compiled(R"({"minimum":1e400})"), "1e401"), "");
    EXPECT_NE(said(compiled(R"({"minimum":1e400})"), "1e399"), "");
    EXPECT_NE(said(compiled(R"({"minimum":0})"), "-1e-400"), "");
    EXPECT_EQ(said(compiled(R"({"exclusiveMinimum":-10})"), "-9.5"), "");
    EXPECT_EQ(said(compiled(R"({"type":"integer"})"), "1e99999999999999999999"), "");
    EXPECT_NE(said(compiled(R"({"type":"integer"})"), "1e-99999999999999999999"), "");
    EXPECT_EQ(said(compiled(R"({"const":100})"), "1.00E2"), "");
    EXPECT_EQ(said(compiled(R"({"const":0})"), "-0.0e5"), "");
}

TEST(ContractSchema, DividesDecimalText) {
    EXPECT_EQ(said(compiled(R"({"multipleOf":0.01})"), "19.99"), "");
    EXPECT_NE(said(compiled(R"({"multipleOf":0.01})"), "19.999"), "");
    EXPECT_EQ(said(compiled(R"({"multipleOf":3})"), "1" + std::string(60, '0') + "2"), "");
    EXPECT_EQ(said(compiled(R"({"multipleOf":4})"), "1e300"), "");
    EXPECT_NE(said(compiled(R"({"multipleOf":7})"), "1e300"), "");
    EXPECT_EQ(said(compiled(R"({"multipleOf":1e-8})"), "12391239123"), "");
}

TEST(ContractSchema, CountsCharactersNotBytes) {
    const schema one = compiled(R"({"minLength":2,"maxLength":2})");
    EXPECT_EQ(said(one, "\"\xc3\xa9\xf0\x9f\x98\x80\""), "");
    EXPECT_EQ(said(one, R"("\u00e9\ud83d\ude00")"), "");
    EXPECT_EQ(said(one, R"("\n\"")"), "");
    EXPECT_NE(said(one, R"("\ud83d\ude00")"), "");
}

TEST(ContractSchema, ComparesStringsByWhatTheyStandFor) {
    EXPECT_EQ(said(compiled(R"({"enum":["a","b\"c"]})"), R"("b\u0022c")"), "");
    EXPECT_EQ(said(compiled(R"({"enum":["\u0061"]})"), R"("a")"), "");
    EXPECT_EQ(said(compiled(R"({"properties":{"b\"c":{"type":"null"}},"additionalProperties":false})"),
                   R"({"b\"c":null})"),
              "");
    EXPECT_EQ(said(compiled(R"({"properties":{"a\\":{"type":"null"}},"additionalProperties":false})"),
                   R"({"a\\":null})"),
              "");
    EXPECT_NE(said(compiled(R"({"properties":{"a\\nb":{"type":"null"}},"additionalProperties":false})"),
                   R"({"a\nb":null})"),
              "");
}

TEST(ContractSchema, FindsEqualItems) {
    const schema one = compiled(R"({"uniqueItems":true})");
    EXPECT_EQ(said(one, R"([1,"1",true,[1],{"a":1},null,{"a":2},[]])"), "");
    EXPECT_NE(said(one, R"([{"a":1,"b":[2]},{"b":[2.0],"\u0061":1}])"), "");
    EXPECT_NE(said(one, R"([1,2,3,4,5,6,7,8,9,10,11,12,13,14,1.0])"), "");
}

TEST(ContractSchema, ComparingMembersCostsWhatTheyAreLong) {
    const schema one = compiled(R"({"uniqueItems":true})");
    std::string large = "[{";
    for (int i = 0; i < 5'000; ++i) {
        large += (i == 0 ? "" : ",") + ("\"\\u0061" + std::string(150, 'k')) + std::to_string(i) + "\":0";
    }
    EXPECT_NE(said(one, large + "},1]"), "");
    std::string usual = "[{";
    for (int i = 0; i < 100; ++i) {
        usual += (i == 0 ? "" : ",") + ("\"" + std::string(50, 'k')) + std::to_string(i) + "\":\"" +
                 std::string(200, 'v') + '"';
    }
    EXPECT_EQ(said(one, usual + "},1]"), "");
}

TEST(ContractSchema, AttachmentIsNoObject) {
    const std::string_view placeholder = R"({"num":0,"_placeholder":true})";
    const schema binary = compiled(R"({"x-binary":true})");
    const schema object = compiled(R"({"type":"object"})");
    EXPECT_EQ(said(binary, placeholder, attachments::present), "");
    EXPECT_EQ(said(binary, placeholder), " x-binary: must be an attachment");
    EXPECT_EQ(said(object, placeholder, attachments::present), " type: must be object");
    EXPECT_EQ(said(object, placeholder), "");
    EXPECT_EQ(said(compiled("true"), placeholder, attachments::present), "");
    EXPECT_EQ(said(compiled(R"({"required":["a"]})"), placeholder, attachments::present), "");
    EXPECT_EQ(said(binary, R"({"_placeholder":true,"_placeholder":1})", attachments::present),
              " x-binary: must be an attachment");
}

TEST(ContractSchema, ChecksFormatsOnlyWhenAsked) {
    compile_options options;
    EXPECT_EQ(said(compiled(R"({"format":"date"})", options), R"("2026-02-30")"), "");
    options.formats = format_rule::check;
    EXPECT_EQ(said(compiled(R"({"format":"date"})", options), R"("2026-02-30")"),
              " format: must have the format");
    EXPECT_EQ(said(compiled(R"({"format":"date"})", options), R"("2024-02-29")"), "");
    EXPECT_EQ(said(compiled(R"({"format":"unknown"})", options), R"("x")"), "");
}

TEST(ContractSchema, FollowsRecursionDownToItsBound) {
    const schema one = compiled(R"({"items":{"$ref":"#"}})");
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_EQ(said(one, nested(50)), "");
    EXPECT_EQ(said(one, nested(500)).substr(0, 4), "/0/0");
    EXPECT_NE(said(one, nested(500)).find(" limits: "), std::string::npos);
}

TEST(ContractSchema, ExponentialSchemaCostsNoMoreThanAllowed) {
    const schema one =
        compiled(R"({"anyOf":[{"items":{"$ref":"#"},"minItems":1},{"items":{"$ref":"#"},"minItems":1}]})");
    const std::string text = std::string(40, '[') + std::string(40, ']');
    EXPECT_NE(said(one, text).find(" limits: takes more work than allowed"), std::string::npos);
}

TEST(ContractSchema, HostilePatternTextIsReadOnce) {
    EXPECT_FALSE(matches("^(a+)+$", std::string(100'000, 'a') + "b"));
    EXPECT_TRUE(matches("^(a|aa|a*)*$", std::string(100'000, 'a')));
}

TEST(ContractPattern, MatchesAnywhere) {
    EXPECT_TRUE(matches("b+", "abbc"));
    EXPECT_FALSE(matches("^b+", "abbc"));
    EXPECT_FALSE(matches("b+$", "abbc"));
    EXPECT_TRUE(matches("", ""));
    EXPECT_TRUE(matches("^$", ""));
    EXPECT_FALSE(matches("^$", "a"));
    EXPECT_TRUE(matches("a|^b|c$", "xxc"));
}

TEST(ContractPattern, KnowsClassesAndEscapes) {
    EXPECT_TRUE(matches(R"(^\d{2,3}-[a-f_\-]+\.$)", "123-a-_."));
    EXPECT_FALSE(matches(R"(^\d{2,3}$)", "1234"));
    EXPECT_TRUE(matches(R"(^[^a-c]$)", "\xc3\xa9"));
    EXPECT_TRUE(matches(R"(^\u00e9\x41\u{1f600}\cJ$)", "\xc3\xa9"
                                                       "A\xf0\x9f\x98\x80\n"));
    EXPECT_TRUE(matches(R"(^\ud83d\ude00$)", "\xf0\x9f\x98\x80"));
    EXPECT_TRUE(matches(R"(^\s\S\w\W\D$)", "\xc2\xa0xx-x"));
    EXPECT_FALSE(matches("^.$", "\n"));
    EXPECT_TRUE(matches("^.$", "\xf0\x9f\x98\x80"));
    EXPECT_FALSE(matches("^[]$", "a"));
    EXPECT_TRUE(matches("^[^]$", "\n"));
    EXPECT_TRUE(matches(R"(^[\b\]\w]+$)", "a]\b"));
}

TEST(ContractPattern, KnowsWordBoundaries) {
    EXPECT_TRUE(matches(R"(\bcat\b)", "a cat."));
    EXPECT_FALSE(matches(R"(\bcat\b)", "concat"));
    EXPECT_TRUE(matches(R"(\Bcat)", "concat"));
    EXPECT_TRUE(matches(R"(cat\b)", "cat"));
    EXPECT_FALSE(matches(R"(\b)", "--"));
}

TEST(ContractPattern, KnowsGroupsAndRepetitions) {
    EXPECT_TRUE(matches("^(?:ab|c){2}(?<name>d)??$", "abc"));
    EXPECT_FALSE(matches("^(?:ab|c){2}$", "ab"));
    EXPECT_TRUE(matches("^(a?){3}$", "aa"));
    EXPECT_FALSE(matches("^a{2,}$", "a"));
    EXPECT_TRUE(matches("^(|a)+$", "aaa"));
}

} // namespace
} // namespace roomcast::core::contract
