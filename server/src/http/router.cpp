#include "http/router.hpp"

#include "base/log.hpp"
#include "engine/context.hpp"
#include "engine/session.hpp"
#include "http/cors.hpp"
#include "proxy/upstream.hpp"
#include "transport/websocket_handshake.hpp"

#include "roomcast/core/eio/jsonp.hpp"

#include <algorithm>

namespace roomcast::server::http {

namespace eio = core::eio;

namespace {

constexpr std::string_view text_plain = "text/plain; charset=utf-8";
constexpr std::uint64_t most_bytes_of_strangers = 16U << 10U;

std::string_view words_for(unsigned status) {
    switch (status) {
    case 408: return "Request Timeout";
    case 413: return "Payload Too Large";
    case 431: return "Request Header Fields Too Large";
    default: return "Bad Request";
    }
}

std::string cookie_header(const cookie_options& cookie, const std::string& sid) {
    if (cookie.name.empty()) return {};
    std::string line = "Set-Cookie: " + cookie.name + '=' + sid;
    if (!cookie.path.empty()) line += "; Path=" + cookie.path;
    if (cookie.is_http_only) line += "; HttpOnly";
    if (cookie.is_secure) line += "; Secure";
    if (!cookie.same_site.empty()) line += "; SameSite=" + cookie.same_site;
    return line + "\r\n";
}

std::uint64_t most_body_bytes(const transport::connection& from, const http_area& area) {
    const transport::request_head& head = from.head();
    const bool is_short = !head.is_chunked && head.content_length.value_or(0) <= most_bytes_of_strangers;
    if (is_short || !area.may_send_much) return area.max_body_bytes;
    bool may = false;
    engine::call_application([&] { may = area.may_send_much(*from.make_info()); });
    return may ? area.max_body_bytes : std::min(area.max_body_bytes, most_bytes_of_strangers);
}

/// Who asked, and for which path: a query may hold a token.
base::about about(const transport::connection& from, const std::string& address) {
    return base::about{}.with("address", address).with("path", from.head().path);
}

/// What all answers of the polling transport carry. @source npm engine.io, `Polling.headers`
std::string polling_headers(const transport::connection& from, const std::string& cors) {
    const std::string_view agent = from.header("User-Agent");
    const bool is_old =
        agent.find(";MSIE") != std::string_view::npos || agent.find("Trident/") != std::string_view::npos;
    // Those browsers take a payload for an attack and change it.
    return is_old ? cors + "X-XSS-Protection: 0\r\n" : cors;
}

} // namespace

bool router::is_protocol_path(std::string_view path) const {
    const options& chosen = context_->options;
    if (!serves_sockets_ || !path.starts_with(chosen.path)) return false;
    const std::string_view rest = path.substr(chosen.path.size());
    if (rest.empty()) return !chosen.add_trailing_slash;
    return rest.front() == '/';
}

bool router::is_of_upstream(std::string_view path) const {
    return upstream_ != nullptr && path != context_->options.path && claimant_of(path) == nullptr &&
           upstream_->has(path);
}

router::next router::on_head(transport::connection& from) {
    if (from.is_spare()) {
        from.close_after_answer();
        const std::string_view path = from.head().path;
        if (from.head().is_upgrade || is_protocol_path(path) || is_of_upstream(path)) {
            ++from.home().counts().refused_connections;
            const std::string address = from.origin().address;
            base::log("http").warn(about(from, address), "not let in: there are {} connections already",
                                   context_->options.max_connections);
            from.respond(503, text_plain, cors_headers(context_->options.cors, from.header("Origin")),
                         "too many connections");
            return next::done;
        }
    }
    if (is_protocol_path(from.head().path)) return on_protocol_request(from);
    if (is_of_upstream(from.head().path)) return upstream_->on_head(from);
    if (from.head().is_upgrade) {
        from.close_after_answer();
        from.respond(404, text_plain, {}, "Not Found");
        return next::done;
    }
    if (const engine::http_entry* claimant = claimant_of(from.head().path)) {
        const cors_options& cors = context_->options.cors;
        if (claimant->area.has_cors && !cors.origins.empty() && from.head().method == "OPTIONS") {
            from.respond(
                204, {},
                preflight_headers(cors, from.header("Origin"), from.header("Access-Control-Request-Headers")),
                {});
            return next::done;
        }
        if (claimant->area.max_body_bytes != 0) from.limit_body(most_body_bytes(from, claimant->area));
    }
    return next::read_body;
}

const engine::http_entry* router::claimant_of(std::string_view path) const {
    for (const engine::http_entry& each : *handlers_) {
        if (each.area.has && each.area.has(path)) return &each;
    }
    return nullptr;
}

router::next router::on_protocol_request(transport::connection& from) {
    const options& chosen = context_->options;
    const transport::request_head& head = from.head();
    const std::string_view origin = from.header("Origin");
    const std::string cors = cors_headers(chosen.cors, origin);
    if (!chosen.cors.origins.empty() && head.method == "OPTIONS") {
        from.respond(204, {},
                     preflight_headers(chosen.cors, origin, from.header("Access-Control-Request-Headers")),
                     {});
        return next::done;
    }
    const eio::request_query query = eio::parse_query(head.query);
    engine::session* session = nullptr;
    if (query.has_sid) {
        const auto index = base::shard_of(query.sid);
        if (index && *index < context_->shards.size()) {
            engine::shard& keeper = *context_->shards[*index];
            if (&keeper != &from.home()) {
                from.move_to(keeper);
                return next::moved;
            }
            session = keeper.find(query.sid);
        }
    }
    eio::request_facts facts;
    facts.query = &query;
    facts.is_get = head.method == "GET";
    facts.is_upgrade = head.is_upgrade;
    facts.is_origin_clean = eio::is_clean_header_value(origin);
    facts.allows_polling = chosen.allow_polling;
    facts.allows_websocket = chosen.allow_websocket;
    if (session != nullptr) facts.session = session->transport();
    const auto reason = eio::verify(facts);
    // The version is looked at last, after the application was asked.
    if (reason && *reason != eio::refusal::unsupported_version) {
        refuse(from, *reason, cors);
        return next::done;
    }
    if (session == nullptr) {
        open_session(from, query, reason, cors);
        return next::done;
    }
    if (head.is_upgrade) {
        if (const std::string_view wrong = transport::check_upgrade(from); !wrong.empty()) {
            from.refuse_upgrade(wrong, transport::upgrade_hint(wrong));
            return next::done;
        }
        from.become_websocket(*session, cors);
        from.write({}); // a session that polls writes nothing here: the peer waits for the answer to probe
        session->on_link_open(from);
        return next::done;
    }
    from.keep_headers(polling_headers(from, cors), cookie_header(chosen.cookie, session->sid()));
    from.wait_for(*session);
    if (head.method == "GET") {
        session->on_poll(from);
        return next::done;
    }
    if (head.method == "POST") {
        const bool is_octet_stream = from.header("Content-Type") == "application/octet-stream";
        from.limit_body(chosen.session.bounds.max_payload_bytes);
        return session->on_post_begin(from, is_octet_stream) ? next::read_body : next::done;
    }
    session->on_other_method(from);
    return next::done;
}

void router::open_session(transport::connection& from, const eio::request_query& query,
                          std::optional<eio::refusal> reason, const std::string& cors) {
    const options& chosen = context_->options;
    auto info = from.make_info();
    if (context_->allow_request) {
        std::optional<std::string> refused;
        engine::call_application([&] { refused = context_->allow_request(*info); });
        if (refused) {
            refuse(from, eio::refusal::forbidden, cors, *refused);
            return;
        }
    }
    if (reason) {
        refuse(from, *reason, cors);
        return;
    }
    if (context_->is_draining || context_->is_stopping) {
        base::log("http").debug(about(from, info->address), "not let in: the server is stopping");
        from.close_after_answer();
        from.respond(503, text_plain, cors, "the server is stopping");
        return;
    }
    engine::shard& home = from.home();
    auto place = context_->addresses->admit(info->address, home.now());
    if (!place) {
        ++home.counts().refused_connections;
        base::log("http").info(about(from, info->address),
                               "not let in: too many connections of this address");
        from.close_after_answer();
        from.respond(429, text_plain, cors, "too many connections from this address");
        return;
    }
    if (from.head().is_upgrade) {
        if (const std::string_view wrong = transport::check_upgrade(from); !wrong.empty()) {
            from.refuse_upgrade(wrong, transport::upgrade_hint(wrong));
            return;
        }
        engine::session& session =
            home.open_session(std::make_unique<engine::session>(home, std::move(info), &from));
        session.keep(std::move(*place));
        from.become_websocket(session, cors);
        return;
    }
    engine::session& session =
        home.open_session(std::make_unique<engine::session>(home, std::move(info), nullptr));
    session.keep(std::move(*place));
    if (query.jsonp) session.use_jsonp(eio::jsonp_index(*query.jsonp));
    from.keep_headers(polling_headers(from, cors), cookie_header(chosen.cookie, session.sid()));
    from.wait_for(session);
    session.on_poll(from);
}

void router::refuse(transport::connection& from, eio::refusal reason, const std::string& cors,
                    std::string_view message) {
    if (base::log("http").is_on(base::log_level::debug)) {
        const std::string address = from.origin().address;
        base::log("http").debug(about(from, address).with("origin", from.header("Origin")),
                                "handshake refused: {}", message.empty() ? eio::message_of(reason) : message);
    }
    if (from.head().is_upgrade) {
        from.refuse_upgrade(message.empty() ? eio::message_of(reason) : message, {});
        return;
    }
    from.respond(eio::status_of(reason), "application/json", cors, eio::body_of(reason, message));
}

void router::on_request(transport::connection& from, std::string body) {
    if (engine::session* session = from.waiting_for()) {
        session->on_post(from, std::move(body));
        return;
    }
    on_application_request(from, body, body_state::complete);
}

void router::on_body_too_large(transport::connection& from) {
    if (engine::session* session = from.waiting_for()) {
        session->on_post_too_large(from);
        return;
    }
    const engine::http_entry* claimant = claimant_of(from.head().path);
    if (claimant != nullptr && claimant->area.max_body_bytes != 0) {
        on_application_request(from, {}, body_state::too_large);
        return;
    }
    from.respond(413, text_plain, {}, words_for(413));
}

void router::on_bad_request(transport::connection& from, unsigned status) {
    if (base::log("http").is_on(base::log_level::debug)) {
        const std::string address = from.origin().address;
        base::log("http").debug(about(from, address).with("status", status), "no request that is understood");
    }
    from.close_after_answer();
    from.respond(status, text_plain, {}, words_for(status));
}

void router::on_application_request(transport::connection& from, std::string_view body, body_state state) {
    const auto info = from.make_info();
    const transport::request_head& head = from.head();
    const http_request request{head.method, head.path,  head.query,
                               body,        info.get(), state == body_state::too_large};
    const engine::http_entry* claimant = claimant_of(head.path);
    std::string cors;
    if (claimant != nullptr && claimant->area.has_cors) {
        cors = cors_headers(context_->options.cors, from.header("Origin"));
    }
    const http_reply reply = [place = from.answer_place(), home = &from.home(),
                              cors = std::move(cors)](http_response response) {
        home->dispatch([place, cors, response = std::move(response)] {
            if (*place == nullptr) return;
            std::string extra = cors;
            for (const auto& [name, value] : response.headers) extra += name + ": " + value + "\r\n";
            (*place)->respond(response.status, response.content_type, extra, response.body);
        });
    };
    for (const engine::http_entry& each : *handlers_) {
        if (!each.has(request.path)) continue;
        bool is_taken = false;
        engine::call_application([&] { is_taken = each.handle(request, reply); });
        if (is_taken) return;
    }
    from.respond(404, text_plain, {}, "Not Found");
}

} // namespace roomcast::server::http
