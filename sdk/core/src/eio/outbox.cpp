#include "roomcast/core/eio/outbox.hpp"

namespace roomcast::core::eio {

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
    std::size_t last = first;
    while (bytes_ > most_bytes && last < queue_.size()) bytes_ -= queue_[last++]->frame_bytes;
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(first),
                 queue_.begin() + static_cast<std::ptrdiff_t>(last));
    return last - first;
}

} // namespace roomcast::core::eio
