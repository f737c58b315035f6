#include "roomcast/core/auth/token.hpp"

#include "roomcast/core/auth/base64url.hpp"
#include "roomcast/core/auth/cookie.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace roomcast::core::auth {

namespace {

constexpr std::size_t jws_segments = 3;
constexpr std::size_t jwe_segments = 5;

struct encryption {
    std::string_view name;
    std::size_t iv_bytes;
    std::size_t tag_bytes;
};
constexpr std::array<encryption, 2> encryptions_known{{{"A256GCM", 12, 16}, {"A256CBC-HS512", 16, 32}}};

bool contains(const std::vector<std::string>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

/// The segments of a token of the right size and number, decoded.
template <std::size_t Count>
reason decode_segments(std::string_view token, std::array<std::string_view, Count>& raw,
                       std::array<std::string, Count>& decoded) {
    if (token.empty()) return reason::no_credential;
    if (token.size() > max_token_bytes) return reason::token_too_large;
    if (segments_of(token) != Count) return reason::malformed;
    for (auto& each : raw) {
        const std::size_t dot = std::min(token.find('.'), token.size());
        each = token.substr(0, dot);
        token.remove_prefix(std::min(dot + 1, token.size()));
    }
    for (std::size_t i = 0; i < Count; ++i) {
        if (!append_from_base64url(decoded[i], raw[i])) return reason::bad_base64;
    }
    return reason::none;
}

struct header_members {
    std::optional<std::string_view> alg, enc, kid, typ;
    bool has_zip = false;
    bool has_critical = false; ///< `crit` or `b64`
};

header_members members_of(std::string_view header) {
    header_members out;
    value::walker each{header};
    while (each.next()) {
        const auto is = [&each](std::string_view name) { return value::is_text(each.raw_key(), name); };
        if (is("alg")) out.alg = each.element();
        if (is("enc")) out.enc = each.element();
        if (is("kid")) out.kid = each.element();
        if (is("typ")) out.typ = each.element();
        if (is("zip")) out.has_zip = true;
        if (is("crit") || is("b64")) out.has_critical = true;
    }
    return out;
}

std::string text_or_empty(std::optional<std::string_view> checked) {
    if (!checked) return {};
    return value::text(*checked).value_or(std::string{});
}

/// @return malformed for a `kid` that is no text
reason read_names(const header_members& members, token_header& out) {
    if (members.kid) {
        out.kid = value::text(*members.kid);
        if (!out.kid) return reason::malformed;
    }
    if (members.typ) out.typ = value::text(*members.typ);
    return reason::none;
}

} // namespace

std::size_t segments_of(std::string_view token) {
    return static_cast<std::size_t>(std::count(token.begin(), token.end(), '.')) + 1;
}

reason read_jws(std::string_view token, const std::vector<std::string>& algorithms, jws& out) {
    std::array<std::string_view, jws_segments> raw;
    std::array<std::string, jws_segments> decoded;
    if (const auto why = decode_segments(token, raw, decoded); why != reason::none) return why;
    if (decoded[0].empty() || decoded[1].empty()) return reason::malformed;
    if (const auto why = check_object(decoded[0]); why != reason::none) return why;

    const header_members members = members_of(decoded[0]);
    out.header.alg = text_or_empty(members.alg);
    if (out.header.alg.empty() || !contains(algorithms, out.header.alg)) return reason::alg_not_allowed;
    if (members.has_critical) return reason::crit_unsupported;
    if (const auto why = read_names(members, out.header); why != reason::none) return why;

    out.signing_input = token.substr(0, raw[0].size() + 1 + raw[1].size());
    out.payload = std::move(decoded[1]);
    out.signature = std::move(decoded[2]);
    return reason::none;
}

reason read_jwe(std::string_view token, const std::vector<std::string>& encryptions, jwe& out) {
    std::array<std::string_view, jwe_segments> raw;
    std::array<std::string, jwe_segments> decoded;
    if (const auto why = decode_segments(token, raw, decoded); why != reason::none) return why;
    if (decoded[0].empty() || decoded[3].empty()) return reason::malformed;
    if (const auto why = check_object(decoded[0]); why != reason::none) return why;

    const header_members members = members_of(decoded[0]);
    out.header.alg = text_or_empty(members.alg);
    out.header.enc = text_or_empty(members.enc);
    if (out.header.alg != "dir") return reason::alg_not_allowed;
    const auto* const known =
        std::find_if(encryptions_known.begin(), encryptions_known.end(),
                     [&out](const encryption& one) { return one.name == out.header.enc; });
    if (known == encryptions_known.end() || !contains(encryptions, out.header.enc))
        return reason::enc_not_allowed;
    if (members.has_zip) return reason::zip_not_allowed;
    if (members.has_critical) return reason::crit_unsupported;
    if (!raw[1].empty() || decoded[2].size() != known->iv_bytes || decoded[4].size() != known->tag_bytes)
        return reason::malformed;
    if (const auto why = read_names(members, out.header); why != reason::none) return why;

    out.aad = raw[0];
    out.iv = std::move(decoded[2]);
    out.ciphertext = std::move(decoded[3]);
    out.tag = std::move(decoded[4]);
    return reason::none;
}

token_sketch sketch(std::string_view token) {
    token_sketch out;
    if (token.empty() || token.size() > max_token_bytes) return out;
    out.segments = segments_of(token);
    if (out.segments != jws_segments && out.segments != jwe_segments) return out;
    const std::size_t dot = token.find('.');
    std::string header;
    if (!append_from_base64url(header, token.substr(0, dot)) || check_object(header) != reason::none)
        return out;
    const header_members members = members_of(header);
    out.alg = text_or_empty(members.alg);
    out.enc = text_or_empty(members.enc);
    out.has_kid = members.kid.has_value();
    if (out.segments != jws_segments) return out;
    token.remove_prefix(dot + 1);
    std::string payload;
    if (append_from_base64url(payload, token.substr(0, token.find('.'))) &&
        check_object(payload) == reason::none)
        out.issuer = text_member(payload, "iss").value_or(std::string{});
    return out;
}

} // namespace roomcast::core::auth
