#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace roomcast::server::base {

/// A value that one thread replaces as a whole while others read it. Who has loaded one keeps it.
/// (libstdc++'s std::atomic<std::shared_ptr> would do, but before GCC 16 the thread sanitizer takes its loads
/// for races.)
/// @thread any
template <class T>
class published {
public:
    published() = default;
    explicit published(std::shared_ptr<T> first) : value_(std::move(first)) {}

    std::shared_ptr<T> load() const {
        const std::lock_guard guard{changing_};
        return value_;
    }

    void store(std::shared_ptr<T> next) {
        const std::lock_guard guard{changing_};
        // The former value, perhaps a large one, ends in the caller's argument, when nobody waits any more.
        value_.swap(next);
    }

private:
    mutable std::mutex changing_; // guards the pointer, for as long as it takes to copy it
    std::shared_ptr<T> value_;
};

} // namespace roomcast::server::base
