#pragma once

#include "roomcast/core/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::core::eio {

/// Between the packets of a polling body. @source Engine.IO v4, "HTTP long-polling"
inline constexpr char separator = '\x1e';

/// Takes a polling body apart into the text forms of its packets. Never copies.
class payload_reader {
public:
    explicit payload_reader(std::string_view body) : rest_(body), at_end_(body.empty()) {}

    /// The next packet's text (it may be empty, which is not a packet), nullopt at the end.
    std::optional<std::string_view> next();

private:
    std::string_view rest_;
    bool at_end_;
};

/// Appends one packet to a polling body: separator when needed, base64 form when binary.
/// @param payload for text the packet with its digit, for binary the bare bytes
void append_packet(std::string& body, frame_kind kind, bytes_view payload);

} // namespace roomcast::core::eio
