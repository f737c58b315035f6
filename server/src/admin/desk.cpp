#include "admin/desk.hpp"

#include "admin/description.hpp"
#include "rules/told.hpp"

#include "roomcast/core/value.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <mutex>

namespace roomcast::server::admin {

namespace {

using namespace std::chrono_literals;

constexpr core::duration figures_every = 2s;
constexpr core::duration refused_after = 500ms;
constexpr std::size_t all_sockets_bytes = 4U << 20U;
constexpr std::size_t event_bytes = 16U << 10U;
// The UI keeps a thousand events of a namespace.
constexpr rate shown_rate{1ms, 1000};
/// Attempts to sign in with a password, whether it is right or not: connections can be opened side by side,
/// so a delay alone slows no guessing.
constexpr rate attempts_of_address{1s, 60};

std::int64_t unix_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

core::time_point monotonic_now() {
    return core::time_point{
        std::chrono::duration_cast<core::duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

/// JSON text for the argument lists that are built here.
std::string json_text(std::string_view text) {
    std::string out;
    core::value::append_string(out, text);
    return out;
}

std::string time_text() {
    return '"' + iso_time(unix_ms()) + '"';
}

/// Events that mean something to a client's library and are not to be sent by hand.
bool is_reserved(std::string_view event) {
    constexpr std::array<std::string_view, 6> names{"connect",       "connect_error", "disconnect",
                                                    "disconnecting", "newListener",   "removeListener"};
    return std::find(names.begin(), names.end(), event) != names.end();
}

std::string text_member(const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

/// How an operator came in. Lies in the socket's data.
struct desk::operator_state {
    bool has_password = false;
};

desk::desk(config::admin_settings chosen)
    : chosen_(std::move(chosen)), door_(chosen_),
      attempts_(std::make_shared<engine::address_table>(0, attempts_of_address)) {}

void desk::install(server& io) {
    io_ = &io;
    name_space at = io.of(chosen_.name_space);
    at.without_recovery(); // what is over is of no interest, and everyone must come through the door
    operators_ = at.sockets().local();
    at.use([this](socket& who, const next_step& next) { admit(who, next); });
    at.on_connection([this](socket& who) { welcome(who); });
    at.on_disconnect([this](socket&, std::string_view) { farewell(); });
    if (!chosen_.is_read_only) take_commands(at);
    if (chosen_.mode == config::admin_mode::development) io.observe(*this);
}

void desk::admit(socket& who, const next_step& next) const {
    const std::int64_t now_s = unix_ms() / 1000;
    const auto given = nlohmann::json::parse(who.auth(), nullptr, false);
    if (given.is_object() && door_.is_open(text_member(given, "sessionId"), now_s)) {
        who.data() = operator_state{};
        next({});
        return;
    }
    if (!attempts_->admit(who.handshake().address, monotonic_now())) {
        base::log("admin").warn(rules::about_socket(who).with("address", who.handshake().address),
                                "too many tries of an operator's password");
        who.after(refused_after, [next](socket&) { next(connect_error{"too many attempts", {}}); });
        return;
    }
    if (given.is_object() && door_.is_right(text_member(given, "username"), text_member(given, "password"))) {
        base::log("admin").info(rules::about_socket(who).with("address", who.handshake().address),
                                "an operator signed in");
        who.data() = operator_state{true};
        next({});
        return;
    }
    base::log("admin").warn(rules::about_socket(who).with("address", who.handshake().address),
                            "an operator's name or password was wrong");
    // Not at once: who guesses waits for each answer.
    who.after(refused_after, [next](socket&) { next(connect_error{"invalid credentials", {}}); });
}

void desk::welcome(socket& who) {
    const auto* state = std::any_cast<operator_state>(&who.data());
    if (state != nullptr && state->has_password) {
        who.emit("session", {door_.open_session(unix_ms() / 1000)});
    }
    nlohmann::json features = nlohmann::json::array();
    if (!chosen_.is_read_only) {
        features = {"EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"};
    }
    features.push_back("AGGREGATED_EVENTS");
    const bool sees_all = chosen_.mode == config::admin_mode::development;
    if (sees_all) features.push_back("ALL_EVENTS");
    who.emit("config", {json{nlohmann::json{{"supportedFeatures", features}}.dump()}});
    // Watching begins before the look around, so that nobody is missed between the two.
    ++present_;
    watch(sees_all);
    if (sees_all) show_all(who);
    io_->collect([this, who](const statistics& now, const std::vector<room_info>&) {
        show_figures(who, std::make_shared<const statistics>(now));
    });
}

void desk::farewell() {
    if (--present_ > 0) return;
    watch(false);
    // Another operator may have come in on another thread meanwhile.
    if (present_ > 0) watch(chosen_.mode == config::admin_mode::development);
}

void desk::show_all(const socket& to) {
    struct collection {
        std::mutex adding; // guards the text: sockets of several threads meet here, once for an operator
        std::string text = "[[";
        std::size_t left_out = 0;
    };
    auto all = std::make_shared<collection>();
    io_->visit(
        [all](const socket& one) {
            const std::string described = description_of(one);
            const std::lock_guard guard{all->adding};
            if (all->text.size() + described.size() > all_sockets_bytes) {
                ++all->left_out;
                return;
            }
            if (all->text.back() != '[') all->text += ',';
            all->text += described;
        },
        [all, to] {
            if (all->left_out > 0) {
                base::log("admin").warn("{} sockets more than the Admin UI is shown", all->left_out);
            }
            to.emit("all_sockets", args::from_checked(all->text + "]]"));
        });
}

void desk::show_figures(const socket& to, std::shared_ptr<const statistics> before) {
    io_->collect([this, to, before](const statistics& now, const std::vector<room_info>&) {
        to.emit("server_stats", args::from_checked('[' + description_of(now, *before, unix_ms()) + ']'));
        to.post([this, last = std::make_shared<const statistics>(now)](socket& who) {
            who.after(figures_every, [this, last](socket& again) { show_figures(again, last); });
        });
    });
}

std::optional<broadcast_operator> desk::whom(const event& command, std::size_t filter_at) const {
    const auto name_space = command.text(0);
    auto everyone = name_space ? io_->everyone_in(*name_space) : std::nullopt;
    const std::string_view filter = command.json(filter_at);
    if (!everyone || filter.empty() || filter == "null") return everyone;
    const auto room = command.text(filter_at);
    // Anything else is no filter, and must not become "all".
    if (!room || room->empty()) return std::nullopt;
    return everyone->to(*room);
}

void desk::take_commands(name_space at) {
    at.on("emit", [this](socket&, event& command) {
        const auto to = whom(command, 1);
        const auto name = command.text(2);
        if (to && name && !is_reserved(*name)) to->emit(*name, command.args().copy(3));
    });
    at.on("join", [this](socket&, event& command) {
        const auto of = whom(command, 2);
        const auto room = command.text(1);
        if (of && room) of->sockets_join({*room});
    });
    at.on("leave", [this](socket&, event& command) {
        const auto of = whom(command, 2);
        const auto room = command.text(1);
        if (of && room) of->sockets_leave({*room});
    });
    at.on("_disconnect", [this](socket& by, event& command) {
        const auto of = whom(command, 2);
        if (!of) return;
        base::log("admin").info(rules::about_socket(by), "an operator disconnects {} of {}",
                                command.text(2).value_or("all sockets"), command.text(0).value_or(""));
        of->disconnect_sockets(command.boolean(1).value_or(false));
    });
}

bool desk::sees_events_of(const std::string& name_space) const {
    return name_space != chosen_.name_space;
}

void desk::tell(const char* event, std::string arguments) const {
    operators_->emit(event, args::from_checked(std::move(arguments)));
}

void desk::on_connected(const socket& who) {
    tell("socket_connected", '[' + description_of(who) + ',' + time_text() + ']');
}

void desk::on_disconnected(const socket& who, std::string_view reason,
                           const std::vector<std::string>& rooms) {
    const std::string now = time_text();
    const std::string place = '[' + json_text(who.nsp()) + ',';
    const std::string id = json_text(who.id());
    tell("socket_disconnected", place + id + ',' + json_text(reason) + ',' + now + ']');
    for (const std::string& room : rooms) {
        tell("room_left", place + json_text(room) + ',' + id + ',' + now + ']');
    }
}

void desk::on_joined(const socket& who, std::string_view room) {
    tell("room_joined", '[' + json_text(who.nsp()) + ',' + json_text(room) + ',' + json_text(who.id()) + ',' +
                            time_text() + ']');
}

void desk::on_left(const socket& who, std::string_view room) {
    tell("room_left", '[' + json_text(who.nsp()) + ',' + json_text(room) + ',' + json_text(who.id()) + ',' +
                          time_text() + ']');
}

void desk::on_upgraded(const socket& who) {
    tell("socket_updated", "[{\"id\":" + json_text(who.id()) + ",\"nsp\":" + json_text(who.nsp()) +
                               ",\"transport\":\"websocket\"}]");
}

void desk::on_received(const socket& who, const args& event) {
    tell_event("event_received", who, event);
}

void desk::on_sent(const socket& who, const args& event) {
    tell_event("event_sent", who, event);
}

void desk::tell_event(const char* event, const socket& who, const args& what) {
    if (!shown_.take(shown_rate, monotonic_now())) return;
    std::size_t size = what.text().size();
    if (what.parts()) {
        for (const std::string& part : *what.parts()) size += part.size();
    }
    const std::string begin = '[' + json_text(who.nsp()) + ',' + json_text(who.id()) + ',';
    const std::string end = ',' + time_text() + ']';
    // A page that cannot keep up misses events; it must not be ended for it, nor cost us memory.
    const broadcast_operator to = operators_->expendable();
    if (size <= event_bytes) {
        to.emit(event, args::from_checked(begin + what.text() + end, what.parts()));
        return;
    }
    const auto name = core::value::element_at(what.text(), 0);
    const bool is_short = name && name->size() <= event_bytes;
    to.emit(event, args::from_checked(begin + '[' + std::string{is_short ? *name : "\"?\""} + ",\"(" +
                                      std::to_string(size) + " bytes)\"]" + end));
}

} // namespace roomcast::server::admin
