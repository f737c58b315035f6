#include "engine/timer_heap.hpp"

namespace roomcast::server::engine {

namespace {
constexpr std::size_t fan = 4; // shallower than a binary heap, and kinder to the cache
}

timer_node::~timer_node() {
    if (heap_ != nullptr) heap_->unset(*this);
}

void timer_heap::set(timer_node& node, core::time_point deadline) {
    const core::time_point before = node.deadline_;
    node.deadline_ = deadline;
    if (node.place_ == timer_node::nowhere) {
        if (deadline == core::never) return;
        node.heap_ = this;
        nodes_.push_back(&node);
        up(&node, nodes_.size() - 1);
    } else if (deadline == core::never) {
        const std::size_t place = node.place_;
        node.place_ = timer_node::nowhere;
        node.heap_ = nullptr;
        timer_node* last = nodes_.back();
        nodes_.pop_back();
        if (last == &node) return;
        if (place > 0 && last->deadline_ < nodes_[(place - 1) / fan]->deadline_) {
            up(last, place);
        } else {
            down(last, place);
        }
    } else if (deadline < before) {
        up(&node, node.place_);
    } else {
        down(&node, node.place_);
    }
}

void timer_heap::run(core::time_point now) {
    while (!nodes_.empty() && nodes_.front()->deadline_ <= now) {
        timer_node& due = *nodes_.front();
        unset(due);
        due.on_timer(now);
    }
}

void timer_heap::put(timer_node* node, std::size_t place) {
    nodes_[place] = node;
    node->place_ = place;
}

void timer_heap::up(timer_node* node, std::size_t place) {
    while (place > 0) {
        const std::size_t parent = (place - 1) / fan;
        if (!(node->deadline_ < nodes_[parent]->deadline_)) break;
        put(nodes_[parent], place);
        place = parent;
    }
    put(node, place);
}

void timer_heap::down(timer_node* node, std::size_t place) {
    for (;;) {
        const std::size_t first = place * fan + 1;
        if (first >= nodes_.size()) break;
        std::size_t least = first;
        for (std::size_t i = first + 1; i < first + fan && i < nodes_.size(); ++i) {
            if (nodes_[i]->deadline_ < nodes_[least]->deadline_) least = i;
        }
        if (!(nodes_[least]->deadline_ < node->deadline_)) break;
        put(nodes_[least], place);
        place = least;
    }
    put(node, place);
}

} // namespace roomcast::server::engine
