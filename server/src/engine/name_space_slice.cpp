#include "engine/name_space_slice.hpp"

#include "engine/context.hpp"
#include "engine/socket_state.hpp"

namespace roomcast::server::engine {

name_space_slice::name_space_slice(shard& home, std::shared_ptr<name_space_state> of)
    : home_(&home), of_(std::move(of)) {
    rooms_.tell(this);
    const recovery_options& recovery = home.shared().options.recovery;
    const observer* known = home.shared().observer;
    sees_events_ = known != nullptr && known->sees_events_of(of_->name());
    if (recovery.is_enabled && definition().has_recovery) {
        // What a client missed is sent to it at once, and its queue must hold that.
        const std::uint64_t queue = home.shared().options.session.max_queue_bytes;
        const std::uint64_t most = queue == 0 ? recovery.max_bytes : std::min(recovery.max_bytes, queue);
        log_ = std::make_unique<hub::recovery_log>(
            hub::recovery_log::bounds{recovery.max_disconnection, recovery.max_events, recovery.max_bytes,
                                      recovery.max_sessions, most},
            home.shared().shards.size());
    }
}

prepared_broadcast name_space_slice::prepare(const std::string& name, const args& arguments, target whom,
                                             droppable drop) {
    prepared_broadcast prepared;
    prepared.target = std::move(whom);
    prepared.drop = drop;
    const std::string text = arguments.text_with_name(name);
    std::string offset;
    if (log_) {
        if (drop == droppable::never) {
            prepared.position = {home_->index(), home_->next_sequence()};
            offset = hub::offset_of(prepared.position);
        }
    }
    if (event_observer() != nullptr) {
        prepared.seen = std::make_shared<const args>(args::from_checked(text, arguments.parts()));
    }
    prepared.message = log_ && offset.empty()
                           ? core::sio::encode_event_without_offset(this->name(), text, arguments.parts())
                           : core::sio::encode_event(this->name(), text, arguments.parts(), {}, offset);
    return prepared;
}

void name_space_slice::deliver(const prepared_broadcast& what) {
    record(what);
    rooms_.select(what.target, [&](hub::member& one) { static_cast<socket_state&>(one).deliver(what); });
}

void name_space_slice::record(const prepared_broadcast& what) {
    if (!log_ || what.position.sequence == 0) return;
    const std::uint64_t before = log_->dropped();
    log_->record(home_->now(), what.position, what.message, what.target);
    home_->counts().recovery_dropped += log_->dropped() - before;
    watch_age();
}

void name_space_slice::save(hub::saved_session session) {
    const std::uint64_t before = log_->dropped();
    log_->save(std::move(session), home_->now());
    home_->counts().recovery_dropped += log_->dropped() - before;
    watch_age();
}

std::optional<hub::recovered_session> name_space_slice::take(std::string_view pid, std::string_view offset) {
    const std::uint64_t before = log_->dropped();
    auto taken = log_->take(pid, offset, home_->now());
    home_->counts().recovery_dropped += log_->dropped() - before;
    return taken;
}

void name_space_slice::watch_age() {
    if (deadline() != core::never) return;
    home_->timers().set(*this, core::deadline_after(home_->now(), log_->within().max_age));
}

void name_space_slice::on_timer(core::time_point now) {
    log_->expire(now);
    if (!log_->is_empty()) {
        watch_age();
    } else {
        home_->forget_if_empty(*this);
    }
}

void name_space_slice::on_first_member(std::string_view room) {
    home_->shared().census->occupied(name(), room);
    if (home_->shared().watch_rooms)
        call_application(home_->shared().watch_rooms, name(), room, room_change::occupied);
}

void name_space_slice::on_last_member_gone(std::string_view room) {
    home_->shared().census->vacated(name(), room);
    if (home_->shared().watch_rooms)
        call_application(home_->shared().watch_rooms, name(), room, room_change::vacated);
}

bool name_space_slice::is_forgettable() const {
    return of_->definition().fixed.expired() && rooms_.members() == 0 && (!log_ || log_->is_empty()) &&
           home_->shared().options.forget_empty_namespaces;
}

} // namespace roomcast::server::engine
