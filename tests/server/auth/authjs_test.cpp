#include "mint.hpp"
#include "verify.hpp"

namespace roomcast::server::auth {
namespace {

using nlohmann::json;

const std::string secret = "the secret of the app";
constexpr auto* payload = R"({"sub":"ada","name":"Ada","exp":1870000000})";
const json v4{{"type", "nextauth_v4"}, {"secret", secret}};
const json v5{{"type", "authjs_v5"}, {"secret", secret}};
constexpr auto* plain_cookie = "authjs.session-token";
constexpr auto* secure_cookie = "__Secure-authjs.session-token";

std::string v4_shaped(const std::string& header, std::size_t iv_bytes = 12, std::size_t tag_bytes = 16,
                      const std::string& second = {}) {
    const auto key = hkdf_sha256(secret, {}, "NextAuth.js Generated Encryption Key", 32);
    return mint::gcm_jwe({header, std::string(iv_bytes, 'i'), tag_bytes, second}, key.view(), payload);
}

std::string v5_shaped(const json& header, std::size_t tag_bytes = 32) {
    const auto key =
        hkdf_sha256(secret, plain_cookie, "Auth.js Generated Encryption Key (authjs.session-token)", 64);
    return mint::cbc_jwe({header.dump(), std::string(16, 'i'), tag_bytes, {}}, key.view(), payload);
}

TEST(NextAuth4, AcceptsItsTokenFromEverySource) {
    const std::string token = mint::nextauth_v4(payload, secret);
    EXPECT_EQ(verify(v4, with_token(token)).who.name, "Ada");
    EXPECT_EQ(verify(v4, with_cookie("next-auth.session-token=" + token)).who.id, "ada");
    EXPECT_EQ(verify(v4, with_cookie("a=b;__Secure-next-auth.session-token=\"" + token + "\";c")).who.id,
              "ada");
    EXPECT_EQ(verify(v4, with_authorization("bearer " + token)).who.id, "ada");
}

TEST(NextAuth4, TakesTheSecureCookieAloneWhenTold) {
    json secure = v4;
    secure["secure_only"] = true;
    const std::string token = mint::nextauth_v4(payload, secret);
    EXPECT_TRUE(verify(secure, with_cookie("__Secure-next-auth.session-token=" + token)).is_accepted());
    EXPECT_EQ(verify(secure, with_cookie("next-auth.session-token=" + token)).reason,
              core::auth::reason::no_credential);
}

TEST(NextAuth4, RefusesEveryOtherEncryption) {
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir","enc":"A256GCM"})")), "accepted");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"A256KW","enc":"A256GCM"})")), "alg_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"PBES2-HS256+A128KW","p2c":2000000000,"enc":"A256GCM"})")),
              "alg_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"none","enc":"A256GCM"})")), "alg_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir","enc":"A128CBC-HS256"})")), "enc_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir","enc":"A256CBC-HS512"})")), "enc_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir"})")), "enc_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir","enc":"A256GCM","zip":"DEF"})")), "zip_not_allowed");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir","enc":"A256GCM","crit":["x"]})")), "crit_unsupported");
    EXPECT_EQ(reason_for(v4, v4_shaped(R"({"alg":"dir","alg":"dir","enc":"A256GCM"})")), "duplicate_member");
}

TEST(NextAuth4, WantsExactSizes) {
    constexpr auto* header = R"({"alg":"dir","enc":"A256GCM"})";
    EXPECT_EQ(reason_for(v4, v4_shaped(header, 12, 4)), "malformed");
    EXPECT_EQ(reason_for(v4, v4_shaped(header, 12, 15)), "malformed");
    EXPECT_EQ(reason_for(v4, v4_shaped(header, 16)), "malformed");
    EXPECT_EQ(reason_for(v4, v4_shaped(header, 12, 16, "AAAA")), "malformed");
}

TEST(NextAuth4, NoticesEveryChangedByte) {
    const std::string token = mint::nextauth_v4(payload, secret);
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'B' ? 'C' : 'B';
        EXPECT_FALSE(verify(v4, with_token(changed)).is_accepted()) << i;
    }
}

TEST(NextAuth4, RefusesAPlainJwtUnlessTold) {
    const auto jws = mint::hmac_jws(R"({"alg":"HS256"})", payload, secret);
    EXPECT_EQ(reason_for(v4, jws), "malformed");
    json told = v4;
    told["accept_jws"] = {"HS256"};
    EXPECT_EQ(reason_for(told, jws), "accepted");
    EXPECT_EQ(reason_for(told, mint::hmac_jws(R"({"alg":"HS512"})", payload, secret, hash::sha512)),
              "alg_not_allowed");
    EXPECT_EQ(reason_for(told, mint::hmac_jws(R"({"alg":"HS256"})", payload, "other")), "bad_signature");
    EXPECT_EQ(reason_for(told, mint::nextauth_v4(payload, secret)), "accepted");
}

TEST(NextAuth4, AllowsFifteenSeconds) {
    const auto token = mint::nextauth_v4(R"({"exp":1000})", secret);
    EXPECT_EQ(reason_for(v4, token, core::unix_time{1014}), "accepted");
    EXPECT_EQ(reason_for(v4, token, core::unix_time{1015}), "expired");
}

TEST(NextAuth4, JoinsChunksInAnyOrder) {
    const std::string token =
        mint::nextauth_v4(R"({"sub":"ada","pad":")" + std::string(400, 'p') + "\"}", secret);
    std::vector<std::string> chunks;
    for (std::size_t at = 0; at < token.size(); at += 50) {
        chunks.push_back("next-auth.session-token." + std::to_string(at / 50) + '=' + token.substr(at, 50));
    }
    ASSERT_GT(chunks.size(), 11U); // 10 comes after 9, not after 1
    std::string backwards;
    for (const auto& chunk : chunks) backwards.insert(0, chunk + "; ");
    EXPECT_EQ(verify(v4, with_cookie(backwards)).who.id, "ada");
    EXPECT_EQ(
        verify(v4, with_cookie(backwards + "next-auth.session-token.evil=x; next-auth.session-tokens=y"))
            .who.id,
        "ada");
    EXPECT_EQ(verify(v4, with_cookie(backwards + "next-auth.session-token.01=x")).who.id, "ada");
    EXPECT_FALSE(verify(v4, with_cookie(backwards + "next-auth.session-token.99=x")).is_accepted());
    EXPECT_FALSE(verify(v4, with_cookie(backwards.substr(backwards.find("; ") + 2))).is_accepted());
}

TEST(NextAuth4, TakesTheFirstCookieOfAName) {
    const std::string token = mint::nextauth_v4(payload, secret);
    EXPECT_TRUE(verify(v4, with_cookie("next-auth.session-token=" + token + "; next-auth.session-token=x"))
                    .is_accepted());
    EXPECT_FALSE(
        verify(v4, with_cookie("next-auth.session-token=x; next-auth.session-token=" + token)).is_accepted());
    EXPECT_FALSE(verify(v4, with_cookie("Next-Auth.session-token=" + token)).is_accepted());
}

TEST(NextAuth4, WantsASecret) {
    config::auth_provider provider;
    provider.kind = config::auth_kind::nextauth_v4;
    EXPECT_EQ(name_of(verify({provider}, with_token(mint::nextauth_v4("{}", ""))).reason), "weak_key");
}

TEST(AuthJs5, BindsATokenToItsCookie) {
    const std::string plain = mint::authjs_v5(payload, secret, plain_cookie);
    const std::string secure = mint::authjs_v5(payload, secret, secure_cookie);
    const auto reason_in = [](const std::string& name, const std::string& token) {
        return name_of(verify(v5, with_cookie(name + '=' + token)).reason);
    };
    EXPECT_EQ(reason_in(plain_cookie, plain), "accepted");
    EXPECT_EQ(reason_in(secure_cookie, secure), "accepted");
    EXPECT_EQ(reason_in(plain_cookie, secure), "key_not_found");
    EXPECT_EQ(reason_in(secure_cookie, plain), "key_not_found");
    EXPECT_EQ(reason_for(v5, plain), "accepted");
    EXPECT_EQ(reason_for(v5, secure), "accepted");
}

TEST(AuthJs5, FindsTheSecretByItsName) {
    const json rotated{{"type", "authjs_v5"}, {"secrets", {"a newer one", secret}}};
    EXPECT_EQ(reason_for(rotated, mint::authjs_v5(payload, secret, plain_cookie)), "accepted");
    EXPECT_EQ(reason_for(rotated, mint::authjs_v5(payload, "retired", plain_cookie)), "key_not_found");
    for (const auto* kid : {"../../dev/null", "", "' OR 1=1 --"})
        EXPECT_EQ(reason_for(rotated, v5_shaped({{"alg", "dir"}, {"enc", "A256CBC-HS512"}, {"kid", kid}})),
                  "key_not_found");
    // Without a name the package tries its first secret alone.
    EXPECT_EQ(reason_for(rotated, v5_shaped({{"alg", "dir"}, {"enc", "A256CBC-HS512"}})), "decrypt_failed");
    EXPECT_EQ(reason_for(v5, v5_shaped({{"alg", "dir"}, {"enc", "A256CBC-HS512"}})), "accepted");
    EXPECT_EQ(reason_for(v5, v5_shaped({{"alg", "dir"}, {"enc", "A256CBC-HS512"}, {"kid", 7}})), "malformed");
}

TEST(AuthJs5, WantsTheWholeTag) {
    EXPECT_EQ(reason_for(v5, v5_shaped({{"alg", "dir"}, {"enc", "A256CBC-HS512"}}, 16)), "malformed");
}

TEST(AuthJs5, IsNotNextAuth4) {
    EXPECT_EQ(reason_for(v5, mint::nextauth_v4(payload, secret)), "decrypt_failed");
    EXPECT_EQ(reason_for(v4, mint::authjs_v5(payload, secret, plain_cookie)), "enc_not_allowed");
}

} // namespace
} // namespace roomcast::server::auth
