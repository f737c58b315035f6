#pragma once

#include <cstddef>
#include <cstdint>

namespace roomcast::core {

/// Every bound that the protocol needs against a peer. All are inclusive maxima.
struct limits {
    /// Bytes of one polling body or of one WebSocket message that a peer may send (`maxPayload`). 1 MB as in
    /// the reference implementation.
    std::size_t max_payload_bytes = 1'000'000;
    /// Packets in one polling body. A body of nothing but separators costs us far more than its bytes.
    std::size_t max_packets_per_payload = 10'000;
    /// Attachments of one binary event or ack; the reference parser has the same bound.
    std::size_t max_attachments = 10;
    /// Nesting of arrays and objects in JSON. Deep text overflows the stack of whoever makes a tree of it.
    std::size_t max_json_depth = 200;
    /// Bytes of a namespace name, its slash included.
    std::size_t max_namespace_bytes = 512;
    /// Digits of an acknowledgement id.
    std::size_t max_ack_id_digits = 32;
    /// Acknowledgements that we wait for on one socket at once.
    std::size_t max_acks_in_flight = 10'000;
    /// Namespaces that one connection may have joined or asked for at once.
    std::size_t max_namespaces_per_connection = 100;
    /// Events kept while their namespace is being joined.
    std::size_t max_pending_events = 100;
    /// Bytes of those events together.
    std::size_t max_pending_event_bytes = 1'000'000;
    /// Frames of one fragmented WebSocket message, empty ones included.
    std::size_t max_fragments = 16'384;
};

} // namespace roomcast::core
