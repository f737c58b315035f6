#include "roomcast/server/server.hpp"

#include "engine/context.hpp"
#include "engine/name_space_slice.hpp"
#include "engine/session.hpp"
#include "engine/socket_state.hpp"
#include "http/listener.hpp"
#include "http/router.hpp"
#include "hub/recovery_image.hpp"
#include "proxy/upstream.hpp"
#include "transport/tls.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <regex>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace roomcast::server {

namespace {

constexpr unsigned most_shards = 256; // an identifier carries its shard in one byte

/// Ends all shards together, once each is through with its connections: what one of them has accepted may
/// still be on its way to another, by a chain of posts.
class settling : public std::enable_shared_from_this<settling> {
public:
    explicit settling(engine::context& of) : of_(&of), missing_(of.shards.size()) {}

    void one_is_through() {
        if (missing_.fetch_sub(1) != 1) return;
        if (rounds_left_-- == 0) {
            for (const auto& each : of_->shards) each->finish();
            return;
        }
        missing_ = of_->shards.size();
        for (const auto& each : of_->shards) {
            each->post([self = shared_from_this()] { self->one_is_through(); });
        }
    }

private:
    engine::context* of_;
    std::atomic<std::size_t> missing_;
    int rounds_left_ = 8; ///< more posts than any chain has: a rule, a key's keeper, a broadcast, a presence
};

/// Says when one shard's connections are through, or the time is over.
class stopper : public std::enable_shared_from_this<stopper> {
public:
    stopper(engine::shard& which, core::time_point latest, std::shared_ptr<settling> all)
        : shard_(&which), latest_(latest), all_(std::move(all)), timer_(which.io()) {}

    void check() {
        if (shard_->connections() == 0 || shard_->now() >= latest_) {
            all_->one_is_through();
            return;
        }
        timer_.expires_after(std::chrono::milliseconds{10});
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error) self->check();
        });
    }

private:
    engine::shard* shard_;
    core::time_point latest_;
    std::shared_ptr<settling> all_;
    boost::asio::steady_timer timer_;
};

/// Ends the sessions of one shard one after the other, spread over a time. Those that wait for an
/// acknowledgement get it first, or as much more time as `patience`.
class drainer : public std::enable_shared_from_this<drainer> {
public:
    drainer(engine::shard& which, core::duration window, core::duration patience, std::function<void()> done)
        : shard_(&which), ends_(core::deadline_after(which.now(), window)),
          latest_(core::deadline_after(ends_, patience)), done_(std::move(done)), timer_(which.io()) {
        which.each_session([this](engine::session& one) { left_.push_back(one.sid()); });
        total_ = left_.size();
        length_ = static_cast<double>(std::max<std::int64_t>(1, window.count()));
    }

    void step() {
        constexpr core::duration tick = std::chrono::milliseconds{20};
        const core::time_point now = shard_->now();
        // As many are left as there is time left.
        const double share = now >= ends_ ? 0 : static_cast<double>((ends_ - now).count()) / length_;
        const auto may_stay = static_cast<std::size_t>(share * static_cast<double>(total_));
        while (left_.size() > may_stay) {
            if (!end(left_.back(), now)) waiting_.push_back(std::move(left_.back()));
            left_.pop_back();
        }
        std::erase_if(waiting_, [this, now](const std::string& sid) { return end(sid, now); });
        shard_->end_turn();
        if (left_.empty() && waiting_.empty()) {
            done_();
            return;
        }
        timer_.expires_after(tick);
        timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
            if (!error) self->step();
        });
    }

private:
    bool end(const std::string& sid, core::time_point now) {
        engine::session* const one = shard_->find(sid);
        if (one == nullptr) return true;
        if (one->owes_answer() && now < latest_) return false;
        one->close(core::eio::close_reason::server_shutting_down);
        return true;
    }

    engine::shard* shard_;
    core::time_point ends_;
    core::time_point latest_;
    std::function<void()> done_;
    boost::asio::steady_timer timer_;
    std::vector<std::string> left_;
    std::vector<std::string> waiting_; ///< whose turn came while they were owed an answer
    std::size_t total_ = 0;
    double length_ = 1; ///< of the window, in the clock's units
};

void add(proxy_figures& to, const proxy_figures& more) {
    for (std::size_t i = 0; i < to.requests.size(); ++i) to.requests[i] += more.requests[i];
    to.broken_answers += more.broken_answers;
    to.answers += more.answers;
    to.active += more.active;
    to.idle += more.idle;
    to.tunnels += more.tunnels;
}

void add(statistics& to, const statistics& more) {
    to.connections_total += more.connections_total;
    to.events_received += more.events_received;
    to.messages_sent += more.messages_sent;
    to.dropped_volatile += more.dropped_volatile;
    to.dropped_slow += more.dropped_slow;
    to.slow_consumers += more.slow_consumers;
    to.protocol_errors += more.protocol_errors;
    to.refused_joins += more.refused_joins;
    to.refused_connections += more.refused_connections;
    to.recovered += more.recovered;
    to.recovery_failed += more.recovery_failed;
    to.recovery_dropped += more.recovery_dropped;
    to.bytes_received += more.bytes_received;
    to.bytes_sent += more.bytes_sent;
    for (std::size_t i = 0; i < to.disconnects.size(); ++i) to.disconnects[i] += more.disconnects[i];
    to.handlers += more.handlers;
    to.connected += more.connected;
    to.polling += more.polling;
    to.queued_bytes += more.queued_bytes;
    to.connections += more.connections;
    to.sockets += more.sockets;
    add(to.proxy, more.proxy);
}

} // namespace

namespace {

/// A port for HTTP requests alone.
struct http_port {
    http_port(engine::context& shared, engine::http_entry handler)
        : is_without_tls(handler.area.is_without_tls), handlers{std::move(handler)}, router(shared, handlers),
          listener(shared, router) {}

    bool is_without_tls;
    std::vector<engine::http_entry> handlers;
    http::router router;
    http::listener listener;
};

} // namespace

struct server::parts {
    engine::context context;
    std::unique_ptr<proxy::upstream> upstream;
    std::unique_ptr<http::router> router;
    std::unique_ptr<http::listener> listener;
    std::vector<std::unique_ptr<http_port>> http_ports;
    std::vector<std::thread> threads;
    bool is_listening = false;

    void use_tls(const std::shared_ptr<const transport::tls_context>& loaded) const {
        listener->use_tls(loaded);
        for (const auto& each : http_ports) {
            if (!each->is_without_tls) each->listener.use_tls(loaded);
        }
    }
};

server::server(options chosen) : parts_(std::make_unique<parts>()) {
    if (chosen.threads == 0) chosen.threads = std::max(1U, std::thread::hardware_concurrency());
    chosen.threads = std::min(chosen.threads, most_shards);
    while (chosen.path.size() > 1 && chosen.path.back() == '/') chosen.path.pop_back();
    chosen.session.allow_upgrade = chosen.session.allow_upgrade && chosen.allow_websocket;
    engine::context& context = parts_->context;
    context.options = std::move(chosen);
    for (const std::string& each : context.options.trusted_proxies) {
        if (!context.trusted_proxies.add(each)) {
            throw std::invalid_argument{"neither an address nor a network of a trusted proxy: " + each};
        }
    }
    context.addresses = std::make_shared<engine::address_table>(context.options.max_sessions_per_address,
                                                                context.options.connect_rate_per_address);
    context.census =
        std::make_unique<engine::room_census>(context.options.threads, context.options.private_room_prefix);
    for (unsigned i = 0; i < context.options.threads; ++i) {
        context.shards.push_back(std::make_unique<engine::shard>(context, static_cast<std::uint8_t>(i)));
    }
    parts_->router = std::make_unique<http::router>(context);
    if (context.options.upstream.is_on()) {
        parts_->upstream = std::make_unique<proxy::upstream>(context);
        parts_->router->use(*parts_->upstream);
    }
    parts_->listener = std::make_unique<http::listener>(context, *parts_->router);
    (void)of("/");
}

server::~server() {
    stop();
    for (std::thread& each : parts_->threads) {
        if (each.joinable()) each.join();
    }
}

name_space server::of(std::string_view name) {
    std::string full{name};
    if (full.empty() || full.front() != '/') full.insert(0, 1, '/');
    return name_space{parts_->context.name_spaces.define(parts_->context, full)};
}

name_space server::of_pattern(std::string_view expression) {
    const std::regex pattern{expression.begin(), expression.end()};
    return name_space{parts_->context.name_spaces.define_matching(
        std::string{expression}, [pattern](std::string_view name, std::string_view) {
            return std::regex_match(name.begin(), name.end(), pattern);
        })};
}

name_space server::of_matching(std::function<bool(std::string_view, std::string_view)> matches) {
    return name_space{parts_->context.name_spaces.define_matching("(function)", std::move(matches))};
}

void server::allow_request(std::function<std::optional<std::string>(const handshake_info&)> decide) {
    parts_->context.allow_request = std::move(decide);
}

void server::on_http(http_handler handler) {
    on_http({}, std::move(handler));
}

void server::on_http(http_area where, http_handler handler) {
    parts_->context.http_handlers.push_back({std::move(where), std::move(handler)});
}

std::uint16_t server::listen_http(const std::string& host, std::uint16_t port, http_area where,
                                  http_handler handler) {
    auto made = std::make_unique<http_port>(parts_->context,
                                            engine::http_entry{std::move(where), std::move(handler)});
    const options& chosen = parts_->context.options;
    if (chosen.tls.is_on() && !made->is_without_tls) {
        made->listener.use_tls(transport::tls_context::load(chosen.tls));
    }
    made->listener.open(host, port);
    parts_->http_ports.push_back(std::move(made));
    return parts_->http_ports.back()->listener.port();
}

void server::watch_rooms(std::function<void(const std::string&, std::string_view, room_change)> watcher) {
    parts_->context.watch_rooms = std::move(watcher);
}

void server::use_adapter(adapter_factory factory) {
    parts_->context.make_adapter = factory;
    parts_->context.name_spaces.replace_adapters(factory);
}

void server::observe(observer& by) {
    parts_->context.observer = &by;
}

void server::listen() {
    if (parts_->is_listening) return;
    const options& chosen = parts_->context.options;
    if (chosen.tls.is_on()) parts_->listener->use_tls(transport::tls_context::load(chosen.tls));
    parts_->listener->open(chosen.host, chosen.port);
    parts_->is_listening = true;
}

void server::run() {
    start();
    join();
}

void server::join() {
    for (std::thread& each : parts_->threads) {
        if (each.joinable()) each.join();
    }
}

void server::start() {
    listen();
    parts_->context.shards.front()->post([parts = parts_.get()] {
        parts->listener->start();
        for (const auto& each : parts->http_ports) each->listener.start();
    });
    for (const auto& each : parts_->context.shards) {
        parts_->threads.emplace_back([at = each.get()] { at->run(); });
    }
}

void server::stop() {
    engine::context& context = parts_->context;
    if (context.is_stopping.exchange(true)) return;
    context.shards.front()->post([parts = parts_.get()] {
        parts->listener->close();
        for (const auto& each : parts->http_ports) each->listener.close();
    });
    auto all = std::make_shared<settling>(context);
    for (const auto& each : context.shards) {
        each->post([&context, all, at = each.get()] {
            at->for_each_session(
                [](engine::session& one) { one.close(core::eio::close_reason::server_shutting_down); });
            at->end_turn();
            at->shut_down_connections();
            const core::time_point latest = core::deadline_after(at->now(), context.options.stop_timeout);
            std::make_shared<stopper>(*at, latest, all)->check();
        });
    }
}

std::size_t server::threads() const {
    return parts_->context.shards.size();
}

void server::post(std::size_t thread, std::function<void()> work) {
    engine::shard& at = *parts_->context.shards.at(thread);
    at.dispatch([work = std::move(work)] { engine::call_application(work); });
}

std::optional<std::size_t> server::this_thread() const {
    const engine::shard* here = parts_->context.here();
    if (here == nullptr) return std::nullopt;
    return here->index();
}

bool server::is_on(std::size_t thread) const {
    return parts_->context.shards.at(thread).get() == engine::shard::current();
}

void server::announce_end() {
    parts_->context.is_ending = true;
}

bool server::is_draining() const {
    return parts_->context.is_ending;
}

void server::drain(core::duration window, std::function<void()> done) {
    engine::context& context = parts_->context;
    announce_end();
    if (context.is_draining.exchange(true)) return;
    auto missing = std::make_shared<std::atomic<std::size_t>>(context.shards.size());
    for (const auto& each : context.shards) {
        each->post([missing, window, done, at = each.get(), patience = context.options.stop_timeout] {
            const auto one_less = [missing, done] {
                if (missing->fetch_sub(1) == 1) done();
            };
            std::make_shared<drainer>(*at, window, patience, one_less)->step();
        });
    }
}

void server::reload_tls(const tls_options& chosen) {
    if (!parts_->context.options.tls.is_on()) {
        throw std::system_error{std::make_error_code(std::errc::operation_not_supported),
                                "the server was started without TLS"};
    }
    auto loaded = transport::tls_context::load(chosen);
    parts_->context.shards.front()->post(
        [parts = parts_.get(), loaded = std::move(loaded)] { parts->use_tls(loaded); });
}

std::uint16_t server::port() const {
    return parts_->listener->port();
}

broadcast_operator server::to(std::string_view room) {
    return of("/").to(room);
}
broadcast_operator server::except(std::string_view room) {
    return of("/").except(room);
}
void server::emit(std::string_view name, args arguments) {
    of("/").emit(name, std::move(arguments));
}

std::optional<broadcast_operator> server::everyone_in(const std::string& name) {
    auto state = parts_->context.name_spaces.find(name);
    if (!state) return std::nullopt;
    return broadcast_operator{std::move(state)};
}

namespace {

/// Gathers what each shard says; the last one to speak passes it on.
template <class Result>
struct gathering {
    explicit gathering(std::size_t shards) : missing(shards) {}
    /// @return is it complete?
    template <class Add>
    bool add(const Add& more) {
        const std::lock_guard guard{adding};
        more(result);
        return --missing == 0;
    }

    std::mutex adding; // guards the result: each shard adds once, and nobody waits for another
    Result result{};
    std::size_t missing;
};

std::vector<std::shared_ptr<engine::socket_state>> connected_of(engine::name_space_slice& slice,
                                                                const target& whom) {
    std::vector<std::shared_ptr<engine::socket_state>> chosen;
    slice.rooms().select(whom, [&](hub::member& one) {
        auto& socket_at = static_cast<engine::socket_state&>(one);
        if (socket_at.is_connected()) chosen.push_back(socket_at.shared_from_this());
    });
    return chosen;
}

} // namespace

void server::visit_sockets(const std::string& name_space, const target& whom,
                           std::function<void(socket&)> visit, std::function<void(std::size_t)> done) {
    engine::context& context = parts_->context;
    auto gathered = std::make_shared<gathering<std::size_t>>(context.shards.size());
    for (const auto& each : context.shards) {
        each->dispatch([gathered, name_space, whom, visit, done, at = each.get()] {
            std::size_t count = 0;
            if (engine::name_space_slice* slice = at->find_slice(name_space)) {
                for (const auto& one : connected_of(*slice, whom)) {
                    ++count;
                    socket handle{one};
                    if (visit && one->is_connected()) engine::call_application(visit, handle);
                }
            }
            if (gathered->add([count](std::size_t& sum) { sum += count; })) {
                engine::call_application(done, gathered->result);
            }
        });
    }
}

void server::list_sockets(const std::string& name_space, const target& whom, std::string after,
                          std::size_t most, std::function<std::string(socket&)> describe,
                          std::function<void(socket_page)> done) {
    engine::context& context = parts_->context;
    auto gathered = std::make_shared<gathering<socket_page>>(context.shards.size());
    for (const auto& each : context.shards) {
        each->dispatch([gathered, name_space, whom, after, most, describe, done, at = each.get()] {
            socket_page here;
            if (engine::name_space_slice* slice = at->find_slice(name_space)) {
                auto chosen = connected_of(*slice, whom);
                here.total = chosen.size();
                std::erase_if(chosen, [&](const auto& one) { return one->id() <= after; });
                const auto is_before = [](const auto& a, const auto& b) { return a->id() < b->id(); };
                const auto end = chosen.begin() + static_cast<std::ptrdiff_t>(std::min(most, chosen.size()));
                std::partial_sort(chosen.begin(), end, chosen.end(), is_before);
                chosen.erase(end, chosen.end());
                for (const auto& one : chosen) {
                    socket handle{one};
                    std::string words;
                    engine::call_application([&] { words = describe(handle); });
                    here.sockets.push_back({one->id(), std::move(words)});
                }
            }
            const bool is_complete = gathered->add([&](socket_page& all) {
                all.total += here.total;
                for (auto& one : here.sockets) all.sockets.push_back(std::move(one));
            });
            if (!is_complete) return;
            socket_page& all = gathered->result;
            std::sort(all.sockets.begin(), all.sockets.end(),
                      [](const auto& a, const auto& b) { return a.id < b.id; });
            if (all.sockets.size() > most) all.sockets.resize(most);
            engine::call_application(done, std::move(all));
        });
    }
}

void server::list_rooms(const std::string& name_space, std::string prefix, std::string after,
                        std::size_t most, std::function<void(std::vector<room_info>)> done) {
    engine::context& context = parts_->context;
    // A room that is among the first of all is among the first on each shard that has it.
    auto gathered = std::make_shared<gathering<std::map<std::string, std::size_t>>>(context.shards.size());
    for (const auto& each : context.shards) {
        each->dispatch([gathered, name_space, prefix, after, most, done, at = each.get()] {
            std::map<std::string_view, std::size_t> first;
            if (engine::name_space_slice* slice = at->find_slice(name_space)) {
                slice->rooms().for_each_room([&](const std::string& name, std::size_t size) {
                    if (name <= after || !name.starts_with(prefix)) return;
                    if (first.size() >= most && (most == 0 || name > first.rbegin()->first)) return;
                    first.emplace(name, size);
                    if (first.size() > most) first.erase(std::prev(first.end()));
                });
            }
            const bool is_complete = gathered->add([&](std::map<std::string, std::size_t>& all) {
                for (const auto& [name, size] : first) all[std::string{name}] += size;
            });
            if (!is_complete) return;
            std::vector<room_info> page;
            for (const auto& [name, size] : gathered->result) {
                if (page.size() == most) break;
                page.push_back({name_space, name, size});
            }
            engine::call_application(done, std::move(page));
        });
    }
}

void server::collect(std::function<void(statistics, std::vector<room_info>)> done, std::size_t most_rooms) {
    struct collection {
        std::mutex adding; // guards the sums: each shard adds once, and nobody waits for another
        statistics sum;
        // Clients name both, so there may be many: each is found at once, not looked for.
        std::map<std::string, std::uint64_t> name_spaces;
        std::unordered_map<std::string, room_info> rooms; ///< by namespace and name
        std::size_t missing = 0;
    };
    engine::context& context = parts_->context;
    auto collected = std::make_shared<collection>();
    collected->missing = context.shards.size();
    for (const auto& each : context.shards) {
        each->dispatch([collected, done, most_rooms, at = each.get(), started = context.started,
                        census = context.census.get(), upstream = parts_->upstream.get()] {
            statistics here = at->counts();
            here.connections = at->sessions();
            at->each_session([&](engine::session& one) {
                if (one.transport() == core::eio::transport::polling) ++here.polling;
                here.queued_bytes += one.owed().bytes();
            });
            std::vector<room_info> rooms;
            at->for_each_slice([&](engine::name_space_slice& slice) {
                here.sockets += slice.rooms().members();
                here.name_spaces.push_back({slice.name(), slice.rooms().members()});
                if (most_rooms == 0) return;
                slice.rooms().for_each_room([&](const std::string& name, std::size_t size) {
                    rooms.push_back({slice.name(), name, size});
                });
            });
            const auto is_larger = [](const room_info& a, const room_info& b) {
                return std::tie(b.sockets, a.nsp, a.room) < std::tie(a.sockets, b.nsp, b.room);
            };
            const std::lock_guard guard{collected->adding};
            add(collected->sum, here);
            for (const name_space_count& one : here.name_spaces) {
                collected->name_spaces[one.nsp] += one.sockets;
            }
            for (room_info& room : rooms) {
                // The same room may have members on several shards.
                const auto [known, is_new] = collected->rooms.try_emplace(room.nsp + '\0' + room.room, room);
                if (!is_new) known->second.sockets += room.sockets;
            }
            if (--collected->missing > 0) return;
            for (const auto& [nsp, sockets] : collected->name_spaces) {
                collected->sum.name_spaces.push_back({nsp, sockets});
            }
            std::vector<room_info> shown(std::min(most_rooms, collected->rooms.size()));
            std::vector<room_info> all_rooms;
            all_rooms.reserve(collected->rooms.size());
            for (auto& [key, room] : collected->rooms) all_rooms.push_back(std::move(room));
            std::partial_sort_copy(all_rooms.begin(), all_rooms.end(), shown.begin(), shown.end(), is_larger);
            collected->sum.rooms = census->rooms();
            collected->sum.private_rooms = census->private_rooms();
            if (upstream != nullptr) collected->sum.proxy.app = upstream->contact();
            collected->sum.uptime_s =
                std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
            done(collected->sum, std::move(shown));
        });
    }
}

void server::visit(std::function<void(const socket&)> each, std::function<void()> done) {
    engine::context& context = parts_->context;
    auto missing = std::make_shared<std::atomic<std::size_t>>(context.shards.size());
    for (const auto& shard : context.shards) {
        shard->dispatch([missing, each, done, at = shard.get()] {
            at->for_each_slice([&](engine::name_space_slice& slice) {
                slice.rooms().select({}, [&](hub::member& one) {
                    auto& state = static_cast<engine::socket_state&>(one);
                    if (state.is_connected()) each(socket{state.shared_from_this()});
                });
            });
            if (missing->fetch_sub(1) == 1) engine::call_application(done);
        });
    }
}

namespace {

hub::data_writer written_by(const data_form& form) {
    if (form.write) return form.write;
    return [](const std::any&) -> std::optional<std::string> { return std::string{}; };
}
hub::data_reader read_by(const data_form& form) {
    if (form.read) return form.read;
    return [](std::string_view) -> std::optional<std::any> { return std::any{}; };
}

} // namespace

kept_recovery server::keep_recovery(const data_form& form, std::uint64_t most_bytes) const {
    engine::context& context = parts_->context;
    std::map<std::string, std::vector<hub::recovery_log*>> logs;
    for (const auto& each : context.shards) {
        each->for_each_slice([&](engine::name_space_slice& slice) {
            if (slice.log() == nullptr) return;
            auto& of_all = logs[slice.name()];
            of_all.resize(context.shards.size());
            of_all[each->index()] = slice.log();
        });
    }
    std::vector<hub::recovery_image> images;
    const core::time_point now = context.shards.front()->now();
    // Not what the logs have seen: a shard that forgot a namespace gave numbers there, too.
    std::uint64_t last = 0;
    for (const auto& each : context.shards) last = std::max(last, each->last_sequence());
    for (const auto& [name, of_all] : logs) {
        images.push_back(hub::image_of(name, of_all, last, now, written_by(form)));
    }
    kept_recovery kept;
    for (;;) {
        std::erase_if(images, [](const auto& each) { return each.sessions.empty(); });
        kept.bytes.clear();
        kept.sessions = kept.events = 0;
        base::octet_writer{kept.bytes}.count(images.size());
        for (const hub::recovery_image& each : images) {
            hub::append(kept.bytes, each);
            kept.sessions += each.sessions.size();
            kept.events += each.events.size();
        }
        if (kept.bytes.size() <= most_bytes || images.empty()) break;
        kept.is_whole = false;
        for (hub::recovery_image& each : images) {
            if (!hub::shrink(each)) each.sessions.clear();
        }
    }
    return kept;
}

std::optional<restored_recovery> server::restore_recovery(std::string_view bytes, core::duration away,
                                                          const data_form& form) {
    engine::context& context = parts_->context;
    base::octet_reader from{bytes};
    std::vector<hub::recovery_image> images;
    constexpr std::size_t least_image = 4 + 8 + 4 + 4 + 4;
    for (std::size_t left = from.count(least_image); left > 0; --left) {
        auto image = hub::read_recovery_image(from);
        if (!image) return std::nullopt;
        images.push_back(std::move(*image));
    }
    if (!from.is_good() || !from.is_at_end()) return std::nullopt;
    restored_recovery result;
    for (hub::recovery_image& image : images) {
        const auto state = context.name_spaces.resolve(context, image.name, "{}");
        std::vector<hub::recovery_log*> logs;
        for (const auto& each : context.shards) {
            engine::name_space_slice* slice = state ? &each->slice_of(state) : nullptr;
            if (slice == nullptr || slice->log() == nullptr) break;
            each->begin_after(image.last);
            slice->watch_age();
            logs.push_back(slice->log());
        }
        if (logs.size() != context.shards.size()) {
            result.dropped += image.sessions.size();
            continue;
        }
        const hub::restored_sessions counts =
            hub::restore(std::move(image), logs, context.shards.front()->now(), away, read_by(form));
        result.restored += counts.restored;
        result.expired += counts.expired;
        result.dropped += counts.dropped;
    }
    return result;
}

} // namespace roomcast::server
