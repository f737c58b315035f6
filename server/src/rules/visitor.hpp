#pragma once

#include "rules/rate_gate.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::rules {

/// What is counted for one user, or for one address, over all its sockets. Buckets are by number: 0 is the
/// bound on all events, the others belong to events with a rate of their own.
/// @thread `sockets` its keeper's only; buckets any
struct tally {
    explicit tally(std::size_t slots) : buckets(slots) {}
    bucket& at(std::size_t slot) { return buckets[slot % buckets.size()]; }

    std::vector<bucket> buckets;
    std::map<std::string, std::size_t, std::less<>> sockets; ///< by namespace
};

/// Who a socket is, and what the rules know of it. Lies in the socket's data.
/// @thread its socket's
struct visitor {
    bool is_user = false;
    std::string user_id;
    std::string user_json = "null"; ///< {"id", "name", "email", "image"}
    std::string claims_json = "{}";
    std::string session_id; ///< of the credential; empty: it has none
    std::string provider;
    std::optional<std::int64_t> expires; ///< Unix seconds
    std::vector<std::string> rooms;      ///< that the sign-in says to join
    std::vector<std::string> matches;    ///< groups of a pattern namespace's name

    std::vector<bucket> buckets{1}; ///< of this socket alone
    std::shared_ptr<tally> by_user;
    std::shared_ptr<tally> by_address;

    std::map<std::string, std::string, std::less<>> presence; ///< room -> what the others were told
    struct typing_state {
        std::uint64_t timer = 0;
        std::string payload;
    };
    std::map<std::string, typing_state, std::less<>> typing; ///< by room
    std::uint64_t expiry_timer = 0;
};

} // namespace roomcast::server::rules
