// The input is the data of an open packet. An independent JSON reader must agree on whether it is a
// handshake, and on what it tells.
#include "input.hpp"
#include "json_oracle.hpp"

#include "roomcast/core/eio/handshake.hpp"
#include "roomcast/core/value.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

namespace core = roomcast::core;
namespace eio = roomcast::core::eio;
using roomcast::fuzz::require;
using std::chrono::milliseconds;

std::optional<milliseconds> interval(const nlohmann::json& told, const char* key) {
    const auto found = told.find(key);
    if (found == told.end() || !found->is_number_integer()) return std::nullopt;
    if (found->is_number_unsigned() && found->get<std::uint64_t>() > 86'400'000) return std::nullopt;
    const auto number = found->get<std::int64_t>();
    if (number < 1 || number > 86'400'000) return std::nullopt;
    return milliseconds{number};
}

/// What nlohmann's reader makes of it. Only called on text that is JSON.
std::optional<eio::handshake> opinion(std::string_view text) {
    const auto told = nlohmann::json::parse(text, nullptr, false);
    if (told.is_discarded() || !told.is_object()) return std::nullopt;
    eio::handshake made;
    const auto sid = told.find("sid");
    if (sid == told.end() || !sid->is_string()) return std::nullopt;
    made.sid = sid->get<std::string>();
    if (made.sid.empty() || made.sid.size() > 256) return std::nullopt;
    const auto ping_interval = interval(told, "pingInterval");
    const auto ping_timeout = interval(told, "pingTimeout");
    if (!ping_interval || !ping_timeout) return std::nullopt;
    made.ping_interval = *ping_interval;
    made.ping_timeout = *ping_timeout;
    if (const auto most = told.find("maxPayload"); most != told.end() && !most->is_null()) {
        if (!most->is_number_integer()) return std::nullopt;
        if (most->is_number_unsigned()) {
            const auto number = most->get<std::uint64_t>();
            if (number < 1 || number > INT64_MAX) return std::nullopt;
            made.max_payload_bytes = number;
        } else {
            return std::nullopt; // negative
        }
    }
    if (const auto upgrades = told.find("upgrades"); upgrades != told.end()) {
        if (!upgrades->is_array()) return std::nullopt;
        for (const auto& each : *upgrades) {
            if (each == "websocket") made.can_upgrade = true;
        }
    }
    return made;
}

bool is_same(const eio::handshake& one, const eio::handshake& other) {
    return one.sid == other.sid && one.can_upgrade == other.can_upgrade &&
           one.ping_interval == other.ping_interval && one.ping_timeout == other.ping_timeout &&
           one.max_payload_bytes == other.max_payload_bytes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = roomcast::fuzz::input{data, size}.rest();
    const core::limits bounds;
    const auto told = eio::decode_open(text, bounds);
    if (!told) require(told.error() == core::errc::invalid_handshake, "the fault is named");

    if (core::value::check_whole(text, bounds.max_json_depth)) {
        require(!told.has_value(), "what is not JSON is no handshake");
        return 0;
    }
    const std::string readable = roomcast::fuzz::without_lone_surrogates(text);
    // Where nlohmann refuses what RFC 8259 allows (numbers beyond a double) it has no opinion.
    if (!nlohmann::json::accept(readable)) return 0;
    const auto expected = opinion(readable);
    require(told.has_value() == expected.has_value(), "both readers agree on whether it is a handshake");
    if (!told) return 0;
    require(is_same(*told, *expected), "both readers agree on what it tells");
    const auto again = eio::decode_open(std::string_view{eio::encode_open(*told)}.substr(1), bounds);
    require(again && is_same(*again, *told), "what is written is read back");
    return 0;
}
