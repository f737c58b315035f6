#include "transport/forwarded.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::server::transport {
namespace {

base::address_set proxies() {
    base::address_set made;
    EXPECT_TRUE(made.add("10.0.0.0/8"));
    EXPECT_TRUE(made.add("fd00::/8"));
    return made;
}

std::optional<std::string> address_by(const char* x_forwarded_for) {
    return read_forwarded({x_forwarded_for, "", "", ""}, proxies()).address;
}

TEST(TransportForwarded, TakesTheLastAddressThatIsNoProxys) {
    EXPECT_EQ(address_by("203.0.113.9"), "203.0.113.9");
    EXPECT_EQ(address_by("203.0.113.9, 10.1.1.1,10.2.2.2"), "203.0.113.9");
    EXPECT_EQ(address_by("2001:db8::1, fd00::5"), "2001:db8::1");
}

TEST(TransportForwarded, WhatTheClientWroteBeforeDoesNotCount) {
    EXPECT_EQ(address_by("127.0.0.1, 203.0.113.9, 10.1.1.1"), "203.0.113.9");
    EXPECT_EQ(address_by("10.9.9.9, 203.0.113.9"), "203.0.113.9");
}

TEST(TransportForwarded, WithProxiesAloneItIsTheFirstOfThem) {
    EXPECT_EQ(address_by("10.1.1.1, 10.2.2.2"), "10.1.1.1");
}

TEST(TransportForwarded, NothingCountsBeforeWhatIsNoAddress) {
    EXPECT_EQ(address_by("203.0.113.9, nonsense, 10.2.2.2"), "10.2.2.2");
    EXPECT_EQ(address_by("203.0.113.9, unknown"), std::nullopt);
    EXPECT_EQ(address_by("203.0.113.9,"), std::nullopt);
    EXPECT_EQ(address_by(", ,"), std::nullopt);
}

TEST(TransportForwarded, PortsAreLeftOut) {
    EXPECT_EQ(address_by("203.0.113.9:4711"), "203.0.113.9");
    EXPECT_EQ(address_by("[2001:db8::1]:4711"), "2001:db8::1");
    EXPECT_EQ(address_by("[2001:db8::1]"), "2001:db8::1");
    EXPECT_EQ(address_by("[2001:db8::1]x"), std::nullopt);
    EXPECT_EQ(address_by("[2001:db8::1"), std::nullopt);
}

TEST(TransportForwarded, ReadsForwarded) {
    const auto found = read_forwarded(
        {"", "",
         "for=198.51.100.1;proto=http, For=\"[2001:db8::17]:4711\";Proto=HTTPS;by=10.0.0.1, for=10.0.0.1",
         ""},
        proxies());
    EXPECT_EQ(found.address, "2001:db8::17");
    EXPECT_EQ(found.is_secure, true);
}

TEST(TransportForwarded, ForwardedOfHiddenClientsSaysNothing) {
    const auto found = read_forwarded({"", "", "for=_hidden;proto=https", ""}, proxies());
    EXPECT_EQ(found.address, std::nullopt);
    EXPECT_EQ(found.is_secure, std::nullopt);
}

TEST(TransportForwarded, XForwardedForGoesBeforeTheOthers) {
    EXPECT_EQ(read_forwarded({"203.0.113.1", "", "for=203.0.113.2", "203.0.113.3"}, proxies()).address,
              "203.0.113.1");
    EXPECT_EQ(read_forwarded({"", "", "for=203.0.113.2", "203.0.113.3"}, proxies()).address, "203.0.113.2");
    EXPECT_EQ(read_forwarded({"", "", "", " 203.0.113.3 "}, proxies()).address, "203.0.113.3");
}

TEST(TransportForwarded, TheNearestProxySaysWhetherItIsSecure) {
    const auto secure = [](const char* proto) {
        return read_forwarded({"", proto, "", ""}, proxies()).is_secure;
    };
    EXPECT_EQ(secure("https"), true);
    EXPECT_EQ(secure("HTTPS"), true);
    EXPECT_EQ(secure("http"), false);
    EXPECT_EQ(secure("https, http"), false);
    EXPECT_EQ(secure("ftp"), std::nullopt);
    EXPECT_EQ(secure(""), std::nullopt);
}

TEST(TransportForwarded, TheNearestProxySaysWhichHostWasAskedFor) {
    EXPECT_EQ(read_forwarded_host("app.example"), "app.example");
    EXPECT_EQ(read_forwarded_host("evil.example, app.example:8443"), "app.example:8443");
    EXPECT_EQ(read_forwarded_host("[2001:db8::9]:80"), "[2001:db8::9]:80");
}

TEST(TransportForwarded, WhatIsNoHostIsNone) {
    for (const char* each : {"", "a b", "a/b", "a@b", "a\"b", "a?b", "\x80", "app.example,"}) {
        EXPECT_EQ(read_forwarded_host(each), std::nullopt) << each;
    }
    EXPECT_EQ(read_forwarded_host(std::string(261, 'a')), std::nullopt);
}

} // namespace
} // namespace roomcast::server::transport
