#include "api/endpoint.hpp"

#include "api/answers.hpp"
#include "api/openapi_json.hpp"
#include "auth/crypto.hpp"
#include "base/log.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/request.hpp"
#include "roomcast/core/error.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace roomcast::server::api {

namespace {

constexpr std::size_t default_page = 100;
constexpr std::size_t largest_page = 1000;
constexpr std::size_t longest_key = 255;
/// Of acknowledgements in one answer, that of a batch, too.
constexpr std::size_t most_ack_bytes = 8U << 20U;
const std::string done_body = R"({"ok":true})";

constexpr std::array<std::string_view, 6> posts{"emit", "batch", "join", "leave", "disconnect", "revoke"};
constexpr std::array<std::string_view, 8> gets{"sockets",  "rooms", "users",    "counts",
                                               "presence", "state", "webhooks", "openapi.json"};

template <class List>
bool is_among(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

fault missing_name_space(std::string field) {
    return {404, "unknown_namespace", "the configuration has no such namespace", std::move(field)};
}

bool is_json_type(std::string_view content_type) {
    std::string lower{content_type.substr(0, content_type.find(';'))};
    while (!lower.empty() && lower.back() == ' ') lower.pop_back();
    for (char& each : lower) {
        if (each >= 'A' && each <= 'Z') each = static_cast<char>(each + 32);
    }
    return lower == "application/json";
}

/// What a page begins behind, and how long it is.
struct page_request {
    std::string name_space = "/";
    std::string after;
    std::size_t limit = default_page;
};

std::optional<fault> read_page(const http_request& request, page_request& into) {
    into.name_space = request.info->query("namespace").value_or("/");
    into.after = request.info->query("after").value_or("");
    const auto limit = request.info->query("limit");
    if (!limit) return std::nullopt;
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), into.limit);
    if (error != std::errc{} || end != limit->data() + limit->size() || into.limit == 0 ||
        into.limit > largest_page) {
        return fault{422, "invalid_query", "expected a number from 1 to 1000", "limit"};
    }
    return std::nullopt;
}

template <class Place>
fault contract_fault(const core::contract::violation& broken, const Place& at) {
    if (broken.rule == "events")
        return {422, "unknown_event", broken.event + " " + broken.message, at + "/event"};
    return {422, "contract", broken.rule + ": " + broken.message, at + ("/args" + broken.path)};
}

std::string next_of(bool has_more, const std::string& last) {
    return has_more ? json_string(last) : "null";
}

std::string ack_json(const args& reply) {
    std::string json = "{\"args\":" + reply.text();
    if (reply.parts()) {
        json += ",\"attachments\":[";
        bool is_first = true;
        for (const std::string& part : *reply.parts()) {
            json += is_first ? "\"" : ",\"";
            is_first = false;
            core::append_base64(json, part);
            json += '"';
        }
        json += ']';
    }
    return json + '}';
}

std::string replies_json(const broadcast_replies& got, std::size_t most_bytes) {
    std::string list;
    bool is_cut = false;
    for (const args& each : got.replies) {
        std::string one = ack_json(each);
        is_cut = is_cut || list.size() + one.size() > most_bytes;
        if (is_cut) break;
        list += (list.empty() ? "" : ",") + one;
    }
    return "{\"ok\":true,\"expected\":" + std::to_string(got.expected) +
           ",\"answered\":" + std::to_string(got.replies.size()) +
           ",\"complete\":" + (got.error ? "false" : "true") +
           ",\"truncated\":" + (is_cut ? "true" : "false") + ",\"acks\":[" + list + "]}";
}

std::string count_json(std::size_t sockets) {
    return "{\"ok\":true,\"sockets\":" + std::to_string(sockets) + '}';
}

} // namespace

/// A batch under way: its results, each in its place.
struct endpoint::batch {
    std::vector<std::string> results;
    std::atomic<std::size_t> missing{1}; ///< one more than are missing, until all were begun
    std::atomic<bool> is_ok{true};
    later done;

    void set(std::size_t index, const result& what) {
        if (what.wrong) is_ok = false;
        results[index] = what.wrong ? "{\"error\":" + what.wrong->to_json() + '}' : what.body;
    }
    void finish_one() {
        if (missing.fetch_sub(1) > 1) return;
        std::size_t size = 40;
        for (const std::string& each : results) size += each.size() + 1;
        std::string body;
        body.reserve(size);
        body += is_ok ? R"({"ok":true,"results":[)" : R"({"ok":false,"results":[)";
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (i > 0) body += ',';
            body += results[i];
        }
        body += "]}";
        done({{}, std::move(body)});
    }
};

std::string endpoint::place::operator+(std::string_view member) const {
    std::string text;
    if (index) {
        text = "/commands/" + std::to_string(*index) + '/';
        text += word;
    }
    return text.append(member);
}

endpoint::endpoint(server& io, rules::application& rules, const couriers& hooks)
    : io_(&io), rules_(&rules), hooks_(&hooks) {
    const config::api_settings& chosen = rules.current()->chosen().api;
    prefix_ = chosen.prefix + '/';
    rates_ = std::make_shared<engine::address_table>(0, chosen.rate_per_address);
    failures_ = std::make_shared<engine::address_table>(0, rate{std::chrono::milliseconds{100}, 50});
    for (std::size_t i = 0; i < io.threads(); ++i) answers_.push_back(std::make_unique<answer_table>());
    reload();
}

std::optional<std::uint16_t> endpoint::install(neighbour beside) {
    const config::settings& chosen = rules_->current()->chosen();
    http_area area;
    area.has = [this](std::string_view path) { return has(path); };
    area.max_body_bytes = chosen.api.max_body_bytes;
    area.may_send_much = [this](const handshake_info& who) { return has_secret(who); };
    const http_handler handler = [this](const http_request& request, const http_reply& reply) {
        return handle(request, reply);
    };
    if (chosen.api.serves_socket_port()) io_->on_http(area, handler);
    if (!chosen.api.port) return std::nullopt;
    area.is_without_tls = !chosen.api.has_tls;
    area.has = [this, has_other = beside.has, is_on = chosen.api.is_on()](std::string_view path) {
        return has_other(path) || (is_on && has(path));
    };
    const std::string& host = chosen.api.host.empty() ? chosen.server.host : chosen.api.host;
    return io_->listen_http(host, *chosen.api.port, area,
                            [handler, beside](const http_request& request, const http_reply& reply) {
                                return beside.has(request.path) ? beside.handle(request, reply)
                                                                : handler(request, reply);
                            });
}

void endpoint::reload() {
    guard_.store(std::make_shared<const secret_guard>(rules_->current()->chosen().api.secrets));
}

bool endpoint::has(std::string_view path) const {
    return path.starts_with(prefix_);
}

command_bounds endpoint::bounds() const {
    const auto by = rules_->current();
    const config::settings& chosen = by->chosen();
    command_bounds made;
    made.max_json_depth = chosen.server.session.bounds.max_json_depth;
    made.max_name_bytes = chosen.server.max_room_name_bytes;
    made.max_name_space_bytes = chosen.server.session.bounds.max_namespace_bytes;
    made.max_attachments = chosen.server.session.bounds.max_attachments;
    made.max_commands = chosen.api.max_batch;
    return made;
}

namespace {
std::string_view secret_of(const handshake_info& who) {
    return secret_in(who.header("Authorization"), who.header("X-API-Secret"));
}

/// A credential that stands there twice: who passed it on may have looked at the other one.
std::string_view repeated_credential(const handshake_info& who) {
    for (const std::string_view name :
         {std::string_view{"Authorization"}, std::string_view{"X-API-Secret"}}) {
        if (who.count(name) > 1) return name;
    }
    return {};
}
} // namespace

bool endpoint::has_secret(const handshake_info& who) const {
    return repeated_credential(who).empty() && guard_.load()->opens(secret_of(who));
}

std::optional<fault> endpoint::refusal_of(const http_request& request) const {
    const core::time_point now = rules::monotonic_now();
    if (!has_secret(*request.info)) {
        base::log("api").info(base::about{}.with("address", request.info->address).with("path", request.path),
                              "a request {} secret",
                              secret_of(*request.info).empty() ? "without a" : "with a wrong");
        if (!failures_->admit(request.info->address, now)) {
            return fault{429, "rate_limited", "too many requests without the right secret", {}};
        }
        if (const std::string_view twice = repeated_credential(*request.info); !twice.empty()) {
            return fault{400, "invalid_header", "expected this header once", std::string{twice}};
        }
        return fault{401,
                     "unauthorized",
                     secret_of(*request.info).empty()
                         ? "the secret is missing: Authorization: Bearer, or X-API-Secret"
                         : "this is not the secret",
                     {}};
    }
    if (!rates_->admit(request.info->address, now)) {
        return fault{429, "rate_limited", "too many requests of this address", {}};
    }
    return std::nullopt;
}

bool endpoint::handle(const http_request& request, const http_reply& reply) {
    if (!has(request.path)) return false;
    const std::string_view word = request.path.substr(prefix_.size());
    const bool is_read = request.method == "GET" || request.method == "HEAD";
    if (word == "openapi.json" && is_read) {
        http_response response = json_answer(openapi_json);
        response.headers.front().second = "no-cache";
        reply(std::move(response));
        return true;
    }
    if (const auto refused = refusal_of(request)) {
        http_response response = error_answer(*refused);
        if (refused->status == 429) response.headers.emplace_back("Retry-After", "1");
        reply(std::move(response));
    } else if (is_among(posts, word)) {
        if (request.method == "POST") {
            post(word, request, reply);
        } else {
            reply(not_allowed("POST"));
        }
    } else if (is_among(gets, word)) {
        if (is_read) {
            get(word, request, reply);
        } else {
            reply(not_allowed("GET, HEAD"));
        }
    } else {
        reply(error_answer({404, "not_found", "there is nothing at this path", {}}));
    }
    return true;
}

// ---- Commands

void endpoint::post(std::string_view word, const http_request& request, const http_reply& reply) {
    if (request.is_too_large) {
        const std::uint64_t most = rules_->current()->chosen().api.max_body_bytes;
        reply(error_answer(
            {413, "too_large", "a body may have at most " + std::to_string(most) + " bytes", {}}));
        return;
    }
    if (!is_json_type(request.info->header("Content-Type"))) {
        reply(error_answer({415, "unsupported_type", "expected application/json", "Content-Type"}));
        return;
    }
    if (const std::string_view key = request.info->header("Idempotency-Key"); !key.empty()) {
        if (key.size() > longest_key) {
            reply(error_answer(
                {422, "invalid_header", "expected a key of at most 255 bytes", "Idempotency-Key"}));
            return;
        }
        post_once(word, request, std::string{key}, reply);
        return;
    }
    perform(word, request.body, request.info->address, [reply](result done) {
        reply(done.wrong ? error_answer(*done.wrong) : json_answer(std::move(done.body)));
    });
}

void endpoint::post_once(std::string_view word, const http_request& request, std::string key,
                         const http_reply& reply) {
    // A key belongs to one thread, whoever asks.
    const std::size_t home = std::hash<std::string>{}(key) % answers_.size();
    std::string digest =
        auth::digest(auth::hash::sha256, std::string{word} + ' ' + std::string{request.body});
    io_->post(home, [this, home, reply, key = std::move(key), digest = std::move(digest),
                     word = std::string{word}, body = std::string{request.body},
                     address = request.info->address] {
        const config::api_settings& chosen = rules_->current()->chosen().api;
        const answer_table::bounds limits{chosen.keep_answers, chosen.max_answers};
        std::string before;
        switch (answers_[home]->begin(key, digest, rules::monotonic_now(), limits, before)) {
        case answer_table::state::fresh: break;
        case answer_table::state::running:
            reply(error_answer(
                {409, "in_progress", "the first request of this key is not done yet", "Idempotency-Key"}));
            return;
        case answer_table::state::differs:
            reply(error_answer(
                {422, "key_reused", "this key came with another request before", "Idempotency-Key"}));
            return;
        case answer_table::state::answered: {
            http_response again = json_answer(std::move(before));
            again.headers.emplace_back("Idempotency-Replayed", "true");
            reply(std::move(again));
            return;
        }
        }
        perform(word, body, address, [this, home, key, reply, limits](result done) {
            io_->post(home, [this, home, key, limits, wrong = done.wrong.has_value(), body = done.body] {
                if (wrong) {
                    answers_[home]->give_up(key);
                } else {
                    answers_[home]->finish(key, body, rules::monotonic_now(), limits);
                }
            });
            reply(done.wrong ? error_answer(*done.wrong) : json_answer(std::move(done.body)));
        });
    });
}

void endpoint::perform(std::string_view word, std::string_view body, std::string_view address,
                       const later& done) {
    if (word == "batch") {
        perform_batch(body, address, done);
        return;
    }
    command what;
    if (auto wrong = read_request(body, *kind_of(word), bounds(), what)) {
        done({std::move(wrong), {}});
        return;
    }
    if (auto now = run(what, {std::nullopt, word, address, 1}, [&done] { return done; }))
        done(std::move(*now));
}

void endpoint::perform_batch(std::string_view body, std::string_view address, const later& done) {
    std::vector<batch_entry> commands;
    if (auto wrong = read_batch(body, bounds(), commands)) {
        done({std::move(wrong), {}});
        return;
    }
    auto all = std::make_shared<batch>();
    all->results.resize(commands.size());
    all->done = done;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        batch_entry& each = commands[i];
        if (each.wrong) {
            all->set(i, {std::move(each.wrong), {}});
            continue;
        }
        const auto make_later = [&all, i] {
            ++all->missing;
            return [all, i](const result& what) {
                all->set(i, what);
                all->finish_one();
            };
        };
        if (const auto now =
                run(each.what, {i, word_of(each.what.what), address, commands.size()}, make_later))
            all->set(i, *now);
    }
    all->finish_one();
}

std::optional<fault> endpoint::aim(const command& what, const place& at, target& whom) const {
    whom.rooms.reserve(what.whom.rooms.size() + what.whom.users.size() + what.whom.sockets.size());
    whom.rooms = what.whom.rooms;
    for (const std::string& user : what.whom.users) {
        auto room = rules_->room_of_user(user);
        if (!room || room->empty()) {
            return fault{422, "no_user_rooms",
                         "users have no rooms by their ids: auth.user_room is made of something else",
                         at + "/users"};
        }
        whom.rooms.push_back(std::move(*room));
    }
    whom.rooms.insert(whom.rooms.end(), what.whom.sockets.begin(), what.whom.sockets.end());
    whom.except = what.whom.except;
    return std::nullopt;
}

namespace {

/// What the log is told of a command that was done; kept until its end is known.
class command_note {
public:
    command_note(const command& what, std::string_view address)
        : level_(what.what == command::kind::disconnect || what.what == command::kind::revoke
                     ? base::log_level::info
                     : base::log_level::debug),
          word_(word_of(what.what)), is_written_(base::log("api").is_on(level_)) {
        if (!is_written_) return;
        address_ = address;
        to_ = some_of(what.whom.rooms);
        sockets_ = some_of(what.whom.sockets);
        except_ = some_of(what.whom.except);
        rooms_ = some_of(what.rooms);
        event_ = what.event;
        session_ = what.session;
        users_ = what.user.empty() ? some_of(what.whom.users) : what.user;
        if (what.what != command::kind::revoke) name_space_ = what.name_space;
    }

    void write(std::string_view more = {}) const {
        if (!is_written_) return;
        const auto about =
            base::about{}
                .with("address", address_)
                .with("namespace", name_space_)
                .with("event", event_)
                .with("to", to_)
                .with("user", users_)
                .with(session_.empty() ? "sockets" : "session", session_.empty() ? sockets_ : session_)
                .with("except", except_)
                .with("rooms", rooms_);
        std::string text = "HTTP API: " + std::string{word_};
        text += more;
        base::log("api").write(level_, about, word_, text);
    }

private:
    static std::string some_of(const std::vector<std::string>& names) {
        constexpr std::size_t most = 5;
        std::string text;
        for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
            text += (i > 0 ? ", " : "") + names[i];
        }
        if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
        return text;
    }

    base::log_level level_;
    std::string_view word_; ///< of word_of: it lives on
    bool is_written_;
    std::string address_, name_space_, event_, to_, users_, sockets_, session_, except_, rooms_;
};

} // namespace

template <class MakeLater>
std::optional<endpoint::result> endpoint::run(command& what, const place& at, const MakeLater& make_later) {
    if (what.what == command::kind::revoke) {
        const core::duration how_long = what.how_long.value_or(rules_->current()->chosen().api.revoke_for);
        const bool is_noted = what.user.empty() ? rules_->revoke_session_for(what.session, how_long)
                                                : rules_->revoke_user_for(what.user, how_long);
        if (is_noted) {
            const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(how_long).count();
            command_note{what, at.address}.write(" for " + std::to_string(seconds) + " s");
            return result{{}, done_body};
        }
        return result{fault{429, "too_many", "too many users and sessions are revoked already", at + ""}, {}};
    }
    if (!rules_->has_name_space(what.name_space)) {
        return result{missing_name_space(at + "/namespace"), {}};
    }
    target whom;
    if (auto wrong = aim(what, at, whom)) return result{std::move(wrong), {}};
    const auto count_to = [&](later then) {
        return [then = std::move(then), note = command_note{what, at.address}](std::size_t sockets) {
            note.write(" of " + std::to_string(sockets) + (sockets == 1 ? " socket" : " sockets"));
            then({{}, count_json(sockets)});
        };
    };
    switch (what.what) {
    case command::kind::emit: return emit(what, std::move(whom), at, make_later);
    case command::kind::join:
        rules_->join(what.name_space, whom, what.rooms, count_to(make_later()));
        return std::nullopt;
    case command::kind::leave:
        io_->visit_sockets(
            what.name_space, whom,
            [rooms = what.rooms](socket& each) {
                for (const std::string& room : rooms) each.leave(room);
            },
            count_to(make_later()));
        return std::nullopt;
    case command::kind::disconnect:
        io_->visit_sockets(
            what.name_space, whom,
            [closes = what.closes_connection](socket& each) { each.disconnect(closes); },
            count_to(make_later()));
        return std::nullopt;
    case command::kind::revoke: break;
    }
    return std::nullopt;
}

template <class MakeLater>
std::optional<endpoint::result> endpoint::emit(command& what, target whom, const place& at,
                                               const MakeLater& make_later) {
    const command_note note{what, at.address};
    rules::publication event;
    event.name_space = std::move(what.name_space);
    event.event = std::move(what.event);
    core::sio::attachments parts;
    if (!what.attachments.empty()) {
        parts = std::make_shared<const std::vector<std::string>>(std::move(what.attachments));
    }
    event.arguments = args::from_checked(std::move(what.arguments), std::move(parts));
    event.is_volatile = what.is_volatile;
    // What one socket gets is no state of a room.
    const std::size_t kept = whom.rooms.size() - what.whom.sockets.size();
    event.kept.assign(whom.rooms.begin(), whom.rooms.begin() + static_cast<std::ptrdiff_t>(kept));
    event.whom = std::move(whom);
    if (what.ack) {
        const later then = make_later();
        const auto broken =
            rules_->ask(std::move(event), *what.ack,
                        [then, most = most_ack_bytes / at.commands](const broadcast_replies& got) {
                            then({{}, replies_json(got, most)});
                        });
        if (broken) {
            then({contract_fault(*broken, at), {}});
        } else {
            note.write();
        }
        return std::nullopt;
    }
    if (const auto broken = rules_->publish(std::move(event))) {
        return result{contract_fault(*broken, at), {}};
    }
    note.write();
    return result{{}, done_body};
}

// ---- What is there

namespace {

std::vector<std::string_view> parameters_of(std::string_view word) {
    if (word == "sockets") return {"namespace", "after", "limit", "room", "user"};
    if (word == "rooms") return {"namespace", "after", "limit", "prefix"};
    if (word == "users") return {"namespace", "after", "limit"};
    if (word == "counts") return {"namespace", "room"};
    if (word == "presence") return {"namespace", "after", "limit", "room"};
    if (word == "state") return {"namespace", "room", "event"};
    return {};
}

/// A parameter that is misspelt must not mean that it was left out.
std::optional<fault> unknown_parameter(std::string_view word, std::string_view url) {
    const std::size_t mark = url.find('?');
    if (mark == std::string_view::npos) return std::nullopt;
    const std::vector<std::string_view> known = parameters_of(word);
    for (std::string_view rest = url.substr(mark + 1); !rest.empty();) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const std::string name = core::eio::percent_decode(pair.substr(0, pair.find('=')));
        if (pair.empty() || is_among(known, name)) continue;
        constexpr std::size_t longest_shown = 100;
        std::string shown = name.substr(0, longest_shown);
        while (!core::is_utf8(shown)) shown.pop_back(); // cut in a letter, or never one
        return fault{422, "unknown_parameter", "there is no such parameter", std::move(shown)};
    }
    return std::nullopt;
}

} // namespace

void endpoint::get(std::string_view word, const http_request& request, const http_reply& reply) {
    if (const auto wrong = unknown_parameter(word, request.info->url)) return reply(error_answer(*wrong));
    if (word == "sockets") return get_sockets(request, reply);
    if (word == "rooms") return get_rooms(request, reply);
    if (word == "users") return get_users(request, reply);
    if (word == "counts") return get_counts(request, reply);
    if (word == "presence") return get_presence(request, reply);
    if (word == "state") return get_state(request, reply);
    reply(webhooks_answer());
}

void endpoint::get_sockets(const http_request& request, const http_reply& reply) {
    page_request page;
    if (const auto wrong = read_page(request, page)) return reply(error_answer(*wrong));
    if (!rules_->has_name_space(page.name_space)) return reply(error_answer(missing_name_space("namespace")));
    target whom;
    if (auto room = request.info->query("room")) whom.rooms.push_back(std::move(*room));
    if (const auto user = request.info->query("user")) {
        auto room = rules_->room_of_user(*user);
        if (!room || !whom.rooms.empty()) {
            return reply(
                error_answer({422, "invalid_query", "expected room or user, and rooms of users", "user"}));
        }
        whom.rooms.push_back(std::move(*room));
    }
    const auto describe = [](socket& each) {
        std::string json =
            "{\"id\":" + json_string(each.id()) + ",\"user\":" + rules::application::user_json_of(each) +
            ",\"address\":" + json_string(each.handshake().address) +
            ",\"transport\":" + json_string(each.transport()) +
            ",\"connected\":" + json_string(iso_time(each.handshake().issued_ms)) + ",\"rooms\":[";
        bool is_first = true;
        for (const std::string& room : each.rooms()) {
            if (room == each.id()) continue;
            if (!std::exchange(is_first, false)) json += ',';
            json += json_string(room);
        }
        return json + "]}";
    };
    io_->list_sockets(
        page.name_space, whom, page.after, page.limit, describe,
        [reply, limit = page.limit](const socket_page& found) {
            std::string list;
            for (const auto& each : found.sockets) list += (list.empty() ? "" : ",") + each.words;
            const bool is_full = found.sockets.size() == limit;
            reply(json_answer("{\"total\":" + std::to_string(found.total) + ",\"next\":" +
                              next_of(is_full, is_full ? found.sockets.back().id : std::string{}) +
                              ",\"sockets\":[" + list + "]}"));
        });
}

void endpoint::get_rooms(const http_request& request, const http_reply& reply) {
    page_request page;
    if (const auto wrong = read_page(request, page)) return reply(error_answer(*wrong));
    if (!rules_->has_name_space(page.name_space)) return reply(error_answer(missing_name_space("namespace")));
    io_->list_rooms(
        page.name_space, request.info->query("prefix").value_or(""), page.after, page.limit,
        [reply, limit = page.limit](const std::vector<room_info>& found) {
            std::string list;
            for (const room_info& each : found) {
                list += (list.empty() ? "{\"room\":" : ",{\"room\":") + json_string(each.room) +
                        ",\"sockets\":" + std::to_string(each.sockets) + '}';
            }
            const bool is_full = found.size() == limit;
            reply(json_answer("{\"next\":" + next_of(is_full, is_full ? found.back().room : std::string{}) +
                              ",\"rooms\":[" + list + "]}"));
        });
}

void endpoint::get_users(const http_request& request, const http_reply& reply) {
    page_request page;
    if (const auto wrong = read_page(request, page)) return reply(error_answer(*wrong));
    // Users are the same in all namespaces.
    const std::string name_space = request.info->query("namespace").value_or("");
    if (!name_space.empty() && !rules_->has_name_space(name_space)) {
        return reply(error_answer(missing_name_space("namespace")));
    }
    rules_->users(name_space, page.after, page.limit, [reply, limit = page.limit](const auto& found) {
        std::string list;
        for (const auto& [id, sockets] : found.users) {
            list += (list.empty() ? "{\"id\":" : ",{\"id\":") + json_string(id) +
                    ",\"sockets\":" + std::to_string(sockets) + '}';
        }
        const bool is_full = found.users.size() == limit;
        reply(json_answer("{\"total\":" + std::to_string(found.total) + ",\"next\":" +
                          next_of(is_full, is_full ? found.users.back().first : std::string{}) +
                          ",\"users\":[" + list + "]}"));
    });
}

void endpoint::get_counts(const http_request& request, const http_reply& reply) {
    const auto name_space = request.info->query("namespace");
    const auto room = request.info->query("room");
    if (name_space || room) {
        const std::string where = name_space.value_or("/");
        if (!rules_->has_name_space(where)) return reply(error_answer(missing_name_space("namespace")));
        target whom;
        if (room) whom.rooms.push_back(*room);
        io_->visit_sockets(where, whom, nullptr, [reply](std::size_t sockets) {
            reply(json_answer("{\"sockets\":" + std::to_string(sockets) + '}'));
        });
        return;
    }
    io_->collect([this, reply](const statistics& now, const std::vector<room_info>&) {
        rules_->users({}, {}, 0, [reply, now](const rules::user_page& users) {
            reply(json_answer("{\"connections\":" + std::to_string(now.connections) + ",\"sockets\":" +
                              std::to_string(now.sockets) + ",\"rooms\":" + std::to_string(now.rooms) +
                              ",\"users\":" + std::to_string(users.total) +
                              ",\"uptime\":" + std::to_string(now.uptime_s) + '}'));
        });
    });
}

void endpoint::get_presence(const http_request& request, const http_reply& reply) {
    page_request page;
    if (const auto wrong = read_page(request, page)) return reply(error_answer(*wrong));
    if (!rules_->has_name_space(page.name_space)) return reply(error_answer(missing_name_space("namespace")));
    const std::string room = request.info->query("room").value_or("");
    if (room.empty()) return reply(error_answer({422, "invalid_query", "the room is missing", "room"}));
    rules_->present(page.name_space, room, [reply, page, room](const rules::keeper::present& here) {
        std::string list;
        std::size_t count = 0;
        auto each = here.upper_bound(page.after);
        std::string last;
        for (; each != here.end() && count < page.limit; ++each, ++count) {
            list += (list.empty() ? "{\"id\":" : ",{\"id\":") + json_string(each->first) +
                    ",\"sockets\":" + std::to_string(each->second.sockets) +
                    ",\"told\":" + each->second.payload + '}';
            last = each->first;
        }
        reply(json_answer("{\"room\":" + json_string(room) + ",\"count\":" + std::to_string(here.size()) +
                          ",\"next\":" + next_of(each != here.end(), last) + ",\"present\":[" + list + "]}"));
    });
}

void endpoint::get_state(const http_request& request, const http_reply& reply) {
    page_request page;
    if (const auto wrong = read_page(request, page)) return reply(error_answer(*wrong));
    if (!rules_->has_name_space(page.name_space)) return reply(error_answer(missing_name_space("namespace")));
    const std::string room = request.info->query("room").value_or("");
    const std::string event = request.info->query("event").value_or("");
    const std::string known{request.info->header("If-None-Match")};
    rules_->retained(page.name_space, room, event,
                     [reply, known, event](const std::vector<rules::keeper::retained_event>& found) {
                         if (found.empty()) {
                             reply(error_answer({404, "not_found", "nothing is retained there", {}}));
                             return;
                         }
                         std::string list;
                         std::size_t tag = 0;
                         std::int64_t changed_ms = 0;
                         for (const auto& each : found) {
                             std::string one = ack_json(each.arguments);
                             one.pop_back();
                             one += ",\"event\":" + json_string(each.event) +
                                    ",\"lastUpdate\":" + json_string(iso_time(each.changed_ms)) + '}';
                             list += (list.empty() ? "" : ",") + one;
                             tag = tag * 31 + each.tag;
                             changed_ms = std::max(changed_ms, each.changed_ms);
                         }
                         const std::string shown_tag = '"' + std::to_string(tag) + '"';
                         http_response response =
                             json_answer(event.empty() ? "{\"events\":[" + list + "]}" : std::move(list));
                         response.headers.front().second = "no-cache";
                         response.headers.emplace_back("ETag", shown_tag);
                         response.headers.emplace_back("Last-Modified", http_time(changed_ms));
                         if (names_tag(known, shown_tag)) {
                             response.status = 304;
                             response.body.clear();
                         }
                         reply(std::move(response));
                     });
}

http_response endpoint::webhooks_answer() const {
    std::string list;
    for (const courier_figures& each : hooks_->figures()) {
        list += (list.empty() ? "{\"origin\":" : ",{\"origin\":") + json_string(each.origin) +
                ",\"delivered\":" + std::to_string(each.delivered) +
                ",\"waiting\":" + std::to_string(each.waiting) + ",\"dead\":" + std::to_string(each.dead) +
                ",\"attempts\":" + std::to_string(each.attempts) +
                ",\"failures\":" + std::to_string(each.failures) +
                ",\"lastFailure\":" + (each.last_failure.empty() ? "null" : json_string(each.last_failure)) +
                '}';
    }
    return json_answer("{\"webhooks\":[" + list + "]}");
}

} // namespace roomcast::server::api
