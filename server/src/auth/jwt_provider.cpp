#include "auth/provider.hpp"

#include "auth/jws_keys.hpp"
#include "auth/sources.hpp"
#include "auth/tokens.hpp"

#include "roomcast/core/bytes.hpp"

#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;

/// Everybody comes in.
class open_provider final : public provider {
public:
    explicit open_provider(std::string name) : name_(std::move(name)) {}
    bool is_mine(const credentials&) const override { return true; }
    bool is_presented(const credentials&) const override { return true; }
    void verify(const credentials&, core::unix_time, verifier::handler done) const override {
        verdict out;
        out.reason = reason::none;
        out.who.provider = name_;
        done(std::move(out));
    }

private:
    std::string name_;
};

/// The bytes that a configured secret stands for; nothing when the text is not what it should be.
std::optional<std::string> decoded_secret(const std::string& text, config::secret_encoding how) {
    std::string out;
    switch (how) {
    case config::secret_encoding::utf8: return text;
    case config::secret_encoding::base64:
        if (!core::append_from_base64(out, text)) return std::nullopt;
        return out;
    case config::secret_encoding::hex: break;
    }
    if (text.size() % 2 != 0) return std::nullopt;
    int half = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = static_cast<char>(text[i] | 0x20);
        const bool is_number = text[i] >= '0' && text[i] <= '9';
        if (!is_number && (c < 'a' || c > 'f')) return std::nullopt;
        half = half * 16 + (is_number ? text[i] - '0' : c - 'a' + 10);
        if (i % 2 == 0) continue;
        out.push_back(static_cast<char>(half));
        half = 0;
    }
    return out;
}

bool is_issuer_mine(const std::vector<std::string>& issuers, const std::string& issuer) {
    return issuers.empty() || contains(issuers, issuer);
}

/// A JWS that a shared secret signed.
class jwt_provider final : public provider {
public:
    explicit jwt_provider(const config::auth_provider& from)
        : rules_(rules_of(from, std::chrono::seconds{0})), where_(order_of(from, from.cookies, false)),
          algorithms_(hmac_algorithms(from.algorithms)) {
        if (from.algorithms.empty()) algorithms_ = {"HS256"};
        for (const auto& text : from.secrets) {
            const auto secret = decoded_secret(text, from.encoding);
            if (!secret || secret->empty()) continue;
            const secret_bytes kept{*secret};
            keys_.emplace_back(algorithms_, kept.view());
        }
    }

    bool is_mine(const credentials& what) const override {
        if (has_cookie(what, where_)) return true;
        const auto seen = core::auth::sketch(token_of(what, where_));
        return seen.segments == 3 && contains(algorithms_, seen.alg) &&
               is_issuer_mine(rules_.policy.issuers, seen.issuer);
    }
    bool is_presented(const credentials& what) const override {
        return find_credential(what, where_).fault != reason::no_credential;
    }
    void verify(const credentials& what, core::unix_time now, verifier::handler done) const override {
        const auto found = find_credential(what, where_);
        if (found.fault != reason::none) return done(refuse(found.fault));
        std::string payload;
        const auto why = open_hmac_jws(found.value, algorithms_, keys_, payload);
        done(why == reason::none ? judge_payload(std::move(payload), now, rules_) : refuse(why));
    }

private:
    payload_rules rules_;
    source_order where_;
    std::vector<std::string> algorithms_;
    std::vector<hmac_signatures> keys_;
};

/// A JWS that a published key verifies.
class jwks_provider final : public provider {
public:
    jwks_provider(const config::auth_provider& from, outbound::client* network)
        : rules_(rules_of(from, std::chrono::seconds{0})), where_(order_of(from, from.cookies, false)),
          keys_(from, {}, network) {}

    bool is_mine(const credentials& what) const override {
        if (has_cookie(what, where_)) return true;
        const auto seen = core::auth::sketch(token_of(what, where_));
        return seen.segments == 3 && contains(keys_.algorithms(), seen.alg) &&
               is_issuer_mine(rules_.policy.issuers, seen.issuer);
    }
    bool is_presented(const credentials& what) const override {
        return find_credential(what, where_).fault != reason::no_credential;
    }
    void verify(const credentials& what, core::unix_time now, verifier::handler done) const override {
        const auto found = find_credential(what, where_);
        if (found.fault != reason::none) return done(refuse(found.fault));
        keys_.open(found.value, token_use::api, now,
                   [rules = rules_, now, done = std::move(done)](reason why, std::string payload) {
                       done(why == reason::none ? judge_payload(std::move(payload), now, rules)
                                                : refuse(why));
                   });
    }

private:
    payload_rules rules_;
    source_order where_;
    jws_keys keys_;
};

} // namespace

provider_ptr make_open_provider(const config::auth_provider& from) {
    return std::make_shared<open_provider>(rules_of(from, {}).provider_name);
}

provider_ptr make_jwt_provider(const config::auth_provider& from) {
    return std::make_shared<jwt_provider>(from);
}

provider_ptr make_jwks_provider(const config::auth_provider& from, outbound::client* network) {
    return std::make_shared<jwks_provider>(from, network);
}

} // namespace roomcast::server::auth
