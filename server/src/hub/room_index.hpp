#pragma once

#include "roomcast/server/adapter.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// Who receives: sockets, rooms, selection. Pure: no thread, clock or socket, so it can be tested like the
/// core.
namespace roomcast::server::hub {

/// Lets a map of strings be asked with a view.
struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>{}(text);
    }
};
template <class Value>
using text_map = std::unordered_map<std::string, Value, text_hash, std::equal_to<>>;

/// A socket as rooms see it.
class member {
public:
    explicit member(std::string id) : id_(std::move(id)) {}
    const std::string& id() const { return id_; }

protected:
    ~member() = default;

private:
    friend class room_index;
    struct room_entry {
        explicit room_entry(std::string_view named) : name(named) {}
        std::string name;
        std::vector<member*> members;
    };
    struct place {
        room_entry* in;
        std::size_t at; ///< index in the room's members
    };

    std::string id_;
    std::vector<place> places_;
    std::uint64_t mark_ = 0; ///< the last selection that saw this member
};

/// Hears of rooms that begin and end. It must not change the index.
class room_watcher {
public:
    virtual void on_first_member(std::string_view room) = 0;
    virtual void on_last_member_gone(std::string_view room) = 0;

protected:
    ~room_watcher() = default;
};

/// The rooms of one namespace on one shard, and who is in them; both ways.
class room_index {
public:
    room_index() = default;
    room_index(const room_index&) = delete;
    room_index& operator=(const room_index&) = delete;

    /// @param watcher outlives the index; nullptr: nobody watches
    void tell(room_watcher* watcher) { watcher_ = watcher; }

    /// A member is known by its id from now on. The id must be new.
    void add(member& joined);
    /// Leaves all rooms and is unknown afterwards.
    void remove(member& left);
    /// Gives a member the id of the session that it recovers.
    void rename(member& one, std::string id);

    /// @return false: it was in the room already
    bool join(member& who, std::string_view room);
    /// @return false: it was not in the room
    bool leave(member& who, std::string_view room);

    bool is_in(const member& who, std::string_view room) const;
    /// The rooms a member joined; its own id is not among them.
    std::vector<std::string> rooms_of(const member& who) const;
    std::size_t room_count_of(const member& who) const { return who.places_.size(); }
    member* find(std::string_view id) const;

    std::size_t members() const { return members_.size(); }
    std::size_t rooms() const { return rooms_.size(); }
    std::size_t size_of(std::string_view room) const;

    /// Calls `each(member&)` once for every member of the target. `each` must not join, leave, add or remove.
    template <class Each>
    void select(const target& whom, Each&& each) const {
        // The plainest case needs no marks.
        if (whom.except.empty() && whom.rooms.empty()) {
            for (const auto& [id, one] : members_) each(*one);
            return;
        }
        const std::uint64_t mark = ++selection_;
        const auto take = [&](member& one) {
            if (one.mark_ == mark) return;
            one.mark_ = mark;
            each(one);
        };
        for (const std::string& name : whom.except) {
            if (member* one = find(name)) one->mark_ = mark;
            if (const member::room_entry* room = find_room(name)) {
                for (member* one : room->members) one->mark_ = mark;
            }
        }
        if (whom.rooms.empty()) {
            for (const auto& [id, one] : members_) take(*one);
            return;
        }
        for (const std::string& name : whom.rooms) {
            if (const member::room_entry* room = find_room(name)) {
                for (member* one : room->members) take(*one);
            }
            if (member* one = find(name)) take(*one);
        }
    }

    /// Is this member one of the target's?
    bool matches(const member& who, const target& whom) const;

    /// Calls `each(name, size)` for every room.
    template <class Each>
    void for_each_room(Each&& each) const {
        for (const auto& [name, room] : rooms_) each(name, room->members.size());
    }

private:
    member::room_entry* find_room(std::string_view name) const;
    void leave_at(member& who, std::size_t place);

    text_map<std::unique_ptr<member::room_entry>> rooms_;
    room_watcher* watcher_ = nullptr;
    std::unordered_map<std::string_view, member*> members_; ///< keys point into the members
    mutable std::uint64_t selection_ = 0;
};

} // namespace roomcast::server::hub
