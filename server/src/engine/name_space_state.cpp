#include "engine/name_space_state.hpp"

#include "engine/context.hpp"
#include "engine/name_space_slice.hpp"
#include "engine/session.hpp"
#include "engine/socket_state.hpp"

#include "roomcast/core/value.hpp"

namespace roomcast::server::engine {

namespace {

/// Collects the answers to one broadcast's question. Lives on the shard that asked; the others post to it.
class question final : public timer_node,
                       public pending_operation,
                       public std::enable_shared_from_this<question> {
public:
    question(shard& home, std::shared_ptr<name_space_state> of, std::uint64_t id, std::size_t shards,
             std::function<void(broadcast_replies)> done)
        : home_(&home), of_(std::move(of)), done_(std::move(done)), id_(id), counts_missing_(shards) {}

    void begin(core::duration timeout) {
        self_ = shared_from_this();
        home_->begin_operation(*this);
        home_->timers().set(*this, core::deadline_after(home_->now(), timeout));
    }
    void on_count(std::size_t asked) {
        --counts_missing_;
        replies_.expected += asked;
        finish_if_complete();
    }
    void on_reply(args answer) {
        ++answered_;
        replies_.replies.push_back(std::move(answer));
        finish_if_complete();
    }
    void on_timer(core::time_point) override {
        replies_.error = core::errc::ack_timeout;
        finish();
    }
    /// The server stops.
    void give_up() override {
        replies_.error = core::errc::disconnected;
        finish();
    }
    shard& home() { return *home_; }

private:
    void finish_if_complete() {
        if (counts_missing_ == 0 && answered_ == replies_.expected) finish();
    }
    void finish() {
        const auto keep = std::move(self_);
        if (!keep) return;
        home_->end_operation(*this);
        home_->timers().unset(*this);
        // Sockets that did not answer must not keep the question.
        for (const auto& each : home_->shared().shards) {
            each->dispatch([of = of_, id = id_, at = each.get()] {
                if (name_space_slice* slice = at->find_slice(of->name())) {
                    slice->rooms().select(
                        {}, [&](hub::member& one) { static_cast<socket_state&>(one).forget_question(id); });
                }
            });
        }
        call_application(done_, std::move(replies_));
    }

    shard* home_;
    std::shared_ptr<name_space_state> of_;
    std::function<void(broadcast_replies)> done_;
    broadcast_replies replies_;
    std::shared_ptr<question> self_; ///< until it is over
    std::uint64_t id_;
    std::size_t counts_missing_;
    std::size_t answered_ = 0;
};

/// Collects what each shard found.
struct collected_sockets {
    std::vector<remote_socket> found;
    std::size_t missing = 0;
};

std::string handshake_json(const socket_state& socket_at, const handshake_info& info);

} // namespace

name_space_state::name_space_state(context& shared, std::string name,
                                   std::shared_ptr<name_space_definition> definition)
    : context_(&shared), name_(std::move(name)), definition_(std::move(definition)) {
    adapter_ = shared.make_adapter ? shared.make_adapter(name_, *this)
                                   : std::make_unique<roomcast::server::adapter>(*this);
}

name_space_state::~name_space_state() = default;

template <class Work>
void name_space_state::on_every_shard(const Work& work) {
    for (const auto& each : context_->shards) {
        each->dispatch([work, at = each.get(), self = shared_from_this()] {
            if (name_space_slice* slice = at->find_slice(self->name_)) work(*slice);
        });
    }
}

void name_space_state::broadcast(roomcast::server::broadcast what) {
    shard* here = context_->here();
    if (here == nullptr) {
        // An event must begin on a shard: there it gets its place among the others.
        context_->shards.front()->post([self = shared_from_this(), what = std::move(what)]() mutable {
            self->broadcast(std::move(what));
        });
        return;
    }
    name_space_slice* const known = here->find_slice(name_);
    name_space_slice& slice = known != nullptr ? *known : here->slice_of(shared_from_this());
    auto prepared = std::make_shared<const prepared_broadcast>(
        slice.prepare(what.name, what.arguments, std::move(what.target), what.flags.drop));
    slice.deliver(*prepared);
    // Made for this one event, it goes again; one that was there may belong to a socket that is about to end.
    // With recovery it stays: the events' numbers go on.
    if (known == nullptr && slice.log() == nullptr) here->forget_if_empty(slice);
    for (const auto& other : context_->shards) {
        if (other.get() == here) continue;
        other->post([prepared, at = other.get(), self = shared_from_this()] {
            // A shard without this namespace still notes the event when a client may come to it by recovery.
            if (prepared->position.sequence != 0) {
                at->slice_of(self).deliver(*prepared);
            } else if (name_space_slice* there = at->find_slice(self->name_)) {
                there->deliver(*prepared);
            }
        });
    }
}

void name_space_state::broadcast_with_ack(roomcast::server::broadcast what, core::duration timeout,
                                          std::function<void(broadcast_replies)> done) {
    shard* here = context_->here();
    if (here == nullptr) {
        context_->shards.front()->post(
            [self = shared_from_this(), what = std::move(what), timeout, done = std::move(done)]() mutable {
                self->broadcast_with_ack(std::move(what), timeout, std::move(done));
            });
        return;
    }
    const std::uint64_t id = next_ack_id();
    const core::shared_message message = core::sio::encode_event(
        name_, what.arguments.text_with_name(what.name), what.arguments.parts(), std::to_string(id));
    auto asked =
        std::make_shared<question>(*here, shared_from_this(), id, context_->shards.size(), std::move(done));
    asked->begin(timeout);
    std::shared_ptr<const args> seen;
    if (here->watching() != nullptr) {
        seen = std::make_shared<const args>(
            args::from_checked(what.arguments.text_with_name(what.name), what.arguments.parts()));
    }
    const auto ask_slice = [id, message, asked, seen,
                            whom = std::move(what.target)](shard& at, name_space_slice* slice) {
        std::size_t count = 0;
        if (slice != nullptr) {
            slice->rooms().select(whom, [&](hub::member& one) {
                auto& socket_at = static_cast<socket_state&>(one);
                if (!socket_at.is_connected()) return;
                ++count;
                if (seen) socket_at.show_sent(*seen);
                socket_at.ask(message, id, [asked](reply answer) {
                    if (answer.error)
                        return; // it is gone: the time-out ends the question, as in the reference
                    asked->home().dispatch(
                        [asked, given = answer.args.copy()]() mutable { asked->on_reply(std::move(given)); });
                });
            });
        }
        (void)at;
        asked->home().dispatch([asked, count] { asked->on_count(count); });
    };
    for (const auto& each : context_->shards) {
        each->dispatch([ask_slice, at = each.get(), self = shared_from_this()] {
            ask_slice(*at, at->find_slice(self->name_));
        });
    }
}

void name_space_state::join(const target& whom, const std::vector<std::string>& rooms) {
    on_every_shard([whom, rooms](name_space_slice& slice) {
        std::vector<socket_state*> chosen;
        slice.rooms().select(whom,
                             [&](hub::member& one) { chosen.push_back(&static_cast<socket_state&>(one)); });
        for (socket_state* one : chosen) {
            for (const std::string& room : rooms) one->join(room);
        }
    });
}

void name_space_state::leave(const target& whom, const std::vector<std::string>& rooms) {
    on_every_shard([whom, rooms](name_space_slice& slice) {
        std::vector<socket_state*> chosen;
        slice.rooms().select(whom,
                             [&](hub::member& one) { chosen.push_back(&static_cast<socket_state&>(one)); });
        for (socket_state* one : chosen) {
            for (const std::string& room : rooms) one->leave(room);
        }
    });
}

void name_space_state::disconnect(const target& whom, bool close_connection) {
    on_every_shard([whom, close_connection](name_space_slice& slice) {
        std::vector<std::shared_ptr<socket_state>> chosen;
        slice.rooms().select(whom, [&](hub::member& one) {
            chosen.push_back(static_cast<socket_state&>(one).shared_from_this());
        });
        for (const auto& one : chosen) one->disconnect(close_connection);
    });
}

void name_space_state::fetch(const target& whom, std::function<void(std::vector<remote_socket>)> done) {
    shard* here = context_->here();
    shard* home = here != nullptr ? here : context_->shards.front().get();
    auto collected = std::make_shared<collected_sockets>();
    collected->missing = context_->shards.size();
    for (const auto& each : context_->shards) {
        each->dispatch([=, at = each.get(), self = shared_from_this()] {
            std::vector<remote_socket> found;
            if (name_space_slice* slice = at->find_slice(self->name_)) {
                slice->rooms().select(whom, [&](hub::member& one) {
                    auto& socket_at = static_cast<socket_state&>(one);
                    if (!socket_at.is_connected()) return;
                    remote_socket seen;
                    seen.id = socket_at.id();
                    seen.rooms = socket_at.rooms();
                    seen.handshake = handshake_json(socket_at, *socket_at.handshake());
                    found.push_back(std::move(seen));
                });
            }
            home->dispatch([collected, done, found = std::move(found)]() mutable {
                for (remote_socket& one : found) collected->found.push_back(std::move(one));
                if (--collected->missing == 0) call_application(done, std::move(collected->found));
            });
        });
    }
}

void name_space_state::server_side_emit(const std::string& name, const args& arguments) {
    const auto handler = definition_->server_side_handlers.find(name);
    if (handler == definition_->server_side_handlers.end()) return;
    context_->shards.front()->dispatch([self = shared_from_this(), call = handler->second, arguments] {
        call_application(call, arguments);
    });
}

namespace {

std::string handshake_json(const socket_state& socket_at, const handshake_info& info) {
    std::string json = "{\"headers\":{";
    bool is_first = true;
    for (std::string_view rest = info.headers; !rest.empty();) {
        const std::size_t end = rest.find("\r\n");
        const std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        if (!is_first) json += ',';
        is_first = false;
        std::string name{line.substr(0, colon)};
        for (char& each : name) {
            if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
        }
        core::value::append_string(json, name);
        json += ':';
        core::value::append_string(json, line.substr(colon + 2));
    }
    json += "},\"address\":";
    core::value::append_string(json, info.address);
    json += ",\"xdomain\":";
    json += info.is_cross_domain ? "true" : "false";
    json += ",\"secure\":";
    json += info.is_secure ? "true" : "false";
    json += ",\"issued\":" + std::to_string(info.issued_ms) + ",\"url\":";
    core::value::append_string(json, info.url);
    json += ",\"auth\":";
    json += socket_at.auth().empty() ? "{}" : socket_at.auth();
    json += '}';
    return json;
}

} // namespace

} // namespace roomcast::server::engine
