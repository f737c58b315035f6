#include "roomcast/core/eio/outbox.hpp"

#include <string_view>
#include <utility>

namespace roomcast::core::eio {

namespace {

/// Events and acknowledgements, the first of several packets included. Without the others (pings, connects,
/// disconnects) the peer and we would no longer agree on the connection.
bool is_droppable(const prepared_message& message) {
    if (message.first.is_control()) return true;
    const std::string_view packet = message.first.payload();
    return packet.size() >= 2 && packet[0] == '4' &&
           std::string_view{"2356"}.find(packet[1]) != std::string_view::npos;
}

} // namespace

void outbox::consume(std::uint64_t size) {
    bytes_ -= size;
    while (size > 0) {
        const prepared_message& message = *queue_[head_];
        const std::uint64_t left = message.at(packet_).frame().size() - offset_;
        if (size < left) {
            offset_ += static_cast<std::size_t>(size);
            break;
        }
        size -= left;
        offset_ = 0;
        if (++packet_ == message.size()) {
            packet_ = 0;
            queue_[head_++].reset();
        }
    }
    if (is_empty()) {
        clear();
    } else if (head_ >= 64 && head_ * 2 >= queue_.size()) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
}

void outbox::clear() {
    // An idle connection should hold nothing, a busy one should not allocate for every message.
    if (queue_.capacity() > 16) {
        std::vector<shared_message>{}.swap(queue_);
    } else {
        queue_.clear();
    }
    bytes_ = 0;
    head_ = 0;
    packet_ = 0;
    offset_ = 0;
}

std::size_t outbox::drop_oldest(std::uint64_t most_bytes) {
    std::size_t first = head_;
    if (packet_ != 0 || offset_ != 0) ++first; // begun: the peer has a part of it
    std::size_t kept = first;
    std::size_t next = first;
    for (; next < queue_.size() && bytes_ > most_bytes; ++next) {
        if (is_droppable(*queue_[next])) {
            bytes_ -= queue_[next]->frame_bytes;
        } else {
            std::swap(queue_[kept++], queue_[next]);
        }
    }
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(kept),
                 queue_.begin() + static_cast<std::ptrdiff_t>(next));
    return next - kept;
}

} // namespace roomcast::core::eio
