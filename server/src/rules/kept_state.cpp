#include "rules/kept_state.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>

namespace roomcast::server::rules {

namespace {

namespace value = core::value;

constexpr std::int64_t end_of_9999_ms = 253'402'300'799'999; // the last time that has four digits of a year
constexpr std::size_t deepest =
    20'000; // checked by the configuration's own bound when it came, 10 000 at most
constexpr core::duration longest = std::chrono::hours{24 * 365 * 100};

core::duration read_duration(base::octet_reader& from) {
    return std::clamp(core::duration{from.i64()}, core::duration::zero(), longest);
}

/// A text that goes into JSON, or is a name.
std::string read_name(base::octet_reader& from) {
    const std::string_view text = from.text();
    if (!core::is_utf8(text)) from.fail();
    return std::string{text};
}

std::string read_json(base::octet_reader& from) {
    const std::string_view text = from.text();
    if (value::check_whole(text, deepest)) from.fail();
    return std::string{text};
}

args read_args(base::octet_reader& from) {
    std::string text = read_json(from);
    if (!text.starts_with('[')) from.fail();
    auto parts = std::make_shared<std::vector<std::string>>();
    for (std::size_t left = from.count(4); left > 0; --left) parts->emplace_back(from.text());
    // Without attachments what looks like a placeholder is an object as any other.
    const bool is_filled = parts->empty() || !core::sio::check_placeholders(text, parts->size());
    if (!from.is_good() || !is_filled) {
        from.fail();
        return {};
    }
    return args::from_checked(std::move(text), parts->empty() ? nullptr : std::move(parts));
}

void append_names(base::octet_writer& to, const std::vector<std::string>& names) {
    to.count(names.size());
    for (const std::string& each : names) to.text(each);
}

std::vector<std::string> read_names(base::octet_reader& from) {
    std::vector<std::string> all(from.count(4));
    for (std::string& each : all) each = read_name(from);
    return all;
}

} // namespace

void append(std::string& out, const kept_state& state) {
    base::octet_writer to{out};
    to.count(state.once.size());
    for (const auto& each : state.once) {
        to.text(each.key);
        to.i64(each.left ? each.left->count() : -1);
    }
    to.count(state.events.size());
    for (const auto& each : state.events) {
        to.text(each.place);
        to.text(each.event);
        to.i64(each.changed_ms);
        to.text(each.arguments.text());
        const auto& parts = each.arguments.parts();
        to.count(parts ? parts->size() : 0);
        if (!parts) continue;
        for (const std::string& part : *parts) to.text(part);
    }
    to.count(state.revocations.size());
    for (const auto& each : state.revocations) {
        to.text(each.key);
        to.i64(each.left.count());
    }
}

std::optional<kept_state> read_kept_state(base::octet_reader& from) {
    kept_state state;
    for (std::size_t left = from.count(4 + 8); left > 0 && from.is_good(); --left) {
        kept_state::once_key each{read_name(from), {}};
        const std::int64_t time_left = from.i64();
        if (time_left >= 0) each.left = std::min(core::duration{time_left}, longest);
        state.once.push_back(std::move(each));
    }
    for (std::size_t left = from.count(4 + 4 + 8 + 4 + 4); left > 0 && from.is_good(); --left) {
        kept_state::retained each;
        each.place = read_name(from);
        each.event = read_name(from);
        each.changed_ms = std::clamp<std::int64_t>(from.i64(), 0, end_of_9999_ms);
        each.arguments = read_args(from);
        state.events.push_back(std::move(each));
    }
    for (std::size_t left = from.count(4 + 8); left > 0 && from.is_good(); --left) {
        kept_state::revoked each;
        each.key = read_name(from);
        each.left = read_duration(from);
        state.revocations.push_back(std::move(each));
    }
    if (!from.is_good()) return std::nullopt;
    return state;
}

std::string bytes_of(const visitor& who) {
    std::string bytes;
    base::octet_writer to{bytes};
    to.octet(who.is_user ? 1 : 0);
    to.text(who.user_id);
    to.text(who.user_json);
    to.text(who.claims_json);
    to.text(who.session_id);
    to.text(who.provider);
    to.octet(who.expires ? 1 : 0);
    to.i64(who.expires.value_or(0));
    append_names(to, who.rooms);
    append_names(to, who.matches);
    to.count(who.presence.size());
    for (const auto& [room, payload] : who.presence) {
        to.text(room);
        to.text(payload);
    }
    return bytes;
}

std::shared_ptr<visitor> visitor_from(std::string_view bytes) {
    base::octet_reader from{bytes};
    auto who = std::make_shared<visitor>();
    who->is_user = from.octet() != 0;
    who->user_id = read_name(from);
    who->user_json = read_json(from);
    who->claims_json = read_json(from);
    who->session_id = read_name(from);
    who->provider = read_name(from);
    const bool has_expiry = from.octet() != 0;
    const std::int64_t expires = from.i64();
    if (has_expiry) who->expires = expires;
    who->rooms = read_names(from);
    who->matches = read_names(from);
    for (std::size_t left = from.count(4 + 4); left > 0 && from.is_good(); --left) {
        std::string room = read_name(from);
        who->presence.insert_or_assign(std::move(room), read_json(from));
    }
    if (!from.is_good() || !from.is_at_end()) return nullptr;
    return who;
}

} // namespace roomcast::server::rules
