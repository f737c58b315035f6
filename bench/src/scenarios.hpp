#pragma once

#include <string>

#include "options.hpp"

namespace roomcast::bench {

/// Each runs one scenario to its end and returns its result, a JSON object.
/// @throws std::exception when the server does not follow the rules, or something was lost
[[nodiscard]] std::string run_check(const options& chosen);
[[nodiscard]] std::string run_connect(const options& chosen);
[[nodiscard]] std::string run_idle(const options& chosen);
[[nodiscard]] std::string run_echo(const options& chosen);
[[nodiscard]] std::string run_broadcast(const options& chosen);
[[nodiscard]] std::string run_rate(const options& chosen);
[[nodiscard]] std::string run_heartbeats(const options& chosen);

} // namespace roomcast::bench
