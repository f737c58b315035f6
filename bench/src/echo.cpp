#include "scenarios.hpp"

#include <charconv>
#include <stdexcept>

#include "session.hpp"

namespace roomcast::bench {
namespace {

using namespace std::chrono_literals;

/// Keeps `in_flight` echoes of each client on their way and holds every answer against its question.
class echo_load : public listener {
public:
    echo_load(session& running, const std::string& event, std::size_t in_flight, std::size_t payload_bytes)
        : running_(running), in_flight_(in_flight),
          arguments_("[\"" + std::string(payload_bytes, 'e') + "\"]"),
          question_("[\"" + event + "\"," + arguments_.substr(1)) {}

    void prepare() { awaited_.assign(running_.pool().clients().size() * in_flight_, 0); }

    std::uint64_t run(std::chrono::nanoseconds length, std::uint64_t max_operations) {
        asked_ = answered_ = 0;
        max_operations_ = max_operations;
        end_ = std::chrono::steady_clock::now() + length;
        for (client& subject : running_.pool().clients()) {
            for (std::size_t slot = 0; slot < in_flight_; ++slot) ask(subject, slot);
        }
        running_.turn_until([&] { return answered_ == asked_; }, "waiting for the last acks");
        return answered_;
    }

    void on_packet(client& from, std::string_view packet, steady_time now) override {
        std::uint64_t id = 0;
        const char* const end = packet.data() + packet.size();
        const auto parsed = packet.substr(0, 1) == "3"
                                ? std::from_chars(packet.data() + 1, end, id)
                                : std::from_chars_result{end, std::errc::invalid_argument};
        if (parsed.ec != std::errc{} ||
            std::string_view(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr)) != arguments_) {
            throw std::runtime_error("not the ack of an echo: " + std::string(packet.substr(0, 80)));
        }
        const std::size_t slot = id % in_flight_;
        std::uint64_t& awaited = awaited_[from.index * in_flight_ + slot];
        if (awaited != id + 1) throw std::runtime_error("an ack that nobody waits for");
        awaited = 0;
        ++answered_;
        if (now < end_ && (max_operations_ == 0 || asked_ < max_operations_)) ask(from, slot);
    }

private:
    void ask(client& from, std::size_t slot) {
        const std::uint64_t id = from.next_sequence++ * in_flight_ + slot;
        awaited_[from.index * in_flight_ + slot] = id + 1;
        packet_.assign(1, '2').append(std::to_string(id)).append(question_);
        running_.pool().send(from, packet_);
        ++asked_;
    }

    session& running_;
    std::size_t in_flight_;
    std::string arguments_;
    std::string question_;
    std::string packet_;
    std::vector<std::uint64_t> awaited_; ///< of each slot: its ack id + 1, or 0
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
    std::uint64_t max_operations_ = 0;
    steady_time end_{};
};

} // namespace

std::string run_echo(const options& chosen) {
    session running(chosen, chosen.connections);
    echo_load load(running, chosen.event, chosen.in_flight, chosen.payload_bytes);
    running.pool().set_listener(load);
    running.pool().open_ready(chosen.connections, chosen.batch, running.deadline());
    load.prepare();
    const auto series = running.measure(
        [&](std::chrono::nanoseconds length) { return load.run(length, chosen.max_operations); });

    json_object result;
    result.add("scenario", std::string_view("echo"));
    result.add("connections", static_cast<std::uint64_t>(chosen.connections));
    result.add("in_flight", static_cast<std::uint64_t>(chosen.in_flight));
    result.add("payload_bytes", static_cast<std::uint64_t>(chosen.payload_bytes));
    add_rounds(result, series);
    running.pool().close_all(1s);
    return result.text();
}

} // namespace roomcast::bench
