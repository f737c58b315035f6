#include "proxy/upstream.hpp"

#include "base/log.hpp"
#include "proxy/app_connection.hpp"
#include "proxy/refusal.hpp"
#include "proxy/response_head.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace asio = boost::asio;

namespace roomcast::server::proxy {

namespace {

/// Waiting for work, on one shard. More would be closed by the application's own bounds soon.
constexpr std::size_t most_idle = 64;
constexpr std::chrono::seconds address_lifetime{30};
constexpr std::size_t most_addresses = 8;

/// By the clock on the wall, which people compare with their logs.
std::int64_t wall_ms() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

std::string authority_of(const upstream_options& chosen) {
    const bool is_v6 = chosen.host.find(':') != std::string::npos;
    std::string text = is_v6 ? '[' + chosen.host + ']' : chosen.host;
    if (chosen.port != 80) text += ':' + std::to_string(chosen.port);
    return text;
}

} // namespace

struct upstream::slot {
    explicit slot(engine::shard& home) : resolver(home.io()) {}
    std::vector<app_connection*> idle; ///< the last one waited the shortest time
    asio::ip::tcp::resolver resolver;
    endpoints addresses;
    core::time_point addresses_until{};
    bool is_fixed = false;
    std::vector<std::function<void(const endpoints&)>> waiting;
};

upstream::upstream(engine::context& shared) : context_(&shared) {
    const upstream_options& chosen = options();
    authority_ = authority_of(chosen);
    url_ = "http://" + authority_;
    boost::system::error_code error;
    const auto literal = asio::ip::make_address(chosen.host, error);
    for (const auto& each : shared.shards) {
        slots_.push_back(std::make_unique<slot>(*each));
        slot& made = *slots_.back();
        if (!error) {
            made.addresses = {{literal, chosen.port}};
        } else if (chosen.host == "localhost") {
            // Servers for development listen on the one or the other.
            made.addresses = {{asio::ip::address_v4::loopback(), chosen.port},
                              {asio::ip::address_v6::loopback(), chosen.port}};
        }
        made.is_fixed = !made.addresses.empty();
    }
}

upstream::~upstream() = default;

bool upstream::has(std::string_view path) const {
    const std::vector<std::string>& own = options().own_paths;
    return std::none_of(own.begin(), own.end(), [path](const std::string& each) {
        if (each.back() != '/') return path == each;
        const std::string_view folder = std::string_view{each}.substr(0, each.size() - 1);
        return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
    });
}

transport::request_handler::next upstream::on_head(transport::connection& from) {
    using next = transport::request_handler::next;
    const transport::request_head& head = from.head();
    request_to_app request = read_request(from, *this);
    request.began = from.home().now();
    if (!request.upgrade.empty() && head.has_body) {
        // Who does not switch reads a body, who does reads what comes behind: nobody must have to guess.
        from.close_after_answer();
        count(from.home(), proxy_outcome::bad_request);
        from.respond(400, "text/plain; charset=utf-8", {}, "An upgrade has no body");
        return next::done;
    }
    app_connection* one = take_idle(from.home());
    if (one == nullptr) one = open(from.home());
    if (one == nullptr) {
        complain("all connections to it are busy");
        count(from.home(), proxy_outcome::busy);
        const refusal busy = describe_refusal(refused_because::busy, url_, wants_json(from.header("Accept")));
        from.close_after_answer();
        from.respond(busy.status, busy.content_type, "Retry-After: 1\r\nCache-Control: no-store\r\n",
                     busy.body);
        return next::done;
    }
    one->begin(from, std::move(request));
    return next::relayed;
}

app_connection* upstream::open(engine::shard& home) {
    if (++connections_ > options().max_connections) {
        --connections_;
        return nullptr;
    }
    auto made = std::make_unique<app_connection>(*this, home);
    app_connection& one = *made;
    home.hold(std::move(made));
    return &one;
}

app_connection* upstream::take_idle(engine::shard& home) {
    std::vector<app_connection*>& idle = slots_[home.index()]->idle;
    while (!idle.empty()) {
        app_connection& one = *idle.back();
        idle.pop_back();
        if (one.is_alive()) return &one;
        one.end();
    }
    return nullptr;
}

bool upstream::keep_idle(app_connection& one) {
    std::vector<app_connection*>& idle = slots_[one.home().index()]->idle;
    if (context_->is_stopping || idle.size() >= most_idle) return false;
    idle.push_back(&one);
    return true;
}

void upstream::forget_idle(app_connection& one) {
    std::erase(slots_[one.home().index()]->idle, &one);
}

void upstream::resolve(engine::shard& home, std::function<void(const endpoints&)> done) {
    slot& at = *slots_[home.index()];
    if (at.is_fixed || (!at.addresses.empty() && home.now() < at.addresses_until)) {
        done(at.addresses);
        return;
    }
    at.waiting.push_back(std::move(done));
    if (at.waiting.size() > 1) return;
    at.resolver.async_resolve(options().host, std::to_string(options().port),
                              [this, &home, &at](const boost::system::error_code& error,
                                                 const asio::ip::tcp::resolver::results_type& found) {
                                  if (error == asio::error::operation_aborted) return;
                                  at.addresses.clear();
                                  for (const auto& each : found) {
                                      if (at.addresses.size() < most_addresses)
                                          at.addresses.push_back(each.endpoint());
                                  }
                                  at.addresses_until = core::deadline_after(home.now(), address_lifetime);
                                  if (error) complain("its name is unknown: " + error.message());
                                  std::vector<std::function<void(const endpoints&)>> waiting;
                                  waiting.swap(at.waiting);
                                  const endpoints addresses = at.addresses;
                                  for (const auto& each : waiting) each(addresses);
                                  home.end_turn();
                              });
}

void upstream::prefer(engine::shard& home, const asio::ip::tcp::endpoint& good) {
    endpoints& all = slots_[home.index()]->addresses;
    const auto found = std::find(all.begin(), all.end(), good);
    if (found != all.end()) std::rotate(all.begin(), found, found + 1);
}

void upstream::doubt(engine::shard& home) {
    slots_[home.index()]->addresses_until = {};
}

void upstream::on_word_of_app() {
    const std::int64_t now = wall_ms();
    // All threads come here for every request: what is known already is not written again.
    constexpr std::int64_t fine_enough_ms = 100;
    if (now - last_success_ms_.load(std::memory_order_relaxed) >= fine_enough_ms) last_success_ms_ = now;
    if (failures_in_a_row_.load(std::memory_order_relaxed) != 0) failures_in_a_row_ = 0;
}

void upstream::on_failure_of_app(const char* why) {
    why_ = why;
    last_failure_ms_ = wall_ms();
    ++failures_in_a_row_;
}

contact_figures upstream::contact() const {
    return {last_success_ms_, last_failure_ms_, failures_in_a_row_, why_.load()};
}

void upstream::complain(std::string_view what) const {
    base::log("proxy").warn("the application at {}: {}", url_, what);
}

} // namespace roomcast::server::proxy
