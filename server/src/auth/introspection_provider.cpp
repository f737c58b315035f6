#include "auth/provider.hpp"

#include "auth/session_lookup.hpp"
#include "auth/sources.hpp"
#include "auth/tokens.hpp"

#include <algorithm>
#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;

/// Asks the app for every credential.
class introspection_provider final : public provider {
public:
    introspection_provider(const config::auth_provider& from, outbound::client* network)
        : where_(order_of(from, from.cookies, false)),
          lookup_(std::make_shared<session_lookup>(options_of(from), network)) {}

    bool is_mine(const credentials& what) const override { return is_presented(what); }

    bool is_presented(const credentials& what) const override {
        const auto asked = question_for(what);
        return asked.first != reason::no_credential;
    }

    void verify(const credentials& what, core::unix_time now, verifier::handler done) const override {
        auto [fault, asked] = question_for(what);
        if (fault != reason::none) return done(refuse(fault));
        lookup_->ask(std::move(asked), now, std::move(done));
    }

private:
    static session_lookup::options options_of(const config::auth_provider& from) {
        session_lookup::options out;
        out.url = from.url;
        out.timeout = from.timeout;
        out.keep = from.cache;
        out.subject_paths = from.subject_claims;
        out.required_claims = from.required_claims;
        out.provider_name = rules_of(from, {}).provider_name;
        return out;
    }

    std::pair<reason, session_lookup::question> question_for(const credentials& what) const {
        session_lookup::question asked;
        const bool takes_any_cookie = where_.cookies.empty() && is_source(config::credential_source::cookie);
        if (takes_any_cookie && !what.cookie_header.empty()) {
            asked.cookie = what.cookie_header;
            return {reason::none, std::move(asked)};
        }
        auto found = find_credential(what, where_);
        if (found.fault != reason::none) return {found.fault, std::move(asked)};
        if (found.from == config::credential_source::cookie) {
            asked.cookie = what.cookie_header;
        } else if (found.value.find_first_of("; ,\"\\") != std::string::npos) {
            return {reason::malformed, std::move(asked)}; // it would become more than one cookie
        } else if (!where_.cookies.empty()) {
            // The routes of NextAuth and Auth.js read cookies alone.
            asked.cookie = where_.cookies.front() + '=' + found.value;
        } else {
            asked.authorization = "Bearer " + found.value;
        }
        return {reason::none, std::move(asked)};
    }

    bool is_source(config::credential_source one) const {
        return std::find(where_.order.begin(), where_.order.end(), one) != where_.order.end();
    }

    source_order where_;
    std::shared_ptr<session_lookup> lookup_;
};

} // namespace

provider_ptr make_introspection_provider(const config::auth_provider& from, outbound::client* network) {
    return std::make_shared<introspection_provider>(from, network);
}

} // namespace roomcast::server::auth
