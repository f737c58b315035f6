#pragma once

#include "roomcast/core/limits.hpp"
#include "roomcast/core/result.hpp"
#include "roomcast/core/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::core::eio {

/// What the server tells in its open packet. @source Engine.IO v4, "Handshake"
struct handshake {
    std::string sid;
    bool can_upgrade = false; ///< `upgrades` names "websocket"
    duration ping_interval = std::chrono::seconds{25};
    duration ping_timeout = std::chrono::seconds{20};
    std::size_t max_payload_bytes = 1'000'000;
};

/// The open packet in text form, digit included.
std::string encode_open(const handshake& given);

/// Reads the data of an open packet (without the digit). Times must be 1 ms .. 24 h, sid 1 .. 256 bytes,
/// maxPayload at least 1 (older servers leave it out: then the default); unknown upgrades are ignored.
/// @errors invalid_handshake
result<handshake> decode_open(std::string_view data, const limits& bounds);

} // namespace roomcast::core::eio
