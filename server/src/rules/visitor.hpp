#pragma once

#include "rules/rate_gate.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomcast::server::rules {

class program;
struct compiled_name_space;

/// Is it still that one? A program that went cannot be taken for another at the same place.
inline bool is_same(const std::weak_ptr<const program>& before, const std::shared_ptr<const program>& now) {
    return !before.owner_before(now) && !now.owner_before(before);
}

/// Buckets by the numbers that one program gives them.
struct bucket_row {
    bucket_row(const std::shared_ptr<const program>& numbered_by, std::size_t slots)
        : by(numbered_by), buckets(slots) {}
    bucket& at(std::size_t slot) { return buckets[slot % buckets.size()]; }

    std::weak_ptr<const program> by;
    std::vector<bucket> buckets;
};

/// A place among a user's connections. Free again when this goes, whether or not the socket ever came in.
class seat {
public:
    explicit seat(std::function<void()> give_back) : give_back_(std::move(give_back)) {}
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat() { give_back_(); }

private:
    std::function<void()> give_back_;
};

/// What is counted for one user, or for one address, over all its sockets. Buckets are by number: 0 is the
/// bound on all events, the others belong to events with a rate of their own.
/// @thread `sockets` its keeper's only; buckets any
struct tally {
    /// The buckets by this program's numbers: another program, another meaning of each.
    std::shared_ptr<bucket_row> row_of(const std::shared_ptr<const program>& by, std::size_t slots) {
        const std::lock_guard guard{changing_};
        if (!row_ || !is_same(row_->by, by)) row_ = std::make_shared<bucket_row>(by, slots);
        return row_;
    }
    bool is_idle(core::time_point now) const {
        const std::lock_guard guard{changing_};
        return !row_ || std::all_of(row_->buckets.begin(), row_->buckets.end(),
                                    [now](const bucket& one) { return one.is_idle(now); });
    }

    std::map<std::string, std::size_t, std::less<>> sockets; ///< by namespace

private:
    mutable std::mutex changing_; // guards the row
    std::shared_ptr<bucket_row> row_;
};

/// Events of one socket that came while an earlier one waits for another thread's word: they go on behind it,
/// in the order in which the client sent them.
/// @thread its socket's
class waiting_line {
public:
    bool is_held() const { return held_ > 0; }
    void hold() { ++held_; }
    void append(std::function<void()> event) { behind_.push_back(std::move(event)); }
    /// The one in front has gone on: so do the others, until one of them waits.
    void let_go() {
        --held_;
        while (held_ == 0 && !behind_.empty()) {
            const auto next = std::move(behind_.front());
            behind_.pop_front();
            next();
        }
    }

private:
    std::size_t held_ = 0;
    std::deque<std::function<void()>> behind_;
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

    std::weak_ptr<const program> met;        ///< the program that its last event met
    const compiled_name_space* in = nullptr; ///< there; not to be followed before `met` is compared
    std::shared_ptr<bucket_row> own;         ///< of this socket alone
    std::shared_ptr<seat> place;
    std::shared_ptr<waiting_line> line; ///< made when an event waits for the first time
    std::shared_ptr<tally> by_user;
    std::shared_ptr<tally> by_address;

    std::map<std::string, std::string, std::less<>> presence; ///< room -> what the others were told
    struct typing_state {
        std::uint64_t timer = 0;
        std::string payload;
    };
    std::map<std::string, typing_state, std::less<>> typing; ///< by room
    std::uint64_t expiry_timer = 0;
    bool is_refreshing = false; ///< a fresh credential is being verified
};

} // namespace roomcast::server::rules
