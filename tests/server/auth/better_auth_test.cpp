#include "mint.hpp"
#include "verify.hpp"

#include "roomcast/core/auth/base64url.hpp"

namespace roomcast::server::auth {
namespace {

using nlohmann::json;

const std::string secret = "the secret of a better app";
const std::string token = "abcdefghijklmnopqrstuvwxyz012345";
const std::string good_expiry = "1770000300000";

json payload(const json& changes = json::object()) {
    json out =
        json::parse(R"({"session":{"id":"s1","userId":"u1","token":"","expiresAt":"2026-02-09T02:40:00.000Z"},
        "user":{"id":"u1","name":"Ada","email":"ada@example.com","image":null,"role":"admin"},
        "updatedAt":1770000000000,"version":"1"})");
    out["session"]["token"] = token;
    out.merge_patch(changes);
    return out;
}

json dated(const json& changes = json::object()) {
    json out = payload({{"iat", 1'770'000'000}, {"exp", 1'770'000'300}});
    out.merge_patch(changes);
    return out;
}

json settings(const char* strategy) {
    return {{"type", "better_auth"}, {"secret", secret}, {"strategy", strategy}};
}

std::string session_cookie() {
    return "better-auth.session_token=" + mint::better_auth_session(token, secret);
}

verdict verify_cache(const json& how, const std::string& cache) {
    return verify(how, with_cookie(session_cookie() + "; better-auth.session_data=" + cache));
}

std::string reason_of(const verdict& out) {
    return std::string{name_of(out.reason)};
}

std::string compact_reason(const json& content, const std::string& expires = good_expiry) {
    return reason_of(
        verify_cache(settings("compact"), mint::better_auth_compact(content.dump(), expires, secret)));
}

TEST(BetterAuthSession, ProvesATokenAndNobody) {
    const auto out = verify(settings("none"), with_cookie(session_cookie()));
    EXPECT_FALSE(out.is_accepted());
    EXPECT_TRUE(out.is_session_proven);
    EXPECT_EQ(out.who.session_token, token);
    EXPECT_EQ(describe(out)["introspect"], true);
}

TEST(BetterAuthSession, WantsTheOneSpellingOfASignature) {
    const auto mac = hmac_key{hash::sha256, secret}.sign(token);
    const std::string right = mint::base64(mac);
    std::string hex;
    for (const unsigned char c : mac) hex += "0123456789abcdef"[c >> 4U], hex += "0123456789abcdef"[c & 15U];
    std::string other_bits = right;
    other_bits[42] = static_cast<char>(other_bits[42] + 1);
    const auto is_proven = [](const std::string& signature) {
        return verify(settings("none"), with_cookie("better-auth.session_token=" + token + '.' + signature))
            .is_session_proven;
    };
    EXPECT_TRUE(is_proven(right));
    for (const std::string& signature :
         {right.substr(0, 43), mint::base64url(mac) + '=', hex, std::string{}, other_bits, right + '='}) {
        if (signature == right) continue; // this mac has no character that differs in base64url
        EXPECT_FALSE(is_proven(signature)) << signature;
    }
    EXPECT_FALSE(
        verify(settings("none"), with_cookie("better-auth.session_token=." + right)).is_session_proven);
    EXPECT_FALSE(
        verify(settings("none"), with_cookie("better-auth.session_token=" + token)).is_session_proven);
}

TEST(BetterAuthSession, LetsABearerGoBeforeTheCookie) {
    credentials what = with_cookie("better-auth.session_token=broken.x");
    const std::string bearer = "Bearer " + mint::better_auth_session(token, secret);
    what.authorization = bearer;
    EXPECT_TRUE(verify(settings("none"), what).is_session_proven);
    const std::string cookie = session_cookie();
    what = with_cookie(cookie);
    what.authorization = "Bearer broken.x";
    EXPECT_FALSE(verify(settings("none"), what).is_session_proven);
}

TEST(BetterAuthSession, TakesAnEncodedBearer) {
    std::string encoded;
    for (const char c : mint::better_auth_session(token, secret)) {
        if (c == '+')
            encoded += "%2B";
        else if (c == '/')
            encoded += "%2F";
        else if (c == '=')
            encoded += "%3D";
        else
            encoded += c;
    }
    EXPECT_TRUE(verify(settings("none"), with_authorization("Bearer " + encoded)).is_session_proven);
    EXPECT_EQ(reason_of(verify(settings("none"), with_authorization("Bearer " + token + "%"))), "malformed");
}

TEST(BetterAuthSession, CannotTellABareTokenFromAMadeUpOne) {
    const auto out = verify(settings("none"), with_authorization("Bearer " + token));
    EXPECT_EQ(reason_of(out), "needs_introspection");
    EXPECT_FALSE(out.is_session_proven);
    EXPECT_EQ(describe(out)["accepted"], false);
}

TEST(BetterAuthSession, DoesNotBelieveTheSecretThatEverybodyKnows) {
    const std::string known{config::better_auth_public_secret};
    const json careless{{"type", "better_auth"}, {"secret", known}};
    EXPECT_EQ(reason_for(careless, mint::better_auth_session(token, known)), "weak_key");
    const auto found = config::weaknesses_of(provider_of(careless));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].how_bad, config::severity::error);
}

TEST(BetterAuthSession, IsSignedWithTheCurrentSecretAlone) {
    const json rotated{{"type", "better_auth"}, {"secrets", "2:new,1:" + secret}};
    EXPECT_EQ(reason_for(rotated, mint::better_auth_session(token, secret)), "bad_signature");
    EXPECT_TRUE(verify(rotated, with_token(mint::better_auth_session(token, "new"))).is_session_proven);
}

TEST(BetterAuthCompact, SaysWhoItIs) {
    const auto out =
        verify_cache(settings("compact"), mint::better_auth_compact(payload().dump(), good_expiry, secret));
    ASSERT_TRUE(out.is_accepted()) << out.detail << reason_of(out);
    EXPECT_EQ(out.who.id, "u1");
    EXPECT_EQ(out.who.session_id, "s1");
    EXPECT_EQ(out.who.expires, core::unix_time{1'770'604'800}) << "the session's end, not the cache's";
    EXPECT_EQ(json::parse(out.who.claims)["user"]["role"], "admin");
    EXPECT_EQ(out.who.claims.find(token), std::string::npos);
    EXPECT_EQ(describe(out)["expires"], 1'770'000'300);
}

TEST(BetterAuthCompact, BelongsToItsSession) {
    EXPECT_EQ(compact_reason(payload({{"session", {{"token", "another"}}}})), "session_mismatch");
    EXPECT_EQ(compact_reason(payload({{"session", {{"userId", "u2"}}}})), "session_mismatch");
    EXPECT_EQ(compact_reason(payload({{"user", {{"id", nullptr}}}})), "session_mismatch");
}

TEST(BetterAuthCompact, ChecksVersionAndTimes) {
    EXPECT_EQ(compact_reason(payload({{"version", "2"}})), "version_mismatch");
    EXPECT_EQ(compact_reason(payload({{"version", nullptr}, {"updatedAt", nullptr}})),
              "accepted"); // up to 1.3
    EXPECT_EQ(compact_reason(payload({{"session", {{"expiresAt", "2026-02-02T02:40:59.000Z"}}}})), "expired");
    EXPECT_EQ(compact_reason(payload({{"session", {{"expiresAt", "soon"}}}})), "bad_claim_type");
    EXPECT_EQ(compact_reason(payload(), "1770000059999"), "expired");
    EXPECT_EQ(compact_reason(payload(), "1770000060000"), "accepted");
    json next = settings("compact");
    next["cache_version"] = "2";
    EXPECT_EQ(reason_of(verify_cache(next, mint::better_auth_compact(payload().dump(), good_expiry, secret))),
              "version_mismatch");
}

TEST(BetterAuthCompact, ReadsWhatWasSigned) {
    const std::string genuine = payload().dump();
    std::string text;
    ASSERT_TRUE(
        core::auth::append_from_base64url(text, mint::better_auth_compact(genuine, good_expiry, secret)));
    const auto reason_of_text = [](const std::string& changed) {
        return reason_of(verify_cache(settings("compact"), mint::base64url(changed)));
    };
    EXPECT_EQ(reason_of_text(text), "accepted");
    std::string forged = genuine;
    forged.replace(forged.find("\"u1\""), 4, "\"u2\"");
    // A second payload beside the signed one.
    EXPECT_EQ(reason_of_text("{\"session\":" + forged + ',' + text.substr(1)), "duplicate_member");
    EXPECT_EQ(reason_of_text(text.substr(0, text.size() - 1) + ",\"sess\\u0069on\":" + forged + '}'),
              "duplicate_member");
    EXPECT_EQ(reason_of_text(text.substr(0, text.size() - 1) + ",\"other\":1}"), "accepted");
    EXPECT_EQ(reason_of_text(text.substr(0, text.size() - 2) + "=\"}"), "bad_signature");
    std::string later = text;
    later.replace(later.find(good_expiry), good_expiry.size(), "9770000300000");
    EXPECT_EQ(reason_of_text(later), "bad_signature");
}

TEST(BetterAuthCompact, WantsASessionTokenFirst) {
    const std::string cache =
        "better-auth.session_data=" + mint::better_auth_compact(payload().dump(), good_expiry, secret);
    EXPECT_EQ(reason_of(verify(settings("compact"), with_cookie(cache))), "no_credential");
    EXPECT_EQ(reason_of(verify(settings("compact"),
                               with_cookie("better-auth.session_token=" + token + ".x; " + cache))),
              "bad_signature");
    EXPECT_EQ(reason_of(verify(settings("compact"), with_cookie(session_cookie()))), "needs_introspection");
}

TEST(BetterAuthCompact, JoinsChunks) {
    const std::string cache = mint::better_auth_compact(payload().dump(), good_expiry, secret);
    const auto out =
        verify(settings("compact"),
               with_cookie(session_cookie() + "; better-auth.session_data.1=" + cache.substr(90) +
                           "; better-auth.session_data.0=" + cache.substr(0, 90)));
    EXPECT_EQ(out.who.id, "u1");
}

TEST(BetterAuthJwtCache, IsAnHs256Token) {
    const auto with = [](const json& content, std::string_view key = secret) {
        return reason_of(
            verify_cache(settings("jwt"), mint::hmac_jws(R"({"alg":"HS256"})", content.dump(), key)));
    };
    EXPECT_EQ(with(dated()), "accepted");
    EXPECT_EQ(with(dated(), "other"), "bad_signature");
    EXPECT_EQ(with(dated({{"exp", noon.seconds}})), "expired");
    EXPECT_EQ(with(payload()), "missing_claim");
    EXPECT_EQ(with(dated({{"session", {{"token", "x"}}}})), "session_mismatch");
}

TEST(BetterAuthJweCache, IsEncrypted) {
    EXPECT_EQ(reason_of(verify_cache(settings("jwe"), mint::better_auth_jwe(dated().dump(), secret))),
              "accepted");
    EXPECT_EQ(reason_of(verify_cache(settings("jwe"), mint::better_auth_jwe(dated().dump(), "other"))),
              "key_not_found");
    EXPECT_EQ(reason_of(verify_cache(
                  settings("jwe"), mint::better_auth_jwe(dated({{"exp", noon.seconds - 1}}).dump(), secret))),
              "expired");
}

TEST(BetterAuthJweCache, OpensWithAnOlderSecret) {
    const json rotated{
        {"type", "better_auth"}, {"strategy", "jwe"}, {"secrets", "2:new"}, {"secret", secret}};
    const auto cookie = "better-auth.session_token=" + mint::better_auth_session(token, "new") +
                        "; better-auth.session_data=" + mint::better_auth_jwe(dated().dump(), secret);
    EXPECT_EQ(verify(rotated, with_cookie(cookie)).who.id, "u1");
}

class BetterAuthJwksCache : public testing::Test {
protected:
    json how() const {
        json out = settings("jwks");
        out["jwks"] = {{"keys", {key_.jwk("k1")}}};
        out["issuer"] = "https://app.example";
        out["audience"] = "https://app.example";
        return out;
    }
    json claims(const json& changes = json::object()) const {
        json out = dated({{"sid", token},
                          {"sub", "u1"},
                          {"iss", "https://app.example"},
                          {"aud", "better-auth:session-cache"}});
        out.merge_patch(changes);
        return out;
    }
    std::string reason_with(const json& header, const json& content) const {
        return reason_of(verify_cache(how(), key_.jws("EdDSA", header, content.dump())));
    }
    mint::signer key_ = mint::signer::ed25519();
    json header_{{"kid", "k1"}, {"typ", "better-auth.session-cache+jwt"}};
};

TEST_F(BetterAuthJwksCache, IsSignedByThePluginsKey) {
    EXPECT_EQ(reason_with(header_, claims()), "accepted");
    const auto out = verify_cache(how(), key_.jws("EdDSA", header_, claims().dump()));
    EXPECT_EQ(out.who.claims.find(token), std::string::npos);
}

TEST_F(BetterAuthJwksCache, WantsItsTypeAndKey) {
    EXPECT_EQ(reason_with({{"kid", "k1"}}, claims()), "typ_mismatch");
    EXPECT_EQ(reason_with({{"kid", "k1"}, {"typ", "JWT"}}, claims()), "typ_mismatch");
    EXPECT_EQ(reason_with({{"typ", header_["typ"]}}, claims()), "key_not_found");
}

TEST_F(BetterAuthJwksCache, WantsItsOwnAudienceAndSession) {
    EXPECT_EQ(reason_with(header_, claims({{"aud", "https://app.example"}})), "bad_audience");
    EXPECT_EQ(reason_with(header_, claims({{"iss", "https://evil.example"}})), "bad_issuer");
    EXPECT_EQ(reason_with(header_, claims({{"sub", "u2"}})), "session_mismatch");
    EXPECT_EQ(reason_with(header_, claims({{"sid", "x"}})), "session_mismatch");
    EXPECT_EQ(reason_with(header_, claims({{"sid", nullptr}})), "session_mismatch");
}

TEST_F(BetterAuthJwksCache, IsNoApiToken) {
    EXPECT_EQ(reason_for(how(), key_.jws("EdDSA", header_, claims().dump())), "typ_mismatch");
}

TEST_F(BetterAuthJwksCache, LetsApiTokensIn) {
    const json api{{"sub", "u1"},
                   {"iss", "https://app.example"},
                   {"aud", "https://app.example"},
                   {"exp", 1'870'000'000}};
    EXPECT_EQ(reason_for(how(), key_.jws("EdDSA", {{"kid", "k1"}}, api.dump())), "accepted");
    EXPECT_EQ(reason_with({{"kid", "k1"}}, api), "typ_mismatch");
    json unnamed = how();
    unnamed.erase("issuer");
    EXPECT_EQ(reason_for(unnamed, key_.jws("EdDSA", {{"kid", "k1"}}, api.dump())), "bad_issuer");
}

} // namespace
} // namespace roomcast::server::auth
