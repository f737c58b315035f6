#include "roomcast/core/error.hpp"

namespace roomcast::core {

namespace {

const char* text_of(errc code) {
    switch (code) {
    case errc::empty_packet: return "the packet is empty: it has not even a type";
    case errc::unknown_packet_type: return "the Engine.IO packet type is unknown";
    case errc::invalid_base64: return "the binary packet is not base64";
    case errc::too_many_packets: return "the polling body holds more packets than allowed";
    case errc::payload_too_large: return "the payload is larger than allowed";
    case errc::invalid_handshake: return "the open packet of the handshake is malformed";
    case errc::binary_packet_not_message: return "a binary packet must be a message";
    case errc::unknown_type: return "the Socket.IO packet type is unknown";
    case errc::invalid_namespace: return "the namespace is malformed";
    case errc::namespace_too_long: return "the namespace is longer than allowed";
    case errc::invalid_ack_id: return "the acknowledgement id is malformed or has more digits than allowed";
    case errc::invalid_payload: return "the payload does not fit the packet type";
    case errc::invalid_event_name: return "the event name is reserved, or neither a string nor a number";
    case errc::invalid_attachment_count: return "the count of attachments is missing, zero or malformed";
    case errc::too_many_attachments: return "the packet announces more attachments than allowed";
    case errc::attachments_missing: return "a text packet came before all attachments of the last one";
    case errc::unexpected_attachment: return "a binary message came that no packet announced";
    case errc::invalid_placeholder: return "a placeholder names no attachment of its packet";
    case errc::invalid_json: return "the text is not JSON";
    case errc::json_too_deep: return "the JSON text is nested deeper than allowed";
    case errc::invalid_utf8: return "the text is not UTF-8";
    case errc::wrong_json_type: return "the JSON value has another type than expected";
    case errc::reserved_bits: return "a WebSocket frame has reserved bits set";
    case errc::unknown_opcode: return "a WebSocket frame has an unknown opcode";
    case errc::frame_not_masked: return "a WebSocket frame from a client is not masked";
    case errc::frame_masked: return "a WebSocket frame from a server is masked";
    case errc::invalid_length:
        return "the length of a WebSocket frame is not in its shortest form or has its top bit set";
    case errc::message_too_big: return "the WebSocket message is bigger than allowed";
    case errc::too_many_fragments: return "the WebSocket message has more fragments than allowed";
    case errc::fragmented_control_frame: return "a WebSocket control frame is fragmented";
    case errc::control_frame_too_long: return "a WebSocket control frame is longer than 125 bytes";
    case errc::unexpected_continuation: return "a WebSocket continuation frame continues no message";
    case errc::missing_continuation: return "a new WebSocket message began inside an unfinished one";
    case errc::invalid_close_frame: return "the WebSocket close frame is malformed";
    case errc::not_connected: return "there is no connection";
    case errc::disconnected: return "the connection ended";
    case errc::ack_timeout: return "no acknowledgement came in time";
    case errc::too_many_acks: return "more acknowledgements are awaited than allowed";
    case errc::queue_full: return "the queue to the peer is full";
    case errc::too_many_namespaces: return "the connection asks for more namespaces than allowed";
    case errc::connect_timeout: return "no namespace was joined in time";
    case errc::already_connected: return "the namespace was asked for twice";
    case errc::unexpected_type: return "a packet that only the other end may send";
    case errc::too_many_pending_events: return "more events wait for their namespace than allowed";
    case errc::invalid_contract: return "the compiled contract is malformed";
    case errc::unknown_contract_version: return "the compiled contract has a version that is not known here";
    case errc::contract_too_large: return "the compiled contract is larger than allowed";
    }
    return "unknown error";
}

/// The group of a code; 0 when it belongs to none.
condition group_of(errc code) {
    switch (code) {
    case errc::empty_packet:
    case errc::unknown_packet_type:
    case errc::invalid_base64:
    case errc::invalid_handshake:
    case errc::binary_packet_not_message:
    case errc::unknown_type:
    case errc::invalid_namespace:
    case errc::invalid_ack_id:
    case errc::invalid_payload:
    case errc::invalid_event_name:
    case errc::invalid_attachment_count:
    case errc::attachments_missing:
    case errc::unexpected_attachment:
    case errc::invalid_placeholder:
    case errc::invalid_json:
    case errc::invalid_utf8:
    case errc::wrong_json_type:
    case errc::reserved_bits:
    case errc::unknown_opcode:
    case errc::frame_not_masked:
    case errc::frame_masked:
    case errc::invalid_length:
    case errc::fragmented_control_frame:
    case errc::control_frame_too_long: // the bound is RFC 6455's, not a setting of ours
    case errc::unexpected_continuation:
    case errc::missing_continuation:
    case errc::invalid_close_frame:
    case errc::connect_timeout:
    case errc::already_connected:
    case errc::invalid_contract:
    case errc::unknown_contract_version: return condition::peer_fault;
    case errc::unexpected_type: return condition::peer_fault;
    case errc::too_many_packets:
    case errc::payload_too_large:
    case errc::namespace_too_long:
    case errc::too_many_attachments:
    case errc::json_too_deep:
    case errc::message_too_big:
    case errc::too_many_fragments:
    case errc::too_many_acks:
    case errc::queue_full:
    case errc::too_many_namespaces:
    case errc::too_many_pending_events:
    case errc::contract_too_large: return condition::limit_reached;
    case errc::not_connected:
    case errc::disconnected: return condition::gone;
    case errc::ack_timeout: break;
    }
    return condition{};
}

class codes final : public std::error_category {
public:
    const char* name() const noexcept override { return "roomcast"; }
    std::string message(int code) const override { return text_of(static_cast<errc>(code)); }
};

class conditions final : public std::error_category {
public:
    const char* name() const noexcept override { return "roomcast condition"; }

    std::string message(int group) const override {
        switch (static_cast<condition>(group)) {
        case condition::peer_fault: return "the peer broke the protocol";
        case condition::limit_reached: return "a limit was reached";
        case condition::gone: return "there is no connection any more";
        }
        return "unknown condition";
    }

    bool equivalent(const std::error_code& code, int group) const noexcept override {
        return code && code.category() == core_category() &&
               group_of(static_cast<errc>(code.value())) == static_cast<condition>(group);
    }
};

} // namespace

const std::error_category& core_category() noexcept {
    static const codes category;
    return category;
}

const std::error_category& condition_category() noexcept {
    static const conditions category;
    return category;
}

} // namespace roomcast::core
