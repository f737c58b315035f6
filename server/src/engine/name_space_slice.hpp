#pragma once

#include "engine/name_space_state.hpp"
#include "engine/shard.hpp"
#include "hub/recovery_log.hpp"
#include "hub/room_index.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::engine {

class socket_state;

/// The sockets of one namespace that live on one shard.
class name_space_slice final : public retired, private hub::room_watcher, private timer_node {
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

    /// Keeps what the client of a socket that goes may come back to. With recovery.
    void save(hub::saved_session session);
    /// Takes it out again; what is given up instead is counted. With recovery.
    std::optional<hub::recovered_session> take(std::string_view pid, std::string_view offset);
    /// What is kept for recovery is let go in its time, though nothing else may happen here.
    void watch_age();

    /// Dynamic, without a socket and with nothing that one could come back to.
    bool is_forgettable() const;

private:
    void on_first_member(std::string_view room) override;
    void on_last_member_gone(std::string_view room) override;
    void on_timer(core::time_point now) override;

    shard* home_;
    std::shared_ptr<name_space_state> of_;
    hub::room_index rooms_;
    std::unique_ptr<hub::recovery_log> log_;
    bool sees_events_;
};

} // namespace roomcast::server::engine
