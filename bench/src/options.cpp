#include "options.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string_view>

#include <arpa/inet.h>

namespace roomcast::bench {
namespace {

constexpr std::size_t max_connections = 19'500; // 20 000 files a process is the common hard limit

std::size_t parse_count(std::string_view text, std::size_t low, std::size_t high) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
        throw std::runtime_error("'" + std::string(text) + "' is not a number from " + std::to_string(low) +
                                 " to " + std::to_string(high));
    }
    return value;
}

double parse_decimal(std::string_view text, double high) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) || value > high) {
        throw std::runtime_error("'" + std::string(text) + "' is not a positive number up to " +
                                 std::to_string(high));
    }
    return value;
}

std::chrono::milliseconds parse_milliseconds(std::string_view text) {
    return std::chrono::milliseconds{parse_count(text, 0, 3'600'000)};
}

sockaddr_in parse_target(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) throw std::runtime_error("--target wants ADDRESS:PORT");
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(static_cast<std::uint16_t>(parse_count(text.substr(colon + 1), 1, 65535)));
    if (inet_pton(AF_INET, std::string(text.substr(0, colon)).c_str(), &target.sin_addr) != 1) {
        throw std::runtime_error("--target wants an IPv4 address");
    }
    if (ntohl(target.sin_addr.s_addr) >> 24 != 127) {
        throw std::runtime_error("the generator talks to loopback only");
    }
    return target;
}

} // namespace

const char* const usage = R"(usage: roomcast-bench-generator SCENARIO --target 127.0.0.1:PORT [options]

scenarios
  check       does the server follow the rules of the bench? (echo, echo of binary, join, publish)
  connect     --connections opened in batches of --batch, a round each; server CPU per connect
  idle        --connections opened and held for --hold; resident bytes per connection
  echo        --connections with --in-flight acknowledged echoes each; server CPU per ack
  broadcast   --subscribers in one room, --in-flight broadcasts outstanding; server CPU per delivery
  rate        --subscribers in one room, --rate broadcasts a second; percentiles of delivery latency
  heartbeats  --connections held for --hold; was every ping on time?

options
  --pid N                the server's process, for CPU and memory (not needed by check and heartbeats)
  --cpu N                run on this core only
  --rounds N             counted rounds
  --round-ms N           length of a round
  --warm-up-ms N         uncounted work before the first round
  --max-operations N     bound of a round beside its time (default: none)
  --payload-bytes N      size of the string that travels (default 64)
  --event NAME           echo: another event that is acknowledged with its arguments (default echo)
  --saturation-share X   rate: instead of --rate, this share of the rate reached with --saturation-in-flight
                         broadcasts outstanding (default 16)
  --hold-ms N            idle, heartbeats: how long to hold the connections
  --ping-interval-ms N   heartbeats: what the server promises (default: what its handshake says)
  --late-after-ms N      heartbeats: a ping later than this is late (default 500)
  --deadline-ms N        give up after this time (default 120000)
  --stepped              wait for a line on standard input before each round
  --deflate              offer permessage-deflate, and insist on it
  --no-binary            check: leave out the binary echo

The result is one line of JSON on standard output. Exit code 0: measured, and nothing was lost.
)";

options parse_options(int count, char** words) {
    options parsed;
    if (count < 2) throw std::runtime_error("no scenario given");
    parsed.scenario = words[1];

    const std::map<std::string_view, std::function<void(std::string_view)>> with_value{
        {"--target", [&](auto text) { parsed.target = parse_target(text); }},
        {"--pid", [&](auto text) { parsed.pid = static_cast<pid_t>(parse_count(text, 1, 1U << 30)); }},
        {"--cpu", [&](auto text) { parsed.cpu = static_cast<int>(parse_count(text, 0, 1023)); }},
        {"--event", [&](auto text) { parsed.event = text; }},
        {"--connections", [&](auto text) { parsed.connections = parse_count(text, 1, max_connections); }},
        {"--subscribers", [&](auto text) { parsed.subscribers = parse_count(text, 1, max_connections); }},
        {"--in-flight", [&](auto text) { parsed.in_flight = parse_count(text, 1, 1024); }},
        {"--saturation-in-flight",
         [&](auto text) { parsed.saturation_in_flight = parse_count(text, 1, 1024); }},
        {"--payload-bytes", [&](auto text) { parsed.payload_bytes = parse_count(text, 48, 65536); }},
        {"--batch", [&](auto text) { parsed.batch = parse_count(text, 1, max_connections); }},
        {"--rounds", [&](auto text) { parsed.rounds = parse_count(text, 1, 1000); }},
        {"--max-operations", [&](auto text) { parsed.max_operations = parse_count(text, 1, 100'000'000); }},
        {"--rate", [&](auto text) { parsed.rate_per_s = parse_decimal(text, 1e6); }},
        {"--saturation-share", [&](auto text) { parsed.saturation_share = parse_decimal(text, 1); }},
        {"--round-ms", [&](auto text) { parsed.round_time = parse_milliseconds(text); }},
        {"--warm-up-ms", [&](auto text) { parsed.warm_up = parse_milliseconds(text); }},
        {"--hold-ms", [&](auto text) { parsed.hold = parse_milliseconds(text); }},
        {"--ping-interval-ms", [&](auto text) { parsed.ping_interval = parse_milliseconds(text); }},
        {"--late-after-ms", [&](auto text) { parsed.late_after = parse_milliseconds(text); }},
        {"--deadline-ms", [&](auto text) { parsed.deadline = parse_milliseconds(text); }},
    };
    const std::map<std::string_view, std::function<void()>> without_value{
        {"--stepped", [&] { parsed.pace = pacing::stepped; }},
        {"--deflate", [&] { parsed.has_deflate = true; }},
        {"--no-binary", [&] { parsed.binary = attachments::skipped; }},
    };

    for (int i = 2; i < count; ++i) {
        const std::string_view name = words[i];
        if (const auto flag = without_value.find(name); flag != without_value.end()) {
            flag->second();
            continue;
        }
        const auto setting = with_value.find(name);
        if (setting == with_value.end()) throw std::runtime_error("unknown option " + std::string(name));
        if (++i == count) throw std::runtime_error(std::string(name) + " wants a value");
        setting->second(words[i]);
    }

    if (parsed.target.sin_port == 0) throw std::runtime_error("--target is missing");
    const std::set<std::string_view> unmetered{"check", "heartbeats"};
    if (parsed.pid == 0 && !unmetered.contains(parsed.scenario)) throw std::runtime_error("--pid is missing");
    return parsed;
}

} // namespace roomcast::bench
