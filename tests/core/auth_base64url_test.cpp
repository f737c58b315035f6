#include "roomcast/core/auth/base64url.hpp"

#include <gtest/gtest.h>

namespace roomcast::core::auth {
namespace {

bool is_url(std::string_view text) {
    std::string out;
    return append_from_base64url(out, text);
}
bool is_standard(std::string_view text) {
    std::string out;
    return append_from_strict_base64(out, text);
}

TEST(AuthBase64url, GoesThereAndBack) {
    std::string data;
    for (int i = 0; i < 256; ++i) {
        std::string text;
        append_base64url(text, data);
        std::string back = "kept";
        ASSERT_TRUE(append_from_base64url(back, text)) << text;
        EXPECT_EQ(back, "kept" + data);
        data.push_back(static_cast<char>(i * 7));
    }
}

TEST(AuthBase64url, HasOneSpelling) {
    EXPECT_TRUE(is_url("AA"));
    EXPECT_TRUE(is_url("AAA"));
    EXPECT_TRUE(is_url("-_-_"));
    for (const auto* text :
         {"A", "AAAAA", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "+/+/", "A+", "AA.A", "\xc3\xa4"})
        EXPECT_FALSE(is_url(text)) << text;
}

TEST(AuthBase64url, KnowsThePaddedFormApart) {
    EXPECT_TRUE(is_standard("AAA="));
    EXPECT_TRUE(is_standard("AA=="));
    EXPECT_TRUE(is_standard("+/+/"));
    for (const auto* text : {"AAB=", "AB==", "AA", "AAA", "-_-_", "A===", "====", "AA=A", "=AAA"})
        EXPECT_FALSE(is_standard(text)) << text;
}

TEST(AuthBase64url, LeavesNothingOfARefusedText) {
    std::string out = "kept";
    EXPECT_FALSE(append_from_base64url(out, "AAAAAB"));
    EXPECT_EQ(out, "kept");
}

} // namespace
} // namespace roomcast::core::auth
