#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string_view>

#include <sched.h>
#include <sys/resource.h>

#include "scenarios.hpp"

namespace {

using roomcast::bench::options;

void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

void stay_on_core(int core) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(static_cast<unsigned>(core), &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0) throw std::runtime_error("cannot run on that core");
}

std::string run(const options& chosen) {
    const std::map<std::string_view, std::string (*)(const options&)> scenarios{
        {"check", roomcast::bench::run_check},
        {"connect", roomcast::bench::run_connect},
        {"idle", roomcast::bench::run_idle},
        {"echo", roomcast::bench::run_echo},
        {"broadcast", roomcast::bench::run_broadcast},
        {"rate", roomcast::bench::run_rate},
        {"heartbeats", roomcast::bench::run_heartbeats},
    };
    const auto scenario = scenarios.find(chosen.scenario);
    if (scenario == scenarios.end()) throw std::runtime_error("unknown scenario " + chosen.scenario);
    return scenario->second(chosen);
}

} // namespace

int main(int count, char** words) {
    if (count > 1 && std::string_view(words[1]) == "--help") {
        std::printf("%s", roomcast::bench::usage);
        return 0;
    }
    options chosen;
    try {
        chosen = roomcast::bench::parse_options(count, words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n\n%s", error.what(), roomcast::bench::usage);
        return 2;
    }
    try {
        raise_file_limit();
        if (chosen.cpu) stay_on_core(*chosen.cpu);
        std::printf("%s\n", run(chosen).c_str());
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
