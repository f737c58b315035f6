#pragma once

#include "api/couriers.hpp"
#include "outbound/contacts.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

#include <functional>
#include <vector>

namespace roomcast::server::app {

/// A server that this one talks to, and how that goes.
struct backend_state {
    outbound::backend who;
    contact_figures how;
    bool is_failing() const { return how.failures_in_a_row > 0; }
    bool is_known() const { return how.last_success_ms > 0 || how.last_failure_ms > 0; }
};

/// All that the configuration in force names, as the traffic with them shows it.
/// @thread any
std::vector<backend_state> backend_states(const statistics& now, const rules::application& rules,
                                          const api::couriers& hooks);

/// The same, and those that nobody heard of for a while are looked at first: is there a connection to be had?
/// That takes a second at most, and no more than one connection in that while, however often it is called.
/// @param done comes on any thread
void check_backends(server& io, rules::application& rules, const api::couriers& hooks,
                    const std::function<void(std::vector<backend_state>)>& done);

/// `{"status":"ok"}`, or "degraded" when a backend fails; the backends stand in `backends`.
/// @param is_for_operator with addresses, times and reasons
http_response health_check_answer(const std::vector<backend_state>& all, bool is_for_operator);

} // namespace roomcast::server::app
