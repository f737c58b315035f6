#pragma once

#include "base/address_set.hpp"
#include "engine/address_table.hpp"
#include "engine/name_space_state.hpp"
#include "engine/room_census.hpp"
#include "engine/shard.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::engine {

/// All namespaces of a server: those with a name are fixed before it runs, the others come and go.
class name_space_registry {
public:
    /// The definition of a fixed namespace, made when it is new. Only before the server runs.
    std::shared_ptr<name_space_definition> define(context& shared, std::string_view name);
    std::shared_ptr<name_space_definition>
    define_matching(std::string label, std::function<bool(std::string_view, std::string_view)> matches);

    /// The namespace that a client asks for; nullptr when there is none of this name.
    /// @thread any shard
    std::shared_ptr<name_space_state> resolve(context& shared, std::string_view name, std::string_view auth);
    /// Gives the fixed namespaces another adapter. Only before the server runs.
    void replace_adapters(const adapter_factory& make);
    /// One that exists now. @thread any
    std::shared_ptr<name_space_state> find(std::string_view name);

private:
    struct dynamic_definition {
        std::shared_ptr<name_space_definition> definition;
        std::function<bool(std::string_view, std::string_view)> matches;
    };

    hub::text_map<std::shared_ptr<name_space_state>> fixed_; ///< frozen once the server runs
    std::vector<dynamic_definition> dynamic_;                ///< frozen, too
    /// Guards `made_`: shards ask for the same dynamic namespace at once and must get one object. It is taken
    /// for a CONNECT only, never for a message.
    std::mutex making_;
    hub::text_map<std::weak_ptr<name_space_state>> made_;
    std::size_t swept_at_ = 32;
    std::vector<std::shared_ptr<name_space_state>> kept_; ///< when empty namespaces are not forgotten
};

/// A handler of plain requests and what it gets.
struct http_entry {
    http_area area;
    http_handler handle;
    bool has(std::string_view path) const { return !area.has || area.has(path); }
};

/// What all shards of one server share. Set up first, then only read.
struct context {
    roomcast::server::options options;
    name_space_registry name_spaces;
    std::shared_ptr<address_table> addresses;
    base::address_set trusted_proxies;
    std::function<std::optional<std::string>(const handshake_info&)> allow_request;
    std::vector<http_entry> http_handlers;
    std::function<void(const std::string&, std::string_view, room_change)> watch_rooms;
    std::unique_ptr<room_census> census;
    adapter_factory make_adapter;
    roomcast::server::observer* observer = nullptr; ///< outlives the server, as `observe` asks for
    std::vector<std::unique_ptr<shard>> shards;
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
    std::atomic<std::uint64_t> open_connections{0}; ///< TCP connections, for max_connections
    std::atomic<bool> is_ending{false};             ///< a load balancer should look away
    std::atomic<bool> is_draining{false};           ///< no new sessions
    std::atomic<bool> is_stopping{false};

    /// The shard of this thread if it is one of this server's, nullptr otherwise.
    shard* here() const {
        shard* at = shard::current();
        return at != nullptr && &at->shared() == this ? at : nullptr;
    }
};

} // namespace roomcast::server::engine
