#pragma once

#include "base/ids.hpp"
#include "base/log.hpp"
#include "engine/poller.hpp"
#include "engine/timer_heap.hpp"
#include "hub/room_index.hpp"

#include "roomcast/core/time.hpp"
#include "roomcast/server/server.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace roomcast::server::engine {

class session;
class name_space_slice;
class name_space_state;
struct context;

/// Something that must live until the turn is over, because the turn may still hold a pointer to it.
class retired {
public:
    virtual ~retired() = default;
};

/// Something that waits for answers and must not outlive its shard unheard.
class pending_operation {
public:
    /// No answer will come any more: says so to who waits. It has left the shard's list already.
    virtual void give_up() = 0;

protected:
    ~pending_operation() = default;
};

/// What a floor below keeps once for each shard, such as buffers that all its connections share.
class belongings {
public:
    virtual ~belongings() = default;
};

/// A connection, owned by the shard that it is on.
class held : public retired {
public:
    /// The server stops: end what is under way.
    virtual void shut_down() = 0;
};

/// One thread with all that belongs to it: its io_context, its poller, its timers, its sessions and its slice
/// of every room. Nothing here is shared; other threads post.
class shard {
public:
    shard(context& shared, std::uint8_t index);
    ~shard();
    shard(const shard&) = delete;
    shard& operator=(const shard&) = delete;

    /// The shard whose thread this is, nullptr on any other thread.
    static shard* current();

    void run();
    /// Ends `run` once all posted work is done.
    void finish();

    template <class Work>
    void post(Work&& work) {
        boost::asio::post(io_, [this, work = std::forward<Work>(work)]() mutable {
            work();
            end_turn();
        });
    }
    /// Now when this is its thread, else posted.
    template <class Work>
    void dispatch(Work&& work) {
        if (current() == this) {
            work();
        } else {
            post(std::forward<Work>(work));
        }
    }

    core::time_point now() const;
    std::uint8_t index() const { return index_; }
    context& shared() { return *context_; }
    /// Who watches now; nullptr: nobody.
    observer* watching() const;
    boost::asio::io_context& io() { return io_; }
    engine::poller& poller() { return poller_; }
    timer_heap& timers() { return timers_; }
    base::id_maker& ids() { return ids_; }
    /// The number of the next event that begins here, whatever its namespace: a namespace that is forgotten
    /// and made again gives no number twice, so that no other shard takes a new event for one it has.
    std::uint64_t next_sequence() { return ++sequence_; }
    std::uint64_t last_sequence() const { return sequence_; }
    /// The numbers go on behind these, which the process before this one gave. Before the first event.
    void begin_after(std::uint64_t last) { sequence_ = std::max(sequence_, last); }
    statistics& counts() { return counts_; }

    session* find(std::string_view sid);
    session& open_session(std::unique_ptr<session> opened);
    void forget(session& ended);
    std::size_t sessions() const { return sessions_.size(); }
    /// Calls `each(session&)`; sessions may end meanwhile.
    template <class Each>
    void for_each_session(Each&& each);

    /// The same where nothing ends meanwhile.
    template <class Each>
    void each_session(Each&& each) {
        for (const auto& [sid, one] : sessions_) each(*one);
    }

    /// Its slice of a namespace, made when it is new.
    name_space_slice& slice_of(const std::shared_ptr<name_space_state>& of);
    name_space_slice* find_slice(std::string_view nsp);
    /// Lets an empty slice go.
    void forget_if_empty(name_space_slice& slice);
    template <class Each>
    void for_each_slice(Each&& each) {
        for (auto& [name, slice] : slices_) each(*slice);
    }

    /// Has something to be written at the end of the turn.
    void mark_dirty(session& with_output) { dirty_.push_back(&with_output); }
    /// For what must not be touched again in this turn, such as a connection on its way to another shard.
    void at_end_of_turn(std::function<void()> work) { last_.push_back(std::move(work)); }
    void retire(std::unique_ptr<retired> gone) { retired_.push_back(std::move(gone)); }
    void begin_operation(pending_operation& begun) { operations_.insert(&begun); }
    void end_operation(pending_operation& ended) { operations_.erase(&ended); }

    /// Owns a connection until `let_go`.
    void hold(std::unique_ptr<held> one);
    std::unique_ptr<held> let_go(held& one);
    std::size_t connections() const { return held_.size(); }
    void shut_down_connections();
    /// Has more to read than its share of a turn.
    void read_again(pollable& greedy) { greedy_.push_back(&greedy); }
    void forget_greedy(pollable& gone);

    /// Where all connections of this shard read into; what is not used up at once they copy.
    static constexpr std::size_t read_buffer_bytes = 64U << 10U;
    char* read_buffer() { return read_buffer_.get(); }
    /// The transport's; empty until it puts them there.
    std::unique_ptr<belongings>& of_transport() { return of_transport_; }

    /// Writes what this turn produced.
    void end_turn();

private:
    void wait_for_poller();
    void take_turn();
    void arm_timer();

    context* context_;
    std::uint8_t index_;
    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    engine::poller poller_;
    boost::asio::posix::stream_descriptor watched_{io_};
    boost::asio::steady_timer timer_{io_};
    core::time_point armed_for_ = core::never;
    timer_heap timers_;
    base::id_maker ids_;
    std::unique_ptr<char[]> read_buffer_;
    std::unique_ptr<belongings> of_transport_;
    statistics counts_;
    std::uint64_t sequence_ = 0;
    hub::text_map<std::unique_ptr<session>> sessions_;
    hub::text_map<std::unique_ptr<name_space_slice>> slices_;
    std::unordered_set<pending_operation*> operations_;
    std::unordered_map<held*, std::unique_ptr<held>> held_;
    std::vector<session*> dirty_;
    std::vector<session*> flushing_;
    std::vector<std::unique_ptr<retired>> retired_;
    std::vector<std::function<void()>> last_;
    std::vector<pollable*> greedy_;
    bool is_ending_turn_ = false;
};

template <class Each>
void shard::for_each_session(Each&& each) {
    std::vector<std::string> sids;
    sids.reserve(sessions_.size());
    for (const auto& [sid, one] : sessions_) sids.push_back(sid);
    for (const std::string& sid : sids) {
        if (session* one = find(sid)) each(*one);
    }
}

} // namespace roomcast::server::engine
