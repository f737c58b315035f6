#include "roomcast/core/auth/cookie.hpp"

#include <gtest/gtest.h>

namespace roomcast::core::auth {
namespace {

std::string value_of(std::string_view header, std::string_view name = "a") {
    return cookie(header, name).value_or("(none)");
}

TEST(AuthCookie, IsFoundByItsWholeName) {
    EXPECT_EQ(value_of("a=1"), "1");
    EXPECT_EQ(value_of("b=2;a=1"), "1");
    EXPECT_EQ(value_of("b=2 ; \t a \t=\t 1 \t; c=3"), "1");
    EXPECT_EQ(value_of("aa=2; A=3; ba=4"), "(none)");
    EXPECT_EQ(value_of("a"), "(none)");
    EXPECT_EQ(value_of(""), "(none)");
    EXPECT_EQ(value_of("a=1; a=2"), "1");
    EXPECT_EQ(value_of("a=b=c"), "b=c");
}

TEST(AuthCookie, IsUnquotedAndDecoded) {
    EXPECT_EQ(value_of("a=\"1\""), "1");
    EXPECT_EQ(value_of("a=\"1"), "\"1");
    EXPECT_EQ(value_of("a=\"\""), "");
    EXPECT_EQ(value_of("a=\""), "\"");
    EXPECT_EQ(value_of("a=%2B%2f%3D"), "+/=");
    EXPECT_EQ(value_of("a=%c3%a4"), "\xc3\xa4");
    EXPECT_EQ(value_of("a=1+2"), "1+2");
    for (const auto* broken : {"%", "%4", "%zz", "x%ff", "%c3"})
        EXPECT_EQ(value_of(std::string{"a="} + broken), broken);
}

std::string joined(std::string_view header, reason expected = reason::none) {
    std::string out;
    EXPECT_EQ(session_cookie(header, "s", out), expected) << header;
    return out;
}

TEST(AuthSessionCookie, IsJoinedFromChunks) {
    EXPECT_EQ(joined("s.1=b; s.0=a; s.2=c"), "abc");
    EXPECT_EQ(joined("s=whole; s.0=a"), "whole");
    EXPECT_EQ(joined("s=; s.0=a"), "a");
    EXPECT_EQ(joined("s.0=a; s.0=b"), "a");
    EXPECT_EQ(joined("s.00=x; s.01=x; s.-1=x; s.1x=x; s.=x; sx.0=x; s.0=a; s.100=x"), "a");
    EXPECT_EQ(joined("t=1"), "");
    std::string all;
    for (int i = 99; i >= 0; --i) all += "s." + std::to_string(i) + "=" + std::to_string(i % 10) + ";";
    EXPECT_EQ(joined(all).size(), 100U);
}

TEST(AuthSessionCookie, WantsEveryChunk) {
    joined("s.1=b", reason::malformed);
    joined("s.0=a; s.2=c", reason::malformed);
    joined("s.0=a; s.99=c", reason::malformed);
}

TEST(AuthSessionCookie, IsBounded) {
    const std::string half(9000, 'h');
    joined("s.0=" + half + ";s.1=" + half, reason::token_too_large);
    joined("s=" + half + half, reason::token_too_large);
}

TEST(AuthSessionCookie, SaysWhetherThereIsOne) {
    EXPECT_TRUE(has_session_cookie("s.3=x", "s"));
    EXPECT_FALSE(has_session_cookie("s=; sx=1; s.x=1", "s"));
}

} // namespace
} // namespace roomcast::core::auth
