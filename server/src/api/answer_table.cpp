#include "api/answer_table.hpp"

namespace roomcast::server::api {

answer_table::state answer_table::begin(const std::string& key, const std::string& digest,
                                        core::time_point now, const bounds& limits, std::string& body) {
    while (!all_.empty() && all_.front().until <= now) drop(all_.begin());
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
        const entry& found = *known->second;
        if (found.until > now) {
            if (found.digest != digest) return state::differs;
            if (!found.is_done) return state::running;
            body = found.body;
            return state::answered;
        }
        drop(known->second);
    }
    while (!all_.empty() && all_.size() >= limits.max_keys) drop(all_.begin());
    all_.push_back({key, digest, {}, core::deadline_after(now, limits.keep), false});
    by_key_.emplace(key, std::prev(all_.end()));
    bytes_ += key.size();
    return state::fresh;
}

void answer_table::finish(const std::string& key, std::string body, core::time_point now,
                          const bounds& limits) {
    const auto known = by_key_.find(key);
    if (known == by_key_.end()) return;
    entry& done = *known->second;
    bytes_ += body.size();
    done.body = std::move(body);
    done.is_done = true;
    done.until = core::deadline_after(now, limits.keep);
    all_.splice(all_.end(), all_, known->second);
    while (bytes_ > limits.max_bytes && !all_.empty()) drop(all_.begin());
}

void answer_table::give_up(const std::string& key) {
    if (const auto known = by_key_.find(key); known != by_key_.end()) drop(known->second);
}

void answer_table::drop(entries::iterator which) {
    bytes_ -= which->key.size() + which->body.size();
    by_key_.erase(which->key);
    all_.erase(which);
}

} // namespace roomcast::server::api
