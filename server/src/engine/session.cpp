#include "engine/session.hpp"

#include "engine/context.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>

namespace roomcast::server::engine {

session::session(shard& home, std::shared_ptr<handshake_info> info, link* websocket)
    : home_(&home),
      eio_(home.ids().next(), home.shared().options.session,
           websocket != nullptr ? core::eio::transport::websocket : core::eio::transport::polling,
           websocket != nullptr ? 1U : 0U, home.now()),
      sio_(home.shared().options.session.bounds, home.shared().options.connect_timeout, home.now()) {
    info->connection = base::public_name(eio_.sid());
    info_ = std::move(info);
    base::log("engine").debug(about().with("address", info_->address), "opened by {}",
                              websocket != nullptr ? "websocket" : "polling");
    if (websocket != nullptr) {
        links_.emplace_back(1U, websocket);
        current_link_ = 1;
        next_link_ = 2;
    }
    mark_dirty();
    reschedule();
}

session::~session() = default;

void session::on_poll(pending_request& request) {
    eio_.on_poll(home_->now(), add_request(request));
    drain();
}

bool session::on_post_begin(pending_request& request, bool is_octet_stream) {
    const bool has_body = eio_.on_post_begin(add_request(request), is_octet_stream);
    drain();
    return has_body;
}

void session::on_post(pending_request& request, std::string body) {
    for (const auto& [id, one] : requests_) {
        if (one != &request) continue;
        eio_.on_post(id, std::move(body));
        break;
    }
    drain();
}

void session::on_post_too_large(pending_request& request) {
    for (const auto& [id, one] : requests_) {
        if (one != &request) continue;
        eio_.on_post_too_large(id);
        break;
    }
    drain();
}

void session::on_other_method(pending_request& request) {
    eio_.on_other_method(add_request(request));
    drain();
}

void session::on_request_closed(pending_request& request) {
    const auto known = std::find_if(requests_.begin(), requests_.end(),
                                    [&](const auto& each) { return each.second == &request; });
    if (known == requests_.end()) return;
    const std::uint64_t id = known->first;
    requests_.erase(known);
    eio_.on_request_closed(id);
    drain();
}

void session::on_link_open(link& opened) {
    const std::uint32_t id = next_link_++;
    links_.emplace_back(id, &opened);
    eio_.on_link_open(home_->now(), id);
    drain();
}

void session::on_frame(link& from, core::frame_kind kind, std::string_view data) {
    eio_.on_frame(home_->now(), id_of(from), kind, data);
    drain();
}

void session::on_link_writable(link& ready) {
    if (id_of(ready) != current_link_) return;
    is_congested_ = false;
    if (!eio_.pending().is_empty()) mark_dirty();
}

void session::on_link_closed(link& gone, bool is_error) {
    const std::uint32_t id = id_of(gone);
    remove_link(id);
    eio_.on_link_closed(id, is_error);
    drain();
}

void session::send(core::shared_message message) {
    if (!eio_.send(std::move(message))) return;
    const std::uint64_t bound = home_->shared().options.session.max_queue_bytes;
    if (bound != 0 && eio_.pending().bytes() > bound) {
        // Packets of the protocol cannot be dropped, and a peer may ask for them without reading any.
        link* current = find_link(current_link_);
        if (current != nullptr && !is_congested_) is_congested_ = !current->flush(eio_.pending());
        is_slow_ = is_slow_ || eio_.pending().bytes() > bound;
    }
    mark_dirty();
}

bool session::may_drop(droppable drop, const core::eio::outbox& owed, std::uint64_t bound) const {
    switch (drop) {
    case droppable::never: return false;
    case droppable::when_behind: return bound != 0 && owed.bytes() > bound / 2;
    case droppable::when_not_ready: return !eio_.is_writable() || is_congested_;
    }
    return false;
}

void session::enqueue(const core::shared_message& message, droppable drop) {
    if (eio_.is_closed()) return;
    statistics& counts = home_->counts();
    if (is_slow_) {
        // Recovery begins with the last event that came: none may come behind one that was dropped.
        ++counts.dropped_slow;
        return;
    }
    core::eio::outbox& owed = eio_.pending();
    const std::uint64_t bound = home_->shared().options.session.max_queue_bytes;
    if (may_drop(drop, owed, bound)) {
        ++(drop == droppable::when_behind ? counts.dropped_slow : counts.dropped_volatile);
        return;
    }
    if (bound != 0 && owed.bytes() + message->frame_bytes > bound && !owed.is_empty()) {
        // Much may have been produced in this one turn: what the peer takes now is not its fault.
        link* current = find_link(current_link_);
        if (current != nullptr && !is_congested_) is_congested_ = !current->flush(owed);
        if (owed.bytes() + message->frame_bytes > bound && !owed.is_empty()) {
            switch (home_->shared().options.slow_consumer) {
            case slow_consumer_policy::disconnect:
                ++counts.dropped_slow;
                is_slow_ = true;
                mark_dirty();
                return;
            case slow_consumer_policy::drop_oldest:
                counts.dropped_slow +=
                    owed.drop_oldest(bound > message->frame_bytes ? bound - message->frame_bytes : 0);
                break;
            case slow_consumer_policy::drop_newest: ++counts.dropped_slow; return;
            }
        }
    }
    ++counts.messages_sent;
    owed.push(message);
    mark_dirty();
}

void session::accept(core::sio::slot_id slot) {
    sio_.accept(slot);
}

void session::refuse(core::sio::slot_id slot) {
    sockets_[slot].reset();
    sio_.refuse(slot);
}

void session::leave(core::sio::slot_id slot) {
    sockets_[slot].reset();
    sio_.leave(slot);
}

bool session::owes_answer() const {
    return std::any_of(sockets_.begin(), sockets_.end(),
                       [](const auto& one) { return one && one->owes_answer(); });
}

void session::drain() {
    if (is_draining_) return;
    is_draining_ = true;
    drain_namespaces();
    while (auto output = eio_.poll_output(home_->now())) {
        on_output(*output);
        drain_namespaces();
    }
    is_draining_ = false;
    if (!eio_.pending().is_empty()) mark_dirty();
    if (eio_.is_finished() && !is_forgotten_) {
        is_forgotten_ = true;
        home_->timers().unset(*this);
        if (!is_dirty_) home_->forget(*this);
    } else {
        reschedule();
    }
}

void session::drain_namespaces() {
    while (auto output = sio_.poll_output()) on_packet(*output);
}

void session::on_output(core::eio::session_output& output) {
    using kind = core::eio::session_output::kind;
    switch (output.what) {
    case kind::message: sio_.on_message(output.data_kind, output.data); break;
    case kind::respond:
        if (pending_request* request = take_request(output.request)) {
            const bool is_first = !std::exchange(was_answered_, true);
            request->respond(output.status, std::move(output.body), output.is_html, is_first);
        }
        break;
    case kind::abort_request:
        if (pending_request* request = take_request(output.request)) request->abort_request();
        break;
    case kind::send_link:
        if (link* to = find_link(output.link)) to->write(output.body);
        break;
    case kind::close_link:
        if (link* to = find_link(output.link)) {
            const bool is_current = output.link == current_link_;
            remove_link(output.link);
            to->close(is_current ? &eio_.pending() : nullptr, output.code);
        }
        break;
    case kind::abort_link:
        if (link* to = find_link(output.link)) {
            remove_link(output.link);
            to->abort();
        }
        break;
    case kind::upgraded:
        current_link_ = output.link;
        is_congested_ = false;
        base::log("engine").debug(about(), "goes on by websocket");
        if (observer* by = home_->watching()) {
            for (const auto& one : sockets_) {
                if (one && one->is_connected()) by->on_upgraded(socket{one});
            }
        }
        break;
    case kind::closed:
        if (output.reason == core::eio::close_reason::parse_error) ++home_->counts().protocol_errors;
        sio_.stop();
        base::log("engine").debug(about().with("reason", core::eio::name_of(output.reason)), "closed");
        end_sockets(core::eio::name_of(output.reason));
        break;
    }
}

void session::on_packet(core::sio::server_output& output) {
    using kind = core::sio::server_output::kind;
    switch (output.what) {
    case kind::connect_request: on_connect_request(output); break;
    case kind::event:
        if (const auto to = sockets_[output.slot]) to->on_event(output);
        break;
    case kind::ack:
        if (const auto to = sockets_[output.slot]) to->on_ack(output);
        break;
    case kind::disconnect:
        if (const auto to = std::exchange(sockets_[output.slot], nullptr))
            to->end("client namespace disconnect");
        break;
    case kind::send: send(std::move(output.message)); break;
    case kind::violation: {
        const bool is_state_error =
            output.error == core::errc::not_connected || output.error == core::errc::connect_timeout ||
            output.error == core::errc::already_connected || output.error == core::errc::unexpected_type;
        if (output.error != core::errc::connect_timeout) ++home_->counts().protocol_errors;
        base::log("engine").debug(about(), "ended for what the peer did: {}", output.error.message());
        eio_.close(home_->now(), core::eio::close_reason::forced_close);
        // The reference's word for it while the peer has yet to be told.
        if (is_state_error && !eio_.is_finished()) end_sockets("forced server close");
        break;
    }
    }
}

void session::on_connect_request(const core::sio::server_output& request) {
    context& shared = home_->shared();
    const core::sio::slot_id slot = request.slot;
    if (slot >= sockets_.size()) sockets_.resize(slot + 1);
    const auto whole = shared.name_spaces.resolve(shared, request.nsp, request.data);
    if (!whole) {
        // Old clients put a query behind the name, and tokens into it.
        base::log("engine").debug(about().with("namespace", request.nsp.substr(0, request.nsp.find('?'))),
                                  "there is no such namespace");
        send(core::sio::encode_connect_error(request.nsp, "Invalid namespace", {}));
        sio_.refuse(slot);
        return;
    }
    name_space_slice& slice = home_->slice_of(whole);
    auto joining =
        std::make_shared<socket_state>(home_->ids().next(), slice, *this, slot, std::string{request.data});
    sockets_[slot] = joining;
    joining->begin();
}

void session::end_sockets(std::string_view reason) {
    for (core::sio::slot_id slot = 0; slot < sockets_.size(); ++slot) {
        if (const auto one = std::exchange(sockets_[slot], nullptr)) one->end(reason);
    }
}

void session::disconnect_all() {
    for (core::sio::slot_id slot = 0; slot < sockets_.size(); ++slot) {
        const auto one = sockets_[slot];
        if (!one) continue;
        if (one->is_connected()) send(core::sio::encode_disconnect(one->nsp()));
        leave(slot);
        one->end("server namespace disconnect");
    }
    sio_.stop();
    eio_.close(home_->now(), core::eio::close_reason::forced_close);
}

void session::close(core::eio::close_reason reason) {
    eio_.close(home_->now(), reason);
    drain();
}

void session::flush() {
    is_dirty_ = false;
    if (is_slow_ && !eio_.is_closed()) {
        ++home_->counts().slow_consumers;
        base::log("engine").warn(about().with("address", info_->address),
                                 "ended: slow consumer, {} bytes owed", eio_.pending().bytes());
        eio_.abort(core::eio::close_reason::slow_consumer);
    } else if (link* current = find_link(current_link_)) {
        is_congested_ = !current->flush(eio_.pending());
    } else if (eio_.current_transport() == core::eio::transport::polling) {
        eio_.flush_poll();
    }
    if (is_forgotten_) {
        home_->forget(*this);
        return;
    }
    // Nothing else came of it, nearly always.
    if (eio_.has_output()) drain();
}

void session::on_timer(core::time_point now) {
    eio_.on_timeout(now);
    sio_.on_timeout(now);
    for (core::sio::slot_id slot = 0; slot < sockets_.size(); ++slot) {
        if (const auto one = sockets_[slot]) one->on_timeout(now);
    }
    drain();
}

void session::reschedule() {
    core::time_point next = std::min(eio_.next_timeout(), sio_.next_timeout());
    for (const auto& one : sockets_) {
        if (one) next = std::min(next, one->next_timeout());
    }
    // A deadline that moved later is noticed when the earlier one comes.
    if (next < deadline()) home_->timers().set(*this, next);
}

void session::mark_dirty() {
    // A link that takes no more says when it does, and a polling peer's next GET takes what waits.
    const bool can_write = eio_.is_writable() && !is_congested_;
    if (is_dirty_ || !(can_write || is_slow_)) return;
    is_dirty_ = true;
    home_->mark_dirty(*this);
}

std::uint64_t session::add_request(pending_request& request) {
    requests_.emplace_back(next_request_, &request);
    return next_request_++;
}

pending_request* session::take_request(std::uint64_t id) {
    const auto known =
        std::find_if(requests_.begin(), requests_.end(), [&](const auto& each) { return each.first == id; });
    if (known == requests_.end()) return nullptr;
    pending_request* request = known->second;
    requests_.erase(known);
    return request;
}

link* session::find_link(std::uint32_t id) {
    for (const auto& [known, one] : links_) {
        if (known == id) return one;
    }
    return nullptr;
}

std::uint32_t session::id_of(const link& known) const {
    for (const auto& [id, one] : links_) {
        if (one == &known) return id;
    }
    return 0;
}

void session::remove_link(std::uint32_t id) {
    std::erase_if(links_, [&](const auto& each) { return each.first == id; });
}

} // namespace roomcast::server::engine
