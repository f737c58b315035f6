#include "json_oracle.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/core/sio/packet.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// The input is a row of messages, with \x1e between them as in a polling body. One that begins with 'b' is
// binary, all others are text.

namespace {

using nlohmann::json;
using namespace std::string_view_literals;

namespace core = roomcast::core;
namespace fuzz = roomcast::fuzz;
namespace sio = roomcast::core::sio;
namespace value = roomcast::core::value;

core::limits bounds_of_test() {
    core::limits bounds;
    bounds.max_attachments = 4;
    bounds.max_payload_bytes = 32;
    bounds.max_namespace_bytes = 24;
    bounds.max_ack_id_digits = 12;
    return bounds;
}

const core::limits bounds = bounds_of_test();
const std::size_t max_part_bytes = bounds.max_attachments * bounds.max_payload_bytes;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_space(char c) {
    return " \t\r\n"sv.find(c) != std::string_view::npos;
}

// --- an independent reader of packets, after the reference's decodeString ---

bool is_event(const json& payload) {
    static const std::set<std::string> reserved{"connect",       "connect_error", "disconnect",
                                                "disconnecting", "newListener",   "removeListener"};
    if (!payload.is_array() || payload.empty()) return false;
    return payload[0].is_number() ||
           (payload[0].is_string() && reserved.count(payload[0].get<std::string>()) == 0);
}

bool fits(char type, const std::optional<json>& payload) {
    switch (type) {
    case '0': return !payload || payload->is_object();
    case '1': return !payload;
    case '2': return !payload || is_event(*payload);
    case '3': return !payload || payload->is_array();
    case '4': return payload && (payload->is_object() || payload->is_string());
    case '5': return payload && is_event(*payload);
    default: return payload && payload->is_array();
    }
}

/// Is this a packet? nullopt: nlohmann cannot say because of a number or because of depth.
std::optional<bool> is_packet(std::string_view text) {
    if (text.empty() || "0123456"sv.find(text[0]) == std::string_view::npos) return false;
    std::size_t i = 1;
    if (text[0] == '5' || text[0] == '6') {
        const std::size_t hyphen = text.find('-');
        if (hyphen == std::string_view::npos) return false;
        const std::string_view count = text.substr(1, hyphen - 1);
        if (count.empty() || !std::all_of(count.begin(), count.end(), is_digit)) return false;
        const std::size_t first = count.find_first_not_of('0');
        if (first == std::string_view::npos || count.size() - first > 1) return false;
        if (static_cast<std::size_t>(count[first] - '0') > bounds.max_attachments) return false;
        i = hyphen + 1;
    }
    if (i < text.size() && text[i] == '/') {
        const std::size_t comma = std::min(text.find(',', i), text.size());
        const std::string_view name = text.substr(i, comma - i);
        if (!core::is_utf8(name)) return false;
        if (name.size() > bounds.max_namespace_bytes) return false;
        i = comma + 1;
    }
    std::size_t id_groups = 0;
    std::size_t id_digits = 0;
    for (; i < text.size() && (is_digit(text[i]) || is_space(text[i])); ++i) {
        if (!is_digit(text[i])) continue;
        if (!is_digit(text[i - 1]) || id_groups == 0) ++id_groups;
        ++id_digits;
    }
    if (id_groups > 1 || id_digits > bounds.max_ack_id_digits) return false;
    if (i >= text.size()) return fits(text[0], std::nullopt);
    const std::string_view payload = text.substr(i);
    if (value::check_whole(payload, bounds.max_json_depth) == core::errc::json_too_deep) return false;
    if (!fuzz::is_json(payload)) return false;
    const json tree = fuzz::tree_of(payload);
    if (tree.is_discarded()) return std::nullopt;
    return fits(text[0], tree);
}

/// The packet's text as an encoder would write it.
std::string written(const sio::packet_view& packet) {
    std::string out{sio::digit_of(packet.type)};
    if (packet.attachments > 0) out += std::to_string(packet.attachments) + "-";
    if (packet.nsp != "/") out.append(packet.nsp).push_back(',');
    return out.append(packet.id).append(packet.data);
}

bool is_same(const sio::packet_view& a, const sio::packet_view& b) {
    return a.type == b.type && a.attachments == b.attachments && a.nsp == b.nsp && a.id == b.id &&
           a.data == b.data;
}

void check_packet(const sio::packet_view& packet) {
    ROOMCAST_PROPERTY(packet.nsp.front() == '/' && packet.nsp.find(',') == std::string_view::npos);
    ROOMCAST_PROPERTY(packet.nsp.size() <= bounds.max_namespace_bytes && core::is_utf8(packet.nsp));
    ROOMCAST_PROPERTY(packet.id.size() <= bounds.max_ack_id_digits);
    ROOMCAST_PROPERTY(std::all_of(packet.id.begin(), packet.id.end(), is_digit));
    ROOMCAST_PROPERTY(packet.id.size() < 2 || packet.id.front() != '0');
    ROOMCAST_PROPERTY(packet.attachments <= bounds.max_attachments);
    if (!packet.data.empty()) {
        ROOMCAST_PROPERTY(!is_space(packet.data.front()) && !is_space(packet.data.back()));
        ROOMCAST_PROPERTY(!value::check_whole(packet.data, bounds.max_json_depth));
    }
    const std::string text = written(packet);
    const auto again = sio::decode(text, bounds);
    ROOMCAST_PROPERTY(again && is_same(*again, packet));
}

// --- placeholders on a tree ---

using part_list = std::vector<std::string>;

bool is_placeholder(const json& tree) {
    return tree.is_object() && tree.contains("_placeholder") && tree["_placeholder"] == json(true);
}

/// The attachment that a placeholder names.
const std::string* named(const json& tree, const part_list& parts) {
    if (!tree.contains("num") || !tree["num"].is_number_integer()) return nullptr;
    const json& number = tree["num"];
    if (!number.is_number_unsigned() && number.get<std::int64_t>() < 0) return nullptr;
    const auto index = number.get<std::uint64_t>();
    return index < parts.size() ? &parts[index] : nullptr;
}

bool are_all_named(const json& tree, const part_list& parts) {
    if (is_placeholder(tree)) return named(tree, parts) != nullptr;
    return std::all_of(tree.begin(), tree.end(), [&parts](const json& inner) {
        return !inner.is_structured() || are_all_named(inner, parts);
    });
}

/// The tree with its attachments in place; what names none becomes null.
json with_parts(const json& tree, const part_list& parts) {
    if (is_placeholder(tree)) {
        const std::string* const part = named(tree, parts);
        if (part == nullptr) return nullptr;
        return json::binary({part->begin(), part->end()});
    }
    json out = tree;
    if (tree.is_structured()) {
        for (auto each = out.begin(); each != out.end(); ++each) *each = with_parts(*each, parts);
    }
    return out;
}

/// Picking changes the numbers and nothing that they mean.
void check_picked(std::string_view checked, const sio::attachments& from) {
    const json before = fuzz::tree_of(checked);
    if (before.is_discarded()) return;
    const part_list parts = from == nullptr ? part_list{} : *from;
    ROOMCAST_PROPERTY(!sio::check_placeholders(checked, parts.size()) == are_all_named(before, parts));

    std::string list = "[";
    part_list picked{"another's"};
    sio::append_picked(list, picked, checked, from);
    list.push_back(',');
    sio::append_picked(list, picked, checked, from);
    list.push_back(']');
    ROOMCAST_PROPERTY(!value::check_whole(list, bounds.max_json_depth + 1));
    ROOMCAST_PROPERTY(!sio::check_placeholders(list, picked.size()));
    const json expected = with_parts(before, parts);
    ROOMCAST_PROPERTY(with_parts(fuzz::tree_of(list), picked) == json::array({expected, expected}));

    const auto alone = sio::pick(checked, from);
    if (from == nullptr) {
        ROOMCAST_PROPERTY(alone.text == checked && alone.parts == nullptr);
        return;
    }
    const part_list alone_parts = alone.parts == nullptr ? part_list{} : *alone.parts;
    ROOMCAST_PROPERTY(alone.parts == nullptr || !alone.parts->empty());
    ROOMCAST_PROPERTY(alone_parts.size() <= parts.size());
    ROOMCAST_PROPERTY(with_parts(fuzz::tree_of(alone.text), alone_parts) == expected);
}

/// What the encoder writes, the decoder reads as it was.
void check_encoded(const sio::packet_view& packet, const sio::attachments& parts) {
    if (packet.data.empty() ||
        (packet.type != sio::packet_type::event && packet.type != sio::packet_type::ack))
        return;
    const auto message = packet.type == sio::packet_type::event
                             ? sio::encode_event(packet.nsp, packet.data, parts, packet.id)
                             : sio::encode_ack(packet.nsp, packet.id, packet.data, parts);
    sio::decoder reader{bounds};
    auto given = reader.add_text(message->at(0).payload().substr(1));
    for (std::size_t i = 1; i < message->size(); ++i) {
        ROOMCAST_PROPERTY(given && !*given);
        given = reader.add_binary(message->at(i).payload());
    }
    ROOMCAST_PROPERTY(given && *given);
    ROOMCAST_PROPERTY(is_same(reader.packet(), packet));
    const auto again = reader.take_attachments();
    ROOMCAST_PROPERTY((again == nullptr) == (parts == nullptr));
    if (again != nullptr) ROOMCAST_PROPERTY(*again == *parts);
}

/// The offset of connection state recovery becomes one more argument, whatever the others are.
void check_offset(const sio::packet_view& packet) {
    if (packet.data.empty() || packet.type != sio::packet_type::event) return;
    const auto message = sio::encode_event(packet.nsp, packet.data, nullptr, {}, "\"off]");
    const auto again = sio::decode(message->first.payload().substr(1), bounds);
    ROOMCAST_PROPERTY(again.has_value());
    value::walker before{packet.data};
    value::walker behind{again->data};
    while (before.next()) ROOMCAST_PROPERTY(behind.next() && behind.element() == before.element());
    ROOMCAST_PROPERTY(behind.next() && value::is_text(behind.element(), "\"off]") && !behind.next());
}

/// A decoder, and what it must do next by the plainest reading of the rules.
class pair {
public:
    /// @return false: the connection would be closed
    bool add_text(std::string_view message) {
        // The decoder may look at nothing but the message: give it memory of exactly that size.
        text_ = std::vector<char>(message.begin(), message.end());
        const std::string_view text{text_.data(), text_.size()};
        const auto packet = sio::decode(text, bounds);
        const auto opinion = is_packet(text);
        if (opinion) ROOMCAST_PROPERTY(packet.has_value() == *opinion);
        if (packet) check_packet(*packet);

        const auto given = reader_.add_text(text);
        if (expected_ > 0) {
            ROOMCAST_PROPERTY(given.error() == core::errc::attachments_missing && !reader_.is_waiting());
            return false;
        }
        ROOMCAST_PROPERTY(given.error() == packet.error());
        if (!given) return false;
        expected_ = packet->attachments;
        arguments_ = packet->data;
        parts_.clear();
        ROOMCAST_PROPERTY(*given == (expected_ == 0) && reader_.is_waiting() == (expected_ > 0));
        if (*given) {
            ROOMCAST_PROPERTY(is_same(reader_.packet(), *packet));
            finish();
        }
        return true;
    }

    bool add_binary(std::string_view data) {
        const auto given = reader_.add_binary(data);
        if (expected_ == 0) {
            ROOMCAST_PROPERTY(given.error() == core::errc::unexpected_attachment);
            return false;
        }
        parts_.emplace_back(data);
        std::size_t bytes = 0;
        for (const auto& each : parts_) bytes += each.size();
        if (bytes > max_part_bytes) {
            ROOMCAST_PROPERTY(given.error() == core::errc::payload_too_large && !reader_.is_waiting());
            return false;
        }
        if (parts_.size() < expected_) {
            ROOMCAST_PROPERTY(given && !*given && reader_.is_waiting());
            return true;
        }
        expected_ = 0;
        ROOMCAST_PROPERTY(!reader_.is_waiting());
        if (!given) {
            ROOMCAST_PROPERTY(given.error() == core::errc::invalid_placeholder);
            const json tree = fuzz::tree_of(arguments_);
            ROOMCAST_PROPERTY(tree.is_discarded() || !are_all_named(tree, parts_));
            return false;
        }
        ROOMCAST_PROPERTY(*given);
        finish();
        return true;
    }

private:
    void finish() {
        const sio::packet_view& packet = reader_.packet();
        ROOMCAST_PROPERTY(packet.type != sio::packet_type::binary_event &&
                          packet.type != sio::packet_type::binary_ack);
        const auto parts = reader_.take_attachments();
        ROOMCAST_PROPERTY((parts == nullptr) == parts_.empty());
        if (parts != nullptr) ROOMCAST_PROPERTY(*parts == parts_ && packet.attachments == parts_.size());
        if (!packet.data.empty()) check_picked(packet.data, parts);
        check_encoded(packet, parts);
        check_offset(packet);
    }

    sio::decoder reader_{bounds};
    std::vector<char> text_;
    std::string arguments_; ///< of the packet whose attachments are to come
    part_list parts_;
    std::size_t expected_ = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    pair both;
    for (bool is_open = true; is_open && !rest.empty();) {
        const std::string_view message = rest.substr(0, rest.find('\x1e'));
        rest.remove_prefix(std::min(rest.size(), message.size() + 1));
        is_open = message.substr(0, 1) == "b" ? both.add_binary(message.substr(1)) : both.add_text(message);
    }
    return 0;
}
