#pragma once

#include "roomcast/core/eio/outbox.hpp"
#include "roomcast/core/ws/frame.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::server::engine {

/// A WebSocket as a session sees it. The transport implements it; it outlives the call but not the turn after
/// `on_link_closed`.
class link {
public:
    /// Queues bytes in front of the outbox.
    virtual void write(std::string_view frames) = 0;
    /// Writes as much of the outbox as the peer takes. @return false: it takes no more now
    virtual bool flush(core::eio::outbox& owed) = 0;
    /// Writes what is left of the outbox and a close frame, then ends the connection. The session is not
    /// told.
    virtual void close(core::eio::outbox* owed, core::ws::close_code code) = 0;
    /// Ends the connection now. The session is not told.
    virtual void abort() = 0;

protected:
    ~link() = default;
};

/// An HTTP request that a session has to answer.
class pending_request {
public:
    virtual void respond(std::uint16_t status, std::string body, bool is_html, bool is_first) = 0;
    /// Ends the TCP connection without an answer.
    virtual void abort_request() = 0;

protected:
    ~pending_request() = default;
};

} // namespace roomcast::server::engine
