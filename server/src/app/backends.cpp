#include "app/backends.hpp"

#include "api/answers.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>

namespace roomcast::server::app {

namespace {

using outbound::backend;
using outbound::purpose;

constexpr std::chrono::seconds check_timeout{1};

std::string origin_of(const upstream_options& app) {
    const bool is_v6 = app.host.find(':') != std::string::npos;
    return "http://" + (is_v6 ? '[' + app.host + ']' : app.host) +
           (app.port == 80 ? std::string{} : ':' + std::to_string(app.port));
}

std::vector<backend> backends_of(const rules::program& now, const api::couriers& hooks) {
    std::vector<backend> all;
    // What is in force since the start; a reload does not change it.
    const upstream_options& app = now.chosen().server.upstream;
    if (app.is_on()) all.push_back({purpose::app, origin_of(app), {}});
    all.insert(all.end(), now.backends().begin(), now.backends().end());
    for (const api::courier_figures& each : hooks.figures()) {
        backend one{purpose::webhook, each.origin, {}};
        if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
    }
    return all;
}

/// What requests showed, and what a check showed: the newer word counts, and a connection alone heals only
/// the want of one.
contact_figures joined(const contact_figures& requests, const contact_figures& checks) {
    // Bounds on where requests of ours may lead do not concern the application.
    if (checks.why == name_of(outbound::failure::address_refused)) return requests;
    contact_figures both = requests;
    both.last_success_ms = std::max(requests.last_success_ms, checks.last_success_ms);
    if (checks.last_failure_ms > requests.last_failure_ms) {
        both.last_failure_ms = checks.last_failure_ms;
        both.why = checks.why;
    }
    const bool is_healed =
        requests.why == "connect_failed" && checks.last_success_ms > requests.last_failure_ms;
    if (is_healed) both.failures_in_a_row = 0;
    const bool is_newer = checks.last_failure_ms > requests.last_success_ms;
    if (is_newer) both.failures_in_a_row += checks.failures_in_a_row;
    return both;
}

std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// Those that are being looked at; the last one passes the states on.
struct round_of_checks {
    std::atomic<std::size_t> missing{1};
    std::function<void()> done;
    void one_less() {
        if (--missing == 0) done();
    }
};

nlohmann::ordered_json time_or_null(std::int64_t unix_ms) {
    if (unix_ms == 0) return nullptr;
    return api::iso_time(unix_ms);
}

} // namespace

std::vector<backend_state> backend_states(const statistics& now, const rules::application& rules,
                                          const api::couriers& hooks) {
    std::vector<backend_state> all;
    for (backend& each : backends_of(*rules.current(), hooks)) {
        contact_figures how;
        if (rules.network() != nullptr) how = rules.network()->contact().of(each.what, each.origin);
        if (each.what == purpose::app) how = joined(now.proxy.app, how);
        all.push_back({std::move(each), std::move(how)});
    }
    return all;
}

void check_backends(server& io, rules::application& rules, const api::couriers& hooks,
                    const std::function<void(std::vector<backend_state>)>& done) {
    io.collect([&rules, &hooks, done](const statistics& now, const std::vector<room_info>&) {
        const auto round = std::make_shared<round_of_checks>();
        round->done = [&rules, &hooks, done, now] { done(backend_states(now, rules, hooks)); };
        outbound::client* const network = rules.network();
        for (const backend_state& each : backend_states(now, rules, hooks)) {
            const std::int64_t heard_ms = std::max(each.how.last_success_ms, each.how.last_failure_ms);
            if (network == nullptr || !network->contact().take_check(each.who.what, each.who.origin, heard_ms,
                                                                     each.is_failing(), wall_ms())) {
                continue;
            }
            ++round->missing;
            network->check(each.who, check_timeout,
                           [round](const outbound::response&) { round->one_less(); });
        }
        round->one_less();
    });
}

http_response health_check_answer(const std::vector<backend_state>& all, bool is_for_operator) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    std::string failing;
    for (const backend_state& each : all) {
        nlohmann::ordered_json one{{"kind", std::string{name_of(each.who.what)}}};
        if (is_for_operator && !each.who.name.empty()) one["name"] = each.who.name;
        one["state"] = each.is_failing() ? "failing" : each.is_known() ? "ok" : "unknown";
        if (is_for_operator) {
            one["origin"] = each.who.origin;
            one["lastSuccess"] = time_or_null(each.how.last_success_ms);
            one["lastFailure"] = time_or_null(each.how.last_failure_ms);
            one["failures"] = each.how.failures_in_a_row;
            one["why"] = nullptr;
            if (each.is_failing() && !each.how.why.empty()) one["why"] = each.how.why;
        }
        list.push_back(std::move(one));
        if (!each.is_failing()) continue;
        failing += (failing.empty() ? "" : ", ") + std::string{name_of(each.who.what)};
    }
    nlohmann::ordered_json body{{"status", failing.empty() ? "ok" : "degraded"}};
    if (!failing.empty()) body["message"] = "failing: " + failing;
    if (!all.empty()) body["backends"] = std::move(list);
    return api::json_answer(body.dump());
}

} // namespace roomcast::server::app
