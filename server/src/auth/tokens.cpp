#include "auth/tokens.hpp"

#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <cstdlib>

namespace roomcast::server::auth {

using core::auth::reason;

payload_rules rules_of(const config::auth_provider& from, std::chrono::seconds usual_tolerance) {
    payload_rules out;
    out.policy.issuers = from.issuers;
    out.policy.audiences = from.audiences;
    out.policy.required = from.required_claims;
    out.policy.tolerance_s = from.clock_tolerance.value_or(usual_tolerance).count();
    out.subject_paths = from.subject_claims;
    if (out.subject_paths.empty()) out.subject_paths = {"sub"};
    out.provider_name = from.name.empty() ? std::string{name_of(from.kind)} : from.name;
    return out;
}

verdict refuse(reason why, std::string detail) {
    verdict out;
    out.reason = why;
    out.detail = std::move(detail);
    return out;
}

std::optional<std::string> subject_at(std::string_view claims, const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
        const auto found = core::auth::at_path(claims, path);
        auto id = found ? core::auth::identifier_of(*found) : std::nullopt;
        if (id && !id->empty()) return id;
    }
    return std::nullopt;
}

verdict judge_payload(std::string payload, core::unix_time now, const payload_rules& rules) {
    if (const auto why = core::auth::check_object(payload); why != reason::none)
        return refuse(why, "payload");
    verdict out;
    out.reason = core::auth::check(payload, now, rules.policy, out.who.expires);
    if (out.reason != reason::none) return refuse(out.reason);
    auto user = core::auth::user_of(payload, rules.subject_paths.front());
    out.who.id = subject_at(payload, rules.subject_paths).value_or(std::string{});
    out.who.name = std::move(user.name).value_or(std::string{});
    out.who.email = std::move(user.email).value_or(std::string{});
    out.who.image = std::move(user.image).value_or(std::string{});
    if (const auto exp = core::value::member(payload, "exp"))
        out.who.credential_expires = std::strtod(std::string{*exp}.c_str(), nullptr);
    out.who.provider = rules.provider_name;
    out.who.claims = std::move(payload);
    return out;
}

namespace {

hash hash_of(std::string_view alg) {
    if (alg == "HS256") return hash::sha256;
    return alg == "HS384" ? hash::sha384 : hash::sha512;
}

} // namespace

hmac_signatures::hmac_signatures(const std::vector<std::string>& algorithms, std::string_view secret) {
    for (const auto& alg : algorithms) entries_.push_back({alg, hmac_key{hash_of(alg), secret}});
}

bool hmac_signatures::is_valid(std::string_view alg, std::string_view message,
                               std::string_view signature) const {
    return std::any_of(entries_.begin(), entries_.end(), [&](const entry& one) {
        return one.alg == alg && one.key.is_valid(message, signature);
    });
}

reason open_hmac_jws(std::string_view token, const std::vector<std::string>& algorithms,
                     const std::vector<hmac_signatures>& keys, std::string& payload) {
    core::auth::jws parts;
    if (const auto why = core::auth::read_jws(token, algorithms, parts); why != reason::none) return why;
    if (keys.empty()) return reason::weak_key;
    const bool is_right = std::any_of(keys.begin(), keys.end(), [&parts](const hmac_signatures& one) {
        return one.is_valid(parts.header.alg, parts.signing_input, parts.signature);
    });
    if (!is_right) return reason::bad_signature;
    payload = std::move(parts.payload);
    return reason::none;
}

std::vector<std::string> hmac_algorithms(const std::vector<std::string>& chosen) {
    std::vector<std::string> out;
    for (const auto& alg : chosen) {
        if (alg == "HS256" || alg == "HS384" || alg == "HS512") out.push_back(alg);
    }
    return out;
}

bool contains(const std::vector<std::string>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

} // namespace roomcast::server::auth
