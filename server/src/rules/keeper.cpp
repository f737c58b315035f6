#include "rules/keeper.hpp"

#include <algorithm>

namespace roomcast::server::rules {

keeper::taken keeper::take_once(const std::string& key, core::time_point now, core::duration keep,
                                std::size_t most) {
    const auto known = once_.find(key);
    if (known != once_.end() && known->second > now) return taken::before;
    if (known == once_.end() && once_.size() >= std::min(most, once_swept_at_ * 2)) {
        std::erase_if(once_, [now](const auto& each) { return each.second <= now; });
        once_swept_at_ = std::max<std::size_t>(once_.size(), 1024);
        if (once_.size() >= most) return taken::full;
    }
    once_.insert_or_assign(key,
                           keep == core::duration::zero() ? core::never : core::deadline_after(now, keep));
    return taken::now;
}

namespace {

std::size_t tag_of(const args& arguments) {
    std::size_t tag = std::hash<std::string>{}(arguments.text());
    if (!arguments.parts()) return tag;
    for (const std::string& part : *arguments.parts()) tag = tag * 31 + std::hash<std::string>{}(part);
    return tag;
}

} // namespace

std::size_t keeper::retain(const std::string& place, const std::string& event, const args& arguments,
                           std::uint64_t most_bytes, std::int64_t now_ms) {
    constexpr std::uint64_t overhead = 256;
    std::uint64_t bytes = arguments.text().size() + place.size() + event.size() + overhead;
    if (arguments.parts()) {
        for (const std::string& part : *arguments.parts()) bytes += part.size();
    }
    auto& here = retained_at_[place];
    const std::size_t tag = tag_of(arguments);
    std::int64_t changed_ms = now_ms;
    if (const auto known = here.find(event); known != here.end()) {
        const retained_event& before = known->second->what;
        // Two changes never have one time, however quick they are and wherever the clock goes: it is their
        // tag.
        changed_ms = before.tag == tag ? before.changed_ms : std::max(now_ms, before.changed_ms + 1);
        retained_bytes_ -= known->second->bytes;
        retained_.erase(known->second);
        here.erase(known);
    }
    retained_.push_back({place, {event, arguments, tag, changed_ms}, bytes, ++retained_count_});
    here.emplace(event, std::prev(retained_.end()));
    retained_bytes_ += bytes;
    std::size_t dropped = 0;
    while (retained_bytes_ > most_bytes && !retained_.empty()) {
        const entry& oldest = retained_.front();
        retained_bytes_ -= oldest.bytes;
        auto& there = retained_at_[oldest.place];
        there.erase(oldest.what.event);
        if (there.empty()) retained_at_.erase(oldest.place);
        retained_.pop_front();
        ++dropped;
    }
    return dropped;
}

const keeper::retained_event* keeper::retained(const std::string& place, std::string_view event) const {
    const auto known = retained_at_.find(place);
    if (known == retained_at_.end()) return nullptr;
    const auto found = known->second.find(event);
    return found == known->second.end() ? nullptr : &found->second->what;
}

bool keeper::note_room(const std::string& place, room_change what) {
    if (what == room_change::occupied) return ++occupied_[place] == 1;
    const auto known = occupied_.find(place);
    if (known == occupied_.end() || --known->second > 0) return false;
    occupied_.erase(known);
    return true;
}

std::vector<keeper::retained_event> keeper::retained(const std::string& place) const {
    const auto known = retained_at_.find(place);
    if (known == retained_at_.end()) return {};
    std::vector<const entry*> entries_here;
    for (const auto& [event, at] : known->second) entries_here.push_back(&*at);
    std::sort(entries_here.begin(), entries_here.end(),
              [](const entry* a, const entry* b) { return a->number < b->number; });
    std::vector<retained_event> all;
    for (const entry* each : entries_here) all.push_back(each->what);
    return all;
}

std::shared_ptr<tally> keeper::tally_of(const std::string& key, core::time_point now) {
    if (tallies_.size() >= tallies_swept_at_ * 2) {
        std::erase_if(tallies_, [now](const auto& each) {
            const auto& counted = each.second;
            return counted.use_count() == 1 && counted->sockets.empty() && counted->is_idle(now);
        });
        tallies_swept_at_ = std::max<std::size_t>(tallies_.size(), 1024);
    }
    auto& found = tallies_[key];
    if (!found) found = std::make_shared<tally>();
    return found;
}

} // namespace roomcast::server::rules
