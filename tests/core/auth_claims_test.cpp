#include "roomcast/core/auth/claims.hpp"

#include "roomcast/core/auth/better_auth.hpp"
#include "roomcast/core/auth/object.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace roomcast::core::auth {
namespace {

bool matches(std::string_view rule, std::string_view claims) {
    const auto compiled = claim_match::compile(rule);
    EXPECT_TRUE(compiled) << rule;
    return compiled && compiled->matches(claims);
}

TEST(ClaimMatch, WantsEveryMember) {
    EXPECT_TRUE(matches(R"({"role":["admin","mod"],"org.id":7})", R"({"role":"mod","org":{"id":7}})"));
    EXPECT_FALSE(matches(R"({"role":["admin","mod"],"org.id":7})", R"({"role":"mod","org":{"id":8}})"));
    EXPECT_FALSE(matches(R"({"role":["admin","mod"]})", R"({"role":"user"})"));
    EXPECT_TRUE(matches("{}", "{}"));
}

TEST(ClaimMatch, LooksIntoLists) {
    EXPECT_TRUE(matches(R"({"roles":"admin"})", R"({"roles":["user","admin"]})"));
    EXPECT_TRUE(matches(R"({"roles":["x","admin"]})", R"({"roles":["user","\u0061dmin"]})"));
    EXPECT_FALSE(matches(R"({"roles":"admin"})", R"({"roles":[["admin"]]})"));
    EXPECT_FALSE(matches(R"({"roles":[]})", R"({"roles":["admin"]})"));
}

TEST(ClaimMatch, ComparesValuesOfOneKind) {
    EXPECT_TRUE(matches(R"({"a":1})", R"({"a":1.0})"));
    EXPECT_FALSE(matches(R"({"a":1})", R"({"a":"1"})"));
    EXPECT_FALSE(matches(R"({"a":"true"})", R"({"a":true})"));
    EXPECT_TRUE(matches(R"({"a":true})", R"({"a":true})"));
    EXPECT_TRUE(matches(R"({"a":null})", R"({"a":null})"));
    EXPECT_FALSE(matches(R"({"a":null})", "{}"));
    EXPECT_FALSE(matches(R"({"a":false})", R"({"a":null})"));
}

TEST(ClaimMatch, TakesNamesWithDots) {
    EXPECT_TRUE(matches(R"({"https://a.example/role":"x"})", R"({"https://a.example/role":"x"})"));
    EXPECT_TRUE(matches(R"({"a.b.c":"x"})", R"({"a":{"b.c":"x"}})"));
}

TEST(ClaimMatch, RefusesConditionsThatCanNeverBe) {
    for (const auto* rule : {"[]", "1", "", R"({"a":{}})", R"({"a":[[1]]})", R"({"a":1,"a":2})"})
        EXPECT_FALSE(claim_match::compile(rule)) << rule;
}

TEST(AuthClaims, SurviveClocksAtTheEnd) {
    std::optional<unix_time> expires;
    claims_policy tolerant;
    tolerant.tolerance_s = 3600;
    const unix_time last{std::numeric_limits<std::int64_t>::max()};
    const unix_time first{std::numeric_limits<std::int64_t>::min()};
    EXPECT_EQ(check(R"({"exp":1e300})", last, tolerant, expires), reason::none);
    EXPECT_EQ(check(R"({"exp":1})", last, tolerant, expires), reason::expired);
    EXPECT_EQ(check(R"({"nbf":1})", first, tolerant, expires), reason::not_yet_valid);
}

TEST(AuthObject, KeepsNamesOfOneObjectApart) {
    EXPECT_EQ(check_object(R"({"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1}})"), reason::none);
    EXPECT_EQ(check_object(R"({"a":1,"b":[{"c":1,"d":{},"c":2}]})"), reason::duplicate_member);
    EXPECT_EQ(check_object(R"({"a":1,"b":{"x":1},"a":1})"), reason::duplicate_member);
    EXPECT_EQ(check_object(R"({"\u00e4":1,"ä":1})"), reason::duplicate_member);
}

TEST(BetterAuthClaims, AreWithoutTheSessionsToken) {
    EXPECT_EQ(claims_without_session_token(
                  R"({"session":{"token":"t","id":"s"},"sid":"t","user":{"token":"u"},"x":[1]})"),
              R"({"session":{"id":"s"},"user":{"token":"u"},"x":[1]})");
    EXPECT_EQ(claims_without_session_token(R"({"session":{"t\u006fken":"t"}})"), R"({"session":{}})");
    EXPECT_EQ(claims_without_session_token(R"({"session":1})"), R"({"session":1})");
}

} // namespace
} // namespace roomcast::core::auth
