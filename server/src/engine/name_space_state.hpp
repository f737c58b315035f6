#pragma once

#include "hub/recovery_log.hpp"

#include "roomcast/server/adapter.hpp"
#include "roomcast/server/name_space.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace roomcast::server::engine {

struct context;
class name_space_state;

/// What the application set up for a namespace, or for all that match a pattern. Frozen when the server runs.
class name_space_definition {
public:
    explicit name_space_definition(std::string named) : name(std::move(named)) {}

    std::string name;
    std::vector<middleware> middlewares;
    std::vector<std::function<void(socket&)>> on_connection;
    hub::text_map<event_handler> handlers;
    event_handler any_handler;
    std::vector<std::function<void(socket&, std::string_view)>> on_disconnect;
    hub::text_map<std::function<void(const args&)>> server_side_handlers;
    bool has_recovery = true;              ///< where recovery is on at all
    std::weak_ptr<name_space_state> fixed; ///< the one namespace that it defines, none for a pattern
};

/// An event, encoded once for all its receivers on all shards.
struct prepared_broadcast {
    core::shared_message message;
    roomcast::server::target target;
    droppable drop = droppable::never;
    /// With recovery: its place among the namespace's events; sequence 0: it has none.
    hub::event_position position;
    std::shared_ptr<const args> seen; ///< name and arguments, for an observer that watches
};

/// One namespace of one server, over all shards. Each shard has its slice of the sockets.
/// @thread any
class name_space_state final : public local_sockets, public std::enable_shared_from_this<name_space_state> {
public:
    name_space_state(context& shared, std::string name, std::shared_ptr<name_space_definition> definition);
    ~name_space_state() override;

    const std::string& name() const { return name_; }
    const name_space_definition& definition() const { return *definition_; }
    const std::shared_ptr<name_space_definition>& shared_definition() const { return definition_; }
    roomcast::server::adapter& adapter() { return *adapter_; }
    void replace_adapter(const adapter_factory& make) { adapter_ = make(name_, *this); }
    /// Ids of events that want an acknowledgement; one sequence for all sockets.
    std::uint64_t next_ack_id() { return next_ack_id_.fetch_add(1, std::memory_order_relaxed); }

    void broadcast(roomcast::server::broadcast what) override;
    void broadcast_with_ack(roomcast::server::broadcast what, core::duration timeout,
                            std::function<void(broadcast_replies)> done) override;
    void join(const target& whom, const std::vector<std::string>& rooms) override;
    void leave(const target& whom, const std::vector<std::string>& rooms) override;
    void disconnect(const target& whom, bool close_connection) override;
    void fetch(const target& whom, std::function<void(std::vector<remote_socket>)> done) override;
    void server_side_emit(const std::string& name, const args& arguments) override;

private:
    template <class Work>
    void on_every_shard(const Work& work);

    context* context_;
    std::string name_;
    std::shared_ptr<name_space_definition> definition_;
    std::unique_ptr<roomcast::server::adapter> adapter_;
    std::atomic<std::uint64_t> next_ack_id_{0};
};

} // namespace roomcast::server::engine
