#pragma once

#include "rules/visitor.hpp"

#include "roomcast/server/server.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace roomcast::server::rules {

/// What several sockets must agree on. Each key (a room, a user, a once-only key) belongs to one thread, so
/// nothing is locked: who needs it posts there.
/// @thread its own only
class keeper {
public:
    /// Who is in a room, by user.
    struct present_user {
        std::size_t sockets = 0;
        std::string payload;
    };
    using present = std::map<std::string, present_user, std::less<>>;
    std::unordered_map<std::string, present> presence; ///< by namespace and room

    /// @return false: this key was there before
    enum class taken { now, before, full };
    taken take_once(const std::string& key, core::time_point now, core::duration keep, std::size_t most);
    void give_back_once(const std::string& key) { once_.erase(key); }
    /// Notes a key that was taken before. @param until never: for ever. @return false: there are too many
    bool put_once(const std::string& key, core::time_point until, std::size_t most) {
        if (once_.size() >= most) return false;
        once_.insert_or_assign(key, until);
        return true;
    }
    const std::unordered_map<std::string, core::time_point>& once() const { return once_; }

    struct retained_event {
        std::string event;
        args arguments;
        std::size_t tag = 0;         ///< of its content: the same content has the same tag
        std::int64_t changed_ms = 0; ///< Unix time since which it has this content; later for each change
    };
    /// Keeps the last one of an event for a room. @return how many others had to go for it
    std::size_t retain(const std::string& place, const std::string& event, const args& arguments,
                       std::uint64_t most_bytes, std::int64_t now_ms = 0);
    /// What a room keeps of one event.
    const retained_event* retained(const std::string& place, std::string_view event) const;
    /// What a room keeps, oldest first.
    std::vector<retained_event> retained(const std::string& place) const;
    /// Calls `each(place, retained_event)` for all that is kept, the oldest first.
    template <class Each>
    void for_each_retained(Each&& each) const {
        for (const entry& one : retained_) each(one.place, one.what);
    }

    std::shared_ptr<tally> tally_of(const std::string& key, core::time_point now);

    /// A thread's first member came into a room, or its last one went. @return is it news of the whole room?
    bool note_room(const std::string& place, room_change what);

    /// The sockets of a user, or of a sign-in's session, by their ids.
    std::unordered_map<std::string, std::map<std::string, socket>> signed_in;

private:
    struct entry {
        std::string place;
        retained_event what;
        std::uint64_t bytes = 0;
        std::uint64_t number = 0; ///< says which of two came first
    };
    using entries = std::list<entry>;

    std::unordered_map<std::string, core::time_point> once_; ///< until when; never: for ever
    std::size_t once_swept_at_ = 1024;
    entries retained_; ///< oldest first
    std::unordered_map<std::string, std::map<std::string, entries::iterator, std::less<>>> retained_at_;
    std::uint64_t retained_bytes_ = 0;
    std::uint64_t retained_count_ = 0;                      ///< ever
    std::unordered_map<std::string, std::size_t> occupied_; ///< threads with members, by namespace and room
    std::unordered_map<std::string, std::shared_ptr<tally>> tallies_;
    std::size_t tallies_swept_at_ = 1024;
};

/// The keepers of a server, one for each thread.
class keepers {
public:
    void start(server& of) {
        of_ = &of;
        all_.resize(of.threads());
        for (auto& each : all_) each = std::make_unique<keeper>();
    }
    /// The server is about to go: nothing is posted any more.
    void stop() { is_stopped_ = true; }

    /// Calls `work(keeper&)` for each, on its thread.
    template <class Work>
    void with_each(Work work) {
        if (is_stopped_) return;
        for (std::size_t at = 0; at < all_.size(); ++at) {
            of_->post(at, [this, at, work]() mutable { work(*all_[at]); });
        }
    }
    std::size_t count() const { return all_.size(); }

    /// The same from outside: only while none of the threads runs.
    template <class Work>
    void visit_each(Work work) const {
        for (const auto& each : all_) work(*each);
    }
    keeper& of(const std::string& key) { return *all_[std::hash<std::string>{}(key) % all_.size()]; }

    /// Calls `work(keeper&)` on the thread that the key belongs to: now if it is this one.
    template <class Work>
    void with(const std::string& key, Work work) {
        if (is_stopped_) return;
        const std::size_t at = std::hash<std::string>{}(key) % all_.size();
        of_->post(at, [this, at, work = std::move(work)]() mutable { work(*all_[at]); });
    }

    /// The keeper of this key when it belongs to this very thread, else nullptr.
    keeper* here(const std::string& key) {
        const std::size_t at = std::hash<std::string>{}(key) % all_.size();
        return of_->is_on(at) ? all_[at].get() : nullptr;
    }

private:
    server* of_ = nullptr;
    std::atomic<bool> is_stopped_{false};
    std::vector<std::unique_ptr<keeper>> all_;
};

/// One key of two texts; no name has a NUL in it.
inline std::string joint_key(std::string_view first, std::string_view second) {
    std::string key{first};
    key += '\0';
    key += second;
    return key;
}

} // namespace roomcast::server::rules
