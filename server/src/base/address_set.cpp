#include "base/address_set.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace roomcast::server::base {

namespace {

constexpr std::size_t longest_address = 45; // INET6_ADDRSTRLEN, the zero at the end left out
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct parsed {
    std::array<std::uint8_t, 16> bytes{};
    bool is_v4 = false;
};

std::optional<parsed> parse(std::string_view text) {
    if (text.empty() || text.size() > longest_address || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    const std::string ended{text};
    parsed found;
    if (::inet_pton(AF_INET, ended.c_str(), found.bytes.data() + mapped_prefix.size()) == 1) {
        std::copy(mapped_prefix.begin(), mapped_prefix.end(), found.bytes.begin());
        found.is_v4 = true;
        return found;
    }
    if (::inet_pton(AF_INET6, ended.c_str(), found.bytes.data()) != 1) return std::nullopt;
    found.is_v4 = std::equal(mapped_prefix.begin(), mapped_prefix.end(), found.bytes.begin());
    return found;
}

std::optional<unsigned> small_number(std::string_view text) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned number = 0;
    for (const char each : text) {
        if (each < '0' || each > '9') return std::nullopt;
        number = number * 10 + static_cast<unsigned>(each - '0');
    }
    return number;
}

} // namespace

std::optional<std::string> canonical_address(std::string_view text) {
    const auto found = parse(text);
    if (!found) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> spelled{};
    if (found->is_v4) {
        ::inet_ntop(AF_INET, found->bytes.data() + mapped_prefix.size(), spelled.data(), spelled.size());
    } else {
        ::inet_ntop(AF_INET6, found->bytes.data(), spelled.data(), spelled.size());
    }
    return std::string{spelled.data()};
}

bool address_set::add(std::string_view text) {
    if (text == unix_peer) {
        has_unix_ = true;
        return true;
    }
    const std::size_t slash = text.find('/');
    const auto address = parse(text.substr(0, slash));
    if (!address) return false;
    const bool is_written_as_v4 = text.substr(0, slash).find(':') == std::string_view::npos;
    network made{address->bytes, 128};
    if (slash != std::string_view::npos) {
        const auto bits = small_number(text.substr(slash + 1));
        if (!bits || *bits > (is_written_as_v4 ? 32U : 128U)) return false;
        made.bits = is_written_as_v4 ? *bits + 96 : *bits;
    }
    networks_.push_back(made);
    return true;
}

bool address_set::contains(std::string_view address) const {
    if (address == unix_peer) return has_unix_;
    if (networks_.empty()) return false;
    const auto asked = parse(address);
    if (!asked) return false;
    return std::any_of(networks_.begin(), networks_.end(), [&](const network& each) {
        const std::size_t whole = each.bits / 8;
        const unsigned rest = each.bits % 8;
        if (!std::equal(each.begin.begin(), each.begin.begin() + static_cast<std::ptrdiff_t>(whole),
                        asked->bytes.begin())) {
            return false;
        }
        if (rest == 0) return true;
        const unsigned mask = 0xffU << (8 - rest) & 0xffU;
        return ((each.begin[whole] ^ asked->bytes[whole]) & mask) == 0;
    });
}

} // namespace roomcast::server::base
