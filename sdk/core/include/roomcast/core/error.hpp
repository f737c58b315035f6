#pragma once

#include <string>
#include <system_error>

namespace roomcast::core {

/// Every cause of failure in core. Codes are appended within their block, never renumbered.
enum class errc {
    // Engine.IO codec
    empty_packet = 1,
    unknown_packet_type,
    invalid_base64,
    too_many_packets,
    payload_too_large,
    invalid_handshake,
    binary_packet_not_message,
    // Socket.IO codec
    unknown_type = 20,
    invalid_namespace,
    namespace_too_long,
    invalid_ack_id,
    invalid_payload,
    invalid_event_name,
    invalid_attachment_count,
    too_many_attachments,
    attachments_missing,
    unexpected_attachment,
    invalid_placeholder,
    // JSON text
    invalid_json = 40,
    json_too_deep,
    invalid_utf8,
    wrong_json_type,
    // WebSocket frames (RFC 6455)
    reserved_bits = 60,
    unknown_opcode,
    frame_not_masked,
    frame_masked,
    invalid_length,
    message_too_big,
    too_many_fragments,
    fragmented_control_frame,
    control_frame_too_long,
    unexpected_continuation,
    missing_continuation,
    invalid_close_frame,
    // state and limits
    not_connected = 80,
    disconnected,
    ack_timeout,
    too_many_acks,
    queue_full,
    too_many_namespaces,
    too_many_pending_events,
    connect_timeout,
    already_connected,
    unexpected_type,
    // contract
    invalid_contract = 100,
    unknown_contract_version,
    contract_too_large,
};

/// Groups of causes that callers act on: `ec == condition::peer_fault`.
enum class condition {
    peer_fault = 1, ///< the peer broke the protocol: close the connection
    limit_reached,  ///< a named setting of ours was reached
    gone,           ///< there is no connection for this any more
};

const std::error_category& core_category() noexcept;
const std::error_category& condition_category() noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), core_category()};
}
inline std::error_condition make_error_condition(condition group) noexcept {
    return {static_cast<int>(group), condition_category()};
}

} // namespace roomcast::core

template <>
struct std::is_error_code_enum<roomcast::core::errc> : std::true_type {};
template <>
struct std::is_error_condition_enum<roomcast::core::condition> : std::true_type {};
