#include "rules/template.hpp"

#include <gtest/gtest.h>

namespace config = roomcast::server::config;
namespace rules = roomcast::server::rules;
namespace server = roomcast::server;

namespace {

using texts = std::vector<std::string>;

/// Everything that a template may speak of.
rules::scope everything() {
    rules::scope in;
    in.has_args = in.has_user = in.has_answer = in.has_reason = in.has_room = in.is_pattern = true;
    return in;
}

texts mistakes_in(const std::string& text, const rules::scope& in = everything()) {
    std::vector<config::mistake> mistakes;
    (void)rules::text_template::compile(text, {"p", 7}, in, mistakes);
    texts lines;
    for (const auto& each : mistakes) lines.push_back(config::describe(each, "f"));
    return lines;
}

/// What an event brings. Its sender is nobody: {sender} and {nsp} are left to tests with real sockets.
struct happening {
    explicit happening(std::string list) : text(std::move(list)), args(text, nullptr, 0) {
        who.is_user = true;
        who.user_json = R"({"id":"u1","name":"Ann \"A\"","email":null,"image":null})";
        who.claims_json = R"({"role":"admin","org":{"id":7,"tags":["x","y"]},"ok":true})";
        who.matches = {"/org-5", "5"};
    }
    rules::subject about() const { return {nobody, who, args, answer, reason, room}; }

    server::socket nobody{nullptr};
    rules::visitor who;
    std::string text;
    server::arguments args;
    std::string answer = R"({"order":{"id":3},"ack":[1,"a"]})";
    std::string reason = "transport close";
    std::string room = "r1";
};

rules::text_template compiled(const std::string& text) {
    std::vector<config::mistake> mistakes;
    auto made = rules::text_template::compile(text, {}, everything(), mistakes);
    EXPECT_TRUE(mistakes.empty()) << text;
    return made;
}

std::optional<std::string> text_of(const std::string& text, const std::string& args = "[]") {
    return compiled(text).render(happening{args}.about());
}

std::optional<std::string> json_of(const std::string& text, const std::string& args = "[]") {
    return compiled(text).render_json(happening{args}.about());
}

std::optional<std::string> value_of(const std::string& yaml, const std::string& args = "[]") {
    config::document whole;
    std::vector<config::mistake> mistakes;
    whole.read(
        "v: " + yaml, [](const std::string&) { return std::nullopt; }, mistakes);
    const auto made = rules::value_template::compile(config::node{whole}["v"], everything(), mistakes);
    EXPECT_TRUE(mistakes.empty()) << yaml;
    std::string out;
    if (!made.append(out, happening{args}.about())) return std::nullopt;
    return out;
}

std::optional<std::string> list_of(const std::string& yaml, const std::string& args = "[]") {
    config::document whole;
    std::vector<config::mistake> mistakes;
    whole.read(
        "v: " + yaml, [](const std::string&) { return std::nullopt; }, mistakes);
    const auto made = rules::args_template::compile(config::node{whole}["v"], everything(), mistakes);
    EXPECT_TRUE(mistakes.empty()) << yaml;
    const auto rendered = made.render(happening{args}.about());
    if (!rendered) return std::nullopt;
    return rendered->text();
}

texts mistakes_by_schema(const std::string& text, const std::string& args, bool has_rest = false) {
    const auto schemas = config::json::parse(args);
    const auto named = config::json::parse(
        R"({"Vote":{"type":"object","properties":{"bill":{"type":"object","properties":{"id":{}},
           "additionalProperties":false}},"additionalProperties":false},"Loop":{"$ref":"#/schemas/Loop"}})");
    rules::scope in;
    in.has_args = true;
    in.has_rest = has_rest;
    in.argument_schemas = &schemas;
    in.named_schemas = &named;
    return mistakes_in(text, in);
}

} // namespace

// ---- What may stand in one

TEST(Template, GoodOnesHaveNoMistakes) {
    for (const char* good : {"",
                             "plain",
                             "{args.0}",
                             "a-{args.12}-b",
                             "{args.0.user.id}",
                             "{sender}",
                             "{{literal",
                             "{user}",
                             "{user.id}",
                             "{user.name?}",
                             "{claims.a.b.c}",
                             "{claims}",
                             "{answer.order.id}",
                             "{nsp}",
                             "{now}",
                             "{reason}",
                             "{room}",
                             "{match.0}",
                             "{args.0?}{args.1?}",
                             "} alone",
                             "é {sender}"}) {
        EXPECT_EQ(mistakes_in(good), texts{}) << good;
    }
}

TEST(Template, BadOnesAreFoundWhenTheyAreLoaded) {
    EXPECT_EQ(mistakes_in("{args.0"), (texts{"f:7: p: a } is missing in \"{args.0\""}));
    EXPECT_EQ(mistakes_in("{args.x}"),
              (texts{"f:7: p: expected the number of an argument, as in {args.0}, in \"{args.x}\""}));
    for (const char* bad :
         {"{}", "{ sender}", "{arg.0}", "{args}x", "{args.}", "{args.-1}", "{args.99999999999999999999}",
          "{sender.id}", "{now.x}", "{user.role}", "{match}", "{match.x}", "{match.1.a}", "{nobody}",
          "{args.0", "{a}{b", "{?}", "{args.0} {args.x}"}) {
        EXPECT_EQ(mistakes_in(bad).size(), bad == std::string{"{a}{b"} ? 2U : 1U) << bad;
    }
}

TEST(Template, EveryMistakeOfOneTextIsReported) {
    EXPECT_EQ(mistakes_in("{x}-{y}-{sender}").size(), 2U);
}

TEST(Template, WhatIsNotThereToSpeakOfIsAMistake) {
    const rules::scope nothing;
    for (const char* text :
         {"{args.0}", "{user.id}", "{claims.role}", "{answer.x}", "{reason}", "{room}", "{match.1}"}) {
        EXPECT_EQ(mistakes_in(text, nothing).size(), 1U) << text;
        EXPECT_EQ(mistakes_in(text), texts{}) << text;
    }
    for (const char* text : {"{sender}", "{nsp}", "{now}"})
        EXPECT_EQ(mistakes_in(text, nothing), texts{}) << text;
    EXPECT_EQ(mistakes_in("{user.id}", nothing),
              (texts{"f:7: p: nobody signs in here (the namespace has no auth), so there is no {user}, in "
                     "\"{user.id}\""}));
}

TEST(Template, ArgumentsThatTheSchemasDoNotHaveAreMistakes) {
    EXPECT_EQ(mistakes_by_schema("{args.1}", "[{}]"),
              (texts{"f:7: p: the event has 1 argument by its `args`, counted from 0, in \"{args.1}\""}));
    EXPECT_EQ(mistakes_by_schema("{args.0}", "[]").size(), 1U);
    EXPECT_EQ(mistakes_by_schema("{args.1}", "[{}]", true), texts{});
    EXPECT_EQ(mistakes_by_schema("{args.0}", "[true]"), texts{});
}

TEST(Template, MembersThatTheSchemasCannotHaveAreMistakes) {
    const auto is_mistake = [](const std::string& text, const std::string& args) {
        return !mistakes_by_schema(text, args).empty();
    };
    EXPECT_TRUE(is_mistake("{args.0.a}", R"([{"type":"string"}])"));
    EXPECT_TRUE(is_mistake("{args.0.a}", R"([{"type":"array"}])"));
    EXPECT_FALSE(is_mistake("{args.0.5}", R"([{"type":"array"}])"));
    EXPECT_TRUE(is_mistake("{args.0.b}", R"([{"properties":{"a":{}},"additionalProperties":false}])"));
    EXPECT_FALSE(is_mistake("{args.0.a}", R"([{"properties":{"a":{}},"additionalProperties":false}])"));
    EXPECT_FALSE(is_mistake("{args.0.b}", R"([{"properties":{"a":{}}}])"));
    EXPECT_FALSE(
        is_mistake("{args.0.b}", R"([{"patternProperties":{".":{}},"additionalProperties":false}])"));
    EXPECT_FALSE(is_mistake("{args.0.a.b.c}", R"([{}])"));
    EXPECT_FALSE(is_mistake("{args.0.a}", R"([true])"));
    // types that may be either, and what combines schemas: not sure, so no mistake
    EXPECT_FALSE(is_mistake("{args.0.a}", R"([{"type":["string","object"]}])"));
    EXPECT_FALSE(is_mistake("{args.0.a}", R"([{"anyOf":[{"type":"string"}]}])"));
}

TEST(Template, NamedSchemasAreFollowed) {
    EXPECT_EQ(mistakes_by_schema("{args.0.bill.id}", R"(["Vote"])"), texts{});
    EXPECT_EQ(mistakes_by_schema("{args.0.bill.no}", R"(["Vote"])").size(), 1U);
    EXPECT_EQ(mistakes_by_schema("{args.0.no}", R"([{"$ref":"#/schemas/Vote"}])").size(), 1U);
    EXPECT_EQ(mistakes_by_schema("{args.0.a}", R"(["Loop"])"), texts{});
    EXPECT_EQ(mistakes_by_schema("{args.0.a}", R"(["Unknown"])"), texts{});
}

// ---- What comes out

TEST(Template, TextsAreFilled) {
    EXPECT_EQ(text_of("plain"), "plain");
    EXPECT_EQ(text_of(""), "");
    EXPECT_EQ(text_of("a-{args.0}-{args.1}", R"(["x\"y",-1.50e3])"), "a-x\"y--1.50e3");
    EXPECT_EQ(text_of("{args.0.a.1.b}", R"([{"a":[0,{"b":true}]}])"), "true");
    EXPECT_EQ(text_of("user:{user.id}"), "user:u1");
    EXPECT_EQ(text_of("{user.name}"), "Ann \"A\"");
    EXPECT_EQ(text_of("{claims.org.id}/{claims.org.tags.1}/{claims.role}"), "7/y/admin");
    EXPECT_EQ(text_of("{answer.order.id}"), "3");
    EXPECT_EQ(text_of("{reason}, {room}, {match.0}, {match.1}"), "transport close, r1, /org-5, 5");
    EXPECT_EQ(text_of("{{args.0} }"), "{args.0} }");
}

TEST(Template, WhatIsMissingLeavesNoText) {
    EXPECT_EQ(text_of("a{args.1}", "[0]"), std::nullopt);
    EXPECT_EQ(text_of("{args.0.b}", R"([{"a":1}])"), std::nullopt);
    EXPECT_EQ(text_of("{args.0.b}", R"(["text"])"), std::nullopt);
    EXPECT_EQ(text_of("{args.0.5}", "[[1]]"), std::nullopt);
    EXPECT_EQ(text_of("{args.0.01}", "[[1,2]]"), std::nullopt);
    EXPECT_EQ(text_of("{user.email}"), std::nullopt);
    EXPECT_EQ(text_of("{claims.nothing}"), std::nullopt);
    EXPECT_EQ(text_of("{match.2}"), std::nullopt);
}

TEST(Template, WhatIsNoTextNumberOrBooleanLeavesNoText) {
    for (const char* args : {"[null]", "[{}]", "[[]]", "[[1]]", R"([{"toString":"x"}])"}) {
        EXPECT_EQ(text_of("room-{args.0}", args), std::nullopt) << args;
    }
}

TEST(Template, OptionalPartsMayBeMissing) {
    EXPECT_EQ(text_of("a{args.1?}b", "[0]"), "ab");
    EXPECT_EQ(text_of("{user.email?}"), "");
    EXPECT_EQ(json_of("{args.1?}", "[0]"), "null");
    EXPECT_EQ(json_of("{user.email?}"), "null");
    EXPECT_EQ(json_of("{args.0?}", "[5]"), "5");
    EXPECT_EQ(json_of("x{args.1?}", "[0]"), "\"x\"");
}

TEST(Template, NobodyHasNoUserAndNoClaims) {
    happening of{"[]"};
    of.who = {};
    for (const char* text : {"{user.id}", "{user}", "{claims}", "{claims.role}"}) {
        EXPECT_EQ(compiled(text).render(of.about()), std::nullopt) << text;
        EXPECT_EQ(compiled(text).render_json(of.about()), std::nullopt) << text;
    }
    EXPECT_EQ(compiled("{user.name?}").render(of.about()), "");
    EXPECT_EQ(compiled("{user?}").render_json(of.about()), "null");
}

TEST(Template, WithoutAnAnswerThereIsNone) {
    happening of{"[]"};
    of.answer.clear();
    EXPECT_EQ(compiled("{answer.order.id}").render(of.about()), std::nullopt);
}

TEST(Template, AloneAPartKeepsItsType) {
    EXPECT_EQ(json_of("{args.0}", R"([ {"a": [1, "é"]} ])"), R"({"a": [1, "é"]})");
    EXPECT_EQ(json_of("{args.0}", "[12345678901234567890.10]"), "12345678901234567890.10");
    EXPECT_EQ(json_of("{args.0}", "[null]"), "null");
    EXPECT_EQ(json_of("{user}"), R"({"id":"u1","name":"Ann \"A\"","email":null,"image":null})");
    EXPECT_EQ(json_of("{claims.org}"), R"({"id":7,"tags":["x","y"]})");
    EXPECT_EQ(json_of("{answer.ack}"), R"([1,"a"])");
}

TEST(Template, AmongOtherTextItBecomesText) {
    EXPECT_EQ(json_of("n={args.0}", "[5]"), R"("n=5")");
    EXPECT_EQ(json_of("{args.0}{args.1}", R"(["a\"","\n"])"), R"("a\"\n")");
    EXPECT_EQ(json_of("{match.1}"), R"("5")");
}

TEST(Template, NowIsANumberAloneAndTextOtherwise) {
    const auto alone = json_of("{now}");
    ASSERT_TRUE(alone);
    EXPECT_EQ(alone->find_first_not_of("0123456789"), std::string::npos);
    const auto among = json_of("t{now}");
    ASSERT_TRUE(among);
    EXPECT_EQ(among->substr(0, 2), "\"t");
}

TEST(Template, KnowsItsConstantBeginning) {
    EXPECT_EQ(compiled("user:{args.0}").leading_literal(), "user:");
    EXPECT_EQ(compiled("{args.0}:user").leading_literal(), "");
    EXPECT_EQ(compiled("{{user").leading_literal(), "{user");
    EXPECT_TRUE(compiled("https://x/{{y").is_constant());
    EXPECT_TRUE(compiled("").is_constant());
    EXPECT_FALSE(compiled("https://{args.0}/").is_constant());
}

// ---- Values and lists of arguments

TEST(Template, ValuesKeepTheirShape) {
    EXPECT_EQ(
        value_of("{a: [1, \"{args.0}\", {b: null}], \"c\\\"\": \"x{args.1}\", d: true}", R"([{"k":1},"y"])"),
        R"({"a":[1,{"k":1},{"b":null}],"c\"":"xy","d":true})");
    EXPECT_EQ(value_of("[]"), "[]");
    EXPECT_EQ(value_of("{}"), "{}");
    EXPECT_EQ(value_of("7"), "7");
}

TEST(Template, NamesOfMembersAreNoTemplates) {
    EXPECT_EQ(value_of("{\"{args.0}\": 1}", R"(["x"])"), R"({"{args.0}":1})");
}

TEST(Template, AValueWithAMissingPartIsNone) {
    EXPECT_EQ(value_of("{a: [\"{args.3}\"]}"), std::nullopt);
    EXPECT_EQ(value_of("{a: [\"{args.3?}\"]}"), R"({"a":[null]})");
}

TEST(Template, ListsOfArguments) {
    EXPECT_EQ(list_of("[\"{args.1}\", 5]", R"([1, {"a":2}])"), R"([{"a":2},5])");
    EXPECT_EQ(list_of("[]"), "[]");
    EXPECT_EQ(list_of("\"{args}\"", R"([1,{"a":2}])"), R"([1,{"a":2}])");
    EXPECT_EQ(list_of("\"{answer.ack}\""), R"([1,"a"])");
    EXPECT_EQ(list_of("[\"{args.9}\"]"), std::nullopt);
}

TEST(Template, AnAnswerWithoutAListIsNoAcknowledgement) {
    config::document whole;
    std::vector<config::mistake> mistakes;
    whole.read(
        "v: \"{answer.ack}\"", [](const std::string&) { return std::nullopt; }, mistakes);
    const auto made = rules::args_template::compile(config::node{whole}["v"], everything(), mistakes);
    happening of{"[]"};
    for (const char* answer : {"", "{}", R"({"ack":5})", R"({"ack":{"a":1}})"}) {
        of.answer = answer;
        EXPECT_FALSE(made.render(of.about())) << answer;
    }
}

TEST(Template, OnlyTheAttachmentsThatAreUsedGoOn) {
    config::document whole;
    std::vector<config::mistake> mistakes;
    whole.read(
        "v: [\"{args.1}\"]", [](const std::string&) { return std::nullopt; }, mistakes);
    const auto made = rules::args_template::compile(config::node{whole}["v"], everything(), mistakes);
    happening of{"[]"};
    of.args = server::arguments{
        R"([{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])",
        std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"first", "second"}), 0};
    const auto rendered = made.render(of.about());
    ASSERT_TRUE(rendered);
    EXPECT_EQ(rendered->text(), R"([{"_placeholder":true,"num":0}])");
    ASSERT_TRUE(rendered->parts());
    EXPECT_EQ(*rendered->parts(), texts{"second"});
}

TEST(Template, PlacesOfMistakesInListsAreTheirOwn) {
    config::document whole;
    std::vector<config::mistake> mistakes;
    whole.read(
        "v:\n  - ok\n  - \"{nope}\"\n", [](const std::string&) { return std::nullopt; }, mistakes);
    (void)rules::compile_texts(config::node{whole}["v"], everything(), mistakes);
    ASSERT_EQ(mistakes.size(), 1U);
    EXPECT_EQ(config::describe(mistakes[0], "f").substr(0, 11), "f:3: v[1]: ");
}
