#include "hub/recovery_log.hpp"

#include "roomcast/core/bytes.hpp"

#include <algorithm>
#include <charconv>

namespace roomcast::server::hub {

std::string offset_of(event_position position) {
    std::string offset;
    core::append_number(offset, position.origin);
    offset += '-';
    core::append_number(offset, position.sequence);
    return offset;
}

std::optional<event_position> parse_offset(std::string_view offset) {
    const std::size_t dash = offset.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    event_position position;
    const auto read = [](std::string_view digits, auto& number) {
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        return error == std::errc{} && end == digits.data() + digits.size() && !digits.empty();
    };
    if (!read(offset.substr(0, dash), position.origin) || !read(offset.substr(dash + 1), position.sequence)) {
        return std::nullopt;
    }
    return position;
}

void recovery_log::record(core::time_point now, event_position position, core::shared_message message,
                          target whom) {
    if (position.origin < seen_.size()) seen_[position.origin] = position.sequence;
    bytes_ += message->frame_bytes;
    events_.push_back({position, now, std::move(message), std::move(whom)});
    while (events_.size() > bounds_.max_events || bytes_ > bounds_.max_bytes) {
        const event_position cut = events_.front().position;
        if (cut.origin < cut_.size()) cut_[cut.origin] = std::max(cut_[cut.origin], cut.sequence);
        drop_first();
        ++dropped_;
    }
    // Two at a time: the log shrinks as fast as it grows, without a sweep.
    for (int i = 0; i < 2 && !events_.empty(); ++i) {
        if (core::deadline_after(events_.front().at, bounds_.max_age) <= now) drop_first();
    }
}

void recovery_log::save(saved_session session, core::time_point now) {
    expire(now);
    while (sessions_.size() >= bounds_.max_sessions && !order_.empty()) {
        if (forget_oldest()) ++dropped_;
    }
    if (session.away_since == core::time_point{}) session.away_since = now;
    order_.emplace_back(session.away_since, session.pid);
    std::string pid = session.pid;
    sessions_.insert_or_assign(std::move(pid), std::move(session));
}

std::optional<recovered_session> recovery_log::take(std::string_view pid, std::string_view offset,
                                                    core::time_point now) {
    expire(now);
    const auto found = sessions_.find(pid);
    if (found == sessions_.end()) return std::nullopt;
    // One that was refused on its way back stands behind later ones.
    if (core::deadline_after(found->second.away_since, bounds_.max_age) <= now) return std::nullopt;
    const auto position = parse_offset(offset);
    if (!position) return std::nullopt;
    const auto is_last_seen = [&](const auto& event) {
        return event.position.origin == position->origin && event.position.sequence == position->sequence;
    };
    const auto known = arrivals_.find(pid);
    const arrival* came = known == arrivals_.end() ? nullptr : &known->second;
    // What it may have missed: the events before the restart, if it was away then, and behind them ours.
    const event_order* before = found->second.before.get();
    const std::size_t old = before == nullptr ? 0 : before->size();
    const std::size_t all = old + events_.size();
    const auto event_at = [&](std::size_t i) -> const kept_event& {
        return i < old ? *(*before)[i] : events_[i - old];
    };
    recovered_session recovered;
    recovered.offset = *position;
    std::size_t next = 0;
    // Its connection may have ended in the middle of what it was sent when it came here.
    const bool has_nothing = came != nullptr && is_last_seen(recovered_event{came->offset, {}});
    const auto part = came == nullptr ? std::vector<recovered_event>::const_iterator{}
                                      : std::find_if(came->sent.begin(), came->sent.end(), is_last_seen);
    if (has_nothing) {
        recovered.missed = came->sent;
    } else if (came != nullptr && part != came->sent.end()) {
        recovered.missed.assign(part + 1, came->sent.end());
    } else {
        while (next < all && !is_last_seen(event_at(next))) ++next;
        if (next == all) return std::nullopt;
        ++next;
    }
    // It goes on with the first event of this log that it has not: that must still be here.
    if (next <= old && is_cut_behind(came)) return std::nullopt;
    for (; next < all; ++next) {
        const kept_event& event = event_at(next);
        if (came != nullptr && is_within(came->has, event.position)) continue;
        if (would_get(found->second, event.whom)) {
            recovered.missed.push_back({event.position, event.message});
        }
    }
    if (is_too_much(recovered.missed)) {
        ++dropped_;
        sessions_.erase(found);
        return std::nullopt;
    }
    recovered.session = std::move(found->second);
    sessions_.erase(found);
    recovered.seen = seen_;
    const std::size_t common = came == nullptr ? 0 : std::min(seen_.size(), came->has.size());
    for (std::size_t i = 0; i < common; ++i) {
        recovered.seen[i] = std::max(recovered.seen[i], came->has[i]);
    }
    return recovered;
}

std::vector<recovered_event> recovery_log::arrive(const recovered_session& from, core::time_point now) {
    expire(now); // what is too old elsewhere must not come from here
    std::vector<recovered_event> all = from.missed;
    for (recovered_event& more : beyond(from.seen, from.session)) all.push_back(std::move(more));
    if (seen_.size() == 1 && from.session.before == nullptr) return all; // there is but one order
    arrival came{from.offset, all, from.seen, now};
    for (std::size_t i = 0; i < seen_.size(); ++i) came.has[i] = std::max(came.has[i], seen_[i]);
    note_arrival(from.session.pid, std::move(came));
    return all;
}

void recovery_log::note_arrival(const std::string& pid, arrival came) {
    while (arrivals_.size() >= bounds_.max_sessions && !arrival_order_.empty()) forget_oldest_arrival();
    arrival_order_.emplace_back(came.at, pid);
    arrivals_.insert_or_assign(pid, std::move(came));
}

bool recovery_log::restore(saved_session session, std::optional<arrival> came) {
    if (sessions_.size() >= bounds_.max_sessions) return false;
    if (came) note_arrival(session.pid, std::move(*came));
    order_.emplace_back(session.away_since, session.pid);
    std::string pid = session.pid;
    sessions_.insert_or_assign(std::move(pid), std::move(session));
    return true;
}

std::vector<recovered_event> recovery_log::beyond(const progress& seen, const saved_session& session) const {
    std::vector<recovered_event> more;
    for (const kept_event& event : events_) {
        if (is_within(seen, event.position) || !would_get(session, event.whom)) continue;
        more.push_back({event.position, event.message});
    }
    return more;
}

bool recovery_log::is_too_much(const std::vector<recovered_event>& missed) const {
    std::uint64_t bytes = 0;
    for (const recovered_event& each : missed) bytes += each.message->frame_bytes;
    return missed.size() > bounds_.max_events || bytes > bounds_.max_missed_bytes;
}

bool recovery_log::is_within(const progress& seen, event_position position) {
    return position.origin < seen.size() && position.sequence <= seen[position.origin];
}

bool recovery_log::is_cut_behind(const arrival* came) const {
    for (std::size_t i = 0; i < cut_.size(); ++i) {
        const std::uint64_t has = came != nullptr && i < came->has.size() ? came->has[i] : 0;
        if (cut_[i] > has) return true;
    }
    return false;
}

void recovery_log::expire(core::time_point now) {
    while (!events_.empty() && core::deadline_after(events_.front().at, bounds_.max_age) <= now) drop_first();
    while (!order_.empty() && core::deadline_after(order_.front().first, bounds_.max_age) <= now) {
        (void)forget_oldest();
    }
    while (!arrival_order_.empty() &&
           core::deadline_after(arrival_order_.front().first, bounds_.max_age) <= now) {
        forget_oldest_arrival();
    }
}

void recovery_log::forget_oldest_arrival() {
    const auto found = arrivals_.find(arrival_order_.front().second);
    if (found != arrivals_.end() && found->second.at == arrival_order_.front().first) arrivals_.erase(found);
    arrival_order_.pop_front();
}

bool recovery_log::forget_oldest() {
    const auto found = sessions_.find(order_.front().second);
    // The same client may have come and gone again since this note was written.
    const bool is_same = found != sessions_.end() && found->second.away_since == order_.front().first;
    if (is_same) sessions_.erase(found);
    order_.pop_front();
    return is_same;
}

bool recovery_log::would_get(const saved_session& session, const target& whom) {
    const auto is_named = [&](const std::string& name) {
        return name == session.sid ||
               std::find(session.rooms.begin(), session.rooms.end(), name) != session.rooms.end();
    };
    if (std::any_of(whom.except.begin(), whom.except.end(), is_named)) return false;
    return whom.rooms.empty() || std::any_of(whom.rooms.begin(), whom.rooms.end(), is_named);
}

void recovery_log::drop_first() {
    bytes_ -= events_.front().message->frame_bytes;
    events_.pop_front();
}

} // namespace roomcast::server::hub
