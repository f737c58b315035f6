// The handles that applications hold: each finds the right thread and calls what it stands for.
#include "engine/context.hpp"
#include "engine/session.hpp"
#include "engine/socket_state.hpp"

#include "roomcast/core/eio/request.hpp"
#include "roomcast/server/server.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

namespace roomcast::server {

namespace {

bool equals_ignoring_case(std::string_view left, std::string_view right) {
    const auto lower = [](char each) {
        return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
    };
    return left.size() == right.size() && std::equal(left.begin(), left.end(), right.begin(),
                                                     [&](char a, char b) { return lower(a) == lower(b); });
}

/// The value of the next header of this name. @param rest gets the lines behind it
std::optional<std::string_view> next_header(std::string_view& rest, std::string_view name) {
    while (!rest.empty()) {
        const std::size_t end = rest.find("\r\n");
        const std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
        const std::size_t colon = line.find(": ");
        if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name)) {
            return line.substr(colon + 2);
        }
    }
    return std::nullopt;
}

} // namespace

responder::responder(std::function<void(args)> answer) : answer_(std::make_shared<once>(std::move(answer))) {}

void responder::operator()(args reply) const {
    if (answer_ && !answer_->is_given.exchange(true)) answer_->answer(std::move(reply));
}

std::string_view handshake_info::header(std::string_view name) const {
    std::string_view rest = headers;
    return next_header(rest, name).value_or(std::string_view{});
}

std::size_t handshake_info::count(std::string_view name) const {
    std::size_t found = 0;
    for (std::string_view rest = headers; next_header(rest, name);) ++found;
    return found;
}

std::optional<std::string> handshake_info::query(std::string_view key) const {
    const std::size_t mark = url.find('?');
    if (mark == std::string::npos) return std::nullopt;
    std::optional<std::string> found;
    for (std::string_view rest = std::string_view{url}.substr(mark + 1); !rest.empty();) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const std::size_t equals = pair.find('=');
        if (core::eio::percent_decode(pair.substr(0, equals)) != key) continue;
        found = equals == std::string_view::npos ? std::string{}
                                                 : core::eio::percent_decode(pair.substr(equals + 1));
    }
    return found;
}

broadcast_operator broadcast_operator::to(std::string_view room) const {
    broadcast_operator next = *this;
    next.target_.rooms.emplace_back(room);
    return next;
}

broadcast_operator broadcast_operator::to(const std::vector<std::string>& rooms) const {
    broadcast_operator next = *this;
    next.target_.rooms.insert(next.target_.rooms.end(), rooms.begin(), rooms.end());
    return next;
}

broadcast_operator broadcast_operator::except(std::string_view room) const {
    broadcast_operator next = *this;
    next.target_.except.emplace_back(room);
    return next;
}

broadcast_operator broadcast_operator::except(const std::vector<std::string>& rooms) const {
    broadcast_operator next = *this;
    next.target_.except.insert(next.target_.except.end(), rooms.begin(), rooms.end());
    return next;
}

broadcast_operator broadcast_operator::local() const {
    broadcast_operator next = *this;
    next.flags_.is_local = true;
    return next;
}

broadcast_operator broadcast_operator::volatile_() const {
    broadcast_operator next = *this;
    next.flags_.drop = droppable::when_not_ready;
    return next;
}

broadcast_operator broadcast_operator::expendable() const {
    broadcast_operator next = *this;
    next.flags_.drop = droppable::when_behind;
    return next;
}

broadcast_operator broadcast_operator::compress(bool wanted) const {
    broadcast_operator next = *this;
    next.flags_.wants_compression = wanted;
    return next;
}

broadcast_operator broadcast_operator::timeout(core::duration longest) const {
    broadcast_operator next = *this;
    next.timeout_ = longest;
    return next;
}

void broadcast_operator::emit(std::string_view name, args arguments) const {
    roomcast::server::broadcast what{std::string{name}, std::move(arguments), target_, flags_};
    if (flags_.is_local) {
        of_->broadcast(std::move(what));
    } else {
        of_->adapter().broadcast(std::move(what));
    }
}

void broadcast_operator::emit_with_ack(std::string_view name, args arguments,
                                       std::function<void(broadcast_replies)> done) const {
    roomcast::server::broadcast what{std::string{name}, std::move(arguments), target_, flags_};
    if (flags_.is_local) {
        of_->broadcast_with_ack(std::move(what), timeout_, std::move(done));
    } else {
        of_->adapter().broadcast_with_ack(std::move(what), timeout_, std::move(done));
    }
}

void broadcast_operator::fetch_sockets(std::function<void(std::vector<remote_socket>)> done) const {
    if (flags_.is_local) {
        of_->fetch(target_, std::move(done));
    } else {
        of_->adapter().fetch(target_, std::move(done));
    }
}

void broadcast_operator::sockets_join(std::vector<std::string> rooms) const {
    if (flags_.is_local) {
        of_->join(target_, rooms);
    } else {
        of_->adapter().join(target_, std::move(rooms));
    }
}

void broadcast_operator::sockets_leave(std::vector<std::string> rooms) const {
    if (flags_.is_local) {
        of_->leave(target_, rooms);
    } else {
        of_->adapter().leave(target_, std::move(rooms));
    }
}

void broadcast_operator::disconnect_sockets(bool close_connection) const {
    if (flags_.is_local) {
        of_->disconnect(target_, close_connection);
    } else {
        of_->adapter().disconnect(target_, close_connection);
    }
}

const std::string& socket::id() const {
    return state_->id();
}
const std::string& socket::nsp() const {
    return state_->nsp();
}
bool socket::is_connected() const {
    return state_->is_connected();
}
bool socket::is_recovered() const {
    return state_->is_recovered();
}
const handshake_info& socket::handshake() const {
    return *state_->handshake();
}
std::string_view socket::auth() const {
    return state_->auth().empty() ? std::string_view{"{}"} : std::string_view{state_->auth()};
}
std::string_view socket::transport() const {
    if (state_->is_gone()) return {};
    return state_->of()->transport() == core::eio::transport::polling ? "polling" : "websocket";
}

std::string socket::connection() const {
    return state_->is_gone() ? std::string{} : state_->of()->sid();
}

void socket::emit(std::string_view name, args arguments) const {
    state_->home().dispatch([state = state_, name = std::string{name}, arguments = std::move(arguments)] {
        state->emit(name, arguments, droppable::never);
    });
}

void socket::emit_volatile(std::string_view name, args arguments) const {
    state_->home().dispatch([state = state_, name = std::string{name}, arguments = std::move(arguments)] {
        state->emit(name, arguments, droppable::when_not_ready);
    });
}

void socket::emit_with_ack(std::string_view name, args arguments, core::duration timeout,
                           std::function<void(reply)> done) const {
    state_->home().dispatch([state = state_, name = std::string{name}, arguments = std::move(arguments),
                             timeout, done = std::move(done)]() mutable {
        state->emit_with_ack(name, arguments, timeout, std::move(done));
    });
}

void socket::on(std::string_view name, event_handler handler) const {
    state_->on(name, std::move(handler));
}

void socket::on_disconnect(std::function<void(socket&, std::string_view)> handler) const {
    state_->on_disconnect(std::move(handler));
}

void socket::join(std::string_view room) const {
    state_->home().dispatch([state = state_, room = std::string{room}] { state->join(room); });
}

void socket::leave(std::string_view room) const {
    state_->home().dispatch([state = state_, room = std::string{room}] { state->leave(room); });
}

std::vector<std::string> socket::rooms() const {
    return state_->rooms();
}

bool socket::is_in(std::string_view room) const {
    return room == state_->id() || (!state_->is_gone() && state_->slice().rooms().is_in(*state_, room));
}

broadcast_operator socket::to(std::string_view room) const {
    return broadcast().to(room);
}

broadcast_operator socket::broadcast() const {
    return broadcast_operator{state_->whole()}.except(state_->id());
}

broadcast_operator socket::everyone() const {
    return broadcast_operator{state_->whole()};
}

void socket::disconnect(bool close_connection) const {
    state_->home().dispatch([state = state_, close_connection] { state->disconnect(close_connection); });
}

void socket::end_connection() const {
    state_->home().dispatch([state = state_] {
        if (!state->is_gone()) state->of()->close(core::eio::close_reason::forced_close);
    });
}

void socket::post(std::function<void(socket&)> work) const {
    state_->home().dispatch([state = state_, work = std::move(work)] {
        if (state->is_gone()) return;
        socket handle{state};
        engine::call_application(work, handle);
    });
}

void socket::post_anyway(std::function<void(socket&)> work) const {
    state_->home().dispatch([state = state_, work = std::move(work)] {
        socket handle{state};
        engine::call_application(work, handle);
    });
}

std::uint64_t socket::after(core::duration delay, std::function<void(socket&)> work) const {
    return state_->after(delay, std::move(work));
}

void socket::cancel(std::uint64_t timer) const {
    state_->cancel(timer);
}

std::any& socket::data() const {
    return state_->data();
}

name_space& name_space::use(middleware step) {
    definition_->middlewares.push_back(std::move(step));
    return *this;
}

name_space& name_space::on_connection(std::function<void(socket&)> handler) {
    definition_->on_connection.push_back(std::move(handler));
    return *this;
}

name_space& name_space::on(std::string_view name, event_handler handler) {
    definition_->handlers.insert_or_assign(std::string{name}, std::move(handler));
    return *this;
}

name_space& name_space::on_any(event_handler handler) {
    definition_->any_handler = std::move(handler);
    return *this;
}

name_space& name_space::on_disconnect(std::function<void(socket&, std::string_view)> handler) {
    definition_->on_disconnect.push_back(std::move(handler));
    return *this;
}

name_space& name_space::without_recovery() {
    definition_->has_recovery = false;
    return *this;
}

name_space& name_space::on_server_side(std::string_view name, std::function<void(const args&)> handler) {
    definition_->server_side_handlers.insert_or_assign(std::string{name}, std::move(handler));
    return *this;
}

const std::string& name_space::name() const {
    return definition_->name;
}

broadcast_operator name_space::sockets() const {
    auto state = definition_->fixed.lock();
    if (!state) throw std::logic_error{"a namespace pattern has no sockets of its own: " + definition_->name};
    return broadcast_operator{std::move(state)};
}

void name_space::server_side_emit(std::string_view event, args arguments) const {
    if (const auto state = definition_->fixed.lock()) {
        state->adapter().server_side_emit(std::string{event}, std::move(arguments));
    }
}

} // namespace roomcast::server
