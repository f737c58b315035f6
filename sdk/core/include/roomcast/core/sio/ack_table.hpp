#pragma once

#include "roomcast/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace roomcast::core::sio {

/// Acknowledgements that one socket still owes us: id -> what the caller keeps for it, with a deadline.
/// Small, in no order; most sockets never have one.
template <class T>
class ack_table {
public:
    /// @param deadline `never`: waits as long as the socket lives
    void add(std::uint64_t id, T pending, time_point deadline) {
        entries_.push_back({id, deadline, std::move(pending)});
        if (deadline < next_) next_ = deadline;
    }

    /// Takes out what was kept for this id; nothing when it is unknown or was answered before.
    std::optional<T> take(std::uint64_t id) {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (entries_[i].id == id) return take_at(i);
        }
        return std::nullopt;
    }

    /// Takes out one entry whose deadline has come; call until it gives nothing.
    std::optional<T> take_expired(time_point now) {
        if (now < next_) return std::nullopt;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (entries_[i].deadline <= now) return take_at(i);
        }
        next_ = never;
        for (const auto& each : entries_) {
            if (each.deadline < next_) next_ = each.deadline;
        }
        return std::nullopt;
    }

    /// Takes out any entry, for a socket that is gone; call until it gives nothing.
    std::optional<T> take_any() {
        if (entries_.empty()) return std::nullopt;
        return take_at(0);
    }

    /// Not later than the earliest deadline; `never` when there is none.
    time_point next_timeout() const { return entries_.empty() ? never : next_; }
    std::size_t size() const { return entries_.size(); }

private:
    struct entry {
        std::uint64_t id;
        time_point deadline;
        T pending;
    };

    std::optional<T> take_at(std::size_t index) {
        std::optional<T> taken{std::move(entries_[index].pending)};
        // The last one takes the place: ten thousand that end at once must not cost their square.
        if (index + 1 != entries_.size()) entries_[index] = std::move(entries_.back());
        entries_.pop_back();
        if (entries_.empty()) next_ = never;
        return taken;
    }

    std::vector<entry> entries_;
    time_point next_ = never;
};

} // namespace roomcast::core::sio
