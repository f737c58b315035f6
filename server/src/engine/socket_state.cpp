#include "engine/socket_state.hpp"

#include "engine/context.hpp"
#include "engine/session.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <charconv>

namespace roomcast::server::engine {

namespace {

/// The reasons after which a client may come back to its session. @source npm socket.io,
/// `RECOVERABLE_DISCONNECT_REASONS`
bool is_recoverable(std::string_view reason) {
    return reason == "transport error" || reason == "transport close" || reason == "forced close" ||
           reason == "ping timeout" || reason == "server shutting down" || reason == "forced server close" ||
           reason == "slow consumer";
}

std::size_t counted_as(std::string_view reason) {
    const auto known = std::find(disconnect_reasons.begin(), disconnect_reasons.end() - 1, reason);
    return static_cast<std::size_t>(known - disconnect_reasons.begin());
}

double seconds(core::duration length) {
    return std::chrono::duration<double>(length).count();
}

} // namespace

socket_state::socket_state(std::string id, name_space_slice& slice, engine::session& of,
                           core::sio::slot_id slot, std::string auth)
    : member(std::move(id)), home_(&slice.home()), slice_(&slice), whole_(slice.whole()), session_(&of),
      handshake_(of.handshake()), auth_(std::move(auth)), slot_(slot) {
    slice.rooms().add(*this);
}

/// Work that waits for its time.
class socket_state::delayed_work final : public timer_node {
public:
    delayed_work(socket_state& of, std::uint64_t id, std::function<void(socket&)> work)
        : id_(id), of_(&of), work_(std::move(work)) {}
    std::uint64_t id() const { return id_; }

    void on_timer(core::time_point) override {
        const auto keep = of_->shared_from_this();
        const auto work = std::move(work_);
        keep->cancel(id_); // this object is gone now
        socket handle{keep};
        call_application(work, handle);
        if (!keep->is_gone()) keep->of()->drain();
    }

private:
    std::uint64_t id_;
    socket_state* of_;
    std::function<void(socket&)> work_;
};

socket_state::~socket_state() = default;

std::uint64_t socket_state::after(core::duration delay, std::function<void(socket&)> work) {
    if (is_gone()) return 0;
    delayed_.push_back(std::make_unique<delayed_work>(*this, ++last_timer_, std::move(work)));
    home_->timers().set(*delayed_.back(), core::deadline_after(home_->now(), delay));
    return last_timer_;
}

void socket_state::cancel(std::uint64_t timer) {
    std::erase_if(delayed_, [timer](const auto& each) { return each->id() == timer; });
}

void socket_state::begin() {
    if (slice_->log() != nullptr) {
        if (const auto request = core::sio::parse_recovery(auth_)) {
            ask_for_recovery(*request, 0);
            return;
        }
    }
    run_middleware(0);
}

void socket_state::ask_for_recovery(const core::sio::recovery_request& request, std::size_t asked) {
    const auto& shards = home_->shared().shards;
    const auto first = base::shard_of(request.pid);
    if (is_gone() || !first || asked == shards.size()) {
        on_recovery(std::nullopt);
        return;
    }
    // The shard that made the pid, most likely; the others when the client has moved since. Before a restart
    // there may have been more of them.
    shard* keeper = shards[(*first + asked) % shards.size()].get();
    keeper->dispatch([self = shared_from_this(), keeper, request, asked] {
        std::optional<hub::recovered_session> found;
        if (name_space_slice* slice = keeper->find_slice(self->nsp())) {
            found = slice->take(request.pid, request.offset);
        }
        self->home().dispatch([self, request, asked, found = std::move(found)]() mutable {
            if (found) {
                self->on_recovery(std::move(found));
            } else {
                self->ask_for_recovery(request, asked + 1);
            }
        });
    });
}

void socket_state::on_recovery(std::optional<hub::recovered_session> found) {
    if (is_gone()) {
        // It left while the other shard was asked: what was kept for it is kept here now.
        if (!found) return;
        name_space_slice& slice = home_->slice_of(whole_);
        slice.log()->arrive(*found, home_->now());
        slice.save(std::move(found->session));
        return;
    }
    statistics& counts = home_->counts();
    if (!found) {
        ++counts.recovery_failed;
        run_middleware(0);
        session_->drain();
        return;
    }
    ++counts.recovered;
    is_recovered_ = true;
    for (hub::recovered_event& event : slice_->log()->arrive(*found, home_->now())) {
        missed_.push_back(std::move(event.message));
    }
    slice_->watch_age();
    // What this shard has yet to see, but the session already got.
    came_back_ = std::make_unique<way_back>(way_back{std::move(found->seen), found->session.away_since});
    slice_->rooms().rename(*this, std::move(found->session.sid));
    pid_ = std::move(found->session.pid);
    data_ = std::move(found->session.data);
    for (const std::string& room : found->session.rooms) slice_->rooms().join(*this, room);
    if (home_->shared().options.recovery.skip_middlewares) {
        finish_connect();
    } else {
        run_middleware(0);
    }
    if (!is_gone()) session_->drain();
}

void socket_state::run_middleware(std::size_t index) {
    const auto& steps = slice_->definition().middlewares;
    if (index == steps.size()) {
        finish_connect();
        return;
    }
    auto is_called = std::make_shared<std::atomic<bool>>(false);
    std::weak_ptr<socket_state> weak = weak_from_this();
    shard* home = home_;
    const next_step next = [weak, home, index, is_called](std::optional<connect_error> error) {
        if (is_called->exchange(true)) return;
        const auto go_on = [weak, index, error = std::move(error)] {
            const auto self = weak.lock();
            if (!self || self->is_gone()) return;
            if (error) {
                engine::session* of = self->session_;
                self->refuse(*error);
                of->drain();
            } else {
                self->run_middleware(index + 1);
                if (!self->is_gone()) self->session_->drain();
            }
        };
        home->dispatch(go_on);
    };
    socket handle{shared_from_this()};
    try {
        steps[index](handle, next);
    } catch (const std::exception& error) {
        base::log("engine").error(about(), "a middleware threw: {}", error.what());
        next(connect_error{"Internal error", {}});
    }
}

void socket_state::finish_connect() {
    if (is_gone()) return;
    if (slice_->log() != nullptr && pid_.empty()) pid_ = home_->ids().next();
    for (core::shared_message& message : missed_) session_->send(std::move(message));
    std::vector<core::shared_message>{}.swap(missed_);
    session_->send(core::sio::encode_connect(nsp(), id(), pid_));
    state_ = state::connected;
    since_ = home_->now();
    base::log("engine").debug(about().with("state", is_recovered_ ? "recovered" : "new"), "connected");
    session_->accept(slot_);
    socket handle{shared_from_this()};
    if (observer* by = watching()) by->on_connected(handle);
    for (const auto& handler : slice_->definition().on_connection) {
        call_application(handler, handle);
        if (is_gone()) return;
    }
}

void socket_state::refuse(const connect_error& error) {
    base::log("engine").debug(about().with("reason", error.message), "not let in");
    session_->send(core::sio::encode_connect_error(nsp(), error.message, error.data));
    engine::session* of = session_;
    const core::sio::slot_id slot = slot_;
    end({});
    of->refuse(slot);
}

void socket_state::on_event(const core::sio::server_output& event) {
    if (!is_connected()) return;
    ++home_->counts().events_received;
    const auto raw_name = core::value::element_at(event.data, 0);
    if (!raw_name) return;
    std::string decoded;
    std::string_view name = *raw_name;
    if (core::value::kind_of(name) == core::value::kind::string) {
        if (name.find('\\') == std::string_view::npos) {
            name = name.substr(1, name.size() - 2);
        } else {
            decoded = core::value::text(name).value_or("");
            name = decoded;
        }
    }
    responder answer;
    if (!event.id.empty()) {
        std::weak_ptr<socket_state> weak = weak_from_this();
        if (!owed_) owed_ = std::make_shared<char>();
        // The debt goes along to the shard: it is paid when the answer is on its way, not when it is known.
        answer = responder{[weak, home = home_, id = std::string{event.id}, debt = owed_](const args& given) {
            home->dispatch([weak, id, given, debt] {
                const auto self = weak.lock();
                if (!self || !self->is_connected()) return;
                self->session_->enqueue(core::sio::encode_ack(self->nsp(), id, given.text(), given.parts()),
                                        droppable::never);
            });
        }};
    }
    roomcast::server::event given{name, arguments{event.data, event.parts, 1}, std::move(answer)};
    socket handle{shared_from_this()};
    if (observer* by = slice_->event_observer()) {
        by->on_received(handle, args::from_checked(std::string{event.data}, event.parts));
    }
    const name_space_definition& definition = slice_->definition();
    shard* const home = home_; // handlers may end this socket
    const core::time_point began = home->now();
    bool is_handled = false;
    if (handlers_) {
        if (const auto own = handlers_->events.find(name); own != handlers_->events.end()) {
            const event_handler handler = own->second; // it may be replaced while it runs
            call_application(handler, handle, given);
            is_handled = true;
        }
    }
    if (const auto common = definition.handlers.find(name); common != definition.handlers.end()) {
        if (is_connected()) call_application(common->second, handle, given);
        is_handled = true;
    }
    if (!is_handled && definition.any_handler) call_application(definition.any_handler, handle, given);
    home->counts().handlers.add(seconds(home->now() - began), handler_bounds_s);
}

void socket_state::on_ack(const core::sio::server_output& ack) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(ack.id.data(), ack.id.data() + ack.id.size(), id);
    if (!acks_ || error != std::errc{} || end != ack.id.data() + ack.id.size()) return;
    if (auto handler = acks_->take(id)) {
        call_application(*handler, reply{{}, arguments{ack.data, ack.parts, 0}});
    }
}

void socket_state::on_timeout(core::time_point now) {
    while (acks_) {
        auto late = acks_->take_expired(now);
        if (!late) break;
        call_application(*late, reply{core::errc::ack_timeout, {}});
    }
}

void socket_state::end(std::string_view reason) {
    if (is_gone()) return;
    const auto keep = shared_from_this();
    const bool was_connected = is_connected();
    // One that was still on its way back in has what it was, and may try again: with a fresh token, if it was
    // refused.
    const bool is_on_its_way = is_recovered_ && !was_connected;
    if (!pid_.empty() &&
        (is_recoverable(reason) ? was_connected || is_on_its_way : is_on_its_way && reason.empty())) {
        hub::saved_session saved;
        saved.sid = id();
        saved.pid = pid_;
        saved.rooms = slice_->rooms().rooms_of(*this);
        saved.data = data_;
        if (is_on_its_way) saved.away_since = came_back_->away_since;
        slice_->save(std::move(saved));
    }
    observer* const by = was_connected ? watching() : nullptr;
    const std::vector<std::string> left = by != nullptr ? rooms() : std::vector<std::string>{};
    slice_->rooms().remove(*this);
    state_ = state::gone;
    if (was_connected) {
        base::log("engine").debug(about().with("reason", reason), "disconnected");
        statistics& counts = home_->counts();
        ++counts.disconnects[counted_as(reason)];
        counts.connected.add(seconds(home_->now() - since_), connection_bounds_s);
    }
    if (was_connected) {
        socket handle{keep};
        if (by != nullptr) by->on_disconnected(handle, reason, left);
        if (handlers_) {
            for (const auto& handler : handlers_->disconnect) call_application(handler, handle, reason);
        }
        for (const auto& handler : slice_->definition().on_disconnect)
            call_application(handler, handle, reason);
    }
    while (acks_) {
        auto waiting = acks_->take_any();
        if (!waiting) break;
        call_application(*waiting, reply{core::errc::disconnected, {}});
    }
    delayed_.clear();
    handlers_.reset(); // they may hold handles of this very socket
    acks_.reset();
    session_ = nullptr;
    home_->forget_if_empty(*std::exchange(slice_, nullptr));
}

void socket_state::deliver(const prepared_broadcast& what) {
    if (!is_connected() && !is_recovered_) return;
    if (came_back_ && what.position.sequence != 0) {
        const std::uint16_t origin = what.position.origin;
        const hub::progress& seen = came_back_->seen;
        if (origin < seen.size() && what.position.sequence <= seen[origin]) return;
    }
    if (is_connected()) {
        if (what.seen) show_sent(*what.seen);
        session_->enqueue(what.message, what.drop);
    } else if (!is_gone() && what.position.sequence != 0) {
        missed_.push_back(what.message); // middlewares are still deciding
    }
}

void socket_state::emit(const std::string& name, const args& arguments, droppable drop) {
    if (is_gone()) return;
    const prepared_broadcast prepared = slice_->prepare(name, arguments, {{id()}, {}}, drop);
    slice_->record(prepared);
    if (prepared.seen) show_sent(*prepared.seen);
    session_->enqueue(prepared.message, drop);
}

void socket_state::emit_with_ack(const std::string& name, const args& arguments, core::duration timeout,
                                 ack_handler done) {
    if (is_gone()) {
        call_application(done, reply{core::errc::disconnected, {}});
        return;
    }
    const std::uint64_t id = whole_->next_ack_id();
    const core::time_point deadline =
        timeout == core::duration::zero() ? core::never : core::deadline_after(home_->now(), timeout);
    if (!add_question(id, std::move(done), deadline)) return;
    if (slice_->event_observer() != nullptr) {
        show_sent(args::from_checked(arguments.text_with_name(name), arguments.parts()));
    }
    session_->enqueue(
        core::sio::encode_event(nsp(), arguments.text_with_name(name), arguments.parts(), std::to_string(id)),
        droppable::never);
    session_->reschedule();
}

void socket_state::ask(const core::shared_message& message, std::uint64_t id, ack_handler done) {
    if (add_question(id, std::move(done), core::never)) session_->enqueue(message, droppable::never);
}

void socket_state::show_sent(const args& event) {
    if (observer* by = slice_->event_observer()) by->on_sent(socket{shared_from_this()}, event);
}

void socket_state::forget_question(std::uint64_t id) {
    if (acks_) (void)acks_->take(id);
}

bool socket_state::add_question(std::uint64_t id, ack_handler done, core::time_point deadline) {
    if (!acks_) acks_ = std::make_unique<core::sio::ack_table<ack_handler>>();
    if (acks_->size() >= home_->shared().options.session.bounds.max_acks_in_flight) {
        call_application(done, reply{core::errc::too_many_acks, {}});
        return false;
    }
    acks_->add(id, std::move(done), deadline);
    return true;
}

bool socket_state::join(std::string_view room) {
    if (is_gone()) return false;
    const roomcast::server::options& chosen = home_->shared().options;
    if (room == id() || slice_->rooms().is_in(*this, room)) return true;
    if (room.size() > chosen.max_room_name_bytes ||
        slice_->rooms().room_count_of(*this) >= chosen.max_rooms_per_socket) {
        ++home_->counts().refused_joins;
        base::log("hub").warn(about(), "may not join more rooms, or one of so long a name");
        return false;
    }
    slice_->rooms().join(*this, room);
    if (observer* by = is_connected() ? watching() : nullptr) by->on_joined(socket{shared_from_this()}, room);
    return true;
}

void socket_state::leave(std::string_view room) {
    if (is_gone() || !slice_->rooms().leave(*this, room)) return;
    if (observer* by = is_connected() ? watching() : nullptr) by->on_left(socket{shared_from_this()}, room);
}

std::vector<std::string> socket_state::rooms() const {
    std::vector<std::string> all;
    if (is_gone()) return all;
    all = slice_->rooms().rooms_of(*this);
    all.insert(all.begin(), id());
    return all;
}

void socket_state::disconnect(bool close_connection) {
    if (is_gone()) return;
    engine::session* of = session_;
    if (close_connection) {
        of->disconnect_all();
    } else if (is_connected()) {
        const core::sio::slot_id slot = slot_;
        of->send(core::sio::encode_disconnect(nsp()));
        of->leave(slot);
        end("server namespace disconnect");
    } else {
        refuse({"disconnected", {}});
    }
    of->drain();
}

void socket_state::on(std::string_view name, event_handler handler) {
    if (is_gone()) return;
    if (!handlers_) handlers_ = std::make_unique<own_handlers>();
    handlers_->events.insert_or_assign(std::string{name}, std::move(handler));
}

void socket_state::on_disconnect(std::function<void(socket&, std::string_view)> handler) {
    if (is_gone()) return;
    if (!handlers_) handlers_ = std::make_unique<own_handlers>();
    handlers_->disconnect.push_back(std::move(handler));
}

} // namespace roomcast::server::engine
