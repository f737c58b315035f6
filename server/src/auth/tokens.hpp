#pragma once

#include "auth/crypto.hpp"
#include "auth/verifier.hpp"

#include "roomcast/core/auth/claims.hpp"
#include "roomcast/core/auth/token.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the providers of tokens have in common.
namespace roomcast::server::auth {

/// What a provider expects of a payload, and how it reads it.
struct payload_rules {
    core::auth::claims_policy policy;
    std::vector<std::string> subject_paths; ///< tried in order
    std::string provider_name;
};
/// @param usual_tolerance when none is configured
payload_rules rules_of(const config::auth_provider& from, std::chrono::seconds usual_tolerance);

verdict refuse(core::auth::reason why, std::string detail = {});

/// The first text or number, but no empty text, at one of these places.
std::optional<std::string> subject_at(std::string_view claims, const std::vector<std::string>& paths);

/// The verdict on a payload whose signature or encryption was right.
verdict judge_payload(std::string payload, core::unix_time now, const payload_rules& rules);

/// HMAC keys of one secret, for the algorithms that are allowed.
class hmac_signatures {
public:
    hmac_signatures(const std::vector<std::string>& algorithms, std::string_view secret);
    bool is_valid(std::string_view alg, std::string_view message, std::string_view signature) const;

private:
    struct entry {
        std::string alg;
        hmac_key key;
    };
    std::vector<entry> entries_;
};

/// Verifies a JWS with any of these secrets. `payload` gets what was signed.
core::auth::reason open_hmac_jws(std::string_view token, const std::vector<std::string>& algorithms,
                                 const std::vector<hmac_signatures>& keys, std::string& payload);

/// Those of the algorithms that HMAC is.
std::vector<std::string> hmac_algorithms(const std::vector<std::string>& chosen);

/// Is a name in the list?
bool contains(const std::vector<std::string>& all, std::string_view one);

} // namespace roomcast::server::auth
