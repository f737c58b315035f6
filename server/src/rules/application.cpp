#include "rules/application.hpp"

#include "engine/address_table.hpp"
#include "rules/flow.hpp"
#include "rules/told.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

namespace roomcast::server::rules {

namespace value = core::value;
namespace contract = core::contract;

namespace {

core::unix_time wall_now() {
    return {
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count()};
}

/// One argument that was put together from checked JSON: it may be deeper than what came.
args alone(const std::string& json) {
    return args::from_checked('[' + json + ']');
}

std::shared_ptr<visitor> visitor_of(const socket& whose) {
    const auto* held = std::any_cast<std::shared_ptr<visitor>>(&whose.data());
    return held == nullptr ? nullptr : *held;
}

std::string json_string(std::string_view text) {
    std::string out;
    value::append_string(out, text);
    return out;
}

std::string user_json(const auth::identity& who) {
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? "null" : json_string(text);
    };
    return "{\"id\":" + json_string(who.id) + ",\"name\":" + text_or_null(who.name) +
           ",\"email\":" + text_or_null(who.email) + ",\"image\":" + text_or_null(who.image) + '}';
}

/// Is a browser's page from this origin trusted with the user's cookies? Its own host always is.
bool is_trusted_origin(std::string_view origin, std::string_view host, const cors_options& cors) {
    if (origin.empty()) return true; // no browser, or the same origin
    const std::size_t scheme = origin.find("://");
    if (scheme != std::string_view::npos && !host.empty() && origin.substr(scheme + 3) == host) return true;
    return std::any_of(cors.origins.begin(), cors.origins.end(),
                       [origin](const std::string& each) { return each == origin; });
}

/// The page that a connection comes from; empty: no browser's, or one of the same origin. Loading a script
/// tells no Origin, and JSON-P lets any page read the answer: then the other words of the browser count.
std::string page_of(const handshake_info& info) {
    if (const std::string_view origin = info.header("Origin"); !origin.empty()) return std::string{origin};
    const std::string_view site = info.header("Sec-Fetch-Site");
    const bool is_foreign = site == "cross-site" || site == "same-site";
    if (!is_foreign && (site == "same-origin" || !info.query("j"))) return {};
    const std::string_view referer = info.header("Referer");
    const std::size_t scheme = referer.find("://");
    if (scheme == std::string_view::npos) return "null"; // as browsers write an origin that they hide
    return std::string{referer.substr(0, referer.find_first_of("/?#", scheme + 3))};
}

/// Those of `rooms` whose parts are all there, each once.
std::vector<std::string> rooms_in(const text_list& rooms, const subject& about) {
    std::vector<std::string> found;
    for (const text_template& each : rooms) {
        auto room = each.render(about);
        if (!room || room->empty() || std::find(found.begin(), found.end(), *room) != found.end()) continue;
        found.push_back(std::move(*room));
    }
    return found;
}

std::string told_of(const visitor& who, const socket& sender, const std::string& room) {
    return "{\"room\":" + json_string(room) +
           ",\"userId\":" + json_string(who.is_user ? who.user_id : sender.id()) +
           ",\"user\":" + who.user_json + '}';
}

/// Who counts once: a user, or a socket without one.
std::string present_key(const visitor& who, const socket& sender) {
    return who.is_user ? who.user_id : sender.id();
}

/// How lines for people call a user; nothing without one.
std::string named(const visitor& who, const char* before) {
    if (!who.is_user) return {};
    const auto name = value::member(who.user_json, "name");
    const std::string known = name ? value::text(*name).value_or("") : "";
    return before + (known.empty() ? who.user_id : known) + ')';
}

std::optional<std::string> claim_text(std::string_view claims, std::string_view name) {
    const auto found = value::member(claims, name);
    return found ? value::text(*found) : std::nullopt;
}

void end_as_revoked(const socket& whose, const char* why) {
    base::log("auth").info(about_socket(whose).with("reason", why), "ended: the sign-in was revoked");
    whose.emit("auth:revoked", {json{std::string{R"({"code":")"} + why + "\"}"}});
    whose.disconnect(true);
}

} // namespace

std::string session_of(const auth::identity& who) {
    return who.session_id.empty() ? claim_text(who.claims, "jti").value_or("") : who.session_id;
}

bool is_listed_as_revoked(const config::auth_settings& chosen, const std::string& user,
                          const std::string& session) {
    const auto is_in = [](const std::vector<std::string>& list, const std::string& id) {
        return !id.empty() && std::find(list.begin(), list.end(), id) != list.end();
    };
    return is_in(chosen.revoked_users, user) || is_in(chosen.revoked_sessions, session);
}

/// A client on its way in.
struct application::admission {
    socket sender;
    next_step next;
    std::shared_ptr<const program> by;
    const compiled_name_space* in;
    std::shared_ptr<visitor> who;
    std::shared_ptr<visitor> before; ///< who it was, when its state was recovered
};

/// Where a request comes from.
struct application::requester {
    std::string_view name_space;
    std::string_view address;
    std::string_view origin;
    std::string_view host;
    std::string_view connection{}; ///< what the log calls it
    base::about about() const {
        return base::about{}
            .with("connection", connection)
            .with("namespace", name_space)
            .with("address", address);
    }
};

void application::install(server& io) {
    io_ = &io;
    keepers_.start(io);
    if (listener_ != nullptr) {
        io.watch_rooms([this](const std::string& name_space, std::string_view room, room_change what) {
            if (!listener_->hears_of_rooms()) return;
            std::string place = joint_key(name_space, room);
            const std::string key = place;
            keepers_.with(key, [this, place = std::move(place), name_space, room = std::string{room},
                                what](keeper& at) {
                if (at.note_room(place, what)) listener_->on_room(name_space, room, what);
            });
        });
    }
    const std::shared_ptr<const program> now = current();
    for (const auto& space : now->name_spaces()) {
        if (!space->is_pattern) install_handlers(io.of(space->key));
    }
    // It is always there: without rules of its own nobody comes in unasked.
    if (now->find("/") == nullptr) install_handlers(io.of("/"));
    // Patterns, and namespaces that a reload brings.
    install_handlers(io.of_matching(
        [this](std::string_view name, std::string_view) { return current()->find(name) != nullptr; }));
}

void application::install_handlers(name_space at) {
    at.use([this](socket& who, const next_step& next) { admit(who, next); });
    at.on_connection([this](socket& who) { on_connection(who); });
    at.on_disconnect([this](socket& who, std::string_view reason) { on_disconnect(who, reason); });
    at.on_any([this](socket& sender, event& given) { on_event(sender, given); });
}

void application::replace(std::shared_ptr<const program> next) {
    const std::shared_ptr<const program> before = current();
    program_.store(next);
    const config::auth_settings& old_auth = before->chosen().auth;
    const config::auth_settings& new_auth = next->chosen().auth;
    const auto is_new = [](const std::vector<std::string>& list, const std::string& id) {
        return std::find(list.begin(), list.end(), id) == list.end();
    };
    for (const std::string& id : new_auth.revoked_users) {
        if (is_new(old_auth.revoked_users, id)) revoke_user(id);
    }
    for (const std::string& id : new_auth.revoked_sessions) {
        if (is_new(old_auth.revoked_sessions, id)) revoke_session(id);
    }
}

void application::wait_for_flows(core::duration longest) const {
    const core::time_point latest = core::deadline_after(monotonic_now(), longest);
    while (counts_.waiting_forwards != 0 && monotonic_now() < latest) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

kept_state application::keep() const {
    kept_state state;
    const core::time_point now = monotonic_now();
    keepers_.visit_each([&](const keeper& at) {
        for (const auto& [key, until] : at.once()) {
            if (until == core::never) {
                state.once.push_back({key, {}});
            } else if (until > now) {
                state.once.push_back({key, until - now});
            }
        }
        at.for_each_retained([&](const std::string& place, const keeper::retained_event& what) {
            state.events.push_back({place, what.event, what.arguments, what.changed_ms});
        });
    });
    revoked_.for_each([&](const std::string& key, core::time_point until) {
        if (until > now) state.revocations.push_back({key, until - now});
    });
    return state;
}

void application::restore(const kept_state& state, core::duration away) {
    const config::rule_limits& limits = current()->chosen().limits;
    const core::time_point now = monotonic_now();
    const core::time_point kept = now - away;
    for (const kept_state::once_key& each : state.once) {
        const core::time_point until = each.left ? core::deadline_after(kept, *each.left) : core::never;
        if (until > now) keepers_.of(each.key).put_once(each.key, until, limits.once_keys);
    }
    for (const kept_state::retained& each : state.events) {
        counts_.dropped_retained +=
            keepers_.of(each.place)
                .retain(each.place, each.event, each.arguments, limits.retained_bytes, each.changed_ms);
    }
    for (const kept_state::revoked& each : state.revocations) {
        const core::time_point until = core::deadline_after(kept, each.left);
        if (until > now) revoked_.add(each.key, until, now);
    }
}

data_form application::form_of_data() {
    data_form form;
    form.write = [](const std::any& data) -> std::optional<std::string> {
        const auto* who = std::any_cast<std::shared_ptr<visitor>>(&data);
        if (who == nullptr || *who == nullptr) return std::nullopt;
        return bytes_of(**who);
    };
    form.read = [](std::string_view bytes) -> std::optional<std::any> {
        auto who = visitor_from(bytes);
        if (who == nullptr) return std::nullopt;
        return std::any{std::move(who)};
    };
    return form;
}

void application::stop() {
    keepers_.stop();
    network_.reset();
}

// ---- Coming in

void application::refuse(const admission& of, const std::string& message, const char* code) {
    base::log("auth").info(
        about_socket(of.sender).with("user", of.who->user_id).with("address", of.sender.handshake().address),
        "may not connect to {}: {}", of.sender.nsp(), code);
    of.next(connect_error{message, std::string{R"({"code":")"} + code + "\"}"});
}

void application::admit(socket& who, const next_step& next) {
    auto by = current();
    auto coming = std::make_shared<visitor>();
    const compiled_name_space* in = by->find(who.nsp(), &coming->matches);
    if (in == nullptr && !by->name_spaces().empty()) {
        next(connect_error{"Invalid namespace", {}});
        return;
    }
    auto of = std::make_shared<admission>(
        admission{who, next, by, in, std::move(coming), who.is_recovered() ? visitor_of(who) : nullptr});
    if (in == nullptr || in->verifier == nullptr) {
        finish_admission(of);
        return;
    }
    const handshake_info& info = who.handshake();
    const std::string_view payload = who.auth();
    std::string token;
    if (const auto given = value::member(payload, "token")) token = value::text(*given).value_or("");
    auth::credentials what;
    what.cookie_header = info.header("Cookie");
    what.authorization = info.header("Authorization");
    what.token = token;
    what.auth_payload = payload;
    what.name_space = who.nsp();
    what.address = info.address;
    what.origin = info.header("Origin");
    const std::size_t mark = info.url.find('?');
    if (mark != std::string::npos) what.query = std::string_view{info.url}.substr(mark + 1);
    in->verifier->verify(what, wall_now(), [this, of](auth::verdict said) {
        of->sender.post(
            [this, of, said = std::move(said)](socket&) mutable { on_verdict(of, std::move(said)); });
    });
}

void application::on_verdict(const std::shared_ptr<admission>& of, auth::verdict said) {
    const handshake_info& info = of->sender.handshake();
    const std::string page = page_of(info);
    const requester from{of->sender.nsp(), info.address, page, info.header("Host"), info.connection};
    if (auto refused = judge(*of->by, *of->in, said, from, *of->who)) {
        of->next(std::move(refused));
        return;
    }
    if (of->before && of->before->user_id != of->who->user_id) {
        // Somebody else's recovery token: what was missed is not for this user.
        ++counts_.refused_sign_ins;
        refuse(*of, of->by->chosen().auth.invalid, "unauthorized");
        return;
    }
    finish_admission(of);
}

bool application::is_revoked(const program& by, const visitor& who) const {
    const core::time_point now = monotonic_now();
    const auto has = [&](const char* kind, const std::string& id) {
        return !id.empty() && revoked_.has(joint_key(kind, id), now);
    };
    return is_listed_as_revoked(by.chosen().auth, who.user_id, who.session_id) || has("user", who.user_id) ||
           has("session", who.session_id);
}

std::optional<connect_error> application::judge(const program& by, const compiled_name_space& in,
                                                const auth::verdict& said, const requester& from,
                                                visitor& who) {
    const config::auth_settings& chosen = by.chosen().auth;
    const auto refused = [this](const std::string& message, const char* code) {
        ++counts_.refused_sign_ins;
        return connect_error{message, std::string{R"({"code":")"} + code + "\"}"};
    };
    if (!said.is_accepted()) {
        const bool is_missing = said.reason == core::auth::reason::no_credential;
        if (is_missing && in.is_sign_in_optional) return std::nullopt;
        base::log("auth").info(from.about(), "may not connect to {}: {}{}{}", from.name_space,
                               core::auth::name_of(said.reason), said.detail.empty() ? "" : ": ",
                               said.detail);
        return refused(is_missing ? chosen.missing : chosen.invalid, "unauthorized");
    }
    if (chosen.checks_origin && said.who.has_cookie &&
        !is_trusted_origin(from.origin, from.host, by.chosen().server.cors)) {
        base::log("auth").warn(from.about().with("origin", from.origin),
                               "may not connect to {}: a page that is not among cors.origin used the cookie",
                               from.name_space);
        return refused(chosen.invalid, "bad_origin");
    }
    who.is_user = !said.who.id.empty();
    who.user_id = said.who.id;
    who.user_json = user_json(said.who);
    who.claims_json = said.who.claims;
    who.session_id = session_of(said.who);
    who.provider = said.who.provider;
    if (said.who.expires) who.expires = said.who.expires->seconds;
    who.rooms = said.who.rooms;
    if (is_revoked(by, who)) {
        base::log("auth").info(from.about().with("user", who.user_id), "may not connect to {}: revoked",
                               from.name_space);
        return refused(chosen.invalid, "revoked");
    }
    ++counts_.signed_in;
    return std::nullopt;
}

void application::authorise(const std::string& name_space, const auth::credentials& what,
                            std::string_view host, std::function<void(admitted)> done) {
    const auto by = current();
    auto who = std::make_shared<visitor>();
    const compiled_name_space* in = by->find(name_space, &who->matches);
    if (in == nullptr) {
        const bool is_open = by->name_spaces().empty() && name_space == "/";
        done(is_open ? admitted{{}, who}
                     : admitted{connect_error{"Invalid namespace", R"({"code":"unknown_namespace"})"}, {}});
        return;
    }
    const auto finish = [by, in, who, done](std::optional<connect_error> refused) {
        if (!refused && !holds(in->allowed, *who)) {
            refused = connect_error{by->chosen().auth.invalid, R"({"code":"forbidden"})"};
        }
        done(refused ? admitted{std::move(refused), {}} : admitted{{}, who});
    };
    if (in->verifier == nullptr) {
        finish({});
        return;
    }
    in->verifier->verify(what, wall_now(),
                         [this, by, in, who, finish, name_space, address = std::string{what.address},
                          origin = std::string{what.origin},
                          host = std::string{host}](const auth::verdict& said) {
                             finish(judge(*by, *in, said, {name_space, address, origin, host}, *who));
                         });
}

void application::finish_admission(const std::shared_ptr<admission>& of) {
    if (of->in != nullptr && !of->in->allowed.is_everybody()) {
        const arguments nothing;
        const flow check{*this, of->by, *of->in, of->sender, of->who, {}, nothing, {}};
        if (!check.is_permitted(of->in->allowed)) {
            ++counts_.not_allowed;
            refuse(*of, of->by->chosen().auth.invalid, "forbidden");
            return;
        }
    }
    count_user(of);
}

/// Finds the buckets that this socket shares with others, and counts it.
void application::count_user(const std::shared_ptr<admission>& of) {
    const auto count_address = [this, of] {
        const auto connect = [of](std::shared_ptr<tally> by_address) {
            of->sender.post([of, by_address = std::move(by_address)](socket& whose) {
                of->who->by_address = by_address;
                if (of->before) of->who->presence = std::move(of->before->presence);
                whose.data() = of->who;
                of->next({});
            });
        };
        if (!of->by->counts_addresses()) {
            connect(nullptr);
            return;
        }
        const std::string key =
            joint_key("address", engine::address_table::counted_as(of->sender.handshake().address));
        keepers_.with(key, [key, connect](keeper& at) { connect(at.tally_of(key, monotonic_now())); });
    };
    if (!of->who->is_user || !of->by->counts_users()) {
        count_address();
        return;
    }
    const std::string key = joint_key("user", of->who->user_id);
    keepers_.with(key, [this, key, of, count_address](keeper& at) {
        const std::shared_ptr<tally> found = at.tally_of(key, monotonic_now());
        auto place = take_seat(key, found, of->sender.nsp(), of->by->chosen().limits.connections_per_user);
        of->sender.post([this, of, found, place = std::move(place), count_address](socket&) {
            if (!place) {
                ++counts_.refused_users;
                refuse(*of, "too many connections of this user", "too_many_connections");
                return;
            }
            of->who->by_user = found;
            of->who->place = place;
            count_address();
        });
    });
}

/// On the keeper's thread. @return nothing: all are taken
std::shared_ptr<seat> application::take_seat(const std::string& key, const std::shared_ptr<tally>& of,
                                             const std::string& name_space, std::size_t most) {
    std::size_t& open = of->sockets[name_space];
    if (most != 0 && open >= most) return nullptr;
    ++open;
    return std::make_shared<seat>([this, key, of, name_space] {
        keepers_.with(key, [of, name_space](keeper&) {
            const auto taken = of->sockets.find(name_space);
            if (taken != of->sockets.end() && --taken->second == 0) of->sockets.erase(taken);
        });
    });
}

/// Who comes back without a new sign-in has given its place away, and in a new process is counted nowhere.
void application::count_restored(const socket& whose, const std::shared_ptr<visitor>& who) {
    const auto by = current();
    if (who->is_user && by->counts_users() && !who->place) {
        const std::string key = joint_key("user", who->user_id);
        const std::size_t most = by->chosen().limits.connections_per_user;
        keepers_.with(key, [this, key, most, whose, who](keeper& at) {
            const std::shared_ptr<tally> found = at.tally_of(key, monotonic_now());
            auto place = take_seat(key, found, whose.nsp(), most);
            whose.post([this, who, found, place = std::move(place)](socket& now) {
                who->by_user = found;
                who->place = place;
                if (place) return;
                ++counts_.refused_users;
                base::log("rules").warn(about_socket(now).with("user", who->user_id),
                                        "ended: too many connections of this user");
                now.disconnect(true);
            });
        });
    }
    if (by->counts_addresses() && !who->by_address) {
        const std::string key =
            joint_key("address", engine::address_table::counted_as(whose.handshake().address));
        keepers_.with(key, [key, whose, who](keeper& at) {
            whose.post(
                [who, found = at.tally_of(key, monotonic_now())](socket&) { who->by_address = found; });
        });
    }
}

void application::on_connection(socket& whose) {
    auto who = visitor_of(whose);
    if (who && whose.is_recovered()) {
        // Events that it sent before it was cut off may still wait for a backend, on the thread where it was.
        who = std::make_shared<visitor>(*who);
        who->line.reset();
        whose.data() = who;
    }
    const auto by = current();
    const compiled_name_space* in = who ? by->find(whose.nsp()) : nullptr;
    if (who) {
        base::log("rules").info(
            about_socket(whose).with("user", who->user_id).with("address", whose.handshake().address),
            "✓ Client connected: {}{}", whose.id(), named(*who, " (User: "));
    }
    if (who && listener_ != nullptr) listener_->on_connected(whose, *who);
    if (in == nullptr) return;
    if (whose.is_recovered() && in->verifier != nullptr && who->provider.empty()) {
        // It came before a reload brought the sign-in.
        ++counts_.not_allowed;
        base::log("rules").info(about_socket(whose), "ended: it came back to where one must sign in now");
        whose.disconnect(true);
        return;
    }
    who->is_refreshing = false; // a recovered one may have gone meanwhile
    if (whose.is_recovered()) count_restored(whose, who);
    if (who->is_user) {
        const arguments nothing;
        const auto room = by->user_room().render({whose, *who, nothing});
        if (room && !room->empty()) whose.join(*room);
        keep_signed_in(joint_key("user", who->user_id), whose);
        keep_signed_in(joint_key("session", who->session_id), whose);
        // What was revoked while it was on its way in found nobody to end.
        if (end_if_revoked(whose, *who)) return;
    }
    for (const std::string& room : who->rooms) whose.join(room);
    watch_expiry(whose, *who);
    if (in->presence) {
        // A recovered client is where it was.
        const auto were = std::move(who->presence);
        who->presence.clear();
        for (const auto& [room, payload] : were) enter(whose, who, *in->presence, room, payload, {});
    }
    if (in->has_retained) send_retained(whose, "");
    const arguments nothing;
    flow{*this, by, *in, whose, who, "connect", nothing, {}}.run(in->on_connect);
}

void application::on_disconnect(socket& whose, std::string_view reason) {
    const auto who = visitor_of(whose);
    if (!who) return;
    const auto by = current();
    const compiled_name_space* in = by->find(whose.nsp());
    base::log("rules").info(about_socket(whose).with("user", who->user_id).with("reason", reason),
                            "✗ Client disconnected: {}{} - {}", whose.id(), named(*who, " ("), reason);
    if (listener_ != nullptr) listener_->on_disconnected(whose, *who, reason);
    who->place.reset(); // recovery may keep the visitor
    if (who->is_user) {
        forget_signed_in(joint_key("user", who->user_id), whose.id());
        forget_signed_in(joint_key("session", who->session_id), whose.id());
    }
    if (in != nullptr && in->typing) {
        const auto typing = who->typing;
        for (const auto& [room, state] : typing) stop_typing(whose, *who, *in->typing, room);
    }
    if (!who->presence.empty()) {
        // A reload may have taken the rule, or the namespace: nobody may stay present for that.
        const presence_rule none{};
        const presence_rule& rule = in != nullptr && in->presence ? *in->presence : none;
        // What it was in is kept, in case that it comes back with its state.
        const auto present = who->presence;
        for (const auto& [room, payload] : present) leave(whose, *who, rule, room, {});
        who->presence = present;
    }
    if (in == nullptr) return;
    const arguments nothing;
    flow{*this, by, *in, whose, who, "disconnect", nothing, {}, reason}.run_in_turn(in->on_disconnect);
}

// ---- Credentials on live sockets

void application::watch_expiry(const socket& whose, visitor& who) {
    const auto by = current();
    const config::auth_settings& chosen = by->chosen().auth;
    whose.cancel(who.expiry_timer);
    who.expiry_timer = 0;
    std::optional<core::duration> left;
    constexpr std::int64_t longest_s = 60LL * 60 * 24 * 365 * 10;
    if (who.expires) {
        left =
            std::chrono::seconds{std::clamp<std::int64_t>(*who.expires - wall_now().seconds, 0, longest_s)};
    }
    const bool is_signed_in = who.is_user || !who.provider.empty();
    if (is_signed_in && chosen.max_lifetime > core::duration::zero() &&
        (!left || *left > chosen.max_lifetime)) {
        left = chosen.max_lifetime;
    }
    if (!left) return;
    const auto end = [this](socket& ended) {
        ++counts_.expired;
        base::log("auth").info(about_socket(ended), "ended: the credential has expired");
        ended.emit("auth:expired", {json{R"({"code":"expired","message":"the credential has expired"})"}});
        ended.end_connection();
    };
    if (chosen.on_expiry == config::expiry_policy::close || chosen.expiry_notice == core::duration::zero()) {
        who.expiry_timer = whose.after(*left, end);
        return;
    }
    const core::duration notice = std::min(chosen.expiry_notice, *left);
    who.expiry_timer = whose.after(*left - notice, [end, notice, expires = who.expires](socket& told) {
        told.emit(
            "auth:expiring",
            {json{"{\"expires\":" + (expires ? std::to_string(*expires) : "null") + ",\"seconds\":" +
                  std::to_string(std::chrono::duration_cast<std::chrono::seconds>(notice).count()) + '}'}});
        if (const auto now = visitor_of(told)) now->expiry_timer = told.after(notice, end);
    });
}

/// `auth:refresh`: a fresh credential for the same user, in place.
void application::refresh(const socket& sender, const std::shared_ptr<visitor>& who, const event& given) {
    const auto by = current();
    const compiled_name_space* in = by->find(sender.nsp());
    const responder answer = given.answer_later();
    const auto refuse_it = [answer, sender](std::string_view code) {
        const std::string error = "{\"code\":" + json_string(code) +
                                  R"(,"message":"the credential was refused","event":"auth:refresh"})";
        if (answer) {
            answer({json{"{\"error\":" + error + '}'}});
        } else {
            sender.emit("error", {json{error}});
        }
    };
    std::string token = given.text(0).value_or("");
    if (token.empty() && given.size() > 0) {
        if (const auto inner = value::member(given.json(0), "token"))
            token = value::text(*inner).value_or("");
    }
    if (in == nullptr || in->verifier == nullptr || token.empty()) {
        refuse_it("unauthorized");
        return;
    }
    const std::string payload = "{\"token\":" + json_string(token) + '}';
    auth::credentials what;
    what.token = token;
    what.auth_payload = payload;
    what.name_space = sender.nsp();
    what.address = sender.handshake().address;
    // One at a time: each may ask the app.
    if (std::exchange(who->is_refreshing, true)) {
        refuse_it("unavailable");
        return;
    }
    in->verifier->verify(what, wall_now(), [this, sender, who, refuse_it, answer](auth::verdict said) {
        sender.post([this, who, refuse_it, answer, said = std::move(said)](socket& whose) {
            who->is_refreshing = false;
            const auto now = current();
            const compiled_name_space* there = now->find(whose.nsp());
            const std::string session = session_of(said.who);
            std::string why;
            visitor fresh;
            fresh.user_id = said.who.id;
            fresh.session_id = session;
            if (!said.is_accepted()) {
                why = core::auth::name_of(said.reason);
            } else if (said.who.id != who->user_id) {
                why = "another user";
            } else if (is_revoked(*now, fresh)) {
                why = "revoked";
            } else {
                fresh.is_user = who->is_user;
                fresh.claims_json = said.who.claims;
                const arguments nothing;
                const auto as_fresh = std::make_shared<visitor>(std::move(fresh));
                // What lets somebody into the namespace must hold for the fresh credential as well.
                if (there == nullptr ||
                    !flow{*this, now, *there, whose, as_fresh, {}, nothing, {}}.is_permitted(
                        there->allowed)) {
                    why = "not allowed in this namespace";
                }
            }
            if (!why.empty()) {
                ++counts_.refused_sign_ins;
                base::log("auth").info(about_socket(whose).with("user", who->user_id),
                                       "may not refresh its sign-in: {}", why);
                refuse_it("unauthorized");
                return;
            }
            if (session != who->session_id) {
                forget_signed_in(joint_key("session", who->session_id), whose.id());
                who->session_id = session;
                keep_signed_in(joint_key("session", session), whose);
                if (end_if_revoked(whose, *who)) return;
            }
            who->claims_json = said.who.claims;
            who->user_json = user_json(said.who);
            who->expires.reset();
            if (said.who.expires) who->expires = said.who.expires->seconds;
            watch_expiry(whose, *who);
            answer({json{"{\"ok\":true,\"expires\":" +
                         (who->expires ? std::to_string(*who->expires) : std::string{"null"}) + '}'}});
        });
    });
}

void application::keep_signed_in(const std::string& key, const socket& whose) {
    if (key.back() == '\0') return; // a credential without a session
    keepers_.with(key, [this, key, whose](keeper& at) {
        at.signed_in[key].insert_or_assign(whose.id(), whose);
        // Revoked while it was on its way in: whoever revoked it did not find it here.
        if (revoked_.has(key, monotonic_now())) end_in(at, key, "revoked");
    });
}

void application::forget_signed_in(const std::string& key, const std::string& socket_id) {
    if (key.back() == '\0') return;
    keepers_.with(key, [key, socket_id](keeper& at) {
        const auto known = at.signed_in.find(key);
        if (known == at.signed_in.end()) return;
        known->second.erase(socket_id);
        if (known->second.empty()) at.signed_in.erase(known);
    });
}

void application::end_in(keeper& at, const std::string& key, const char* why) {
    const auto known = at.signed_in.find(key);
    if (known == at.signed_in.end()) return;
    const std::map<std::string, socket> all = known->second; // it changes as they go
    for (const auto& [id, whose] : all) {
        ++counts_.revoked;
        whose.post([why](socket& ended) { end_as_revoked(ended, why); });
    }
}

void application::end_signed_in(const std::string& key, const char* why) {
    keepers_.with(key, [this, key, why](keeper& at) { end_in(at, key, why); });
}

bool application::revoke_user_for(const std::string& id, core::duration how_long) {
    const std::string key = joint_key("user", id);
    const core::time_point now = monotonic_now();
    if (how_long == core::duration::zero()) {
        revoked_.lift(key);
        return true;
    }
    // First the table, then those who are here: see on_connection.
    if (!revoked_.add(key, core::deadline_after(now, how_long), now)) return false;
    revoke_user(id);
    return true;
}

bool application::revoke_session_for(const std::string& id, core::duration how_long) {
    const std::string key = joint_key("session", id);
    const core::time_point now = monotonic_now();
    if (how_long == core::duration::zero()) {
        revoked_.lift(key);
        return true;
    }
    if (!revoked_.add(key, core::deadline_after(now, how_long), now)) return false;
    revoke_session(id);
    return true;
}

bool application::end_if_revoked(const socket& whose, const visitor& who) {
    const auto now = current();
    const config::auth_settings& chosen = now->chosen().auth;
    if (!is_listed_as_revoked(chosen, who.user_id, who.session_id)) return false;
    ++counts_.revoked;
    const bool is_user = is_listed_as_revoked(chosen, who.user_id, {});
    end_as_revoked(whose, is_user ? "user_revoked" : "session_revoked");
    return true;
}

void application::revoke_user(const std::string& id) {
    end_signed_in(joint_key("user", id), "user_revoked");
}

void application::revoke_session(const std::string& id) {
    end_signed_in(joint_key("session", id), "session_revoked");
}

// ---- Events

/// Of a program that it has not met yet it needs to know its namespace, and buckets by that one's numbers.
void application::meet(const socket& sender, visitor& who, const std::shared_ptr<const program>& by) const {
    if (is_same(who.met, by)) return;
    who.met = by;
    std::vector<std::string> matches;
    who.in = by->find(sender.nsp(), &matches);
    if (who.in != nullptr) who.matches = std::move(matches);
    who.own = std::make_shared<bucket_row>(by, by->slots());
}

bool application::is_within_rates(const std::shared_ptr<const program>& now, visitor& who,
                                  config::over_rate& over) const {
    const config::rule_limits& chosen = now->chosen().limits;
    over = chosen.over;
    if (chosen.events_per_socket.is_off() && !who.by_user && !who.by_address) return true;
    const core::time_point at = monotonic_now();
    if (!who.own->at(0).take(chosen.events_per_socket, at)) return false;
    const auto goes_in = [&](tally& shared, const rate& allowed) {
        return allowed.is_off() || shared.row_of(now, now->slots())->at(0).take(allowed, at);
    };
    if (who.by_user && !goes_in(*who.by_user, chosen.events_per_user)) return false;
    return !who.by_address || goes_in(*who.by_address, chosen.events_per_address);
}

void application::on_event(socket& sender, event& given) {
    seen_->note(sender.nsp(), given.name(), sender.id(), [&sender] { return sender.rooms(); });
    const auto who = visitor_of(sender);
    const auto by = current();
    if (who) meet(sender, *who, by);
    const compiled_name_space* in = who ? who->in : nullptr;
    if (in == nullptr) {
        ++counts_.unknown_events;
        return;
    }
    flow running{*this, by, *in, sender, who, given.name(), given.args(), given.answer_later()};
    const auto refuse_rate = [&](config::over_rate over) {
        ++counts_.rate_limited;
        switch (over) {
        case config::over_rate::error: running.fail("rate_limited", "too many events; slow down"); break;
        case config::over_rate::drop:
            base::log("rules").debug(about_socket(sender).with("event", given.name()),
                                     "dropped: too many events");
            break;
        case config::over_rate::disconnect:
            base::log("rules").warn(about_socket(sender).with("user", who->user_id),
                                    "ended: too many events");
            sender.end_connection();
            break;
        }
    };
    config::over_rate over{};
    if (!is_within_rates(by, *who, over)) {
        refuse_rate(over);
        return;
    }
    if (given.name() == "auth:refresh" && in->verifier != nullptr) {
        refresh(sender, who, given);
        return;
    }
    const auto known = in->events.find(given.name());
    const compiled_event* rule = known == in->events.end() ? nullptr : &known->second;
    const bool is_presence =
        in->presence && (given.name() == in->presence->join || given.name() == in->presence->leave);
    const bool is_typing =
        in->typing && (given.name() == in->typing->start || given.name() == in->typing->stop);
    if (rule == nullptr && !is_presence && !is_typing) {
        ++counts_.unknown_events;
        base::log("rules").debug(about_socket(sender).with("event", given.name()), "no rule has this event");
        if (in->is_closed) running.fail("unknown_event", "this namespace has no such event");
        return;
    }
    if (rule != nullptr) {
        if (rule->limit) {
            const core::time_point now = monotonic_now();
            const std::size_t slot = rule->limit->slot;
            std::shared_ptr<bucket_row> shared;
            if (rule->limit->whom == event_rate::by::user && who->by_user) {
                shared = who->by_user->row_of(by, by->slots());
            } else if (rule->limit->whom == event_rate::by::address && who->by_address) {
                shared = who->by_address->row_of(by, by->slots());
            }
            bucket& counted = shared ? shared->at(slot) : who->own->at(slot);
            if (!counted.take(rule->limit->allowed, now)) {
                refuse_rate(rule->limit->over);
                return;
            }
        }
        if (rule->shape) {
            contract::violation why;
            bool is_right = rule->shape->check_count(given.size(), why);
            const auto present =
                given.args().parts() ? contract::attachments::present : contract::attachments::none;
            for (std::size_t i = 0; is_right && i < given.size(); ++i) {
                is_right = rule->shape->check_arg(i, given.json(i), why, present);
            }
            if (!is_right) {
                ++counts_.broken_contract;
                running.fail(contract::to_json(why));
                return;
            }
        }
        if (!rule->allowed.is_everybody() && !running.is_permitted(rule->allowed)) {
            ++counts_.not_allowed;
            running.fail("not_allowed", "you may not send this");
            return;
        }
    }
    if (is_presence || is_typing) {
        std::vector<std::string> rooms =
            rooms_in(is_presence ? in->presence->rooms : in->typing->rooms, running.about());
        // Who types does so in one place.
        if (is_typing && rooms.size() > 1) rooms.resize(1);
        const std::string& reserved = by->reserved_prefix();
        const bool is_of_user =
            !reserved.empty() && std::any_of(rooms.begin(), rooms.end(),
                                             [&](const auto& room) { return room.starts_with(reserved); });
        if (rooms.empty() || is_of_user) {
            running.fail("invalid_arguments", "the arguments name no room");
            return;
        }
        const auto& payload_rule = is_presence ? in->presence->payload : in->typing->payload;
        std::vector<std::string> payloads;
        for (const std::string& room : rooms) {
            std::string& payload = payloads.emplace_back();
            subject about = running.about();
            about.room = room;
            if (!payload_rule) {
                payload = told_of(*who, sender, room);
            } else if (!payload_rule->append(payload, about)) {
                running.fail("invalid_arguments", "the arguments do not fit the rule");
                return;
            }
            if (payload.size() > by->chosen().limits.presence_bytes) {
                running.fail("invalid_arguments", "what the others would be told is too long");
                return;
            }
        }
        if (is_typing) {
            if (!sender.is_in(rooms[0])) {
                ++counts_.not_allowed;
                running.fail("not_allowed", "you are not in this room");
                return;
            }
            if (given.name() == in->typing->start) {
                start_typing(sender, who, *in->typing, rooms[0], std::move(payloads[0]));
            } else {
                stop_typing(sender, *who, *in->typing, rooms[0]);
            }
            given.ack({json{R"({"ok":true})"}});
        } else if (given.name() == in->presence->join) {
            if (!in->presence->allowed.is_everybody() && !running.is_permitted(in->presence->allowed)) {
                ++counts_.not_allowed;
                running.fail("not_allowed", "you may not join this room");
                return;
            }
            // The acknowledgement speaks of the first.
            for (std::size_t i = 0; i < rooms.size(); ++i) {
                enter(sender, who, *in->presence, rooms[i], std::move(payloads[i]),
                      i == 0 ? given.answer_later() : responder{});
            }
        } else {
            for (std::size_t i = 0; i < rooms.size(); ++i) {
                leave(sender, *who, *in->presence, rooms[i], i == 0 ? given.answer_later() : responder{});
            }
        }
    }
    if (rule != nullptr) running.run_in_turn(rule->actions);
}

// ---- Events from elsewhere

bool application::has_name_space(std::string_view name) const {
    const auto by = current();
    return by->find(name) != nullptr || (by->name_spaces().empty() && name == "/");
}

std::optional<contract::violation> application::violation_of(const std::optional<contract::event>& shape,
                                                             const args& arguments) {
    if (!shape) return std::nullopt;
    contract::violation why;
    const auto present = arguments.parts() ? contract::attachments::present : contract::attachments::none;
    if (shape->check_args(arguments.text(), why, present)) return std::nullopt;
    ++counts_.broken_promises;
    return why;
}

void application::emit_retained(const std::string& name_space, const std::optional<broadcast_operator>& to,
                                const std::string& name, args arguments,
                                const std::vector<std::string>& rooms) {
    // One thread keeps a room's state and sends its changes, so that nobody who joins gets them out of order.
    // With several rooms one after the other, so that two such events reach all in the same order.
    auto what = std::make_shared<retention>(retention{{}, to, name, std::move(arguments), {}});
    for (const std::string& room : rooms) what->places.push_back(joint_key(name_space, room));
    if (rooms.empty()) what->places.push_back(joint_key(name_space, ""));
    what->most_bytes = current()->chosen().limits.retained_bytes;
    retain(what, what->places.size() - 1);
}

void application::retain(const std::shared_ptr<const retention>& what, std::size_t at_place) {
    const std::string& key = what->places[at_place];
    keepers_.with(key, [this, what, at_place](keeper& at) {
        counts_.dropped_retained +=
            at.retain(what->places[at_place], what->name, what->arguments, what->most_bytes, unix_ms());
        if (at_place > 0) {
            retain(what, at_place - 1);
        } else if (what->to) {
            what->to->emit(what->name, what->arguments);
        }
    });
}

std::optional<contract::violation> application::check_publication(const publication& what,
                                                                  bool& is_retained) {
    const auto by = current();
    const compiled_name_space* in = by->find(what.name_space);
    is_retained = false;
    if (in == nullptr) return std::nullopt;
    const auto declared = in->sent.find(what.event);
    if (declared != in->sent.end()) {
        is_retained = declared->second.is_retained;
        return violation_of(declared->second.shape, what.arguments);
    }
    const bool is_ready_made =
        (in->presence && (what.event == in->presence->joined || what.event == in->presence->left)) ||
        (in->typing && (what.event == in->typing->start || what.event == in->typing->stop));
    if (in->is_closed && !is_ready_made) {
        ++counts_.broken_promises;
        return contract::unknown_event(what.event);
    }
    return std::nullopt;
}

namespace {

broadcast_operator aimed(broadcast_operator to, const publication& what) {
    if (!what.whom.rooms.empty()) to = to.to(what.whom.rooms);
    if (!what.whom.except.empty()) to = to.except(what.whom.except);
    return what.is_volatile ? to.volatile_() : to;
}

} // namespace

std::optional<contract::violation> application::publish(publication what) {
    bool is_retained = false;
    if (auto why = check_publication(what, is_retained)) return why;
    std::optional<broadcast_operator> to = io_->everyone_in(what.name_space);
    if (to) to = aimed(std::move(*to), what);
    if (is_retained && (what.whom.rooms.empty() || !what.kept.empty())) {
        emit_retained(what.name_space, to, what.event, std::move(what.arguments), what.kept);
    } else if (to) {
        to->emit(what.event, std::move(what.arguments));
    }
    return std::nullopt;
}

std::optional<contract::violation> application::ask(publication what, core::duration timeout,
                                                    std::function<void(broadcast_replies)> done) {
    bool is_retained = false;
    if (auto why = check_publication(what, is_retained)) return why;
    const std::optional<broadcast_operator> to = io_->everyone_in(what.name_space);
    if (!to) {
        done({});
        return std::nullopt;
    }
    aimed(*to, what).timeout(timeout).emit_with_ack(what.event, std::move(what.arguments), std::move(done));
    return std::nullopt;
}

void application::join(const std::string& name_space, const target& whom,
                       const std::vector<std::string>& rooms, std::function<void(std::size_t)> done) {
    const auto by = current();
    const compiled_name_space* in = by->find(name_space);
    const bool has_retained = in != nullptr && in->has_retained;
    io_->visit_sockets(
        name_space, whom,
        [this, rooms, has_retained](socket& each) {
            for (const std::string& room : rooms) {
                each.join(room);
                if (has_retained) send_retained(each, room);
            }
        },
        std::move(done));
}

void application::retained(const std::string& name_space, const std::string& room, const std::string& event,
                           std::function<void(std::vector<keeper::retained_event>)> done) {
    const std::string place = joint_key(name_space, room);
    keepers_.with(place, [place, event, done = std::move(done)](keeper& at) {
        if (event.empty()) {
            done(at.retained(place));
            return;
        }
        const keeper::retained_event* found = at.retained(place, event);
        done(found == nullptr ? std::vector<keeper::retained_event>{}
                              : std::vector<keeper::retained_event>{*found});
    });
}

void application::present(const std::string& name_space, const std::string& room,
                          std::function<void(const keeper::present&)> done) {
    const std::string place = joint_key(name_space, room);
    keepers_.with(place, [place, done = std::move(done)](keeper& at) {
        const auto found = at.presence.find(place);
        if (found == at.presence.end()) {
            done({});
        } else {
            done(found->second);
        }
    });
}

void application::users(const std::string& name_space, const std::string& after, std::size_t most,
                        std::function<void(user_page)> done) {
    struct collection {
        std::mutex adding; // guards the page: each thread adds once, and nobody waits for another
        std::map<std::string, std::size_t> all;
        std::size_t total = 0;
        std::size_t missing = 0;
    };
    auto collected = std::make_shared<collection>();
    collected->missing = keepers_.count();
    keepers_.with_each([collected, name_space, after, most, done = std::move(done)](keeper& at) {
        const std::string kind = joint_key("user", "");
        std::map<std::string, std::size_t> first;
        std::size_t total = 0;
        for (const auto& [key, sockets] : at.signed_in) {
            if (!key.starts_with(kind)) continue;
            const auto is_here = [&](const auto& each) {
                return name_space.empty() || each.second.nsp() == name_space;
            };
            const auto count = std::count_if(sockets.begin(), sockets.end(), is_here);
            if (count == 0) continue;
            ++total;
            std::string id = key.substr(kind.size());
            if (id <= after || (first.size() >= most && (most == 0 || id > first.rbegin()->first))) continue;
            first.emplace(std::move(id), static_cast<std::size_t>(count));
            if (first.size() > most) first.erase(std::prev(first.end()));
        }
        bool is_complete = false;
        {
            const std::lock_guard guard{collected->adding};
            collected->all.merge(first);
            collected->total += total;
            is_complete = --collected->missing == 0;
        }
        if (!is_complete) return;
        user_page found{{collected->all.begin(), collected->all.end()}, collected->total};
        if (found.users.size() > most) found.users.resize(most);
        done(std::move(found));
    });
}

std::string application::user_json_of(const socket& whose) {
    const auto who = visitor_of(whose);
    return who && who->is_user ? who->user_json : "null";
}

void application::send_retained(const socket& to, const std::string& room) {
    const std::string place = joint_key(to.nsp(), room);
    keepers_.with(place, [place, to](keeper& at) {
        auto kept = at.retained(place);
        if (kept.empty()) return;
        to.post([kept = std::move(kept)](socket& there) {
            for (const keeper::retained_event& each : kept) there.emit(each.event, each.arguments);
        });
    });
}

// ---- Presence and typing

void application::enter(const socket& sender, const std::shared_ptr<visitor>& who, const presence_rule& rule,
                        const std::string& room, std::string payload, const responder& answer) {
    sender.join(room);
    if (!sender.is_in(room)) {
        if (answer)
            answer({json{R"({"error":{"code":"too_many_rooms","message":"this room cannot be joined"}})"}});
        return;
    }
    base::log("rules").debug(about_socket(sender).with("user", who->user_id), "joined {}", room);
    const bool is_new = who->presence.insert_or_assign(room, payload).second;
    const std::string place = joint_key(sender.nsp(), room);
    keepers_.with(place, [place, room, is_new, payload = std::move(payload), key = present_key(*who, sender),
                          others = sender.to(room), joined = rule.joined, answer](keeper& at) {
        constexpr std::size_t most_listed = 1000;
        constexpr std::size_t most_listed_bytes = 1U << 20U;
        keeper::present& here = at.presence[place];
        keeper::present_user& present = here[key];
        present.payload = payload;
        if (is_new && ++present.sockets == 1) others.emit(joined, alone(payload));
        if (!answer) return;
        std::string users;
        std::size_t listed = 0;
        for (const auto& [id, each] : here) {
            if (++listed > most_listed || users.size() > most_listed_bytes) break;
            users += (users.empty() ? "" : ",") + each.payload;
        }
        answer(alone("{\"ok\":true,\"room\":" + json_string(room) +
                     ",\"count\":" + std::to_string(here.size()) + ",\"users\":[" + users + "]}"));
    });
    if (const auto by = current(); const compiled_name_space* in = by->find(sender.nsp())) {
        if (in->has_retained) send_retained(sender, room);
    }
}

void application::leave(const socket& sender, visitor& who, const presence_rule& rule,
                        const std::string& room, const responder& answer) {
    const auto known = who.presence.find(room);
    if (known != who.presence.end()) {
        const std::string place = joint_key(sender.nsp(), room);
        keepers_.with(place, [place, payload = known->second, key = present_key(who, sender),
                              others = sender.to(room), left = rule.left](keeper& at) {
            const auto here = at.presence.find(place);
            if (here == at.presence.end()) return;
            const auto present = here->second.find(key);
            if (present == here->second.end() || --present->second.sockets > 0) return;
            here->second.erase(present);
            if (here->second.empty()) at.presence.erase(here);
            if (!left.empty()) others.emit(left, alone(payload));
        });
        who.presence.erase(known);
    }
    sender.leave(room);
    base::log("rules").debug(about_socket(sender).with("user", who.user_id), "left {}", room);
    if (answer) answer({json{R"({"ok":true})"}});
}

void application::start_typing(const socket& sender, const std::shared_ptr<visitor>& who,
                               const typing_rule& rule, const std::string& room, std::string payload) {
    auto& state = who->typing[room];
    if (state.timer == 0) {
        sender.to(room).emit(rule.start, alone(payload));
    } else {
        sender.cancel(state.timer);
    }
    state.payload = std::move(payload);
    state.timer = sender.after(rule.expires, [this, room](socket& whose) {
        const auto now = visitor_of(whose);
        const auto by = current();
        const compiled_name_space* in = now ? by->find(whose.nsp()) : nullptr;
        if (in != nullptr && in->typing) stop_typing(whose, *now, *in->typing, room);
    });
}

void application::stop_typing(const socket& sender, visitor& who, const typing_rule& rule,
                              const std::string& room) {
    const auto known = who.typing.find(room);
    if (known == who.typing.end()) return;
    sender.cancel(known->second.timer);
    sender.to(room).emit(rule.stop, alone(known->second.payload));
    who.typing.erase(known);
}

} // namespace roomcast::server::rules
