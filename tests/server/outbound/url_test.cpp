#include "outbound/url.hpp"

#include "outbound/address_policy.hpp"

#include <gtest/gtest.h>

namespace roomcast::server::outbound {
namespace {

TEST(OutboundUrl, TakesAUrlApart) {
    const auto one = parse_url("https://App.Example:8443/a/b?c=d");
    ASSERT_TRUE(one);
    EXPECT_TRUE(one->is_tls);
    EXPECT_EQ(one->host, "app.example");
    EXPECT_EQ(one->port, "8443");
    EXPECT_EQ(one->target, "/a/b?c=d");
    EXPECT_EQ(one->origin(), "https://app.example:8443");
}

TEST(OutboundUrl, KnowsTheUsualPorts) {
    EXPECT_EQ(parse_url("http://a")->port, "80");
    EXPECT_EQ(parse_url("https://a")->port, "443");
    EXPECT_EQ(parse_url("http://a:80/x")->origin(), "http://a");
    EXPECT_EQ(parse_url("https://a?b")->target, "/?b");
}

TEST(OutboundUrl, ReadsIpv6Literals) {
    const auto one = parse_url("http://[::1]:3000/x");
    ASSERT_TRUE(one);
    EXPECT_EQ(one->host, "::1");
    EXPECT_EQ(one->host_header(), "[::1]:3000");
    EXPECT_TRUE(one->is_loopback());
}

TEST(OutboundUrl, RefusesEverythingElse) {
    for (const auto* text : {"",
                             "a",
                             "ftp://a/",
                             "file:///etc/passwd",
                             "http://",
                             "http:///x",
                             "http://a:0/",
                             "http://a:70000/",
                             "http://a:/",
                             "http://user:word@a/",
                             "http://a/#b",
                             "http://a b/",
                             "http://a/b c",
                             "http://a\r\nX: y/",
                             "http://a/\r\nX:y",
                             "http://[::1",
                             "http://[x]/",
                             "http://[::1]x/",
                             "http://\xc3\xa4/",
                             "http://a/\x80",
                             "http://2130706433/",
                             "http://0x7f000001/",
                             "http://127.1/",
                             "http://0177.0.0.1/",
                             "http://1.2.3.4.5/",
                             "http://127.0.0.1./",
                             "http://-a/",
                             "http://a\\b/",
                             "http://[fe80::1%25eth0]/"})
        EXPECT_FALSE(parse_url(text)) << text;
}

address_kind kind(const char* address) {
    return kind_of(boost::asio::ip::make_address(address));
}

TEST(OutboundAddresses, KnowsPlacesThatNobodyMayReach) {
    for (const auto* address : {"169.254.169.254", "169.254.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
                                "fe80::1", "ff02::1", "::", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
                                "2002:a9fe:a9fe::1", "fd00:ec2::254", "100.100.100.200", "2001:0:1::1"})
        EXPECT_EQ(kind(address), address_kind::forbidden) << address;
}

TEST(OutboundAddresses, KnowsPlacesNearBy) {
    for (const auto* address : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
                                "fd12::1", "::ffff:10.0.0.1"})
        EXPECT_EQ(kind(address), address_kind::nearby) << address;
    for (const auto* address : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
        EXPECT_EQ(kind(address), address_kind::loopback) << address;
    for (const auto* address : {"1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"})
        EXPECT_EQ(kind(address), address_kind::general) << address;
}

bool may_reach(const char* address, const char* url, reach how_far = reach::literal_only) {
    return is_allowed(boost::asio::ip::make_address(address), *parse_url(url), how_far);
}

TEST(OutboundAddresses, WantsPlacesNearByNamedAsSuch) {
    EXPECT_TRUE(may_reach("10.0.0.7", "http://10.0.0.7/"));
    EXPECT_FALSE(may_reach("10.0.0.8", "http://10.0.0.7/"));
    EXPECT_FALSE(may_reach("10.0.0.7", "http://app/"));
    EXPECT_TRUE(may_reach("10.0.0.7", "http://app/", reach::nearby));
    EXPECT_TRUE(may_reach("10.0.0.7", "http://app/", reach::intranet));
    EXPECT_TRUE(may_reach("fd12::7", "http://app.railway.internal:3000/", reach::intranet));
    EXPECT_FALSE(may_reach("10.0.0.7", "http://app.example/", reach::intranet));
    EXPECT_FALSE(may_reach("127.0.0.1", "http://app.example/", reach::intranet));
    EXPECT_FALSE(may_reach("169.254.169.254", "http://app/", reach::intranet));
    EXPECT_TRUE(may_reach("127.0.0.1", "http://localhost/"));
    EXPECT_FALSE(may_reach("127.0.0.1", "http://evil.example/"));
    EXPECT_FALSE(may_reach("169.254.169.254", "http://169.254.169.254/", reach::nearby));
}

} // namespace
} // namespace roomcast::server::outbound
