#pragma once

#include <spdlog/spdlog.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace roomcast::server::base {

/// The log of one scope (a room's name): `log("http").warn(…)`.
/// @thread any
spdlog::logger& log(const char* scope);

/// Lines for people, or one JSON object a line: time, level, scope, message.
enum class log_format : std::uint8_t { text, json };
void use_format(log_format how);

/// Lets no more than a line a second through for one place that a peer can make noisy; counts the rest.
/// @thread one gate for each thread
class log_gate {
public:
    /// @return how many were kept back since the last line, or nothing when this one is kept back, too
    std::optional<std::uint64_t> pass(std::int64_t now_s) {
        if (now_s == last_s_) {
            ++kept_back_;
            return std::nullopt;
        }
        last_s_ = now_s;
        return std::exchange(kept_back_, 0);
    }

private:
    std::int64_t last_s_ = -1;
    std::uint64_t kept_back_ = 0;
};

} // namespace roomcast::server::base
