#include "roomcast/core/eio/jsonp.hpp"

#include <gtest/gtest.h>

namespace eio = roomcast::core::eio;

TEST(Jsonp, OnlyDigitsOfTheIndexGoIntoTheScript) {
    EXPECT_EQ(eio::jsonp_index("12"), "12");
    EXPECT_EQ(eio::jsonp_index("1);alert(2"), "12");
    EXPECT_EQ(eio::jsonp_index("x"), "");
}

TEST(Jsonp, AnswersCallTheFunctionWithAString) {
    EXPECT_EQ(eio::wrap_jsonp("3", "4a\"b\\\n\x1e"
                                   "2"),
              "___eio[3](\"4a\\\"b\\\\\\n\\u001e2\");");
}

TEST(Jsonp, LineSeparatorsAreEscaped) {
    EXPECT_EQ(eio::wrap_jsonp("0", "\xe2\x80\xa8 \xe2\x80\xa9 \xe2\x80\xaa"),
              "___eio[0](\"\\u2028 \\u2029 \xe2\x80\xaa\");");
}

TEST(Jsonp, FormsAreTakenApart) {
    EXPECT_EQ(eio::unwrap_jsonp("d=4a%20b+c"), "4a b c");
    EXPECT_EQ(eio::unwrap_jsonp("x=1&d=40&y=2"), "40");
    EXPECT_EQ(eio::unwrap_jsonp("x=1"), std::nullopt);
    EXPECT_EQ(eio::unwrap_jsonp(""), std::nullopt);
}

TEST(Jsonp, LineFeedsComeEscaped) {
    EXPECT_EQ(eio::unwrap_jsonp("d=a\\nb"), "a\nb");
    EXPECT_EQ(eio::unwrap_jsonp("d=a\\\\nb"), "a\\nb");
    EXPECT_EQ(eio::unwrap_jsonp("d=a\\\\\\nb"), "a\\\\nb");
}
