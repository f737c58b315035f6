#include "mint.hpp"
#include "verify.hpp"

namespace roomcast::server::auth {
namespace {

using nlohmann::json;

const std::string secret = "a secret that is long enough for everybody";
const json settings{{"type", "jwt"}, {"secret", secret}, {"algorithms", {"HS256", "HS384", "HS512"}}};
constexpr auto* good_header = R"({"alg":"HS256","typ":"JWT"})";

std::string signed_with(std::string_view header, std::string_view payload = R"({"sub":"ada"})") {
    return mint::hmac_jws(header, payload, secret);
}

std::string reason_of_payload(std::string_view payload) {
    return reason_for(settings, signed_with(good_header, payload));
}

TEST(JwtSecret, AcceptsAllSizesOfHash) {
    EXPECT_EQ(reason_for(settings, signed_with(good_header)), "accepted");
    EXPECT_EQ(
        reason_for(settings, mint::hmac_jws(R"({"alg":"HS384"})", R"({"sub":"a"})", secret, hash::sha384)),
        "accepted");
    EXPECT_EQ(
        reason_for(settings, mint::hmac_jws(R"({"alg":"HS512"})", R"({"sub":"a"})", secret, hash::sha512)),
        "accepted");
}

TEST(JwtSecret, TakesHs256AloneUnlessMoreAreNamed) {
    const json plain{{"type", "jwt"}, {"secret", secret}};
    EXPECT_EQ(reason_for(plain, mint::hmac_jws(R"({"alg":"HS512"})", "{}", secret, hash::sha512)),
              "alg_not_allowed");
}

TEST(JwtSecret, RefusesEverySpellingOfNone) {
    for (const auto* header :
         {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"NONE"})", R"({"alg":"nOnE"})", R"({"alg":""})",
          R"({"typ":"JWT"})", R"({"alg":["HS256"]})", R"({"alg":null})", R"({"alg":1})", R"({"alg":"hs256"})",
          R"({"alg":"HS256 "})", R"({"alg":"RS256"})"})
        EXPECT_EQ(reason_for(settings, signed_with(header)), "alg_not_allowed") << header;
    EXPECT_EQ(reason_for(settings, mint::base64url(R"({"alg":"none"})") + '.' + mint::base64url("{}") + '.'),
              "alg_not_allowed");
}

TEST(JwtSecret, RefusesCriticalHeaders) {
    EXPECT_EQ(reason_for(settings, signed_with(R"({"alg":"HS256","crit":["exp"]})")), "crit_unsupported");
    EXPECT_EQ(reason_for(settings, signed_with(R"({"alg":"HS256","crit":null})")), "crit_unsupported");
    EXPECT_EQ(reason_for(settings, signed_with(R"({"alg":"HS256","b64":false})")), "crit_unsupported");
}

TEST(JwtSecret, RefusesEverySignatureButTheWholeOne) {
    const std::string token = signed_with(good_header);
    const std::size_t dot = token.rfind('.');
    EXPECT_EQ(reason_for(settings, token.substr(0, dot + 1)), "bad_signature");
    EXPECT_EQ(reason_for(settings, token.substr(0, dot + 1 + 20)), "bad_signature");
    EXPECT_EQ(reason_for(settings, token + "AAAA"), "bad_signature");
    EXPECT_EQ(reason_for(settings, token.substr(0, dot + 1) + mint::base64url(std::string(32, '\0'))),
              "bad_signature");
    EXPECT_EQ(reason_for(settings, token.substr(0, dot)), "malformed");
    EXPECT_EQ(reason_for(settings, token + ".AAAA"), "malformed");
}

TEST(JwtSecret, RefusesWhatNodeDecodesAllTheSame) {
    const std::string token = signed_with(good_header);
    for (const std::string& changed :
         {token + '=', token + '\n', ' ' + token, token.substr(0, 4) + "\t" + token.substr(4)})
        EXPECT_EQ(reason_for(settings, changed), "bad_base64");
}

TEST(JwtSecret, IgnoresKeysAndPlacesInAHeader) {
    for (const auto* extra :
         {R"("jku":"https://evil.example/jwks")", R"("kid":"../../dev/null")", R"("kid":"' OR 1=1 --")",
          R"("x5u":"https://evil.example")", R"("jwk":{"kty":"oct","k":"AAAA"})"}) {
        const std::string header = std::string{R"({"alg":"HS256",)"} + extra + '}';
        EXPECT_EQ(reason_for(settings, signed_with(header)), "accepted") << extra;
        EXPECT_EQ(reason_for(settings, mint::hmac_jws(header, "{}", "")), "bad_signature") << extra;
    }
    EXPECT_EQ(reason_for(settings, signed_with(R"({"alg":"HS256","kid":7})")), "malformed");
}

TEST(JwtSecret, NeverBelievesAnEmptySecret) {
    config::auth_provider provider;
    provider.kind = config::auth_kind::jwt;
    const auto token = mint::hmac_jws(good_header, "{}", std::string(1, '\0'));
    provider.secrets = {""};
    EXPECT_EQ(name_of(verify({provider}, with_token(token)).reason), "weak_key");
    provider.secrets = {};
    EXPECT_EQ(name_of(verify({provider}, with_token(token)).reason), "weak_key");
}

TEST(JwtSecret, DecodesTheSecretWhenTold) {
    json encoded{{"type", "jwt"}, {"secret", mint::base64(secret)}, {"secret_encoding", "base64"}};
    EXPECT_EQ(reason_for(encoded, signed_with(good_header)), "accepted");
    encoded["secret_encoding"] = "utf8";
    EXPECT_EQ(reason_for(encoded, signed_with(good_header)), "bad_signature");
    const json hex{{"type", "jwt"}, {"secret", "6b6579"}, {"secret_encoding", "hex"}};
    EXPECT_EQ(reason_for(hex, mint::hmac_jws(good_header, "{}", "key")), "accepted");
}

TEST(JwtSecret, TriesEverySecret) {
    const json several{{"type", "jwt"}, {"secrets", {"another one", secret}}};
    EXPECT_EQ(reason_for(several, signed_with(good_header)), "accepted");
}

TEST(JwtSecret, RefusesTwoEqualNames) {
    for (const auto* payload : {R"({"sub":"a","sub":"b"})", R"({"exp":1,"\u0065xp":9999999999})",
                                R"({"a":{"b":1,"b":1}})", R"({"a":[{"b":1,"b":2}]})", R"({"":1,"":2})"})
        EXPECT_EQ(reason_of_payload(payload), "duplicate_member") << payload;
    EXPECT_EQ(reason_for(settings, signed_with(R"({"alg":"none","alg":"HS256"})")), "duplicate_member");
    EXPECT_EQ(reason_of_payload(R"({"a":{"b":1},"b":{"a":1}})"), "accepted");
}

TEST(JwtSecret, RefusesPayloadsThatAreNoObject) {
    for (const auto* payload :
         {"[]", "null", "1", "\"a\"", "{", "{}x", "{} {}", "{\"a\":1,}", "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}",
          "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":NaN}", "{'a':1}"})
        EXPECT_EQ(reason_of_payload(payload), "malformed") << payload;
    EXPECT_EQ(reason_of_payload(""), "malformed");
}

TEST(JwtSecret, BoundsSizeAndDepth) {
    const auto nested = [](std::size_t depth) {
        return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + '}';
    };
    EXPECT_EQ(reason_of_payload(nested(32)), "accepted");
    EXPECT_EQ(reason_of_payload(nested(33)), "malformed");
    EXPECT_EQ(reason_of_payload(nested(2000)), "malformed");
    EXPECT_EQ(reason_of_payload(R"({"a":")" + std::string(15'000, 'a') + "\"}"), "token_too_large");
    EXPECT_EQ(reason_for(settings, std::string(16'384, 'a')), "malformed");
    EXPECT_EQ(reason_for(settings, std::string(16'385, 'a')), "token_too_large");
    EXPECT_EQ(reason_for(settings, ""), "no_credential");
}

TEST(JwtSecret, WantsNumbersForTimes) {
    for (const auto* payload :
         {R"({"exp":"1870000000"})", R"({"exp":null})", R"({"exp":1e999})", R"({"exp":true})",
          R"({"nbf":"1"})", R"({"iat":{}})", R"({"exp":[1870000000]})", R"({"iat":-1e400})"})
        EXPECT_EQ(reason_of_payload(payload), "bad_claim_type") << payload;
}

TEST(JwtSecret, ReadsTimesExactly) {
    const std::string now = std::to_string(noon.seconds);
    EXPECT_EQ(reason_of_payload(R"({"exp":)" + now + '}'), "expired");
    EXPECT_EQ(reason_of_payload(R"({"exp":)" + now + ".5}"), "accepted");
    EXPECT_EQ(reason_of_payload(R"({"exp":)" + now + ".0}"), "expired");
    EXPECT_EQ(reason_of_payload(R"({"nbf":)" + now + '}'), "accepted");
    EXPECT_EQ(reason_of_payload(R"({"nbf":)" + now + ".5}"), "not_yet_valid");
    EXPECT_EQ(reason_of_payload(R"({"exp":9223372036854775808})"), "accepted");
    EXPECT_EQ(reason_of_payload(R"({"exp":1e300})"), "accepted");
    EXPECT_EQ(reason_of_payload(R"({"exp":-1e300})"), "expired");
    EXPECT_EQ(reason_of_payload(R"({"exp":1.77000006e9})"), "expired");
    EXPECT_EQ(reason_of_payload(R"({"exp":0})"), "expired");
    EXPECT_EQ(reason_of_payload(R"({"iat":9999999999})"), "accepted");
}

TEST(JwtSecret, GivesClocksTheirTolerance) {
    json tolerant = settings;
    tolerant["clock_tolerance"] = 60;
    const auto expires = [](std::int64_t at) {
        return signed_with(good_header, R"({"exp":)" + std::to_string(at) + '}');
    };
    EXPECT_EQ(reason_for(tolerant, expires(noon.seconds - 59)), "accepted");
    EXPECT_EQ(reason_for(tolerant, expires(noon.seconds - 60)), "expired");
    EXPECT_EQ(reason_for(tolerant,
                         signed_with(good_header, R"({"nbf":)" + std::to_string(noon.seconds + 60) + '}')),
              "accepted");
}

TEST(JwtSecret, SaysWhenItEndsWithItsFractions) {
    const auto out =
        verify(settings, with_token(signed_with(good_header, R"({"sub":"a","exp":1870000000.5})")));
    ASSERT_TRUE(out.who.expires);
    EXPECT_EQ(out.who.expires->seconds, 1'870'000'000);
    EXPECT_EQ(describe(out)["expires"], 1870000000.5);
}

TEST(JwtSecret, ChecksIssuerAndAudience) {
    json named = settings;
    named["issuer"] = "https://app.example";
    named["audience"] = json::array({"rt", "chat"});
    const auto reason_with = [&](std::string_view payload) {
        return reason_for(named, signed_with(good_header, payload));
    };
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example","aud":"rt"})"), "accepted");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example","aud":["x","chat"]})"), "accepted");
    EXPECT_EQ(reason_with(R"({"aud":"rt"})"), "missing_claim");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example"})"), "missing_claim");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example/","aud":"rt"})"), "bad_issuer");
    EXPECT_EQ(reason_with(R"({"iss":["https://app.example"],"aud":"rt"})"), "bad_issuer");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example","aud":"rtx"})"), "bad_audience");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example","aud":[]})"), "bad_audience");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example","aud":[["rt"]]})"), "bad_audience");
    EXPECT_EQ(reason_with(R"({"iss":"https://app.example","aud":{"rt":1}})"), "bad_audience");
}

TEST(JwtSecret, WantsTheClaimsThatAreRequired) {
    json strict = settings;
    strict["required_claims"] = json::array({"exp"});
    EXPECT_EQ(reason_for(strict, signed_with(good_header)), "missing_claim");
    EXPECT_EQ(reason_for(strict, signed_with(good_header, R"({"exp":1870000000})")), "accepted");
}

TEST(JwtSecret, FindsTheSubjectWhereItIs) {
    const auto id = [](const char* path, std::string_view payload) {
        json placed = settings;
        placed["subject_claim"] = path;
        return verify(placed, with_token(signed_with(good_header, payload))).who.id;
    };
    EXPECT_EQ(id("user.id", R"({"user":{"id":77}})"), "77");
    EXPECT_EQ(id("id", R"({"id":"x"})"), "x");
    EXPECT_EQ(id("https://a.example/id", R"({"https://a.example/id":"y"})"), "y");
    EXPECT_EQ(id("id", R"({"id":{}})"), "");
    EXPECT_EQ(id("id", R"({"id":12345678901234567890})"), "12345678901234567890");
    EXPECT_EQ(id("id", R"({"id":7.70e1})"), "77");
}

TEST(JwtSecret, TakesTheFirstPlaceThatHasASubject) {
    const auto id = [](std::string_view payload) {
        json placed = settings;
        placed["subject_claim"] = json::array({"sub", "id", "user.id"});
        return verify(placed, with_token(signed_with(good_header, payload))).who.id;
    };
    EXPECT_EQ(id(R"({"user":{"id":"c"},"id":"b","sub":"a"})"), "a");
    EXPECT_EQ(id(R"({"user":{"id":"c"},"id":7})"), "7");
    EXPECT_EQ(id(R"({"user":{"id":"c"}})"), "c");
    EXPECT_EQ(id(R"({"sub":{"id":"a"},"id":["b"],"user":{"id":"c"}})"), "c");
    EXPECT_EQ(id(R"({"sub":null,"id":true,"user":{"id":"c"}})"), "c");
    EXPECT_EQ(id(R"({"sub":"","id":"b"})"), "b");
    EXPECT_EQ(id(R"({"sub":null,"user":"c"})"), "");
}

TEST(CredentialSources, AreLookedAtInOrder) {
    json with_name = settings;
    with_name["cookie"] = "jwt";
    const std::string good = signed_with(good_header);
    credentials what;
    const std::string cookie = "a=b; jwt=" + good;
    what.cookie_header = cookie;
    what.authorization = "Bearer broken";
    what.token = "broken";
    EXPECT_TRUE(verify(with_name, what).is_accepted());
    what.cookie_header = "jwt=broken";
    const std::string bearer = "Bearer " + good;
    what.authorization = bearer;
    EXPECT_EQ(verify(with_name, what).reason, core::auth::reason::malformed)
        << "a broken one must not fall through";
    what.cookie_header = {};
    EXPECT_TRUE(verify(with_name, what).is_accepted());
    what.authorization = "Basic abc";
    what.token = good;
    EXPECT_TRUE(verify(with_name, what).is_accepted());
}

TEST(CredentialSources, TakeTheSchemeInAnyCase) {
    const std::string good = signed_with(good_header);
    for (const auto* scheme : {"Bearer ", "bearer ", "BEARER ", "Bearer   ", " Bearer\t"})
        EXPECT_TRUE(verify(settings, with_authorization(scheme + good)).is_accepted()) << scheme;
    for (const auto* scheme : {"Bearer", "Bearer=", "Token ", "", "Bear er "})
        EXPECT_EQ(verify(settings, with_authorization(scheme + good)).reason,
                  core::auth::reason::no_credential)
            << scheme;
}

TEST(CredentialSources, LookIntoTheQueryOnlyWhenTold) {
    const std::string query = "EIO=4&token=" + signed_with(good_header);
    credentials what;
    what.query = query;
    EXPECT_EQ(verify(settings, what).reason, core::auth::reason::no_credential);
    json told = settings;
    told["sources"] = json::array({"query"});
    EXPECT_TRUE(verify(told, what).is_accepted());
}

TEST(Verifier, LetsTheProviderDecideWhoseCredentialItIs) {
    const std::vector providers{
        provider_of({{"type", "nextauth_v4"}, {"secret", "one"}, {"name", "site"}}),
        provider_of({{"type", "authjs_v5"}, {"secret", "two"}, {"name", "new site"}}),
        provider_of({{"type", "jwt"}, {"secret", secret}, {"name", "bots"}, {"issuer", "bots"}}),
        provider_of({{"type", "jwt"}, {"secret", "other"}, {"name", "app"}, {"issuer", "app"}})};
    const auto decider = [&](const std::string& token) {
        return verify(providers, with_token(token)).who.provider;
    };
    EXPECT_EQ(decider(mint::nextauth_v4(R"({"sub":"a"})", "one")), "site");
    EXPECT_EQ(decider(mint::authjs_v5(R"({"sub":"a"})", "two", "authjs.session-token")), "new site");
    EXPECT_EQ(decider(signed_with(good_header, R"({"sub":"a","iss":"bots"})")), "bots");
    EXPECT_EQ(decider(mint::hmac_jws(good_header, R"({"sub":"a","iss":"app"})", "other")), "app");
    // Its own provider refuses it: nobody else is asked.
    EXPECT_EQ(verify(providers, with_token(signed_with(good_header, R"({"iss":"app"})"))).reason,
              core::auth::reason::bad_signature);
    EXPECT_EQ(verify(providers, with_token("nobody's")).reason, core::auth::reason::malformed);
    EXPECT_EQ(verify(providers, {}).reason, core::auth::reason::no_credential);
}

TEST(Verifier, LetsEverybodyInWhenToldSo) {
    const auto out = verify(json{{"type", "none"}}, {});
    EXPECT_TRUE(out.is_accepted());
    EXPECT_EQ(out.who.id, "");
}

} // namespace
} // namespace roomcast::server::auth
