// roomcast-server: reads a configuration, runs the server it describes, ends on a signal.
#include "admin/desk.hpp"
#include "api/couriers.hpp"
#include "api/endpoint.hpp"
#include "api/state_reader.hpp"
#include "app/commands.hpp"
#include "app/pages.hpp"
#include "app/snapshot.hpp"
#include "base/log.hpp"
#include "config/schema.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

#include <CLI/CLI.hpp>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

namespace server = roomcast::server;
namespace app = roomcast::server::app;

/// Each connection is a file: takes as many as the system lets us have.
void raise_file_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
    files.rlim_cur = files.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &files) != 0) {
        server::base::log("app").warn("the limit of open files stays at {}", files.rlim_cur);
    }
}

/// Large buffers go back to the system when they are freed: what one burst took is not held for ever.
void return_memory_early() {
    constexpr int mapped_from_bytes = 64 << 10;
    constexpr int trimmed_from_bytes = 128 << 10;
    ::mallopt(M_MMAP_THRESHOLD, mapped_from_bytes);
    ::mallopt(M_TRIM_THRESHOLD, trimmed_from_bytes);
}

sigset_t handled_signals() {
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGHUP);
    return handled;
}

/// A second signal ends at once: as the system's default, which the first process of a container does not
/// have.
void end_at_next_signal() {
    struct sigaction at_once {};
    at_once.sa_handler = [](int signal) {
        ::raise(signal);
        ::_exit(128 + signal);
    };
    // The default is back, and the signal not held up, when the handler raises it again.
    at_once.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigaction(SIGINT, &at_once, nullptr);
    ::sigaction(SIGTERM, &at_once, nullptr);
}

/// Where the server is, for its operator.
std::string place_of(const std::string& host, std::uint16_t port) {
    return host.starts_with("unix:") ? host : host + ':' + std::to_string(port);
}

/// What an operator calls this server.
std::string name_of(const server::config::settings& chosen) {
    return chosen.service == "roomcast" ? "roomcast-server" : chosen.service;
}

/// What guides of applications say that one should see, in the form that they show.
void announce(const server::config::settings& chosen, std::uint16_t port) {
    server::base::logger& log = server::base::log("app");
    if (!log.is_on(server::base::log_level::info)) return;
    const server::options& by = chosen.server;
    std::vector<std::string> lines;
    if (port != 0) {
        const std::string number = std::to_string(port);
        lines.push_back("✓ Server running on port: " + number);
        lines.push_back(std::string{"✓ Health check: "} + (by.tls.is_on() ? "https" : "http") +
                        "://localhost:" + number + "/health");
    }
    if (!by.cors.origins.empty()) {
        std::string origins;
        for (const std::string& each : by.cors.origins) origins += (origins.empty() ? "" : ", ") + each;
        lines.push_back("✓ Allowed origins: " + origins);
    }
    lines.emplace_back("✓ Ready for connections!");
    const std::string rule(60, '=');
    if (!server::base::print(rule)) {
        for (const std::string& each : lines) log.info("{}", each);
        return;
    }
    server::base::print("🚀 " + name_of(chosen));
    server::base::print(rule);
    for (const std::string& each : lines) server::base::print(each);
    server::base::print(rule);
}

void use_log(const server::config::log_settings& chosen) {
    server::base::use_levels(chosen.level, chosen.scopes);
    server::base::use_format(chosen.format);
    server::base::use_sampling(chosen.sampling);
}

/// Certificate and key may have changed without a word of it in the configuration.
void reload_tls(const server::options& running, const server::options& wanted, server::server& io) {
    server::base::logger& log = server::base::log("app");
    if (running.tls.is_on() != wanted.tls.is_on()) {
        log.warn("tls has been switched {}; it takes effect when the server is started again",
                 wanted.tls.is_on() ? "on" : "off");
        return;
    }
    if (!wanted.tls.is_on()) return;
    try {
        io.reload_tls(wanted.tls);
        log.info("new connections get the certificate {}", wanted.tls.certificate_file);
    } catch (const std::system_error& error) {
        log.error("the certificate was not reloaded, the old one stays: {}", error.what());
    }
}

/// Takes a changed configuration, or says why not.
void reload(const app::configuration_source& from, const server::options& running, server::server& io,
            server::rules::application& rules, server::api::couriers& hooks, server::api::endpoint& api,
            server::api::state_reader& states) {
    server::base::logger& log = server::base::log("app");
    std::vector<std::string> mistakes;
    auto ready = app::prepare(
        from, [&](const server::config::settings&) { return rules.network(); }, mistakes);
    if (!ready) {
        for (const std::string& each : mistakes) log.error("{}", each);
        log.error("the configuration was not reloaded: {} mistake{}", mistakes.size(),
                  mistakes.size() == 1 ? "" : "s");
        return;
    }
    for (const std::string& each : ready->remarks) log.warn("{}", each);
    const auto fixed = server::config::fixed_differences(rules.current()->chosen(), ready->chosen);
    for (const std::string& each : fixed) {
        log.warn("{} has changed; it takes effect when the server is started again", each);
    }
    use_log(ready->chosen.log);
    reload_tls(running, ready->chosen.server, io);
    rules.replace(ready->program);
    hooks.replace(ready->doors->hooks);
    api.reload();
    states.replace(ready->doors);
    log.info("the configuration was reloaded");
}

/// With the words that people search for, and the variables of their guides.
std::string in_use(std::string_view host, bool is_for_api) {
    const std::string why = "EADDRINUSE: address already in use; ";
    const std::string setting = is_for_api ? "api.host" : "host";
    if (host.starts_with("unix:")) {
        return why + "another program listens on this socket: end it, or choose another path with `" +
               setting + ":`";
    }
    return why + "another program has the port: end it, or choose another one with " +
           (is_for_api ? "HTTP_PORT or `api.port:`" : "WS_PORT, PORT or `port:`");
}

int run(const app::configuration_source& from) {
    std::unique_ptr<server::outbound::client> network;
    auto ready = app::prepare_or_complain(from, [&](const server::config::settings& chosen) {
        network = app::make_network(chosen);
        return network.get();
    });
    if (!ready) return app::exit_bad_configuration;
    use_log(ready->chosen.log);
    server::base::logger& log = server::base::log("app");
    for (const std::string& each : ready->remarks) log.warn("{}", each);
    const server::config::settings& chosen = ready->chosen;

    raise_file_limit();
    return_memory_early();
    if (!chosen.snapshot_file.empty()) {
        try {
            app::check_place(chosen.snapshot_file);
        } catch (const std::system_error& error) {
            log.error("recovery.snapshot: {}; its folder must be there and writable", error.what());
            return app::exit_bad_configuration;
        }
    }

    server::rules::feed seen;
    server::api::couriers hooks; // hears from rules until these are gone
    server::rules::application rules{ready->program, std::move(network), seen};
    hooks.start(rules.network());
    hooks.replace(ready->doors->hooks);
    rules.tell(hooks);
    std::optional<server::admin::desk> admin;
    server::options how = chosen.server;
    how.private_room_prefix = ready->program->reserved_prefix();
    server::server io{std::move(how)};
    rules.install(io);
    if (!chosen.admin.password.empty()) admin.emplace(chosen.admin).install(io);
    server::api::endpoint api{io, rules, hooks};
    server::api::state_reader states{io, rules, ready->doors};
    states.install();
    std::uint16_t port = chosen.server.port;
    std::string host = chosen.server.host;
    std::optional<std::uint16_t> api_port;
    bool is_for_api = false;
    try {
        io.listen();
        if (chosen.api.port) {
            is_for_api = true;
            port = *chosen.api.port;
            if (!chosen.api.host.empty()) host = chosen.api.host;
        }
        api_port = api.install({app::is_probe, app::probes_of(io, rules, hooks)});
        server::app::serve_pages(io, rules, hooks, seen);
    } catch (const std::system_error& error) {
        const std::string why = error.code() != std::errc::address_in_use ? error.what()
                                : is_for_api && port == io.port() ? "the port for sockets is the same; "
                                                                    "without HTTP_PORT both share it"
                                                                  : in_use(host, is_for_api);
        log.error("cannot listen on {}: {}", place_of(host, port), why);
        // A certificate that cannot be read does not get better by another try, as a port may.
        return error.code() == std::errc::invalid_argument ? app::exit_bad_configuration
                                                           : app::exit_cannot_listen;
    }
    // Only who has the port: another process may still be at work with the file.
    if (!chosen.snapshot_file.empty()) {
        app::take_over(chosen.snapshot_file, chosen.snapshot_max_bytes, io, rules);
    }
    io.start();
    log.info("{} listening on {}, path {}/, {} thread{}", name_of(chosen),
             place_of(chosen.server.host, io.port()), chosen.server.path, io.threads(),
             io.threads() == 1 ? "" : "s");
    announce(chosen, io.port());
    if (api_port && chosen.api.is_on()) {
        log.info("HTTP API on {}:{}{}", host, *api_port, chosen.api.prefix);
    } else if (api_port) {
        log.info("/health on {}:{}, too; no HTTP API", host, *api_port);
    }
    const server::upstream_options& upstream = chosen.server.upstream;
    if (chosen.page != server::config::page_mode::off && io.port() != 0) {
        log.info("live page at {}://localhost:{}/{}", chosen.server.tls.is_on() ? "https" : "http", io.port(),
                 upstream.is_on() ? "roomcast/" : "");
    }
    if (upstream.is_on()) {
        log.info("integrated mode: what is not ours goes to {} port {}", upstream.host, upstream.port);
    }

    int signal = 0;
    const sigset_t handled = handled_signals();
    for (;;) {
        // When all is quiet nobody else says how many lines were left out before.
        constexpr timespec a_second{1, 0};
        signal = ::sigtimedwait(&handled, nullptr, &a_second);
        if (signal < 0) {
            server::base::tell_kept_back();
            continue;
        }
        if (signal != SIGHUP) break;
        log.info("SIGHUP received, reading the configuration again");
        reload(from, chosen.server, io, rules, hooks, api, states);
    }
    log.info("{} received, stopping", signal == SIGINT ? "SIGINT" : "SIGTERM");
    end_at_next_signal();
    pthread_sigmask(SIG_UNBLOCK, &handled, nullptr);
    const server::config::settings& last = rules.current()->chosen();
    io.announce_end();
    std::this_thread::sleep_for(last.drain_delay);
    log.info("disconnecting clients over {} s", std::chrono::duration<double>(last.drain_window).count());
    const auto patience_ends =
        std::chrono::steady_clock::now() + last.drain_window + chosen.server.stop_timeout;
    const auto patience = [&] {
        const auto left = patience_ends - std::chrono::steady_clock::now();
        return std::max(std::chrono::duration_cast<roomcast::core::duration>(left),
                        roomcast::core::duration::zero());
    };
    std::promise<void> drained;
    io.drain(last.drain_window, [&drained] { drained.set_value(); });
    drained.get_future().wait();
    rules.wait_for_flows(patience());
    io.stop();
    io.join();
    const bool is_left = chosen.snapshot_file.empty() ||
                         app::leave_behind(chosen.snapshot_file, chosen.snapshot_max_bytes, io, rules);
    hooks.stop(std::max<roomcast::core::duration>(patience(), std::chrono::seconds{1}));
    rules.stop();
    server::base::tell_all_kept_back();
    log.info("stopped");
    return is_left ? 0 : app::exit_failure;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App line{"roomcast-server: a Socket.IO server described by one configuration file"};
    line.set_version_flag("--version", ROOMCAST_VERSION);
    line.fallthrough(); // settings may stand behind a subcommand; inherited by those that are added
    line.footer("Every setting is a flag, too: --port 4000, --cors.origin https://app.example. "
                "Precedence: flags, environment, file, defaults.");
    app::configuration_source from;
    std::vector<std::string> set;
    bool wants_settings = false;
    bool wants_config = false;
    line.add_option("--config,-c", from.path,
                    "configuration file, YAML or JSON; else the one that ROOMCAST_CONFIG names");
    line.add_option("--set,-s", set, "a setting, e.g. --set port=4000 (may be repeated)");
    line.add_flag("--help-settings", wants_settings, "print all settings");
    line.add_flag("--print-config", wants_config, "print what is in force, secrets masked");
    for (const auto& each : server::config::described_settings()) {
        line.add_option_function<std::string>(
                "--" + each.path,
                [&from, path = each.path](const std::string& value) { from.flags.emplace_back(path, value); },
                each.description)
            ->group("");
    }
    auto* check = line.add_subcommand("check", "check a configuration file and print every mistake in it");
    check->add_option("file", from.path, "configuration file");
    auto* verify = line.add_subcommand("verify", "say whether a credential is accepted, and if not why");
    app::verify_request question;
    verify->add_option("--config,-c", from.path, "configuration file");
    verify->add_option("--namespace", question.name_space, "the namespace to connect to");
    verify->add_option("--token", question.token, "auth.token");
    verify->add_option("--cookie", question.cookie, "a Cookie header");
    verify->add_option("--authorization", question.authorization, "an Authorization header");
    verify->add_option("--now", question.now, "Unix time in seconds; default: now");
    auto* contract = line.add_subcommand("contract", "print the contract: types, or a document");
    std::string format = "json";
    contract->add_option("--config,-c", from.path, "configuration file");
    contract->add_option("--format,-f", format, "ts, cpp, asyncapi or json")
        ->check(CLI::IsMember({"ts", "cpp", "asyncapi", "json"}));
    auto* health =
        line.add_subcommand("healthcheck", "ask the server of this configuration whether it is well");
    std::string health_url;
    health->add_option("--config,-c", from.path, "configuration file");
    health->add_option("--url", health_url, "ask there instead, e.g. http://127.0.0.1:3001/health");
    try {
        line.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version arrive here as well.
        return line.exit(error) == 0 ? 0 : app::exit_bad_configuration;
    }
    // Not by CLI11, which would let the variable win over a subcommand's option.
    const char* const named = std::getenv("ROOMCAST_CONFIG");
    if (from.path.empty() && named != nullptr) from.path = named;
    if (from.path.empty() && (check->parsed() || verify->parsed() || contract->parsed())) {
        std::fputs("roomcast-server: which configuration file? Name it, or set ROOMCAST_CONFIG\n", stderr);
        return app::exit_bad_configuration;
    }

    if (wants_settings) {
        std::fputs(server::config::reference().c_str(), stdout);
        return 0;
    }
    for (const std::string& each : set) {
        const std::size_t equals = each.find('=');
        from.flags.emplace_back(each.substr(0, equals),
                                equals == std::string::npos ? "" : each.substr(equals + 1));
    }
    // Signals are taken by this thread alone; all others inherit the mask.
    const sigset_t handled = handled_signals();
    pthread_sigmask(SIG_BLOCK, &handled, nullptr);
    try {
        if (check->parsed()) return app::check(from);
        if (verify->parsed()) return app::verify(from, question);
        if (contract->parsed()) return app::contract(from, format);
        if (health->parsed()) return app::health_check(from, health_url);
        if (wants_config) return app::print_config(from);
        return run(from);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "roomcast-server: %s\n", error.what());
        return app::exit_failure;
    }
}
