#pragma once

#include "base/octets.hpp"
#include "rules/visitor.hpp"

#include "roomcast/server/args.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::rules {

/// What the rules keep beyond the process: as bytes it can lie in a file until the next one takes it over.
struct kept_state {
    struct once_key {
        std::string key;
        std::optional<core::duration> left; ///< nothing: for ever
    };
    struct retained {
        std::string place; ///< namespace and room
        std::string event;
        args arguments;
        std::int64_t changed_ms = 0;
    };
    struct revoked {
        std::string key;
        core::duration left{};
    };

    std::vector<once_key> once;
    std::vector<retained> events; ///< of each place the oldest first
    std::vector<revoked> revocations;
};

void append(std::string& out, const kept_state& state);
/// What `append` wrote; anything else is refused.
std::optional<kept_state> read_kept_state(base::octet_reader& from);

/// Who a socket was, as far as that outlives its connection.
std::string bytes_of(const visitor& who);
/// @return nullptr: no such bytes
std::shared_ptr<visitor> visitor_from(std::string_view bytes);

} // namespace roomcast::server::rules
