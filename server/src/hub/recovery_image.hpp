#pragma once

#include "base/octets.hpp"
#include "hub/recovery_log.hpp"

#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::hub {

/// What a namespace keeps for clients that come back, without clock or shards: what a file can hold until
/// another process takes it over, which may have more or fewer shards.
struct recovery_image {
    struct event {
        event_position position;
        core::duration age{};
        core::shared_message message;
        target whom;
    };
    struct arrived {
        event_position offset;
        std::vector<std::uint32_t> sent; ///< by their places in `events`
        progress has;
        core::duration age{};
    };
    struct session {
        std::string sid;
        std::string pid;
        std::vector<std::string> rooms;
        std::string data;
        core::duration age{};
        std::uint32_t order = 0;
        std::optional<arrived> came;
    };

    std::string name;
    std::uint64_t last = 0; ///< no event of any origin has a higher number
    std::vector<event> events;
    std::vector<std::vector<std::uint32_t>> orders; ///< as shards saw the events
    std::vector<session> sessions;
};

/// A socket's data as bytes; nothing: it cannot be kept, and its session neither.
using data_writer = std::function<std::optional<std::string>(const std::any&)>;
using data_reader = std::function<std::optional<std::any>(std::string_view)>;

/// What these logs have, one for each shard in order; nullptr for a shard without this namespace. No shard
/// may run any more. `last`: the greatest number that any shard gave to an event. An event that one shard
/// gave out and another has not seen counts as seen by it last.
recovery_image image_of(std::string name, const std::vector<recovery_log*>& logs, std::uint64_t last,
                        core::time_point now, const data_writer& write);

/// Leaves the older half of the events out (of the sessions, when there are none), and the sessions that
/// could then no longer be recovered without a gap. @return false: there is nothing left
bool shrink(recovery_image& image);

void append(std::string& out, const recovery_image& image);
/// What `append` wrote; anything else is refused. Takes memory in proportion to the bytes that are read.
std::optional<recovery_image> read_recovery_image(base::octet_reader& from);

/// What became of the sessions of an image.
struct restored_sessions {
    std::size_t restored = 0;
    std::size_t expired = 0;
    std::size_t dropped = 0; ///< too many, or their data cannot be read
};
/// Puts an image into new logs, one for each shard. @param away how long nobody ran
restored_sessions restore(recovery_image image, const std::vector<recovery_log*>& logs, core::time_point now,
                          core::duration away, const data_reader& read);

} // namespace roomcast::server::hub
