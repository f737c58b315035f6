#include "auth/crypto.hpp"
#include "verify.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <map>

namespace roomcast::server::auth {

using nlohmann::json;

namespace {

/// How a vector's setting is called in our configuration.
json provider_for(const json& vector) {
    static const std::map<std::string, std::string> types{{"nextauth-v4", "nextauth_v4"},
                                                          {"authjs-v5", "authjs_v5"},
                                                          {"better-auth-session", "better_auth"},
                                                          {"better-auth-cache", "better_auth"},
                                                          {"jwt-jwks", "jwks"},
                                                          {"jwt-secret", "jwt"}};
    static const std::map<std::string, std::string> names{{"algorithms", "algorithms"},
                                                          {"issuer", "issuer"},
                                                          {"audience", "audience"},
                                                          {"clockToleranceSec", "clock_tolerance"},
                                                          {"requiredClaims", "required_claims"},
                                                          {"subjectClaim", "subject_claim"},
                                                          {"secretEncoding", "secret_encoding"},
                                                          {"acceptJws", "accept_jws"},
                                                          {"strategy", "strategy"},
                                                          {"cacheVersion", "cache_version"}};
    json out{{"type", types.at(vector.at("kind"))}, {"name", "vector"}};
    for (const auto* name : {"secret", "secrets", "jwks"}) {
        if (vector.contains(name)) out[name] = vector[name];
    }
    if (vector.contains("cookieName")) out["cookie"] = vector["cookieName"];
    if (vector.contains("cacheCookieName")) out["cache_cookie"] = vector["cacheCookieName"];
    if (vector.contains("options")) {
        for (const auto& [name, value] : vector["options"].items()) out[names.at(name)] = value;
    }
    return out;
}

std::vector<json> load_vectors() {
    const char* const given = std::getenv("ROOMCAST_AUTH_VECTORS");
    std::ifstream file{given != nullptr ? given : ROOMCAST_AUTH_VECTORS};
    const json all = json::parse(file);
    return all.at("vectors");
}

class AuthVector : public testing::TestWithParam<json> {};

json verdict_on(const json& vector, verdict& raw) {
    const auto text = [&vector](const char* name) { return vector.value(name, std::string{}); };
    const std::string cookie = text("cookie"), authorization = text("authorization"), token = text("token");
    credentials what;
    what.cookie_header = cookie;
    what.authorization = authorization;
    what.token = token;
    // An empty secret is what some vectors are about: read without judging.
    const auto read = config::read_auth_provider(provider_for(vector));
    for (const auto& each : read.mistakes) ADD_FAILURE() << each.path << ": " << each.expected;
    raw = verify(std::vector{read.provider}, what, core::unix_time{vector.at("now").get<std::int64_t>()});
    return describe(raw);
}

TEST_P(AuthVector, IsJudgedAsItSays) {
    const json& vector = GetParam();
    const json& expected = vector.at("expected");
    verdict raw;
    const json got = verdict_on(vector, raw);
    ASSERT_EQ(got["accepted"], expected["valid"]) << got.dump(1) << raw.detail;
    if (!expected["valid"].get<bool>()) {
        const json others = expected.value("reasonAlternatives", json::array());
        const bool is_named = got["reason"] == expected["reason"] ||
                              std::find(others.begin(), others.end(), got["reason"]) != others.end();
        EXPECT_TRUE(is_named) << got["reason"] << " instead of " << expected["reason"];
        return;
    }
    EXPECT_EQ(got["expires"], vector["expires"]);
    EXPECT_EQ(got.value("introspect", false), expected.value("introspect", false));
    if (expected.contains("user")) {
        EXPECT_EQ(got["user"], expected["user"]);
    }
    if (expected.contains("claims")) {
        for (const auto& [name, value] : expected["claims"].items()) EXPECT_EQ(got["claims"][name], value);
        EXPECT_EQ(got["user"]["id"], expected["sub"]);
    }
    if (expected.contains("sessionToken")) {
        EXPECT_EQ(got["session"]["token"], expected["sessionToken"]);
    }
    if (expected.contains("sessionId")) {
        EXPECT_EQ(got["session"]["id"], expected["sessionId"]);
        EXPECT_EQ(got["session"]["expires"], expected["sessionExpires"]);
    } else if (expected.contains("payloadSha256")) {
        std::string hex;
        for (const unsigned char c : digest(hash::sha256, raw.who.claims)) {
            hex.push_back("0123456789abcdef"[c >> 4U]);
            hex.push_back("0123456789abcdef"[c & 15U]);
        }
        EXPECT_EQ(hex, expected["payloadSha256"].get<std::string>());
    }
}

std::string test_name(const testing::TestParamInfo<json>& info) {
    std::string name = info.param.at("name");
    std::replace_if(
        name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(All, AuthVector, testing::ValuesIn(load_vectors()), test_name);

} // namespace
} // namespace roomcast::server::auth
