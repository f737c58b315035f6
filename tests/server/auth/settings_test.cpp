#include "config/auth_settings.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace roomcast::server::config {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

std::vector<std::string> mistakes_of(const json& from) {
    std::vector<std::string> out;
    for (const auto& each : read_auth_provider(from).mistakes) out.push_back(each.path);
    return out;
}

using paths = std::vector<std::string>;

TEST(AuthSettings, AreDescribedByTheSchema) {
    std::ifstream file{ROOMCAST_AUTH_SCHEMA};
    const json schema = json::parse(file).at("definitions").at("provider");
    paths described;
    for (const auto& [name, member] : schema.at("properties").items()) {
        described.push_back(name);
        EXPECT_TRUE(member.contains("description")) << name;
    }
    auto known = auth_provider_members();
    std::sort(known.begin(), known.end());
    EXPECT_EQ(described, known);
    EXPECT_EQ(schema["properties"]["secret"]["x-secret"], true);
    EXPECT_EQ(schema["properties"]["secrets"]["x-secret"], true);
}

TEST(AuthSettings, AreReadInto) {
    const auto read = read_auth_provider({{"type", "jwt"},
                                          {"secret", "current"},
                                          {"secrets", {"older"}},
                                          {"algorithms", "HS512"},
                                          {"clock_tolerance", "30s"},
                                          {"timeout", 0.25},
                                          {"sources", {"token"}},
                                          {"cookie", {"a", "b"}}});
    EXPECT_TRUE(read.mistakes.empty());
    EXPECT_EQ(read.provider.kind, auth_kind::jwt);
    EXPECT_EQ(read.provider.name, "jwt");
    EXPECT_EQ(read.provider.secrets, (paths{"current", "older"}));
    EXPECT_EQ(read.provider.algorithms, paths{"HS512"});
    EXPECT_EQ(read.provider.clock_tolerance, 30s);
    EXPECT_EQ(read.provider.timeout, 250ms);
    EXPECT_EQ(read.provider.cookies, (paths{"a", "b"}));
}

TEST(AuthSettings, NameEveryMistake) {
    EXPECT_EQ(mistakes_of("jwt"), paths{""});
    EXPECT_EQ(mistakes_of(json::object()), paths{".type"});
    EXPECT_EQ(mistakes_of({{"type", "oauth"}}), paths{".type"});
    EXPECT_EQ(mistakes_of({{"type", "jwt"}}), paths{".secret"});
    EXPECT_EQ(mistakes_of({{"type", "none"}, {"secrte", "x"}}), paths{".secrte"});
    EXPECT_EQ(mistakes_of({{"type", "jwks"}}), paths{".jwks_url"});
    EXPECT_EQ(
        mistakes_of({{"type", "jwks"}, {"jwks_url", "https://a/"}, {"jwks", {{"keys", json::array()}}}}),
        paths{".jwks_url"});
    EXPECT_EQ(mistakes_of({{"type", "callout"}}), paths{".url"});
    EXPECT_EQ(mistakes_of({{"type", "callout"}, {"url", "file:///etc/passwd"}}), paths{".url"});
    EXPECT_EQ(mistakes_of({{"type", "callout"}, {"url", "https://a/"}, {"forward_headers", {"x-user"}}}),
              paths{".forward_headers"});
    EXPECT_EQ(mistakes_of({{"type", "jwt"}, {"secret", 7}, {"timeout", "soon"}}),
              (paths{".secret", ".timeout"}));
    EXPECT_EQ(mistakes_of({{"type", "jwt"}, {"secret", "x"}, {"algorithms", {"none"}}}),
              paths{".algorithms"});
    EXPECT_EQ(mistakes_of({{"type", "jwks"}, {"jwks_url", "https://a/"}, {"algorithms", {"HS256"}}}),
              paths{".algorithms"});
    EXPECT_EQ(mistakes_of({{"type", "jwks"}, {"jwks_url", "http://localhost.evil.example/"}}),
              paths{".jwks_url"});
    EXPECT_EQ(mistakes_of({{"type", "better_auth"}, {"secret", "x"}, {"strategy", "jwks"}}),
              paths{".jwks_url"});
}

TEST(AuthSettings, WarnOfWeakSecrets) {
    const auto severities = [](const json& from) {
        std::vector<severity> out;
        for (const auto& each : weaknesses_of(read_auth_provider(from).provider)) out.push_back(each.how_bad);
        return out;
    };
    using all = std::vector<severity>;
    EXPECT_EQ(severities({{"type", "jwt"}, {"secret", ""}}), all{severity::error});
    EXPECT_EQ(severities({{"type", "jwt"}, {"secret", "short"}}), all{severity::warning});
    EXPECT_EQ(severities({{"type", "jwt"}, {"secret", std::string(32, 'x')}}), all{});
    EXPECT_EQ(severities({{"type", "better_auth"},
                          {"base_url", "https://app.example"},
                          {"secret", "better-auth-secret-12345678901234567890"}}),
              all{severity::error});
}

TEST(AuthSettings, WarnOfAProviderThatCanNeverLetACookieIn) {
    const auto count = [](json from) {
        from["type"] = "better_auth";
        from["secret"] = std::string(32, 'x');
        return weaknesses_of(read_auth_provider(from).provider).size();
    };
    EXPECT_EQ(count(json::object()), 1U);
    EXPECT_EQ(count({{"base_url", "https://app.example"}}), 0U);
    EXPECT_EQ(count({{"strategy", "compact"}}), 0U);
}

} // namespace
} // namespace roomcast::server::config
