#include "engine/address_table.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <functional>

namespace roomcast::server::engine {

address_table::ticket& address_table::ticket::operator=(ticket&& other) noexcept {
    if (this != &other) {
        give_back();
        of_ = std::move(other.of_);
        address_ = std::move(other.address_);
    }
    return *this;
}

void address_table::ticket::give_back() {
    if (of_) of_->give_back(address_);
    of_.reset();
}

std::optional<address_table::ticket> address_table::admit(std::string_view address, core::time_point now) {
    if (most_ == 0 && how_often_.is_off()) return ticket{};
    std::string key = counted_as(address);
    part& place = part_of(key);
    const std::lock_guard guard{place.changing};
    if (place.entries.size() >= place.swept_at * 2) {
        std::erase_if(place.entries, [now](const auto& each) {
            return each.second.sessions == 0 && each.second.next_free <= now;
        });
        place.swept_at = std::max<std::size_t>(place.entries.size(), 64);
    }
    entry& counted = place.entries[key];
    if (most_ != 0 && counted.sessions >= most_) return std::nullopt;
    if (!how_often_.is_off()) {
        const core::time_point from = std::max(counted.next_free, now);
        if (from - now > how_often_.interval * (how_often_.burst - 1)) return std::nullopt;
        counted.next_free = from + how_often_.interval;
    }
    ++counted.sessions;
    return ticket{shared_from_this(), std::move(key)};
}

void address_table::give_back(const std::string& address) {
    part& place = part_of(address);
    const std::lock_guard guard{place.changing};
    const auto found = place.entries.find(address);
    if (found == place.entries.end()) return;
    if (--found->second.sessions == 0 && how_often_.is_off()) place.entries.erase(found);
}

std::string address_table::counted_as(std::string_view address) {
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(std::string{address}, error);
    if (error || !parsed.is_v6()) return std::string{address};
    if (parsed.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6()).to_string();
    }
    auto bytes = parsed.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return boost::asio::ip::make_address_v6(bytes).to_string() + "/64";
}

address_table::part& address_table::part_of(const std::string& address) {
    return parts_[std::hash<std::string>{}(address) % parts_.size()];
}

} // namespace roomcast::server::engine
