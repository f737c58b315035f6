#include "mint.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <stdexcept>
#include <vector>

namespace roomcast::server::auth::mint {

namespace {

void require(bool is_done) {
    if (!is_done) throw std::runtime_error("minting failed");
}

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

std::string joined(const jwe_shape& shape, std::string_view ciphertext, std::string_view tag) {
    return base64url(shape.header) + '.' + shape.second_segment + '.' + base64url(shape.iv) + '.' +
           base64url(ciphertext) + '.' + base64url(tag);
}

struct encryption {
    std::shared_ptr<EVP_CIPHER_CTX> context{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
    std::string run(std::string_view plain) {
        std::string out(plain.size() + 32, '\0');
        int size = 0;
        int rest = 0;
        require(EVP_EncryptUpdate(context.get(), octets(out), &size, octets(plain),
                                  static_cast<int>(plain.size())) == 1);
        require(EVP_EncryptFinal_ex(context.get(), octets(out) + size, &rest) == 1);
        out.resize(static_cast<std::size_t>(size + rest));
        return out;
    }
};

std::string number_bytes(const EVP_PKEY* key, const char* name, std::size_t width) {
    BIGNUM* number = nullptr;
    require(EVP_PKEY_get_bn_param(key, name, &number) == 1);
    std::string out(width != 0 ? width : static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    require(BN_bn2binpad(number, octets(out), static_cast<int>(out.size())) > 0);
    BN_free(number);
    return out;
}

const EVP_MD* digest_of(std::string_view alg) {
    if (alg == "EdDSA" || alg == "Ed25519") return nullptr;
    if (alg.ends_with("256")) return EVP_sha256();
    return alg.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

/// r and s side by side.
std::string fixed_width(std::string_view der, std::size_t width) {
    const unsigned char* at = octets(der);
    ECDSA_SIG* both = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    require(both != nullptr);
    std::string out(2 * width, '\0');
    require(BN_bn2binpad(ECDSA_SIG_get0_r(both), octets(out), static_cast<int>(width)) > 0);
    require(BN_bn2binpad(ECDSA_SIG_get0_s(both), octets(out) + width, static_cast<int>(width)) > 0);
    ECDSA_SIG_free(both);
    return out;
}

} // namespace

std::string hmac_jws(std::string_view header, std::string_view payload, std::string_view secret, hash which) {
    const std::string input = base64url(header) + '.' + base64url(payload);
    return input + '.' + base64url(hmac_key{which, secret}.sign(input));
}

std::string gcm_jwe(const jwe_shape& shape, std::string_view key, std::string_view plain) {
    encryption work;
    const std::string aad = base64url(shape.header);
    int size = 0;
    require(EVP_EncryptInit_ex(work.context.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr) == 1);
    require(EVP_CIPHER_CTX_ctrl(work.context.get(), EVP_CTRL_AEAD_SET_IVLEN,
                                static_cast<int>(shape.iv.size()), nullptr) == 1);
    require(EVP_EncryptInit_ex(work.context.get(), nullptr, nullptr, octets(key), octets(shape.iv)) == 1);
    require(EVP_EncryptUpdate(work.context.get(), nullptr, &size, octets(aad),
                              static_cast<int>(aad.size())) == 1);
    const std::string ciphertext = work.run(plain);
    std::string tag(shape.tag_bytes != 0 ? shape.tag_bytes : 16, '\0');
    require(EVP_CIPHER_CTX_ctrl(work.context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()),
                                tag.data()) == 1);
    return joined(shape, ciphertext, tag);
}

std::string cbc_jwe(const jwe_shape& shape, std::string_view key, std::string_view plain) {
    encryption work;
    require(EVP_EncryptInit_ex(work.context.get(), EVP_aes_256_cbc(), nullptr, octets(key.substr(32)),
                               octets(shape.iv)) == 1);
    const std::string ciphertext = work.run(plain);
    const std::string aad = base64url(shape.header);
    std::string message = aad + shape.iv + ciphertext;
    for (int shift = 56; shift >= 0; shift -= 8)
        message.push_back(static_cast<char>(std::uint64_t{aad.size() * 8} >> static_cast<unsigned>(shift)));
    const std::string mac = hmac_key{hash::sha512, key.substr(0, 32)}.sign(message);
    return joined(shape, ciphertext, mac.substr(0, shape.tag_bytes != 0 ? shape.tag_bytes : 32));
}

std::string nextauth_v4(std::string_view payload, std::string_view secret) {
    const auto key = hkdf_sha256(secret, {}, "NextAuth.js Generated Encryption Key", 32);
    return gcm_jwe({R"({"alg":"dir","enc":"A256GCM"})", std::string(12, 'i'), 0, {}}, key.view(), payload);
}

std::string authjs_v5(std::string_view payload, std::string_view secret, std::string_view cookie_name) {
    const std::string info = "Auth.js Generated Encryption Key (" + std::string{cookie_name} + ')';
    const auto key = hkdf_sha256(secret, cookie_name, info, 64);
    const nlohmann::json header{
        {"alg", "dir"}, {"enc", "A256CBC-HS512"}, {"kid", thumbprint(hash::sha512, key.view())}};
    return cbc_jwe({header.dump(), std::string(16, 'i'), 0, {}}, key.view(), payload);
}

std::string better_auth_session(std::string_view token, std::string_view secret) {
    return std::string{token} + '.' + base64(hmac_key{hash::sha256, secret}.sign(token));
}

std::string better_auth_compact(std::string_view payload, std::string_view expires_ms,
                                std::string_view secret) {
    std::string message{payload.substr(0, payload.size() - 1)};
    if (message.size() > 1) message += ',';
    message.append("\"expiresAt\":").append(expires_ms).push_back('}');
    std::string text = R"({"session":)";
    text.append(payload).append(R"(,"expiresAt":)").append(expires_ms).append(R"(,"signature":")");
    text += base64url(hmac_key{hash::sha256, secret}.sign(message));
    return base64url(text + "\"}");
}

std::string better_auth_jwe(std::string_view payload, std::string_view secret) {
    const auto key = hkdf_sha256(secret, "better-auth-session", "BetterAuth.js Generated Encryption Key", 64);
    const nlohmann::json header{
        {"alg", "dir"}, {"enc", "A256CBC-HS512"}, {"kid", thumbprint(hash::sha256, key.view())}};
    return cbc_jwe({header.dump(), std::string(16, 'i'), 0, {}}, key.view(), payload);
}

signer::signer(evp_pkey_st* key) : key_(key, EVP_PKEY_free) {
    require(key != nullptr);
}

signer signer::ed25519() {
    return signer{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
}

signer signer::ec(const char* curve) {
    return signer{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve)};
}

signer signer::rsa(unsigned bits, unsigned exponent) {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    BIGNUM* e = BN_new();
    EVP_PKEY* key = nullptr;
    require(BN_set_word(e, exponent) == 1 && EVP_PKEY_keygen_init(context) == 1 &&
            EVP_PKEY_CTX_set_rsa_keygen_bits(context, static_cast<int>(bits)) == 1 &&
            EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e) == 1 && EVP_PKEY_generate(context, &key) == 1);
    EVP_PKEY_CTX_free(context);
    BN_free(e);
    return signer{key};
}

nlohmann::json signer::jwk(std::string_view kid) const {
    nlohmann::json out;
    EVP_PKEY* const key = key_.get();
    if (EVP_PKEY_is_a(key, "ED25519") == 1) {
        std::string x(32, '\0');
        std::size_t size = x.size();
        require(EVP_PKEY_get_raw_public_key(key, octets(x), &size) == 1);
        out = {{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", base64url(x)}};
    } else if (EVP_PKEY_is_a(key, "EC") == 1) {
        const auto bits = static_cast<std::size_t>(EVP_PKEY_get_bits(key));
        const std::size_t width = (bits + 7) / 8;
        out = {{"kty", "EC"},
               {"crv", "P-" + std::to_string(bits)},
               {"x", base64url(number_bytes(key, OSSL_PKEY_PARAM_EC_PUB_X, width))},
               {"y", base64url(number_bytes(key, OSSL_PKEY_PARAM_EC_PUB_Y, width))}};
    } else {
        out = {{"kty", "RSA"},
               {"n", base64url(number_bytes(key, OSSL_PKEY_PARAM_RSA_N, 0))},
               {"e", base64url(number_bytes(key, OSSL_PKEY_PARAM_RSA_E, 0))}};
    }
    if (!kid.empty()) out["kid"] = kid;
    return out;
}

std::string signer::sign(std::string_view alg, std::string_view message, int salt_bytes) const {
    const std::shared_ptr<EVP_MD_CTX> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
    EVP_PKEY_CTX* settings = nullptr;
    require(EVP_DigestSignInit(context.get(), &settings, digest_of(alg), nullptr, key_.get()) == 1);
    if (alg.starts_with("PS")) {
        require(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, salt_bytes) == 1);
    }
    std::size_t size = 0;
    require(EVP_DigestSign(context.get(), nullptr, &size, octets(message), message.size()) == 1);
    std::string out(size, '\0');
    require(EVP_DigestSign(context.get(), octets(out), &size, octets(message), message.size()) == 1);
    out.resize(size);
    if (!alg.starts_with("ES")) return out;
    return fixed_width(out, alg == "ES256" ? 32 : alg == "ES384" ? 48 : 66);
}

std::string signer::jws(std::string_view alg, const nlohmann::json& header, std::string_view payload) const {
    nlohmann::json whole = header;
    if (!whole.contains("alg")) whole["alg"] = alg;
    const std::string input = base64url(whole.dump()) + '.' + base64url(payload);
    return input + '.' + base64url(sign(alg, input));
}

} // namespace roomcast::server::auth::mint
