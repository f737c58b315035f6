#include "scenarios.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "session.hpp"

namespace roomcast::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view room = "bench";
constexpr std::size_t sequence_digits = 12;
constexpr std::size_t time_digits = 19;
constexpr std::string_view message_start = R"(2["msg",")";
constexpr std::string_view message_end = R"("])";
constexpr std::size_t max_samples = 20'000'000;

void append_digits(std::string& out, std::uint64_t value, std::size_t width) {
    const std::string digits = std::to_string(value);
    out.append(width - std::min(width, digits.size()), '0').append(digits);
}

std::uint64_t read_digits(std::string_view text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        throw std::runtime_error("a delivery that nobody published");
    }
    return value;
}

std::uint64_t since_start_of_clock(steady_time time) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

/// A room of subscribers and one publisher outside of it. Every payload carries its number and the time at
/// which it was due; every subscriber must see each number once and in order.
class room_load : public listener {
public:
    room_load(session& running, std::size_t subscribers, std::size_t payload_bytes)
        : running_(running), subscribers_(subscribers), payload_bytes_(payload_bytes) {}

    void fill_room() {
        running_.pool().open_ready(subscribers_ + 1, running_.chosen().batch, running_.deadline());
        const std::string join = R"(20["join",")" + std::string(room) + R"("])";
        for (client& subject : running_.pool().clients()) {
            if (subject.index != publisher_index) running_.pool().send(subject, join);
        }
        running_.turn_until([&] { return joined_ == subscribers_; }, "joining the room");
    }

    /// Keeps `in_flight` broadcasts outstanding: the next leaves when all subscribers have one.
    /// @return deliveries
    std::uint64_t run_closed(std::chrono::nanoseconds length, std::size_t in_flight,
                             std::uint64_t max_operations) {
        const std::uint64_t before = delivered_;
        max_published_ = max_operations == 0
                             ? std::numeric_limits<std::uint64_t>::max()
                             : published_ + (max_operations + subscribers_ - 1) / subscribers_;
        end_ = std::chrono::steady_clock::now() + length;
        flow_ = flow::closed;
        for (std::size_t i = 0; i < in_flight; ++i) publish(std::chrono::steady_clock::now());
        drain();
        return delivered_ - before;
    }

    /// Publishes at fixed times, whatever has arrived by then, and keeps the latency of each delivery.
    std::uint64_t run_open(std::chrono::nanoseconds length, double rate_per_s) {
        const std::uint64_t before = delivered_;
        const auto count = static_cast<std::uint64_t>(
            std::max(1.0, std::chrono::duration<double>(length).count() * rate_per_s));
        const auto interval = std::chrono::nanoseconds{static_cast<std::int64_t>(1e9 / rate_per_s)};
        latencies_.clear();
        latencies_.reserve(std::min<std::size_t>(count * subscribers_, max_samples));
        flow_ = flow::open;
        auto due = std::chrono::steady_clock::now() + interval;
        for (std::uint64_t i = 0; i < count; ++i, due += interval) {
            do {
                running_.pool().turn(due);
            } while (std::chrono::steady_clock::now() < due);
            publish(due);
        }
        drain();
        return delivered_ - before;
    }

    [[nodiscard]] std::vector<std::uint32_t> take_sorted_latencies() {
        std::sort(latencies_.begin(), latencies_.end());
        return std::move(latencies_);
    }

    void on_packet(client& subject, std::string_view packet, steady_time now) override {
        if (packet == "30[]") {
            ++joined_;
            return;
        }
        constexpr std::size_t frame_bytes = message_start.size() + message_end.size();
        if (packet.size() != frame_bytes + payload_bytes_ || !packet.starts_with(message_start) ||
            !packet.ends_with(message_end) || subject.index == publisher_index) {
            throw std::runtime_error("not a broadcast of this run: " + std::string(packet.substr(0, 80)));
        }
        const std::string_view payload = packet.substr(message_start.size());
        const std::uint64_t sequence = read_digits(payload.substr(0, sequence_digits));
        if (sequence != subject.next_sequence) {
            throw std::runtime_error("subscriber " + std::to_string(subject.index) + " got broadcast " +
                                     std::to_string(sequence) + " where " +
                                     std::to_string(subject.next_sequence) +
                                     " was due: lost, doubled or out of order");
        }
        ++subject.next_sequence;
        ++delivered_;
        if (flow_ == flow::open) {
            keep_latency(read_digits(payload.substr(sequence_digits, time_digits)), now);
            return;
        }
        std::uint64_t& missing = missing_[sequence % missing_.size()];
        if (--missing == 0) on_complete(now);
    }

private:
    enum class flow : std::uint8_t { closed, open };
    static constexpr std::size_t publisher_index = 0;
    static constexpr std::size_t max_in_flight = 1024;

    void publish(steady_time due) {
        packet_.assign(R"(2["publish",")").append(room).append(R"(",")");
        const std::size_t start = packet_.size();
        append_digits(packet_, published_, sequence_digits);
        append_digits(packet_, since_start_of_clock(due), time_digits);
        packet_.append(payload_bytes_ - (packet_.size() - start), 'p').append(message_end);
        running_.pool().send(running_.pool().clients()[publisher_index], packet_);
        missing_[published_ % missing_.size()] = subscribers_;
        ++published_;
    }

    void on_complete(steady_time now) {
        if (now < end_ && published_ < max_published_) publish(now);
    }

    void keep_latency(std::uint64_t due, steady_time now) {
        if (latencies_.size() == max_samples) return;
        const std::uint64_t taken = since_start_of_clock(now) - due;
        latencies_.push_back(static_cast<std::uint32_t>(
            std::min<std::uint64_t>(taken, std::numeric_limits<std::uint32_t>::max())));
    }

    void drain() {
        running_.turn_until([&] { return delivered_ == published_ * subscribers_; },
                            "waiting for the last deliveries");
    }

    session& running_;
    std::uint64_t subscribers_;
    std::size_t payload_bytes_;
    std::string packet_;
    flow flow_ = flow::closed;
    std::uint64_t joined_ = 0;
    std::uint64_t published_ = 0;
    std::uint64_t max_published_ = 0;
    std::uint64_t delivered_ = 0;
    std::vector<std::uint64_t> missing_ =
        std::vector<std::uint64_t>(max_in_flight); ///< by number of broadcast
    std::vector<std::uint32_t> latencies_;         ///< nanoseconds, 4.3 s at most
    steady_time end_{};
};

} // namespace

std::string run_broadcast(const options& chosen) {
    session running(chosen, chosen.subscribers + 1);
    room_load load(running, chosen.subscribers, chosen.payload_bytes);
    running.pool().set_listener(load);
    load.fill_room();
    const auto series = running.measure([&](std::chrono::nanoseconds length) {
        return load.run_closed(length, chosen.in_flight, chosen.max_operations);
    });

    json_object result;
    result.add("scenario", std::string_view("broadcast"));
    result.add("subscribers", static_cast<std::uint64_t>(chosen.subscribers));
    result.add("in_flight", static_cast<std::uint64_t>(chosen.in_flight));
    result.add("payload_bytes", static_cast<std::uint64_t>(chosen.payload_bytes));
    add_rounds(result, series);
    running.pool().close_all(1s);
    return result.text();
}

std::string run_rate(const options& chosen) {
    session running(chosen, chosen.subscribers + 1);
    room_load load(running, chosen.subscribers, chosen.payload_bytes);
    running.pool().set_listener(load);
    load.fill_room();

    double rate_per_s = chosen.rate_per_s;
    double saturation_per_s = 0;
    if (chosen.saturation_share > 0) {
        running.await_step();
        (void)load.run_closed(chosen.warm_up, chosen.saturation_in_flight, 0);
        const auto start = std::chrono::steady_clock::now();
        const auto deliveries = load.run_closed(chosen.round_time, chosen.saturation_in_flight, 0);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        saturation_per_s =
            static_cast<double>(deliveries) / taken.count() / static_cast<double>(chosen.subscribers);
        rate_per_s = saturation_per_s * chosen.saturation_share;
    }
    if (!(rate_per_s > 0)) throw std::runtime_error("rate wants --rate or --saturation-share");

    constexpr std::pair<const char*, double> shares[] = {
        {"p50_us", 0.5}, {"p90_us", 0.9}, {"p99_us", 0.99}, {"p999_us", 0.999}, {"max_us", 1.0}};
    std::vector<double> rounds_us[std::size(shares)];
    bool is_warm = chosen.warm_up == 0ms;
    const auto series = running.measure([&](std::chrono::nanoseconds length) {
        const auto deliveries = load.run_open(length, rate_per_s);
        const auto sorted = load.take_sorted_latencies();
        for (std::size_t i = 0; is_warm && i < std::size(shares); ++i) {
            rounds_us[i].push_back(percentile(sorted, shares[i].second) / 1e3);
        }
        is_warm = true;
        return deliveries;
    });

    json_object result;
    result.add("scenario", std::string_view("rate"));
    result.add("subscribers", static_cast<std::uint64_t>(chosen.subscribers));
    result.add("payload_bytes", static_cast<std::uint64_t>(chosen.payload_bytes));
    result.add("broadcasts_per_s", rate_per_s);
    if (saturation_per_s > 0) result.add("saturation_per_s", saturation_per_s);
    for (std::size_t i = 0; i < std::size(shares); ++i)
        result.add_json(shares[i].first, summary(rounds_us[i]));
    add_rounds(result, series);
    running.pool().close_all(1s);
    return result.text();
}

} // namespace roomcast::bench
