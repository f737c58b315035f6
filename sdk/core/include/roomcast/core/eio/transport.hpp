#pragma once

#include <cstdint>

namespace roomcast::core::eio {

enum class transport : std::uint8_t { polling, websocket };

} // namespace roomcast::core::eio
