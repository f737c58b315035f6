#pragma once

#include "api/couriers.hpp"
#include "config/settings.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

#include <string_view>

namespace roomcast::server::app {

/// Does this path ask whether all is well: `/health`, `/health-check`, `/livez`, `/readyz`?
bool is_probe(std::string_view path);
/// Answers those paths alone, for a port of its own. All must outlive the server.
http_handler probes_of(roomcast::server::server& io, rules::application& rules, const api::couriers& hooks);

/// Serves `/health`, `/health-check` and `/metrics`, and with `page` the page at `/` and the figures that it
/// shows. All must outlive the server.
void serve_pages(roomcast::server::server& io, rules::application& rules, const api::couriers& hooks,
                 rules::feed& seen);

} // namespace roomcast::server::app
