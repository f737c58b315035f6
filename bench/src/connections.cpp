#include "scenarios.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "session.hpp"

namespace roomcast::bench {
namespace {

using namespace std::chrono_literals;
using milliseconds = std::chrono::duration<double, std::milli>;

constexpr auto goodbye_time = 3s;
constexpr std::size_t idle_warm_up = 20;

class silent_listener : public listener {
public:
    void on_packet(client&, std::string_view, steady_time) override {
        throw std::runtime_error("a packet for an idle connection");
    }
};

/// Holds what the server promised against when its pings come.
class heartbeat_watch : public listener {
public:
    explicit heartbeat_watch(std::chrono::milliseconds given_interval) : interval_(given_interval) {}

    void on_packet(client&, std::string_view, steady_time) override {}

    void on_open(client& subject, std::string_view handshake, steady_time now) override {
        subject.heartbeat_base = now;
        if (interval_ > 0ms) return;
        constexpr std::string_view name = "\"pingInterval\":";
        const std::size_t at = handshake.find(name);
        if (at == std::string_view::npos) throw std::runtime_error("a handshake without pingInterval");
        interval_ = std::chrono::milliseconds{std::stol(std::string(handshake.substr(at + name.size(), 9)))};
    }

    // Engine.IO v4, "Heartbeat": the next ping is due one interval after the pong to the last.
    void on_ping(client& subject, steady_time now) override {
        lateness_.push_back(milliseconds(now - (subject.heartbeat_base + interval_)).count());
        subject.heartbeat_base = now;
        ++subject.received;
    }

    void on_lost(client&) override { ++lost_; }

    [[nodiscard]] std::chrono::milliseconds interval() const { return interval_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] std::vector<double> take_sorted() {
        std::sort(lateness_.begin(), lateness_.end());
        return std::move(lateness_);
    }

private:
    std::chrono::milliseconds interval_;
    std::vector<double> lateness_;
    std::uint64_t lost_ = 0;
};

} // namespace

std::string run_connect(const options& chosen) {
    session running(chosen, chosen.connections);
    silent_listener nobody;
    running.pool().set_listener(nobody);
    const auto series = running.measure(
        [&](std::chrono::nanoseconds) -> std::uint64_t {
            running.pool().open_ready(chosen.connections, chosen.batch, running.deadline());
            return chosen.connections;
        },
        [&] { running.pool().close_all(goodbye_time); });

    json_object result;
    result.add("scenario", std::string_view("connect"));
    result.add("connections", static_cast<std::uint64_t>(chosen.connections));
    add_rounds(result, series);
    return result.text();
}

std::string run_idle(const options& chosen) {
    session running(chosen, chosen.connections);
    silent_listener nobody;
    running.pool().set_listener(nobody);
    // A few connections first: what the server loads once, at its first client, is not the cost of a
    // connection.
    running.pool().open_ready(std::min(chosen.connections, idle_warm_up), chosen.batch, running.deadline());
    running.pool().close_all(goodbye_time);
    running.pool().turn_for(100ms);
    running.settle();

    const auto resident_before = running.meter().resident_bytes();
    const auto cpu_before = running.meter().cpu_time();
    running.pool().open_ready(chosen.connections, chosen.batch, running.deadline());
    running.settle();
    const auto connect_cpu = running.meter().cpu_time() - cpu_before;

    const auto hold_until = std::chrono::steady_clock::now() + chosen.hold;
    running.turn_until([&] { return std::chrono::steady_clock::now() >= hold_until; }, "holding");
    const auto resident_after = running.meter().resident_bytes();
    const auto count = static_cast<double>(chosen.connections);

    json_object result;
    result.add("scenario", std::string_view("idle"));
    result.add("connections", static_cast<std::uint64_t>(chosen.connections));
    result.add("resident_before_bytes", resident_before);
    result.add("resident_after_bytes", resident_after);
    result.add("bytes_per_connection",
               (static_cast<double>(resident_after) - static_cast<double>(resident_before)) / count);
    result.add("connect_us", std::chrono::duration<double, std::micro>(connect_cpu).count() / count);
    running.pool().close_all(goodbye_time);
    return result.text();
}

std::string run_heartbeats(const options& chosen) {
    session running(chosen, chosen.connections);
    heartbeat_watch watch(chosen.ping_interval);
    running.pool().set_listener(watch);
    const auto start = std::chrono::steady_clock::now();
    running.pool().open_ready(chosen.connections, chosen.batch, running.deadline());
    const auto all_open = std::chrono::steady_clock::now();
    const auto hold_until = all_open + chosen.hold;
    running.turn_until([&] { return std::chrono::steady_clock::now() >= hold_until; }, "holding");

    const auto end = std::chrono::steady_clock::now();
    std::uint64_t missing = 0;
    std::uint64_t fewest = std::numeric_limits<std::uint64_t>::max();
    for (const client& subject : running.pool().clients()) {
        fewest = std::min(fewest, subject.received);
        const bool is_overdue = end > subject.heartbeat_base + watch.interval() + chosen.late_after;
        if (subject.state == client_state::ready && is_overdue) ++missing;
    }
    const auto lateness = watch.take_sorted();
    const auto limit = static_cast<double>(chosen.late_after.count());
    const auto late = static_cast<std::uint64_t>(lateness.end() -
                                                 std::upper_bound(lateness.begin(), lateness.end(), limit));

    json_object result;
    result.add("scenario", std::string_view("heartbeats"));
    result.add("connections", static_cast<std::uint64_t>(chosen.connections));
    result.add("connected_after_ms", milliseconds(all_open - start).count());
    result.add("ping_interval_ms", static_cast<double>(watch.interval().count()));
    result.add("held_ms", milliseconds(end - all_open).count());
    result.add("pings", static_cast<std::uint64_t>(lateness.size()));
    result.add("fewest_pings", fewest);
    result.add("late_after_ms", limit);
    result.add("late", late);
    result.add("missing", missing);
    result.add("lost", watch.lost());
    result.add("lateness_ms_min", lateness.empty() ? 0 : lateness.front());
    result.add("lateness_ms_p50", percentile(lateness, 0.5));
    result.add("lateness_ms_p99", percentile(lateness, 0.99));
    result.add("lateness_ms_max", lateness.empty() ? 0 : lateness.back());
    running.pool().close_all(goodbye_time);
    return result.text();
}

} // namespace roomcast::bench
