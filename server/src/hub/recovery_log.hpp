#pragma once

#include "hub/room_index.hpp"

#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/core/time.hpp"
#include "roomcast/server/adapter.hpp"

#include <any>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace roomcast::server::hub {

/// The place of an event among all of its namespace: which shard gave it out, and as its how-many-th. Each
/// shard sees the events of one origin in order; between origins the order may differ from shard to shard.
struct event_position {
    std::uint16_t origin = 0;
    std::uint64_t sequence = 0; ///< from 1
};

/// The offset that a client is told, and gives back.
std::string offset_of(event_position position);
std::optional<event_position> parse_offset(std::string_view offset);

/// How far a shard has come: the last sequence seen of each origin.
using progress = std::vector<std::uint64_t>;

struct kept_event {
    event_position position;
    core::time_point at;
    core::shared_message message;
    target whom;
};
/// Events in the order in which one shard saw them.
using event_order = std::vector<std::shared_ptr<const kept_event>>;

/// What is kept for a client that went away.
struct saved_session {
    std::string sid;
    std::string pid;
    std::vector<std::string> rooms;
    std::any data;
    core::time_point away_since{}; ///< nothing: it goes just now
    /// The events of the process before this one, as the shard saw them where its client was. They are older
    /// than all that a log has. nullptr: the client went away from this process.
    std::shared_ptr<const event_order> before{};
};

struct recovered_event {
    event_position position;
    core::shared_message message;
};

/// A client that came by recovery has events in another order than its shard, up to a point.
struct arrival {
    event_position offset; ///< the last event that it had before
    std::vector<recovered_event> sent;
    progress has; ///< with what it was sent
    core::time_point at;
};

/// A session taken out of the log of the shard where its client was.
struct recovered_session {
    saved_session session;
    event_position offset;               ///< the last event that the client got
    std::vector<recovered_event> missed; ///< in that shard's order
    progress seen;                       ///< what its client has with them; the rest the new shard adds
};

/// Connection state recovery of one namespace on one shard: the last events with their receivers, and the
/// sessions whose clients may come back. Bounded; what goes before its time is counted.
class recovery_log {
public:
    struct bounds {
        core::duration max_age;
        std::size_t max_events;
        std::uint64_t max_bytes;
        std::size_t max_sessions;
        /// What one client may have missed; with more it begins anew.
        std::uint64_t max_missed_bytes;
    };

    recovery_log(bounds within, std::size_t shards) : bounds_(within), seen_(shards, 0), cut_(shards, 0) {}

    /// Notes an event that this shard gave to its sockets.
    void record(core::time_point now, event_position position, core::shared_message message, target whom);

    /// One that was refused on its way back keeps the time since when it is away.
    void save(saved_session session, core::time_point now);
    /// Takes a session out, with all that its client missed. Nothing when it is unknown or too old, when the
    /// event of `offset` is no longer (or never was) here, or when that is more than a client may miss.
    std::optional<recovered_session> take(std::string_view pid, std::string_view offset,
                                          core::time_point now);

    /// The client of a session that was taken (here or elsewhere) is on this shard now.
    /// @return all that must be sent to it: what it missed there, and what is beyond that here
    std::vector<recovered_event> arrive(const recovered_session& from, core::time_point now);

    /// The events this shard has seen beyond `seen` that the session would have got.
    std::vector<recovered_event> beyond(const progress& seen, const saved_session& session) const;
    const progress& seen() const { return seen_; }

    /// Forgets what is too old.
    void expire(core::time_point now);
    std::uint64_t dropped() const { return dropped_; }
    std::size_t events() const { return events_.size(); }
    std::size_t sessions() const { return sessions_.size(); }
    bool is_empty() const { return events_.empty() && sessions_.empty() && arrivals_.empty(); }

    // For what outlives the process: see recovery_image.hpp.
    const bounds& within() const { return bounds_; }
    const std::deque<kept_event>& kept() const { return events_; }
    /// Calls `each(saved_session&, arrival*)`; most that came by recovery have an arrival.
    template <class Each>
    void for_each_session(Each&& each) const {
        for (const auto& [pid, session] : sessions_) {
            const auto came = arrivals_.find(pid);
            each(session, came == arrivals_.end() ? nullptr : &came->second);
        }
    }
    /// The numbers of all origins go on behind this one. Before the first event.
    void begin_after(std::uint64_t last) { seen_.assign(seen_.size(), last); }
    /// Puts a session of the process before this one in. Those that are away the longest come first, and all
    /// of them before any that is saved. @return false: there are too many
    bool restore(saved_session session, std::optional<arrival> came);

private:
    static bool is_within(const progress& seen, event_position position);
    static bool would_get(const saved_session& session, const target& whom);
    bool is_too_much(const std::vector<recovered_event>& missed) const;
    void drop_first();
    /// Takes the oldest note away, and its session. @return false: that was gone, or saved anew
    bool forget_oldest();
    void forget_oldest_arrival();
    /// Did events go for lack of room that a client may not have?
    bool is_cut_behind(const arrival* came) const;
    void note_arrival(const std::string& pid, arrival came);

    bounds bounds_;
    progress seen_;
    progress cut_; ///< the last of each origin that went for lack of room
    std::deque<kept_event> events_;
    std::uint64_t bytes_ = 0;
    text_map<saved_session> sessions_;
    std::deque<std::pair<core::time_point, std::string>> order_; ///< pids by time; some may be gone
    text_map<arrival> arrivals_;                                 ///< by pid; where orders differ
    std::deque<std::pair<core::time_point, std::string>> arrival_order_;
    std::uint64_t dropped_ = 0;
};

} // namespace roomcast::server::hub
