#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/contract.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::contract {
namespace {

constexpr std::string_view source = R"({
  "schemas": {
    "Id": {"type": "string", "minLength": 1},
    "Vote": {"type": "object", "required": ["bill"], "properties": {"bill": {"$ref": "#/schemas/Id"}}}
  },
  "namespaces": {
    "/politics": {
      "is_closed": true,
      "receives": {
        "vote-cast": {"args": [{"$ref": "#/schemas/Vote"}, {"type": "string", "x-optional": true}],
                      "ack": [{"type": "boolean"}], "description": "A vote"},
        "tags": {"args": [{"type": "integer"}], "rest": {"$ref": "#/schemas/Id"}},
        "own": {"args": [{"$defs": {"n": {"type": "null"}}, "items": {"$ref": "#/$defs/n"}}]},
        "upload": {"args": [{"x-binary": true}]}
      },
      "sends": {"vote-cast": {"args": []}}
    },
    "^/match-[0-9]+$": {"receives": {"move": {}}}
  }
})";

bytes form_of(std::string_view text) {
    std::vector<mistake> mistakes;
    compile_options options;
    options.unknown = unknown_keyword::refuse;
    bytes form = compile_contract(text, options, mistakes);
    for (const auto& one : mistakes) ADD_FAILURE() << one.pointer << ' ' << one.message;
    return form;
}

std::vector<std::string> mistakes_of(std::string_view text) {
    std::vector<mistake> found;
    compile_options options;
    options.unknown = unknown_keyword::refuse;
    EXPECT_TRUE(compile_contract(text, options, found).empty());
    std::vector<std::string> out;
    for (const auto& one : found) out.push_back(one.pointer + " " + one.message);
    return out;
}

contract loaded() {
    return *contract::load(form_of(source));
}

event named(std::string_view name) {
    return *loaded().find("/politics", direction::receives, name);
}

std::string said(const event& one, std::string_view args, attachments present = attachments::none) {
    violation why;
    if (one.check_args(args, why, present)) return "";
    return why.event + " " + why.path + " " + why.rule + ": " + why.message;
}

TEST(Contract, FindsEventsByNamespaceAndDirection) {
    const contract one = loaded();
    EXPECT_EQ(one.find("/politics", direction::receives, "vote-cast")->name(), "vote-cast");
    EXPECT_TRUE(one.find("/politics", direction::sends, "vote-cast").has_value());
    EXPECT_FALSE(one.find("/politics", direction::sends, "tags").has_value());
    EXPECT_FALSE(one.find("/", direction::receives, "vote-cast").has_value());
    EXPECT_TRUE(one.find("^/match-[0-9]+$", direction::receives, "move").has_value());
}

TEST(Contract, KnowsWhichNamespacesAreClosed) {
    const contract one = loaded();
    EXPECT_TRUE(one.is_closed("/politics"));
    EXPECT_FALSE(one.is_closed("^/match-[0-9]+$"));
    EXPECT_FALSE(one.is_closed("/unknown"));
    EXPECT_FALSE(one.has_name_space("/unknown"));
    EXPECT_TRUE(one.has_name_space("/politics"));
}

TEST(Contract, ViolationNamesEventPathAndRule) {
    EXPECT_EQ(said(named("vote-cast"), R"([{"bill":""}])"),
              "vote-cast /0/bill minLength: must have at least 1 characters");
    EXPECT_EQ(said(named("tags"), R"([1,"a",""])"), "tags /2 minLength: must have at least 1 characters");
}

TEST(Contract, CountsArguments) {
    EXPECT_EQ(said(named("vote-cast"), "[]"), "vote-cast  args: must have at least 1 argument, not 0");
    EXPECT_EQ(said(named("vote-cast"), R"([{"bill":"b"}])"), "");
    EXPECT_EQ(said(named("vote-cast"), R"([{"bill":"b"},"c"])"), "");
    EXPECT_EQ(said(named("vote-cast"), R"([{"bill":"b"},"c",1,2])"),
              "vote-cast  args: must have at most 2 arguments, not 4");
    EXPECT_EQ(said(named("tags"), R"([1,"a","b","c"])"), "");
    EXPECT_EQ(said(named("vote-cast"), "{}"), "vote-cast  args: must be an array of arguments");
}

TEST(Contract, ChecksArgumentsThatStandAlone) {
    violation why;
    EXPECT_TRUE(named("vote-cast").check_arg(0, R"({"bill":"b"})", why));
    EXPECT_FALSE(named("vote-cast").check_arg(1, "5", why));
    EXPECT_EQ(why.path, "/1");
    EXPECT_FALSE(named("vote-cast").check_arg(2, "5", why));
    EXPECT_EQ(why.rule, "args");
    EXPECT_TRUE(named("tags").check_arg(7, "\"x\"", why));
    EXPECT_FALSE(named("vote-cast").check_count(0, why));
    EXPECT_TRUE(named("tags").check_count(9, why));
}

TEST(Contract, ChecksAcknowledgements) {
    violation why;
    EXPECT_TRUE(named("vote-cast").has_ack());
    EXPECT_TRUE(named("vote-cast").check_ack("[true]", why));
    EXPECT_FALSE(named("vote-cast").check_ack("[1]", why));
    EXPECT_FALSE(named("vote-cast").check_ack("[]", why));
    EXPECT_FALSE(named("tags").has_ack());
    EXPECT_TRUE(named("tags").check_ack("[1,2]", why));
}

TEST(Contract, KeepsReferencesWithinTheSchemaThatSaysThem) {
    EXPECT_EQ(said(named("own"), "[[null]]"), "");
    EXPECT_EQ(said(named("own"), "[[1]]"), "own /0/0 type: must be null");
}

TEST(Contract, TakesAttachmentsWhereTheyBelong) {
    EXPECT_EQ(said(named("upload"), R"([{"_placeholder":true,"num":0}])", attachments::present), "");
    EXPECT_EQ(said(named("upload"), "[1]", attachments::present),
              "upload /0 x-binary: must be an attachment");
}

TEST(Contract, WritesAViolationAsJson) {
    EXPECT_EQ(
        to_json({"a\"b", "/0", "type", "must be null"}),
        R"({"code":"invalid_arguments","message":"must be null","event":"a\"b","path":"/0","rule":"type"})");
}

TEST(Contract, EventOutlivesItsContract) {
    EXPECT_EQ(named("tags").name(), "tags");
}

TEST(Contract, FindsMistakesInEvents) {
    EXPECT_EQ(mistakes_of(R"({"namespaces":{"/":{"receives":{"a":{"arg":[]}}}}})"),
              std::vector<std::string>{"/namespaces/~1/receives/a/arg is not known here"});
    EXPECT_EQ(mistakes_of(R"({"namespaces":{"/":{"receives":{"a":{"args":[{"x-optional":true},{}]}}}}})"),
              std::vector<std::string>{
                  "/namespaces/~1/receives/a/args/1 comes behind an argument that is optional, and is not"});
    EXPECT_EQ(
        mistakes_of(
            R"({"schemas":{"A":{"type":"x"}},"namespaces":{"/":{"sends":{"a":{"args":[{"$ref":"#/schemas/B"}]}}}}})")
            .size(),
        2U);
}

TEST(ContractForm, RefusesWhatIsNone) {
    EXPECT_EQ(contract::load("").error(), errc::invalid_contract);
    EXPECT_EQ(contract::load("RCC\x01").error(), errc::invalid_contract);
    std::string other = form_of(source);
    other[3] = 9;
    EXPECT_EQ(contract::load(other).error(), errc::unknown_contract_version);
    limits bounds;
    bounds.max_compiled_bytes = 100;
    EXPECT_EQ(contract::load(form_of(source), bounds).error(), errc::contract_too_large);
}

TEST(ContractForm, RefusesEveryTruncation) {
    const bytes whole = form_of(source);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(contract::load(bytes_view{whole}.substr(0, size)).has_value()) << size;
    }
    EXPECT_FALSE(contract::load(whole + "x").has_value());
}

TEST(ContractForm, SurvivesEveryChangedOctet) {
    const bytes whole = form_of(source);
    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const char octet : {'\0', '\1', '\x7f', '\xff'}) {
            bytes changed = whole;
            changed[at] = octet;
            const auto one = contract::load(changed);
            if (!one) continue;
            // What was loaded is used without harm; whatever it says then.
            for (const auto* name : {"vote-cast", "tags", "own", "upload"}) {
                const auto found = one->find("/politics", direction::receives, name);
                violation why;
                if (found)
                    (void)found->check_args(R"([{"bill":"b","x":[1,"a",{"y":null}]},"text",[1,[2]]])", why);
            }
        }
    }
}

TEST(ContractForm, ASchemaIsNoContract) {
    std::vector<mistake> mistakes;
    EXPECT_FALSE(contract::load(compile_schema("true", "", {}, mistakes)).has_value());
    EXPECT_FALSE(schema::load(form_of(source)).has_value());
}

} // namespace
} // namespace roomcast::core::contract
