#include "roomcast/core/eio/close_reason.hpp"

namespace roomcast::core::eio {

std::string_view name_of(close_reason reason) {
    switch (reason) {
    case close_reason::transport_close: return "transport close";
    case close_reason::transport_error: return "transport error";
    case close_reason::ping_timeout: return "ping timeout";
    case close_reason::parse_error: return "parse error";
    case close_reason::forced_close: return "forced close";
    case close_reason::server_shutting_down: return "server shutting down";
    case close_reason::slow_consumer: return "slow consumer";
    }
    return "";
}

} // namespace roomcast::core::eio
