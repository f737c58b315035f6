#pragma once

#include "base/log.hpp"

#include "roomcast/server/socket.hpp"

namespace roomcast::server::rules {

/// Whom a line of the log is about. The socket must outlive the line.
inline base::about about_socket(const socket& whose) {
    return base::about{}
        .with("connection", whose.handshake().connection)
        .with("namespace", whose.nsp())
        .with("socket", whose.id());
}

} // namespace roomcast::server::rules
