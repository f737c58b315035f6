#include "auth/public_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace roomcast::server::auth {

namespace {

using core::auth::jwk;
using core::auth::reason;

template <auto Free>
struct free_with {
    template <class T>
    void operator()(T* what) const noexcept {
        Free(what);
    }
};
using big_number = std::unique_ptr<BIGNUM, free_with<BN_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, free_with<EVP_PKEY_CTX_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, free_with<EVP_MD_CTX_free>>;
using param_builder = std::unique_ptr<OSSL_PARAM_BLD, free_with<OSSL_PARAM_BLD_free>>;
using param_list = std::unique_ptr<OSSL_PARAM, free_with<OSSL_PARAM_free>>;
using ecdsa_signature = std::unique_ptr<ECDSA_SIG, free_with<ECDSA_SIG_free>>;

constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 8192;

const unsigned char* octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

big_number number_of(std::string_view big_endian) {
    return big_number{BN_bin2bn(octets(big_endian), static_cast<int>(big_endian.size()), nullptr)};
}

/// Makes a key of OpenSSL's kind `type` from its public numbers.
EVP_PKEY* key_from(const char* type, OSSL_PARAM_BLD* builder) {
    const param_list params{OSSL_PARAM_BLD_to_param(builder)};
    const key_context context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
    EVP_PKEY* key = nullptr;
    if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
        return nullptr;
    return key;
}

reason import_rsa(const jwk& from, EVP_PKEY*& out) {
    constexpr std::size_t most_bytes = most_rsa_bits / 8 + 1;
    if (from.n.size() > most_bytes || from.e.size() > most_bytes) return reason::invalid_key;
    const big_number n = number_of(from.n);
    const big_number e = number_of(from.e);
    if (!n || !e) return reason::invalid_key;
    const int bits = BN_num_bits(n.get());
    if (bits < least_rsa_bits) return reason::weak_key;
    if (bits > most_rsa_bits || BN_is_odd(n.get()) != 1) return reason::invalid_key;
    // With 1 the padded digest is its own signature.
    if (BN_is_odd(e.get()) != 1 || BN_is_one(e.get()) == 1) return reason::weak_key;
    if (BN_num_bits(e.get()) > 64) return reason::invalid_key; // nobody has such; verifying would take long
    const param_builder builder{OSSL_PARAM_BLD_new()};
    if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return reason::invalid_key;
    out = key_from("RSA", builder.get());
    return out != nullptr ? reason::none : reason::invalid_key;
}

struct curve {
    std::string_view name;
    std::size_t bytes; ///< of a coordinate
};
constexpr std::array<curve, 3> curves{{{"P-256", 32}, {"P-384", 48}, {"P-521", 66}}};

reason import_ec(const jwk& from, EVP_PKEY*& out) {
    const auto* const found = std::find_if(curves.begin(), curves.end(),
                                           [&from](const curve& one) { return one.name == from.crv; });
    if (found == curves.end() || from.x.size() != found->bytes || from.y.size() != found->bytes)
        return reason::invalid_key;
    const std::string point = '\x04' + from.x + from.y;
    const param_builder builder{OSSL_PARAM_BLD_new()};
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, from.crv.c_str(), 0) !=
            1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1)
        return reason::invalid_key;
    out = key_from("EC", builder.get());
    if (out == nullptr) return reason::invalid_key;
    const key_context context{EVP_PKEY_CTX_new_from_pkey(nullptr, out, nullptr)};
    if (!context || EVP_PKEY_public_check(context.get()) != 1) {
        EVP_PKEY_free(out);
        out = nullptr;
        return reason::invalid_key;
    }
    return reason::none;
}

/// Is it one of the eight points of small order, for which a signature of any message can be made up? Known
/// by y, whatever the sign of x; p and p + 1 are other spellings of 0 and 1.
bool is_small_order(std::string_view x) {
    std::string y{x};
    y.back() = static_cast<char>(static_cast<unsigned char>(y.back()) & 0x7fU);
    const auto near_p = [](unsigned char first) {
        std::string out(32, '\xff');
        out.front() = static_cast<char>(first);
        out.back() = '\x7f';
        return out;
    };
    std::string one(32, '\0');
    one.front() = '\x01';
    constexpr std::string_view order_8_a = "\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0"
                                           "\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05";
    constexpr std::string_view order_8_b = "\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f"
                                           "\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a";
    return y == std::string(32, '\0') || y == one || y == near_p(0xec) || y == near_p(0xed) ||
           y == near_p(0xee) || y == order_8_a || y == order_8_b;
}

reason import_ed25519(const jwk& from, EVP_PKEY*& out) {
    if (from.crv != "Ed25519" || from.x.size() != 32) return reason::invalid_key;
    if (is_small_order(from.x)) return reason::weak_key;
    out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(from.x), from.x.size());
    return out != nullptr ? reason::none : reason::invalid_key;
}

const EVP_MD* digest_of(std::string_view alg) {
    if (alg.ends_with("256")) return EVP_sha256();
    if (alg.ends_with("384")) return EVP_sha384();
    return EVP_sha512();
}

/// The DER form of r and s side by side; empty when the widths are wrong.
std::string der_of(std::string_view alg, std::string_view signature) {
    const std::size_t width = alg == "ES256" ? 32 : alg == "ES384" ? 48 : 66;
    if (signature.size() != 2 * width) return {};
    const ecdsa_signature both{ECDSA_SIG_new()};
    big_number r = number_of(signature.substr(0, width));
    big_number s = number_of(signature.substr(width));
    if (!both || !r || !s || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
    static_cast<void>(r.release()); // they belong to the pair now
    static_cast<void>(s.release());
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(both.get(), &der);
    if (size <= 0) return {};
    std::string out{reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)};
    OPENSSL_free(der);
    return out;
}

bool set_pss(EVP_PKEY_CTX* context, const EVP_MD* digest) {
    // By default a verification takes any length of salt.
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1;
}

} // namespace

void public_key::release::operator()(evp_pkey_st* key) const noexcept {
    EVP_PKEY_free(key);
}

reason public_key::import(const jwk& from, public_key& out) {
    if (!from.is_decodable || from.is_private) return reason::invalid_key;
    EVP_PKEY* key = nullptr;
    reason why = reason::invalid_key;
    if (from.kty == "RSA") why = import_rsa(from, key);
    if (from.kty == "EC") why = import_ec(from, key);
    if (from.kty == "OKP") why = import_ed25519(from, key);
    ERR_clear_error();
    if (why == reason::none) out.key_ = {key, release{}};
    return why;
}

bool public_key::is_valid(std::string_view alg, std::string_view message, std::string_view signature) const {
    if (!key_ || signature.empty()) return false;
    const bool is_edwards = alg == "EdDSA" || alg == "Ed25519";
    std::string der;
    if (is_edwards) {
        if (signature.size() != 64) return false;
    } else if (alg.starts_with("ES")) {
        der = der_of(alg, signature);
        if (der.empty()) return false;
        signature = der;
    } else if (signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(key_.get()))) {
        return false;
    }
    const digest_context context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* settings = nullptr; // belongs to the context
    const EVP_MD* const digest = is_edwards ? nullptr : digest_of(alg);
    const bool is_right = context &&
                          EVP_DigestVerifyInit(context.get(), &settings, digest, nullptr, key_.get()) == 1 &&
                          (!alg.starts_with("PS") || set_pss(settings, digest)) &&
                          EVP_DigestVerify(context.get(), octets(signature), signature.size(),
                                           octets(message), message.size()) == 1;
    ERR_clear_error();
    return is_right;
}

} // namespace roomcast::server::auth
