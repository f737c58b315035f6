#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::base {

/// The name that a peer on a unix socket has in place of an address.
inline constexpr std::string_view unix_peer = "unix";

/// An IPv4 or IPv6 address in its shortest spelling; a mapped IPv4 address as IPv4. @return nothing: it is
/// none
std::optional<std::string> canonical_address(std::string_view text);

/// Addresses, networks such as `10.0.0.0/8` and `fd00::/8`, and `unix`: whose word counts.
class address_set {
public:
    /// @return false: `text` is none of these
    [[nodiscard]] bool add(std::string_view text);
    /// @param address as `canonical_address` spells it, or `unix`
    bool contains(std::string_view address) const;
    bool is_empty() const { return networks_.empty() && !has_unix_; }

private:
    /// All as IPv6: an IPv4 network lies in ::ffff:0:0/96.
    struct network {
        std::array<std::uint8_t, 16> begin{};
        unsigned bits = 128;
    };
    std::vector<network> networks_;
    bool has_unix_ = false;
};

} // namespace roomcast::server::base
