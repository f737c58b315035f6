#include "app/pages.hpp"

#include "app/page_html.hpp"

#include "roomcast/core/eio/request.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace roomcast::server::app {

namespace {

constexpr std::size_t rooms_shown = 20;
constexpr std::string_view contract_path = "/roomcast/contract";
constexpr std::string_view contract_json_path = "/roomcast/contract.json";

http_response json_response(const nlohmann::ordered_json& body) {
    http_response response;
    response.content_type = "application/json";
    // Names of rooms come from clients; what is not UTF-8 must not end the answer.
    response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

nlohmann::ordered_json figures(const statistics& now) {
    return {{"uptime", now.uptime_s},
            {"connections", now.connections},
            {"sockets", now.sockets},
            {"rooms", now.rooms},
            {"connectionsTotal", now.connections_total},
            {"eventsReceived", now.events_received},
            {"messagesSent", now.messages_sent},
            {"bytesReceived", now.bytes_received},
            {"bytesSent", now.bytes_sent},
            {"dropped", now.dropped_volatile + now.dropped_slow},
            {"slowConsumers", now.slow_consumers},
            {"protocolErrors", now.protocol_errors},
            {"recovered", now.recovered}};
}

std::uint64_t number_after(std::string_view query, std::string_view key) {
    std::uint64_t number = 0;
    const std::size_t at = query.find(key);
    if (at == std::string_view::npos) return 0;
    const std::string_view digits = query.substr(at + key.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

/// The contract for clients: its source, or the compiled form that the core loads.
http_response contract_response(const rules::program& now, const http_request& request) {
    const bool is_json = request.path == contract_json_path;
    http_response response;
    response.content_type = is_json ? "application/json" : "application/octet-stream";
    response.body = is_json ? now.contract_json() : now.contract_form();
    std::string tag = "\"" + std::to_string(std::hash<std::string>{}(response.body)) + '"';
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.headers.emplace_back("Access-Control-Allow-Origin", "*");
    if (request.info->header("If-None-Match") == tag) {
        response.status = 304;
        response.body.clear();
    }
    response.headers.emplace_back("ETag", std::move(tag));
    return response;
}

} // namespace

void serve_pages(roomcast::server::server& io, const rules::application& rules, rules::feed& seen) {
    const config::page_mode page = rules.current()->chosen().page;
    const std::string socket_path = rules.current()->chosen().server.path;
    io.on_http([&io, page, &seen, &rules, socket_path](const http_request& request, const http_reply& reply) {
        const bool is_read = request.method == "GET" || request.method == "HEAD";
        const bool is_known =
            request.path == "/health" || request.path == contract_path ||
            request.path == contract_json_path ||
            (page != config::page_mode::off && (request.path == "/" || request.path == "/roomcast/live"));
        if (!is_known) return false;
        if (!is_read) {
            http_response refused;
            refused.status = 405;
            refused.body = "Method Not Allowed";
            refused.headers.emplace_back("Allow", "GET, HEAD");
            reply(std::move(refused));
            return true;
        }
        if (request.path == "/health") {
            io.collect([reply, service = rules.current()->chosen().service](const statistics& now,
                                                                            const std::vector<room_info>&) {
                reply(json_response({{"status", "healthy"},
                                     {"service", service},
                                     {"uptime", now.uptime_s},
                                     {"connections", now.connections},
                                     {"rooms", now.rooms}}));
            });
            return true;
        }
        if (request.path == contract_path || request.path == contract_json_path) {
            reply(contract_response(*rules.current(), request));
            return true;
        }
        if (request.path == "/") {
            http_response response;
            response.content_type = "text/html; charset=utf-8";
            response.headers.emplace_back("Cache-Control", "no-cache");
            response.headers.emplace_back(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                "connect-src 'self' ws: wss:; frame-ancestors 'none'");
            response.headers.emplace_back("X-Content-Type-Options", "nosniff");
            response.body = page_html;
            reply(std::move(response));
            return true;
        }
        const bool is_full = page == config::page_mode::full;
        const std::uint64_t after = number_after(request.query, "after=");
        io.collect(
            [reply, is_full, after, &seen, socket_path](const statistics& now,
                                                        const std::vector<room_info>& rooms) {
                nlohmann::ordered_json body = figures(now);
                body["path"] = socket_path;
                body["isFull"] = is_full;
                if (is_full) {
                    body["topRooms"] = nlohmann::json::array();
                    for (const room_info& room : rooms) {
                        body["topRooms"].push_back(
                            {{"nsp", room.nsp}, {"room", room.room}, {"sockets", room.sockets}});
                    }
                    body["events"] = nlohmann::json::array();
                    for (const rules::feed::entry& each : seen.watch(after)) {
                        body["events"].push_back({{"number", each.number},
                                                  {"at", each.at_ms},
                                                  {"nsp", each.nsp},
                                                  {"event", each.event},
                                                  {"sender", each.sender}});
                    }
                }
                reply(json_response(body));
            },
            is_full ? rooms_shown : 0);
        return true;
    });
}

} // namespace roomcast::server::app
