#include "rules/flow.hpp"

#include "rules/signature.hpp"
#include "rules/told.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

namespace roomcast::server::rules {

namespace value = core::value;
namespace contract = core::contract;

namespace {

constexpr std::size_t deepest_answer = 64;

std::string json_string(std::string_view text) {
    std::string out;
    value::append_string(out, text);
    return out;
}

/// A room or a list of rooms; a number is its text, as in templates. @return nothing when it is none
std::optional<std::vector<std::string>> rooms_in(std::string_view given) {
    std::vector<std::string> all;
    const auto add = [&all](std::string_view one) {
        switch (value::kind_of(one)) {
        case value::kind::string: all.push_back(value::text(one).value_or("")); return !all.back().empty();
        case value::kind::number: all.emplace_back(one); return true;
        case value::kind::boolean:
        case value::kind::null:
        case value::kind::array:
        case value::kind::object: return false;
        }
        return false;
    };
    if (value::kind_of(given) != value::kind::array) {
        if (!add(given)) return std::nullopt;
        return all;
    }
    for (value::walker walk{given}; walk.next();) {
        if (!add(walk.element())) return std::nullopt;
    }
    return all;
}

/// What refuses. Backends that always have the member say null or false when all is well.
std::optional<std::string_view> error_in(std::string_view answer) {
    const auto error = value::member(answer, "error");
    if (!error || *error == "null" || *error == "false") return std::nullopt;
    return error;
}

/// What goes wrong in one event must not keep those behind it waiting for ever.
template <class Work>
void contained(const Work& work) {
    try {
        work();
    } catch (const std::exception& error) {
        base::log("rules").error("a rule could not be followed: {}", error.what());
    }
}

/// The member of a backend's answer that cannot be followed, and what it should be; empty: all can be. What
/// is null is not there.
std::string unusable_member(std::string_view answer) {
    const auto is_there = [&](std::string_view name, std::string_view& into) {
        const auto found = value::member(answer, name);
        if (!found || *found == "null") return false;
        into = *found;
        return true;
    };
    std::string_view found;
    if (is_there("ack", found) && value::kind_of(found) != value::kind::array) return "`ack` is no list";
    for (const char* way : {"join", "leave"}) {
        if (is_there(way, found) && !rooms_in(found)) {
            return '`' + std::string{way} + "` is no room and no list of rooms";
        }
    }
    if (is_there("emit", found) && value::kind_of(found) != value::kind::array &&
        value::kind_of(found) != value::kind::object) {
        return "`emit` is no list and no object";
    }
    return {};
}

} // namespace

std::int64_t unix_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

core::time_point monotonic_now() {
    return core::time_point{
        std::chrono::duration_cast<core::duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

bool holds(const permission& wanted, const visitor& who) {
    if (wanted.needs_user && !who.is_user) return false;
    return !wanted.claims || (who.is_user && wanted.claims->matches(who.claims_json));
}

bool flow::is_permitted(const permission& wanted) const {
    if (!holds(wanted, *who_)) return false;
    if (wanted.rooms.empty()) return true;
    const subject now = about();
    return std::any_of(wanted.rooms.begin(), wanted.rooms.end(), [&](const text_template& each) {
        const auto room = each.render(now);
        return room && sender_.is_in(*room);
    });
}

base::about flow::told() const {
    return about_socket(sender_).with("user", who_->user_id).with("event", event_);
}

void flow::fail(const std::string& error_json) {
    for (const std::string& key : taken_) {
        of_->keepers_.with(key, [key](keeper& at) { at.give_back_once(key); });
    }
    taken_.clear();
    if (base::log("rules").is_on(base::log_level::debug)) {
        // The code and the place: what the client sent, or what the backend says of it, is not for the log.
        const auto text_of = [&error_json](std::string_view name) {
            const auto found = value::member(error_json, name);
            return found ? value::text(*found).value_or("") : std::string{};
        };
        const std::string place = text_of("path");
        base::log("rules").debug(told().with("path", place), "event refused: {}", text_of("code"));
    }
    if (answer_ && !answer_.is_given()) {
        answer_({json{"{\"error\":" + error_json + '}'}});
    } else {
        sender_.emit("error", {json{error_json}});
    }
}

void flow::fail(std::string_view code, std::string_view message) {
    fail("{\"code\":" + json_string(code) + ",\"message\":" + json_string(message) +
         ",\"event\":" + json_string(event_) + '}');
}

void flow::run_in_turn(const action_list& actions) {
    if (who_->line && who_->line->is_held()) {
        who_->line->append([own = detached(), &actions] { contained([&] { own->run(actions); }); });
    } else {
        run(actions);
    }
}

void flow::go_on() {
    while (next_ < list_->size()) {
        if (run_one((*list_)[next_++]) != step::go_on) return;
    }
}

flow::step flow::missing_part(const action& what) {
    fail("{\"code\":\"invalid_arguments\",\"message\":\"the arguments do not fit the rule\",\"event\":" +
         json_string(event_) + ",\"action\":" + json_string(what.at.path) + '}');
    return step::end;
}

flow::step flow::run_one(const action& what) {
    switch (what.what) {
    case action::kind::join: return join(what);
    case action::kind::leave: return leave(what);
    case action::kind::emit: return emit(what);
    case action::kind::ack: return acknowledge(what);
    case action::kind::error: {
        const auto message = what.texts[0].render(about());
        fail(what.event, message.value_or("refused"));
        return step::end;
    }
    case action::kind::once: return once(what);
    case action::kind::forward: return forward(what);
    case action::kind::log: {
        if (!base::log("rules").is_on(base::log_level::info)) return step::go_on;
        if (const auto line = what.texts[0].render(about())) {
            base::log("rules").write(base::log_level::info, told(), what.at.path, *line);
        }
        return step::go_on;
    }
    case action::kind::disconnect: sender_.disconnect(); return step::end;
    }
    return step::end;
}

bool flow::render_rooms(const text_list& from, std::vector<std::string>& into) const {
    const subject now = about();
    for (const text_template& each : from) {
        auto room = each.render(now);
        if (!room) return false;
        into.push_back(std::move(*room));
    }
    return true;
}

/// Rooms of users are theirs: what comes in an event cannot name one, unless the rule says that prefix
/// itself.
bool flow::may_join(const std::string& room, const text_template& from) const {
    const std::string& reserved = by_->reserved_prefix();
    if (reserved.empty() || !room.starts_with(reserved)) return true;
    return from.leading_literal().starts_with(reserved) && !from.has_clients_words();
}

flow::step flow::join(const action& what) {
    std::vector<std::string> rooms;
    if (!render_rooms(what.texts, rooms)) return missing_part(what);
    for (std::size_t i = 0; i < rooms.size(); ++i) {
        if (!may_join(rooms[i], what.texts[i])) {
            ++of_->counts_.not_allowed;
            fail("not_allowed", "this room belongs to a user");
            return step::end;
        }
    }
    for (const std::string& room : rooms) {
        if (!enter(room)) return step::end;
    }
    return step::go_on;
}

/// @return false: the room is one too many, or its name too long, and the sender was told
bool flow::enter(const std::string& room) {
    sender_.join(room);
    if (sender_.is_connected() && !sender_.is_in(room)) {
        fail("too_many_rooms", "this room cannot be joined");
        return false;
    }
    base::log("rules").debug(told(), "joined {}", room);
    if (in_->has_retained) of_->send_retained(sender_, room);
    return true;
}

flow::step flow::leave(const action& what) {
    std::vector<std::string> rooms;
    if (!render_rooms(what.texts, rooms)) return missing_part(what);
    for (const std::string& room : rooms) {
        sender_.leave(room);
        base::log("rules").debug(told(), "left {}", room);
    }
    return step::go_on;
}

flow::step flow::emit(const action& what) {
    auto arguments = what.arguments.render(about());
    std::vector<std::string> rooms;
    if (!arguments || !render_rooms(what.texts, rooms)) return missing_part(what);
    const bool is_sent = send(what.event, std::move(*arguments), rooms, what.is_to_all,
                              what.is_sender_excepted, what.is_volatile, what.shape, what.is_retained);
    return is_sent ? step::go_on : step::end;
}

bool flow::send(const std::string& name, args arguments, const std::vector<std::string>& rooms,
                bool is_to_all, bool is_sender_excepted, bool is_volatile,
                const std::optional<contract::event>& shape, bool is_retained) {
    if (const auto why = of_->violation_of(shape, arguments)) {
        base::log("rules").warn(told(), "{} of {} was not sent: {} {}", name, sender_.nsp(), why->path,
                                why->message);
        fail(contract::to_json(*why));
        return false;
    }
    const bool is_to_sender = !is_to_all && rooms.size() == 1 && rooms[0] == sender_.id();
    if (is_to_sender && !is_sender_excepted && !is_retained) {
        if (is_volatile) {
            sender_.emit_volatile(name, std::move(arguments));
        } else {
            sender_.emit(name, std::move(arguments));
        }
        return true;
    }
    broadcast_operator to = is_sender_excepted ? sender_.broadcast() : sender_.everyone();
    if (!is_to_all) to = to.to(rooms);
    if (is_volatile) to = to.volatile_();
    if (is_retained) {
        of_->emit_retained(sender_.nsp(), to, name, std::move(arguments), rooms);
    } else {
        to.emit(name, std::move(arguments));
    }
    return true;
}

flow::step flow::acknowledge(const action& what) {
    auto reply = what.arguments.render(about());
    if (!reply) return missing_part(what);
    if (what.shape && answer_) {
        contract::violation why;
        const auto present = reply->parts() ? contract::attachments::present : contract::attachments::none;
        if (!what.shape->check_ack(reply->text(), why, present)) {
            ++of_->counts_.broken_promises;
            base::log("rules").warn(told(), "the ack of {} in {} breaks the contract: {} {}", event_,
                                    sender_.nsp(), why.path, why.message);
            fail(contract::to_json(why));
            return step::end;
        }
    }
    answer_(std::move(*reply));
    return step::go_on;
}

std::shared_ptr<flow> flow::detached() const {
    auto own = std::make_shared<flow>(*this);
    own->own_event_ = event_;
    own->event_ = own->own_event_;
    own->own_reason_ = reason_;
    own->reason_ = own->own_reason_;
    own->own_args_ = given_->copy();
    own->own_given_ = arguments{own->own_args_.text(), own->own_args_.parts(), 0};
    own->given_ = &own->own_given_;
    return own;
}

flow::step flow::once(const action& what) {
    const auto rendered = what.texts[0].render(about());
    if (!rendered || rendered->size() > 1024) return missing_part(what);
    const std::string key = joint_key("once", joint_key(sender_.nsp(), *rendered));
    const auto decide = [this_action = &what, key](flow& at, keeper::taken found) {
        switch (found) {
        case keeper::taken::now: at.taken_.push_back(key); return true;
        case keeper::taken::full:
            at.fail("unavailable", "too many keys are kept already; try again later");
            return false;
        case keeper::taken::before:
            ++at.of_->counts_.repeated;
            if (this_action->otherwise.empty()) {
                at.fail("repeated", "this was done already");
            } else {
                at.run(this_action->otherwise);
            }
            return false;
        }
        return false;
    };
    const std::size_t most = by_->chosen().limits.once_keys;
    if (keeper* at = of_->keepers_.here(key)) {
        const bool goes_on = decide(*this, at->take_once(key, monotonic_now(), what.keep, most));
        return goes_on ? step::go_on : step::end;
    }
    if (!who_->line) who_->line = std::make_shared<waiting_line>();
    who_->line->hold();
    of_->keepers_.with(
        key, [waiting = detached(), line = who_->line, key, most, keep = what.keep, decide](keeper& at) {
            const keeper::taken found = at.take_once(key, monotonic_now(), keep, most);
            waiting->sender_.post_anyway([waiting, line, found, decide](socket&) {
                contained([&] {
                    if (decide(*waiting, found)) waiting->go_on();
                });
                line->let_go();
            });
        });
    return step::wait;
}

std::string flow::forward_body(const forward_target& target) const {
    if (target.body) {
        std::string body;
        if (target.body->append(body, about())) return body;
        return {};
    }
    std::string body = "{\"event\":" + json_string(event_) + ",\"args\":" + given_->copy().text() +
                       ",\"namespace\":" + json_string(sender_.nsp()) +
                       ",\"socket\":" + json_string(sender_.id()) + ",\"user\":" + who_->user_json +
                       ",\"claims\":" + who_->claims_json + ",\"time\":" + std::to_string(unix_ms());
    if (given_->parts()) {
        // Attachments stand where the placeholders in `args` say, by number.
        body += ",\"attachments\":[";
        for (std::size_t i = 0; i < given_->parts()->size(); ++i) {
            if (i > 0) body += ',';
            body += '"';
            core::append_base64(body, (*given_->parts())[i]);
            body += '"';
        }
        body += ']';
    }
    return body + '}';
}

flow::step flow::forward(const action& what) {
    outbound::request asked;
    asked.method = "POST";
    asked.body = forward_body(*what.target);
    if (asked.body.empty()) return missing_part(what);
    asked.url = what.target->url.render(about()).value_or("");
    asked.timeout = what.target->timeout;
    asked.what = outbound::purpose::forward;
    asked.max_response_bytes = 1U << 20U;
    asked.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
    for (const auto& header : what.target->headers) asked.headers.push_back(header);
    sign(asked, {what.target->secret}, unix_ms() / 1000);
    ++of_->counts_.forwards;
    const std::shared_ptr<flow> waiting = detached();
    if (of_->network() == nullptr) {
        waiting->on_forwarded(what, {outbound::failure::stopped, 0, {}, {}});
        return step::wait;
    }
    ++of_->counts_.waiting_forwards;
    of_->network()->send(std::move(asked), [waiting, at = &what](outbound::response got) {
        // The backend has done it: the others hear of it, whether or not the sender is still there.
        waiting->sender_.post_anyway(
            [waiting, at, got = std::move(got)](socket&) { waiting->on_forwarded(*at, got); });
        --waiting->of_->counts_.waiting_forwards;
    });
    return step::wait;
}

void flow::on_forwarded(const action& what, const outbound::response& got) {
    const bool is_answer = got.why == outbound::failure::none;
    const std::string_view text = got.body.empty() ? std::string_view{"{}"} : std::string_view{got.body};
    const bool is_json =
        is_answer && !value::check_whole(text, deepest_answer) &&
        value::kind_of(text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()))) ==
            value::kind::object;
    if (is_json) {
        const std::size_t begin = text.find('{');
        backend_answer_ = text.substr(begin, text.rfind('}') - begin + 1);
    }
    const bool is_success = is_json && got.status >= 200 && got.status < 300;
    const bool is_refusal =
        is_json && (is_success || (got.status >= 400 && got.status < 500)) && error_in(backend_answer_);
    const std::string unusable = is_success && !is_refusal ? unusable_member(backend_answer_) : std::string{};
    if (unusable.empty() && (is_success || is_refusal)) {
        if (follow_answer() && is_success) go_on();
        return;
    }
    ++of_->counts_.failed_forwards;
    base::log("rules").warn(told(), "forward of {} in {} failed: {}", event_, sender_.nsp(),
                            !is_answer          ? std::string{name_of(got.why)}
                            : !unusable.empty() ? "in the answer " + unusable
                            : is_json           ? "status " + std::to_string(got.status)
                                                : "status " + std::to_string(got.status) +
                                            ", and the answer is no JSON object");
    if (what.otherwise.empty()) {
        fail("backend_unavailable", "the backend did not answer");
    } else {
        run(what.otherwise);
    }
}

/// The backend's own words; what it leaves out is filled in, for clients read `code`, `message` and `event`.
void flow::fail_as_backend_says(std::string_view error) {
    if (value::kind_of(error) != value::kind::object) {
        fail("refused", value::text(error).value_or("refused"));
        return;
    }
    std::string whole{error.substr(0, error.rfind('}'))};
    const auto add = [&](std::string_view name, std::string_view text) {
        if (value::member(error, name)) return;
        const bool is_first = whole.find_last_not_of(" \t\r\n") == whole.find('{');
        whole += (is_first ? "\"" : ",\"") + std::string{name} + "\":" + json_string(text);
    };
    add("code", "refused");
    add("message", "refused");
    add("event", event_);
    fail(whole + '}');
}

/// One of the answer's `emit`. @return false: the rule ends here
bool flow::emit_as_backend_says(std::string_view wanted) {
    const auto complain = [&](const char* what) {
        base::log("rules").warn(told(), "an emit of the backend's answer to {} in {} was left out: {}",
                                own_event_, sender_.nsp(), what);
        return true;
    };
    if (value::kind_of(wanted) != value::kind::object) return complain("it is no object");
    const auto name = value::member(wanted, "event");
    const auto text =
        name && value::kind_of(*name) == value::kind::string ? value::text(*name) : std::nullopt;
    if (!text || text->empty() || is_reserved(*text)) return complain("its event has no name that may be");
    const auto list = value::member(wanted, "args");
    args arguments;
    if (list) {
        if (value::kind_of(*list) != value::kind::array) return complain("its args are no list");
        arguments = args::from_checked(std::string{*list});
    }
    // Without `to` it is for all. A list that turns out empty is for nobody, not for everybody.
    const auto to = value::member(wanted, "to");
    std::vector<std::string> rooms;
    if (to) {
        const auto read = rooms_in(*to);
        if (!read) return complain("its `to` is no room and no list of rooms");
        if (read->empty()) return true;
        rooms = *read;
    }
    const auto except = value::member(wanted, "except_sender");
    const auto declared = in_->sent.find(*text);
    const bool is_declared = declared != in_->sent.end();
    return send(*text, std::move(arguments), rooms, !to, except && *except == "true", false,
                is_declared ? declared->second.shape : std::nullopt,
                is_declared && declared->second.is_retained);
}

/// Does what the backend's answer says. @return false: the rule ends here
bool flow::follow_answer() {
    const std::string answer = backend_answer_; // what follows may move it
    if (const auto error = error_in(answer)) {
        fail_as_backend_says(*error);
        return false;
    }
    const auto rooms_of = [&](std::string_view way) {
        const auto named = value::member(answer, way);
        return (named ? rooms_in(*named) : std::nullopt).value_or(std::vector<std::string>{});
    };
    for (const std::string& room : rooms_of("join")) {
        if (!enter(room)) return false;
    }
    for (const std::string& room : rooms_of("leave")) sender_.leave(room);
    if (const auto events = value::member(answer, "emit"); events && *events != "null") {
        if (value::kind_of(*events) == value::kind::array) {
            for (value::walker walk{*events}; walk.next();) {
                if (!emit_as_backend_says(walk.element())) return false;
            }
        } else if (!emit_as_backend_says(*events)) {
            return false;
        }
    }
    if (const auto reply = value::member(answer, "ack");
        reply && value::kind_of(*reply) == value::kind::array) {
        const auto own = in_->events.find(event_);
        if (answer_ && own != in_->events.end() && own->second.answer_shape) {
            contract::violation why;
            if (!own->second.answer_shape->check_ack(*reply, why)) {
                ++of_->counts_.broken_promises;
                base::log("rules").warn(told(), "the backend's ack of {} in {} breaks the contract: {} {}",
                                        event_, sender_.nsp(), why.path, why.message);
                fail(contract::to_json(why));
                return false;
            }
        }
        answer_(args::from_checked(std::string{*reply}));
    }
    return true;
}

} // namespace roomcast::server::rules
