#pragma once

#include "config/settings.hpp"
#include "rules/feed.hpp"

#include "roomcast/server/server.hpp"

namespace roomcast::server::app {

/// Serves `/health`, and with `page` the page at `/` and the figures that it shows. All must outlive the
/// server.
void serve_pages(roomcast::server::server& io, config::page_mode page, rules::feed& seen,
                 std::string socket_path);

} // namespace roomcast::server::app
