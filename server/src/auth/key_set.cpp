#include "auth/key_set.hpp"

#include "base/log.hpp"
#include "outbound/url.hpp"

#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;

constexpr std::int64_t fresh_s = 600;
constexpr std::int64_t cooldown_s = 30;
/// The same while there are no keys at all: an app that starts after us is soon found.
constexpr std::int64_t first_cooldown_s = 2;
constexpr std::size_t max_waiting = 1000;

/// Seconds between two moments, whichever is the earlier: a clock that is set back must not stop us.
std::int64_t distance(core::unix_time a, core::unix_time b) {
    const std::int64_t later = std::max(a.seconds, b.seconds);
    const std::int64_t earlier = std::min(a.seconds, b.seconds);
    // as unsigned numbers: nothing overflows
    const auto apart = static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
    return apart > 1'000'000'000 ? 1'000'000'000 : static_cast<std::int64_t>(apart);
}

} // namespace

std::shared_ptr<key_set> key_set::given(std::string_view json) {
    auto out = std::make_shared<key_set>();
    out->keys_ = import(json);
    return out;
}

std::shared_ptr<key_set> key_set::fetched(std::string url, core::duration timeout,
                                          outbound::client* network) {
    auto out = std::make_shared<key_set>();
    out->url_ = std::move(url);
    out->timeout_ = std::min<core::duration>(timeout, std::chrono::seconds{5});
    out->network_ = network;
    return out;
}

void key_set::find(std::string_view alg, const std::optional<std::string>& kid, core::unix_time now,
                   handler done) {
    answer now_known{reason::unavailable, nullptr};
    bool starts = false;
    {
        const std::lock_guard lock{mutex_};
        if (keys_) now_known = look_up(*keys_, alg, kid);
        const bool is_fresh = url_.empty() || (keys_ && distance(now, fetched_at_) < fresh_s);
        const bool is_settled = keys_ && is_fresh && (now_known.why != reason::key_not_found || url_.empty());
        const std::int64_t cooldown = keys_ ? cooldown_s : first_cooldown_s;
        const bool may_ask =
            network_ != nullptr && !is_fetching_ && (!asked_at_ || distance(now, *asked_at_) >= cooldown);
        const bool waits = !is_settled && (may_ask || is_fetching_) && waiting_.size() < max_waiting;
        if (waits) {
            waiting_.push_back({std::string{alg}, kid, std::move(done)});
            starts = !is_fetching_;
            is_fetching_ = true;
            if (starts) asked_at_ = now;
            done = nullptr;
        }
    }
    if (starts) fetch(now);
    if (done) done(now_known.why, now_known.key);
}

void key_set::fetch(core::unix_time now) {
    outbound::request what;
    what.url = url_;
    what.headers = {{"accept", "application/json"}};
    what.timeout = timeout_;
    what.what = outbound::purpose::keys;
    what.max_response_bytes = core::auth::max_jwk_set_bytes;
    network_->send(std::move(what), [self = shared_from_this(), now](const outbound::response& got) {
        self->on_response(got, now);
    });
}

/// Where they are, for the log.
std::string key_set::place() const {
    const auto at = outbound::parse_url(url_);
    return at ? at->place() : "(no URL)";
}

void key_set::on_response(const outbound::response& got, core::unix_time asked_at) {
    std::shared_ptr<const imported> fresh;
    if (got.why == outbound::failure::none && got.status == 200) {
        fresh = import(got.body);
        if (fresh->fault != reason::none) {
            base::log("auth").warn("keys at {}: {}", place(), name_of(fresh->fault));
            fresh = nullptr;
        }
    } else {
        base::log("auth").warn("keys at {}: {} {}", place(), outbound::name_of(got.why), got.status);
    }
    std::vector<waiting> all;
    std::shared_ptr<const imported> keys;
    {
        const std::lock_guard lock{mutex_};
        if (fresh) {
            keys_ = std::move(fresh);
            fetched_at_ = asked_at;
        }
        is_fetching_ = false;
        all.swap(waiting_);
        keys = keys_;
    }
    for (const auto& one : all) {
        const answer known = keys ? look_up(*keys, one.alg, one.kid) : answer{reason::unavailable, nullptr};
        one.done(known.why, known.key);
    }
}

std::shared_ptr<const key_set::imported> key_set::import(std::string_view json) {
    auto out = std::make_shared<imported>();
    out->fault = core::auth::read_jwk_set(json, out->keys);
    if (out->fault != reason::none) out->keys.clear();
    for (const auto& key : out->keys) {
        auto ready = std::make_shared<public_key>();
        out->faults.push_back(public_key::import(key, *ready));
        out->ready.push_back(std::move(ready));
    }
    return out;
}

key_set::answer key_set::look_up(const imported& keys, std::string_view alg,
                                 const std::optional<std::string>& kid) {
    if (keys.fault != reason::none) return {reason::invalid_key, nullptr};
    std::size_t index = 0;
    if (const auto why = core::auth::select_key(keys.keys, alg, kid, index); why != reason::none)
        return {why, nullptr};
    if (keys.faults[index] != reason::none) return {keys.faults[index], nullptr};
    return {reason::none, keys.ready[index]};
}

} // namespace roomcast::server::auth
