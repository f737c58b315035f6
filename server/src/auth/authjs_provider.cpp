#include "auth/provider.hpp"

#include "auth/sealed_keys.hpp"
#include "auth/sources.hpp"
#include "auth/tokens.hpp"

#include <algorithm>
#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;

constexpr std::chrono::seconds usual_tolerance{15}; // of both packages

/// The encrypted session tokens of NextAuth 4 and Auth.js 5. They differ in how keys come out of the secret:
/// Auth.js salts with the cookie's name, and names the key in the token.
class authjs_provider final : public provider {
public:
    explicit authjs_provider(const config::auth_provider& from)
        : is_v5_(from.kind == config::auth_kind::authjs_v5), rules_(rules_of(from, usual_tolerance)),
          where_(order_of(
              from, cookie_names(from, is_v5_ ? "authjs.session-token" : "next-auth.session-token"), true)),
          accept_jws_(hmac_algorithms(from.accept_jws)) {
        encryptions_ = {"A256GCM"};
        if (is_v5_) encryptions_.emplace_back("A256CBC-HS512");
        if (is_v5_) {
            for (const auto& name : where_.cookies) {
                keys_.emplace_back(
                    from.secrets, sealed_keys::derivation{
                                      name, "Auth.js Generated Encryption Key (" + name + ')', hash::sha512});
            }
        } else {
            keys_.emplace_back(from.secrets, sealed_keys::derivation{
                                                 {}, "NextAuth.js Generated Encryption Key", hash::sha512});
        }
        for (const auto& secret : from.secrets) {
            if (!secret.empty() && !accept_jws_.empty()) jws_keys_.emplace_back(accept_jws_, secret);
        }
    }

    bool is_mine(const credentials& what) const override {
        if (has_cookie(what, where_)) return true;
        const auto seen = core::auth::sketch(token_of(what, where_));
        if (seen.segments == 3) return contains(accept_jws_, seen.alg);
        return seen.alg == "dir" && contains(encryptions_, seen.enc) && (is_v5_ || !seen.has_kid);
    }
    bool is_presented(const credentials& what) const override {
        return find_credential(what, where_).fault != reason::no_credential;
    }
    void verify(const credentials& what, core::unix_time now, verifier::handler done) const override {
        const auto found = find_credential(what, where_);
        if (found.fault != reason::none) return done(refuse(found.fault));
        std::string payload;
        const bool is_plain = !accept_jws_.empty() && core::auth::segments_of(found.value) == 3;
        const auto why =
            is_plain ? open_hmac_jws(found.value, accept_jws_, jws_keys_, payload) : open(found, payload);
        done(why == reason::none ? judge_payload(std::move(payload), now, rules_) : refuse(why));
    }

private:
    reason open(const presented& found, std::string& payload) const {
        core::auth::jwe parts;
        if (const auto why = core::auth::read_jwe(found.value, encryptions_, parts); why != reason::none)
            return why;
        const bool is_named = is_v5_ && parts.header.kid.has_value();
        auto why = reason::weak_key; // stays when there is no secret at all
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            const bool is_for_other_cookie =
                is_v5_ && !found.cookie_name.empty() && found.cookie_name != where_.cookies[i];
            if (is_for_other_cookie || keys_[i].size() == 0) continue;
            // Auth.js without a `kid` uses its first secret alone; NextAuth knows of one only.
            why = is_named ? keys_[i].open_named(parts, payload)
                           : keys_[i].open(parts, is_v5_ ? 1 : keys_[i].size(), payload);
            if (why == reason::none || (is_named && why == reason::decrypt_failed)) break;
        }
        return why;
    }

    bool is_v5_;
    payload_rules rules_;
    source_order where_;
    std::vector<std::string> accept_jws_;
    std::vector<std::string> encryptions_;
    std::vector<sealed_keys> keys_; ///< v5: one for each cookie name, in their order
    std::vector<hmac_signatures> jws_keys_;
};

} // namespace

provider_ptr make_authjs_provider(const config::auth_provider& from) {
    return std::make_shared<authjs_provider>(from);
}

} // namespace roomcast::server::auth
