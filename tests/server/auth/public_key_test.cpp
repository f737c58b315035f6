#include "mint.hpp"
#include "verify.hpp"

namespace roomcast::server::auth {
namespace {

using nlohmann::json;

constexpr auto* payload = R"({"sub":"ada","email":"ada@example.com"})";

json settings_for(const json& keys) {
    return {{"type", "jwks"}, {"jwks", {{"keys", keys}}}};
}

std::string reason_with(const json& keys, std::string_view token) {
    return reason_for(settings_for(keys), token);
}

/// A token whose signature was replaced.
std::string with_signature(const std::string& token, std::string_view signature) {
    return token.substr(0, token.rfind('.') + 1) + mint::base64url(signature);
}

struct algorithm {
    const char* alg;
    mint::signer key;
};

const std::vector<algorithm>& algorithms() {
    static const std::vector<algorithm> all = [] {
        const auto rsa = mint::signer::rsa(2048);
        const auto edwards = mint::signer::ed25519();
        return std::vector<algorithm>{{"EdDSA", edwards},
                                      {"Ed25519", edwards},
                                      {"ES256", mint::signer::ec("P-256")},
                                      {"ES384", mint::signer::ec("P-384")},
                                      {"ES512", mint::signer::ec("P-521")},
                                      {"RS256", rsa},
                                      {"RS384", rsa},
                                      {"RS512", rsa},
                                      {"PS256", rsa},
                                      {"PS384", rsa},
                                      {"PS512", rsa}};
    }();
    return all;
}

TEST(Jwks, AcceptsEveryAlgorithmAndNoTamperedToken) {
    for (const auto& [alg, key] : algorithms()) {
        const auto token = key.jws(alg, {{"kid", "a"}}, payload);
        const auto keys = json::array({key.jwk("a")});
        EXPECT_EQ(reason_with(keys, token), "accepted") << alg;
        const std::size_t dot = token.find('.') + 1;
        std::string other = token;
        other.replace(dot, token.rfind('.') - dot, mint::base64url(R"({"sub":"eve"})"));
        EXPECT_EQ(reason_with(keys, other), "bad_signature") << alg;
        EXPECT_EQ(reason_with(keys, with_signature(token, "")), "bad_signature") << alg;
        const std::string signature = key.sign(alg, token.substr(0, token.rfind('.')));
        EXPECT_EQ(reason_with(keys, with_signature(token, signature.substr(1))), "bad_signature") << alg;
        EXPECT_EQ(reason_with(keys, with_signature(token, signature + '\0')), "bad_signature") << alg;
        EXPECT_EQ(reason_with(keys, with_signature(token, std::string(signature.size(), '\0'))),
                  "bad_signature")
            << alg;
    }
}

TEST(Jwks, TakesOnlyTheAlgorithmsThatAreNamed) {
    const auto& [alg, key] = algorithms().front();
    json settings = settings_for(json::array({key.jwk("a")}));
    settings["algorithms"] = {"ES256"};
    EXPECT_EQ(reason_for(settings, key.jws(alg, {{"kid", "a"}}, payload)), "alg_not_allowed");
}

TEST(Jwks, NeverTakesAPublicKeyForASecret) {
    const auto rsa = mint::signer::rsa(2048);
    const auto jwk = rsa.jwk("a");
    for (const auto& as_secret : {jwk["n"].get<std::string>(), jwk.dump()}) {
        const auto token = mint::hmac_jws(R"({"alg":"HS256","kid":"a"})", payload, as_secret);
        EXPECT_EQ(reason_with(json::array({jwk}), token), "alg_not_allowed");
    }
    const json oct{{"kty", "oct"}, {"k", mint::base64url("secret")}, {"kid", "a"}};
    EXPECT_EQ(
        reason_with(json::array({oct}), mint::hmac_jws(R"({"alg":"HS256","kid":"a"})", payload, "secret")),
        "alg_not_allowed");
}

TEST(Jwks, IgnoresTheKeyThatATokenBrings) {
    const auto mine = mint::signer::ed25519();
    const auto eves = mint::signer::ed25519();
    const auto token =
        eves.jws("EdDSA", {{"kid", "a"}, {"jwk", eves.jwk("a")}, {"jku", "https://evil.example/"}}, payload);
    EXPECT_EQ(reason_with(json::array({mine.jwk("a")}), token), "bad_signature");
    const auto unnamed = eves.jws("EdDSA", {{"kid", "../../../etc/passwd"}, {"jwk", eves.jwk("a")}}, payload);
    EXPECT_EQ(reason_with(json::array({mine.jwk("a")}), unnamed), "key_not_found");
}

TEST(Jwks, FindsTheOneKeyThatFits) {
    const auto a = mint::signer::ed25519();
    const auto b = mint::signer::ed25519();
    const auto c = mint::signer::ec("P-256");
    const auto unnamed = a.jws("EdDSA", json::object(), payload);
    const auto named = a.jws("EdDSA", {{"kid", "a"}}, payload);
    EXPECT_EQ(reason_with(json::array({a.jwk("a")}), unnamed), "accepted");
    EXPECT_EQ(reason_with(json::array({a.jwk("a"), c.jwk("c")}), unnamed), "accepted");
    EXPECT_EQ(reason_with(json::array({a.jwk("a"), b.jwk("b")}), unnamed), "key_ambiguous");
    EXPECT_EQ(reason_with(json::array({a.jwk("a"), b.jwk("b")}), named), "accepted");
    EXPECT_EQ(reason_with(json::array({a.jwk("a"), b.jwk("a")}), named), "key_ambiguous");
    EXPECT_EQ(reason_with(json::array({b.jwk("b")}), named), "key_not_found");
    EXPECT_EQ(reason_with(json::array({a.jwk()}), named), "key_not_found");
    EXPECT_EQ(reason_with(json::array(), named), "key_not_found");
}

TEST(Jwks, LooksAtWhatAKeyIsFor) {
    const auto key = mint::signer::ed25519();
    const auto token = key.jws("EdDSA", {{"kid", "a"}}, payload);
    const auto reason_of_key = [&](const json& members) {
        json jwk = key.jwk("a");
        jwk.update(members);
        return reason_with(json::array({jwk}), token);
    };
    EXPECT_EQ(reason_of_key({{"alg", "EdDSA"}, {"use", "sig"}, {"key_ops", {"verify"}}}), "accepted");
    for (const json& members :
         {json{{"alg", "ES256"}}, json{{"alg", 7}}, json{{"use", "enc"}}, json{{"use", nullptr}},
          json{{"key_ops", {"sign"}}}, json{{"key_ops", "verify"}}, json{{"d", "AAAA"}},
          json{{"crv", "X25519"}}, json{{"kty", "EC"}}})
        EXPECT_EQ(reason_of_key(members), "key_not_found") << members;
}

TEST(Jwks, RefusesWeakRsaKeys) {
    const auto small = mint::signer::rsa(1024);
    EXPECT_EQ(reason_with(json::array({small.jwk("a")}), small.jws("RS256", {{"kid", "a"}}, payload)),
              "weak_key");
    json one = mint::signer::rsa(2048).jwk("a");
    one["e"] = "AQ";
    // With the exponent 1 the padded digest is its own signature.
    const auto input = mint::base64url(R"({"alg":"RS256","kid":"a"})") + '.' + mint::base64url(payload);
    std::string padded = "\x30\x31\x30\x0d\x06\x09";
    padded +=
        std::string{"\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 13} + digest(hash::sha256, input);
    padded = std::string{"\x00\x01", 2} + std::string(256 - 3 - padded.size(), '\xff') + '\0' + padded;
    EXPECT_EQ(reason_with(json::array({one}), input + '.' + mint::base64url(padded)), "weak_key");
    one["e"] = "AQAA"; // even
    EXPECT_EQ(reason_with(json::array({one}), input + '.' + mint::base64url(padded)), "weak_key");
}

TEST(Jwks, RefusesOtherSizesOfSalt) {
    const auto key = mint::signer::rsa(2048);
    const auto input = mint::base64url(R"({"alg":"PS256","kid":"a"})") + '.' + mint::base64url(payload);
    const auto token = [&](int salt_bytes) {
        return input + '.' + mint::base64url(key.sign("PS256", input, salt_bytes));
    };
    const auto keys = json::array({key.jwk("a")});
    EXPECT_EQ(reason_with(keys, token(32)), "accepted");
    EXPECT_EQ(reason_with(keys, token(20)), "bad_signature");
    EXPECT_EQ(reason_with(keys, token(0)), "bad_signature");
}

TEST(Jwks, RefusesBadPoints) {
    const auto key = mint::signer::ec("P-256");
    const auto token = key.jws("ES256", {{"kid", "a"}}, payload);
    const auto reason_of = [&](const char* member, const std::string& value) {
        json jwk = key.jwk("a");
        jwk[member] = value;
        return reason_with(json::array({jwk}), token);
    };
    EXPECT_EQ(reason_of("x", mint::base64url(std::string(32, '\1'))), "invalid_key"); // off the curve
    EXPECT_EQ(reason_of("x", mint::base64url(std::string(31, '\1'))), "invalid_key");
    EXPECT_EQ(reason_of("y", ""), "invalid_key");
    EXPECT_EQ(reason_of("y", "not base64!"), "invalid_key");
    EXPECT_EQ(reason_of("crv", "P-384"), "key_not_found");
}

TEST(Jwks, RefusesSignaturesInDer) {
    const auto key = mint::signer::ec("P-256");
    const auto token = key.jws("ES256", {{"kid", "a"}}, payload);
    const std::string fixed = key.sign("ES256", token.substr(0, token.rfind('.')));
    const std::string der =
        std::string{"\x30\x44\x02\x20"} + fixed.substr(0, 32) + "\x02\x20" + fixed.substr(32);
    EXPECT_EQ(reason_with(json::array({key.jwk("a")}), with_signature(token, der)), "bad_signature");
}

/// S + L: the same point, another spelling.
TEST(Jwks, RefusesMalleableEdwardsSignatures) {
    const auto key = mint::signer::ed25519();
    const auto token = key.jws("EdDSA", {{"kid", "a"}}, payload);
    std::string signature = key.sign("EdDSA", token.substr(0, token.rfind('.')));
    constexpr unsigned char order[32]{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned char>(signature[32 + i]) + unsigned{order[i]};
        signature[32 + i] = static_cast<char>(carry);
        carry >>= 8U;
    }
    EXPECT_EQ(reason_with(json::array({key.jwk("a")}), with_signature(token, signature)), "bad_signature");
}

TEST(Jwks, RefusesEdwardsKeysOfSmallOrder) {
    const std::string zero(32, '\0');
    std::string one = zero;
    one[0] = '\1';
    std::string sign_bit = one;
    sign_bit[31] = '\x80';
    std::string minus_one(32, '\xff');
    minus_one[0] = '\xec';
    minus_one[31] = '\x7f';
    for (const auto& x : {zero, one, sign_bit, minus_one}) {
        const json jwk{{"kty", "OKP"}, {"crv", "Ed25519"}, {"kid", "a"}, {"x", mint::base64url(x)}};
        // R = identity, S = 0 verifies any message under the identity as key.
        const auto token = mint::base64url(R"({"alg":"EdDSA","kid":"a"})") + '.' + mint::base64url(payload) +
                           '.' + mint::base64url(one + zero);
        EXPECT_EQ(reason_with(json::array({jwk}), token), "weak_key");
    }
}

TEST(Jwks, KeepsCookieCachesApartFromApiTokens) {
    const auto key = mint::signer::ed25519();
    const json header{{"kid", "a"}, {"typ", "better-auth.session-cache+jwt"}};
    EXPECT_EQ(reason_with(json::array({key.jwk("a")}), key.jws("EdDSA", header, payload)), "typ_mismatch");
}

TEST(Jwks, RefusesSetsThatAreNone) {
    const auto key = mint::signer::ed25519();
    const auto token = key.jws("EdDSA", {{"kid", "a"}}, payload);
    for (const auto* set :
         {"", "{", "[]", "{}", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[],"keys":[]})"}) {
        config::auth_provider provider;
        provider.kind = config::auth_kind::jwks;
        provider.jwks = set;
        EXPECT_FALSE(verify({provider}, with_token(token)).is_accepted()) << set;
    }
}

} // namespace
} // namespace roomcast::server::auth
