#include "roomcast/core/eio/payload.hpp"

namespace roomcast::core::eio {

std::optional<std::string_view> payload_reader::next() {
    if (at_end_) return std::nullopt;
    const std::size_t end = rest_.find(separator);
    const std::string_view packet = rest_.substr(0, end);
    if (end == std::string_view::npos) {
        at_end_ = true;
    } else {
        rest_.remove_prefix(end + 1);
    }
    return packet;
}

void append_packet(std::string& body, frame_kind kind, bytes_view payload) {
    if (!body.empty()) body += separator;
    if (kind == frame_kind::text) {
        body.append(payload);
        return;
    }
    body += 'b';
    append_base64(body, payload);
}

} // namespace roomcast::core::eio
