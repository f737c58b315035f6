#pragma once

#include "hub/room_index.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace roomcast::server::engine {

/// How many rooms a server has: one with members on several shards is one room.
/// @thread any
class room_census {
public:
    /// @param shards with one alone nothing need be remembered
    /// @param private_prefix rooms that begin so are counted apart; empty: none
    room_census(std::size_t shards, std::string private_prefix)
        : is_shared_(shards > 1), private_prefix_(std::move(private_prefix)) {}

    /// A shard has a first member of it.
    void occupied(std::string_view name_space, std::string_view room);
    /// A shard has no member of it any more.
    void vacated(std::string_view name_space, std::string_view room);

    std::size_t rooms() const { return rooms_.load(std::memory_order_relaxed); }
    std::size_t private_rooms() const { return private_rooms_.load(std::memory_order_relaxed); }

private:
    struct stripe {
        std::mutex counting; // guards `shards_of`; taken for a shard's first and last member of a room
        hub::text_map<std::uint32_t> shards_of;
    };
    bool is_private(std::string_view room) const {
        return !private_prefix_.empty() && room.starts_with(private_prefix_);
    }
    stripe& stripe_of(const std::string& key) { return stripes_[hub::text_hash{}(key) % stripes_.size()]; }

    bool is_shared_;
    std::string private_prefix_;
    std::array<stripe, 16> stripes_; ///< by the name's hash
    std::atomic<std::size_t> rooms_{0};
    std::atomic<std::size_t> private_rooms_{0};
};

} // namespace roomcast::server::engine
