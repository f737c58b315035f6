#include "engine/room_census.hpp"

namespace roomcast::server::engine {

namespace {

std::string key_of(std::string_view name_space, std::string_view room) {
    std::string key{name_space};
    key += '\0';
    key += room;
    return key;
}

} // namespace

void room_census::occupied(std::string_view name_space, std::string_view room) {
    if (is_shared_) {
        const std::string key = key_of(name_space, room);
        stripe& at = stripe_of(key);
        const std::lock_guard guard{at.counting};
        if (++at.shards_of[key] > 1) return;
    }
    rooms_.fetch_add(1, std::memory_order_relaxed);
    if (is_private(room)) private_rooms_.fetch_add(1, std::memory_order_relaxed);
}

void room_census::vacated(std::string_view name_space, std::string_view room) {
    if (is_shared_) {
        const std::string key = key_of(name_space, room);
        stripe& at = stripe_of(key);
        const std::lock_guard guard{at.counting};
        const auto known = at.shards_of.find(key);
        if (known == at.shards_of.end() || --known->second > 0) return;
        at.shards_of.erase(known);
    }
    rooms_.fetch_sub(1, std::memory_order_relaxed);
    if (is_private(room)) private_rooms_.fetch_sub(1, std::memory_order_relaxed);
}

} // namespace roomcast::server::engine
