#include "app/pages.hpp"

#include "app/backends.hpp"
#include "app/metrics.hpp"
#include "app/page_html.hpp"
#include "outbound/address_policy.hpp"

#include "roomcast/core/eio/request.hpp"

#include <boost/asio/ip/address.hpp>
#include <nlohmann/json.hpp>
#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace roomcast::server::app {

namespace {

constexpr std::size_t rooms_shown = 20;
/// In integrated mode `/` is the application's.
constexpr std::string_view own_page_path = "/roomcast/";
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
            {"recovered", now.recovered},
            {"handled",
             std::accumulate(now.handlers.counts.begin(), now.handlers.counts.end(), std::uint64_t{0})},
            {"handlerSeconds", now.handlers.sum_s},
            {"queuedBytes", now.queued_bytes},
            {"memory", resident_bytes()}};
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

bool may_read_metrics(const config::settings& chosen, const handshake_info& from) {
    if (chosen.metrics == config::metrics_reach::any) return true;
    const std::string wanted = "Bearer " + chosen.metrics_token;
    const std::string_view given = from.header("Authorization");
    if (!chosen.metrics_token.empty() && given.size() == wanted.size() &&
        CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0) {
        return true;
    }
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(from.address, error);
    if (error || chosen.metrics != config::metrics_reach::private_networks) return false;
    const outbound::address_kind kind = outbound::kind_of(address);
    return kind == outbound::address_kind::loopback || kind == outbound::address_kind::nearby;
}

void answer_metrics(roomcast::server::server& io, const rules::application& rules, const api::couriers& hooks,
                    const http_request& request, const http_reply& reply) {
    if (!may_read_metrics(rules.current()->chosen(), *request.info)) {
        http_response refused;
        refused.status = 403;
        refused.body = "Forbidden: see metrics.reach and metrics.token";
        reply(std::move(refused));
        return;
    }
    io.collect([reply, &rules, &hooks](const statistics& now, const std::vector<room_info>&) {
        http_response response;
        response.content_type = "text/plain; version=0.0.4; charset=utf-8";
        response.body = prometheus_text(now, rules, hooks);
        reply(std::move(response));
    });
}

http_response not_to_be_written() {
    http_response refused;
    refused.status = 405;
    refused.body = "Method Not Allowed";
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
}

/// Is all well? Asked by platforms, load balancers and people.
void answer_probe(roomcast::server::server& io, rules::application& rules, const api::couriers& hooks,
                  const http_request& request, const http_reply& reply) {
    if (request.path == "/livez") {
        reply(json_response({{"status", "ok"}}));
    } else if (request.path == "/health-check") {
        // Where the backends are is not for everybody.
        const bool is_for_operator = may_read_metrics(rules.current()->chosen(), *request.info);
        check_backends(io, rules, hooks, [reply, is_for_operator](const std::vector<backend_state>& all) {
            reply(health_check_answer(all, is_for_operator));
        });
    } else if (request.path == "/readyz") {
        http_response response = json_response({{"status", io.is_draining() ? "draining" : "ok"}});
        if (io.is_draining()) response.status = 503;
        reply(std::move(response));
    } else {
        const bool is_draining = io.is_draining();
        io.collect([reply, is_draining, service = rules.current()->chosen().service](
                       const statistics& now, const std::vector<room_info>&) {
            http_response response =
                json_response({{"status", is_draining ? "draining" : "healthy"},
                               {"service", service},
                               {"uptime", now.uptime_s},
                               {"connections", now.connections},
                               {"rooms", now.rooms - std::min(now.rooms, now.private_rooms)}});
            if (is_draining) response.status = 503;
            reply(std::move(response));
        });
    }
}

} // namespace

bool is_probe(std::string_view path) {
    return path == "/health" || path == "/health-check" || path == "/livez" || path == "/readyz";
}

http_handler probes_of(roomcast::server::server& io, rules::application& rules, const api::couriers& hooks) {
    return [&io, &rules, &hooks](const http_request& request, const http_reply& reply) {
        if (!is_probe(request.path)) return false;
        if (request.method != "GET" && request.method != "HEAD") {
            reply(not_to_be_written());
        } else {
            answer_probe(io, rules, hooks, request, reply);
        }
        return true;
    };
}

void serve_pages(roomcast::server::server& io, rules::application& rules, const api::couriers& hooks,
                 rules::feed& seen) {
    const config::page_mode page = rules.current()->chosen().page;
    const std::string socket_path = rules.current()->chosen().server.path;
    io.on_http([&io, page, &seen, &rules, &hooks, socket_path](const http_request& request,
                                                               const http_reply& reply) {
        const bool is_read = request.method == "GET" || request.method == "HEAD";
        // npm's server answers its own path with a slash; without one, and without a query, somebody looks
        // whether it is there.
        const bool is_look = request.path == socket_path && request.query.empty();
        const bool is_known =
            is_look || is_probe(request.path) || request.path == "/metrics" ||
            request.path == contract_path || request.path == contract_json_path ||
            (page != config::page_mode::off &&
             (request.path == "/" || request.path == own_page_path || request.path == "/roomcast/live"));
        if (!is_known) return false;
        if (!is_read) {
            reply(not_to_be_written());
            return true;
        }
        if (is_look) {
            reply(json_response({{"status", "ok"},
                                 {"message", "Socket.io server is running via custom server"},
                                 {"path", socket_path}}));
            return true;
        }
        if (is_probe(request.path)) {
            answer_probe(io, rules, hooks, request, reply);
            return true;
        }
        if (request.path == "/metrics") {
            answer_metrics(io, rules, hooks, request, reply);
            return true;
        }
        if (request.path == contract_path || request.path == contract_json_path) {
            reply(contract_response(*rules.current(), request));
            return true;
        }
        if (request.path == "/" || request.path == own_page_path) {
            http_response response;
            response.content_type = "text/html; charset=utf-8";
            response.headers.emplace_back("Cache-Control", "no-cache");
            response.headers.emplace_back(
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
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
                    body["namespaces"] = nlohmann::json::array();
                    for (const name_space_count& each : now.name_spaces) {
                        if (body["namespaces"].size() == rooms_shown) break;
                        body["namespaces"].push_back({{"nsp", each.nsp}, {"sockets", each.sockets}});
                    }
                    body["events"] = nlohmann::json::array();
                    for (const rules::feed::entry& each : seen.watch(after)) {
                        body["events"].push_back({{"number", each.number},
                                                  {"at", each.at_ms},
                                                  {"nsp", each.nsp},
                                                  {"event", each.event},
                                                  {"sender", each.sender},
                                                  {"rooms", each.rooms}});
                    }
                }
                reply(json_response(body));
            },
            is_full ? rooms_shown : 0);
        return true;
    });
}

} // namespace roomcast::server::app
