#pragma once

#include "roomcast/core/time.hpp"

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace roomcast::server::rules {

/// Users and sessions that were revoked while the server runs, each until its time is over.
/// @thread any
class revocations {
public:
    explicit revocations(std::size_t most = 100'000) : most_(most) {}

    /// @return false: there are too many already, nothing was noted
    bool add(const std::string& key, core::time_point until, core::time_point now) {
        const std::lock_guard guard{changing_};
        if (until_.size() >= most_ && until_.find(key) == until_.end()) {
            std::erase_if(until_, [now](const auto& each) { return each.second <= now; });
            if (until_.size() >= most_) return false;
        }
        until_.insert_or_assign(key, until);
        return true;
    }
    void lift(const std::string& key) {
        const std::lock_guard guard{changing_};
        until_.erase(key);
    }
    bool has(const std::string& key, core::time_point now) const {
        const std::lock_guard guard{changing_};
        const auto known = until_.find(key);
        return known != until_.end() && known->second > now;
    }

    /// Calls `each(key, until)`.
    template <class Each>
    void for_each(Each&& each) const {
        const std::lock_guard guard{changing_};
        for (const auto& [key, until] : until_) each(key, until);
    }

private:
    std::size_t most_;
    /// Guards the table. Asked once for a socket on its way in, never for a message; a post could not answer
    /// all threads at once.
    mutable std::mutex changing_;
    std::unordered_map<std::string, core::time_point> until_;
};

} // namespace roomcast::server::rules
