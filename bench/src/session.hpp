#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client_pool.hpp"
#include "options.hpp"
#include "process_meter.hpp"
#include "report.hpp"

namespace roomcast::bench {

/// What the rounds of a scenario gave, one element a round.
struct round_series {
    std::vector<double> operations;
    std::vector<double> seconds;
    std::vector<double> server_us; ///< server CPU per operation
    std::vector<double> generator_us;
};

/// One run of a scenario: its connections, the meter of the server, its deadline and its rounds.
class session {
public:
    session(const options& chosen, std::size_t expected_clients);

    [[nodiscard]] client_pool& pool() { return pool_; }
    [[nodiscard]] const options& chosen() const { return chosen_; }
    [[nodiscard]] const process_meter& meter() const { return meter_; }
    [[nodiscard]] steady_time deadline() const { return deadline_; }

    /// Turns until `is_done`; gives up at the deadline.
    void turn_until(const std::function<bool()>& is_done, const char* purpose);
    /// Turns until the server has nothing more to do, so that no work of one round is counted in the next.
    void settle();
    /// In stepped pacing: says that it is ready and waits for the word to begin.
    void await_step();
    void report_progress(const std::string& text);

    /// Runs `work(length)` uncounted, then `rounds` times counted. `work` returns its number of operations;
    /// `clean_up` follows each and is never counted.
    [[nodiscard]] round_series measure(
        const std::function<std::uint64_t(std::chrono::nanoseconds)>& work,
        const std::function<void()>& clean_up = [] {});

private:
    const options& chosen_;
    client_pool pool_;
    process_meter meter_;
    steady_time deadline_;
};

/// Adds the fields that all CPU scenarios have in common.
void add_rounds(json_object& result, const round_series& series);

} // namespace roomcast::bench
