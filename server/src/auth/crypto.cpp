#include "auth/crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace roomcast::server::auth {

namespace {

struct free_cipher {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
struct free_kdf {
    void operator()(EVP_KDF* kdf) const noexcept { EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX* context) const noexcept { EVP_KDF_CTX_free(context); }
};
struct free_mac {
    void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
};

[[noreturn]] void fail(const char* what) {
    ERR_clear_error();
    throw std::runtime_error(std::string{"OpenSSL: no "} + what);
}

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

const char* name_of(hash which) {
    switch (which) {
    case hash::sha256: return "SHA256";
    case hash::sha384: return "SHA384";
    case hash::sha512: return "SHA512";
    }
    return "";
}

const EVP_MD* digest_of(hash which) {
    switch (which) {
    case hash::sha256: return EVP_sha256();
    case hash::sha384: return EVP_sha384();
    case hash::sha512: return EVP_sha512();
    }
    return nullptr;
}

/// OpenSSL's parameters are not const though it only reads them.
OSSL_PARAM octet_param(const char* name, std::string_view bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size());
}
OSSL_PARAM text_param(const char* name, const char* text) {
    return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

} // namespace

secret_bytes& secret_bytes::operator=(secret_bytes&& other) noexcept {
    if (this != &other) {
        wipe();
        bytes_ = other.bytes_;
        other.wipe();
    }
    return *this;
}

void secret_bytes::wipe() noexcept {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
    bytes_.clear();
}

std::size_t size_of(hash which) noexcept {
    switch (which) {
    case hash::sha256: return 32;
    case hash::sha384: return 48;
    case hash::sha512: return 64;
    }
    return 0;
}

std::string digest(hash which, std::string_view message) {
    std::string out(size_of(which), '\0');
    if (EVP_Digest(message.data(), message.size(), octets(out), nullptr, digest_of(which), nullptr) != 1)
        fail(name_of(which));
    return out;
}

secret_bytes hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                         std::size_t size_bytes) {
    const std::unique_ptr<EVP_KDF, free_kdf> kdf{EVP_KDF_fetch(nullptr, "HKDF", nullptr)};
    if (!kdf) fail("HKDF");
    const std::unique_ptr<EVP_KDF_CTX, free_kdf> context{EVP_KDF_CTX_new(kdf.get())};
    std::array<OSSL_PARAM, 5> params{
        text_param(OSSL_KDF_PARAM_DIGEST, "SHA256"), octet_param(OSSL_KDF_PARAM_KEY, secret),
        octet_param(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end()};
    if (!salt.empty()) params[3] = octet_param(OSSL_KDF_PARAM_SALT, salt);
    std::string out(size_bytes, '\0');
    if (!context || EVP_KDF_derive(context.get(), octets(out), out.size(), params.data()) != 1)
        fail("HKDF key");
    return secret_bytes{std::move(out)};
}

bool is_equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void hmac_key::release::operator()(evp_mac_ctx_st* context) const noexcept {
    EVP_MAC_CTX_free(context);
}

hmac_key::hmac_key(hash which, std::string_view key) : which_(which) {
    if (key.empty()) return;
    const std::unique_ptr<EVP_MAC, free_mac> mac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
    if (!mac) fail("HMAC");
    keyed_.reset(EVP_MAC_CTX_new(mac.get()));
    const std::array<OSSL_PARAM, 2> params{text_param(OSSL_MAC_PARAM_DIGEST, name_of(which)),
                                           OSSL_PARAM_construct_end()};
    if (!keyed_ || EVP_MAC_init(keyed_.get(), octets(key), key.size(), params.data()) != 1) fail("HMAC key");
}

std::string hmac_key::sign(std::string_view message) const {
    std::string out(size_of(which_), '\0');
    std::size_t size = 0;
    const std::unique_ptr<EVP_MAC_CTX, release> context{keyed_ ? EVP_MAC_CTX_dup(keyed_.get()) : nullptr};
    if (!context || EVP_MAC_update(context.get(), octets(message), message.size()) != 1 ||
        EVP_MAC_final(context.get(), octets(out), &size, out.size()) != 1 || size != out.size()) {
        ERR_clear_error();
        return {};
    }
    return out;
}

bool hmac_key::is_valid(std::string_view message, std::string_view mac) const {
    const std::string right = sign(message);
    return !right.empty() && is_equal_in_constant_time(right, mac);
}

bool decrypt_a256gcm(std::string_view key, std::string_view iv, std::string_view aad,
                     std::string_view ciphertext, std::string_view tag, std::string& out) {
    // A tag of another length would be believed as far as it goes.
    if (key.size() != 32 || iv.size() != 12 || tag.size() != 16) return false;
    const std::unique_ptr<EVP_CIPHER_CTX, free_cipher> context{EVP_CIPHER_CTX_new()};
    std::string plain(ciphertext.size() + 16, '\0');
    int size = 0;
    int rest = 0;
    const bool is_genuine =
        context &&
        EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, octets(key), octets(iv)) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &size, octets(aad), static_cast<int>(aad.size())) == 1 &&
        EVP_DecryptUpdate(context.get(), octets(plain), &size, octets(ciphertext),
                          static_cast<int>(ciphertext.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, 16, const_cast<char*>(tag.data())) == 1 &&
        EVP_DecryptFinal_ex(context.get(), octets(plain) + size, &rest) == 1;
    if (!is_genuine) {
        ERR_clear_error();
        return false;
    }
    plain.resize(static_cast<std::size_t>(size + rest));
    out = std::move(plain);
    return true;
}

cbc_hs512_key::cbc_hs512_key(secret_bytes key)
    : key_(std::move(key)), mac_(hash::sha512, key_.view().substr(0, 32)) {
    if (key_.view().size() != 64) throw std::runtime_error("A256CBC-HS512 wants a key of 64 bytes");
}

bool cbc_hs512_key::decrypt(std::string_view iv, std::string_view aad, std::string_view ciphertext,
                            std::string_view tag, std::string& out) const {
    if (iv.size() != 16 || tag.size() != 32) return false;
    std::string message;
    message.reserve(aad.size() + iv.size() + ciphertext.size() + 8);
    message.append(aad).append(iv).append(ciphertext);
    const std::uint64_t aad_bits = std::uint64_t{aad.size()} * 8;
    for (int shift = 56; shift >= 0; shift -= 8)
        message.push_back(static_cast<char>(aad_bits >> shift & 0xffU));
    const std::string mac = mac_.sign(message);
    if (mac.size() != 64 || !is_equal_in_constant_time(std::string_view{mac}.substr(0, 32), tag))
        return false;

    const std::unique_ptr<EVP_CIPHER_CTX, free_cipher> context{EVP_CIPHER_CTX_new()};
    std::string plain(ciphertext.size() + 16, '\0');
    int size = 0;
    int rest = 0;
    const bool is_padded = context &&
                           EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr,
                                              octets(key_.view().substr(32)), octets(iv)) == 1 &&
                           EVP_DecryptUpdate(context.get(), octets(plain), &size, octets(ciphertext),
                                             static_cast<int>(ciphertext.size())) == 1 &&
                           EVP_DecryptFinal_ex(context.get(), octets(plain) + size, &rest) == 1;
    if (!is_padded) {
        ERR_clear_error();
        return false;
    }
    plain.resize(static_cast<std::size_t>(size + rest));
    out = std::move(plain);
    return true;
}

} // namespace roomcast::server::auth
