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
        drop_first();
        ++dropped_;
    }
    // Two at a time: the log shrinks as fast as it grows, without a sweep.
    for (int i = 0; i < 2 && !events_.empty(); ++i) {
        if (core::deadline_after(events_.front().at, bounds_.max_age) <= now) drop_first();
    }
}

std::string recovery_log::last_offset() const {
    return events_.empty() ? std::string{} : offset_of(events_.back().position);
}

void recovery_log::save(saved_session session, core::time_point now) {
    expire(now);
    while (sessions_.size() >= bounds_.max_sessions && !order_.empty()) {
        if (forget_oldest()) ++dropped_;
    }
    order_.emplace_back(now, session.pid);
    session.away_since = now;
    std::string pid = session.pid;
    sessions_.insert_or_assign(std::move(pid), std::move(session));
}

std::optional<recovered_session> recovery_log::take(std::string_view pid, std::string_view offset,
                                                    core::time_point now) {
    expire(now);
    const auto found = sessions_.find(pid);
    if (found == sessions_.end()) return std::nullopt;
    const auto position = parse_offset(offset);
    if (!position) return std::nullopt;
    const auto last_seen = std::find_if(events_.begin(), events_.end(), [&](const kept_event& event) {
        return event.position.origin == position->origin && event.position.sequence == position->sequence;
    });
    if (last_seen == events_.end()) return std::nullopt;
    recovered_session recovered;
    recovered.session = std::move(found->second);
    recovered.seen = seen_;
    sessions_.erase(found);
    for (auto event = last_seen + 1; event != events_.end(); ++event) {
        if (would_get(recovered.session, event->whom)) recovered.missed.push_back(event->message);
    }
    return recovered;
}

std::vector<core::shared_message> recovery_log::beyond(const progress& seen,
                                                       const saved_session& session) const {
    std::vector<core::shared_message> more;
    for (const kept_event& event : events_) {
        const std::uint16_t origin = event.position.origin;
        const bool is_new = origin >= seen.size() || event.position.sequence > seen[origin];
        if (is_new && would_get(session, event.whom)) more.push_back(event.message);
    }
    return more;
}

void recovery_log::expire(core::time_point now) {
    while (!events_.empty() && core::deadline_after(events_.front().at, bounds_.max_age) <= now) drop_first();
    while (!order_.empty() && core::deadline_after(order_.front().first, bounds_.max_age) <= now) {
        (void)forget_oldest();
    }
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
