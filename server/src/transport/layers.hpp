#pragma once

#include "engine/poller.hpp"
#include "engine/shard.hpp"
#include "transport/deflate.hpp"
#include "transport/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace roomcast::server::transport {

class connection;

/// What lies between a connection and its socket when bytes do not go as they are: a proxy's header still to
/// come, TLS, compressed messages. The poller tells it instead of the connection, so that a connection
/// without layers never asks whether it has any.
struct layers final : engine::pollable, engine::retired {
    explicit layers(connection& one) : of(&one) {}
    void on_ready(std::uint32_t events) override;

    bool is_opening() const { return awaits_proxy_header || (tls && !tls->is_established()); }
    bool has_unsent() const { return !wire.empty(); }

    connection* of;
    std::shared_ptr<const tls_context> tls_of; ///< until the session begins
    std::unique_ptr<tls_session> tls;
    /// How messages are compressed; nullptr: they are not.
    std::unique_ptr<deflate_agreement> deflate;
    std::unique_ptr<deflater> own_deflater; ///< where the context is kept from message to message
    std::unique_ptr<inflater> own_inflater;
    std::string wire; ///< what the socket has not taken yet, behind `wire_sent`
    std::size_t wire_sent = 0;
    std::size_t opening_bytes = 0;
    bool awaits_proxy_header = false;
    bool can_write = true;
};

/// What the layered connections of a shard share.
struct tools final : engine::belongings {
    explicit tools(const compression_options& chosen) : compress(chosen) {}
    compressors compress;
    std::string plain;    ///< read and decrypted
    std::string inflated; ///< the message that is handed out
    std::string frames;   ///< to be encrypted
    std::string wire;     ///< to be sent
};

} // namespace roomcast::server::transport
