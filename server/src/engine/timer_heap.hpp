#pragma once

#include "roomcast/core/time.hpp"

#include <cstddef>
#include <vector>

namespace roomcast::server::engine {

/// Something with a deadline. Its destructor must run on its shard; a node that is set leaves its heap
/// itself.
class timer_node {
public:
    timer_node() = default;
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;
    virtual ~timer_node();
    /// The deadline came; the node is not set any more.
    virtual void on_timer(core::time_point now) = 0;
    core::time_point deadline() const { return deadline_; }

private:
    friend class timer_heap;
    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
    class timer_heap* heap_ = nullptr;
    core::time_point deadline_ = core::never;
    std::size_t place_ = nowhere;
};

/// All deadlines of one shard, earliest first: one system timer serves them all, exact to what the system
/// gives.
class timer_heap {
public:
    /// Sets or moves a node's deadline; `never` unsets it.
    void set(timer_node& node, core::time_point deadline);
    void unset(timer_node& node) { set(node, core::never); }
    core::time_point next() const { return nodes_.empty() ? core::never : nodes_.front()->deadline_; }
    /// Calls every node whose deadline has come.
    void run(core::time_point now);
    std::size_t size() const { return nodes_.size(); }

private:
    void put(timer_node* node, std::size_t place);
    void up(timer_node* node, std::size_t place);
    void down(timer_node* node, std::size_t place);

    std::vector<timer_node*> nodes_;
};

} // namespace roomcast::server::engine
