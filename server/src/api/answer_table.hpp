#pragma once

#include "roomcast/core/time.hpp"

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

namespace roomcast::server::api {

/// Answers by their requests' Idempotency-Key, so that a repeated request is answered and not done again.
/// Bounded: the oldest goes first. Pure: time is handed in.
/// @thread one
class answer_table {
public:
    struct bounds {
        core::duration keep = std::chrono::hours{1};
        std::size_t max_keys = 10'000;
        std::size_t max_bytes = 32U << 20U;
    };
    enum class state : std::uint8_t {
        fresh,    ///< unknown; noted now as being done
        running,  ///< being done
        differs,  ///< known, of another request
        answered, ///< done
    };

    /// @param digest of the request @param body gets the answer when there is one
    state begin(const std::string& key, const std::string& digest, core::time_point now, const bounds& limits,
                std::string& body);
    /// The request was done.
    void finish(const std::string& key, std::string body, core::time_point now, const bounds& limits);
    /// It was refused, nothing was done: the key is free again.
    void give_up(const std::string& key);

    std::size_t size() const { return by_key_.size(); }

private:
    struct entry {
        std::string key;
        std::string digest;
        std::string body;
        core::time_point until;
        bool is_done = false;
    };
    using entries = std::list<entry>;
    void drop(entries::iterator which);

    entries all_; ///< oldest first
    std::unordered_map<std::string, entries::iterator> by_key_;
    std::size_t bytes_ = 0; ///< of bodies and keys
};

} // namespace roomcast::server::api
