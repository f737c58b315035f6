#include "app/metrics.hpp"

#include "app/backends.hpp"
#include "base/log.hpp"

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

namespace roomcast::server::app {

namespace {

using labels = std::vector<prometheus::ClientMetric::Label>;

/// Families in the order in which they are added.
class collector {
public:
    void gauge(const char* name, const char* help, double value, labels with = {}) {
        prometheus::ClientMetric metric;
        metric.label = std::move(with);
        metric.gauge.value = value;
        family(name, help, prometheus::MetricType::Gauge).metric.push_back(std::move(metric));
    }
    void counter(const char* name, const char* help, double value, labels with = {}) {
        prometheus::ClientMetric metric;
        metric.label = std::move(with);
        metric.counter.value = value;
        family(name, help, prometheus::MetricType::Counter).metric.push_back(std::move(metric));
    }
    template <std::size_t N, class Counts>
    void times(const char* name, const char* help, const Counts& counts, double sum_s,
               const std::array<double, N>& bounds, labels with = {}) {
        prometheus::ClientMetric metric;
        metric.label = std::move(with);
        std::uint64_t below = 0;
        for (std::size_t i = 0; i <= N; ++i) {
            below += counts[i];
            prometheus::ClientMetric::Bucket bucket;
            bucket.cumulative_count = below;
            bucket.upper_bound = i < N ? bounds[i] : std::numeric_limits<double>::infinity();
            metric.histogram.bucket.push_back(bucket);
        }
        metric.histogram.sample_count = below;
        metric.histogram.sample_sum = sum_s;
        family(name, help, prometheus::MetricType::Histogram).metric.push_back(std::move(metric));
    }
    std::string text() const {
        std::ostringstream out;
        prometheus::TextSerializer{}.Serialize(out, families_);
        return std::move(out).str();
    }

private:
    prometheus::MetricFamily& family(const char* name, const char* help, prometheus::MetricType type) {
        if (families_.empty() || families_.back().name != name) families_.push_back({name, help, type, {}});
        return families_.back();
    }

    std::vector<prometheus::MetricFamily> families_;
};

void add_process(collector& into, double uptime_s) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    into.counter("process_cpu_seconds_total", "CPU time of the process.",
                 seconds(used.ru_utime) + seconds(used.ru_stime));
    into.gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes());
    std::error_code error;
    std::size_t files = 0;
    for (auto each = std::filesystem::directory_iterator{"/proc/self/fd", error};
         !error && each != std::filesystem::directory_iterator{}; each.increment(error)) {
        ++files;
    }
    into.gauge("process_open_fds", "Open files and connections.", static_cast<double>(files));
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);
    into.gauge("process_max_fds", "Most of them.", static_cast<double>(most.rlim_cur));
    into.gauge("roomcast_uptime_seconds", "Time since the start.", uptime_s);
}

void add_server(collector& into, const statistics& now, const rules::program& program) {
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    into.gauge("roomcast_connections", "Open connections (Engine.IO sessions).", count(now.polling),
               {{"transport", "polling"}});
    into.gauge("roomcast_connections", "", count(now.connections - now.polling),
               {{"transport", "websocket"}});
    std::map<std::string, std::uint64_t> by_name;
    for (const auto& each : program.name_spaces()) by_name[each->key] = 0;
    for (const name_space_count& each : now.name_spaces) {
        const rules::compiled_name_space* known = program.find(each.nsp);
        by_name[known != nullptr ? known->key : each.nsp == "/" ? "/" : "other"] += each.sockets;
    }
    for (const auto& [name, sockets] : by_name) {
        into.gauge("roomcast_sockets", "Sockets by namespace.", count(sockets), {{"namespace", name}});
    }
    into.gauge("roomcast_rooms", "Rooms, those of single sockets not counted.", count(now.rooms));
    into.gauge("roomcast_queued_bytes", "Bytes that wait for slow clients.", count(now.queued_bytes));
    into.counter("roomcast_connections_opened_total", "Connections opened.", count(now.connections_total));
    into.counter("roomcast_connections_refused_total", "Connections above a bound.",
                 count(now.refused_connections));
    into.counter("roomcast_protocol_errors_total", "Connections closed for what the peer sent.",
                 count(now.protocol_errors));
    for (std::size_t i = 0; i < disconnect_reasons.size(); ++i) {
        into.counter("roomcast_disconnects_total", "Sockets that went, by reason.", count(now.disconnects[i]),
                     {{"reason", std::string{disconnect_reasons[i]}}});
    }
    into.times("roomcast_connection_duration_seconds", "How long sockets were there.", now.connected.counts,
               now.connected.sum_s, connection_bounds_s);
    into.counter("roomcast_reconnects_total", "Clients that came back to their state, or could not.",
                 count(now.recovered), {{"result", "recovered"}});
    into.counter("roomcast_reconnects_total", "", count(now.recovery_failed), {{"result", "new"}});
    into.counter("roomcast_recovery_dropped_total", "Kept events and sessions dropped before their time.",
                 count(now.recovery_dropped));
    into.counter("roomcast_events_received_total", "Events of clients.", count(now.events_received));
    into.times("roomcast_event_handler_seconds", "Time in the handlers of an event.", now.handlers.counts,
               now.handlers.sum_s, handler_bounds_s);
    into.counter("roomcast_messages_sent_total", "Messages put into queues of clients.",
                 count(now.messages_sent));
    into.counter("roomcast_deliveries_dropped_total", "Messages that were not delivered.",
                 count(now.dropped_volatile), {{"why", "volatile"}});
    into.counter("roomcast_deliveries_dropped_total", "", count(now.dropped_slow),
                 {{"why", "slow_consumer"}});
    into.counter("roomcast_slow_consumers_total", "Connections ended because they did not read.",
                 count(now.slow_consumers));
    into.counter("roomcast_joins_refused_total", "Joins above a bound.", count(now.refused_joins));
    into.counter("roomcast_received_bytes_total", "Bytes from clients.", count(now.bytes_received));
    into.counter("roomcast_sent_bytes_total", "Bytes to clients.", count(now.bytes_sent));
}

void add_rules(collector& into, const rules::counters& counts) {
    const auto count = [](const std::atomic<std::uint64_t>& value) {
        return static_cast<double>(value.load(std::memory_order_relaxed));
    };
    into.counter("roomcast_sign_ins_total", "Credentials, by what came of them.", count(counts.signed_in),
                 {{"result", "accepted"}});
    into.counter("roomcast_sign_ins_total", "", count(counts.refused_sign_ins), {{"result", "refused"}});
    into.counter("roomcast_sign_ins_total", "", count(counts.refused_users), {{"result", "too_many"}});
    into.counter("roomcast_sockets_ended_total", "Sockets ended with their credential.",
                 count(counts.expired), {{"why", "expired"}});
    into.counter("roomcast_sockets_ended_total", "", count(counts.revoked), {{"why", "revoked"}});
    const std::pair<const char*, const std::atomic<std::uint64_t>*> refused[] = {
        {"unknown", &counts.unknown_events},  {"contract", &counts.broken_contract},
        {"not_allowed", &counts.not_allowed}, {"rate_limited", &counts.rate_limited},
        {"repeated", &counts.repeated},
    };
    for (const auto& [why, value] : refused) {
        into.counter("roomcast_events_refused_total", "Events that were refused, by why.", count(*value),
                     {{"why", why}});
    }
    into.counter("roomcast_contract_broken_by_server_total",
                 "Events and acks of rules or backends, not sent.", count(counts.broken_promises));
    into.counter("roomcast_forwards_total", "Events forwarded to backends.", count(counts.forwards));
    into.counter("roomcast_forwards_failed_total", "Of these without a usable answer.",
                 count(counts.failed_forwards));
    into.counter("roomcast_retained_dropped_total", "Retained events that went for lack of room.",
                 count(counts.dropped_retained));
}

void add_proxy(collector& into, const proxy_figures& now) {
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    for (std::size_t i = 0; i < proxy_outcomes.size(); ++i) {
        into.counter("roomcast_proxy_requests_total", "Requests for the application, by what came of them.",
                     count(now.requests[i]), {{"outcome", std::string{proxy_outcomes[i]}}});
    }
    into.counter("roomcast_proxy_broken_answers_total", "Answers that the application did not complete.",
                 count(now.broken_answers));
    into.times("roomcast_proxy_answer_seconds", "Time until the application began to answer.",
               now.answers.counts, now.answers.sum_s, answer_bounds_s);
    const std::pair<const char*, std::uint64_t> states[] = {
        {"active", now.active}, {"idle", now.idle}, {"tunnel", now.tunnels}};
    for (const auto& [state, value] : states) {
        into.gauge("roomcast_proxy_connections", "Connections to the application.", count(value),
                   {{"state", state}});
    }
}

/// What is asked by requests of ours; the application of integrated mode has its own series.
constexpr std::array<outbound::purpose, 5> asked_for{
    outbound::purpose::keys, outbound::purpose::introspection, outbound::purpose::callout,
    outbound::purpose::forward, outbound::purpose::webhook};

void add_backends(collector& into, const statistics& now, const rules::application& rules,
                  const api::couriers& hooks) {
    const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
    const auto label = [](outbound::purpose what) {
        return prometheus::ClientMetric::Label{"kind", std::string{name_of(what)}};
    };
    std::array<outbound::purpose_figures, outbound::purpose_names.size()> figures{};
    if (rules.network() != nullptr) figures = rules.network()->contact().by_purpose();
    const auto of = [&](outbound::purpose what) -> const outbound::purpose_figures& {
        return figures[static_cast<std::size_t>(what)];
    };
    for (const outbound::purpose what : asked_for) {
        const char* const name = "roomcast_backend_requests_total";
        into.counter(name, "Requests to backends.", count(of(what).succeeded),
                     {label(what), {"result", "success"}});
        into.counter(name, "", count(of(what).failed), {label(what), {"result", "failure"}});
    }
    for (const outbound::purpose what : asked_for) {
        into.times("roomcast_backend_seconds", "Time until a backend answered.", of(what).times.counts,
                   of(what).times.sum_s, outbound::backend_bounds_s, {label(what)});
    }
    std::array<std::uint64_t, outbound::purpose_names.size()> failing{};
    for (const backend_state& each : backend_states(now, rules, hooks)) {
        if (each.is_failing()) ++failing[static_cast<std::size_t>(each.who.what)];
    }
    for (std::size_t i = 1; i < failing.size(); ++i) { // the first is nobody's
        into.gauge("roomcast_backends_failing", "Backends whose last answer was none, or a wrong one.",
                   count(failing[i]), {{"kind", std::string{outbound::purpose_names[i]}}});
    }
    api::courier_figures all;
    for (const api::courier_figures& each : hooks.figures()) {
        all.delivered += each.delivered;
        all.dead += each.dead;
        all.waiting += each.waiting;
    }
    into.counter("roomcast_webhook_events_total", "Events for webhooks.", count(all.delivered),
                 {{"result", "delivered"}});
    into.counter("roomcast_webhook_events_total", "", count(all.dead), {{"result", "given_up"}});
    into.gauge("roomcast_webhook_events_waiting", "Events that no webhook has taken yet.",
               count(all.waiting));
}

} // namespace

double resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    double total = 0;
    double resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::string prometheus_text(const statistics& now, const rules::application& rules,
                            const api::couriers& hooks) {
    collector all;
    add_server(all, now, *rules.current());
    add_rules(all, rules.counts());
    add_backends(all, now, rules, hooks);
    add_proxy(all, now.proxy);
    all.counter("roomcast_log_lines_suppressed_total", "Lines of the log that were only counted.",
                static_cast<double>(base::lines_kept_back()));
    add_process(all, now.uptime_s);
    return all.text();
}

} // namespace roomcast::server::app
