#pragma once

#include "config/settings.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

namespace roomcast::server::app {

/// Serves `/health`, and with `page` the page at `/` and the figures that it shows. All must outlive the
/// server.
void serve_pages(roomcast::server::server& io, const rules::application& rules, rules::feed& seen);

} // namespace roomcast::server::app
