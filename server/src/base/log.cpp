#include "base/log.hpp"

#include <mutex>

namespace roomcast::server::base {

spdlog::logger& log(const char* scope) {
    // Guards the making of a scope's logger: two threads may log first at once. Lines need no lock of ours.
    static std::mutex making;
    if (const auto known = spdlog::get(scope)) return *known;
    const std::lock_guard guard{making};
    if (const auto known = spdlog::get(scope)) return *known;
    auto made = spdlog::default_logger()->clone(scope);
    spdlog::register_logger(made);
    return *made;
}

} // namespace roomcast::server::base
