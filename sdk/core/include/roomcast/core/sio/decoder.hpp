#pragma once

#include "roomcast/core/limits.hpp"
#include "roomcast/core/result.hpp"
#include "roomcast/core/sio/packet.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace roomcast::core::sio {

/// The binary parts of one packet, in the order of their placeholders' numbers. Shared: a relayed event keeps
/// them as they are.
using attachments = std::shared_ptr<const std::vector<std::string>>;

/// Reassembles packets with their attachments, within limits. After an error it must not be fed again.
class decoder {
public:
    explicit decoder(const limits& bounds) : bounds_(&bounds) {}

    /// @param text a Socket.IO packet without the Engine.IO digit; must stay while `packet()` is looked at
    /// @return true: `packet()` is complete; false: attachments are to come
    /// @errors those of `decode`; attachments_missing (a text came instead of the attachments)
    result<bool> add_text(std::string_view text);

    /// @return as above
    /// @errors unexpected_attachment, payload_too_large (all attachments of a packet together may hold
    ///         max_attachments * max_payload_bytes)
    result<bool> add_binary(std::string_view data);

    /// The packet just completed; valid until the next call and while the text stays. `type` is never
    /// binary_event or binary_ack here: those are an event or an ack with attachments.
    const packet_view& packet() const { return packet_; }
    /// Its attachments; null when it has none.
    sio::attachments take_attachments() { return std::move(complete_); }

    /// The completed packet was looked at: an idle connection keeps nothing of it.
    void release() {
        held_.reset();
        complete_.reset();
    }

    /// Are attachments still to come?
    bool is_waiting() const { return waiting_ != nullptr; }

private:
    /// A packet that waits for its attachments owns its text.
    struct incomplete {
        std::string text;
        packet_view packet;
        std::vector<std::string> parts;
        std::size_t part_bytes = 0;
    };

    const limits* bounds_;
    packet_view packet_;
    sio::attachments complete_;
    std::unique_ptr<incomplete> waiting_;
    std::unique_ptr<incomplete> held_; ///< what packet_ points into when it had attachments
};

/// Checks that every placeholder (`{"_placeholder":true,"num":n}`) in checked JSON names one of `count`
/// attachments by a whole number. @errors invalid_placeholder
[[nodiscard]] std::error_code check_placeholders(std::string_view checked, std::size_t count);

/// A part of an event's arguments as an argument list of its own: the attachments it names are picked and
/// numbered anew, so that a relay of one argument neither leaks nor loses binary parts. Without attachments
/// (`from` null) the text stays as it is.
struct picked {
    std::string text; ///< the JSON text with new numbers
    sio::attachments parts;
};
picked pick(std::string_view checked, const sio::attachments& from);

/// The same, when several pieces go into one packet: appends the renumbered `checked` to `out` and its parts
/// to `parts`. A placeholder that names nothing in `from` becomes null: it must not name a part of another
/// piece.
void append_picked(std::string& out, std::vector<std::string>& parts, std::string_view checked,
                   const sio::attachments& from);

} // namespace roomcast::core::sio
