#include "engine/shard.hpp"

#include "engine/context.hpp"
#include "engine/name_space_slice.hpp"
#include "engine/session.hpp"

#include <algorithm>
#include <chrono>

namespace roomcast::server::engine {

namespace {
thread_local shard* current_shard = nullptr;
}

shard::shard(context& shared, std::uint8_t index)
    : context_(&shared), index_(index), ids_(index),
      read_buffer_(std::make_unique<char[]>(read_buffer_bytes)) {
    watched_.assign(poller_.fd());
}

shard::~shard() {
    watched_.release(); // the poller closes its own descriptor
    current_shard = this;
    held_.clear();
    sessions_.clear();
    slices_.clear();
    last_.clear();
    retired_.clear();
    current_shard = nullptr;
}

shard* shard::current() {
    return current_shard;
}

void shard::run() {
    current_shard = this;
    wait_for_poller();
    io_.run();
    current_shard = nullptr;
}

void shard::finish() {
    post([this] {
        while (!operations_.empty()) {
            pending_operation* const one = *operations_.begin();
            operations_.erase(operations_.begin());
            one->give_up();
        }
        work_.reset();
        boost::system::error_code ignored;
        watched_.cancel(ignored);
        timer_.cancel();
        io_.stop();
    });
}

observer* shard::watching() const {
    observer* const known = context_->observer;
    return known != nullptr && known->is_watching() ? known : nullptr;
}

core::time_point shard::now() const {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return core::time_point{std::chrono::duration_cast<core::duration>(since)};
}

session* shard::find(std::string_view sid) {
    const auto found = sessions_.find(sid);
    return found == sessions_.end() ? nullptr : found->second.get();
}

session& shard::open_session(std::unique_ptr<session> opened) {
    ++counts_.connections_total;
    session& one = *opened;
    sessions_.emplace(one.sid(), std::move(opened));
    return one;
}

void shard::forget(session& ended) {
    const auto found = sessions_.find(ended.sid());
    if (found == sessions_.end()) return;
    retired_.push_back(std::move(found->second));
    sessions_.erase(found);
}

name_space_slice& shard::slice_of(const std::shared_ptr<name_space_state>& of) {
    if (name_space_slice* known = find_slice(of->name())) return *known;
    auto made = std::make_unique<name_space_slice>(*this, of);
    return *slices_.emplace(of->name(), std::move(made)).first->second;
}

name_space_slice* shard::find_slice(std::string_view nsp) {
    const auto found = slices_.find(nsp);
    return found == slices_.end() ? nullptr : found->second.get();
}

void shard::forget_if_empty(name_space_slice& slice) {
    if (!slice.is_forgettable()) return;
    const auto found = slices_.find(slice.name());
    // Sockets that end each other find it gone already, or another one of this name in its place.
    if (found == slices_.end() || found->second.get() != &slice) return;
    retired_.push_back(std::move(found->second));
    slices_.erase(found);
}

void shard::hold(std::unique_ptr<held> one) {
    held* const key = one.get();
    held_.emplace(key, std::move(one));
}

std::unique_ptr<held> shard::let_go(held& one) {
    const auto found = held_.find(&one);
    if (found == held_.end()) return nullptr;
    std::unique_ptr<held> taken = std::move(found->second);
    held_.erase(found);
    return taken;
}

void shard::shut_down_connections() {
    std::vector<held*> all;
    all.reserve(held_.size());
    for (const auto& [key, one] : held_) all.push_back(key);
    for (held* one : all) one->shut_down();
}

void shard::forget_greedy(pollable& gone) {
    std::erase(greedy_, &gone);
}

void shard::wait_for_poller() {
    watched_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](boost::system::error_code error) {
                            if (!error) take_turn();
                        });
}

void shard::take_turn() {
    const bool is_full = poller_.dispatch();
    // Those that had more to read than their share come again, behind the others.
    std::vector<pollable*> again;
    again.swap(greedy_);
    for (pollable* one : again) one->on_ready(0);
    end_turn();
    if (is_full || !greedy_.empty()) {
        // Posted work and timers get their turn in between.
        boost::asio::post(io_, [this] { take_turn(); });
    } else {
        wait_for_poller();
    }
}

void shard::end_turn() {
    if (is_ending_turn_) return;
    is_ending_turn_ = true;
    // Flushing may end sessions, and their handlers may emit to others: until nothing is left.
    while (!dirty_.empty()) {
        flushing_.swap(dirty_);
        for (session* one : flushing_) one->flush();
        flushing_.clear();
    }
    std::vector<std::function<void()>> last;
    last.swap(last_);
    for (const auto& work : last) work();
    while (!retired_.empty()) {
        std::vector<std::unique_ptr<retired>> gone;
        gone.swap(retired_);
    }
    is_ending_turn_ = false;
    arm_timer();
}

void shard::arm_timer() {
    const core::time_point next = timers_.next();
    // A timer that rings too early costs one look at the heap; setting it for every move costs more.
    if (next >= armed_for_) return;
    armed_for_ = next;
    timer_.expires_at(std::chrono::steady_clock::time_point{
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(next.time_since_epoch())});
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        armed_for_ = core::never;
        timers_.run(now());
        end_turn();
        arm_timer();
    });
}

} // namespace roomcast::server::engine
