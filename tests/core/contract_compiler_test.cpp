#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/schema.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::contract {
namespace {

/// "pointer message" of each mistake.
std::vector<std::string> mistakes_of(std::string_view source, const compile_options& options = {},
                                     std::string_view definitions = "") {
    std::vector<mistake> found;
    const bytes compiled = compile_schema(source, definitions, options, found);
    EXPECT_EQ(compiled.empty(), !found.empty());
    std::vector<std::string> out;
    for (const auto& one : found) out.push_back(one.pointer + " " + one.message);
    return out;
}

using texts = std::vector<std::string>;

TEST(ContractCompiler, SaysWhereAndWhat) {
    EXPECT_EQ(mistakes_of(R"({"properties":{"a/b":{"minimum":"1"}}})"),
              texts{"/properties/a~1b/minimum must be a number"});
}

TEST(ContractCompiler, FindsAllMistakesAtOnce) {
    EXPECT_EQ(mistakes_of(R"({"minLength":-1,"required":"a","items":5})").size(), 3U);
}

TEST(ContractCompiler, RefusesTextThatIsNoJson) {
    EXPECT_EQ(mistakes_of("{").size(), 1U);
}

TEST(ContractCompiler, RefusesWhatWouldHaveToBeFetched) {
    EXPECT_EQ(mistakes_of(R"({"$ref":"https://a.example/b"})"),
              texts{"/$ref refers to another document (https://a.example/b); nothing is fetched"});
}

TEST(ContractCompiler, RefusesAReferenceToNothing) {
    EXPECT_EQ(mistakes_of(R"({"$ref":"#/schemas/Missing"})"),
              texts{"/$ref refers to #/schemas/Missing, which is no schema here"});
}

TEST(ContractCompiler, RefusesASchemaThatLeadsToItselfAtOnce) {
    EXPECT_FALSE(mistakes_of(R"({"$ref":"#"})").empty());
    EXPECT_FALSE(
        mistakes_of(R"({"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}},
                                 "$ref":"#/$defs/a"})")
            .empty());
    EXPECT_TRUE(mistakes_of(R"({"properties":{"a":{"$ref":"#"}}})").empty());
}

TEST(ContractCompiler, ChecksNamedSchemasThatNobodyUses) {
    EXPECT_EQ(mistakes_of("true", {}, R"({"A":{"type":"strin"}})").size(), 1U);
}

TEST(ContractCompiler, IgnoresUnknownKeywordsAsTheDraftSays) {
    EXPECT_TRUE(mistakes_of(R"({"requried":["a"]})").empty());
}

TEST(ContractCompiler, RefusesUnknownKeywordsWhenAsked) {
    compile_options options;
    options.unknown = unknown_keyword::refuse;
    EXPECT_EQ(mistakes_of(R"({"requried":["a"],"x-own":1,"description":"text"})", options),
              texts{"/requried is no keyword of JSON Schema"});
}

TEST(ContractCompiler, RefusesAMemberThatIsThereTwice) {
    EXPECT_EQ(mistakes_of(R"({"type":"string","type":"number"})"), texts{"/type is there twice"});
    EXPECT_EQ(mistakes_of(R"({"const":{"a":1,"a":2}})").size(), 1U);
}

TEST(ContractCompiler, RefusesATypeForAnAttachment) {
    EXPECT_EQ(mistakes_of(R"({"x-binary":true,"type":"object"})").size(), 1U);
}

TEST(ContractCompiler, KeepsItsBounds) {
    compile_options options;
    options.bounds.max_nodes = 3;
    EXPECT_FALSE(mistakes_of(R"({"properties":{"a":{},"b":{},"c":{},"d":{}}})", options).empty());
    options = {};
    options.bounds.max_source_bytes = 10;
    EXPECT_FALSE(mistakes_of(R"({"type":"string"})", options).empty());
    options = {};
    options.bounds.max_source_depth = 3;
    EXPECT_FALSE(mistakes_of(R"({"not":{"not":{"not":{}}}})", options).empty());
    options = {};
    options.bounds.max_properties = 2;
    EXPECT_FALSE(mistakes_of(R"({"required":["a","b","c"]})", options).empty());
    options = {};
    options.bounds.max_enum_values = 2;
    EXPECT_FALSE(mistakes_of(R"({"enum":[1,2,3]})", options).empty());
    options = {};
    options.bounds.max_compiled_bytes = 20;
    EXPECT_FALSE(mistakes_of(R"({"type":"string"})", options).empty());
}

TEST(ContractCompiler, RefusesPatternsThatTakeMoreThanLinearTime) {
    for (const auto* pattern : {R"(^(?=a)b)", R"((?<!a)b)", R"((a)\\1)", R"((?<x>a)\\k<x>)"}) {
        EXPECT_EQ(mistakes_of(std::string{R"({"pattern":")"} + pattern + "\"}").size(), 1U) << pattern;
    }
}

TEST(ContractCompiler, RefusesPatternsThatGrowTooLarge) {
    for (const auto* pattern : {"((a{1000}){1000}){1000}", "(a|b)*a(a|b){20}", "(((){9999}){9999}){9999}"}) {
        EXPECT_EQ(mistakes_of(std::string{R"({"pattern":")"} + pattern + "\"}").size(), 1U) << pattern;
    }
}

TEST(ContractCompiler, RefusesPatternsThatAreNone) {
    for (const auto* pattern :
         {"(", ")", "[a", "*", "a{2,1}", "[b-a]", "a**", R"(\\)", R"(\\q)", R"(\\x1)", "{", "(?"}) {
        EXPECT_EQ(mistakes_of(std::string{R"({"pattern":")"} + pattern + "\"}").size(), 1U) << pattern;
    }
}

TEST(ContractCompiler, WritesEqualSchemasOnce) {
    std::vector<mistake> found;
    const bytes one =
        compile_schema(R"({"properties":{"a":{"type":"string","maxLength":5}}})", "", {}, found);
    const bytes ten = compile_schema(
        R"({"properties":{"a":{"type":"string","maxLength":5},"b":{"maxLength":5,"type":"string"},
        "c":{"$ref":"#/properties/a"},"d":{"$ref":"#/properties/c"}}})",
        "", {}, found);
    EXPECT_TRUE(found.empty());
    EXPECT_LT(ten.size(), one.size() + 100);
}

} // namespace
} // namespace roomcast::core::contract
