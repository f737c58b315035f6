#include "auth/provider.hpp"

#include "auth/jws_keys.hpp"
#include "auth/sealed_keys.hpp"
#include "auth/session_lookup.hpp"
#include "auth/sources.hpp"
#include "auth/tokens.hpp"
#include "outbound/url.hpp"

#include "roomcast/core/auth/better_auth.hpp"
#include "roomcast/core/auth/cookie.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <cstdlib>
#include <utility>

namespace roomcast::server::auth {

namespace {

using config::cache_strategy;
using core::auth::reason;

constexpr std::string_view session_name = "session_token";
constexpr std::string_view cache_name = "session_data";
const std::vector<std::string>& cache_algorithms() {
    static const std::vector<std::string> names{"HS256"};
    return names;
}
const std::vector<std::string>& cache_encryptions() {
    static const std::vector<std::string> names{"A256CBC-HS512"};
    return names;
}

/// Where Better Auth's routes are; empty when there is no base URL.
std::string routes_of(const config::auth_provider& from) {
    const auto base = outbound::parse_url(from.base_url);
    if (!base) return {};
    std::string path = base->target.substr(0, base->target.find('?'));
    while (path.ends_with('/')) path.pop_back();
    return base->origin() + (path.empty() ? "/api/auth" : path);
}

std::string origin_of(const config::auth_provider& from) {
    const auto base = outbound::parse_url(from.base_url);
    return base ? base->origin() : std::string{};
}

/// Better Auth signs with its current secret alone; its built-in one proves nothing.
std::string current_secret(const config::auth_provider& from) {
    if (from.secrets.empty() || from.secrets.front() == config::better_auth_public_secret) return {};
    return from.secrets.front();
}

std::vector<std::string> known_secrets(const config::auth_provider& from) {
    std::vector<std::string> out;
    for (const auto& secret : from.secrets) {
        if (secret != config::better_auth_public_secret) out.push_back(secret);
    }
    return out;
}

/// Rules for tokens of the JWT plugin: issuer and audience are the app's origin unless they are configured.
payload_rules api_rules(const config::auth_provider& from) {
    payload_rules out = rules_of(from, std::chrono::seconds{0});
    const std::string origin = origin_of(from);
    if (out.policy.issuers.empty() && !origin.empty()) out.policy.issuers = {origin};
    if (out.policy.audiences.empty() && !origin.empty()) out.policy.audiences = {origin};
    return out;
}

/// Rules for a cookie cache that the JWT plugin's key signed. Its issuer is the base URL.
payload_rules cache_rules(const config::auth_provider& from) {
    payload_rules out = rules_of(from, std::chrono::seconds{0});
    out.policy.tolerance_s = 0;
    out.policy.audiences = {"better-auth:session-cache"};
    if (!from.base_url.empty()) {
        for (auto name : {from.base_url, origin_of(from), routes_of(from)})
            out.policy.issuers.push_back(std::move(name));
    }
    return out;
}

session_lookup::options lookup_options(const config::auth_provider& from) {
    session_lookup::options out;
    out.url = routes_of(from) + "/get-session?disableCookieCache=true&disableRefresh=true";
    out.timeout = from.timeout;
    out.keep = from.cache;
    out.provider_name = rules_of(from, {}).provider_name;
    return out;
}

class better_auth_provider final : public provider {
public:
    better_auth_provider(const config::auth_provider& from, outbound::client* network)
        : where_(order_of(from, cookie_names(from, "better-auth.session_token"), false)),
          strategy_(from.strategy), cache_cookie_(from.cache_cookie), version_(from.cache_version),
          api_rules_(api_rules(from)), cache_rules_(cache_rules(from)),
          session_key_(hash::sha256, current_secret(from)),
          sealed_(known_secrets(from),
                  {"better-auth-session", "BetterAuth.js Generated Encryption Key", hash::sha256}),
          keys_(from, from.base_url.empty() ? std::string{} : routes_of(from) + "/jwks", network) {
        if (const auto secret = current_secret(from); !secret.empty())
            cache_signatures_.emplace_back(cache_algorithms(), secret);
        if (!from.base_url.empty()) lookup_ = std::make_shared<session_lookup>(lookup_options(from), network);
    }

    bool is_mine(const credentials& what) const override {
        const std::string token = token_of(what, where_);
        if (token.empty()) return has_cookie(what, where_);
        if (is_api_token(token)) {
            const auto seen = core::auth::sketch(token);
            return contains(keys_.algorithms(), seen.alg) && contains(api_rules_.policy.issuers, seen.issuer);
        }
        core::auth::signed_session parts;
        return token.find('.') == std::string::npos ||
               core::auth::split_signed_session(decoded(token).value_or(token), parts) == reason::none;
    }

    bool is_presented(const credentials& what) const override {
        return find_credential(what, where_).fault != reason::no_credential;
    }

    void verify(const credentials& what, core::unix_time now, verifier::handler done) const override {
        auto found = find_credential(what, where_);
        if (found.fault != reason::none) return done(refuse(found.fault));
        const bool is_cookie = found.from == config::credential_source::cookie;
        session_lookup::question asked;
        if (is_cookie) {
            asked.cookie = what.cookie_header;
        } else {
            asked.authorization = "Bearer " + found.value;
            if (is_api_token(found.value))
                return verify_api_token(std::move(found.value), now, std::move(done));
            auto plain = decoded(found.value);
            if (!plain) return done(refuse(reason::malformed));
            found.value = std::move(*plain);
            asked.cookie = as_cookies(found.value);
            // Its owner may have signed it or not: only the app can tell.
            if (found.value.find('.') == std::string::npos)
                return look_up(std::move(asked), {}, now, std::move(done));
        }
        core::auth::signed_session session;
        if (const auto why = core::auth::split_signed_session(found.value, session); why != reason::none)
            return done(refuse(why));
        if (session_key_.is_empty()) return done(refuse(reason::weak_key));
        if (!session_key_.is_valid(session.token, session.mac)) return done(refuse(reason::bad_signature));

        if (strategy_ == cache_strategy::none)
            return look_up(std::move(asked), std::string{session.token}, now, std::move(done));
        std::string cache;
        const auto why = find_cache(what.cookie_header, found.cookie_name, cache);
        if (why != reason::none) return done(refuse(why, "cookie cache"));
        if (cache.empty()) return look_up(std::move(asked), {}, now, std::move(done));
        verify_cache(cache, {std::string{session.token}, std::move(asked), now, std::move(done)});
    }

private:
    using self_ptr = std::shared_ptr<const better_auth_provider>;
    self_ptr self() const { return std::static_pointer_cast<const better_auth_provider>(shared_from_this()); }

    /// A JWS, which never ends in the padding that a signed session token has.
    bool is_api_token(const std::string& token) const {
        return keys_.has_source() && core::auth::segments_of(token) == 3 && !token.ends_with('=') &&
               !token.ends_with("%3D") && !token.ends_with("%3d");
    }

    static std::optional<std::string> decoded(const std::string& token) {
        if (token.find('%') == std::string::npos) return token;
        return core::auth::percent_decode_strict(token);
    }

    /// A bearer as the cookies that it would be, of either name: apps without the bearer plugin read nothing
    /// else. What is not signed is signed here, as that plugin does.
    /// @return nothing when there is no secret to sign with
    std::string as_cookies(const std::string& token) const {
        std::string value = token;
        if (token.find('.') == std::string::npos) {
            if (session_key_.is_empty()) return {};
            value += '.';
            core::append_base64(value, session_key_.sign(token));
        }
        std::string header;
        for (const std::string& name : where_.cookies) {
            if (!header.empty()) header += "; ";
            header += name + '=';
            core::append_percent_encoded(header, value);
        }
        return header;
    }

    void verify_api_token(std::string token, core::unix_time now, verifier::handler done) const {
        keys_.open(std::move(token), token_use::api, now,
                   [self = self(), now, done = std::move(done)](reason why, std::string payload) {
                       const auto& policy = self->api_rules_.policy;
                       if (why != reason::none) return done(refuse(why));
                       if (policy.issuers.empty())
                           return done(refuse(reason::bad_issuer, "set issuer or base_url"));
                       if (policy.audiences.empty())
                           return done(refuse(reason::bad_audience, "set audience or base_url"));
                       done(judge_payload(std::move(payload), now, self->api_rules_));
                   });
    }

    /// Asks the app. @param proven the session token if its signature is all that there is to know
    void look_up(session_lookup::question asked, const std::string& proven, core::unix_time now,
                 verifier::handler done) const {
        if (lookup_) return lookup_->ask(std::move(asked), now, std::move(done));
        verdict out = refuse(reason::needs_introspection, "set base_url to ask the app");
        out.is_session_proven = !proven.empty();
        out.who.session_token = proven;
        if (out.is_session_proven) out.who.provider = api_rules_.provider_name;
        done(std::move(out));
    }

    reason find_cache(std::string_view header, const std::string& session_cookie, std::string& out) const {
        std::vector<std::string> names;
        if (!cache_cookie_.empty()) {
            names = {cache_cookie_};
        } else {
            // A bearer may come with the cache of either name.
            for (const auto& name : session_cookie.empty() ? where_.cookies : std::vector{session_cookie}) {
                if (name.ends_with(session_name)) {
                    names.push_back(name.substr(0, name.size() - session_name.size()) +
                                    std::string{cache_name});
                }
            }
        }
        for (const auto& name : names) {
            const auto why = core::auth::session_cookie(header, name, out);
            if (why != reason::none || !out.empty()) return why;
        }
        return reason::none;
    }

    /// A cookie cache on its way through.
    struct cache_check {
        std::string token; ///< the proven session token
        session_lookup::question asked;
        core::unix_time now;
        verifier::handler done;
    };

    void verify_cache(const std::string& cache, cache_check check) const {
        switch (strategy_) {
        case cache_strategy::none: break;
        case cache_strategy::compact: {
            verdict out = judge_compact(cache, check);
            return finish(std::move(check), std::move(out));
        }
        case cache_strategy::jwe: {
            verdict out = judge_jwe(cache, check);
            return finish(std::move(check), std::move(out));
        }
        case cache_strategy::jwt:
            if (!keys_.has_source() || core::auth::sketch(cache).alg == cache_algorithms().front()) {
                verdict out = judge_jwt(cache, check);
                return finish(std::move(check), std::move(out));
            }
            break;
        case cache_strategy::jwks: break;
        }
        const core::unix_time now = check.now;
        keys_.open(cache, token_use::better_auth_cache, now,
                   [self = self(), check = std::move(check)](reason why, const std::string& payload) {
                       self->finish(check, why == reason::none ? self->judge_signed_by_plugin(payload, check)
                                                               : refuse(why, "cookie cache"));
                   });
    }

    void finish(cache_check check, verdict out) const {
        // What is genuine but old is no forgery: the app knows how things stand.
        const bool is_old = out.reason == reason::expired || out.reason == reason::version_mismatch;
        if (is_old && lookup_) return look_up(std::move(check.asked), {}, check.now, std::move(check.done));
        if (out.is_accepted()) out.who.session_token = std::move(check.token);
        check.done(std::move(out));
    }

    verdict judge_compact(const std::string& cache, const cache_check& check) const {
        core::auth::compact_cache parts;
        if (const auto why = core::auth::read_compact_cache(cache, parts); why != reason::none)
            return refuse(why, "cookie cache");
        if (!session_key_.is_valid(parts.signed_text, parts.mac))
            return refuse(reason::bad_signature, "cookie cache");
        verdict out = judge_session(parts.payload, check);
        if (!out.is_accepted()) return out;
        if (const auto why = core::auth::check_expiry_ms(parts.expires_at, check.now); why != reason::none)
            return refuse(why, "cookie cache");
        out.who.credential_expires = std::strtod(parts.expires_at.c_str(), nullptr) / 1000;
        return out;
    }

    verdict judge_jwt(const std::string& cache, const cache_check& check) const {
        std::string payload;
        const auto why = open_hmac_jws(cache, cache_algorithms(), cache_signatures_, payload);
        return why == reason::none ? judge_dated(payload, check, {}) : refuse(why, "cookie cache");
    }

    verdict judge_jwe(const std::string& cache, const cache_check& check) const {
        core::auth::jwe parts;
        if (const auto why = core::auth::read_jwe(cache, cache_encryptions(), parts); why != reason::none)
            return refuse(why, "cookie cache");
        std::string payload;
        const auto why = parts.header.kid ? sealed_.open_named(parts, payload)
                                          : sealed_.open(parts, sealed_.size(), payload);
        return why == reason::none ? judge_dated(payload, check, {}) : refuse(why, "cookie cache");
    }

    verdict judge_signed_by_plugin(const std::string& payload, const cache_check& check) const {
        verdict out = judge_dated(payload, check, cache_rules_.policy);
        if (!out.is_accepted()) return out;
        const auto subject = core::auth::text_member(payload, "sub");
        const auto session = core::auth::text_member(payload, "sid");
        const bool is_same = subject == out.who.id && session == check.token;
        return is_same ? out : refuse(reason::session_mismatch, "cookie cache");
    }

    /// A cache that is a token with claims of its own around it.
    verdict judge_dated(const std::string& payload, const cache_check& check,
                        core::auth::claims_policy policy) const {
        policy.required = {"exp"};
        verdict dated = judge_payload(payload, check.now, {std::move(policy), {"sub"}, {}});
        if (!dated.is_accepted()) return refuse(dated.reason, "cookie cache");
        verdict out = judge_session(payload, check);
        if (out.is_accepted()) out.who.credential_expires = dated.who.credential_expires;
        return out;
    }

    verdict judge_session(const std::string& payload, const cache_check& check) const {
        core::auth::cached_session session;
        const auto why = core::auth::check_cached_session(payload, check.token, version_, check.now, session);
        if (why != reason::none) return refuse(why, "cookie cache");
        verdict out;
        out.reason = reason::none;
        out.who.id = std::move(session.who.id).value_or(std::string{});
        out.who.name = std::move(session.who.name).value_or(std::string{});
        out.who.email = std::move(session.who.email).value_or(std::string{});
        out.who.image = std::move(session.who.image).value_or(std::string{});
        out.who.session_id = std::move(session.session_id);
        out.who.expires = core::unix_time{session.session_expires_ms / 1000};
        out.who.claims = core::auth::claims_without_session_token(payload);
        out.who.provider = api_rules_.provider_name;
        return out;
    }

    source_order where_;
    cache_strategy strategy_;
    std::string cache_cookie_;
    std::string version_;
    payload_rules api_rules_;
    payload_rules cache_rules_;
    hmac_key session_key_;
    std::vector<hmac_signatures> cache_signatures_;
    sealed_keys sealed_;
    jws_keys keys_;
    std::shared_ptr<session_lookup> lookup_;
};

} // namespace

provider_ptr make_better_auth_provider(const config::auth_provider& from, outbound::client* network) {
    return std::make_shared<better_auth_provider>(from, network);
}

} // namespace roomcast::server::auth
