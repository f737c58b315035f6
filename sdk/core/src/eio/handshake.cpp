#include "roomcast/core/eio/handshake.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/value.hpp"

#include <limits>
#include <optional>

namespace roomcast::core::eio {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t max_sid_bytes = 256;
constexpr milliseconds shortest_interval{1};
constexpr milliseconds longest_interval = std::chrono::hours{24};

void append_milliseconds(std::string& out, duration time) {
    append_number(out, static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(time).count()));
}

std::optional<duration> interval(std::string_view object, std::string_view key) {
    const auto written = value::member(object, key);
    if (!written) return std::nullopt;
    const auto number = value::integer(*written);
    if (!number || *number < shortest_interval.count() || *number > longest_interval.count()) {
        return std::nullopt;
    }
    return milliseconds{*number};
}

/// A server older than the field does not send it, and one without a limit writes null: both leave `size`
/// alone.
bool read_max_payload(std::string_view object, std::size_t& size) {
    const auto written = value::member(object, "maxPayload");
    if (!written || value::kind_of(*written) == value::kind::null) return true;
    const auto number = value::integer(*written);
    if (!number || *number < 1) return false;
    constexpr std::uint64_t largest = std::numeric_limits<std::size_t>::max();
    const auto wanted = static_cast<std::uint64_t>(*number);
    size = static_cast<std::size_t>(wanted < largest ? wanted : largest);
    return true;
}

bool read_upgrades(std::string_view object, bool& can_upgrade) {
    const auto written = value::member(object, "upgrades");
    if (!written) return true;
    if (value::kind_of(*written) != value::kind::array) return false;
    value::walker upgrades{*written};
    while (upgrades.next()) {
        if (value::is_text(upgrades.element(), "websocket")) can_upgrade = true;
    }
    return true;
}

} // namespace

std::string encode_open(const handshake& given) {
    std::string packet{digit_of(packet_type::open)};
    packet += R"({"sid":)";
    value::append_string(packet, given.sid);
    packet += R"(,"upgrades":[)";
    if (given.can_upgrade) packet += R"("websocket")";
    packet += R"(],"pingInterval":)";
    append_milliseconds(packet, given.ping_interval);
    packet += R"(,"pingTimeout":)";
    append_milliseconds(packet, given.ping_timeout);
    packet += R"(,"maxPayload":)";
    append_number(packet, given.max_payload_bytes);
    packet += '}';
    return packet;
}

result<handshake> decode_open(std::string_view data, const limits& bounds) {
    if (value::check_whole(data, bounds.max_json_depth)) return errc::invalid_handshake;
    handshake told;
    const auto sid = value::member(data, "sid");
    auto sid_text = sid ? value::text(*sid) : std::nullopt;
    if (!sid_text || sid_text->empty() || sid_text->size() > max_sid_bytes) return errc::invalid_handshake;
    told.sid = std::move(*sid_text);
    const auto ping_interval = interval(data, "pingInterval");
    const auto ping_timeout = interval(data, "pingTimeout");
    if (!ping_interval || !ping_timeout) return errc::invalid_handshake;
    told.ping_interval = *ping_interval;
    told.ping_timeout = *ping_timeout;
    if (!read_max_payload(data, told.max_payload_bytes)) return errc::invalid_handshake;
    if (!read_upgrades(data, told.can_upgrade)) return errc::invalid_handshake;
    return told;
}

} // namespace roomcast::core::eio
