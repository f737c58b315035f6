#include "hub/recovery_image.hpp"

#include "base/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <any>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace roomcast::server::hub {
namespace {

using core::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;
using texts = std::vector<std::string>;

constexpr time_point start{seconds{100}};
constexpr recovery_log::bounds roomy{seconds{120}, 1'000, 1'000'000, 100, 1'000'000};

std::string new_id(std::uint8_t shard = 0) {
    return base::id_maker{shard}.next();
}

core::shared_message message_of(std::string_view word, core::sio::attachments parts = nullptr) {
    return core::sio::encode_event("/", "[\"e\",\"" + std::string{word} + "\"]", parts);
}

/// The word of `message_of`.
std::string word_of(const core::shared_message& message) {
    const std::string_view packet = message->first.payload();
    const std::size_t end = packet.rfind('"');
    const std::size_t begin = packet.rfind('"', end - 1) + 1;
    return std::string{packet.substr(begin, end - begin)};
}

texts words_of(const std::vector<recovered_event>& events) {
    texts all;
    for (const recovered_event& each : events) all.push_back(word_of(each.message));
    return all;
}

std::optional<std::string> write_text(const std::any& data) {
    const auto* text = std::any_cast<std::string>(&data);
    if (text == nullptr) return std::nullopt;
    return *text;
}
std::optional<std::any> read_text(std::string_view bytes) {
    if (bytes == "unreadable") return std::nullopt;
    return std::any{std::string{bytes}};
}

using log_list = std::vector<std::unique_ptr<recovery_log>>;

log_list new_logs(std::size_t shards, recovery_log::bounds within = roomy) {
    log_list logs;
    for (std::size_t i = 0; i < shards; ++i) logs.push_back(std::make_unique<recovery_log>(within, shards));
    return logs;
}

std::vector<recovery_log*> pointers(const log_list& logs) {
    std::vector<recovery_log*> all;
    for (const auto& each : logs) all.push_back(each.get());
    return all;
}

/// Where each event was noted everywhere.
std::uint64_t last_of(const log_list& logs) {
    std::uint64_t last = 0;
    for (const auto& log : logs)
        last = std::max(last, *std::max_element(log->seen().begin(), log->seen().end()));
    return last;
}

std::string bytes_of(const recovery_image& image) {
    std::string bytes;
    append(bytes, image);
    return bytes;
}

std::optional<recovery_image> read(std::string_view bytes) {
    base::octet_reader from{bytes};
    auto image = read_recovery_image(from);
    return from.is_at_end() ? std::move(image) : std::nullopt;
}

/// Three events, with rooms and attachments, and one who has seen the first.
struct one_away {
    log_list logs = new_logs(1);
    std::string pid = new_id();
    std::string sid = new_id();

    one_away() {
        logs[0]->record(start, {0, 1}, message_of("a"), {});
        logs[0]->record(start + seconds{1}, {0, 2}, message_of("b"), {{"r", "s"}, {"t"}});
        const auto parts = std::make_shared<const texts>(texts{std::string{"\0\xff", 2}});
        logs[0]->record(start + seconds{2}, {0, 3},
                        core::sio::encode_event("/", R"(["e",{"_placeholder":true,"num":0},"c"])", parts),
                        {});
        saved_session session{sid, pid, {"r"}, std::string{"who"}, {}};
        logs[0]->save(std::move(session), start + seconds{3});
    }
    recovery_image image(time_point now = start + seconds{4}) const {
        return image_of("/", pointers(logs), last_of(logs), now, write_text);
    }
};

TEST(HubRecoveryImage, GivesTheNextProcessWhatAClientMissed) {
    const one_away it;
    auto image = read(bytes_of(it.image()));
    ASSERT_TRUE(image);
    const log_list next = new_logs(1);
    const time_point now = start + seconds{1'000};
    const auto counts = restore(std::move(*image), pointers(next), now, seconds{10}, read_text);
    EXPECT_EQ(counts.restored, 1U);
    const auto found = next[0]->take(it.pid, "0-1", now);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->session.sid, it.sid);
    EXPECT_EQ(found->session.rooms, texts{"r"});
    EXPECT_EQ(std::any_cast<std::string>(found->session.data), "who");
    EXPECT_EQ(words_of(found->missed), (texts{"b", "c"}));
    ASSERT_EQ(found->missed[1].message->rest.size(), 1U);
    EXPECT_EQ(found->missed[1].message->rest[0].payload(), (std::string_view{"\0\xff", 2}));
}

TEST(HubRecoveryImage, EventForOneClientStaysItsOwn) {
    const log_list logs = new_logs(2);
    const std::string alone = new_id();
    const std::string pid = new_id();
    const std::string stranger = new_id();
    // On shard 1 a client was sent something of its own, but its link was dead: it came back on shard 0.
    logs[1]->record(start, {1, 1}, message_of("a"), {});
    logs[0]->record(start, {1, 1}, message_of("a"), {});
    logs[1]->record(start, {1, 2}, message_of("private"), {{alone}, {}});
    logs[1]->save({alone, pid, {}, std::string{}, {}}, start);
    auto taken = logs[1]->take(pid, "1-1", start);
    ASSERT_TRUE(taken);
    EXPECT_EQ(words_of(logs[0]->arrive(*taken, start)), texts{"private"});
    for (const auto& each : logs) each->record(start, {1, 3}, message_of("b"), {});
    logs[0]->save({alone, pid, {}, std::string{}, {}}, start);
    logs[1]->save({new_id(), stranger, {}, std::string{}, {}}, start);

    const log_list next = new_logs(1);
    restore(image_of("/", pointers(logs), last_of(logs), start, write_text), pointers(next), start,
            seconds{0}, read_text);
    const auto others = next[0]->take(stranger, "1-1", start);
    ASSERT_TRUE(others);
    EXPECT_EQ(words_of(others->missed), texts{"b"});
    const auto own = next[0]->take(pid, "1-1", start);
    ASSERT_TRUE(own);
    EXPECT_EQ(words_of(own->missed), (texts{"private", "b"}));
}

TEST(HubRecoveryImage, NumbersGoOnBehindThoseOfBefore) {
    const one_away it;
    const log_list next = new_logs(2);
    const time_point now = start + seconds{20};
    restore(it.image(), pointers(next), now, seconds{10}, read_text);
    EXPECT_EQ(next[0]->seen(), (progress{3, 3}));
    next[0]->record(now, {0, 4}, message_of("d"), {});
    const auto found = next[0]->take(it.pid, "0-3", now);
    ASSERT_TRUE(found);
    EXPECT_EQ(words_of(found->missed), texts{"d"});
}

TEST(HubRecoveryImage, TimeWithoutAProcessCounts) {
    for (const bool is_late : {false, true}) {
        const one_away it; // away for one second when the image is made
        const log_list next = new_logs(1);
        const core::duration away = seconds{119} - milliseconds{is_late ? 0 : 1};
        const auto counts = restore(it.image(), pointers(next), start, away, read_text);
        EXPECT_EQ(counts.restored, is_late ? 0U : 1U);
        EXPECT_EQ(counts.expired, is_late ? 1U : 0U);
    }
}

TEST(HubRecoveryImage, SessionWhoseDataCannotBeKeptIsLeftOut) {
    const log_list logs = new_logs(1);
    logs[0]->save({new_id(), new_id(), {}, 42, {}}, start);
    EXPECT_TRUE(image_of("/", pointers(logs), last_of(logs), start, write_text).sessions.empty());
}

TEST(HubRecoveryImage, SessionWhoseDataCannotBeReadIsDropped) {
    const log_list logs = new_logs(1);
    logs[0]->save({new_id(), new_id(), {}, std::string{"unreadable"}, {}}, start);
    const auto counts = restore(image_of("/", pointers(logs), last_of(logs), start, write_text),
                                pointers(new_logs(1)), start, seconds{0}, read_text);
    EXPECT_EQ(counts.dropped, 1U);
}

TEST(HubRecoveryImage, OfTooManySessionsThoseThatWereAwayLongestAreDropped) {
    const log_list logs = new_logs(1);
    texts pids;
    logs[0]->record(start, {0, 1}, message_of("a"), {});
    for (int i = 0; i < 5; ++i) {
        pids.push_back(new_id());
        logs[0]->save({new_id(), pids.back(), {}, std::string{}, {}}, start + seconds{i});
    }
    const log_list next = new_logs(1, {seconds{120}, 1'000, 1'000'000, 2, 1'000'000});
    const time_point now = start + seconds{5};
    const auto counts = restore(image_of("/", pointers(logs), last_of(logs), now, write_text), pointers(next),
                                now, seconds{0}, read_text);
    EXPECT_EQ(counts.restored, 2U);
    EXPECT_EQ(counts.dropped, 3U);
    EXPECT_TRUE(next[0]->take(pids[4], "0-1", now));
    EXPECT_FALSE(next[0]->take(pids[2], "0-1", now));
}

TEST(HubRecoveryImage, ClientWhoseGapGoesOnInEventsThatWentIsNotRecovered) {
    const one_away it;
    const log_list next = new_logs(1, {seconds{120}, 2, 1'000'000, 100, 1'000'000});
    restore(it.image(), pointers(next), start, seconds{0}, read_text);
    for (std::uint64_t i = 4; i < 7; ++i) next[0]->record(start, {0, i}, message_of("x"), {});
    EXPECT_FALSE(next[0]->take(it.pid, "0-1", start));
}

TEST(HubRecoveryImage, ShrinkingLeavesNoGap) {
    const log_list logs = new_logs(1);
    for (std::uint64_t i = 1; i <= 8; ++i) {
        logs[0]->record(start + seconds{i}, {0, i}, message_of(std::to_string(i)), {});
    }
    const std::string early = new_id();
    const std::string late = new_id();
    for (const std::string& pid : {early, late}) logs[0]->save({new_id(), pid, {}, std::string{}, {}}, start);
    recovery_image image = image_of("/", pointers(logs), last_of(logs), start + seconds{9}, write_text);
    const std::size_t before = bytes_of(image).size();
    ASSERT_TRUE(shrink(image));
    EXPECT_LT(bytes_of(image).size(), before);
    const log_list next = new_logs(1);
    restore(std::move(image), pointers(next), start + seconds{9}, seconds{0}, read_text);
    EXPECT_FALSE(next[0]->take(early, "0-2", start + seconds{9}));
    const auto found = next[0]->take(late, "0-6", start + seconds{9});
    ASSERT_TRUE(found);
    EXPECT_EQ(words_of(found->missed), (texts{"7", "8"}));
}

TEST(HubRecoveryImage, ShrinkingComesToAnEnd) {
    const one_away it;
    recovery_image image = it.image();
    int steps = 0;
    while (shrink(image)) ASSERT_LT(++steps, 20);
    EXPECT_TRUE(image.events.empty());
    EXPECT_TRUE(image.sessions.empty());
}

// ---- Hostile bytes

TEST(HubRecoveryImageBytes, CutOffAnywhereAreRefused) {
    const std::string bytes = bytes_of(one_away{}.image());
    ASSERT_TRUE(read(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(read(std::string_view{bytes}.substr(0, size))) << size;
    }
}

TEST(HubRecoveryImageBytes, ChangedAnywhereAreRefusedOrMeanSomething) {
    const std::string bytes = bytes_of(one_away{}.image());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int change : {0x01, 0x80, 0xff}) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(changed[at] ^ change);
            auto image = read(changed);
            if (!image) continue;
            const std::string again = bytes_of(*image);
            ASSERT_TRUE(read(again)) << at;
            const log_list next = new_logs(2);
            restore(std::move(*image), pointers(next), start, seconds{1}, read_text);
        }
    }
}

TEST(HubRecoveryImageBytes, WhatIsNoEventOfTheNamespaceIsRefused) {
    const auto is_taken = [](core::shared_message message) {
        const log_list logs = new_logs(1);
        logs[0]->record(start, {0, 1}, std::move(message), {});
        logs[0]->save({new_id(), new_id(), {}, std::string{}, {}}, start);
        return read(bytes_of(image_of("/", pointers(logs), last_of(logs), start, write_text))).has_value();
    };
    EXPECT_TRUE(is_taken(message_of("a")));
    EXPECT_TRUE(is_taken(core::prepare_text(R"(42["a",{"_placeholder":true,"num":0}])")));
    for (const char* packet :
         {"", "4", "1", "40", "41", "42", "42[]", "43[\"a\"]", "42[\"a\"", "42/x,[\"a\"]", "42[\"connect\"]",
          "451-[\"a\",{\"_placeholder\":true,\"num\":0}]", "2[\"a\"]"}) {
        EXPECT_FALSE(is_taken(core::prepare_text(packet))) << packet;
    }
    const auto part = std::make_shared<const texts>(texts{"x"});
    EXPECT_FALSE(is_taken(core::sio::encode_event("/", R"(["a",{"_placeholder":true,"num":1}])", part)));
}

// ---- Any course of things

/// A client among shards that see each other's events late, and processes that follow each other with another
/// number of shards: it gets every event once, those of one origin in order.
class course {
public:
    explicit course(unsigned seed) : random_{seed} { begin(1 + pick(3)); }

    void run() {
        emit(home_); // a client without any offset cannot come back
        for (int step = 0; step < 150 && !::testing::Test::HasFatalFailure(); ++step) {
            const std::size_t action = pick(24);
            if (action < 9) {
                emit(pick(shards()));
            } else if (action < 18) {
                arrive(pick(shards()), pick(shards()));
            } else if (action < 19) {
                restart();
            } else if (is_connected_) {
                leave();
            } else {
                come_back();
            }
        }
        while (!is_connected_ && !::testing::Test::HasFatalFailure()) come_back();
        settle();
    }

    texts all_;
    texts got_;

private:
    struct sent {
        event_position position;
        std::string word;
    };

    std::size_t pick(std::size_t below) { return static_cast<std::size_t>(random_() % below); }
    std::size_t shards() const { return logs_.size(); }

    void begin(std::size_t shards) {
        logs_ = new_logs(shards);
        under_way_.assign(shards, std::vector<std::deque<sent>>(shards));
        sequences_.assign(shards, last_);
        already_.assign(shards, last_);
        home_ = pick(shards);
    }
    void see(std::size_t at, const sent& event) {
        logs_[at]->record(start, event.position, message_of(event.word), {});
        if (!is_connected_ || at != home_) return;
        if (event.position.sequence <= already_[event.position.origin]) return;
        get(event.word, event.position);
    }
    void get(const std::string& word, event_position position) {
        got_.push_back(word);
        offset_ = offset_of(position);
    }
    void emit(std::size_t origin) {
        const sent event{{static_cast<std::uint16_t>(origin), ++sequences_[origin]},
                         std::to_string(generation_) + "." + std::to_string(origin) + "." +
                             std::to_string(sequences_[origin])};
        last_ = std::max(last_, sequences_[origin]);
        all_.push_back(event.word);
        see(origin, event);
        for (std::size_t to = 0; to < shards(); ++to) {
            if (to != origin) under_way_[to][origin].push_back(event);
        }
    }
    void arrive(std::size_t to, std::size_t from) {
        if (under_way_[to][from].empty()) return;
        const sent event = under_way_[to][from].front();
        under_way_[to][from].pop_front();
        see(to, event);
    }
    void settle() {
        for (std::size_t to = 0; to < shards(); ++to) {
            for (std::size_t from = 0; from < shards(); ++from) {
                while (!under_way_[to][from].empty()) arrive(to, from);
            }
        }
    }
    void leave() {
        logs_[home_]->save({sid_, pid_, {}, std::string{}, {}}, start);
        is_connected_ = false;
    }
    void come_back() {
        std::optional<recovered_session> found;
        for (const auto& each : logs_) {
            found = each->take(pid_, offset_, start);
            if (found) break;
        }
        ASSERT_TRUE(found);
        for (std::size_t i = pick(6); i > 0; --i) {
            if (pick(2) == 0) {
                emit(pick(shards()));
            } else {
                arrive(pick(shards()), pick(shards()));
            }
        }
        home_ = pick(shards());
        const auto missed = logs_[home_]->arrive(*found, start);
        // The connection may break again in the middle of what is sent.
        const std::size_t arrived = pick(4) == 0 ? pick(missed.size() + 1) : missed.size();
        for (std::size_t i = 0; i < arrived; ++i) get(word_of(missed[i].message), missed[i].position);
        already_ = found->seen;
        is_connected_ = arrived == missed.size();
        if (!is_connected_) logs_[home_]->save({sid_, pid_, {}, std::string{}, {}}, start);
    }
    /// What is under way need not have arrived.
    void restart() {
        if (is_connected_) leave();
        auto image = read(bytes_of(image_of("/", pointers(logs_), last_of(logs_), start, write_text)));
        ASSERT_TRUE(image);
        ++generation_;
        begin(1 + pick(3));
        restore(std::move(*image), pointers(logs_), start, seconds{0}, read_text);
    }

    std::mt19937 random_;
    log_list logs_;
    std::vector<std::vector<std::deque<sent>>> under_way_; ///< [to][from]
    std::vector<std::uint64_t> sequences_;
    std::uint64_t last_ = 0;
    progress already_;
    std::size_t home_ = 0;
    int generation_ = 0;
    bool is_connected_ = true;
    std::string sid_ = new_id(0);
    std::string pid_ = new_id(2);
    std::string offset_;
};

TEST(HubRecoveryImage, OverRestartsNothingIsLostAndNothingComesTwice) {
    for (unsigned seed = 1; seed <= 1'500; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        course of{seed};
        ASSERT_NO_FATAL_FAILURE(of.run());
        texts sorted = of.got_;
        std::sort(sorted.begin(), sorted.end());
        std::sort(of.all_.begin(), of.all_.end());
        ASSERT_EQ(sorted, of.all_);
        // Of one origin of one process they are in order.
        std::map<std::string, std::uint64_t> last;
        for (const std::string& word : of.got_) {
            const std::size_t dot = word.rfind('.');
            std::uint64_t& before = last[word.substr(0, dot)];
            const std::uint64_t number = std::stoull(word.substr(dot + 1));
            ASSERT_LT(before, number);
            before = number;
        }
    }
}

} // namespace
} // namespace roomcast::server::hub
