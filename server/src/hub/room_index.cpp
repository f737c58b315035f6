#include "hub/room_index.hpp"

#include <algorithm>

namespace roomcast::server::hub {

void room_index::add(member& joined) {
    members_.emplace(joined.id(), &joined);
}

void room_index::remove(member& left) {
    while (!left.places_.empty()) leave_at(left, left.places_.size() - 1);
    members_.erase(left.id());
}

void room_index::rename(member& one, std::string id) {
    members_.erase(one.id());
    one.id_ = std::move(id);
    members_.insert_or_assign(one.id(), &one);
}

bool room_index::join(member& who, std::string_view name) {
    if (is_in(who, name)) return false;
    auto found = rooms_.find(name);
    if (found == rooms_.end()) {
        found = rooms_.emplace(std::string{name}, std::make_unique<member::room_entry>(name)).first;
    }
    member::room_entry& room = *found->second;
    who.places_.push_back({&room, room.members.size()});
    room.members.push_back(&who);
    if (watcher_ != nullptr && room.members.size() == 1) watcher_->on_first_member(name);
    return true;
}

bool room_index::leave(member& who, std::string_view name) {
    for (std::size_t place = 0; place < who.places_.size(); ++place) {
        if (who.places_[place].in->name == name) {
            leave_at(who, place);
            return true;
        }
    }
    return false;
}

bool room_index::is_in(const member& who, std::string_view name) const {
    // A member is in few rooms, a room has many members.
    return std::any_of(who.places_.begin(), who.places_.end(),
                       [&](const member::place& place) { return place.in->name == name; });
}

std::vector<std::string> room_index::rooms_of(const member& who) const {
    std::vector<std::string> names;
    names.reserve(who.places_.size());
    for (const member::place& place : who.places_) names.push_back(place.in->name);
    return names;
}

member* room_index::find(std::string_view id) const {
    const auto found = members_.find(id);
    return found == members_.end() ? nullptr : found->second;
}

std::size_t room_index::size_of(std::string_view name) const {
    const member::room_entry* room = find_room(name);
    return room == nullptr ? 0 : room->members.size();
}

bool room_index::matches(const member& who, const target& whom) const {
    const auto is_named = [&](const std::string& name) { return who.id() == name || is_in(who, name); };
    if (std::any_of(whom.except.begin(), whom.except.end(), is_named)) return false;
    return whom.rooms.empty() || std::any_of(whom.rooms.begin(), whom.rooms.end(), is_named);
}

member::room_entry* room_index::find_room(std::string_view name) const {
    const auto found = rooms_.find(name);
    return found == rooms_.end() ? nullptr : found->second.get();
}

void room_index::leave_at(member& who, std::size_t place) {
    const member::place left = who.places_[place];
    who.places_.erase(who.places_.begin() + static_cast<std::ptrdiff_t>(place));
    // The room's last member takes the free seat; its own note of where it sits must follow.
    member* last = left.in->members.back();
    left.in->members[left.at] = last;
    left.in->members.pop_back();
    if (last != &who) {
        for (member::place& each : last->places_) {
            if (each.in == left.in) each.at = left.at;
        }
    }
    if (!left.in->members.empty()) return;
    if (watcher_ != nullptr) watcher_->on_last_member_gone(left.in->name);
    rooms_.erase(rooms_.find(left.in->name));
}

} // namespace roomcast::server::hub
