#pragma once

#include "api/couriers.hpp"
#include "rules/application.hpp"

#include "roomcast/server/statistics.hpp"

#include <string>

namespace roomcast::server::app {

/// All figures in Prometheus' text format. Labels come from the configuration alone: a namespace of a pattern
/// is counted under its pattern, so clients cannot make series.
std::string prometheus_text(const statistics& now, const rules::application& rules,
                            const api::couriers& hooks);

/// Memory of this process that is in RAM.
double resident_bytes();

} // namespace roomcast::server::app
