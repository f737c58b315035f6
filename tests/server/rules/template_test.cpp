#include "rules/rules.hpp"
#include "rules/template.hpp"

#include <gtest/gtest.h>

namespace config = roomcast::server::config;
namespace rules = roomcast::server::rules;

namespace {

std::vector<std::string> mistakes_in(const std::string& text) {
    std::vector<config::mistake> mistakes;
    (void)rules::text_template::compile(text, {"p", 7}, mistakes);
    std::vector<std::string> lines;
    for (const auto& each : mistakes) lines.push_back(config::describe(each, "f"));
    return lines;
}

} // namespace

TEST(Template, GoodOnesHaveNoMistakes) {
    for (const char* good :
         {"", "plain", "{args.0}", "a-{args.12}-b", "{args.0.user.id}", "{sender}", "{{literal"}) {
        EXPECT_EQ(mistakes_in(good), std::vector<std::string>{}) << good;
    }
}

TEST(Template, MistakesAreFoundWhenItIsLoaded) {
    EXPECT_EQ(
        mistakes_in("{arg.0}"),
        (std::vector<std::string>{"f:7: p: expected {args.N}, {args.N.member} or {sender} in \"{arg.0}\""}));
    EXPECT_EQ(mistakes_in("{args.x}"),
              (std::vector<std::string>{
                  "f:7: p: expected the number of an argument, as in {args.0}, in \"{args.x}\""}));
    EXPECT_EQ(mistakes_in("{args.0"), (std::vector<std::string>{"f:7: p: a } is missing in \"{args.0\""}));
    EXPECT_FALSE(mistakes_in("{}").empty());
    EXPECT_FALSE(mistakes_in("{args.-1}").empty());
    EXPECT_FALSE(mistakes_in("{args.99999999999999999999}").empty());
}

TEST(Rules, TemplatesOfAWholeConfigurationAreChecked) {
    auto loaded = config::load("namespaces: {/: {events: {a: {do: [{join: \"{x}\"}, {ack: [[\"{y}\"]]}]}}}}",
                               [](const std::string&) { return std::nullopt; }, {});
    ASSERT_TRUE(loaded.mistakes.empty());
    const auto compiled = rules::compile(loaded.chosen, loaded.mistakes);
    EXPECT_EQ(compiled.size(), 1U);
    EXPECT_EQ(loaded.mistakes.size(), 2U);
}
