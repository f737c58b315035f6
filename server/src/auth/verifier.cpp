#include "auth/verifier.hpp"

#include "auth/provider.hpp"
#include "auth/tokens.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <utility>

namespace roomcast::server::auth {

namespace {

provider_ptr make(const config::auth_provider& from, outbound::client* network) {
    switch (from.kind) {
    case config::auth_kind::none: return make_open_provider(from);
    case config::auth_kind::jwt: return make_jwt_provider(from);
    case config::auth_kind::jwks: return make_jwks_provider(from, network);
    case config::auth_kind::nextauth_v4:
    case config::auth_kind::authjs_v5: return make_authjs_provider(from);
    case config::auth_kind::better_auth: return make_better_auth_provider(from, network);
    case config::auth_kind::introspection: return make_introspection_provider(from, network);
    case config::auth_kind::callout: return make_callout_provider(from, network);
    }
    return nullptr;
}

} // namespace

verifier::verifier(const std::vector<config::auth_provider>& providers, outbound::client* network) {
    for (const auto& one : providers) providers_.push_back(make(one, network));
}
verifier::~verifier() = default;
verifier::verifier(verifier&&) noexcept = default;
verifier& verifier::operator=(verifier&&) noexcept = default;

namespace {

/// Notes whether a cookie could have been what signed the client in.
verifier::handler with_cookie_noted(const provider& by, const credentials& what, verifier::handler done) {
    credentials cookie_alone;
    cookie_alone.cookie_header = what.cookie_header;
    if (what.cookie_header.empty() || !by.is_presented(cookie_alone)) return done;
    return [done = std::move(done)](verdict said) {
        said.who.has_cookie = said.is_accepted() && !said.who.id.empty();
        done(std::move(said));
    };
}

} // namespace

void verifier::verify(const credentials& what, core::unix_time now, handler done) const {
    const auto ask = [&](const provider& one) {
        one.verify(what, now, with_cookie_noted(one, what, std::move(done)));
    };
    if (providers_.size() == 1) return ask(*providers_.front());
    for (const auto& one : providers_) {
        if (one->is_mine(what)) return ask(*one);
    }
    // Nobody knows it by its form: the first that would look at it says what is wrong with it.
    for (const auto& one : providers_) {
        if (one->is_presented(what)) return ask(*one);
    }
    done(refuse(core::auth::reason::no_credential));
}

namespace {

nlohmann::json text_or_null(const std::string& text) {
    return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

/// Whole seconds as a whole number, so that nobody reads 1770000000.0.
nlohmann::json seconds(double at) {
    if (std::floor(at) == at && std::abs(at) < 9e15) return static_cast<std::int64_t>(at);
    return at;
}

} // namespace

nlohmann::json describe(const verdict& what) {
    nlohmann::json out;
    const bool is_good = what.is_accepted() || what.is_session_proven;
    out["accepted"] = is_good;
    if (!is_good) {
        out["reason"] = name_of(what.reason);
        return out;
    }
    const identity& who = what.who;
    out["user"] = nullptr;
    if (what.is_accepted()) {
        out["user"] = {{"id", text_or_null(who.id)},
                       {"name", text_or_null(who.name)},
                       {"email", text_or_null(who.email)},
                       {"image", text_or_null(who.image)}};
    }
    auto claims = nlohmann::json::parse(who.claims, nullptr, false);
    out["claims"] = claims.is_discarded() ? nlohmann::json::object() : std::move(claims);
    out["expires"] = nullptr;
    if (who.credential_expires) {
        out["expires"] = seconds(*who.credential_expires);
    } else if (who.expires) {
        out["expires"] = who.expires->seconds;
    }
    if (!who.session_token.empty() || !who.session_id.empty()) {
        auto& session = out["session"] = nlohmann::json::object();
        session["id"] = text_or_null(who.session_id);
        session["token"] = text_or_null(who.session_token);
        session["expires"] = what.is_accepted() && who.expires ? nlohmann::json(who.expires->seconds)
                                                               : nlohmann::json(nullptr);
    }
    if (!who.rooms.empty()) out["rooms"] = who.rooms;
    if (what.is_session_proven) out["introspect"] = true;
    return out;
}

} // namespace roomcast::server::auth
