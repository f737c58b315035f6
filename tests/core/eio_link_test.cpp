// The client's machine against the server's, through a network in virtual time.
#include "support/virtual_link.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace roomcast::support {

void PrintTo(const heard_message& heard, std::ostream* out) {
    *out << (heard.kind == frame_kind::text ? "text " : "binary ") << testing::PrintToString(heard.data);
}

namespace {

using core::eio::close_reason;
using core::eio::transport;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using state = core::eio::client_session::state;

constexpr std::uint64_t schedules = 200;

/// Both ends say numbered messages of all sizes and kinds; what they said is kept.
struct chat {
    explicit chat(std::uint64_t seed) : link(seed) {}

    virtual_link link;
    std::vector<heard_message> by_client;
    std::vector<heard_message> by_server;

    void client_says() {
        heard_message said = make();
        if (!link.client_send(said.kind, said.data)) by_client.push_back(std::move(said));
    }
    void server_says() {
        heard_message said = make();
        if (link.server_send(said.kind, said.data)) by_server.push_back(std::move(said));
    }
    /// Random talk: `count` times a pause of up to `longest_pause`, then one of the two says something.
    void talk(int count, duration longest_pause) {
        for (int i = 0; i < count; ++i) {
            const auto pause = static_cast<std::uint64_t>(longest_pause / milliseconds{1});
            link.run_for(milliseconds{link.below(pause + 1)});
            if (link.below(2) == 0) {
                client_says();
            } else {
                server_says();
            }
        }
    }

    void expect_all_arrived() const {
        EXPECT_EQ(link.at_server, by_client);
        EXPECT_EQ(link.at_client, by_server);
    }
    void expect_no_gap() const {
        EXPECT_TRUE(is_prefix(link.at_server, by_client)) << testing::PrintToString(link.at_server);
        EXPECT_TRUE(is_prefix(link.at_client, by_server)) << testing::PrintToString(link.at_client);
    }
    void expect_still_open() const {
        EXPECT_FALSE(link.is_spinning);
        EXPECT_EQ(link.opens, 1);
        EXPECT_TRUE(link.client_ends.empty());
        EXPECT_TRUE(link.server_ends.empty());
        EXPECT_EQ(link.client().current_state(), state::open);
        EXPECT_EQ(link.client().buffered_bytes(), 0U);
    }
    void expect_both_ended() const {
        EXPECT_FALSE(link.is_spinning);
        EXPECT_EQ(link.client_ends.size(), 1U);
        EXPECT_EQ(link.server_ends.size(), 1U);
        EXPECT_EQ(link.client().current_state(), state::closed);
        EXPECT_EQ(link.server(), nullptr);
        EXPECT_EQ(link.client().next_timeout(), core::never);
    }

private:
    static bool is_prefix(const std::vector<heard_message>& part, const std::vector<heard_message>& whole) {
        return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
    }
    heard_message make() {
        std::string data = std::to_string(next_number_++) + ":";
        const std::uint64_t size = link.below(16) == 0 ? link.below(3000) : link.below(20);
        while (data.size() < size) data += static_cast<char>('a' + data.size() % 26);
        return {link.below(3) == 0 ? frame_kind::binary : frame_kind::text, std::move(data)};
    }

    int next_number_ = 0;
};

/// A world of its own for each seed. The heartbeat is quick but survives the slowest way.
void choose_world(virtual_link& link) {
    link.latency = milliseconds{link.below(30)};
    if (link.below(2) == 0) link.jitter = milliseconds{link.below(60)};
    if (link.below(2) == 0) link.most_arrives_bytes = 1 + link.below(50);
    if (link.below(3) == 0) link.most_written_bytes = 1 + link.below(200);
    link.client_options.first_transport = link.below(4) == 0 ? transport::websocket : transport::polling;
    link.client_options.allow_upgrade = link.below(4) != 0;
    link.server_options.allow_upgrade = link.below(8) != 0;
    link.server_options.ping_interval = milliseconds{200 + link.below(500)};
    link.server_options.ping_timeout = milliseconds{500};
    if (link.below(4) == 0) link.server_options.bounds.max_payload_bytes = 4100;
}

bool upgrades(const virtual_link& link) {
    return link.client_options.first_transport == transport::polling && link.client_options.allow_upgrade &&
           link.server_options.allow_upgrade && !link.refuses_links;
}

TEST(EioLink, OverPollingMessagesArriveBothWays) {
    chat both{1};
    both.link.client_options.allow_upgrade = false;
    both.link.connect();
    both.link.run_for(seconds{1});
    both.talk(50, milliseconds{20});
    both.link.run_for(seconds{10});
    both.expect_all_arrived();
    both.expect_still_open();
    EXPECT_EQ(both.link.client().current_transport(), transport::polling);
}

TEST(EioLink, OverWebsocketMessagesArriveBothWays) {
    chat both{2};
    both.link.client_options.first_transport = transport::websocket;
    both.link.connect();
    both.link.run_for(seconds{1});
    both.talk(50, milliseconds{20});
    both.link.run_for(seconds{10});
    both.expect_all_arrived();
    both.expect_still_open();
}

TEST(EioLink, PollingMovesToAWebsocket) {
    chat both{3};
    both.link.connect();
    both.link.run_for(seconds{1});
    EXPECT_EQ(both.link.upgrades, 1);
    EXPECT_EQ(both.link.client().current_transport(), transport::websocket);
    EXPECT_EQ(both.link.server()->current_transport(), transport::websocket);
    both.talk(50, milliseconds{20});
    both.link.run_for(seconds{10});
    both.expect_all_arrived();
    both.expect_still_open();
}

TEST(EioLink, TheUpgradeIsQuick) {
    chat both{4};
    both.link.connect();
    // Three round trips; and 100 ms more when the answer to a GET overtakes that to the probe, so that the
    // client has polled once more.
    both.link.run_for(milliseconds{200});
    EXPECT_EQ(both.link.upgrades, 1);
}

TEST(EioLink, AnIdleSessionLivesOnItsHeartbeat) {
    for (const bool is_polling : {true, false}) {
        chat both{5};
        both.link.client_options.allow_upgrade = !is_polling;
        both.link.connect();
        both.link.run_for(hours{2});
        both.client_says();
        both.server_says();
        both.link.run_for(seconds{1});
        both.expect_all_arrived();
        both.expect_still_open();
    }
}

TEST(EioLink, NothingIsLostOrDoubledUnderAnySchedule) {
    for (std::uint64_t seed = 0; seed < schedules; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        both.link.connect();
        both.talk(60, milliseconds{both.link.below(40)});
        both.link.run_for(seconds{30});
        both.expect_all_arrived();
        both.expect_still_open();
        EXPECT_EQ(both.link.upgrades, upgrades(both.link) ? 1 : 0);
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, MessagesAtEveryMomentOfTheUpgradeArrive) {
    for (int client_at = 0; client_at <= 110; ++client_at) {
        for (int server_at = 0; server_at <= 110; server_at += 5) {
            SCOPED_TRACE("client at " + std::to_string(client_at) + " ms, server at " +
                         std::to_string(server_at));
            chat both{static_cast<std::uint64_t>(client_at * 1000 + server_at)};
            both.link.connect();
            for (int at = 0; at <= 110; ++at) {
                if (at == client_at) both.client_says();
                if (at == server_at) both.server_says();
                both.link.run_for(milliseconds{1});
            }
            both.link.run_for(seconds{1});
            both.expect_all_arrived();
            both.expect_still_open();
            EXPECT_EQ(both.link.upgrades, 1);
            if (testing::Test::HasFailure()) return;
        }
    }
}

TEST(EioLink, WithoutAWebsocketPollingGoesOn) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        both.link.client_options.first_transport = transport::polling;
        both.link.refuses_links = true;
        both.link.connect();
        both.talk(40, milliseconds{30});
        both.link.run_for(seconds{30});
        both.expect_all_arrived();
        both.expect_still_open();
        EXPECT_EQ(both.link.client().current_transport(), transport::polling);
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, AWebsocketThatBreaksAtAnyMomentOfTheUpgradeCostsNoMessage) {
    int survived = 0;
    for (int cut_at = 0; cut_at <= 110; ++cut_at) {
        SCOPED_TRACE("cut after " + std::to_string(cut_at) + " ms");
        chat both{static_cast<std::uint64_t>(cut_at)};
        both.link.connect();
        for (int at = 0; at <= 110; ++at) {
            if (at == cut_at) both.link.cut_links();
            if (at % 9 == 0) both.client_says();
            if (at % 7 == 0) both.server_says();
            both.link.run_for(milliseconds{1});
        }
        both.link.run_for(seconds{60});
        if (both.link.client_ends.empty()) {
            both.expect_all_arrived();
            both.expect_still_open();
            ++survived;
        } else {
            both.expect_no_gap();
            both.expect_both_ended();
        }
        if (testing::Test::HasFailure()) break;
    }
    EXPECT_GE(survived, 55) << "until the upgrade packet is out, a broken WebSocket ends nothing";
}

TEST(EioLink, ABrokenConnectionLosesOnlyTheEnd) {
    for (std::uint64_t seed = 0; seed < schedules; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        both.link.connect();
        both.talk(static_cast<int>(both.link.below(60)), milliseconds{20});
        const bool had_server = both.link.server() != nullptr;
        both.link.cut();
        both.link.run_for(seconds{60});
        both.expect_no_gap();
        EXPECT_FALSE(both.link.is_spinning);
        if (had_server) both.expect_both_ended();
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, BothEndsNoticeSilence) {
    for (std::uint64_t seed = 0; seed < schedules; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        both.link.connect();
        both.talk(static_cast<int>(both.link.below(60)), milliseconds{20});
        both.link.run_for(seconds{2});
        both.link.is_silent = true;
        both.talk(10, milliseconds{20});
        both.link.run_for(seconds{60});
        both.expect_no_gap();
        both.expect_both_ended();
        for (const auto& end : both.link.client_ends) EXPECT_EQ(end.reason, close_reason::ping_timeout);
        EXPECT_EQ(both.link.server_ends, std::vector{close_reason::ping_timeout});
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, WhatTheClientSaidBeforeItsCloseArrives) {
    for (std::uint64_t seed = 0; seed < schedules; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        both.link.connect();
        both.link.run_for(milliseconds{200});
        both.talk(static_cast<int>(both.link.below(40)), milliseconds{20});
        both.link.client_close();
        both.link.run_for(seconds{60});
        EXPECT_EQ(both.link.at_server, both.by_client);
        both.expect_no_gap();
        both.expect_both_ended();
        for (const auto& end : both.link.client_ends) EXPECT_EQ(end.reason, close_reason::forced_close);
        EXPECT_EQ(both.link.server_ends, std::vector{close_reason::transport_close});
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, WhatTheServerSaidBeforeItsCloseArrives) {
    for (std::uint64_t seed = 0; seed < schedules; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        both.link.connect();
        both.talk(static_cast<int>(both.link.below(40)), milliseconds{20});
        both.talk(static_cast<int>(1 + both.link.below(10)), milliseconds{20});
        both.link.run_for(milliseconds{both.link.below(100)});
        if (both.link.server() == nullptr) continue;
        both.link.server_close(close_reason::forced_close);
        both.link.run_for(seconds{60});
        EXPECT_EQ(both.link.at_client, both.by_server);
        both.expect_no_gap();
        both.expect_both_ended();
        EXPECT_EQ(both.link.server_ends, std::vector{close_reason::forced_close});
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, AServerThatClosesDuringTheUpgradeOwesNothing) {
    for (int close_at = 11; close_at <= 200; ++close_at) {
        SCOPED_TRACE("close after " + std::to_string(close_at) + " ms");
        chat both{static_cast<std::uint64_t>(close_at)};
        both.link.connect();
        for (int at = 0; at < close_at; ++at) {
            if (at % 9 == 0) both.client_says();
            if (at % 7 == 0) both.server_says();
            both.link.run_for(milliseconds{1});
        }
        both.link.server_close(close_reason::forced_close);
        both.link.run_for(seconds{60});
        EXPECT_EQ(both.link.at_client, both.by_server);
        both.expect_no_gap();
        both.expect_both_ended();
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, AClientConnectsAgainAfterEveryEnd) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        chat both{seed};
        choose_world(both.link);
        for (int round = 1; round <= 4; ++round) {
            both.link.connect();
            both.link.run_for(seconds{2});
            EXPECT_EQ(both.link.opens, round);
            EXPECT_EQ(both.link.client().current_state(), state::open);
            both.talk(10, milliseconds{10});
            switch (both.link.below(3)) {
            case 0: both.link.cut(); break;
            case 1: both.link.client_close(); break;
            default: both.link.server_close(close_reason::forced_close); break;
            }
            both.link.run_for(seconds{10});
            EXPECT_EQ(both.link.client_ends.size(), static_cast<std::size_t>(round));
        }
        EXPECT_FALSE(both.link.is_spinning);
        if (testing::Test::HasFailure()) break;
    }
}

TEST(EioLink, ABacklogGoesOutInBodiesThatTheServerTakes) {
    chat both{6};
    both.link.client_options.allow_upgrade = false;
    both.link.server_options.bounds.max_payload_bytes = 5000;
    both.link.connect();
    both.link.run_for(seconds{1});
    for (int i = 0; i < 300; ++i) both.client_says();
    for (int i = 0; i < 300; ++i) both.server_says();
    both.link.run_for(seconds{30});
    both.expect_all_arrived();
    both.expect_still_open();
}

} // namespace
} // namespace roomcast::support
