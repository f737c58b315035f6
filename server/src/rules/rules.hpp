#pragma once

#include "config/settings.hpp"
#include "rules/feed.hpp"

#include "roomcast/server/server.hpp"

#include <memory>
#include <vector>

namespace roomcast::server::rules {

class compiled_event;

/// The rules of one namespace, ready to run.
struct compiled_name_space {
    std::string name;
    bool is_pattern = false;
    std::vector<std::shared_ptr<const compiled_event>> events;
};

/// Checks and compiles the rules. @param mistakes gets what is wrong with them
std::vector<compiled_name_space> compile(const config::settings& chosen,
                                         std::vector<config::mistake>& mistakes);

/// Makes them the handlers of a server. @param seen is told of each event; must outlive the server
void install(roomcast::server::server& io, const std::vector<compiled_name_space>& compiled, feed& seen);

} // namespace roomcast::server::rules
