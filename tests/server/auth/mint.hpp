#pragma once

#include "auth/crypto.hpp"
#include "auth/sealed_keys.hpp"

#include "roomcast/core/auth/base64url.hpp"
#include "roomcast/core/bytes.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

/// Makes tokens, good ones and bad ones, as the packages would or an attacker.
namespace roomcast::server::auth::mint {

inline std::string base64url(std::string_view bytes) {
    std::string out;
    core::auth::append_base64url(out, bytes);
    return out;
}

inline std::string base64(std::string_view bytes) {
    std::string out;
    core::append_base64(out, bytes);
    return out;
}

/// A JWS with an HMAC of the secret, whatever its header says.
std::string hmac_jws(std::string_view header, std::string_view payload, std::string_view secret,
                     hash which = hash::sha256);

/// What varies in a JWE made with a key that is used directly.
struct jwe_shape {
    std::string header;
    std::string iv;
    std::size_t tag_bytes = 0; ///< 0: what the encryption asks for
    std::string second_segment;
};
std::string gcm_jwe(const jwe_shape& shape, std::string_view key, std::string_view plain);
std::string cbc_jwe(const jwe_shape& shape, std::string_view key, std::string_view plain);

/// Session tokens as NextAuth 4 and Auth.js 5 make them.
std::string nextauth_v4(std::string_view payload, std::string_view secret);
std::string authjs_v5(std::string_view payload, std::string_view secret, std::string_view cookie_name);

/// Better Auth's signed session token, not percent-encoded.
std::string better_auth_session(std::string_view token, std::string_view secret);
/// Its compact cookie cache. @param payload a JSON object @param expires_ms as JSON
std::string better_auth_compact(std::string_view payload, std::string_view expires_ms,
                                std::string_view secret);
/// Its encrypted cookie cache.
std::string better_auth_jwe(std::string_view payload, std::string_view secret);

/// A private key, its JWK, and signatures by it.
class signer {
public:
    static signer ed25519();
    static signer ec(const char* curve);
    static signer rsa(unsigned bits, unsigned exponent = 65537);

    /// The public key.
    nlohmann::json jwk(std::string_view kid = {}) const;
    /// The signature in the form that JWS wants. @param salt_bytes for PS algorithms; -1: as long as the hash
    std::string sign(std::string_view alg, std::string_view message, int salt_bytes = -1) const;
    /// A JWS with this header and payload.
    std::string jws(std::string_view alg, const nlohmann::json& header, std::string_view payload) const;

private:
    explicit signer(evp_pkey_st* key);
    std::shared_ptr<evp_pkey_st> key_;
};

} // namespace roomcast::server::auth::mint
