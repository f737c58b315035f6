#include "session.hpp"

#include <cstdio>
#include <stdexcept>

#include <poll.h>
#include <unistd.h>

namespace roomcast::bench {

using namespace std::chrono_literals;

session::session(const options& chosen, std::size_t expected_clients)
    : chosen_(chosen),
      pool_(chosen.target, expected_clients, chosen.has_deflate ? compression::deflate : compression::none),
      meter_(chosen.pid == 0 ? getpid() : chosen.pid),
      deadline_(std::chrono::steady_clock::now() + chosen.deadline) {
    if (chosen_.pace == pacing::stepped) pool_.watch(STDIN_FILENO);
}

void session::turn_until(const std::function<bool()>& is_done, const char* purpose) {
    while (!is_done()) {
        if (std::chrono::steady_clock::now() > deadline_) {
            throw std::runtime_error(std::string("took too long: ") + purpose);
        }
        pool_.turn_for(50ms);
    }
}

void session::settle() {
    const auto give_up = std::chrono::steady_clock::now() + 1s;
    auto last = meter_.cpu_time();
    do {
        const auto until = std::chrono::steady_clock::now() + 10ms;
        while (std::chrono::steady_clock::now() < until) pool_.turn(until);
        const auto now = meter_.cpu_time();
        if (now - last < 200us) return;
        last = now;
    } while (std::chrono::steady_clock::now() < give_up);
}

void session::await_step() {
    if (chosen_.pace == pacing::free) return;
    report_progress("ready");
    // The turn ends when the line is there; pings of the server are answered meanwhile.
    pollfd input{STDIN_FILENO, POLLIN, 0};
    turn_until([&] { return poll(&input, 1, 0) > 0; }, "waiting for the next step");
    char byte = 0;
    do {
        if (read(STDIN_FILENO, &byte, 1) != 1) throw std::runtime_error("standard input was closed");
    } while (byte != '\n');
}

void session::report_progress(const std::string& text) {
    std::fprintf(stdout, "%s\n", text.c_str());
    std::fflush(stdout);
}

round_series session::measure(const std::function<std::uint64_t(std::chrono::nanoseconds)>& work,
                              const std::function<void()>& clean_up) {
    using seconds = std::chrono::duration<double>;
    using microseconds = std::chrono::duration<double, std::micro>;
    if (chosen_.warm_up > 0ms) {
        work(chosen_.warm_up);
        clean_up();
    }
    round_series series;
    for (std::size_t round = 0; round < chosen_.rounds; ++round) {
        await_step();
        settle();
        const auto start = std::chrono::steady_clock::now();
        const auto server_before = meter_.cpu_time();
        const auto own_before = own_cpu_time();
        const auto operations = static_cast<double>(work(chosen_.round_time));
        const auto own_after = own_cpu_time();
        const auto end = std::chrono::steady_clock::now();
        settle();
        if (operations == 0) throw std::runtime_error("a round of no operations");
        series.operations.push_back(operations);
        series.seconds.push_back(seconds(end - start).count());
        series.server_us.push_back(microseconds(meter_.cpu_time() - server_before).count() / operations);
        series.generator_us.push_back(microseconds(own_after - own_before).count() / operations);
        clean_up();
    }
    return series;
}

void add_rounds(json_object& result, const round_series& series) {
    std::vector<double> per_second;
    for (std::size_t i = 0; i < series.operations.size(); ++i) {
        per_second.push_back(series.operations[i] / series.seconds[i]);
    }
    result.add_json("server_us", summary(series.server_us));
    result.add_json("generator_us", summary(series.generator_us));
    result.add_json("per_second", summary(per_second));
    result.add_json("operations", summary(series.operations));
}

} // namespace roomcast::bench
