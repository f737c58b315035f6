#include "roomcast/core/eio/packet.hpp"

namespace roomcast::core::eio {

result<packet_view> decode_text(std::string_view text) {
    if (text.empty()) return errc::empty_packet;
    const char first = text.front();
    packet_view packet;
    packet.data = text.substr(1);
    if (first == 'b') {
        packet.type = packet_type::message;
        packet.kind = frame_kind::binary;
        packet.is_base64 = true;
        return packet;
    }
    if (first < digit_of(packet_type::open) || first > digit_of(packet_type::noop)) {
        return errc::unknown_packet_type;
    }
    packet.type = static_cast<packet_type>(first - '0');
    return packet;
}

} // namespace roomcast::core::eio
