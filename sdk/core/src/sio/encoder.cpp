#include "roomcast/core/sio/encoder.hpp"

#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/value.hpp"

#include <array>
#include <cassert>

namespace roomcast::core {

wire_packet wire_packet::make(frame_kind kind, std::initializer_list<std::string_view> pieces) {
    std::size_t size = 0;
    for (const auto piece : pieces) size += piece.size();
    wire_packet made;
    made.kind_ = kind;
    made.header_ = static_cast<std::uint8_t>(ws::header_bytes(size));
    made.frame_.reserve(made.header_ + size);
    ws::append_header(made.frame_, kind == frame_kind::text ? ws::opcode::text : ws::opcode::binary, size);
    for (const auto piece : pieces) made.frame_.append(piece);
    return made;
}

wire_packet wire_packet::control(ws::opcode code, bytes_view payload) {
    wire_packet made;
    made.kind_ = frame_kind::binary;
    made.is_control_ = true;
    made.header_ = static_cast<std::uint8_t>(ws::header_bytes(payload.size()));
    made.frame_.reserve(made.header_ + payload.size());
    ws::append_header(made.frame_, code, payload.size());
    made.frame_.append(payload);
    return made;
}

void prepared_message::finish() {
    frame_bytes = first.frame().size();
    for (const auto& each : rest) frame_bytes += each.frame().size();
}

shared_message prepare_text(std::string_view packet) {
    auto message = std::make_shared<prepared_message>(wire_packet::make(frame_kind::text, {packet}));
    message->finish();
    return message;
}

} // namespace roomcast::core

namespace roomcast::core::sio {

namespace {

/// A message of one packet and its attachments; `payload` is the packet's, in pieces.
shared_message encode(packet_type type, std::string_view nsp, std::string_view id,
                      const std::array<std::string_view, 3>& payload,
                      const sio::attachments& parts = nullptr) {
    std::string types{eio::digit_of(eio::packet_type::message), digit_of(type)};
    if (parts != nullptr && !parts->empty()) {
        types[1] = digit_of(type == packet_type::event ? packet_type::binary_event : packet_type::binary_ack);
        append_number(types, parts->size());
        types.push_back('-');
    }
    const bool is_main = nsp == "/";
    auto message = std::make_shared<prepared_message>(
        wire_packet::make(frame_kind::text, {types, is_main ? std::string_view{} : nsp, is_main ? "" : ",",
                                             id, payload[0], payload[1], payload[2]}));
    if (parts != nullptr) {
        message->rest.reserve(parts->size());
        for (const auto& part : *parts)
            message->rest.push_back(wire_packet::make(frame_kind::binary, {part}));
    }
    message->finish();
    return message;
}

} // namespace

shared_message encode_connect(std::string_view nsp, std::string_view sid, std::string_view pid) {
    std::string answer = R"({"sid":)";
    value::append_string(answer, sid);
    if (!pid.empty()) {
        answer += R"(,"pid":)";
        value::append_string(answer, pid);
    }
    answer.push_back('}');
    return encode(packet_type::connect, nsp, {}, {answer});
}

shared_message encode_connect_error(std::string_view nsp, std::string_view message,
                                    std::string_view data_json) {
    std::string reason = R"({"message":)";
    value::append_string(reason, message);
    if (!data_json.empty()) {
        reason += R"(,"data":)";
        reason += data_json;
    }
    reason.push_back('}');
    return encode(packet_type::connect_error, nsp, {}, {reason});
}

shared_message encode_disconnect(std::string_view nsp) {
    return encode(packet_type::disconnect, nsp, {}, {});
}

shared_message encode_event(std::string_view nsp, std::string_view args_json, const sio::attachments& parts,
                            std::string_view id, std::string_view offset) {
    if (offset.empty()) return encode(packet_type::event, nsp, id, {args_json}, parts);
    const std::size_t bracket = args_json.rfind(']');
    assert(bracket != std::string_view::npos);
    std::string last = ",";
    value::append_string(last, offset);
    return encode(packet_type::event, nsp, id, {args_json.substr(0, bracket), last, "]"}, parts);
}

shared_message encode_event_without_offset(std::string_view nsp, std::string_view args_json,
                                           const sio::attachments& parts) {
    const std::size_t bracket = args_json.rfind(']');
    assert(bracket != std::string_view::npos);
    const std::string_view all = args_json.substr(0, bracket);
    const std::size_t last = all.find_last_not_of(" \t\r\n");
    const bool ends_in_text = last != std::string_view::npos && all[last] == '"';
    return encode(packet_type::event, nsp, {}, {all, ends_in_text ? ",null]" : "]"}, parts);
}

shared_message encode_ack(std::string_view nsp, std::string_view id, std::string_view args_json,
                          const sio::attachments& parts) {
    return encode(packet_type::ack, nsp, id, {args_json}, parts);
}

} // namespace roomcast::core::sio
