#include "auth/sealed_keys.hpp"

#include "roomcast/core/auth/base64url.hpp"

#include <algorithm>

namespace roomcast::server::auth {

using core::auth::reason;

std::string thumbprint(hash which, std::string_view key) {
    std::string json = R"({"k":")";
    core::auth::append_base64url(json, key);
    json += R"(","kty":"oct"})";
    std::string out;
    const secret_bytes kept{std::move(json)};
    core::auth::append_base64url(out, digest(which, kept.view()));
    return out;
}

sealed_keys::sealed_keys(const std::vector<std::string>& secrets, const derivation& how) {
    for (const auto& secret : secrets) {
        if (secret.empty()) continue;
        secret_bytes gcm = hkdf_sha256(secret, how.salt, how.info, 32);
        secret_bytes cbc = hkdf_sha256(secret, how.salt, how.info, 64);
        std::string gcm_kid = thumbprint(hash::sha256, gcm.view());
        std::string cbc_kid = thumbprint(how.cbc_thumbprint, cbc.view());
        keys_.push_back(
            {std::move(gcm), std::move(gcm_kid), cbc_hs512_key{std::move(cbc)}, std::move(cbc_kid)});
    }
}

reason sealed_keys::open_named(const core::auth::jwe& parts, std::string& plain) const {
    const bool is_gcm = parts.header.enc == "A256GCM";
    const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const entry& one) {
        return parts.header.kid == (is_gcm ? one.gcm_kid : one.cbc_kid);
    });
    if (found == keys_.end()) return reason::key_not_found;
    return decrypt(*found, parts, plain) ? reason::none : reason::decrypt_failed;
}

reason sealed_keys::open(const core::auth::jwe& parts, std::size_t count, std::string& plain) const {
    for (std::size_t i = 0; i < std::min(count, keys_.size()); ++i) {
        if (decrypt(keys_[i], parts, plain)) return reason::none;
    }
    return reason::decrypt_failed;
}

bool sealed_keys::decrypt(const entry& key, const core::auth::jwe& parts, std::string& plain) {
    if (parts.header.enc == "A256GCM")
        return decrypt_a256gcm(key.gcm.view(), parts.iv, parts.aad, parts.ciphertext, parts.tag, plain);
    return key.cbc.decrypt(parts.iv, parts.aad, parts.ciphertext, parts.tag, plain);
}

} // namespace roomcast::server::auth
