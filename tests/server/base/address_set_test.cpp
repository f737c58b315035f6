#include "base/address_set.hpp"

#include <gtest/gtest.h>

namespace roomcast::server::base {
namespace {

address_set of(std::initializer_list<const char*> texts) {
    address_set made;
    for (const char* text : texts) EXPECT_TRUE(made.add(text)) << text;
    return made;
}

TEST(BaseAddressSet, HasSingleAddressesAndNoOthers) {
    const address_set set = of({"192.0.2.7", "2001:db8::7"});
    EXPECT_TRUE(set.contains("192.0.2.7"));
    EXPECT_TRUE(set.contains("2001:db8:0::7"));
    EXPECT_FALSE(set.contains("192.0.2.6"));
    EXPECT_FALSE(set.contains("2001:db8::8"));
}

TEST(BaseAddressSet, NetworksEndInTheMiddleOfAnOctet) {
    const address_set set = of({"10.0.0.0/8", "172.16.0.0/12", "2001:db8:a000::/35"});
    EXPECT_TRUE(set.contains("10.255.255.255"));
    EXPECT_FALSE(set.contains("11.0.0.0"));
    EXPECT_TRUE(set.contains("172.31.255.255"));
    EXPECT_FALSE(set.contains("172.32.0.0"));
    EXPECT_TRUE(set.contains("2001:db8:bfff::1"));
    EXPECT_FALSE(set.contains("2001:db8:c000::1"));
}

TEST(BaseAddressSet, AnIpv4NetworkIsNoIpv6Network) {
    const address_set all_of_v4 = of({"0.0.0.0/0"});
    EXPECT_TRUE(all_of_v4.contains("203.0.113.1"));
    EXPECT_TRUE(all_of_v4.contains("::ffff:203.0.113.1"));
    EXPECT_FALSE(all_of_v4.contains("::1"));
}

TEST(BaseAddressSet, UnixIsInItWhenNamed) {
    EXPECT_TRUE(of({"unix"}).contains("unix"));
    EXPECT_FALSE(of({"0.0.0.0/0", "::/0"}).contains("unix"));
}

TEST(BaseAddressSet, RefusesWhatIsNoNetwork) {
    for (const char* text : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1",
                             "::/129", "10.0.0", "10.0.0.0/8/8", "1.2.3.4:80", "[::1]", "010.0.0.1"}) {
        address_set set;
        EXPECT_FALSE(set.add(text)) << text;
        EXPECT_TRUE(set.is_empty());
    }
}

TEST(BaseAddressSet, SpellsAddressesInOneWay) {
    EXPECT_EQ(canonical_address("2001:DB8:0:0::1"), "2001:db8::1");
    EXPECT_EQ(canonical_address("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(canonical_address("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(canonical_address("192.0.2.256"), std::nullopt);
    EXPECT_EQ(canonical_address(std::string(1000, '1')), std::nullopt);
    EXPECT_EQ(canonical_address(std::string_view{"1.2.3.4\0x", 9}), std::nullopt);
}

} // namespace
} // namespace roomcast::server::base
