// The input is a polling body. The reader must cut it where the separators are; every packet that it decodes
// to must come out again as it went in.
#include "input.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/eio/payload.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace core = roomcast::core;
namespace eio = roomcast::core::eio;
using roomcast::fuzz::require;

std::vector<std::string_view> cut(std::string_view body) {
    std::vector<std::string_view> packets;
    eio::payload_reader reader{body};
    while (const auto packet = reader.next()) packets.push_back(*packet);
    require(!reader.next(), "the end is the end");
    return packets;
}

void check_pieces(std::string_view body, const std::vector<std::string_view>& packets) {
    std::string joined;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (i > 0) joined += eio::separator;
        joined += packets[i];
        require(packets[i].find(eio::separator) == std::string_view::npos, "no separator within a packet");
        require(packets[i].data() >= body.data() &&
                    packets[i].data() + packets[i].size() <= body.data() + body.size(),
                "nothing is copied");
    }
    require(joined == body, "packets and separators are the body");
    require(packets.empty() == body.empty(), "only an empty body has no packet");
}

/// @return the packet's form in a body written by us; the input's where it is not one
std::string check_packet(std::string_view text) {
    const auto packet = eio::decode_text(text);
    const bool is_known = !text.empty() && (text[0] == 'b' || (text[0] >= '0' && text[0] <= '6'));
    require(packet.has_value() == is_known, "a packet begins with its type");
    if (!packet) {
        require(packet.error() == (text.empty() ? core::errc::empty_packet : core::errc::unknown_packet_type),
                "the fault is named");
        return std::string{text};
    }
    require(packet->data == text.substr(1), "the data follows the type");
    require(packet->is_base64 == (packet->kind == core::frame_kind::binary), "binary is base64 in text");
    if (!packet->is_base64) {
        require(eio::digit_of(packet->type) == text[0], "the type is the digit");
        return std::string{text};
    }
    require(packet->type == eio::packet_type::message, "only messages are binary");
    std::string octets = "before";
    if (!core::append_from_base64(octets, packet->data)) {
        require(octets == "before", "a refusal leaves the output alone");
        return std::string{text};
    }
    octets.erase(0, 6);
    std::string written;
    eio::append_packet(written, core::frame_kind::binary, octets);
    const auto again = eio::decode_text(written);
    std::string back;
    require(again && again->is_base64 && core::append_from_base64(back, again->data) && back == octets,
            "what is encoded is decoded");
    return written;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = roomcast::fuzz::input{data, size}.rest();
    const auto packets = cut(body);
    check_pieces(body, packets);
    std::string rewritten;
    std::vector<std::string> expected;
    for (const std::string_view packet : packets) {
        expected.push_back(check_packet(packet));
        if (expected.back().empty()) return 0; // not a packet: it has no form in a body
        eio::append_packet(rewritten, core::frame_kind::text, expected.back());
    }
    const auto again = cut(rewritten);
    require(std::vector<std::string>(again.begin(), again.end()) == expected,
            "a written body is cut as it was joined");
    return 0;
}
