#pragma once

#include "config/settings.hpp"
#include "outbound/url.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::app {

/// Where a server is asked how it is.
struct health_place {
    outbound::url where;
    std::string unix_path; ///< not empty: the connection goes to this socket
    /// We are a trusted proxy there, and must begin as one.
    bool has_proxy_header = false;
};

/// The place for a server with these settings, asked from the same machine: a server on every address is
/// asked over loopback, one on a single address there.
/// @return nothing for port 0, which nobody can know
std::optional<health_place> health_place_of(const config::settings& chosen);
/// @param url http or https. The certificate of an https server is not looked at: nothing secret is sent, and
/// it names the host that clients use, not loopback.
std::optional<health_place> health_place_at(std::string_view url);

/// What came of the question.
struct health_answer {
    unsigned status = 0; ///< 0: none came
    std::string why;     ///< then
};

/// Asks, and waits for the answer's status at most as long as given.
/// @thread any; blocks
health_answer ask_health(const health_place& place, core::duration timeout);

} // namespace roomcast::server::app
