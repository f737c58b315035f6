#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include <netinet/in.h>
#include <sys/types.h>

namespace roomcast::bench {

/// Who says when a round begins: the generator, or a line on its standard input. The runner uses the second
/// to let the servers take turns, so that noise of the machine meets all of them.
enum class pacing : std::uint8_t { free, stepped };
enum class attachments : std::uint8_t { skipped, checked };

struct options {
    std::string scenario;
    sockaddr_in target{};
    pid_t pid = 0;
    std::optional<int> cpu;
    pacing pace = pacing::free;
    attachments binary = attachments::checked;
    bool has_deflate = false; ///< offers permessage-deflate

    std::string event = "echo"; ///< echo: the event that is acknowledged with its arguments
    std::size_t connections = 100;
    std::size_t subscribers = 1000;
    std::size_t in_flight = 1;
    std::size_t payload_bytes = 64;
    std::size_t batch = 50;
    std::size_t rounds = 5;
    std::size_t max_operations = 0; ///< of one round; 0 means that only time bounds it
    std::size_t saturation_in_flight = 16;
    double rate_per_s = 0;
    double saturation_share = 0;

    std::chrono::milliseconds round_time{1000};
    std::chrono::milliseconds warm_up{500};
    std::chrono::milliseconds hold{2000};
    std::chrono::milliseconds ping_interval{0}; ///< 0 means: as the server says in its handshake
    std::chrono::milliseconds late_after{500};
    std::chrono::milliseconds deadline{120'000};
};

/// @throws std::runtime_error with a sentence for the user
[[nodiscard]] options parse_options(int count, char** words);

extern const char* const usage;

} // namespace roomcast::bench
