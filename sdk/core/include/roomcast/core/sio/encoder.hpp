#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/ws/frame.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomcast::core {

/// One Engine.IO packet, encoded once for all who will get it: the bytes of an unmasked WebSocket frame, of
/// which the part behind the header is the packet itself (text with its digit, or bare binary).
class wire_packet {
public:
    /// @param pieces are joined to the packet; for text the first begins with the Engine.IO digit
    static wire_packet make(frame_kind kind, std::initializer_list<std::string_view> pieces);
    /// A WebSocket control frame; it has no form in polling.
    static wire_packet control(ws::opcode code, bytes_view payload);

    frame_kind kind() const { return kind_; }
    bool is_control() const { return is_control_; }
    std::string_view frame() const { return frame_; }
    std::string_view payload() const { return std::string_view{frame_}.substr(header_); }

private:
    std::string frame_;
    std::uint8_t header_ = 0;
    frame_kind kind_ = frame_kind::text;
    bool is_control_ = false;
};

/// One message for a peer: a packet and the attachments that must follow it without anything between.
struct prepared_message {
    explicit prepared_message(wire_packet only) : first(std::move(only)) {}

    wire_packet first;
    std::vector<wire_packet> rest;
    std::uint64_t frame_bytes = 0; ///< of all frames; set by `finish`

    std::size_t size() const { return 1 + rest.size(); }
    const wire_packet& at(std::size_t index) const { return index == 0 ? first : rest[index - 1]; }
    void finish();
};

/// Immutable and shared by all receivers, across threads.
using shared_message = std::shared_ptr<const prepared_message>;

/// A message of one text packet, the Engine.IO digit included.
shared_message prepare_text(std::string_view packet);

} // namespace roomcast::core

namespace roomcast::core::sio {

/// CONNECT as the server answers it. @param pid empty: no recovery
shared_message encode_connect(std::string_view nsp, std::string_view sid, std::string_view pid);
/// CONNECT_ERROR. @param data_json checked JSON, empty: none
shared_message encode_connect_error(std::string_view nsp, std::string_view message,
                                    std::string_view data_json);
shared_message encode_disconnect(std::string_view nsp);

/// EVENT or BINARY_EVENT.
/// @param args_json checked JSON array, the event's name first
/// @param id digits, empty: no acknowledgement wanted
/// @param offset appended as a last string argument (connection state recovery), empty: none
shared_message encode_event(std::string_view nsp, std::string_view args_json, const sio::attachments& parts,
                            std::string_view id = {}, std::string_view offset = {});
/// The same for an event that is kept for nobody, to a client with connection state recovery: such a client
/// takes a last argument that is a string for the offset, so null stands behind it.
shared_message encode_event_without_offset(std::string_view nsp, std::string_view args_json,
                                           const sio::attachments& parts);

/// ACK or BINARY_ACK. @param args_json checked JSON array
shared_message encode_ack(std::string_view nsp, std::string_view id, std::string_view args_json,
                          const sio::attachments& parts);

} // namespace roomcast::core::sio
