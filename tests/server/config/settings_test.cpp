#include "config/settings.hpp"

#include "config/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace config = roomcast::server::config;
using namespace std::chrono_literals;

namespace {

using variables = std::map<std::string, std::string>;
using flags = std::vector<std::pair<std::string, std::string>>;
using texts = std::vector<std::string>;

config::loaded load(std::string_view text, variables given = {}, const flags& chosen = {}) {
    return config::load(
        text,
        [given = std::move(given)](const std::string& name) -> std::optional<std::string> {
            const auto found = given.find(name);
            if (found == given.end()) return std::nullopt;
            return found->second;
        },
        chosen);
}

texts lines_of(const config::loaded& loaded) {
    texts lines;
    for (const auto& each : loaded.mistakes) lines.push_back(config::describe(each, "f"));
    return lines;
}

texts mistakes_of(std::string_view text, variables given = {}, const flags& chosen = {}) {
    return lines_of(load(text, std::move(given), chosen));
}

/// Every member of the settings as text, so that two of them can be compared whole.
texts members_of(const config::settings& all) {
    texts out;
    const auto number = [&out](auto value) { out.push_back(std::to_string(value)); };
    const auto time = [&out](roomcast::core::duration value) {
        out.push_back(std::to_string(value.count()) + " us");
    };
    const auto list = [&out](const texts& items) {
        out.emplace_back("[");
        out.insert(out.end(), items.begin(), items.end());
        out.emplace_back("]");
    };
    const auto rate = [&](const roomcast::server::rate& value) {
        time(value.interval);
        // a rate that is off has no burst
        number(value.is_off() ? 1 : value.burst);
    };
    const auto& io = all.server;
    out.insert(out.end(), {io.host, io.path, io.cookie.name, io.cookie.path, io.cookie.same_site, all.service,
                           all.auth.user_room, all.auth.missing, all.auth.invalid});
    number(io.port);
    number(io.threads);
    for (const bool each :
         {io.add_trailing_slash, io.allow_polling, io.allow_websocket, io.session.allow_upgrade,
          io.cors.credentials, io.cookie.is_http_only, io.cookie.is_secure, io.recovery.is_enabled,
          io.recovery.skip_middlewares, io.forget_empty_namespaces, all.auth.is_optional,
          all.auth.checks_origin, all.skips_middlewares.has_value()}) {
        number(each);
    }
    for (const auto each :
         {io.session.ping_interval, io.session.ping_timeout, io.session.upgrade_timeout,
          io.session.close_timeout, io.connect_timeout, io.stop_timeout, io.recovery.max_disconnection,
          io.http.request_timeout, io.http.keep_alive_timeout, io.http.close_timeout, all.auth.expiry_notice,
          all.auth.max_lifetime}) {
        time(each);
    }
    const auto& api = all.api;
    list(api.secrets);
    out.insert(out.end(), {api.prefix, api.host});
    number(api.port ? static_cast<int>(*api.port) : -1);
    number(api.has_tls);
    number(api.is_on_socket_port ? static_cast<int>(*api.is_on_socket_port) : -1);
    number(api.max_body_bytes);
    number(api.max_batch);
    number(api.max_answers);
    rate(api.rate_per_address);
    time(api.revoke_for);
    time(api.keep_answers);
    number(all.state.is_general);
    time(all.state.keep_verdicts);
    rate(all.state.rate_per_address);
    const auto& bounds = io.session.bounds;
    for (const std::uint64_t each : {std::uint64_t{bounds.max_payload_bytes},
                                     std::uint64_t{bounds.max_packets_per_payload},
                                     std::uint64_t{bounds.max_attachments},
                                     std::uint64_t{bounds.max_json_depth},
                                     std::uint64_t{bounds.max_namespace_bytes},
                                     std::uint64_t{bounds.max_acks_in_flight},
                                     std::uint64_t{bounds.max_namespaces_per_connection},
                                     std::uint64_t{bounds.max_pending_events},
                                     std::uint64_t{bounds.max_pending_event_bytes},
                                     std::uint64_t{bounds.max_fragments},
                                     io.session.max_queue_bytes,
                                     std::uint64_t{io.max_rooms_per_socket},
                                     std::uint64_t{io.max_room_name_bytes},
                                     std::uint64_t{io.max_connections},
                                     std::uint64_t{io.max_sessions_per_address},
                                     std::uint64_t{io.http.max_header_bytes},
                                     std::uint64_t{io.http.max_headers},
                                     std::uint64_t{io.recovery.max_events},
                                     io.recovery.max_bytes,
                                     std::uint64_t{io.recovery.max_sessions},
                                     std::uint64_t{io.cors.max_age_s},
                                     std::uint64_t{all.limits.connections_per_user},
                                     std::uint64_t{all.limits.once_keys},
                                     all.limits.retained_bytes,
                                     all.limits.presence_bytes,
                                     all.snapshot_max_bytes,
                                     std::uint64_t{all.limits.forwards}}) {
        number(each);
    }
    const auto& compression = io.compression;
    out.insert(out.end(), {io.tls.certificate_file, io.tls.key_file});
    time(io.tls.handshake_timeout);
    for (const bool each : {io.proxy_protocol, compression.websocket.is_enabled,
                            compression.websocket.server_no_context_takeover,
                            compression.websocket.client_no_context_takeover, compression.http.is_enabled}) {
        number(each);
    }
    for (const int each : {compression.websocket.level, compression.websocket.window_bits,
                           compression.websocket.memory_level, compression.http.level}) {
        number(each);
    }
    for (const std::size_t each : {compression.websocket.threshold, compression.http.threshold}) number(each);
    number(io.socket_mode);
    list(io.trusted_proxies);
    number(static_cast<int>(io.slow_consumer));
    number(static_cast<int>(all.page));
    number(static_cast<int>(all.private_addresses));
    out.push_back(all.ca_file);
    out.push_back(all.snapshot_file);
    number(static_cast<int>(all.metrics));
    out.push_back(all.metrics_token);
    out.insert(out.end(), {all.admin.username, all.admin.password, all.admin.name_space});
    number(static_cast<int>(all.admin.mode));
    number(all.admin.is_read_only);
    const roomcast::server::upstream_options& upstream = all.server.upstream;
    out.push_back(upstream.host);
    number(upstream.port);
    number(upstream.is_enabled);
    number(upstream.preserves_host);
    number(upstream.max_connections);
    for (const auto each : {upstream.connect_timeout, upstream.response_timeout, upstream.idle_timeout,
                            upstream.keep_alive_timeout}) {
        time(each);
    }
    number(static_cast<int>(all.log.level));
    number(static_cast<int>(all.log.format));
    number(all.log.sampling.burst);
    number(all.log.sampling.interval_ms);
    for (const auto& [scope, level] : all.log.scopes) {
        out.emplace_back(scope);
        out.emplace_back(name_of(level));
    }
    time(all.drain_delay);
    time(all.drain_window);
    number(static_cast<int>(all.limits.over));
    number(static_cast<int>(all.auth.on_expiry));
    for (const auto& each : {io.connect_rate_per_address, all.limits.events_per_socket,
                             all.limits.events_per_user, all.limits.events_per_address}) {
        rate(each);
    }
    for (const auto& each : {io.cors.origins, io.cors.methods, io.cors.allowed_headers,
                             io.cors.exposed_headers, all.auth.revoked_users, all.auth.revoked_sessions}) {
        list(each);
    }
    return out;
}

std::string as_outside_text(const config::json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::string joined;
    for (const auto& item : value) joined += (joined.empty() ? "" : ",") + item.get<std::string>();
    return joined;
}

bool is_read_elsewhere(const config::setting_description& each) {
    // providers, schemas, namespaces, state and webhooks
    return each.kind == "yaml" && each.path != "log.levels";
}

/// What the schema says of a setting.
const config::json& schema_of(const std::string& path) {
    const config::json* at = &config::schema();
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t dot = std::min(path.find('.', begin), path.size());
        at = &at->at("properties").at(path.substr(begin, dot - begin));
        begin = dot + 1;
    }
    return *at;
}

/// A value of each kind that no default is.
std::string another_value(const config::setting_description& of) {
    if (of.path == "path" || of.path == "api.prefix") return "/elsewhere";
    if (of.path == "upstream.url") return "http://127.0.0.1:3999";
    if (of.path == "admin.namespace") return "/elsewhere";
    if (of.path == "admin.password") return "another-password";
    if (of.path == "transports") return "websocket";
    if (of.path == "socket_mode") return "0600";
    if (of.path == "log.levels") return "auth=debug, http=off";
    if (of.path == "trusted_proxies") return "10.0.0.0/8, unix";
    if (const auto words = schema_of(of.path).find("enum"); words != schema_of(of.path).end()) {
        const config::json& last = words->back();
        return (last == of.otherwise ? words->front() : last).get<std::string>();
    }
    if (of.kind == "duration") return "1234ms";
    if (of.kind == "size") return "12345";
    if (of.kind == "number") {
        const std::uint64_t most = schema_of(of.path).value("maximum", std::uint64_t{77});
        const std::string chosen = std::to_string(std::min<std::uint64_t>(most, 77));
        return of.otherwise == std::min<std::uint64_t>(most, 77) ? std::to_string(most - 1) : chosen;
    }
    if (of.kind == "boolean") return of.otherwise == true ? "false" : "true";
    if (of.kind == "rate") return "7/s burst 9";
    if (of.kind == "list") return "one, two";
    return "another";
}

} // namespace

// ---- The schema and the settings are the same list

TEST(Settings, EveryDescribedSettingHasAPlaceAndEveryPlaceIsDescribed) {
    std::set<std::string> described;
    for (const auto& each : config::described_settings()) {
        if (!is_read_elsewhere(each)) described.insert(each.path);
    }
    std::set<std::string> settable;
    for (const auto& each : config::settable_paths()) settable.emplace(each);
    EXPECT_EQ(described, settable);
}

TEST(Settings, EveryDescribedDefaultIsTheDefaultInForce) {
    const texts without = members_of(load("").chosen);
    for (const auto& each : config::described_settings()) {
        if (each.otherwise.is_null()) continue;
        const auto with = load("", {}, {{each.path, as_outside_text(each.otherwise)}});
        EXPECT_EQ(lines_of(with), texts{}) << each.path;
        EXPECT_EQ(members_of(with.chosen), without) << each.path;
    }
}

TEST(Settings, EverySettingIsTakenFromFileVariableAndFlagAlike) {
    const texts without = members_of(load("").chosen);
    for (const auto& each : config::described_settings()) {
        if (is_read_elsewhere(each)) continue;
        const std::string value = another_value(each);
        const auto flagged = load("", {}, {{each.path, value}});
        EXPECT_EQ(lines_of(flagged), texts{}) << each.path;
        const texts expected = members_of(flagged.chosen);
        EXPECT_NE(expected, without) << each.path;
        ASSERT_FALSE(each.variables.empty()) << each.path;
        for (const std::string& name : each.variables) {
            EXPECT_EQ(members_of(load("", {{name, value}}).chosen), expected) << name;
        }
        // A group for each part of the path.
        std::string file = each.kind == "list" ? '[' + value + ']' : config::json(value).dump();
        for (std::size_t end = each.path.size(); end != std::string::npos;) {
            const std::size_t dot = end == 0 ? std::string::npos : each.path.rfind('.', end - 1);
            const std::size_t begin = dot == std::string::npos ? 0 : dot + 1;
            file = '{' + each.path.substr(begin, end - begin) + ": " + file + '}';
            end = dot;
        }
        const auto filed = load(file);
        EXPECT_EQ(lines_of(filed), texts{}) << file;
        EXPECT_EQ(members_of(filed.chosen), expected) << file;
    }
}

TEST(Settings, VariablesBelongToOneSettingEach) {
    std::set<std::string> seen;
    for (const auto& each : config::described_settings()) {
        for (const std::string& name : each.variables) EXPECT_TRUE(seen.insert(name).second) << name;
    }
}

TEST(Settings, VariablesOfTheGuidesMeanWhatTheyMeanThere) {
    const auto ports = [](const variables& given) { return load("", given).chosen.server.port; };
    EXPECT_EQ(ports({{"PORT", "4001"}}), 4001);
    EXPECT_EQ(ports({{"WS_PORT", "4002"}}), 4002);
    EXPECT_EQ(ports({{"SOCKET_PORT", "4003"}}), 4003);
    EXPECT_EQ(ports({{"PORT", "4001"}, {"WS_PORT", "4002"}, {"SOCKET_PORT", "4003"}}), 4002);
    EXPECT_EQ(ports({{"PORT", "4001"}, {"SOCKET_PORT", "4003"}}), 4003);
    EXPECT_EQ(load("", {{"SOCKET_IO_PATH", "/api/socketio"}}).chosen.server.path, "/api/socketio");
    EXPECT_EQ(load("", {{"SOCKET_IO_CORS_ORIGIN", "https://a.example"}}).chosen.server.cors.origins,
              texts{"https://a.example"});
    EXPECT_EQ(
        load("", {{"ALLOWED_ORIGINS", "http://localhost:3000,https://b.example"}}).chosen.server.cors.origins,
        (texts{"http://localhost:3000", "https://b.example"}));
}

TEST(Settings, VariablesThatDoNothingYetAreRemarkedOn) {
    const auto loaded = load("", {{"REDIS_URL", "redis://x"}, {"REDIS_MASTER_NAME", "m"}});
    EXPECT_EQ(loaded.mistakes.size(), 0U);
    ASSERT_EQ(loaded.remarks.size(), 2U);
    EXPECT_EQ(config::describe(loaded.remarks[0], "f"),
              "REDIS_URL: it is set, but this version does nothing with it yet");
}

TEST(Settings, TrustedProxiesAreAddressesAndNetworks) {
    EXPECT_EQ(load("trusted_proxies: [10.0.0.0/8, '::1', unix]").chosen.server.trusted_proxies,
              (texts{"10.0.0.0/8", "::1", "unix"}));
    for (const char* bad : {"localhost", "10.0.0.0/40", "10.0.0.0/8 10.1.0.0/16", "*"}) {
        const auto mistakes = mistakes_of("trusted_proxies: ['" + std::string{bad} + "']");
        ASSERT_EQ(mistakes.size(), 1U) << bad;
        EXPECT_NE(mistakes[0].find("expected a list of addresses and networks"), std::string::npos)
            << mistakes[0];
    }
}

TEST(Settings, AnOriginLosesTheSlashAtItsEnd) {
    EXPECT_EQ(
        load("cors: {origin: ['https://a.example/', '*', 'http://b:3000//']}").chosen.server.cors.origins,
        (texts{"https://a.example", "*", "http://b:3000"}));
    EXPECT_EQ(
        load("", {{"ALLOWED_ORIGINS", "https://a.example/,https://b.example"}}).chosen.server.cors.origins,
        (texts{"https://a.example", "https://b.example"}));
}

TEST(Settings, ASocketModeIsOctalInQuotesOrWithout) {
    EXPECT_EQ(load("socket_mode: '0640'").chosen.server.socket_mode, 0640U);
    EXPECT_EQ(load("socket_mode: '777'").chosen.server.socket_mode, 0777U);
    EXPECT_EQ(load("socket_mode: 600").chosen.server.socket_mode, 0600U);
    for (const char* bad : {"'0888'", "'rw'", "'07777'", "'-1'", "9", "[1]"}) {
        EXPECT_EQ(mistakes_of("socket_mode: " + std::string{bad}).size(), 1U) << bad;
    }
}

TEST(Settings, ScopesOfTheLogHaveLevelsAsAMapAndAsText) {
    using level = roomcast::server::base::log_level;
    const auto of_map = load("log: {levels: {auth: debug, http: off}}").chosen.log.scopes;
    ASSERT_EQ(of_map.size(), 2U);
    EXPECT_EQ(of_map[1], (std::pair<std::string_view, level>{"http", level::off}));
    EXPECT_EQ(load("", {{"LOG_LEVELS", " auth=debug , http=off "}}).chosen.log.scopes, of_map);
    EXPECT_EQ(load("", {{"LOG_LEVELS", "{auth: debug, http: off}"}}).chosen.log.scopes, of_map);
    EXPECT_TRUE(load("log: {levels: {}}").chosen.log.scopes.empty());
    for (const char* bad :
         {"auth", "auth=", "=debug", "auth=loud", "nobody=debug", "auth=debug,,", "auth debug", ":"}) {
        EXPECT_EQ(mistakes_of(std::string{"log: {levels: \""} + bad + "\"}").size(), 1U) << bad;
    }
}

TEST(Settings, MistakesTellNoSecret) {
    for (const char* text : {"admin: {password: hidden}", "upstream: {url: 'http://a:hidden@b/'}",
                             "upstream: {url: 'a:hidden@b'}", "upstream: {url: 'http://b/?token=hidden'}",
                             "api: {secret: ['hidden', '']}"}) {
        const auto mistakes = mistakes_of(text);
        ASSERT_EQ(mistakes.size(), 1U) << text;
        EXPECT_EQ(mistakes[0].find("hidden"), std::string::npos) << mistakes[0];
    }
}

TEST(Settings, CompressionIsOffUntilItIsChosen) {
    const auto& plain = load("").chosen.server.compression;
    EXPECT_FALSE(plain.websocket.is_enabled || plain.http.is_enabled);
    const auto& chosen =
        load("compression: {websocket: {enabled: true, level: 1}}").chosen.server.compression;
    EXPECT_TRUE(chosen.websocket.is_enabled && !chosen.http.is_enabled && chosen.websocket.level == 1);
    EXPECT_EQ(mistakes_of("compression: {websocket: {level: 10}}").size(), 1U);
    EXPECT_EQ(mistakes_of("compression: {websocket: {window_bits: 8}}").size(), 1U);
}

// ---- Precedence

TEST(Settings, FlagsComeBeforeEnvironmentBeforeFileBeforeDefault) {
    EXPECT_EQ(load("").chosen.server.port, 3001);
    EXPECT_EQ(load("port: 1").chosen.server.port, 1);
    EXPECT_EQ(load("port: 1", {{"PORT", "2"}}).chosen.server.port, 2);
    EXPECT_EQ(load("port: 1", {{"PORT", "2"}, {"ROOMCAST_PORT", "3"}}).chosen.server.port, 3);
    EXPECT_EQ(load("port: 1", {{"PORT", "2"}, {"ROOMCAST_PORT", "3"}}, {{"port", "4"}}).chosen.server.port,
              4);
}

TEST(Settings, AnEmptyVariableIsAsGoodAsNone) {
    EXPECT_EQ(load("port: 1", {{"ROOMCAST_PORT", ""}, {"PORT", "2"}}).chosen.server.port, 2);
}

TEST(Settings, ALaterFlagWins) {
    EXPECT_EQ(load("", {}, {{"port", "4"}, {"port", "5"}}).chosen.server.port, 5);
}

TEST(Settings, AFlagThatIsNoSettingIsAMistake) {
    EXPECT_EQ(mistakes_of("", {}, {{"prt", "4"}}), (texts{"prt: no such setting"}));
}

// ---- Forms of a file

TEST(Settings, NothingGivenMeansDefaults) {
    for (const char* nothing : {"", "# a comment\n", "---\n", "null", "cors:\nlimits:\n"}) {
        EXPECT_EQ(mistakes_of(nothing), texts{}) << nothing;
        EXPECT_EQ(members_of(load(nothing).chosen), members_of(config::settings{})) << nothing;
    }
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
    EXPECT_EQ(loaded.chosen.server.cors.origins, (texts{"https://a", "https://b"}));
}

TEST(Settings, AQuotedWordIsText) {
    EXPECT_EQ(load("service: \"7\"").chosen.service, "7");
    EXPECT_EQ(mistakes_of("service: 7"), (texts{"f:1: service: expected a text"}));
}

TEST(Settings, OneOriginNeedsNoList) {
    EXPECT_EQ(load("cors: {origin: https://a}").chosen.server.cors.origins, texts{"https://a"});
}

TEST(Settings, AListInAVariableIsPartedByCommas) {
    const auto loaded =
        load("", {{"ROOMCAST_TRANSPORTS", "websocket"}, {"ROOMCAST_CORS_ORIGIN", "http://a, http://b,"}});
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_FALSE(loaded.chosen.server.allow_polling);
    EXPECT_EQ(loaded.chosen.server.cors.origins, (texts{"http://a", "http://b"}));
}

TEST(Settings, AliasesStandForWhatTheyName) {
    const auto loaded = load("ping: {interval: &t 7s, timeout: *t}");
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_EQ(loaded.chosen.server.session.ping_timeout, 7s);
}

TEST(Settings, AVariableMayHoldNamespaces) {
    const auto loaded = load("", {{"ROOMCAST_NAMESPACES", "{/a: {events: {e: {do: [{ack: [1]}]}}}}"}});
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_TRUE(loaded.chosen.whole->root["namespaces"]["/a"]["events"].contains("e"));
}

TEST(Settings, RecoveryAsksAgainForASignInWhenThereIsAuth) {
    EXPECT_TRUE(load("").chosen.server.recovery.skip_middlewares);
    EXPECT_FALSE(
        load("auth: {providers: {a: {type: jwt, secret: x}}}").chosen.server.recovery.skip_middlewares);
    EXPECT_TRUE(load("auth: {providers: {a: {type: jwt, secret: x}}}\nrecovery: {skip_middlewares: true}")
                    .chosen.server.recovery.skip_middlewares);
}

// ---- Variables in values

TEST(Settings, ExpandsVariablesWithDefaults) {
    EXPECT_EQ(load("port: ${MY_PORT}", {{"MY_PORT", "5000"}}).chosen.server.port, 5000);
    EXPECT_EQ(load("port: ${MY_PORT:-5001}").chosen.server.port, 5001);
    EXPECT_EQ(load("port: ${MY_PORT:-5001}", {{"MY_PORT", ""}}).chosen.server.port, 5001);
    EXPECT_EQ(load("service: a ${X} b ${Y:-} c", {{"X", "x"}}).chosen.service, "a x b  c");
}

TEST(Settings, ADoubledDollarIsNoVariable) {
    EXPECT_EQ(load("service: $${X} $5").chosen.service, "${X} $5");
}

TEST(Settings, AVariableThatIsNotSetIsNamedOnce) {
    const texts named{"f:1: port: the environment variable NOWHERE is not set, and there is no default"};
    EXPECT_EQ(mistakes_of("port: ${NOWHERE}"), named);
}

TEST(Settings, AVariableIsNotExpandedTwice) {
    EXPECT_EQ(load("service: ${A}", {{"A", "${B}"}, {"B", "b"}}).chosen.service, "${B}");
}

TEST(Settings, WhatAVariableHoldsIsTextWhateverItLooksLike) {
    EXPECT_EQ(load("service: ${A}", {{"A", "true"}}).chosen.service, "true");
    EXPECT_EQ(load("service: ${A}", {{"A", "[1"}}).chosen.service, "[1");
}

TEST(Settings, AnOpenVariableIsAMistake) {
    EXPECT_EQ(mistakes_of("service: ${A"), (texts{"f:1: service: a } behind ${"}));
}

// ---- Mistakes

TEST(Settings, EveryMistakeIsReportedWithItsLine) {
    texts lines = mistakes_of("port: 70000\nprt: 1\nping:\n  intervall: 5\n  timeout: soon\n"
                              "transports: [carrier-pigeon]\ncors: 5\nthreads: [1]\n");
    std::sort(lines.begin(), lines.end());
    ASSERT_EQ(lines.size(), 7U);
    EXPECT_EQ(lines[0].substr(0, 51), "f:1: port: expected a port number, 0 to 65535 (0: a");
    EXPECT_EQ(lines[1].substr(0, 26), "f:2: prt: no such setting;");
    EXPECT_EQ(lines[2], "f:4: ping.intervall: no such setting; there are interval, timeout");
    EXPECT_EQ(lines[3].substr(0, 79),
              "f:5: ping.timeout: expected a time, e.g. 25s, 500ms or a number of milliseconds");
    EXPECT_EQ(lines[4].substr(0, 60), "f:6: transports: expected a list of polling and websocket, n");
    EXPECT_EQ(lines[5].substr(0, 10), "f:7: cors:");
    EXPECT_EQ(lines[6].substr(0, 22), "f:8: threads: expected");
}

TEST(Settings, BrokenYamlNamesTheLine) {
    const auto lines = mistakes_of("port: 1\n  host: [\n");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].substr(0, 13), "f:2: not YAML");
}

TEST(Settings, AMistakeOfTheFileIsOneThoughAVariableStandsInForIt) {
    const auto lines = mistakes_of("port: high", {{"PORT", "2"}});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].substr(0, 30), "f:1: port: expected a port num");
    EXPECT_EQ(mistakes_of("port: high", {{"PORT", "http"}}).size(), 2U);
}

TEST(Settings, AMistakeInAVariableNamesTheVariable) {
    const auto lines = mistakes_of("", {{"PORT", "http"}});
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].substr(0, 49), "PORT: expected a port number, 0 to 65535 (0: any ");
}

TEST(Settings, AKeyThatStandsTwiceIsAMistakeAtItsSecondPlace) {
    EXPECT_EQ(mistakes_of("port: 1\nhost: a\nport: 2\n"),
              (texts{"f:3: port: this key once: it stands here twice"}));
}

TEST(Settings, MistakesInRulesNameTheAction) {
    texts lines = mistakes_of("namespaces:\n"
                              "  chat: {}\n"
                              "  /a:\n"
                              "    events:\n"
                              "      x:\n"
                              "        do:\n"
                              "          - shout: loud\n"
                              "          - emit: { to: r }\n"
                              "          - ack: 5\n"
                              "          - join: a\n"
                              "            leave: b\n");
    std::sort(lines.begin(), lines.end());
    ASSERT_EQ(lines.size(), 5U);
    EXPECT_EQ(lines[0].substr(0, 50), "f:10: namespaces./a.events.x.do[3]: expected one a");
    EXPECT_EQ(lines[1], "f:2: namespaces.chat: a namespace begins with /, a pattern with ^");
    EXPECT_EQ(lines[2].substr(0, 64), "f:7: namespaces./a.events.x.do[0].shout: no such action; there a");
    EXPECT_EQ(lines[3].substr(0, 60), "f:8: namespaces./a.events.x.do[1].emit: `event` is missing: ");
    EXPECT_EQ(lines[4].substr(0, 48), "f:9: namespaces./a.events.x.do[2].ack: expected ");
}

TEST(Settings, WhatIsWrongIsTakenOutForThoseWhoReadOn) {
    const auto loaded =
        load("port: high\nnamespaces:\n  /: {closed: 5, events: {a: {do: [5, {ack: []}]}}}\n");
    EXPECT_EQ(loaded.mistakes.size(), 3U);
    const auto& space = loaded.chosen.whole->root["namespaces"]["/"];
    EXPECT_FALSE(space.contains("closed"));
    EXPECT_EQ(space["events"]["a"]["do"].dump(), R"([null,{"ack":[]}])");
}

TEST(Settings, AddNewLeavesOutWhatFollowsFromAKnownMistake) {
    std::vector<config::mistake> known{{{"a.b", 1}, "first"}, {{"auth.providers.p.secret", 2}, "not set"}};
    config::add_new({{{"a.b", 1}, "x"},
                     {{"a.b[0].c", 1}, "x"},
                     {{"a.bc", 1}, "new"},
                     {{"a", 1}, "new"},
                     {{"auth.providers.p", 2}, "x"},
                     {{"auth.providers.q", 2}, "new"}},
                    known);
    texts paths;
    for (const auto& each : known) paths.push_back(each.at.path + ' ' + each.expected);
    EXPECT_EQ(paths, (texts{"a.b first", "auth.providers.p.secret not set", "a.bc new", "a new",
                            "auth.providers.q new"}));
}

// ---- Files that mean no good

TEST(Settings, StrangeYamlIsAMistakeNotACrash) {
    for (const char* strange :
         {"[1, 2]", "just text", "5", "port: {a: 1}", "? [a]\n: 1\n", "namespaces: [1]",
          "namespaces: {/a: {events: {e: 5}}}", "namespaces: {/a: {events: {e: {do: [[1]]}}}}",
          "auth: {providers: [1]}", "auth: {providers: {a: 5}}", "auth: {providers: {a: {}}}",
          "schemas: {a: 5}", "port: !!binary aGk=", "service: !tag 5", "a: &x [*x]", "%YAML 9.9", "\xff\xfe",
          "port: \t1\n\t- 2"}) {
        EXPECT_FALSE(mistakes_of(strange).empty()) << strange;
    }
}

TEST(Settings, DeepNestingIsAMistake) {
    EXPECT_FALSE(mistakes_of(std::string(5000, '[')).empty());
    EXPECT_FALSE(mistakes_of(std::string(5000, '[') + std::string(5000, ']')).empty());
    std::string blocks;
    for (std::size_t i = 0; i < 300; ++i) blocks += std::string(i, ' ') + "a:\n";
    EXPECT_FALSE(mistakes_of(blocks).empty());
}

TEST(Settings, AliasesThatMultiplyAreStopped) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += 'a' + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int n = 0; n < 10; ++n) bomb += before + ", ";
        bomb += before + "]\n";
    }
    const texts lines = mistakes_of(bomb);
    EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& each) {
        return each.find("the file is too large") != std::string::npos;
    }));
}

TEST(Settings, AnAliasOfItselfIsAMistake) {
    EXPECT_FALSE(mistakes_of("schemas: &s {a: *s}").empty());
    EXPECT_FALSE(mistakes_of("cors: {origin: &o [*o, *o]}").empty());
}

TEST(Settings, AHugeTextIsAMistake) {
    const std::string huge(config::document::max_value_bytes + 1, 'x');
    EXPECT_EQ(mistakes_of("service: " + huge), (texts{"f:1: service: a text of at most 8192 bytes"}));
    EXPECT_EQ(mistakes_of("service: ${A}", {{"A", huge}}),
              (texts{"f:1: service: a text of at most 8192 bytes"}));
    EXPECT_EQ(mistakes_of("service: " + huge.substr(1)), texts{});
}

TEST(Settings, AHugeNameIsAMistake) {
    const std::string huge(config::document::max_key_bytes + 1, 'x');
    EXPECT_EQ(mistakes_of("schemas:\n  ? " + huge + "\n  : {}\n"),
              (texts{"f:2: schemas: names in UTF-8, of at most 1024 bytes"}));
}

TEST(Settings, TextThatIsNotUtf8IsAMistake) {
    for (const char* bad : {"service: \"\xff\"", "service: \"a\xc3(\"", "namespaces: {\"/\xff\": {}}",
                            "schemas: {A: {const: \"\xc0\xaf\"}}"}) {
        EXPECT_EQ(mistakes_of(bad), (texts{"f:1: not a text in UTF-8"}));
    }
    EXPECT_EQ(mistakes_of("port: 1\nservice: a\nhost: \xff\n"), (texts{"f:3: not a text in UTF-8"}));
}

TEST(Settings, ASecondDocumentIsAMistakeAtItsLine) {
    EXPECT_EQ(mistakes_of("port: 1\n---\nhost: a\n"),
              (texts{"f:3: one document in the file: here begins another"}));
    EXPECT_EQ(mistakes_of("---\nport: 1\n...\n"), texts{});
    EXPECT_EQ(mistakes_of("---\nport: 1\n---\n"), texts{});
}

TEST(Settings, AVariableThatIsNotUtf8IsAMistake) {
    EXPECT_FALSE(mistakes_of("service: ${A}", {{"A", "\xff"}}).empty());
    EXPECT_FALSE(mistakes_of("", {{"ROOMCAST_SERVICE", "\xff"}}).empty());
}

// ---- Times, sizes and rates

TEST(Settings, TimesHaveUnits) {
    EXPECT_EQ(config::duration_of("250"), 250ms);
    EXPECT_EQ(config::duration_of("250ms"), 250ms);
    EXPECT_EQ(config::duration_of("2 s"), 2s);
    EXPECT_EQ(config::duration_of("3m"), 3min);
    EXPECT_EQ(config::duration_of("4h"), 4h);
    EXPECT_EQ(config::duration_of("5d"), 120h);
    EXPECT_EQ(config::duration_of("365d"), 8760h);
}

TEST(Settings, TimesThatAreNoneAreRefused) {
    for (const char* bad : {"", "s", "-1", "1.5s", "1x", "1 s s", "1e3", "366d", "18446744073709551616",
                            "99999999999999999999d", "18446744073709551615m", " 1s", "0x10"}) {
        EXPECT_EQ(config::duration_of(bad), std::nullopt) << bad;
    }
}

TEST(Settings, SizesHaveUnits) {
    const auto payload = [](const std::string& text) {
        return load("", {}, {{"limits.payload", text}}).chosen.server.session.bounds.max_payload_bytes;
    };
    EXPECT_EQ(payload("77"), 77U);
    EXPECT_EQ(payload("64KiB"), 65'536U);
    EXPECT_EQ(payload("64kB"), 64'000U);
    EXPECT_EQ(payload("2MiB"), 2U << 20U);
    EXPECT_EQ(payload("1gb"), 1'000'000'000U);
}

TEST(Settings, SizesThatAreNoneAreRefused) {
    for (const char* bad : {"-1", "1.5MB", "1XB", "99999999999999999999", "999999999999999999GB", "0", ""}) {
        EXPECT_FALSE(mistakes_of("limits: {payload: \"" + std::string{bad} + "\"}").empty()) << bad;
    }
}

TEST(Settings, RatesHaveAPeriodAndABurst) {
    const auto is = [](const char* text, roomcast::core::duration interval, std::uint32_t burst) {
        const auto found = config::rate_of(text);
        return found && found->interval == interval && found->burst == burst;
    };
    EXPECT_TRUE(is("10/s", 100ms, 10));
    EXPECT_TRUE(is("10/s burst 20", 100ms, 20));
    EXPECT_TRUE(is("5/10s", 2s, 5));
    EXPECT_TRUE(is("100/m", 600ms, 100));
    EXPECT_TRUE(is("1/500ms", 500ms, 1));
    EXPECT_TRUE(is("10 / s burst 1", 100ms, 1));
    EXPECT_TRUE(is("1000000/s", 1us, 1'000'000));
    EXPECT_TRUE(config::rate_of("off")->is_off());
}

TEST(Settings, NoRateIsOffByAccident) {
    // The steps between two events are whole microseconds: more than that is no bound that can be held.
    for (const char* bad : {"1000000/ms", "1001/ms", "999999/ms"}) {
        const auto found = config::rate_of(bad);
        EXPECT_FALSE(found) << bad;
    }
}

TEST(Settings, RatesThatAreNoneAreRefused) {
    for (const char* bad : {"",
                            "10",
                            "/s",
                            "10/",
                            "0/s",
                            "10/s burst 0",
                            "10/s burst",
                            "-1/s",
                            "1.5/s",
                            "10/x",
                            "10/0s",
                            "1000001/s",
                            "10/s burst 1000001",
                            "99999999999999999999/s",
                            "1/99999999999999999999s",
                            "1/8760h burst 1000000",
                            "10/s/s",
                            "OFF",
                            "10/s brst 5",
                            "10/s burst 5 5"}) {
        EXPECT_EQ(config::rate_of(bad), std::nullopt) << bad;
    }
}

// ---- What is printed

TEST(Settings, WhatIsPrintedLoadsToTheSame) {
    for (const char* text :
         {"",
          "port: 4000\ncors: {origin: [https://a], credentials: true}\nlimits: {events_per_user: 5/s burst "
          "9}\n",
          "cors:\nping:\n", "service: \"tab\\t quote\\\" é \\u0001 # : - $${X} $$ ${A}\"\n",
          "transports: [websocket]\nrecovery: {enabled: true, skip_middlewares: false}\n",
          "auth: {optional: true, revoked_users: [a, \"7\"]}\n"}) {
        const auto first = load(text, {{"A", "$${x"}});
        EXPECT_EQ(lines_of(first), texts{}) << text;
        const std::string printed = config::print(first.chosen);
        const auto second = load(printed);
        EXPECT_EQ(lines_of(second), texts{}) << printed;
        EXPECT_EQ(members_of(second.chosen), members_of(first.chosen)) << printed;
    }
}

TEST(Settings, WhatIsPrintedKeepsEveryRule) {
    const auto first =
        load("schemas: {A: {const: null}}\n"
             "namespaces:\n"
             "  /: {events: {a: , b: {do: [{ack: [{x: null}]}]}}, presence: {payload: {x: null}}}\n"
             "  /empty:\n");
    EXPECT_EQ(lines_of(first), texts{});
    const auto second = load(config::print(first.chosen));
    EXPECT_EQ(lines_of(second), texts{});
    EXPECT_EQ(second.chosen.whole->root["namespaces"], first.chosen.whole->root["namespaces"]);
    EXPECT_EQ(second.chosen.whole->root["schemas"], first.chosen.whole->root["schemas"]);
}

TEST(Settings, WhatIsPrintedShowsNumbersAndBooleansOfVariablesAsSuch) {
    const auto chosen =
        load("cors: {credentials: \"${YES}\"}\nsocket_mode: '0640'\nservice: \"12\"\n",
             {{"PORT", "5001"}, {"YES", "on"}, {"ROOMCAST_THREADS", "2"}}, {{"recovery.enabled", "true"}});
    EXPECT_EQ(lines_of(chosen), texts{});
    const auto printed = config::json::parse(config::print(chosen.chosen));
    EXPECT_EQ(printed["port"].dump(), "5001");
    EXPECT_EQ(printed["threads"].dump(), "2");
    EXPECT_EQ(printed["cors"]["credentials"].dump(), "true");
    EXPECT_EQ(printed["recovery"]["enabled"].dump(), "true");
    EXPECT_EQ(printed["socket_mode"].dump(), "\"0640\"");
    EXPECT_EQ(printed["service"].dump(), "\"12\"");
}

TEST(Settings, WhatIsPrintedNamesDefaults) {
    const auto printed = config::json::parse(config::print(load("").chosen));
    EXPECT_EQ(printed["port"], 3001);
    EXPECT_EQ(printed["ping"]["interval"], "25s");
}

TEST(Settings, SecretsAreMasked) {
    const auto loaded = load(
        "auth:\n"
        "  providers:\n"
        "    a: {type: jwt, secret: TOPSECRET-1}\n"
        "    b: {type: jwt, secrets: [TOPSECRET-2, \"${S}\"]}\n"
        "    c: {type: callout, url: https://x, secret: TOPSECRET-4}\n"
        "namespaces:\n"
        "  /:\n"
        "    on_connect: [{forward: {url: https://x, secret: TOPSECRET-5, headers: {X-Key: TOPSECRET-6}}}]\n"
        "    events:\n"
        "      e: {do: [{once: {key: k, else: [{forward: {url: https://x, secret: TOPSECRET-7}}]}}]}\n"
        "  ^/p-.*: {on_disconnect: [{forward: {url: https://x, secret: TOPSECRET-8}}]}\n",
        {{"S", "TOPSECRET-3"}});
    const std::string printed = config::print(loaded.chosen);
    EXPECT_EQ(printed.find("TOPSECRET"), std::string::npos) << printed;
    const auto shown = config::json::parse(printed);
    EXPECT_EQ(shown["auth"]["providers"]["a"]["secret"], "***");
    EXPECT_EQ(shown["auth"]["providers"]["b"]["secrets"].dump(), R"(["***","***"])");
}

TEST(Settings, ThePasswordOfAUrlIsMasked) {
    const auto loaded = load("namespaces:\n"
                             "  /: {events: {e: {do: [{forward: \"https://user:TOPSECRET@x/y\"},\n"
                             "                       {forward: {url: \"https://user:TOPSECRET@x/y\"}}]}}}\n"
                             "auth: {providers: {c: {type: callout, url: \"https://u:TOPSECRET@x/y\"}}}\n");
    const std::string printed = config::print(loaded.chosen);
    EXPECT_EQ(printed.find("TOPSECRET"), std::string::npos) << printed;
    EXPECT_NE(printed.find("@x/y"), std::string::npos) << printed;
}

TEST(Settings, TheReferenceNamesEverySettingWithItsVariable) {
    const std::string reference = config::reference();
    for (const auto& each : config::described_settings()) {
        EXPECT_NE(reference.find(each.path + " (" + each.variables.front()), std::string::npos) << each.path;
    }
}

// ---- What a reload can change

TEST(Settings, FixedDifferencesNameWhatNeedsAStart) {
    const auto before = load("port: 4000\nping: {interval: 10s}\nlog: {level: info}\n");
    const auto after = load("port: 4001\nlog: {level: debug}\nlimits: {events_per_user: 5/s}\n");
    EXPECT_EQ(config::fixed_differences(before.chosen, after.chosen), (texts{"port", "ping.interval"}));
}

TEST(Settings, ADefaultThatIsSpelledOutIsNoDifference) {
    EXPECT_EQ(config::fixed_differences(load("").chosen, load("port: 3001\nping: {interval: 25s}\n").chosen),
              texts{});
    EXPECT_EQ(config::fixed_differences(load("").chosen, load("", {{"PORT", "3001"}}).chosen), texts{});
}
