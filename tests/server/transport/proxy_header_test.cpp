#include "transport/proxy_header.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace roomcast::server::transport {
namespace {

using status = proxy_header::status;

std::string octets(std::initializer_list<int> values) {
    std::string made;
    for (const int value : values) made += static_cast<char>(value);
    return made;
}

std::string binary(int command, int family, const std::string& body) {
    const auto size = static_cast<int>(body.size());
    return octets(
               {13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10, command, family, size >> 8, size & 0xff}) +
           body;
}

const std::string v4_body = octets({203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x34, 0, 80});

/// Every beginning of it is incomplete, whatever follows is left alone.
void expect_whole(const std::string& header, const std::optional<std::string>& address) {
    for (std::size_t size = 0; size < header.size(); ++size) {
        EXPECT_EQ(read_proxy_header(header.substr(0, size)).what, status::incomplete) << size;
    }
    const proxy_header found = read_proxy_header(header + "GET / HTTP/1.1\r\n");
    EXPECT_EQ(found.what, status::complete);
    EXPECT_EQ(found.size, header.size());
    EXPECT_EQ(found.address, address);
}

TEST(TransportProxyHeader, ReadsVersion1) {
    expect_whole("PROXY TCP4 203.0.113.9 10.0.0.1 56324 443\r\n", "203.0.113.9");
    expect_whole("PROXY TCP6 2001:db8::9 2001:db8::1 0 65535\r\n", "2001:db8::9");
    expect_whole("PROXY UNKNOWN\r\n", std::nullopt);
    expect_whole("PROXY UNKNOWN ffff::1 whatever it says\r\n", std::nullopt);
}

TEST(TransportProxyHeader, RefusesMalformedVersion1) {
    for (const char* bad : {
             "PROXY TCP4 203.0.113.9 10.0.0.1 56324\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443 1\r\n",
             "PROXY TCP4  203.0.113.9 10.0.0.1 56324 443\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 56324 443 \r\n",
             "PROXY TCP4 203.0.113.999 10.0.0.1 56324 443\r\n",
             "PROXY TCP4 2001:db8::9 10.0.0.1 56324 443\r\n",
             "PROXY TCP6 203.0.113.9 2001:db8::1 1 1\r\n",
             "PROXY TCP4 203.0.113.9 nobody 56324 443\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 056 443\r\n",
             "PROXY TCP4 203.0.113.9 10.0.0.1 -1 443\r\n",
             "PROXY TCP5 203.0.113.9 10.0.0.1 1 443\r\n",
             "PROXY UDP4 203.0.113.9 10.0.0.1 1 443\r\n",
             "PROXY UNKNOWNS\r\n",
             "PROXY \r\n",
             "proxy TCP4 203.0.113.9 10.0.0.1 56324 443\r\n",
             "GET / HTTP/1.1\r\n",
             "PROXX",
             "\x16\x03\x01",
         }) {
        EXPECT_EQ(read_proxy_header(bad).what, status::malformed) << bad;
    }
}

TEST(TransportProxyHeader, WaitsForTheEndOfALineNoLongerThanItMayBe) {
    const std::string longest = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
    EXPECT_EQ(longest.size(), 107U);
    EXPECT_EQ(read_proxy_header(longest).what, status::complete);
    EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(92, 'x')).what, status::incomplete);
    EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n").what, status::malformed);
    EXPECT_EQ(read_proxy_header("PROXY UNKNOWN " + std::string(93, 'x')).what, status::malformed);
}

TEST(TransportProxyHeader, ReadsVersion2) {
    expect_whole(binary(0x21, 0x11, v4_body), "203.0.113.9");
    const std::string v6 = octets({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}) +
                           std::string(16, '\1') + octets({0, 1, 0, 2});
    expect_whole(binary(0x21, 0x21, v6), "2001:db8::9");
    expect_whole(binary(0x21, 0x00, ""), std::nullopt);
    expect_whole(binary(0x21, 0x31, std::string(216, 'u')), std::nullopt);
}

TEST(TransportProxyHeader, TheProxyMaySpeakForItself) {
    expect_whole(binary(0x20, 0x00, ""), std::nullopt);
    expect_whole(binary(0x20, 0x11, v4_body), std::nullopt);
}

TEST(TransportProxyHeader, HearsOfTls) {
    const auto with_tls = [](int flags) {
        return read_proxy_header(
            binary(0x21, 0x11, v4_body + octets({0x01, 0, 2, 'h', '2', 0x20, 0, 5, flags, 0, 0, 0, 0})));
    };
    EXPECT_TRUE(with_tls(1).is_secure);
    EXPECT_FALSE(with_tls(0).is_secure);
    EXPECT_FALSE(read_proxy_header(binary(0x21, 0x11, v4_body)).is_secure);
}

TEST(TransportProxyHeader, RefusesMalformedVersion2) {
    for (const std::string& bad : {
             binary(0x31, 0x11, v4_body),               // version
             binary(0x22, 0x11, v4_body),               // command
             binary(0x21, 0x41, v4_body),               // family
             binary(0x21, 0x13, v4_body),               // protocol
             binary(0x21, 0x11, v4_body.substr(0, 11)), // addresses too short
             binary(0x21, 0x21, v4_body), binary(0x21, 0x11, v4_body + octets({0x20, 0})), // half a fact
             binary(0x21, 0x11, v4_body + octets({0x20, 0, 9, 1})),   // longer than its place
             binary(0x21, 0x11, v4_body + octets({0x20, 0, 1, 1})),   // too short for TLS
             binary(0x21, 0x11, v4_body + std::string(60'000, '\0')), // too much of them
         }) {
        EXPECT_EQ(read_proxy_header(bad).what, status::malformed);
    }
}

TEST(TransportProxyHeader, RefusesALongHeaderByItsLengthAlone) {
    EXPECT_EQ(read_proxy_header(binary(0x21, 0x11, std::string(3000, 'x')).substr(0, 16)).what,
              status::malformed);
}

} // namespace
} // namespace roomcast::server::transport
