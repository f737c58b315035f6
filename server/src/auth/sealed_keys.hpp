#pragma once

#include "auth/crypto.hpp"

#include "roomcast/core/auth/token.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::auth {

/// RFC 7638 thumbprint of a symmetric key.
std::string thumbprint(hash which, std::string_view key);

/// Keys that open the encrypted tokens of one cookie, derived from each secret.
/// @thread any
class sealed_keys {
public:
    /// How keys are derived and named.
    struct derivation {
        std::string salt;
        std::string info;
        hash cbc_thumbprint = hash::sha512; ///< makes the `kid` of an A256CBC-HS512 key
    };

    /// @param secrets empty ones are left out
    sealed_keys(const std::vector<std::string>& secrets, const derivation& how);

    /// Opens a token with the key that its `kid` names.
    /// @return none, key_not_found or decrypt_failed
    core::auth::reason open_named(const core::auth::jwe& parts, std::string& plain) const;
    /// Opens a token without `kid`. @param count how many of the secrets are tried
    core::auth::reason open(const core::auth::jwe& parts, std::size_t count, std::string& plain) const;

    std::size_t size() const { return keys_.size(); }

private:
    struct entry {
        secret_bytes gcm;
        std::string gcm_kid;
        cbc_hs512_key cbc;
        std::string cbc_kid;
    };
    static bool decrypt(const entry& key, const core::auth::jwe& parts, std::string& plain);
    std::vector<entry> keys_;
};

} // namespace roomcast::server::auth
