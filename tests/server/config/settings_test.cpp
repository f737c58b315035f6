#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <map>

namespace config = roomcast::server::config;
using namespace std::chrono_literals;

namespace {

config::environment variables(std::map<std::string, std::string> given) {
    return [given = std::move(given)](const std::string& name) -> std::optional<std::string> {
        const auto found = given.find(name);
        if (found == given.end()) return std::nullopt;
        return found->second;
    };
}

config::loaded load(std::string_view text, std::map<std::string, std::string> given = {},
                    const std::vector<std::pair<std::string, std::string>>& flags = {}) {
    return config::load(text, variables(std::move(given)), flags);
}

std::vector<std::string> mistakes_of(std::string_view text, std::map<std::string, std::string> given = {}) {
    std::vector<std::string> lines;
    for (const auto& each : load(text, std::move(given)).mistakes)
        lines.push_back(config::describe(each, "f"));
    return lines;
}

} // namespace

TEST(Settings, NothingGivenMeansDefaults) {
    const auto loaded = load("");
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_EQ(loaded.chosen.server.port, 3001);
    EXPECT_EQ(loaded.chosen.server.path, "/socket.io");
    EXPECT_EQ(loaded.chosen.server.threads, 1U);
    EXPECT_EQ(loaded.chosen.server.session.ping_interval, 25s);
}

TEST(Settings, ReadsYamlWithUnits) {
    const auto loaded =
        load("port: 4000\nping:\n  interval: 10s\n  timeout: 500ms\nlimits:\n  payload: 2MB\n");
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_EQ(loaded.chosen.server.port, 4000);
    EXPECT_EQ(loaded.chosen.server.session.ping_interval, 10s);
    EXPECT_EQ(loaded.chosen.server.session.ping_timeout, 500ms);
    EXPECT_EQ(loaded.chosen.server.session.bounds.max_payload_bytes, 2'000'000U);
}

TEST(Settings, ReadsJsonAsWell) {
    const auto loaded = load(R"({"port": 4001, "cors": {"origin": ["https://a", "https://b"]}})");
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_EQ(loaded.chosen.server.port, 4001);
    EXPECT_EQ(loaded.chosen.server.cors.origins, (std::vector<std::string>{"https://a", "https://b"}));
}

TEST(Settings, EnvironmentOverridesTheFileAndFlagsOverrideBoth) {
    EXPECT_EQ(load("port: 1", {{"PORT", "2"}}).chosen.server.port, 2);
    EXPECT_EQ(load("port: 1", {{"PORT", "2"}, {"ROOMCAST_PORT", "3"}}).chosen.server.port, 3);
    EXPECT_EQ(load("port: 1", {{"ROOMCAST_PORT", "3"}}, {{"port", "4"}}).chosen.server.port, 4);
}

TEST(Settings, AListInAVariableIsPartedByCommas) {
    const auto loaded =
        load("", {{"ROOMCAST_TRANSPORTS", "websocket"}, {"ROOMCAST_CORS_ORIGIN", "http://a, http://b"}});
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_FALSE(loaded.chosen.server.allow_polling);
    EXPECT_EQ(loaded.chosen.server.cors.origins, (std::vector<std::string>{"http://a", "http://b"}));
}

TEST(Settings, EveryMistakeIsReportedWithItsLine) {
    EXPECT_EQ(
        mistakes_of(
            "port: 70000\nprt: 1\nping:\n  intervall: 5\n  timeout: soon\ntransports: [carrier-pigeon]\n"),
        (std::vector<std::string>{
            "f:1: port: expected a port number, 0 to 65535 (0: any free one)",
            "f:2: prt: no such setting",
            "f:4: ping.intervall: no such setting",
            "f:5: ping.timeout: expected a time, e.g. 25s, 500ms or a number of milliseconds",
            "f:6: transports: expected a list of polling and websocket",
        }));
}

TEST(Settings, BrokenYamlNamesTheLine) {
    const auto lines = mistakes_of("port: 1\n  host: [\n");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].substr(0, 13), "f:2: not YAML");
}

TEST(Settings, AMistakeInAVariableNamesTheVariable) {
    EXPECT_EQ(mistakes_of("", {{"PORT", "http"}}),
              (std::vector<std::string>{
                  "PORT: expected a port number, 0 to 65535 (0: any free one), not \"http\""}));
}

TEST(Settings, ExpandsVariablesWithDefaults) {
    EXPECT_EQ(load("port: ${MY_PORT}", {{"MY_PORT", "5000"}}).chosen.server.port, 5000);
    EXPECT_EQ(load("port: ${MY_PORT:-5001}").chosen.server.port, 5001);
    EXPECT_EQ(mistakes_of("host: ${NOWHERE}").front(),
              "f:1: host: the environment variable NOWHERE is not set, and there is no default");
}

TEST(Settings, ReadsEventRules) {
    const auto loaded =
        load("namespaces:\n"
             "  /chat:\n"
             "    events:\n"
             "      say:\n"
             "        do:\n"
             "          - join: \"{args.0}\"\n"
             "          - emit: { event: said, to: \"{args.0}\", except_sender: true, args: [1, \"2\", x] }\n"
             "          - ack: \"{args}\"\n");
    EXPECT_TRUE(loaded.mistakes.empty());
    ASSERT_EQ(loaded.chosen.name_spaces.size(), 1U);
    const auto& actions = loaded.chosen.name_spaces[0].events.at(0).actions;
    ASSERT_EQ(actions.size(), 3U);
    EXPECT_EQ(actions[0].room, "{args.0}");
    EXPECT_EQ(actions[1].event, "said");
    EXPECT_TRUE(actions[1].is_sender_excepted);
    using kind = config::value_text::kind;
    EXPECT_EQ(actions[1].args.items.at(0).what, kind::literal);
    EXPECT_EQ(actions[1].args.items.at(1).what, kind::text);
    EXPECT_EQ(actions[1].args.items.at(2).what, kind::text);
    EXPECT_EQ(actions[2].args.text, "{args}");
}

TEST(Settings, MistakesInRulesNameTheAction) {
    const auto lines = mistakes_of("namespaces:\n"
                                   "  chat: {}\n"
                                   "  /a:\n"
                                   "    events:\n"
                                   "      x:\n"
                                   "        do:\n"
                                   "          - shout: loud\n"
                                   "          - emit: { to: r }\n"
                                   "          - ack: 5\n");
    EXPECT_EQ(
        lines,
        (std::vector<std::string>{
            "f:2: namespaces.chat: a namespace begins with /, a pattern with ^",
            "f:7: namespaces./a.events.x.do[0].shout: no such action; there are join, leave, emit and ack",
            "f:8: namespaces./a.events.x.do[1].emit: the name of the event to emit, `event`",
            "f:9: namespaces./a.events.x.do[2].ack: a list of arguments, or {args} for all that came",
        }));
}

TEST(Settings, DeepAndStrangeYamlIsAMistakeNotACrash) {
    EXPECT_FALSE(mistakes_of("[1, 2]").empty());
    EXPECT_FALSE(mistakes_of("just text").empty());
    EXPECT_FALSE(mistakes_of("port: {a: 1}").empty());
    EXPECT_FALSE(mistakes_of("? [a]\n: 1\n").empty());
    EXPECT_FALSE(mistakes_of("namespaces: [1]").empty());
    EXPECT_FALSE(mistakes_of("namespaces: {/a: {events: {e: 5}}}").empty());
    EXPECT_FALSE(mistakes_of("namespaces: {/a: {events: {e: {do: [[1]]}}}}").empty());
    EXPECT_FALSE(mistakes_of("namespaces: {\"^(\": {}}").empty());
    EXPECT_FALSE(mistakes_of(std::string(5000, '[')).empty());
}

TEST(Settings, TheReferenceNamesEverySettingWithItsVariable) {
    const std::string reference = config::reference();
    EXPECT_NE(reference.find("port (ROOMCAST_PORT, PORT): "), std::string::npos);
    EXPECT_NE(reference.find("ping.interval (ROOMCAST_PING_INTERVAL): "), std::string::npos);
}
