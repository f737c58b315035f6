#pragma once

#include "api/settings.hpp"
#include "outbound/client.hpp"
#include "rules/lifecycle.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace roomcast::server::api {

/// What one webhook did.
struct courier_figures {
    std::string origin;          ///< of its URL; paths may hold secrets
    std::uint64_t delivered = 0; ///< events that were taken
    std::uint64_t attempts = 0;  ///< requests
    std::uint64_t failures = 0;  ///< requests without an answer of the 200s
    std::uint64_t dead = 0;      ///< events given up: the queue was full, or there were too many failures
    std::uint64_t waiting = 0;   ///< events not yet taken
    std::string last_failure;    ///< empty: there was none
};

/// Posts lifecycle events to the backends that asked for them: signed, in batches, one request at a time for
/// each webhook, so that the order stays; what fails is repeated, what cannot be kept is counted. It works on
/// a thread of its own: a shard only hands an event over.
class couriers final : public rules::lifecycle_listener {
public:
    couriers();
    /// Gives up what still waits. The network client's handlers must have run by then, or may not come.
    ~couriers();
    couriers(const couriers&) = delete;
    couriers& operator=(const couriers&) = delete;

    /// @param network outlives all requests; nullptr: nothing can be sent
    void start(outbound::client* network);
    /// Takes other webhooks from now on; those that stay as they are keep what waits. @thread any
    void replace(const std::vector<hook>& wanted);
    /// Sends what waits for at most so long, then gives it up. No events may come any more.
    void stop(core::duration patience);
    /// @thread any
    std::vector<courier_figures> figures() const;

    void on_connected(const socket& who, const rules::visitor& as) override;
    void on_disconnected(const socket& who, const rules::visitor& as, std::string_view reason) override;
    void on_room(const std::string& name_space, const std::string& room, room_change what) override;
    bool hears_of_rooms() const override;

private:
    class post_room; // the thread and all that lives on it
    std::unique_ptr<post_room> room_;
};

} // namespace roomcast::server::api
