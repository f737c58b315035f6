#include "auth/jws_keys.hpp"

#include "auth/tokens.hpp"
#include "outbound/url.hpp"

#include "roomcast/core/auth/token.hpp"

#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;

constexpr std::string_view cache_typ = "better-auth.session-cache+jwt";

/// A token while its key is looked for. Not to be moved: a part of it looks into another.
struct pending {
    std::string token;
    core::auth::jws parts;
};

reason check_use(const core::auth::token_header& header, token_use use) {
    const bool is_cache = header.typ == std::string{cache_typ};
    switch (use) {
    case token_use::api: return is_cache ? reason::typ_mismatch : reason::none;
    case token_use::better_auth_cache:
        if (!is_cache) return reason::typ_mismatch;
        return header.kid ? reason::none : reason::key_not_found;
    }
    return reason::typ_mismatch;
}

} // namespace

jws_keys::jws_keys(const config::auth_provider& from, const std::string& usual_url,
                   outbound::client* network) {
    for (const auto& alg : core::auth::public_key_algorithms()) {
        if (from.algorithms.empty() || contains(from.algorithms, alg)) algorithms_.push_back(alg);
    }
    if (!from.jwks.empty()) {
        keys_ = key_set::given(from.jwks);
        return;
    }
    const std::string& url = from.jwks_url.empty() ? usual_url : from.jwks_url;
    const auto parsed = outbound::parse_url(url);
    if (parsed && (parsed->is_tls || parsed->is_loopback() || from.allow_http))
        keys_ = key_set::fetched(url, from.timeout, network);
}

void jws_keys::open(std::string token, token_use use, core::unix_time now, handler done) const {
    const auto one = std::make_shared<pending>();
    one->token = std::move(token);
    if (const auto why = core::auth::read_jws(one->token, algorithms_, one->parts); why != reason::none)
        return done(why, {});
    if (const auto why = check_use(one->parts.header, use); why != reason::none) return done(why, {});
    if (!keys_) return done(reason::key_not_found, {});
    keys_->find(one->parts.header.alg, one->parts.header.kid, now,
                [one, done = std::move(done)](reason why, const std::shared_ptr<const public_key>& key) {
                    if (why != reason::none) return done(why, {});
                    const auto& parts = one->parts;
                    if (!key->is_valid(parts.header.alg, parts.signing_input, parts.signature))
                        return done(reason::bad_signature, {});
                    done(reason::none, std::move(one->parts.payload));
                });
}

} // namespace roomcast::server::auth
