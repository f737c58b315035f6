#pragma once

#include "api/couriers.hpp"
#include "config/settings.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

namespace roomcast::server::app {

/// Serves `/health`, `/health-check` and `/metrics`, and with `page` the page at `/` and the figures that it
/// shows. All must outlive the server.
void serve_pages(roomcast::server::server& io, rules::application& rules, const api::couriers& hooks,
                 rules::feed& seen);

} // namespace roomcast::server::app
