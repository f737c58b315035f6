#include "outbound/address_policy.hpp"

#include <algorithm>
#include <array>

namespace roomcast::server::outbound {

namespace {

namespace ip = boost::asio::ip;

struct block {
    std::uint32_t prefix;
    unsigned length;
    address_kind kind;
};

constexpr std::uint32_t quad(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a << 24U | b << 16U | c << 8U | d;
}

/// IANA IPv4 Special-Purpose Address Registry; the first that fits decides.
constexpr std::array<block, 15> blocks{{
    {quad(100, 100, 100, 200), 32, address_kind::forbidden}, // metadata of a cloud
    {quad(0, 0, 0, 0), 8, address_kind::forbidden},
    {quad(10, 0, 0, 0), 8, address_kind::nearby},
    {quad(100, 64, 0, 0), 10, address_kind::nearby},
    {quad(127, 0, 0, 0), 8, address_kind::loopback},
    {quad(169, 254, 0, 0), 16, address_kind::forbidden},
    {quad(172, 16, 0, 0), 12, address_kind::nearby},
    {quad(192, 0, 0, 0), 24, address_kind::forbidden},
    {quad(192, 0, 2, 0), 24, address_kind::forbidden},
    {quad(192, 168, 0, 0), 16, address_kind::nearby},
    {quad(198, 18, 0, 0), 15, address_kind::nearby},
    {quad(198, 51, 100, 0), 24, address_kind::forbidden},
    {quad(203, 0, 113, 0), 24, address_kind::forbidden},
    {quad(224, 0, 0, 0), 4, address_kind::forbidden},
    {quad(240, 0, 0, 0), 4, address_kind::forbidden},
}};

address_kind kind_of_v4(std::uint32_t address) {
    for (const auto& one : blocks) {
        const std::uint32_t mask = ~std::uint32_t{0} << (32U - one.length);
        if ((address & mask) == one.prefix) return one.kind;
    }
    return address_kind::general;
}

std::uint32_t v4_at(const ip::address_v6::bytes_type& bytes, std::size_t at) {
    return quad(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool has_prefix(const ip::address_v6::bytes_type& bytes, std::initializer_list<unsigned char> prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

address_kind kind_of_v6(const ip::address_v6& address) {
    const auto bytes = address.to_bytes();
    if (address.is_loopback()) return address_kind::loopback;
    if (has_prefix(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) || // mapped
        has_prefix(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}) ||
        has_prefix(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) // compatible, and ::
        return kind_of_v4(v4_at(bytes, 12));
    if (has_prefix(bytes, {0x20, 0x02})) return kind_of_v4(v4_at(bytes, 2));   // 6to4
    if (has_prefix(bytes, {0x20, 0x01, 0, 0})) return address_kind::forbidden; // Teredo
    if (has_prefix(bytes, {0x20, 0x01, 0x0d, 0xb8})) return address_kind::forbidden;
    if (has_prefix(bytes, {0xfd, 0x00, 0x0e, 0xc2})) return address_kind::forbidden; // metadata of a cloud
    if ((bytes[0] & 0xfeU) == 0xfcU) return address_kind::nearby;
    const bool is_global = (bytes[0] & 0xe0U) == 0x20U; // 2000::/3, all that was ever given out
    return is_global ? address_kind::general : address_kind::forbidden;
}

/// No public name server knows such a name, so nobody outside can point it at our network.
bool is_intranet_name(std::string_view host) {
    const bool is_address = host.find(':') != std::string_view::npos;
    return !is_address && (host.find('.') == std::string_view::npos || host.ends_with(".internal") ||
                           host.ends_with(".local") || host.ends_with(".localhost"));
}

} // namespace

address_kind kind_of(const ip::address& address) {
    return address.is_v4() ? kind_of_v4(address.to_v4().to_uint()) : kind_of_v6(address.to_v6());
}

bool is_allowed(const ip::address& address, const url& target, reach how_far) {
    switch (kind_of(address)) {
    case address_kind::general: return true;
    case address_kind::forbidden: return false;
    case address_kind::loopback:
        if (target.is_loopback()) return true;
        break;
    case address_kind::nearby: break;
    }
    if (how_far == reach::nearby) return true;
    if (how_far == reach::intranet && is_intranet_name(target.host)) return true;
    boost::system::error_code error;
    const auto literal = ip::make_address(target.host, error);
    return !error && literal == address;
}

} // namespace roomcast::server::outbound
