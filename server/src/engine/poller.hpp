#pragma once

#include <cstddef>
#include <cstdint>

namespace roomcast::server::engine {

/// Something with a file descriptor that wants to know when it can be read or written.
class pollable {
public:
    virtual void on_ready(std::uint32_t events) = 0;

protected:
    ~pollable() = default;
};

/// The connections of one shard in an epoll of their own, edge-triggered: a connection costs no system call
/// to wait again, and no memory while it waits. The epoll's own descriptor is watched by the shard's
/// io_context.
class poller {
public:
    poller();
    ~poller();
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    int fd() const { return fd_; }
    /// @return false when the system has no room for it
    [[nodiscard]] bool add(int fd, pollable& who);
    /// Somebody else hears of this descriptor from now on, first of what it is ready for.
    void hand_over(int fd, pollable& to);
    void remove(int fd);
    /// Hands out what is ready, at most one batch. A pollable removed meanwhile must live until this returns,
    /// and ignore what comes. @return whether the batch was full
    bool dispatch();

private:
    int fd_;
};

} // namespace roomcast::server::engine
