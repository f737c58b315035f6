#include "outbound/contacts.hpp"

#include "outbound/client.hpp"

#include <algorithm>
#include <chrono>

namespace roomcast::server::outbound {

namespace {

/// The configuration names them, so there are few; a reload may bring others.
constexpr std::size_t most_entries = 1000;
/// Nothing was heard for so long: time to look. What failed is looked at sooner.
constexpr std::int64_t quiet_ms = 30'000;
constexpr std::int64_t quiet_after_failure_ms = 2000;

void add_failure(contact_figures& to, std::string why, std::int64_t now_ms) {
    to.last_failure_ms = now_ms;
    ++to.failures_in_a_row;
    to.why = std::move(why);
}

/// Is it the other server that failed, and not our own bounds?
bool is_of_backend(failure why) {
    switch (why) {
    case failure::invalid_request:
    case failure::queue_full:
    case failure::stopped: return false;
    case failure::none:
    case failure::resolve_failed:
    case failure::address_refused:
    case failure::connect_failed:
    case failure::tls_failed:
    case failure::timed_out:
    case failure::too_large:
    case failure::broken_response: return true;
    }
    return true;
}

} // namespace

bool is_success(purpose what, unsigned status) {
    switch (what) {
    case purpose::keys:
    case purpose::webhook: return status >= 200 && status < 300;
    case purpose::introspection:
    case purpose::callout: return status == 200 || status == 401 || status == 403;
    case purpose::forward: // a refusal is the backend's answer, too
    case purpose::app:
    case purpose::other: return status < 500;
    }
    return false;
}

contacts::entry* contacts::find_or_make(purpose what, const std::string& origin) {
    const key wanted{what, origin};
    const auto found = entries_.find(wanted);
    if (found != entries_.end()) return &found->second;
    if (entries_.size() >= most_entries) return nullptr;
    return &entries_[wanted];
}

void contacts::note(purpose what, const std::string& origin, ending how, core::duration length,
                    std::int64_t now_ms) {
    const std::lock_guard guard{mutex_};
    purpose_figures& all = by_purpose_[static_cast<std::size_t>(what)];
    const bool is_answer = how.why == failure::none;
    const bool is_good = is_answer && is_success(what, how.status);
    ++(is_good ? all.succeeded : all.failed);
    if (!is_of_backend(how.why)) return;
    all.times.add(std::chrono::duration<double>(length).count(), backend_bounds_s);
    entry* const one = find_or_make(what, origin);
    if (one == nullptr) return;
    if (is_good) {
        one->figures.last_success_ms = now_ms;
        one->figures.failures_in_a_row = 0;
        return;
    }
    one->was_connected = how.is_sent;
    add_failure(one->figures,
                is_answer ? "status " + std::to_string(how.status) : std::string{name_of(how.why)}, now_ms);
}

void contacts::note_check(purpose what, const std::string& origin, ending how, std::int64_t now_ms) {
    if (!is_of_backend(how.why)) return;
    const std::lock_guard guard{mutex_};
    entry* const one = find_or_make(what, origin);
    if (one == nullptr) return;
    if (how.why != failure::none) {
        one->was_connected = false;
        add_failure(one->figures, std::string{name_of(how.why)}, now_ms);
    } else if (one->figures.failures_in_a_row == 0 || !one->was_connected) {
        one->figures.last_success_ms = now_ms;
        one->figures.failures_in_a_row = 0;
    }
}

contact_figures contacts::of(purpose what, const std::string& origin) const {
    const std::lock_guard guard{mutex_};
    const auto found = entries_.find({what, origin});
    return found == entries_.end() ? contact_figures{} : found->second.figures;
}

bool contacts::take_check(purpose what, const std::string& origin, std::int64_t heard_ms, bool is_failing,
                          std::int64_t now_ms) {
    const std::lock_guard guard{mutex_};
    entry* const one = find_or_make(what, origin);
    if (one == nullptr) return false;
    const std::int64_t newest_ms = std::max(heard_ms, one->checked_ms);
    const std::int64_t quiet = is_failing ? quiet_after_failure_ms : quiet_ms;
    // A clock that was set back must not end it.
    if (newest_ms != 0 && now_ms >= newest_ms && now_ms - newest_ms < quiet) return false;
    one->checked_ms = now_ms;
    return true;
}

std::array<purpose_figures, purpose_names.size()> contacts::by_purpose() const {
    const std::lock_guard guard{mutex_};
    return by_purpose_;
}

} // namespace roomcast::server::outbound
