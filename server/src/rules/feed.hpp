#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::rules {

/// The last events, for whoever looks at the page. While nobody looks it costs an event one atomic read.
/// @thread any
class feed {
public:
    struct entry {
        std::uint64_t number = 0;
        std::int64_t at_ms = 0;
        std::string nsp;
        std::string event;
        std::string sender;
        std::vector<std::string> rooms; ///< of the sender then
    };

    /// @param rooms gives the sender's rooms; asked only while somebody looks
    template <class Rooms>
    void note(const std::string& nsp, std::string_view event, const std::string& sender, const Rooms& rooms) {
        const std::int64_t now = now_ms();
        if (now > watched_until_ms_.load(std::memory_order_relaxed)) return;
        std::vector<std::string> in = rooms();
        if (in.size() > most_rooms) in.resize(most_rooms);
        // Guards the list: events of several shards meet here. Only while somebody looks.
        const std::lock_guard guard{adding_};
        entries_.push_back(
            {++number_, now, nsp, std::string{event.substr(0, longest_name)}, sender, std::move(in)});
        if (entries_.size() > most) entries_.pop_front();
    }

    /// The entries behind `after`; whoever asks is taken to look for some more seconds.
    std::vector<entry> watch(std::uint64_t after) {
        constexpr std::int64_t look_ms = 5000;
        watched_until_ms_ = now_ms() + look_ms;
        const std::lock_guard guard{adding_};
        std::vector<entry> found;
        for (const entry& each : entries_) {
            if (each.number > after) found.push_back(each);
        }
        return found;
    }

private:
    static constexpr std::size_t most = 200;
    static constexpr std::size_t most_rooms = 20;
    static constexpr std::size_t longest_name = 80;

    static std::int64_t now_ms() {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    }

    std::atomic<std::int64_t> watched_until_ms_{0};
    std::mutex adding_;
    std::deque<entry> entries_;
    std::uint64_t number_ = 0;
};

} // namespace roomcast::server::rules
