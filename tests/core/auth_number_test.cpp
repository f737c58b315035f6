#include "roomcast/core/auth/number.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace roomcast::core::auth {
namespace {

std::string text(std::string_view number) {
    const auto read = decimal::of(number);
    return read ? read->text() : "none";
}

TEST(AuthDecimal, KnowsWhatIsNoNumber) {
    for (const auto* other : {"null", "\"1\"", "true", "[1]", "{}"})
        EXPECT_FALSE(decimal::of(other)) << other;
    for (const auto* endless :
         {"1e309", "-1e309", "1.8e308", "1e999", "1e99999999999999999999", "17976931348623159e292"})
        EXPECT_FALSE(decimal::of(endless)) << endless;
    for (const auto* finite : {"1.7976931348623157e308", "-1e308", "1e-999", "0e999", "0.00001e310"})
        EXPECT_TRUE(decimal::of(finite)) << finite;
}

TEST(AuthDecimal, IsWrittenPlain) {
    EXPECT_EQ(text("77"), "77");
    EXPECT_EQ(text("-0"), "0");
    EXPECT_EQ(text("7.70e1"), "77");
    EXPECT_EQ(text("1e3"), "1000");
    EXPECT_EQ(text("1.50"), "1.5");
    EXPECT_EQ(text("-0.05"), "-0.05");
    EXPECT_EQ(text("12345678901234567890"), "12345678901234567890");
    EXPECT_EQ(text("1e30"), "1e+30");
    EXPECT_EQ(text("1.25e-9"), "1.25e-9");
}

TEST(AuthDecimal, IsRoundedDown) {
    const auto floor = [](std::string_view number) { return decimal::of(number)->floor(); };
    EXPECT_EQ(floor("1.9"), 1);
    EXPECT_EQ(floor("-1.1"), -2);
    EXPECT_EQ(floor("-1"), -1);
    EXPECT_EQ(floor("0.5"), 0);
    EXPECT_EQ(floor("-1e-300"), -1);
    EXPECT_EQ(floor("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(floor("9223372036854775808"), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(floor("1e300"), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(floor("-1e300"), std::numeric_limits<std::int64_t>::min());
}

TEST(AuthDecimal, ComparesByValue) {
    EXPECT_EQ(decimal::of("1"), decimal::of("1.0"));
    EXPECT_EQ(decimal::of("1e2"), decimal::of("100"));
    EXPECT_EQ(decimal::of("0"), decimal::of("-0.0e5"));
    EXPECT_NE(decimal::of("9007199254740993"), decimal::of("9007199254740992"));
}

TEST(AuthIsoTime, ReadsWhatJavaScriptWrites) {
    EXPECT_EQ(iso_milliseconds("1970-01-01T00:00:00.000Z"), 0);
    EXPECT_EQ(iso_milliseconds("2026-02-09T02:40:00.000Z"), 1'770'604'800'000);
    EXPECT_EQ(iso_milliseconds("2026-02-09T02:40:00Z"), 1'770'604'800'000);
    EXPECT_EQ(iso_milliseconds("2026-02-09T03:40:00.5+01:00"), 1'770'604'800'500);
    EXPECT_EQ(iso_milliseconds("2024-02-29T00:00:00Z"), 1'709'164'800'000);
    EXPECT_EQ(iso_milliseconds("1969-12-31T23:59:59.999Z"), -1);
}

TEST(AuthIsoTime, RefusesEverythingElse) {
    for (const auto* other :
         {"", "2026-02-09", "2026-02-09T02:40:00", "2026-02-09 02:40:00Z", "2026-13-01T00:00:00Z",
          "2026-02-29T00:00:00Z", "2026-02-09T24:00:00Z", "2026-02-09T02:60:00Z", "2026-02-09T02:40:00.Z",
          "2026-02-09T02:40:00Zx", "+2026-02-09T02:40:00Z", "0000-01-01T00:00:00Z", "2026-2-9T02:40:00Z",
          "2026-02-09T02:40:00+1:00", "2026-02-09T02:40:00.1234567890Z"})
        EXPECT_FALSE(iso_milliseconds(other)) << other;
}

} // namespace
} // namespace roomcast::core::auth
