#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::sio {

/// Names one namespace of one connection; valid from `connect_request` until `refuse` or `leave`.
using slot_id = std::uint32_t;

/// What the driver must do next. Views are valid until the next input or command.
struct server_output {
    enum class kind : std::uint8_t {
        connect_request, ///< the peer asks for namespace `nsp` with `data` (auth, may be empty): accept or
                         ///< refuse
        event,           ///< for the socket of `slot`: `data` is the argument list, the name first
        ack,             ///< an acknowledgement with `id` and the argument list `data`
        disconnect,      ///< the peer left the namespace of `slot`; the slot is free already
        send,            ///< put `message` into the outbox
        violation,       ///< the peer broke the protocol or a bound (`error`): close the connection
    };
    kind what{};
    slot_id slot = 0;
    std::string_view nsp;
    std::string_view id;   ///< digits; empty: the peer wants no acknowledgement
    std::string_view data; ///< checked JSON text
    sio::attachments parts;
    shared_message message;
    std::error_code error;
};

/// The server end of all namespaces that are multiplexed over one Engine.IO session. It knows which are
/// joined or asked for; who may join, and what an event means, the driver decides.
///
/// Events that come before their namespace is accepted are kept, bounded, and put out behind `accept`.
/// @source Socket.IO v5, "Connection to a namespace"
class server_session {
public:
    /// @param connect_timeout how long a connection may stay without any namespace after it opened
    server_session(const limits& bounds, duration connect_timeout, time_point now)
        : bounds_(&bounds), decoder_(bounds), connect_deadline_(deadline_after(now, connect_timeout)) {}

    // A: inputs
    /// An Engine.IO message. `data` must stay until the outputs are drained.
    void on_message(frame_kind kind, std::string_view data);
    void on_timeout(time_point now);

    // B: commands
    /// The namespace is joined; what was kept for it comes out next.
    void accept(slot_id slot);
    /// It is not; what was kept for it is dropped.
    void refuse(slot_id slot);
    /// The server took the socket out of its namespace.
    void leave(slot_id slot);
    /// Nothing more is read from the peer.
    void stop();

    // C: outputs
    std::optional<server_output> poll_output();
    time_point next_timeout() const { return connect_deadline_; }

    // D: getters
    std::size_t joined() const;
    bool is_joined(slot_id slot) const;

private:
    struct kept_event {
        std::string text; ///< a whole packet without attachments count
        sio::attachments parts;
        packet_type type;
        std::string id;
        slot_id slot;
    };
    enum class entry_state : std::uint8_t { free, asked, joined };
    struct entry {
        std::string nsp;
        std::vector<kept_event> kept;
        std::size_t kept_bytes = 0;
        entry_state state = entry_state::free;
    };

    void on_packet();
    void keep(entry& at, slot_id slot);
    void violate(std::error_code error);
    entry* find(std::string_view nsp, slot_id& slot);

    const limits* bounds_;
    decoder decoder_;
    std::vector<entry> entries_;     ///< index = slot
    std::vector<kept_event> replay_; ///< of namespaces just accepted, to be put out
    kept_event replayed_;
    std::optional<server_output> output_;
    std::size_t replay_next_ = 0;
    time_point connect_deadline_;
    bool is_stopped_ = false;
};

/// What a client that wants its old session back puts into its auth payload.
/// @source Socket.IO v5, connection state recovery
struct recovery_request {
    std::string pid;
    std::string offset;
};
/// @return nothing when `auth` has no pid and offset, or they are no strings of sensible length
std::optional<recovery_request> parse_recovery(std::string_view checked_auth);

} // namespace roomcast::core::sio
