#include "rules/program.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace config = roomcast::server::config;
namespace rules = roomcast::server::rules;
using namespace std::chrono_literals;

namespace {

using texts = std::vector<std::string>;

struct outcome {
    std::shared_ptr<const rules::program> made;
    texts mistakes;
    texts remarks;
};

outcome compiled(std::string_view text) {
    auto loaded = config::load(text, [](const std::string&) { return std::nullopt; }, {});
    outcome out;
    std::vector<config::mistake> mistakes;
    std::vector<config::mistake> remarks;
    out.made = rules::program::compile(loaded.chosen, nullptr, mistakes, remarks);
    for (const auto& each : remarks) out.remarks.push_back(config::describe(each, "f"));
    config::add_new(std::move(mistakes), loaded.mistakes);
    for (const auto& each : loaded.mistakes) out.mistakes.push_back(config::describe(each, "f"));
    std::sort(out.mistakes.begin(), out.mistakes.end());
    return out;
}

texts mistakes_in(std::string_view text) {
    return compiled(text).mistakes;
}

/// The mistakes of one action of an event with one argument, an object with the member `a`.
texts mistakes_in_action(const std::string& action) {
    return mistakes_in("namespaces:\n"
                       "  /:\n"
                       "    events:\n"
                       "      e:\n"
                       "        args: [{type: object, properties: {a: {}}, additionalProperties: false}]\n"
                       "        do:\n"
                       "          - " +
                       action + '\n');
}

const std::string secret = "0123456789abcdef0123456789abcdef0123";
const std::string with_auth = "auth: {providers: {p: {type: jwt, secret: \"" + secret + "\"}}}\n";

} // namespace

TEST(Program, AConfigurationWithoutNamespacesIsOne) {
    EXPECT_EQ(mistakes_in(""), texts{});
    EXPECT_EQ(compiled("").made->find("/"), nullptr);
}

TEST(Program, AllArgumentsAreAValueByThemselves) {
    EXPECT_EQ(
        mistakes_in_action("forward: {url: 'http://a.example/', body: {all: '{args}', more: ['{args}']}}"),
        texts{});
    EXPECT_EQ(mistakes_in_action("forward: {url: 'http://a.example/', body: '{args}'}"), texts{});
    for (const char* wrong : {"join: \"{args}\"", "once: \"{args}\"", "log: \"got {args}\"",
                              "forward: {url: 'http://a.example/', body: {all: 'x{args}'}}"}) {
        const auto mistakes = mistakes_in_action(wrong);
        ASSERT_EQ(mistakes.size(), 1U) << wrong;
        EXPECT_NE(mistakes[0].find("{args} is the whole list"), std::string::npos) << mistakes[0];
    }
}

TEST(Program, AShortSecretIsRemarkedOnOnceForAProviderWithItsLine) {
    EXPECT_EQ(compiled("auth:\n  providers:\n    a: {type: jwt, secret: short, secrets: [old, older]}\n"
                       "    b: {type: jwt, secret: little}\n")
                  .remarks,
              (texts{"f:3: auth.providers.a: the secret is shorter than 32 bytes: whoever has one token can "
                     "guess at it",
                     "f:4: auth.providers.b: the secret is shorter than 32 bytes: whoever has one token can "
                     "guess at it"}));
}

TEST(Program, TemplatesOfActionsAreCheckedAgainstTheArguments) {
    EXPECT_EQ(mistakes_in_action("join: \"r-{args.0.a}\""), texts{});
    const auto wrong = mistakes_in_action("join: \"r-{args.0.b}\"");
    ASSERT_EQ(wrong.size(), 1U);
    EXPECT_EQ(wrong[0],
              "f:7: namespaces./.events.e.do[0].join: by the event's `args` there can be no `b`, in "
              "\"r-{args.0.b}\"");
    EXPECT_EQ(mistakes_in_action("join: [ok, \"{args.1}\"]").size(), 1U);
    EXPECT_EQ(mistakes_in_action("ack: [{x: [\"{args.7}\"]}]").size(), 1U);
    EXPECT_EQ(mistakes_in_action("emit: {event: x, to: \"{args.7}\", args: [\"{args.8}\"]}").size(), 2U);
    EXPECT_EQ(mistakes_in_action("log: \"{args.7}\"").size(), 1U);
    EXPECT_EQ(mistakes_in_action("error: \"{args.7}\"").size(), 1U);
    EXPECT_EQ(mistakes_in_action("error: {code: c, message: \"{args.7}\"}").size(), 1U);
    EXPECT_EQ(mistakes_in_action("once: \"{args.7}\"").size(), 1U);
    EXPECT_EQ(mistakes_in_action("once: {key: k, else: [{join: \"{args.7}\"}]}").size(), 1U);
}

TEST(Program, WithoutAuthNobodyIsAUser) {
    EXPECT_EQ(mistakes_in_action("join: \"u-{user.id}\"").size(), 1U);
    EXPECT_EQ(mistakes_in(with_auth + "namespaces: {/: {events: {e: {do: [{join: \"u-{user.id}\"}]}}}}"),
              texts{});
    EXPECT_EQ(
        mistakes_in(with_auth + "namespaces: {/: {auth: none, events: {e: {do: [{join: \"u-{user.id}\"}]}}}}")
            .size(),
        1U);
    EXPECT_EQ(mistakes_in("namespaces: {/: {allow: {user: true}}}").size(), 1U);
    EXPECT_EQ(mistakes_in("namespaces: {/: {allow: {claims: {a: 1}}}}").size(), 1U);
}

TEST(Program, AnAnswerIsThereOnlyBehindAForward) {
    EXPECT_EQ(mistakes_in_action("ack: [\"{answer.x}\"]").size(), 1U);
    EXPECT_EQ(mistakes_in_action("ack: \"{answer.ack}\"").size(), 1U);
    EXPECT_EQ(mistakes_in_action("forward: http://localhost/\n          - ack: [\"{answer.x}\"]"), texts{});
}

TEST(Program, PartsHaveTheirPlaces) {
    EXPECT_EQ(mistakes_in("namespaces: {/: {on_disconnect: [{log: \"{reason}\"}]}}"), texts{});
    EXPECT_EQ(mistakes_in("namespaces: {/: {on_connect: [{log: \"{reason}\"}]}}").size(), 1U);
    EXPECT_EQ(mistakes_in("namespaces: {/: {on_connect: [{log: \"{args.0}\"}]}}").size(), 1U);
    EXPECT_EQ(mistakes_in("namespaces: {/: {on_connect: [{log: \"{match.1}\"}]}}").size(), 1U);
    EXPECT_EQ(mistakes_in("namespaces: {\"^/a-(.*)$\": {on_connect: [{log: \"{match.1}\"}]}}"), texts{});
    EXPECT_EQ(mistakes_in("namespaces: {/: {presence: {payload: {r: \"{room}\"}}}}"), texts{});
    EXPECT_EQ(mistakes_in("namespaces: {/: {presence: {rooms: [\"{room}\"]}}}").size(), 1U);
}

TEST(Program, WhereAForwardGoesIsFixed) {
    EXPECT_EQ(mistakes_in_action("forward: http://localhost/x"), texts{});
    EXPECT_EQ(mistakes_in_action("forward: \"http://{args.0.a}/\"").size(), 1U);
    EXPECT_EQ(mistakes_in_action("forward: {url: ftp://x/}").size(), 1U);
    EXPECT_EQ(mistakes_in_action("forward: {url: http://x/, body: {x: \"{args.9}\"}}").size(), 1U);
}

TEST(Program, NamesOfEventsAreFixed) {
    EXPECT_EQ(mistakes_in_action("emit: {event: \"{args.0.a}\"}").size(), 1U);
}

TEST(Program, NamesOfTheProtocolAreNoEvents) {
    for (const char* name : {"connect", "connect_error", "disconnect", "disconnecting", "newListener",
                             "removeListener", "auth:refresh"}) {
        EXPECT_EQ(mistakes_in("namespaces: {/: {events: {\"" + std::string{name} + "\": {}}}}").size(), 1U)
            << name;
        EXPECT_EQ(mistakes_in("namespaces: {/: {emits: {\"" + std::string{name} + "\": {}}}}").size(),
                  std::string{name} == "auth:refresh" ? 0U : 1U)
            << name;
        EXPECT_EQ(mistakes_in_action("emit: {event: \"" + std::string{name} + "\"}").size(),
                  std::string{name} == "auth:refresh" ? 0U : 1U)
            << name;
    }
}

TEST(Program, ProvidersAreNamed) {
    EXPECT_EQ(mistakes_in("namespaces: {/: {auth: nobody}}"),
              (texts{"f:1: namespaces./.auth: expected none, or a name of auth.providers"}));
    EXPECT_EQ(mistakes_in(with_auth + "namespaces: {/: {auth: [p, q]}}").size(), 1U);
}

TEST(Program, ProvidersAreReadWithTheirPlaces) {
    const auto lines =
        mistakes_in("auth:\n  providers:\n    a:\n      type: jwt\n      secrt: x\n    b:\n      type: b\n");
    ASSERT_GE(lines.size(), 3U);
    EXPECT_NE(lines[0].find("auth.providers.a"), std::string::npos);
    EXPECT_NE(lines.back().find("auth.providers.b"), std::string::npos);
}

TEST(Program, BadPatternsAreMistakes) {
    EXPECT_EQ(mistakes_in("namespaces: {\"^(\": {}}").size(), 1U);
}

TEST(Program, BadSchemasAreMistakesAtTheirPlace) {
    EXPECT_EQ(mistakes_in("schemas:\n  A:\n    type: strnig\n").size(), 1U);
    const auto lines =
        mistakes_in("namespaces:\n  /:\n    events:\n      e:\n        args:\n          - {minLength: x}\n");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].substr(0, 40), "f:6: namespaces./.events.e.args[0].minLe");
    const auto sent = mistakes_in("namespaces:\n  /:\n    emits:\n      e:\n        args: [Nothing]\n");
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].substr(0, 37), "f:5: namespaces./.emits.e.args[0].$re");
}

TEST(Program, MistakesOfFormAndOfRulesAreReportedTogether) {
    const auto lines =
        mistakes_in("port: high\n"
                    "unknown: 1\n"
                    "namespaces:\n"
                    "  /:\n"
                    "    closed: 5\n"
                    "    events:\n"
                    "      a: {do: [{join: \"{nobody}\"}, {shout: 1}]}\n"
                    "      b: {args: [{type: strnig}], rate: fast}\n"
                    "      c: {do: [{emit: {to: x}}, {ack: [\"{args.0}\", \"{user.id}\"]}]}\n"
                    "  /b: {presence: 5, auth: nobody}\n"
                    "auth: {user_room: \"{x}\", providers: {p: {type: jwt, secret: \"${NOT_SET}\"}}}\n");
    EXPECT_EQ(lines.size(), 13U) << [&] {
        std::string all;
        for (const auto& each : lines) all += each + '\n';
        return all;
    }();
}

TEST(Program, ADocumentWithoutItsWrongPartsNeverBreaksTheCompiler) {
    const texts wrong{"5", "\"x\"", "[1]", "{x: 1}", "null", "true", "[[]]", "[null]", "{}"};
    for (const char* path : {"auth",
                             "auth: {providers",
                             "auth: {user_room",
                             "schemas",
                             "schemas: {A",
                             "namespaces",
                             "namespaces: {/",
                             "namespaces: {/: {auth",
                             "namespaces: {/: {allow",
                             "namespaces: {/: {closed",
                             "namespaces: {/: {events",
                             "namespaces: {/: {events: {e",
                             "namespaces: {/: {events: {e: {args",
                             "namespaces: {/: {events: {e: {rest",
                             "namespaces: {/: {events: {e: {ack",
                             "namespaces: {/: {events: {e: {rate",
                             "namespaces: {/: {events: {e: {allow",
                             "namespaces: {/: {events: {e: {do",
                             "namespaces: {/: {emits",
                             "namespaces: {/: {emits: {e",
                             "namespaces: {/: {emits: {e: {retain",
                             "namespaces: {/: {presence",
                             "namespaces: {/: {presence: {join",
                             "namespaces: {/: {presence: {rooms",
                             "namespaces: {/: {typing",
                             "namespaces: {/: {typing: {expires",
                             "namespaces: {/: {typing: {start",
                             "namespaces: {/: {on_connect",
                             "namespaces: {/: {on_connect: [{once",
                             "namespaces: {/: {on_connect: [{forward",
                             "namespaces: {/: {on_connect: [{emit",
                             "namespaces: {/: {on_connect: [{emit: {args",
                             "limits"}) {
        for (const std::string& value : wrong) {
            std::string text = std::string{path} + ": " + value;
            for (std::size_t at = text.size() - value.size(); at-- > 0;) {
                if (text[at] == '{') text += '}';
                if (text[at] == '[') text += ']';
            }
            EXPECT_NO_THROW((void)compiled(text)) << text;
        }
    }
}

TEST(Program, FindsNamespacesByNameAndByPattern) {
    const auto made = compiled("namespaces: {/a: {}, \"^/org-(\\\\d+)/(.*)$\": {}, /org-5/x: {}}").made;
    EXPECT_EQ(made->find("/a")->key, "/a");
    EXPECT_EQ(made->find("/b"), nullptr);
    EXPECT_EQ(made->find("/"), nullptr);
    texts groups;
    ASSERT_NE(made->find("/org-12/team", &groups), nullptr);
    EXPECT_EQ(groups, (texts{"/org-12/team", "12", "team"}));
    EXPECT_EQ(made->find("/org-5/x")->is_pattern, false);
    EXPECT_EQ(made->find("/org-x/team"), nullptr);
}

TEST(Program, ReadsRates) {
    const auto made = compiled("limits: {over_rate: drop}\n"
                               "namespaces:\n"
                               "  /:\n"
                               "    events:\n"
                               "      plain: {rate: 10/s}\n"
                               "      full: {rate: {limit: 5/10s burst 7, by: address, over: disconnect}}\n"
                               "      rest: {rate: {limit: 5/s}}\n"
                               "      none: {}\n")
                          .made;
    const auto& events = made->find("/")->events;
    EXPECT_FALSE(events.at("none").limit);
    EXPECT_EQ(events.at("plain").limit->over, config::over_rate::drop);
    EXPECT_EQ(events.at("plain").limit->whom, rules::event_rate::by::socket);
    EXPECT_EQ(events.at("full").limit->allowed.interval, 2s);
    EXPECT_EQ(events.at("full").limit->allowed.burst, 7U);
    EXPECT_EQ(events.at("full").limit->whom, rules::event_rate::by::address);
    EXPECT_EQ(events.at("full").limit->over, config::over_rate::disconnect);
    EXPECT_EQ(events.at("rest").limit->over, config::over_rate::drop);
    EXPECT_EQ(made->slots(), 4U);
    EXPECT_TRUE(made->counts_addresses());
    EXPECT_FALSE(made->counts_users());
}

TEST(Program, ARateThatCannotBeIsAMistake) {
    EXPECT_EQ(mistakes_in("namespaces: {/: {events: {e: {rate: 0/s}}}}").size(), 1U);
    EXPECT_EQ(mistakes_in("namespaces: {/: {events: {e: {rate: {by: user}}}}}").size(), 1U);
}

TEST(Program, TheReservedPrefixIsThatOfTheUserRoom) {
    EXPECT_EQ(compiled("").made->reserved_prefix(), "user:");
    EXPECT_EQ(compiled("auth: {user_room: \"u-{user.id}\"}").made->reserved_prefix(), "u-");
    EXPECT_EQ(compiled("auth: {user_room: \"\"}").made->reserved_prefix(), "");
}

TEST(Program, NoRuleJoinsAUsersRoomByWhatClientsChose) {
    for (const char* action :
         {"join: \"user:{args.0.a}\"", "join: [ok, \"user:x:{args.0.a}\"]", "join: \"user:{nsp}\""}) {
        const auto wrong = mistakes_in_action(action);
        ASSERT_EQ(wrong.size(), 1U) << action;
        EXPECT_NE(wrong[0].find("rooms of users"), std::string::npos) << wrong[0];
    }
    EXPECT_EQ(mistakes_in_action("join: \"user:fixed\""), texts{});
    EXPECT_EQ(mistakes_in_action("leave: \"user:{args.0.a}\""), texts{});
    EXPECT_EQ(mistakes_in_action("emit: {event: x, to: \"user:{args.0.a}\"}"), texts{});
}

TEST(Program, TheUserRoomBeginsWithAText) {
    EXPECT_EQ(mistakes_in("auth: {user_room: \"{user.id}\"}").size(), 1U);
    EXPECT_EQ(mistakes_in("auth: {user_room: \"\"}"), texts{});
}

TEST(Program, TheContractListsWhatRulesSendWithoutASchema) {
    const auto source = config::json::parse(
        compiled("namespaces: {/: {on_connect: [{emit: {event: hello}}], emits: {said: {args: [{}]}}, "
                 "events: {e: {do: [{emit: {event: said}}, "
                 "{once: {key: k, else: [{emit: {event: again}}]}}]}}}}")
            .made->contract_json());
    const auto& sends = source["namespaces"]["/"]["sends"];
    EXPECT_EQ(sends["hello"].dump(), R"({"rest":true})");
    EXPECT_EQ(sends["again"].dump(), R"({"rest":true})");
    EXPECT_EQ(sends["said"].dump(), R"({"args":[{}]})");
}

TEST(Program, WhatIsAnsweredIsMarked) {
    const auto out = compiled("namespaces: {/: {presence: true, events: {quiet: {do: [{join: r}]}, "
                              "loud: {do: [{join: r}, {ack: [1]}]}, "
                              "asks: {do: [{forward: \"https://app.example/x\"}]}, "
                              "late: {do: [{once: {key: k, else: [{ack: []}]}}]}}}}");
    auto source = config::json::parse(out.made->contract_json());
    rules::mark_for_types(source, out.made->chosen());
    const auto& receives = source["namespaces"]["/"]["receives"];
    for (const char* event : {"loud", "asks", "late", "presence:join"}) {
        EXPECT_TRUE(receives[event].value("is_answered", false)) << event;
    }
    EXPECT_FALSE(receives["quiet"].value("is_answered", false));
}

TEST(Program, NamespacesThatSomebodySignsInToAreMarked) {
    const auto out =
        compiled(with_auth + "namespaces: {/: , /p: {auth: p}, /l: {auth: [p]}, /n: {auth: none}}\n");
    auto source = config::json::parse(out.made->contract_json());
    rules::mark_for_types(source, out.made->chosen());
    for (const char* name : {"/", "/p", "/l"}) {
        EXPECT_TRUE(source["namespaces"][name].value("has_auth", false)) << name;
    }
    EXPECT_FALSE(source["namespaces"]["/n"].value("has_auth", false));
}

TEST(Program, TheContractListsReadyMadeEvents) {
    const auto source = config::json::parse(
        compiled(
            "namespaces: {/: {presence: true, typing: {start: t}, events: {presence:join: {args: [{}]}}}}")
            .made->contract_json());
    const auto& space = source["namespaces"]["/"];
    EXPECT_EQ(space["receives"]["presence:join"].dump(), R"({"args":[{}]})");
    for (const char* event : {"presence:leave", "t", "typing:stop"}) {
        EXPECT_TRUE(space["receives"].contains(event)) << event;
    }
    for (const char* event : {"presence:user_joined", "presence:user_left", "t", "typing:stop"}) {
        EXPECT_TRUE(space["sends"].contains(event)) << event;
    }
}
