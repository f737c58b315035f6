#pragma once

#include "engine/name_space_state.hpp"
#include "engine/shard.hpp"
#include "hub/recovery_log.hpp"
#include "hub/room_index.hpp"

#include <memory>
#include <string>

namespace roomcast::server::engine {

class socket_state;

/// The sockets of one namespace that live on one shard.
class name_space_slice final : public retired, private hub::room_watcher {
public:
    name_space_slice(shard& home, std::shared_ptr<name_space_state> of);

    const std::string& name() const { return of_->name(); }
    const std::shared_ptr<name_space_state>& whole() const { return of_; }
    const name_space_definition& definition() const { return of_->definition(); }
    shard& home() { return *home_; }
    hub::room_index& rooms() { return rooms_; }
    /// nullptr when recovery is off.
    hub::recovery_log* log() { return log_.get(); }
    /// Who wants to see the events of this namespace now; nullptr: nobody.
    observer* event_observer() const { return sees_events_ ? home_->watching() : nullptr; }

    /// Encodes an event that begins here; with recovery it gets its place and its offset.
    prepared_broadcast prepare(const std::string& name, const args& arguments, target whom, droppable drop);
    /// Hands an event to the sockets of this shard.
    void deliver(const prepared_broadcast& what);
    /// Notes it for recovery without handing it to anybody.
    void record(const prepared_broadcast& what);

    /// The numbers of events go on behind those of the process before this one. Before the first event.
    void begin_after(std::uint64_t last) { sequence_ = last; }

    bool is_forgettable() const;

private:
    void on_first_member(std::string_view room) override;
    void on_last_member_gone(std::string_view room) override;

    shard* home_;
    std::shared_ptr<name_space_state> of_;
    hub::room_index rooms_;
    std::unique_ptr<hub::recovery_log> log_;
    std::uint64_t sequence_ = 0;
    bool sees_events_;
};

} // namespace roomcast::server::engine
