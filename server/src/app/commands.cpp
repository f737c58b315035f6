#include "app/commands.hpp"

#include "app/health_check.hpp"
#include "auth/verifier.hpp"
#include "config/sense.hpp"
#include "contract/generate.hpp"
#include "rules/application.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <sstream>

namespace roomcast::server::app {

namespace {

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string{value};
}

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) return std::nullopt;
    (void)file.peek(); // a directory opens, but cannot be read
    if (file.bad()) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// Whether the files are there is for the machine that serves to say.
void check_tls(const config::settings& chosen, std::vector<config::mistake>& mistakes) {
    const tls_options& tls = chosen.server.tls;
    if (tls.certificate_file.empty() == tls.key_file.empty()) return;
    const bool lacks_key = tls.key_file.empty();
    mistakes.push_back({chosen.whole->at(lacks_key ? "/tls/certificate" : "/tls/key"),
                        std::string{"TLS needs a certificate and its key: set "} +
                            (lacks_key ? "tls.key" : "tls.certificate") + ", too"});
}

outbound::client* no_network(const config::settings&) {
    return nullptr;
}

} // namespace

std::unique_ptr<outbound::client> make_network(const config::settings& chosen) {
    outbound::client_options options;
    options.ca_file = chosen.ca_file;
    options.max_queued = chosen.limits.forwards;
    switch (chosen.private_addresses) {
    case config::private_reach::literal: options.how_far = outbound::reach::literal_only; break;
    case config::private_reach::intranet: options.how_far = outbound::reach::intranet; break;
    case config::private_reach::any: options.how_far = outbound::reach::nearby; break;
    }
    return std::make_unique<outbound::client>(std::move(options));
}

std::optional<prepared> prepare(const configuration_source& from, const network_source& network,
                                std::vector<std::string>& mistakes, rules::weak_secrets weak) {
    std::string text;
    if (!from.path.empty()) {
        auto content = read_file(from.path);
        if (!content) {
            mistakes.push_back("cannot read the configuration file " + from.path);
            return std::nullopt;
        }
        text = std::move(*content);
    }
    config::loaded loaded = config::load(text, variable, from.flags);
    prepared ready;
    std::vector<config::mistake>& remarks = loaded.remarks;
    std::vector<config::mistake> of_sense;
    config::check_sense(loaded.chosen, of_sense, remarks);
    config::add_new(std::move(of_sense), loaded.mistakes);
    std::vector<config::mistake> of_rules;
    outbound::client* const asks = loaded.mistakes.empty() ? network(loaded.chosen) : nullptr;
    ready.program = rules::program::compile(loaded.chosen, asks, of_rules, remarks, weak);
    config::add_new(std::move(of_rules), loaded.mistakes);
    std::vector<config::mistake> of_doors;
    ready.doors = api::doors::compile(loaded.chosen, ready.program.get(), of_doors, remarks);
    config::add_new(std::move(of_doors), loaded.mistakes);
    const config::admin_settings& admin = loaded.chosen.admin;
    if (ready.program && !admin.password.empty()) {
        for (const auto& space : ready.program->name_spaces()) {
            if (space->is_pattern || space->key != admin.name_space) continue;
            loaded.mistakes.push_back(
                {loaded.chosen.whole->at(config::pointer_to("/namespaces", admin.name_space)),
                 "this name is admin.namespace: choose another one for one of them"});
        }
    }
    check_tls(loaded.chosen, loaded.mistakes);
    ready.chosen = std::move(loaded.chosen);
    const auto by_line = [](const config::mistake& a, const config::mistake& b) {
        return a.at.line < b.at.line;
    };
    std::stable_sort(remarks.begin(), remarks.end(), by_line);
    for (const config::mistake& each : remarks) ready.remarks.push_back(config::describe(each, from.path));
    if (loaded.mistakes.empty()) return ready;
    std::stable_sort(loaded.mistakes.begin(), loaded.mistakes.end(), by_line);
    for (const config::mistake& each : loaded.mistakes) mistakes.push_back(config::describe(each, from.path));
    return std::nullopt;
}

std::optional<prepared> prepare_or_complain(const configuration_source& from, const network_source& network,
                                            rules::weak_secrets weak) {
    std::vector<std::string> mistakes;
    auto ready = prepare(from, network, mistakes, weak);
    for (const std::string& each : mistakes) std::fprintf(stderr, "%s\n", each.c_str());
    if (!ready) {
        std::fprintf(stderr, "roomcast-server: %zu mistake%s in the configuration\n", mistakes.size(),
                     mistakes.size() == 1 ? "" : "s");
    }
    return ready;
}

int check(const configuration_source& from) {
    const auto ready = prepare_or_complain(from, no_network);
    if (!ready) return exit_bad_configuration;
    for (const std::string& each : ready->remarks) std::printf("note: %s\n", each.c_str());
    std::printf("%s: no mistakes\n", from.path.c_str());
    return 0;
}

int print_config(const configuration_source& from) {
    const auto ready = prepare_or_complain(from, no_network);
    if (!ready) return exit_bad_configuration;
    std::fputs(config::print(ready->chosen).c_str(), stdout);
    return 0;
}

int verify(const configuration_source& from, const verify_request& what) {
    std::unique_ptr<outbound::client> network;
    const auto ready = prepare_or_complain(
        from,
        [&](const config::settings& chosen) {
            network = make_network(chosen);
            return network.get();
        },
        rules::weak_secrets::tolerated);
    if (!ready) return exit_bad_configuration;
    const rules::compiled_name_space* space = ready->program->find(what.name_space);
    if (space == nullptr) {
        std::fprintf(stderr, "roomcast-server: the configuration has no namespace %s\n",
                     what.name_space.c_str());
        return exit_bad_configuration;
    }
    if (space->verifier == nullptr) {
        std::puts(R"({"accepted":true,"user":null,"claims":{},"expires":null})");
        return 0;
    }
    auth::credentials given;
    given.cookie_header = what.cookie;
    given.authorization = what.authorization;
    given.token = what.token;
    const nlohmann::json payload =
        what.token.empty() ? nlohmann::json::object() : nlohmann::json{{"token", what.token}};
    const std::string payload_text = payload.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    given.auth_payload = payload_text;
    given.name_space = what.name_space;
    const std::int64_t now = what.now.value_or(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    auto said = std::make_shared<std::promise<auth::verdict>>();
    std::future<auth::verdict> verdict = said->get_future();
    space->verifier->verify(given, {now}, [said](auth::verdict one) { said->set_value(std::move(one)); });
    const auth::verdict got = verdict.get();
    nlohmann::json answer = auth::describe(got);
    const config::auth_settings& chosen = ready->chosen.auth;
    bool is_let_in = got.is_accepted();
    if (got.is_session_proven && !got.is_accepted()) {
        // The cookie is genuine, but whose it is only the app knows, and nobody is there to be asked.
        answer = {{"accepted", false}, {"reason", name_of(got.reason)}, {"detail", got.detail}};
    }
    if (got.reason == core::auth::reason::no_credential && space->is_sign_in_optional) {
        is_let_in = true;
        answer = {{"accepted", true},
                  {"user", nullptr},
                  {"claims", nlohmann::json::object()},
                  {"expires", nullptr}};
    }
    // As the server does behind the credential itself.
    rules::visitor who;
    who.is_user = got.is_accepted() && !got.who.id.empty();
    if (who.is_user) who.claims_json = got.who.claims;
    const auto refuse = [&answer](const char* why) {
        answer["accepted"] = false;
        answer["reason"] = why;
    };
    if (is_let_in && who.is_user &&
        rules::is_listed_as_revoked(chosen, got.who.id, rules::session_of(got.who))) {
        refuse("revoked");
    } else if (is_let_in && !rules::holds(space->allowed, who)) {
        refuse("forbidden");
    }
    std::printf("%s\n", answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return 0;
}

int health_check(const configuration_source& from, const std::string& url) {
    std::optional<health_place> place;
    if (!url.empty()) {
        place = health_place_at(url);
        if (!place) std::fprintf(stderr, "roomcast-server: %s is no http or https URL\n", url.c_str());
    } else {
        // Where it listens is known even if something else in the file would be refused.
        const std::string text = from.path.empty() ? "" : read_file(from.path).value_or("");
        const config::loaded loaded = config::load(text, variable, from.flags);
        for (const config::mistake& each : loaded.mistakes) {
            const bool is_of_a_flag =
                std::any_of(from.flags.begin(), from.flags.end(),
                            [&](const auto& flag) { return flag.first == each.at.path; });
            if (!is_of_a_flag || each.at.line > 0) continue;
            std::fprintf(stderr, "%s\n", config::describe(each, from.path).c_str());
            return exit_bad_configuration;
        }
        place = health_place_of(loaded.chosen);
        if (!place) {
            std::fputs("roomcast-server: the port is any free one: name the server with --url\n", stderr);
        }
    }
    if (!place) return exit_failure;
    // Less than what container engines give the whole command.
    constexpr std::chrono::seconds patience{3};
    const health_answer answer = ask_health(*place, patience);
    const std::string at = place->unix_path.empty() ? place->where.origin() : place->unix_path;
    if (answer.status != 0) {
        std::printf("%s: %u\n", at.c_str(), answer.status);
    } else {
        std::fprintf(stderr, "%s: %s\n", at.c_str(), answer.why.c_str());
    }
    constexpr unsigned ok = 200;
    return answer.status == ok ? 0 : exit_failure;
}

int contract(const configuration_source& from, const std::string& format) {
    const auto ready = prepare_or_complain(from, no_network, rules::weak_secrets::tolerated);
    if (!ready) return exit_bad_configuration;
    const nlohmann::json source = nlohmann::json::parse(ready->program->contract_json());
    std::string text;
    if (format == "ts") {
        config::json marked = config::json::parse(ready->program->contract_json());
        rules::mark_for_types(marked, ready->chosen);
        text = roomcast::server::contract::typescript(nlohmann::json::parse(marked.dump()));
    } else if (format == "cpp") {
        text = roomcast::server::contract::cpp(source);
    } else if (format == "asyncapi") {
        text = roomcast::server::contract::asyncapi(source,
                                                    {{"title", ready->chosen.service}, {"version", "1"}});
    } else {
        text = config::json::parse(ready->program->contract_json()).dump(2) + '\n';
    }
    std::fputs(text.c_str(), stdout);
    return 0;
}

} // namespace roomcast::server::app
