// The test application of apps/README.md, written against the embedding API.
#include <roomcast/core/eio/request.hpp>
#include <roomcast/core/sio/decoder.hpp>
#include <roomcast/core/value.hpp>
#include <roomcast/server/server.hpp>

#include <any>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <malloc.h>
#include <pthread.h>

namespace {

namespace rc = roomcast::server;
namespace core = roomcast::core;

// Settings, as apps/README.md names them.

std::string text_setting(const char* name, const char* fallback) {
    const char* given = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
    return given == nullptr ? fallback : given;
}

unsigned long number_setting(const char* name, unsigned long fallback) {
    const std::string given = text_setting(name, "");
    return given.empty() ? fallback : std::stoul(given);
}

std::chrono::milliseconds milliseconds_setting(const char* name, unsigned long fallback) {
    return std::chrono::milliseconds{number_setting(name, fallback)};
}

std::vector<std::string> list_setting(const char* name) {
    std::vector<std::string> items;
    std::string item;
    for (const char each : text_setting(name, "") + ',') {
        if (each == ',') {
            if (!item.empty()) items.push_back(std::move(item));
            item.clear();
        } else if (each != ' ') {
            item += each;
        }
    }
    return items;
}

rc::options chosen_options() {
    rc::options chosen;
    chosen.host = text_setting("HOST", "127.0.0.1");
    chosen.port = static_cast<std::uint16_t>(number_setting("PORT", 0));
    chosen.threads = static_cast<unsigned>(number_setting("ROOMCAST_THREADS", 1));
    chosen.path = text_setting("ROOMCAST_PATH", "/socket.io");
    chosen.session.ping_interval = milliseconds_setting("ROOMCAST_PING_INTERVAL", 25'000);
    chosen.session.ping_timeout = milliseconds_setting("ROOMCAST_PING_TIMEOUT", 20'000);
    chosen.connect_timeout = milliseconds_setting("ROOMCAST_CONNECT_TIMEOUT", 45'000);
    chosen.session.upgrade_timeout = milliseconds_setting("ROOMCAST_UPGRADE_TIMEOUT", 10'000);
    chosen.session.bounds.max_payload_bytes = number_setting("ROOMCAST_MAX_PAYLOAD", 1'000'000);
    chosen.recovery.is_enabled = text_setting("ROOMCAST_RECOVERY", "") == "true";
    chosen.recovery.max_disconnection = milliseconds_setting("ROOMCAST_RECOVERY_DURATION", 120'000);
    chosen.cors.origins = list_setting("ROOMCAST_CORS_ORIGIN");
    chosen.cors.credentials = !chosen.cors.origins.empty();
    chosen.cookie.name = text_setting("ROOMCAST_COOKIE", "");
    chosen.tls.certificate_file = text_setting("ROOMCAST_TLS_CERTIFICATE", "");
    chosen.tls.key_file = text_setting("ROOMCAST_TLS_KEY", "");
    chosen.tls.handshake_timeout = milliseconds_setting("ROOMCAST_TLS_HANDSHAKE_TIMEOUT", 10'000);
    chosen.trusted_proxies = list_setting("ROOMCAST_TRUSTED_PROXIES");
    chosen.proxy_protocol = text_setting("ROOMCAST_PROXY_PROTOCOL", "") == "true";
    chosen.http.request_timeout = milliseconds_setting("ROOMCAST_REQUEST_TIMEOUT", 30'000);
    chosen.http.close_timeout = milliseconds_setting("ROOMCAST_CLOSE_TIMEOUT", 5'000);
    auto& compression = chosen.compression;
    compression.websocket.is_enabled = text_setting("ROOMCAST_COMPRESSION", "") == "true";
    compression.websocket.threshold = number_setting("ROOMCAST_COMPRESSION_THRESHOLD", 1024);
    compression.websocket.server_no_context_takeover =
        text_setting("ROOMCAST_COMPRESSION_SERVER_NO_CONTEXT_TAKEOVER", "true") == "true";
    compression.websocket.client_no_context_takeover =
        text_setting("ROOMCAST_COMPRESSION_CLIENT_NO_CONTEXT_TAKEOVER", "true") == "true";
    compression.http.is_enabled = text_setting("ROOMCAST_HTTP_COMPRESSION", "") == "true";
    if (const auto transports = list_setting("ROOMCAST_TRANSPORTS"); !transports.empty()) {
        chosen.allow_polling = false;
        chosen.allow_websocket = false;
        for (const std::string& each : transports) {
            if (each == "polling") chosen.allow_polling = true;
            if (each == "websocket") chosen.allow_websocket = true;
        }
    }
    return chosen;
}

// What was disconnected, for the tests and for the event `last-disconnect`.

class departures {
public:
    void note(const rc::socket& socket, std::string_view reason) {
        const std::lock_guard guard{noting_};
        reasons_.insert_or_assign(socket.id(), std::string{reason});
        order_.push_back(socket.id());
        if (order_.size() > remembered) {
            reasons_.erase(order_.front());
            order_.pop_front();
        }
        std::printf("disconnect %s %s %.*s\n", socket.nsp().c_str(), socket.id().c_str(),
                    static_cast<int>(reason.size()), reason.data());
        std::fflush(stdout);
    }

    std::optional<std::string> reason_of(const std::string& id) {
        const std::lock_guard guard{noting_};
        const auto found = reasons_.find(id);
        return found == reasons_.end() ? std::nullopt : std::optional{found->second};
    }

private:
    static constexpr std::size_t remembered = 10'000;
    std::mutex noting_; // sockets of several threads leave at once
    std::unordered_map<std::string, std::string> reasons_;
    std::deque<std::string> order_;
};

// JSON texts.

std::string json_string(std::string_view text) {
    std::string json;
    core::value::append_string(json, text);
    return json;
}

std::string list_of(const std::vector<std::string>& texts) {
    std::string json = "[";
    for (const std::string& each : texts) {
        if (json.size() > 1) json += ',';
        json += json_string(each);
    }
    return json + ']';
}

const char* word(bool given) {
    return given ? "true" : "false";
}

std::string data_of(const rc::socket& socket) {
    const auto* kept = std::any_cast<std::string>(&socket.data());
    return kept == nullptr ? "{}" : *kept;
}

std::string query_of(const rc::handshake_info& info) {
    std::string json = "{";
    const std::size_t mark = info.url.find('?');
    std::string_view rest =
        mark == std::string::npos ? std::string_view{} : std::string_view{info.url}.substr(mark + 1);
    while (!rest.empty()) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const std::size_t equals = pair.find('=');
        if (json.size() > 1) json += ',';
        json += json_string(core::eio::percent_decode(pair.substr(0, equals)));
        json += ':';
        json += json_string(equals == std::string_view::npos
                                ? std::string{}
                                : core::eio::percent_decode(pair.substr(equals + 1)));
    }
    return json + '}';
}

std::string who(const rc::socket& socket) {
    return "{\"id\":" + json_string(socket.id()) + ",\"nsp\":" + json_string(socket.nsp()) +
           ",\"auth\":" + std::string{socket.auth()} + ",\"rooms\":" + list_of(socket.rooms()) +
           ",\"recovered\":" + word(socket.is_recovered()) + ",\"data\":" + data_of(socket) + '}';
}

std::string handshake_of(const rc::socket& socket) {
    const rc::handshake_info& info = socket.handshake();
    const std::string_view header = info.header("x-interop");
    return "{\"auth\":" + std::string{socket.auth()} + ",\"query\":" + query_of(info) +
           ",\"header\":" + (header.empty() ? "null" : json_string(header)) +
           ",\"secure\":" + word(info.is_secure) + ",\"xdomain\":" + word(info.is_cross_domain) +
           ",\"address\":" + json_string(info.address) + '}';
}

std::string found_json(const std::vector<rc::remote_socket>& found) {
    std::string json = "[";
    for (const rc::remote_socket& each : found) {
        if (json.size() > 1) json += ',';
        json += "{\"id\":" + json_string(each.id) + ",\"rooms\":" + list_of(each.rooms) + '}';
    }
    return json + ']';
}

// The answers of a broadcast, each the first argument of its acknowledgement, binary parts included.
rc::args replies_json(const rc::broadcast_replies& replies) {
    std::string json = "[{\"error\":";
    json += replies.error ? json_string("operation has timed out") : "null";
    json += ",\"responses\":[";
    std::vector<std::string> parts;
    bool is_first = true;
    for (const rc::args& each : replies.replies) {
        const rc::arguments given{each.text(), each.parts(), 0};
        if (!std::exchange(is_first, false)) json += ',';
        if (given.size() == 0) {
            json += "null";
        } else {
            core::sio::append_picked(json, parts, given.json(0), each.parts());
        }
    }
    json += "]}]";
    core::sio::attachments shared;
    if (!parts.empty()) shared = std::make_shared<std::vector<std::string>>(std::move(parts));
    return rc::args::from_checked(std::move(json), std::move(shared));
}

std::string room_at(const rc::event& event, std::size_t index) {
    const auto room = event.text(index);
    if (!room) throw std::invalid_argument{"a room is a string"};
    return *room;
}

class application {
public:
    explicit application(rc::server& io) : io_(&io) {
        serve_all(io.of("/"));
        serve_all(io.of("/custom"));
        for (const char* name : {"/", "/custom"}) {
            io.of(name).on_connection(
                [](rc::socket& socket) { socket.emit("auth", {rc::json{std::string{socket.auth()}}}); });
        }
        serve_all(io.of_pattern("^/dynamic-[0-9]+$"));

        rc::name_space guarded = io.of("/auth");
        guarded.use([](rc::socket& socket, const rc::next_step& next) {
            const auto token = core::value::member(socket.auth(), "token");
            if (token && core::value::is_text(*token, "secret")) {
                next(std::nullopt);
            } else {
                next(rc::connect_error{"unauthorized", R"({"code":401})"});
            }
        });
        serve_basic(guarded);
        io.of("/deny").use([](rc::socket& socket, const rc::next_step& next) {
            socket.join("deny-room");
            next(rc::connect_error{"nope", R"({"code":7})"});
        });
        io.of("/deny-plain").use([](rc::socket&, const rc::next_step& next) {
            next(rc::connect_error{"nope", {}});
        });
    }

private:
    rc::broadcast_operator everyone(const rc::socket& socket) {
        return io_->everyone_in(socket.nsp()).value();
    }

    void serve_basic(rc::name_space at) {
        at.on_disconnect([this](rc::socket& socket, std::string_view reason) { gone_.note(socket, reason); });
        at.on("echo", [](rc::socket&, rc::event& event) { event.ack(event.args().copy()); });
        at.on("message",
              [](rc::socket& socket, rc::event& event) { socket.emit("message-back", event.args().copy()); });
        at.on("join", [](rc::socket& socket, rc::event& event) {
            socket.join(room_at(event, 0));
            event.ack();
        });
        at.on("whoami", [](rc::socket& socket, rc::event& event) { event.ack({rc::json{who(socket)}}); });
    }

    void serve_all(rc::name_space at) {
        serve_basic(at);
        serve_publishing(at);
        serve_calls(at);
        serve_sockets(at);
        serve_questions(at);
    }

    void serve_publishing(rc::name_space at) {
        at.on("publish", [this](rc::socket& socket, rc::event& event) {
            everyone(socket).to(room_at(event, 0)).emit("msg", event.args().pick(1));
            event.ack();
        });
        at.on("publish-volatile", [this](rc::socket& socket, rc::event& event) {
            everyone(socket).to(room_at(event, 0)).volatile_().emit("msg", event.args().pick(1));
            event.ack();
        });
        at.on("publish-except-me", [](rc::socket& socket, rc::event& event) {
            socket.to(room_at(event, 0)).emit("msg", event.args().pick(1));
            event.ack();
        });
        at.on("publish-except", [this](rc::socket& socket, rc::event& event) {
            everyone(socket)
                .to(room_at(event, 0))
                .except(room_at(event, 1))
                .emit("msg", event.args().pick(2));
            event.ack();
        });
        at.on("broadcast-all", [this](rc::socket& socket, rc::event& event) {
            everyone(socket).emit("msg", event.args().pick(0));
            event.ack();
        });
        at.on("broadcast-except-me", [](rc::socket& socket, rc::event& event) {
            socket.broadcast().emit("msg", event.args().pick(0));
            event.ack();
        });
        at.on("volatile-msg", [](rc::socket& socket, rc::event& event) {
            socket.emit_volatile("volatile-back", event.args().copy());
        });
    }

    void serve_calls(rc::name_space at) {
        at.on("message-with-ack", [](rc::socket&, rc::event& event) { event.ack(event.args().copy()); });
        at.on("call-me", [](rc::socket& socket, rc::event& event) {
            socket.emit_with_ack("question", event.args().copy(), {}, [socket](const rc::reply& reply) {
                if (!reply.error) socket.emit("answer", reply.args.copy());
            });
        });
        at.on("call-me-timeout", [](rc::socket& socket, rc::event& event) {
            const auto done = [socket](const rc::reply& reply) {
                if (reply.error) {
                    socket.emit("answer-timeout", {"operation has timed out"});
                } else {
                    socket.emit("answer", reply.args.copy());
                }
            };
            socket.emit_with_ack("question", event.args().copy(), std::chrono::milliseconds{200}, done);
        });
        at.on("broadcast-call", [this](rc::socket& socket, rc::event& event) {
            const std::chrono::milliseconds longest{event.integer(1).value_or(0)};
            everyone(socket)
                .to(room_at(event, 0))
                .timeout(longest)
                .emit_with_ack("question", {},
                               [answer = event.answer_later()](const rc::broadcast_replies& replies) {
                                   answer(replies_json(replies));
                               });
        });
    }

    void serve_sockets(rc::name_space at) {
        at.on("leave", [](rc::socket& socket, rc::event& event) {
            socket.leave(room_at(event, 0));
            event.ack();
        });
        at.on("set-data", [](rc::socket& socket, rc::event& event) {
            socket.data() = std::string{event.json(0)};
            event.ack();
        });
        at.on("bye",
              [](rc::socket& socket, rc::event& event) { socket.disconnect(event.json(0) == "true"); });
        at.on("close-engine", [](rc::socket& socket, rc::event&) { socket.end_connection(); });
        at.on("sockets-join", [this](rc::socket& socket, rc::event& event) {
            everyone(socket).to(room_at(event, 0)).sockets_join({room_at(event, 1)});
            event.ack();
        });
        at.on("sockets-leave", [this](rc::socket& socket, rc::event& event) {
            everyone(socket).to(room_at(event, 0)).sockets_leave({room_at(event, 1)});
            event.ack();
        });
        at.on("disconnect-sockets", [this](rc::socket& socket, rc::event& event) {
            event.ack();
            everyone(socket).to(room_at(event, 0)).disconnect_sockets(event.json(1) == "true");
        });
    }

    void serve_questions(rc::name_space at) {
        at.on("handshake",
              [](rc::socket& socket, rc::event& event) { event.ack({rc::json{handshake_of(socket)}}); });
        at.on("rooms", [](rc::socket& socket, rc::event& event) { event.ack({socket.rooms()}); });
        at.on("fetch-sockets", [this](rc::socket& socket, rc::event& event) {
            auto whom = everyone(socket);
            if (event.json(0) != "null") whom = whom.to(room_at(event, 0));
            whom.fetch_sockets([answer = event.answer_later()](const std::vector<rc::remote_socket>& found) {
                answer({rc::json{found_json(found)}});
            });
        });
        at.on("room-size", [this](rc::socket&, rc::event& event) {
            const std::string nsp = room_at(event, 0);
            const std::string room = room_at(event, 1);
            const rc::responder answer = event.answer_later();
            const auto count = [=, this](const rc::statistics&, const std::vector<rc::room_info>& rooms) {
                for (const rc::room_info& each : rooms) {
                    if (each.nsp == nsp && each.room == room) return answer({each.sockets});
                }
                // A socket's own room is in no list of rooms.
                const auto all = io_->everyone_in(nsp);
                if (!all) return answer({0});
                all->to(room).fetch_sockets(
                    [answer](const std::vector<rc::remote_socket>& found) { answer({found.size()}); });
            };
            constexpr std::size_t all_rooms = 1'000'000;
            io_->collect(count, all_rooms);
        });
        at.on("last-disconnect", [this](rc::socket&, rc::event& event) {
            if (const auto reason = gone_.reason_of(room_at(event, 0))) {
                event.ack({*reason});
            } else {
                event.ack({nullptr});
            }
        });
    }

    rc::server* io_;
    departures gone_;
};

} // namespace

int main() {
    try {
        // Every thread inherits it: the signal waits for this one.
        sigset_t ending;
        sigemptyset(&ending);
        sigaddset(&ending, SIGTERM);
        sigaddset(&ending, SIGINT);
        pthread_sigmask(SIG_BLOCK, &ending, nullptr);
        // Large buffers go back to the system when they are freed, for tests that look at what is held.
        mallopt(M_MMAP_THRESHOLD, 64 << 10);
        mallopt(M_TRIM_THRESHOLD, 128 << 10);
        std::signal(SIGUSR2, SIG_IGN); // a question that only a garbage collector can answer

        // Handlers use it until the server's threads have ended.
        std::optional<application> served;
        rc::server io{chosen_options()};
        served.emplace(io);
        if (text_setting("APP_HOOKS", "") == "1") {
            io.allow_request([](const rc::handshake_info& info) -> std::optional<std::string> {
                const std::string_view refusal = info.header("x-refuse");
                if (refusal.empty()) return std::nullopt;
                return refusal == "yes" ? std::string{} : std::string{refusal};
            });
        }
        io.start();
        std::printf("listening %u\n", static_cast<unsigned>(io.port()));
        std::fflush(stdout);
        int received = 0;
        sigwait(&ending, &received);
        io.stop();
        return 0; // the server's destructor waits for its threads
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
