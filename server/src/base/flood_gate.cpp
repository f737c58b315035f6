#include "base/flood_gate.hpp"

#include <algorithm>
#include <utility>

namespace roomcast::server::base {

namespace {
constexpr std::size_t longest_kind = 160;
constexpr std::string_view of_other_kinds = "many kinds";
} // namespace

void flood_gate::use(bounds chosen) {
    const std::lock_guard guard{counting_};
    chosen_ = chosen;
}

bool flood_gate::pass(std::string_view kind, std::uint32_t group, std::int64_t now_ms, std::uint64_t lost) {
    const std::lock_guard guard{counting_};
    if (chosen_.burst == 0) return true;
    counted& one = place_of(kind, group, now_ms);
    // A count that was not told yet keeps its interval: `take_due` ends both.
    if (one.back.count == 0 && is_over(one, now_ms)) {
        one.since_ms = now_ms;
        one.passed = 0;
    }
    if (one.passed < chosen_.burst) {
        ++one.passed;
        return true;
    }
    ++one.back.count;
    one.back.lost += lost;
    ++kept_back_;
    const std::int64_t due = one.since_ms + chosen_.interval_ms;
    next_due_ms_ = has_due_ ? std::min(next_due_ms_, due) : due;
    has_due_ = true;
    return false;
}

std::vector<flood_gate::tally> flood_gate::take_due(std::int64_t now_ms) {
    const std::lock_guard guard{counting_};
    std::vector<tally> due;
    if (!has_due_ || now_ms < next_due_ms_) return due;
    has_due_ = false;
    for (auto& [key, one] : kinds_) {
        if (one.back.count == 0) continue;
        if (is_over(one, now_ms)) {
            take(one, due);
            one.passed = 0;
            one.since_ms += chosen_.interval_ms;
        } else {
            const std::int64_t end = one.since_ms + chosen_.interval_ms;
            next_due_ms_ = has_due_ ? std::min(next_due_ms_, end) : end;
            has_due_ = true;
        }
    }
    return due;
}

std::vector<flood_gate::tally> flood_gate::take_all() {
    const std::lock_guard guard{counting_};
    std::vector<tally> all;
    for (auto& [key, one] : kinds_) {
        if (one.back.count > 0) take(one, all);
    }
    has_due_ = false;
    return all;
}

std::uint64_t flood_gate::kept_back() const {
    const std::lock_guard guard{counting_};
    return kept_back_;
}

std::size_t flood_gate::kinds() const {
    const std::lock_guard guard{counting_};
    return kinds_.size();
}

flood_gate::counted& flood_gate::place_of(std::string_view kind, std::uint32_t group, std::int64_t now_ms) {
    kind = kind.substr(0, longest_kind);
    key_.assign(kind);
    key_ += '\0';
    key_ += std::to_string(group);
    if (const auto known = kinds_.find(key_); known != kinds_.end()) return known->second;
    if (kinds_.size() >= most_kinds - 1) {
        std::erase_if(kinds_, [&](const auto& each) {
            return each.second.back.count == 0 && is_over(each.second, now_ms);
        });
    }
    if (kinds_.size() >= most_kinds - 1) {
        kind = of_other_kinds;
        group = any_group;
        key_.clear();
        if (const auto known = kinds_.find(key_); known != kinds_.end()) return known->second;
    }
    counted made;
    made.back.kind = kind;
    made.back.group = group;
    made.since_ms = now_ms;
    return kinds_.emplace(key_, std::move(made)).first->second;
}

bool flood_gate::is_over(const counted& one, std::int64_t now_ms) const {
    return now_ms - one.since_ms >= chosen_.interval_ms;
}

void flood_gate::take(counted& one, std::vector<tally>& into) {
    into.push_back(one.back);
    one.back.count = 0;
    one.back.lost = 0;
}

} // namespace roomcast::server::base
