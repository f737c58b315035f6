#pragma once

#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/core/time.hpp"
#include "roomcast/server/args.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace roomcast::server {

/// Whom an operation is for: the members of any of `rooms` (all sockets of the namespace when empty) that are
/// in none of `except`. A socket's id is a room of its own.
struct target {
    std::vector<std::string> rooms;
    std::vector<std::string> except;
};

/// When a message may be dropped, and counted, for a peer; the others get it.
enum class droppable : std::uint8_t {
    never,          ///< a peer that is too far behind meets the slow-consumer policy
    when_behind,    ///< half of `session.max_queue_bytes` waits for the peer already
    when_not_ready, ///< "volatile": it cannot be written at once
};

struct broadcast_flags {
    droppable drop = droppable::never;
    bool is_local = false; ///< this process only
    bool wants_compression = true;
};

/// An event on its way to a target.
struct broadcast {
    std::string name;
    args arguments;
    roomcast::server::target target;
    broadcast_flags flags;
};

/// A socket as `fetch_sockets` tells of it; it may live in another thread or process.
struct remote_socket {
    std::string id;
    std::vector<std::string> rooms;
    std::string data = "null"; ///< JSON text
    std::string handshake;     ///< JSON text, as the npm adapters write it
};

/// Answers of a broadcast with acknowledgement.
struct broadcast_replies {
    std::error_code error;     ///< core::errc::ack_timeout when some did not answer in time
    std::vector<args> replies; ///< in the order in which they came
    std::size_t expected = 0;  ///< sockets asked
};

/// What an adapter builds on: the sockets of one namespace in this process, on all its threads.
/// @thread any; callbacks come on the calling shard's thread, or on the first shard's
class local_sockets {
public:
    virtual ~local_sockets() = default;
    virtual void broadcast(roomcast::server::broadcast what) = 0;
    virtual void broadcast_with_ack(roomcast::server::broadcast what, core::duration timeout,
                                    std::function<void(broadcast_replies)> done) = 0;
    virtual void join(const target& whom, const std::vector<std::string>& rooms) = 0;
    virtual void leave(const target& whom, const std::vector<std::string>& rooms) = 0;
    virtual void disconnect(const target& whom, bool close_connection) = 0;
    virtual void fetch(const target& whom, std::function<void(std::vector<remote_socket>)> done) = 0;
    virtual void server_side_emit(const std::string& name, const args& arguments) = 0;
};

/// Decides where an operation on a namespace takes place. One per namespace and process; the default keeps
/// all in memory, a cluster's adapter does the same and tells its peers.
/// @thread every method may be called from any thread
class adapter {
public:
    explicit adapter(local_sockets& local) : local_(&local) {}
    virtual ~adapter() = default;
    adapter(const adapter&) = delete;
    adapter& operator=(const adapter&) = delete;

    virtual void broadcast(roomcast::server::broadcast what) { local_->broadcast(std::move(what)); }
    virtual void broadcast_with_ack(roomcast::server::broadcast what, core::duration timeout,
                                    std::function<void(broadcast_replies)> done) {
        local_->broadcast_with_ack(std::move(what), timeout, std::move(done));
    }
    virtual void join(target whom, std::vector<std::string> rooms) { local_->join(whom, rooms); }
    virtual void leave(target whom, std::vector<std::string> rooms) { local_->leave(whom, rooms); }
    virtual void disconnect(target whom, bool close_connection) {
        local_->disconnect(whom, close_connection);
    }
    virtual void fetch(target whom, std::function<void(std::vector<remote_socket>)> done) {
        local_->fetch(whom, std::move(done));
    }
    /// To the other servers of the cluster; with none there is nothing to do.
    virtual void server_side_emit(std::string, args) {}
    virtual std::size_t server_count() const { return 1; }

protected:
    local_sockets& local() { return *local_; }

private:
    local_sockets* local_;
};

using adapter_factory =
    std::function<std::unique_ptr<adapter>(const std::string& name_space, local_sockets& local)>;

} // namespace roomcast::server
