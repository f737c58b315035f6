#pragma once

#include "roomcast/core/sio/encoder.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace roomcast::core::eio {

/// Packets that one session owes its peer, in order, with their bytes counted. The messages are shared with
/// all their other receivers; only the place in the queue is the session's own.
class outbox {
public:
    void push(shared_message message) {
        bytes_ += message->frame_bytes;
        queue_.push_back(std::move(message));
    }

    bool is_empty() const { return head_ == queue_.size(); }
    /// Bytes still owed, WebSocket headers included.
    std::uint64_t bytes() const { return bytes_; }
    std::size_t messages() const { return queue_.size() - head_; }

    /// Collects the rest of what is owed as pieces of bytes, up to `most` pieces and about `most_bytes`
    /// bytes.
    /// @param piece called with (const char*, size_t) for each
    template <class Piece>
    void gather(std::size_t most, std::uint64_t most_bytes, Piece&& piece) const {
        std::size_t packet = packet_;
        std::size_t offset = offset_;
        std::uint64_t taken = 0;
        for (std::size_t i = head_; i < queue_.size(); ++i) {
            const prepared_message& message = *queue_[i];
            for (; packet < message.size(); ++packet) {
                if (most-- == 0 || taken >= most_bytes) return;
                const std::string_view frame = message.at(packet).frame();
                piece(frame.data() + offset, frame.size() - offset);
                taken += frame.size() - offset;
                offset = 0;
            }
            packet = 0;
        }
    }

    /// Notes that `size` bytes of what `gather` showed went out.
    void consume(std::uint64_t size);
    /// Is the first packet half out?
    bool is_begun() const { return offset_ != 0; }

    /// Hands out packets from the front, until about `most_bytes` went; they are owed no more. Only for a
    /// peer to which no packet went in part.
    /// @param packet called with (const shared_message&, size_t index) for each
    template <class Packet>
    void take(std::uint64_t most_bytes, Packet&& packet) {
        assert(offset_ == 0);
        for (std::uint64_t taken = 0; !is_empty() && taken < most_bytes;) {
            const std::uint64_t size = queue_[head_]->at(packet_).frame().size();
            packet(queue_[head_], packet_); // no copy: who else holds it tells whether it has other receivers
            consume(size);
            taken += size;
        }
    }

    /// Hands out whole packets for a polling body, control frames left out; the queue is empty afterwards.
    /// @param packet called with (const wire_packet&) for each
    template <class Packet>
    void drain_packets(Packet&& packet) {
        for (std::size_t i = head_; i < queue_.size(); ++i) {
            const prepared_message& message = *queue_[i];
            for (std::size_t k = 0; k < message.size(); ++k) {
                if (!message.at(k).is_control()) packet(message.at(k));
            }
        }
        clear();
    }

    void clear();

    /// Removes the oldest events and acknowledgements not yet begun until at most `most_bytes` are left, or
    /// until only other packets are. @return how many went
    std::size_t drop_oldest(std::uint64_t most_bytes);

private:
    std::vector<shared_message> queue_;
    std::uint64_t bytes_ = 0;
    std::size_t head_ = 0;
    std::size_t packet_ = 0; ///< packet of the head message that is being sent
    std::size_t offset_ = 0; ///< bytes of that packet's frame already sent
};

} // namespace roomcast::core::eio
