#include "hub/recovery_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace roomcast::server::hub {
namespace {

using core::time_point;
using std::chrono::seconds;
using texts = std::vector<std::string>;

constexpr time_point start{seconds{100}};
constexpr recovery_log::bounds roomy{seconds{120}, 1'000, 1'000'000, 100, 1'000'000};

texts texts_of(const std::vector<recovered_event>& events) {
    texts all;
    for (const recovered_event& each : events) all.emplace_back(each.message->first.payload());
    return all;
}

saved_session session_of(std::string pid, texts rooms = {}) {
    return {
        .sid = "sid-" + pid, .pid = std::move(pid), .rooms = std::move(rooms), .data = {}, .away_since = {}};
}

/// A log whose events all come from shard 0, numbered from 1.
struct single {
    recovery_log log;
    std::uint64_t sequence = 0;
    time_point now = start;

    explicit single(recovery_log::bounds within = roomy) : log(within, 1) {}
    void record(std::string_view text, target whom = {}) {
        log.record(now, {0, ++sequence}, core::prepare_text(text), std::move(whom));
    }
    /// What the client missed, or "unknown".
    texts take(std::string_view pid, std::string_view offset) {
        const auto found = log.take(pid, offset, now);
        return found ? texts_of(found->missed) : texts{"unknown"};
    }
};

// ---- Offsets

TEST(HubRecoveryOffset, IsReadAsItIsWritten) {
    for (const event_position each :
         {event_position{0, 1}, event_position{255, 18'446'744'073'709'551'615U}}) {
        const auto read = parse_offset(offset_of(each));
        ASSERT_TRUE(read);
        EXPECT_EQ(read->origin, each.origin);
        EXPECT_EQ(read->sequence, each.sequence);
    }
    EXPECT_EQ(offset_of({3, 17}), "3-17");
}

TEST(HubRecoveryOffset, AnythingElseIsNone) {
    for (const char* text : {"", "-", "1", "1-", "-1", "a-1", "1-a", "1-2-3", "1 -2", "+1-2", "65536-1",
                             "1-18446744073709551616", "one"}) {
        EXPECT_FALSE(parse_offset(text)) << text;
    }
}

// ---- One shard

TEST(HubRecoveryLog, ClientGetsWhatCameBehindItsOffset) {
    single it;
    for (const char* text : {"a", "b", "c"}) it.record(text);
    it.log.save(session_of("p"), it.now);
    it.record("d");
    EXPECT_EQ(it.take("p", "0-2"), (texts{"c", "d"}));
}

TEST(HubRecoveryLog, TakenSessionIsWhatWasSavedAndIsGone) {
    single it;
    it.record("a");
    saved_session saved = session_of("p", {"r1", "r2"});
    saved.data = 42;
    it.log.save(std::move(saved), it.now);
    const auto taken = it.log.take("p", "0-1", it.now);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->session.sid, "sid-p");
    EXPECT_EQ(taken->session.pid, "p");
    EXPECT_EQ(taken->session.rooms, (texts{"r1", "r2"}));
    EXPECT_EQ(std::any_cast<int>(taken->session.data), 42);
    EXPECT_EQ(taken->session.away_since, start);
    EXPECT_EQ(taken->seen, progress{1});
    EXPECT_EQ(it.take("p", "0-1"), texts{"unknown"});
}

TEST(HubRecoveryLog, OnlyEventsForTheClientsRoomsAreMissed) {
    single it;
    it.record("seen");
    it.log.save(session_of("p", {"r"}), it.now);
    it.record("all");
    it.record("room", {{"r"}, {}});
    it.record("other", {{"x"}, {}});
    it.record("two", {{"x", "r"}, {}});
    it.record("own", {{"sid-p"}, {}});
    it.record("but room", {{}, {"r"}});
    it.record("but own", {{}, {"sid-p"}});
    it.record("but other", {{}, {"x"}});
    EXPECT_EQ(it.take("p", "0-1"), (texts{"all", "room", "two", "own", "but other"}));
}

TEST(HubRecoveryLog, UnknownPidOrOffsetIsNoRecoveryAndSpoilsNothing) {
    single it;
    it.record("a");
    it.log.save(session_of("p"), it.now);
    EXPECT_EQ(it.take("q", "0-1"), texts{"unknown"});
    for (const char* offset : {"0-2", "1-1", "0-0", "x", ""}) {
        EXPECT_EQ(it.take("p", offset), texts{"unknown"}) << offset;
    }
    EXPECT_EQ(it.take("p", "0-1"), texts{});
}

TEST(HubRecoveryLog, SessionIsForgottenWhenItIsAwayTooLong) {
    single it;
    it.log.save(session_of("p"), it.now);
    it.now += seconds{60};
    it.record("a");
    it.log.save(session_of("q"), it.now);
    it.now += seconds{60};
    EXPECT_EQ(it.take("p", "0-1"), texts{"unknown"});
    EXPECT_EQ(it.take("q", "0-1"), texts{});
    EXPECT_EQ(it.log.dropped(), 0U);
}

TEST(HubRecoveryLog, SessionThatComesAndGoesAgainCountsFromItsLastLeave) {
    single it;
    it.record("a");
    it.log.save(session_of("p"), it.now);
    it.now += seconds{100};
    it.record("b");
    EXPECT_EQ(it.take("p", "0-1"), texts{"b"});
    it.log.save(session_of("p"), it.now);
    it.now += seconds{100};
    EXPECT_EQ(it.take("p", "0-2"), texts{});
}

TEST(HubRecoveryLog, SessionThatWasRefusedOnItsWayBackMayTryAgainInItsTime) {
    single it;
    it.record("a");
    it.log.save(session_of("p"), it.now);
    it.now += seconds{60};
    it.record("b");
    it.log.save(session_of("q"), it.now);
    for (int i = 0; i < 2; ++i) {
        auto taken = it.log.take("p", "0-1", it.now);
        ASSERT_TRUE(taken);
        EXPECT_EQ(texts_of(it.log.arrive(*taken, it.now)), texts{"b"});
        it.log.save(std::move(taken->session), it.now);
    }
    it.now += seconds{60};
    EXPECT_EQ(it.take("p", "0-1"), texts{"unknown"});
    EXPECT_EQ(it.take("q", "0-2"), texts{});
}

TEST(HubRecoveryLog, WhoMissedTooMuchBeginsAnew) {
    const std::string large(1'000, 'x');
    for (const std::size_t events : {2U, 3U}) {
        single it{{seconds{120}, 1'000, 1'000'000, 100, 2'500}};
        it.record("a");
        it.log.save(session_of("p"), it.now);
        for (std::size_t i = 0; i < events; ++i) it.record(large);
        EXPECT_EQ(it.take("p", "0-1"), events == 2 ? (texts{large, large}) : texts{"unknown"});
        EXPECT_EQ(it.log.dropped(), events == 2 ? 0U : 1U);
        EXPECT_EQ(it.log.sessions(), 0U);
    }
}

TEST(HubRecoveryLog, OldEventsGo) {
    single it;
    it.record("a");
    it.now += seconds{119};
    it.record("b");
    EXPECT_EQ(it.log.events(), 2U);
    it.log.expire(it.now += seconds{1});
    EXPECT_EQ(it.log.events(), 1U);
    EXPECT_EQ(it.log.kept().front().position.sequence, 2U);
    it.log.expire(it.now + seconds{119});
    EXPECT_TRUE(it.log.is_empty());
    EXPECT_EQ(it.log.dropped(), 0U);
}

TEST(HubRecoveryLog, EventsAreBoundedInNumber) {
    single it{{seconds{120}, 2, 1'000'000, 100, 1'000'000}};
    it.log.save(session_of("p"), it.now);
    for (const char* text : {"a", "b", "c"}) it.record(text);
    EXPECT_EQ(it.log.events(), 2U);
    EXPECT_EQ(it.log.dropped(), 1U);
    EXPECT_EQ(it.take("p", "0-1"), texts{"unknown"});
    EXPECT_EQ(it.take("p", "0-2"), texts{"c"});
}

TEST(HubRecoveryLog, EventsAreBoundedInBytes) {
    single it{{seconds{120}, 1'000, 10, 100, 1'000'000}};
    for (const char* text : {"aaaa", "b", "cc"}) it.record(text); // 6, 3 and 4 bytes with their headers
    EXPECT_EQ(it.log.events(), 2U);
    EXPECT_EQ(it.log.dropped(), 1U);
    it.record("too large for the log");
    EXPECT_EQ(it.log.events(), 0U);
    EXPECT_EQ(it.log.dropped(), 4U);
    it.record("d");
    EXPECT_EQ(it.log.events(), 1U);
}

TEST(HubRecoveryLog, SessionsAreBoundedAndTheOldestGo) {
    single it{{seconds{120}, 1'000, 1'000'000, 2, 1'000'000}};
    it.record("a");
    for (const char* pid : {"p", "q", "r"}) it.log.save(session_of(pid), it.now);
    EXPECT_EQ(it.log.sessions(), 2U);
    EXPECT_EQ(it.log.dropped(), 1U);
    EXPECT_EQ(it.take("p", "0-1"), texts{"unknown"});
    EXPECT_EQ(it.take("q", "0-1"), texts{});
}

TEST(HubRecoveryLog, OldNoteOfASessionThatIsBackDoesNotPushItOut) {
    single it{{seconds{120}, 1'000, 1'000'000, 2, 1'000'000}};
    it.record("a");
    it.log.save(session_of("p"), it.now);
    EXPECT_EQ(it.take("p", "0-1"), texts{});
    it.log.save(session_of("q"), it.now += seconds{1});
    it.log.save(session_of("p"), it.now += seconds{1});
    it.log.save(session_of("r"), it.now += seconds{1});
    // q was away the longest.
    EXPECT_EQ(it.take("q", "0-1"), texts{"unknown"});
    EXPECT_EQ(it.take("p", "0-1"), texts{});
    EXPECT_EQ(it.take("r", "0-1"), texts{});
}

// ---- Two shards

TEST(HubRecoveryHandOver, BeyondGivesWhatTheOtherShardHadNotSeen) {
    recovery_log log{roomy, 2};
    log.record(start, {0, 1}, core::prepare_text("a"), {});
    log.record(start, {1, 1}, core::prepare_text("b"), {});
    log.record(start, {1, 2}, core::prepare_text("c"), {{"r"}, {}});
    log.record(start, {1, 3}, core::prepare_text("d"), {{"x"}, {}});
    EXPECT_EQ(log.seen(), (progress{1, 3}));
    const saved_session session = session_of("p", {"r"});
    EXPECT_EQ(texts_of(log.beyond({1, 3}, session)), texts{});
    EXPECT_EQ(texts_of(log.beyond({1, 1}, session)), texts{"c"});
    EXPECT_EQ(texts_of(log.beyond({0, 1}, session)), (texts{"a", "c"}));
}

TEST(HubRecoveryHandOver, NothingIsLostAndNothingComesTwice) {
    constexpr unsigned seed = 31337;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    const auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
    struct sent {
        event_position position;
        std::string text;
    };
    for (int round = 0; round < 2'000; ++round) {
        constexpr std::size_t shards = 3;
        // Each shard sees the events of one origin in order; what is under way lies in a queue for each pair.
        std::array<recovery_log, shards> logs{recovery_log{roomy, shards}, recovery_log{roomy, shards},
                                              recovery_log{roomy, shards}};
        std::array<std::array<std::deque<sent>, shards>, shards> under_way; // [to][from]
        std::array<std::uint64_t, shards> sequences{};
        texts all;
        texts got;
        std::size_t home = pick(shards);
        bool is_connected = true;
        std::string offset;
        progress already(shards, 0);
        const auto see = [&](std::size_t at, const sent& event) {
            logs[at].record(start, event.position, core::prepare_text(event.text), {});
            if (!is_connected || at != home) return;
            if (event.position.sequence <= already[event.position.origin]) return;
            got.push_back(event.text);
            offset = offset_of(event.position);
        };
        const auto emit = [&](std::size_t origin) {
            const sent event{{static_cast<std::uint16_t>(origin), ++sequences[origin]},
                             std::to_string(origin) + "." + std::to_string(sequences[origin])};
            all.push_back(event.text);
            see(origin, event);
            for (std::size_t to = 0; to < shards; ++to) {
                if (to != origin) under_way[to][origin].push_back(event);
            }
        };
        const auto arrive = [&](std::size_t to, std::size_t from) {
            if (under_way[to][from].empty()) return;
            const sent event = under_way[to][from].front();
            under_way[to][from].pop_front();
            see(to, event);
        };
        emit(home); // a client without any offset cannot come back
        for (int step = 0; step < 150; ++step) {
            const std::size_t action = pick(10);
            if (action < 4) {
                emit(pick(shards));
            } else if (action < 8) {
                arrive(pick(shards), pick(shards));
            } else if (is_connected) {
                logs[home].save(session_of("p"), start);
                is_connected = false;
            } else {
                // It comes back anywhere; events may arrive and begin while the keeper's answer is under way.
                auto found = logs[home].take("p", offset, start);
                ASSERT_TRUE(found);
                for (std::size_t i = pick(6); i > 0; --i) {
                    if (pick(2) == 0) {
                        emit(pick(shards));
                    } else {
                        arrive(pick(shards), pick(shards));
                    }
                }
                home = pick(shards);
                const texts missed = texts_of(logs[home].arrive(*found, start));
                // The connection may break again in the middle of what is sent.
                const std::size_t arrived = pick(4) == 0 ? pick(missed.size() + 1) : missed.size();
                for (std::size_t i = 0; i < arrived; ++i) {
                    got.push_back(missed[i]);
                    const std::size_t dot = missed[i].find('.');
                    offset = missed[i].substr(0, dot) + "-" + missed[i].substr(dot + 1);
                }
                already = found->seen;
                is_connected = arrived == missed.size();
                if (!is_connected) logs[home].save(session_of("p"), start);
            }
        }
        if (!is_connected) continue;
        for (std::size_t to = 0; to < shards; ++to) {
            for (std::size_t from = 0; from < shards; ++from) {
                while (!under_way[to][from].empty()) arrive(to, from);
            }
        }
        std::sort(all.begin(), all.end());
        texts sorted = got;
        std::sort(sorted.begin(), sorted.end());
        ASSERT_EQ(sorted, all) << "round " << round;
        for (std::size_t origin = 0; origin < shards; ++origin) {
            std::uint64_t last = 0;
            for (const std::string& text : got) {
                if (text.front() != static_cast<char>('0' + origin)) continue;
                const std::uint64_t sequence = std::stoull(text.substr(2));
                ASSERT_LT(last, sequence) << "round " << round;
                last = sequence;
            }
        }
    }
}

} // namespace
} // namespace roomcast::server::hub
