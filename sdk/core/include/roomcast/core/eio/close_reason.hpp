#pragma once

#include <cstdint>
#include <string_view>

namespace roomcast::core::eio {

/// Why a session ended, at either end. `name_of` gives the reference implementation's words.
enum class close_reason : std::uint8_t {
    transport_close,
    transport_error,
    ping_timeout,
    parse_error,
    forced_close,
    server_shutting_down,
    slow_consumer,
};
std::string_view name_of(close_reason reason);

} // namespace roomcast::core::eio
