#pragma once

#include "roomcast/core/limits.hpp"
#include "roomcast/core/result.hpp"

#include <cstdint>
#include <string_view>

/// Socket.IO protocol 5: packets, their attachments, and the sessions of both ends.
namespace roomcast::core::sio {

enum class packet_type : std::uint8_t {
    connect,
    disconnect,
    event,
    ack,
    connect_error,
    binary_event,
    binary_ack
};

/// The digit of a packet type.
constexpr char digit_of(packet_type type) {
    return static_cast<char>('0' + static_cast<int>(type));
}

/// One Socket.IO packet as it stands in the text of an Engine.IO message; all views point into that text, or
/// to constants.
struct packet_view {
    packet_type type = packet_type::event;
    std::uint32_t attachments = 0; ///< binary messages that follow
    std::string_view nsp = "/";    ///< with its slash
    std::string_view id;           ///< digits of the acknowledgement id without leading zeros, empty: none
    std::string_view data;         ///< checked JSON text, no white space around it; empty: none
};

/// Decodes the text of one packet and checks its JSON and its shape (an event is an array with a name that is
/// not reserved, and so on).
/// @param text the message without the Engine.IO digit
/// @errors the Socket.IO and JSON blocks of `errc`
/// @source Socket.IO v5, "Packet encoding"
result<packet_view> decode(std::string_view text, const limits& bounds);

/// Is this name one that only the library itself may emit? @source Socket.IO v5, "Event names"
bool is_reserved_event(std::string_view name);

} // namespace roomcast::core::sio
