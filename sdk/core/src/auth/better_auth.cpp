#include "roomcast/core/auth/better_auth.hpp"

#include "roomcast/core/auth/base64url.hpp"
#include "roomcast/core/auth/cookie.hpp"
#include "roomcast/core/auth/number.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <limits>

namespace roomcast::core::auth {

namespace {

constexpr std::size_t mac_bytes = 32;
constexpr std::size_t padded_mac_length = 44;

/// Milliseconds that a moment may lie in the past at this second: none.
std::int64_t to_milliseconds(unix_time now) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1000;
    return now.seconds > most    ? std::numeric_limits<std::int64_t>::max()
           : now.seconds < -most ? std::numeric_limits<std::int64_t>::min()
                                 : now.seconds * 1000;
}

std::optional<std::string_view> object_member(std::string_view checked, std::string_view name) {
    const auto found = value::member(checked, name);
    if (!found || value::kind_of(*found) != value::kind::object) return std::nullopt;
    return found;
}

} // namespace

reason split_signed_session(std::string_view value, signed_session& out) {
    if (value.empty()) return reason::no_credential;
    if (value.size() > max_token_bytes) return reason::token_too_large;
    const std::size_t dot = value.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return reason::malformed;
    out.token = value.substr(0, dot);
    const std::string_view signature = value.substr(dot + 1);
    if (signature.size() != padded_mac_length || signature.back() != '=') return reason::bad_signature;
    out.mac.clear();
    if (!append_from_strict_base64(out.mac, signature) || out.mac.size() != mac_bytes)
        return reason::bad_signature;
    return reason::none;
}

reason read_compact_cache(std::string_view value, compact_cache& out) {
    if (value.empty()) return reason::no_credential;
    if (value.size() > max_token_bytes) return reason::token_too_large;
    if (!append_from_base64url(out.text, value)) return reason::bad_base64;
    if (const auto why = check_object(out.text); why != reason::none) return why;
    const auto payload = object_member(out.text, "session");
    const auto expires_at = value::member(out.text, "expiresAt");
    const auto signature = text_member(out.text, "signature");
    if (!payload || !expires_at || value::kind_of(*expires_at) != value::kind::number)
        return reason::malformed;
    if (!signature || !append_from_base64url(out.mac, *signature) || out.mac.size() != mac_bytes)
        return reason::bad_signature;
    out.payload = *payload;
    out.expires_at = *expires_at;
    out.signed_text.assign(*payload, 0, payload->size() - 1);
    if (value::walker members{*payload}; members.next()) out.signed_text.push_back(',');
    out.signed_text.append("\"expiresAt\":").append(*expires_at).push_back('}');
    return reason::none;
}

reason check_expiry_ms(std::string_view checked_number, unix_time now) {
    const auto at = decimal::of(checked_number);
    if (!at) return reason::bad_claim_type;
    return at->floor() < to_milliseconds(now) ? reason::expired : reason::none;
}

reason check_cached_session(std::string_view payload, std::string_view session_token,
                            std::string_view version, unix_time now, cached_session& out) {
    const auto session = object_member(payload, "session");
    const auto who = object_member(payload, "user");
    if (!session || !who) return reason::malformed;

    const auto token = value::member(*session, "token");
    if (!token || !value::is_text(*token, session_token)) return reason::session_mismatch;
    out.who = user_of(*who, "id");
    const auto image = text_member(*who, "image");
    if (image) out.who.image = image;
    const auto owner = value::member(*session, "userId");
    if (!out.who.id || !owner || identifier_of(*owner) != out.who.id) return reason::session_mismatch;

    const auto written = value::member(payload, "version");
    if (written ? !value::is_text(*written, version) : version != "1") return reason::version_mismatch;

    const auto ends = text_member(*session, "expiresAt");
    const auto ends_ms = ends ? iso_milliseconds(*ends) : std::nullopt;
    if (!ends_ms) return reason::bad_claim_type;
    if (*ends_ms < to_milliseconds(now)) return reason::expired;
    out.session_expires_ms = *ends_ms;
    if (const auto id = value::member(*session, "id"))
        out.session_id = identifier_of(*id).value_or(std::string{});
    return reason::none;
}

std::string claims_without_session_token(std::string_view checked_object) {
    const auto copy_without = [](std::string_view object, std::string_view left_out, std::string& out,
                                 const auto& write_value) {
        out.push_back('{');
        bool is_first = true;
        value::walker each{object};
        while (each.next()) {
            if (value::is_text(each.raw_key(), left_out)) continue;
            if (!is_first) out.push_back(',');
            is_first = false;
            out.append(each.raw_key()).push_back(':');
            write_value(each.raw_key(), each.element());
        }
        out.push_back('}');
    };
    std::string out;
    copy_without(checked_object, "sid", out, [&](std::string_view key, std::string_view element) {
        const bool is_session =
            value::is_text(key, "session") && value::kind_of(element) == value::kind::object;
        if (!is_session) {
            out += element;
            return;
        }
        copy_without(element, "token", out,
                     [&out](std::string_view, std::string_view inner) { out += inner; });
    });
    return out;
}

} // namespace roomcast::core::auth
