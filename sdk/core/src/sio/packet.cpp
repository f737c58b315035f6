#include "roomcast/core/sio/packet.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>

namespace roomcast::core::sio {

namespace {

// socket.io-parser, RESERVED_EVENTS
constexpr std::array<std::string_view, 6> reserved_events = {
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::string_view take_while(std::string_view& rest, bool (*belongs)(char)) {
    std::size_t size = 0;
    while (size < rest.size() && belongs(rest[size])) ++size;
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
}

/// Takes `n-`.
std::error_code take_attachments(std::string_view& rest, packet_view& packet, const limits& bounds) {
    const std::string_view digits = take_while(rest, is_digit);
    if (digits.empty() || rest.empty() || rest.front() != '-') return errc::invalid_attachment_count;
    rest.remove_prefix(1);
    std::size_t count = 0;
    for (const char digit : digits) {
        count = count * 10 + static_cast<std::size_t>(digit - '0');
        if (count > bounds.max_attachments) return errc::too_many_attachments;
    }
    // A packet that waits for nothing would never be complete (CVE-2026-69185).
    if (count == 0) return errc::invalid_attachment_count;
    packet.attachments = static_cast<std::uint32_t>(count);
    return {};
}

/// Takes `/name,`; what looks like a query is part of the name, as it is for the reference.
std::error_code take_namespace(std::string_view& rest, packet_view& packet, const limits& bounds) {
    if (rest.empty() || rest.front() != '/') return {};
    packet.nsp = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), packet.nsp.size() + 1));
    if (packet.nsp.size() > bounds.max_namespace_bytes) return errc::namespace_too_long;
    if (!is_utf8(packet.nsp)) return errc::invalid_namespace;
    return {};
}

/// Takes the digits of the acknowledgement id. White space around them is part of the number for the
/// reference, and nothing but white space is zero.
std::error_code take_id(std::string_view& rest, packet_view& packet, const limits& bounds) {
    const bool has_space_before = !take_while(rest, is_space).empty();
    std::string_view digits = take_while(rest, is_digit);
    take_while(rest, is_space);
    if (digits.size() > bounds.max_ack_id_digits) return errc::invalid_ack_id;
    while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    if (digits.empty() && has_space_before) digits = "0";
    packet.id = digits;
    return {};
}

std::error_code check_event_name(std::string_view checked_args) {
    const auto name = value::element_at(checked_args, 0);
    if (!name) return errc::invalid_event_name;
    switch (value::kind_of(*name)) {
    case value::kind::number: return {};
    case value::kind::string:
        for (const auto& each : reserved_events) {
            if (value::is_text(*name, each)) return errc::invalid_event_name;
        }
        return {};
    case value::kind::null:
    case value::kind::boolean:
    case value::kind::array:
    case value::kind::object: break;
    }
    return errc::invalid_event_name;
}

std::error_code expect(bool is_expected) {
    return is_expected ? std::error_code{} : errc::invalid_payload;
}

/// Does the payload, checked JSON or nothing, fit its packet?
std::error_code check_shape(const packet_view& packet) {
    const bool is_absent = packet.data.empty();
    const value::kind kind = value::kind_of(packet.data);
    switch (packet.type) {
    case packet_type::connect: return expect(is_absent || kind == value::kind::object);
    case packet_type::disconnect: return expect(is_absent);
    case packet_type::connect_error:
        return expect(kind == value::kind::object || kind == value::kind::string);
    case packet_type::event:
        if (is_absent) return {};
        return kind == value::kind::array ? check_event_name(packet.data) : errc::invalid_payload;
    case packet_type::binary_event:
        return kind == value::kind::array ? check_event_name(packet.data) : errc::invalid_payload;
    case packet_type::ack: return expect(is_absent || kind == value::kind::array);
    case packet_type::binary_ack: return expect(kind == value::kind::array);
    }
    return errc::unknown_type;
}

} // namespace

result<packet_view> decode(std::string_view text, const limits& bounds) {
    if (text.empty() || text.front() < '0' || text.front() > '6') return errc::unknown_type;
    packet_view packet;
    packet.type = static_cast<packet_type>(text.front() - '0');
    std::string_view rest = text.substr(1);
    if (packet.type == packet_type::binary_event || packet.type == packet_type::binary_ack) {
        if (const auto error = take_attachments(rest, packet, bounds)) return error;
    }
    if (const auto error = take_namespace(rest, packet, bounds)) return error;
    if (const auto error = take_id(rest, packet, bounds)) return error;
    if (!rest.empty()) {
        const auto size = value::check(rest, bounds.max_json_depth);
        if (!size) return size.error();
        packet.data = rest.substr(0, *size);
        rest.remove_prefix(*size);
        take_while(rest, is_space);
        if (!rest.empty()) return errc::invalid_json;
    }
    if (const auto error = check_shape(packet)) return error;
    return packet;
}

bool is_reserved_event(std::string_view name) {
    return std::find(reserved_events.begin(), reserved_events.end(), name) != reserved_events.end();
}

} // namespace roomcast::core::sio
