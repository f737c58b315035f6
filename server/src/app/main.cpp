// roomcast-server: reads a configuration, runs the server it describes, ends on a signal.
#include "app/pages.hpp"
#include "base/log.hpp"
#include "config/settings.hpp"
#include "rules/rules.hpp"

#include "roomcast/server/server.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <malloc.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace {

namespace server = roomcast::server;

constexpr int exit_bad_configuration = 2;
constexpr int exit_cannot_listen = 3;

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string{value};
}

std::optional<std::string> read_file(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

struct prepared {
    server::config::settings chosen;
    std::vector<server::rules::compiled_name_space> rules;
};

/// Loads and checks everything; prints all mistakes at once.
std::optional<prepared> prepare(const std::string& path,
                                const std::vector<std::pair<std::string, std::string>>& flags) {
    std::string text;
    if (!path.empty()) {
        auto content = read_file(path);
        if (!content) {
            std::fprintf(stderr, "roomcast-server: cannot read the configuration file %s\n", path.c_str());
            return std::nullopt;
        }
        text = std::move(*content);
    }
    server::config::loaded loaded = server::config::load(text, variable, flags);
    prepared ready;
    ready.rules = server::rules::compile(loaded.chosen, loaded.mistakes);
    ready.chosen = std::move(loaded.chosen);
    if (loaded.mistakes.empty()) return ready;
    for (const auto& mistake : loaded.mistakes) {
        std::fprintf(stderr, "%s\n", server::config::describe(mistake, path).c_str());
    }
    std::fprintf(stderr, "roomcast-server: %zu mistake%s in the configuration\n", loaded.mistakes.size(),
                 loaded.mistakes.size() == 1 ? "" : "s");
    return std::nullopt;
}

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

int run(prepared ready) {
    spdlog::set_level(spdlog::level::from_str(ready.chosen.log_level));
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %-5l [%n] %v");
    spdlog::logger& log = server::base::log("app");
    log.flush_on(spdlog::level::info);

    raise_file_limit();
    return_memory_early();
    // Signals are taken by this thread alone; the shards inherit the mask.
    sigset_t handled;
    sigemptyset(&handled);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &handled, nullptr);

    server::rules::feed seen;
    server::server io{ready.chosen.server};
    server::rules::install(io, ready.rules, seen);
    server::app::serve_pages(io, ready.chosen.page, seen, ready.chosen.server.path);
    try {
        io.listen();
    } catch (const std::system_error& error) {
        const bool is_taken = error.code() == std::errc::address_in_use;
        log.critical("cannot listen on {}:{}: {}", ready.chosen.server.host, ready.chosen.server.port,
                     is_taken
                         ? "the port is in use by another program; choose another one with PORT or `port:`"
                         : error.what());
        return exit_cannot_listen;
    }
    io.start();
    log.info("roomcast-server listening on {}:{}, path {}/, {} thread{}", ready.chosen.server.host, io.port(),
             ready.chosen.server.path, ready.chosen.server.threads,
             ready.chosen.server.threads == 1 ? "" : "s");
    if (ready.chosen.page != server::config::page_mode::off) {
        log.info("live page at http://localhost:{}/", io.port());
    }

    int signal = 0;
    sigwait(&handled, &signal);
    log.info("{} received, stopping", signal == SIGINT ? "SIGINT" : "SIGTERM");
    io.stop();
    // A second signal ends at once.
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &handled, nullptr);
    io.join();
    log.info("stopped");
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"roomcast-server: a Socket.IO server described by one configuration file"};
    app.set_version_flag("--version", ROOMCAST_VERSION);
    std::string path;
    std::vector<std::string> set;
    bool wants_settings = false;
    app.add_option("--config,-c", path, "configuration file, YAML or JSON");
    app.add_option("--set,-s", set, "a setting, e.g. --set port=4000 (may be repeated)");
    app.add_flag("--help-settings", wants_settings, "print all settings");
    auto* check = app.add_subcommand("check", "check a configuration file and print every mistake in it");
    std::string checked;
    check->add_option("file", checked, "configuration file")->required();
    CLI11_PARSE(app, argc, argv);

    if (wants_settings) {
        std::fputs(server::config::reference().c_str(), stdout);
        return 0;
    }
    if (check->parsed()) {
        if (!prepare(checked, {})) return exit_bad_configuration;
        std::printf("%s: no mistakes\n", checked.c_str());
        return 0;
    }
    std::vector<std::pair<std::string, std::string>> flags;
    for (const std::string& each : set) {
        const std::size_t equals = each.find('=');
        flags.emplace_back(each.substr(0, equals),
                           equals == std::string::npos ? "" : each.substr(equals + 1));
    }
    try {
        auto ready = prepare(path, flags);
        if (!ready) return exit_bad_configuration;
        return run(std::move(*ready));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "roomcast-server: %s\n", error.what());
        return 1;
    }
}
