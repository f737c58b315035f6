#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Engine.IO protocol 4: packets, payloads, handshake, sessions.
namespace roomcast::core::eio {

/// The protocol version that we speak, as it stands in the query (`EIO=4`).
inline constexpr std::string_view protocol_version = "4";

enum class packet_type : std::uint8_t { open, close, ping, pong, message, upgrade, noop };

/// One Engine.IO packet; `data` points into what was decoded.
struct packet_view {
    packet_type type = packet_type::noop;
    frame_kind kind = frame_kind::text;
    /// For a binary packet in text form (`b…`) still base64: see `is_base64`.
    bytes_view data;
    bool is_base64 = false;
};

/// Decodes one packet in text form: a polling packet or a WebSocket text frame.
/// @errors empty_packet, unknown_packet_type
/// @source Engine.IO v4, "Packet encoding"
result<packet_view> decode_text(std::string_view text);

/// The digit of a packet type.
constexpr char digit_of(packet_type type) {
    return static_cast<char>('0' + static_cast<int>(type));
}

} // namespace roomcast::core::eio
