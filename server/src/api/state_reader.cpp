#include "api/state_reader.hpp"

#include "api/answers.hpp"
#include "auth/crypto.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>

namespace roomcast::server::api {

namespace {

constexpr std::string_view general_path = "/roomcast/state";
constexpr std::string_view methods = "GET, HEAD, POST";
constexpr std::uint64_t most_body_bytes = 4096; // of one time
constexpr std::size_t deepest_body = 8;

/// `{"error":"…"}`: what pages look for that were written for a route of their app.
http_response plain_error(unsigned status, std::string_view message) {
    http_response response = json_answer("{\"error\":" + json_string(message) + '}', status);
    if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"roomcast\"");
    return response;
}

http_response not_found() {
    return plain_error(404, "Not found");
}

http_response refusal(const connect_error& why) {
    std::string code;
    if (const auto given = core::value::member(why.data, "code")) {
        code = core::value::text(*given).value_or("");
    }
    if (code == "unknown_namespace") return not_found();
    return plain_error(code == "forbidden" || code == "bad_origin" ? 403 : 401, why.message);
}

/// Pages of other origins may read these; beside the ones that the operator names.
http_reply exposing(const http_reply& reply) {
    return [reply](http_response response) {
        response.headers.emplace_back("Access-Control-Expose-Headers", "ETag,X-Last-Update");
        reply(std::move(response));
    };
}

/// `lastUpdate` of a JSON body: a time as text, or in milliseconds.
/// @return nothing: the body is not as it should be
std::optional<std::string> known_time_in(std::string_view body) {
    namespace value = core::value;
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return "";
    if (value::check_whole(body, deepest_body)) return std::nullopt;
    body.remove_prefix(body.find_first_not_of(" \t\r\n"));
    if (value::kind_of(body) != value::kind::object) return std::nullopt;
    const auto given = value::member(body, "lastUpdate");
    if (!given || value::kind_of(*given) == value::kind::null) return "";
    if (auto text = value::text(*given)) return text;
    if (const auto ms = value::integer(*given)) return std::to_string(*ms);
    return std::nullopt;
}

/// Everything that a verdict depends on: providers look at cookies, headers and the query, a callout gets the
/// address as well.
std::string digest_of(const http_request& request, const std::string& name_space) {
    std::string all = name_space;
    for (const char* header : {"Cookie", "Authorization", "Origin", "Host"}) {
        all += '\0';
        all += request.info->header(header);
    }
    for (const std::string_view each : {std::string_view{request.info->address}, request.query}) {
        all += '\0';
        all += each;
    }
    return auth::digest(auth::hash::sha256, all);
}

} // namespace

const rules::admitted* verdict_table::find(const std::string& digest,
                                           const std::shared_ptr<const rules::program>& by,
                                           core::time_point now) {
    if (by_ != by) {
        by_ = by;
        known_.clear();
    }
    const auto found = known_.find(digest);
    return found == known_.end() || found->second.until <= now ? nullptr : &found->second.what;
}

void verdict_table::keep(const std::string& digest, rules::admitted what, core::time_point until,
                         core::time_point now) {
    if (known_.size() >= most_) {
        std::erase_if(known_, [now](const auto& each) { return each.second.until <= now; });
        // Somebody asks with ever new credentials: better to verify again than to grow.
        if (known_.size() >= most_) known_.clear();
    }
    known_.insert_or_assign(digest, entry{std::move(what), until});
}

state_reader::state_reader(server& io, rules::application& rules, std::shared_ptr<const doors> chosen)
    : io_(&io), rules_(&rules), chosen_(std::move(chosen)),
      rates_(std::make_shared<engine::address_table>(0, rules.current()->chosen().state.rate_per_address)) {
    for (std::size_t i = 0; i < io.threads(); ++i) verdicts_.push_back(std::make_unique<verdict_table>());
}

void state_reader::install() {
    http_area area;
    area.has = [this](std::string_view path) { return has(path); };
    area.has_cors = true;
    area.max_body_bytes = most_body_bytes;
    io_->on_http(std::move(area), [this](const http_request& request, const http_reply& reply) {
        return handle(request, exposing(reply));
    });
}

bool state_reader::has(std::string_view path) const {
    if (path == general_path) return rules_->current()->chosen().state.is_general;
    const auto chosen = chosen_.load();
    return std::any_of(chosen->states.begin(), chosen->states.end(),
                       [path](const state_path& each) { return each.path == path; });
}

bool state_reader::handle(const http_request& request, const http_reply& reply) {
    if (request.method != "GET" && request.method != "HEAD" && request.method != "POST") {
        http_response response = plain_error(405, "Method not allowed");
        response.headers.emplace_back("Allow", methods);
        reply(std::move(response));
        return true;
    }
    if (!rates_->admit(request.info->address, rules::monotonic_now())) {
        http_response response = plain_error(429, "Too many requests");
        response.headers.emplace_back("Retry-After", "1");
        reply(std::move(response));
        return true;
    }
    if (request.is_too_large) {
        reply(plain_error(413, "the body is too large"));
        return true;
    }
    const auto told = known_time_in(request.body);
    if (!told) {
        reply(plain_error(400,
                          "the body is no JSON object with lastUpdate, a time as text or in milliseconds"));
        return true;
    }
    const auto parameter = [&request](const std::string& name) { return request.info->query(name); };
    question what;
    std::string missing;
    const auto chosen = chosen_.load();
    const auto known = std::find_if(chosen->states.begin(), chosen->states.end(),
                                    [&](const state_path& each) { return each.path == request.path; });
    if (known != chosen->states.end()) {
        what.name_space = known->name_space;
        what.event = known->event;
        if (known->room) what.room = known->room->render(parameter, missing).value_or("");
    } else {
        what.name_space = parameter("namespace").value_or("/");
        what.room = parameter("room").value_or("");
        what.event = parameter("event").value_or("");
        if (what.event.empty()) missing = "event";
    }
    if (!missing.empty()) {
        reply(plain_error(400, "the parameter " + missing + " is missing"));
        return true;
    }
    if (what.room.size() > rules_->current()->chosen().server.max_room_name_bytes) {
        reply(plain_error(400, "room: there are no rooms of so long a name"));
        return true;
    }
    what.known_tag = request.info->header("If-None-Match");
    what.known_time = told->empty() ? parameter("lastUpdate").value_or("") : *told;
    admit(request, what, reply);
    return true;
}

void state_reader::admit(const http_request& request, const question& what, const http_reply& reply) {
    const std::size_t here = io_->this_thread().value_or(0);
    const core::time_point now = rules::monotonic_now();
    const auto by = rules_->current();
    const std::string digest = digest_of(request, what.name_space);
    if (const rules::admitted* known = verdicts_[here]->find(digest, by, now)) {
        decide(*known, what, reply);
        return;
    }
    auth::credentials given;
    given.cookie_header = request.info->header("Cookie");
    given.authorization = request.info->header("Authorization");
    given.name_space = what.name_space;
    given.address = request.info->address;
    given.origin = request.info->header("Origin");
    given.query = request.query;
    rules_->authorise(
        what.name_space, given, request.info->header("Host"),
        [this, here, digest, what, reply, keep = by->chosen().state.keep_verdicts](rules::admitted said) {
            // It may come on the thread of the network client.
            io_->post(here, [this, here, digest, what, reply, keep, said = std::move(said)] {
                decide(said, what, reply);
                const core::time_point at = rules::monotonic_now();
                core::time_point until = core::deadline_after(at, keep);
                if (said.who && said.who->expires) {
                    // A token may say any number.
                    constexpr std::int64_t longest_s = 60LL * 60 * 24 * 365;
                    const std::int64_t now_s = rules::unix_ms() / 1000;
                    const std::int64_t end_s = std::clamp(*said.who->expires, now_s, now_s + longest_s);
                    const auto left = std::chrono::milliseconds{end_s * 1000 - rules::unix_ms()};
                    until = std::min(until, core::deadline_after(at, left));
                }
                if (until > at) verdicts_[here]->keep(digest, said, until, at);
            });
        });
}

void state_reader::decide(const rules::admitted& who, const question& what, const http_reply& reply) {
    if (who.refused) {
        reply(refusal(*who.refused));
        return;
    }
    const auto by = rules_->current();
    if (rules_->is_revoked(*by, *who.who)) {
        reply(plain_error(401, by->chosen().auth.invalid));
        return;
    }
    // What is kept for a user is that user's.
    const std::string& reserved = by->reserved_prefix();
    if (!what.room.empty() && !reserved.empty() && what.room.starts_with(reserved) &&
        (!who.who->is_user || rules_->room_of_user(who.who->user_id) != what.room)) {
        reply(plain_error(403, "this room belongs to a user"));
        return;
    }
    rules_->retained(what.name_space, what.room, what.event,
                     [what, reply](const std::vector<rules::keeper::retained_event>& found) {
                         if (found.empty()) {
                             reply(not_found());
                         } else {
                             reply(answer(found.front(), what));
                         }
                     });
}

http_response state_reader::answer(const rules::keeper::retained_event& found, const question& what) {
    http_response response;
    response.content_type = "application/json";
    const std::string time = iso_time(found.changed_ms);
    const std::string tag = '"' + time + '"';
    response.headers = {{"ETag", tag},
                        {"Last-Modified", http_time(found.changed_ms)},
                        {"X-Last-Update", time},
                        {"Cache-Control", "private, no-cache"},
                        {"Vary", "Cookie, Authorization"}};
    // Some give the tag for the time: the two differ by the quotes alone.
    if (names_tag(what.known_tag, tag) || what.known_time == time || what.known_time == tag ||
        what.known_time == std::to_string(found.changed_ms)) {
        response.status = 304;
        return response;
    }
    const std::string& list = found.arguments.text();
    if (found.arguments.parts()) {
        std::string body = "{\"args\":" + list + ",\"attachments\":[";
        bool is_first = true;
        for (const std::string& part : *found.arguments.parts()) {
            body += std::exchange(is_first, false) ? "\"" : ",\"";
            core::append_base64(body, part);
            body += '"';
        }
        response.body = body + "]}";
        return response;
    }
    const auto only = core::value::element_at(list, 0);
    const bool is_one = only && !core::value::element_at(list, 1);
    response.body = is_one ? std::string{*only} : list;
    return response;
}

} // namespace roomcast::server::api
