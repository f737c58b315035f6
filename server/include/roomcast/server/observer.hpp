#pragma once

#include "roomcast/server/args.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server {

class socket;

/// Sees what happens to all sockets of a server. While it does not watch, an event costs it one atomic read.
/// @thread Each call comes on the thread of the socket that it is about, in the middle of what happens: it
/// may emit, but must not join, leave, disconnect or throw.
class observer {
public:
    observer() = default;
    virtual ~observer() = default;
    observer(const observer&) = delete;
    observer& operator=(const observer&) = delete;

    bool is_watching() const { return is_watching_.load(std::memory_order_relaxed); }
    /// Does it want the events of this namespace, too?
    virtual bool sees_events_of(const std::string& name_space) const = 0;

    virtual void on_connected(const socket& who) = 0;
    /// @param rooms those it was in, its own id among them
    virtual void on_disconnected(const socket& who, std::string_view reason,
                                 const std::vector<std::string>& rooms) = 0;
    virtual void on_joined(const socket& who, std::string_view room) = 0;
    virtual void on_left(const socket& who, std::string_view room) = 0;
    /// Its connection goes on by WebSocket.
    virtual void on_upgraded(const socket& who) = 0;
    /// @param event its name and its arguments
    virtual void on_received(const socket& who, const args& event) = 0;
    virtual void on_sent(const socket& who, const args& event) = 0;

protected:
    /// @thread any
    void watch(bool wanted) { is_watching_.store(wanted, std::memory_order_relaxed); }

private:
    std::atomic<bool> is_watching_{false};
};

} // namespace roomcast::server
