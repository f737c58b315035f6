#include "roomcast/core/eio/server_session.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::eio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using lines = std::vector<std::string>;

constexpr time_point start{seconds{100}};

std::string handshake_of(std::string_view upgrades) {
    return R"(0{"sid":"S","upgrades":[)" + std::string{upgrades} +
           R"(],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})";
}

std::string answer(int request, const std::string& body) {
    return "answer " + std::to_string(request) + ": 200 plain " + body;
}
std::string ok(int request) {
    return "answer " + std::to_string(request) + ": 200 html ok";
}
std::string refused(int request, int status) {
    return "answer " + std::to_string(request) + ": " + std::to_string(status) + " plain ";
}

/// A session whose requests and links the test plays by hand, at a time that stands until it is moved. A turn
/// does what a driver does: outputs, then what is owed.
struct script {
    session_options options;
    time_point now = start;
    server_session session;
    std::uint32_t link; ///< where what is owed goes, 0: to a GET

    explicit script(transport opened_by = transport::polling, session_options chosen = {})
        : options(std::move(chosen)),
          session("S", options, opened_by, opened_by == transport::websocket ? 1 : 0, start),
          link(session.current_link()) {}

    /// A session whose handshake is out already.
    static script opened(transport by = transport::polling, session_options chosen = {}) {
        return script{by, std::move(chosen), true};
    }

    lines turn() {
        lines out;
        drain(out);
        if (link != 0) {
            write_owed(out);
        } else {
            session.flush_poll();
            drain(out);
        }
        return out;
    }
    lines get(int request) {
        session.on_poll(now, static_cast<std::uint64_t>(request));
        return turn();
    }
    lines begin_post(int request, bool is_octet_stream = false) {
        const bool has_body = session.on_post_begin(static_cast<std::uint64_t>(request), is_octet_stream);
        lines out = turn();
        if (!has_body) out.emplace_back("no body");
        return out;
    }
    lines end_post(int request, std::string body) {
        session.on_post(static_cast<std::uint64_t>(request), std::move(body));
        return turn();
    }
    lines post(int request, std::string body) {
        EXPECT_EQ(begin_post(request), lines{});
        return end_post(request, std::move(body));
    }
    lines request_closed(int request) {
        session.on_request_closed(static_cast<std::uint64_t>(request));
        return turn();
    }
    lines open_link(std::uint32_t id) {
        session.on_link_open(now, id);
        return turn();
    }
    lines text(std::uint32_t id, std::string_view data) {
        session.on_frame(now, id, frame_kind::text, data);
        return turn();
    }
    lines binary(std::uint32_t id, std::string_view data) {
        session.on_frame(now, id, frame_kind::binary, data);
        return turn();
    }
    lines link_closed(std::uint32_t id, bool is_error = false) {
        session.on_link_closed(id, is_error);
        return turn();
    }
    lines send(std::string_view packet) {
        EXPECT_TRUE(session.send(prepare_text(packet)));
        return turn();
    }
    /// Time goes on to the moment that the session waits for.
    lines timeout() {
        now = session.next_timeout();
        session.on_timeout(now);
        return turn();
    }
    lines timeout_at(time_point at) {
        now = at;
        session.on_timeout(now);
        return turn();
    }
    lines close(close_reason reason = close_reason::forced_close) {
        session.close(now, reason);
        return turn();
    }

private:
    script(transport by, session_options chosen, bool) : script(by, std::move(chosen)) {
        if (by == transport::polling) {
            (void)get(1000);
        } else {
            (void)turn();
        }
    }

    void write_owed(lines& out) {
        session.pending().drain_packets([&](const wire_packet& packet) {
            out.push_back("link " + std::to_string(link) + ": " + std::string{packet.payload()});
        });
    }
    void drain(lines& out) {
        while (const auto output = session.poll_output(now)) out.push_back(line_of(*output, out));
    }
    std::string line_of(const session_output& output, lines& out) {
        using kind = session_output::kind;
        const std::string on_link = "link " + std::to_string(output.link);
        switch (output.what) {
        case kind::message:
            return (output.data_kind == frame_kind::text ? "text " : "binary ") + std::string{output.data};
        case kind::respond:
            return "answer " + std::to_string(output.request) + ": " + std::to_string(output.status) +
                   (output.is_html ? " html " : " plain ") + output.body;
        case kind::abort_request: return "abort request " + std::to_string(output.request);
        case kind::send_link: return on_link + ": " + output.body.substr(2);
        case kind::close_link:
            if (output.link == link) {
                write_owed(out);
                link = 0;
            }
            EXPECT_EQ(output.code, ws::close_code::none);
            return "close " + on_link;
        case kind::abort_link: link = 0; return "abort " + on_link;
        case kind::upgraded: link = output.link; return "upgraded to " + on_link;
        case kind::closed: return "closed: " + std::string{name_of(output.reason)};
        }
        return {};
    }
};

session_options with_payload_limit(std::size_t bytes) {
    session_options options;
    options.bounds.max_payload_bytes = bytes;
    return options;
}

// ---- Handshake

TEST(EioServerSessionHandshake, FirstGetIsAnsweredWithTheOpenPacket) {
    script it;
    EXPECT_EQ(it.get(1), lines{answer(1, handshake_of("\"websocket\""))});
}

TEST(EioServerSessionHandshake, WebSocketGetsTheOpenPacketAndNoUpgrades) {
    script it{transport::websocket};
    EXPECT_EQ(it.turn(), lines{"link 1: " + handshake_of("")});
}

TEST(EioServerSessionHandshake, OffersNoUpgradeThatIsNotAllowed) {
    session_options options;
    options.allow_upgrade = false;
    script it{transport::polling, options};
    EXPECT_EQ(it.get(1), lines{answer(1, handshake_of(""))});
}

TEST(EioServerSessionHandshake, WhatIsSentAtOnceFollowsTheOpenPacketInTheSameAnswer) {
    script it;
    EXPECT_EQ(it.send("4hello"), lines{});
    EXPECT_EQ(it.get(1), lines{answer(1, handshake_of("\"websocket\"") + "\x1e" + "4hello")});
}

// ---- Polling

TEST(EioServerSessionPolling, GetWaitsUntilSomethingIsOwed) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.send("4a"), lines{answer(1, "4a")});
    EXPECT_EQ(it.get(2), lines{});
}

TEST(EioServerSessionPolling, PacketsOwedGoIntoOneAnswerBinaryAsBase64) {
    script it = script::opened();
    EXPECT_EQ(it.send("4a"), lines{});
    auto binary = std::make_shared<prepared_message>(wire_packet::make(frame_kind::binary, {"\x01\x02\x03"}));
    binary->finish();
    EXPECT_TRUE(it.session.send(std::move(binary)));
    EXPECT_EQ(it.send("4b"), lines{});
    EXPECT_EQ(it.get(1), lines{answer(1, "4a\x1e"
                                         "bAQID\x1e"
                                         "4b")});
}

TEST(EioServerSessionPolling, PostIsAnsweredOkBehindItsMessages) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "4a\x1e"
                         "4b"),
              (lines{"text a", "text b", ok(1)}));
}

TEST(EioServerSessionPolling, SecondGetEndsTheSession) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.get(2), (lines{refused(2, 400), "closed: transport error", answer(1, "1")}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, SecondPostEndsTheSessionAndCutsTheFirst) {
    script it = script::opened();
    EXPECT_EQ(it.begin_post(1), lines{});
    EXPECT_EQ(it.begin_post(2),
              (lines{refused(2, 400), "closed: transport error", "abort request 1", "no body"}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, OctetStreamEndsTheSession) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.begin_post(2, true),
              (lines{refused(2, 400), "closed: transport error", answer(1, "1"), "no body"}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, OtherMethodsAreRefusedAndTheSessionLives) {
    script it = script::opened();
    it.session.on_other_method(1);
    EXPECT_EQ(it.turn(), lines{refused(1, 500)});
    EXPECT_EQ(it.post(2, "4a"), (lines{"text a", ok(2)}));
}

TEST(EioServerSessionPolling, TooLargeBodyIsRefusedAndTheSessionLives) {
    script it = script::opened();
    EXPECT_EQ(it.begin_post(1), lines{});
    it.session.on_post_too_large(1);
    EXPECT_EQ(it.turn(), lines{refused(1, 413)});
    EXPECT_EQ(it.post(2, "4a"), (lines{"text a", ok(2)}));
}

TEST(EioServerSessionPolling, BodyOfTheLargestSizeIsRead) {
    script it = script::opened(transport::polling, with_payload_limit(5));
    EXPECT_EQ(it.post(1, "4abcd"), (lines{"text abcd", ok(1)}));
}

TEST(EioServerSessionPolling, BodyAboveTheLimitThatComesAllTheSameEndsTheSession) {
    script it = script::opened(transport::polling, with_payload_limit(5));
    EXPECT_EQ(it.post(1, "4abcde"), (lines{"closed: parse error", ok(1)}));
}

TEST(EioServerSessionPolling, EmptyBodyEndsTheSession) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.post(2, ""), (lines{"closed: parse error", answer(1, "1"), ok(2)}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, InvalidPacketEndsTheSessionBehindThePacketsBeforeIt) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.post(2, "4a\x1e"
                         "abc\x1e"
                         "4b"),
              (lines{"text a", "closed: parse error", answer(1, "1"), ok(2)}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, EmptyPacketBetweenSeparatorsIsInvalid) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "4a\x1e\x1e"
                         "4b"),
              (lines{"text a", "closed: parse error", ok(1)}));
}

TEST(EioServerSessionPolling, ClosePacketAnswersTheGetWithNoop) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.post(2, "4a\x1e"
                         "1\x1e"
                         "4b"),
              (lines{"text a", answer(1, "6"), "closed: transport close", ok(2)}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, PingFromTheClientEndsTheSession) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.post(2, "2"), (lines{"closed: transport error", answer(1, "1"), ok(2)}));
}

TEST(EioServerSessionPolling, UnaskedPacketsAreIgnored) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "0\x1e"
                         "3\x1e"
                         "5\x1e"
                         "6\x1e"
                         "4"),
              (lines{"text ", ok(1)}));
    EXPECT_FALSE(it.session.is_closed());
}

TEST(EioServerSessionPolling, Base64PacketIsABinaryMessage) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "bAQID\x1e"
                         "4a\x1e"
                         "b"),
              (lines{"binary \x01\x02\x03", "text a", "binary ", ok(1)}));
}

TEST(EioServerSessionPolling, InvalidBase64EndsTheSession) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "b#"), (lines{"closed: parse error", ok(1)}));
}

TEST(EioServerSessionPolling, AsManyPacketsAsAllowedAreRead) {
    session_options options;
    options.bounds.max_packets_per_payload = 2;
    script it = script::opened(transport::polling, options);
    EXPECT_EQ(it.post(1, "4a\x1e"
                         "4b"),
              (lines{"text a", "text b", ok(1)}));
    EXPECT_EQ(it.post(2, "4a\x1e"
                         "4b\x1e"
                         "4c"),
              (lines{"text a", "text b", "closed: parse error", ok(2)}));
}

TEST(EioServerSessionPolling, BodyThatIsNotUtf8EndsTheSessionUnread) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "4a\x1e"
                         "4\xff"),
              (lines{"closed: parse error", ok(1)}));
}

TEST(EioServerSessionPolling, ClientThatDropsItsGetIsGone) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.request_closed(1), lines{"closed: transport error"});
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionPolling, ClientThatDropsItsPostIsGone) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.begin_post(2), lines{});
    EXPECT_EQ(it.request_closed(2), (lines{"closed: transport error", answer(1, "1")}));
}

TEST(EioServerSessionPolling, EndOfAnAnsweredRequestIsNoNews) {
    script it = script::opened();
    EXPECT_EQ(it.request_closed(1000), lines{});
    EXPECT_FALSE(it.session.is_closed());
}

TEST(EioServerSessionPolling, BodyOfAnUnknownRequestIsNotRead) {
    script it = script::opened();
    EXPECT_EQ(it.begin_post(1), lines{});
    EXPECT_EQ(it.end_post(2, "4a"), lines{});
    EXPECT_EQ(it.end_post(1, "4b"), (lines{"text b", ok(1)}));
}

TEST(EioServerSessionPolling, ApplicationThatClosesInAMessageGetsNoFurtherOneOfThatBody) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.begin_post(2), lines{});
    it.session.on_post(2, "4a\x1e"
                          "4b");
    const auto first = it.session.poll_output(it.now);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->data, "a");
    EXPECT_EQ(it.close(), (lines{"closed: forced close", answer(1, "1"), ok(2)}));
}

TEST(EioServerSessionPolling, RequestsAfterTheEndAreRefused) {
    script it = script::opened();
    EXPECT_EQ(it.post(1, "1"), (lines{"closed: transport close", ok(1)}));
    EXPECT_EQ(it.get(2), lines{refused(2, 400)});
    EXPECT_EQ(it.begin_post(3), (lines{refused(3, 400), "no body"}));
}

// ---- WebSocket

TEST(EioServerSessionWebSocket, FramesAreMessages) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.text(1, "4a"), lines{"text a"});
    EXPECT_EQ(it.binary(1, "\x01"), lines{"binary \x01"});
    EXPECT_EQ(it.text(1, "bAQID"), lines{"binary \x01\x02\x03"});
    EXPECT_EQ(it.send("4b"), lines{"link 1: 4b"});
}

TEST(EioServerSessionWebSocket, InvalidPacketClosesTheLink) {
    for (const std::string_view packet : {"", "abc", "7"}) {
        script it = script::opened(transport::websocket);
        EXPECT_EQ(it.text(1, packet), (lines{"closed: parse error", "close link 1"})) << packet;
    }
}

TEST(EioServerSessionWebSocket, PingFromTheClientClosesTheLink) {
    for (const std::string_view packet : {"2", "2probe"}) {
        script it = script::opened(transport::websocket);
        EXPECT_EQ(it.text(1, packet), (lines{"closed: transport error", "close link 1"})) << packet;
    }
}

TEST(EioServerSessionWebSocket, UnaskedPacketsAreIgnored) {
    script it = script::opened(transport::websocket);
    for (const std::string_view packet : {"0", "3", "5", "6", "5probe"}) {
        EXPECT_EQ(it.text(1, packet), lines{}) << packet;
    }
    EXPECT_FALSE(it.session.is_closed());
}

TEST(EioServerSessionWebSocket, EndOfTheLinkEndsTheSession) {
    script clean = script::opened(transport::websocket);
    EXPECT_EQ(clean.link_closed(1), lines{"closed: transport close"});
    script broken = script::opened(transport::websocket);
    EXPECT_EQ(broken.link_closed(1, true), lines{"closed: transport error"});
}

TEST(EioServerSessionWebSocket, NothingIsReadBehindTheEnd) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.close(), (lines{"closed: forced close", "close link 1"}));
    EXPECT_EQ(it.text(1, "4a"), lines{});
    EXPECT_EQ(it.link_closed(1), lines{});
}

// ---- Heartbeat

TEST(EioServerSessionHeartbeat, PingsAtTheInterval) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25});
    EXPECT_EQ(it.timeout(), lines{answer(1, "2")});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{45});
}

TEST(EioServerSessionHeartbeat, NextPingComesAnIntervalAfterThePong) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.timeout(), lines{"link 1: 2"});
    it.now += seconds{7};
    EXPECT_EQ(it.text(1, "3"), lines{});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25 + 7 + 25});
    EXPECT_EQ(it.timeout(), lines{"link 1: 2"});
}

TEST(EioServerSessionHeartbeat, MissingPongEndsAPollingSession) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.timeout(), lines{answer(1, "2")});
    EXPECT_EQ(it.get(2), lines{});
    EXPECT_EQ(it.timeout(), (lines{"closed: ping timeout", answer(2, "1")}));
    EXPECT_EQ(it.now, start + seconds{45});
    EXPECT_TRUE(it.session.is_finished());
    EXPECT_EQ(it.session.next_timeout(), never);
}

TEST(EioServerSessionHeartbeat, MissingPongClosesTheLink) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.timeout(), lines{"link 1: 2"});
    EXPECT_EQ(it.timeout(), (lines{"closed: ping timeout", "close link 1"}));
}

TEST(EioServerSessionHeartbeat, AnotherPacketExtendsTheWaitForThePongOnce) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.timeout(), lines{"link 1: 2"});
    it.now += seconds{10};
    EXPECT_EQ(it.text(1, "4a"), lines{"text a"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25 + 10 + 20});
    it.now += seconds{5};
    EXPECT_EQ(it.binary(1, "b"), lines{"binary b"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25 + 10 + 20});
    EXPECT_EQ(it.timeout(), (lines{"closed: ping timeout", "close link 1"}));
}

TEST(EioServerSessionHeartbeat, EachPingMayBeExtendedAnew) {
    script it = script::opened(transport::websocket);
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(it.timeout(), lines{"link 1: 2"});
        it.now += seconds{1};
        EXPECT_EQ(it.text(1, "6"), lines{});
        EXPECT_EQ(it.session.next_timeout(), it.now + seconds{20});
        EXPECT_EQ(it.text(1, "3"), lines{});
    }
}

TEST(EioServerSessionHeartbeat, MessagesDoNotPutThePingOff) {
    script it = script::opened(transport::websocket);
    it.now += seconds{10};
    EXPECT_EQ(it.text(1, "4a"), lines{"text a"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25});
}

TEST(EioServerSessionHeartbeat, SpuriousTimeoutsDoNothing) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.timeout_at(start), lines{});
    EXPECT_EQ(it.timeout_at(start + seconds{25} - duration{1}), lines{});
    EXPECT_EQ(it.timeout(), lines{"link 1: 2"});
    EXPECT_EQ(it.timeout_at(it.now), lines{});
    EXPECT_EQ(it.timeout_at(start + seconds{45} - duration{1}), lines{});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{45});
}

TEST(EioServerSessionHeartbeat, LateTimerPingsAndGivesTheWholeTimeForThePong) {
    script it = script::opened(transport::websocket);
    EXPECT_EQ(it.timeout_at(start + seconds{60}), lines{"link 1: 2"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{80});
}

// ---- Upgrade

/// A polling session whose WebSocket 9 has probed.
script probed(session_options options = {}) {
    script it = script::opened(transport::polling, std::move(options));
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.text(9, "2probe"), lines{"link 9: 3probe"});
    return it;
}

TEST(EioServerSessionUpgrade, ProbeIsAnsweredAndAWaitingGetGetsNoop) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.text(9, "2probe"), (lines{"link 9: 3probe", answer(1, "6")}));
    EXPECT_EQ(it.session.current_transport(), transport::polling);
}

TEST(EioServerSessionUpgrade, GetDuringTheProbeGetsNoopALittleLater) {
    script it = probed();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.session.next_timeout(), it.now + milliseconds{100});
    EXPECT_EQ(it.timeout(), lines{answer(1, "6")});
}

TEST(EioServerSessionUpgrade, MessageForAGetDuringTheProbeComesBeforeTheNoop) {
    script it = probed();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.send("4a"), lines{answer(1, "4a")});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{10}); // the upgrade's, not a noop's
}

TEST(EioServerSessionUpgrade, CompletionMovesTheSession) {
    script it = probed();
    EXPECT_EQ(it.text(9, "5"), lines{"upgraded to link 9"});
    EXPECT_EQ(it.session.current_transport(), transport::websocket);
    EXPECT_EQ(it.send("4a"), lines{"link 9: 4a"});
    EXPECT_EQ(it.text(9, "4b"), lines{"text b"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25});
}

TEST(EioServerSessionUpgrade, GetThatWaitsAtTheCompletionIsToldThatItsTransportIsClosed) {
    script it = probed();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.text(9, "5"), (lines{answer(1, "1"), "upgraded to link 9"}));
}

TEST(EioServerSessionUpgrade, CompletionWithoutAProbeIsAccepted) {
    script it = script::opened();
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.text(9, "5"), lines{"upgraded to link 9"});
}

TEST(EioServerSessionUpgrade, MessagesKeepTheirOrderAcrossIt) {
    script it = script::opened();
    EXPECT_EQ(it.send("4a"), lines{});
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.text(9, "2probe"), lines{"link 9: 3probe"});
    EXPECT_EQ(it.send("4b"), lines{});
    EXPECT_EQ(it.text(9, "5"), (lines{"upgraded to link 9", "link 9: 4a", "link 9: 4b"}));
    EXPECT_EQ(it.send("4c"), lines{"link 9: 4c"});
}

TEST(EioServerSessionUpgrade, PostDuringTheProbeIsRead) {
    script it = probed();
    EXPECT_EQ(it.post(1, "4a"), (lines{"text a", ok(1)}));
}

TEST(EioServerSessionUpgrade, PostThatBeganBeforeTheCompletionIsReadBehindIt) {
    script it = probed();
    EXPECT_EQ(it.begin_post(1), lines{});
    EXPECT_EQ(it.text(9, "5"), lines{"upgraded to link 9"});
    EXPECT_EQ(it.end_post(1, "4a"), (lines{"text a", ok(1)}));
}

TEST(EioServerSessionUpgrade, SecondLinkIsClosedAndTheFirstGoesOn) {
    script it = probed();
    EXPECT_EQ(it.open_link(10), lines{"close link 10"});
    EXPECT_EQ(it.link_closed(10), lines{});
    EXPECT_EQ(it.text(9, "5"), lines{"upgraded to link 9"});
    EXPECT_EQ(it.open_link(11), lines{"close link 11"});
    EXPECT_EQ(it.text(11, "4x"), lines{});
    EXPECT_EQ(it.send("4a"), lines{"link 9: 4a"});
}

TEST(EioServerSessionUpgrade, LinkIsClosedWhenUpgradesAreNotAllowed) {
    session_options options;
    options.allow_upgrade = false;
    script it = script::opened(transport::polling, options);
    EXPECT_EQ(it.open_link(9), lines{"close link 9"});
}

TEST(EioServerSessionUpgrade, SilentLinkIsClosedInTheEndAndTheSessionStays) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{10});
    EXPECT_EQ(it.timeout(), lines{"close link 9"});
    EXPECT_EQ(it.send("4a"), lines{answer(1, "4a")});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25});
}

TEST(EioServerSessionUpgrade, AnyOtherPacketOfAProbingLinkClosesItAndTheSessionStays) {
    for (const std::string_view packet : {"4hello", "2", "3probe", "1", "", "x"}) {
        script it = script::opened();
        EXPECT_EQ(it.open_link(9), lines{});
        EXPECT_EQ(it.text(9, packet), lines{"close link 9"}) << packet;
        EXPECT_EQ(it.post(1, "4a"), (lines{"text a", ok(1)})) << packet;
    }
    script it = script::opened();
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.binary(9, "5"), lines{"close link 9"});
}

TEST(EioServerSessionUpgrade, SecondAttemptAfterAnAbortedProbeSucceeds) {
    script it = probed();
    EXPECT_EQ(it.link_closed(9, true), lines{});
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{25}); // no noop and no upgrade is waited for
    EXPECT_EQ(it.open_link(10), lines{});
    EXPECT_EQ(it.text(10, "2probe"), (lines{"link 10: 3probe", answer(1, "6")}));
    EXPECT_EQ(it.text(10, "5"), lines{"upgraded to link 10"});
}

TEST(EioServerSessionUpgrade, EndOfTheSessionClosesTheProbingLink) {
    script it = probed();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.close(), (lines{"closed: forced close", answer(1, "1"), "close link 9"}));
    EXPECT_EQ(it.text(9, "5"), lines{});
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionUpgrade, HeartbeatGoesOnAcrossIt) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.timeout(), lines{answer(1, "2")});
    EXPECT_EQ(it.open_link(9), lines{});
    EXPECT_EQ(it.text(9, "2probe"), lines{"link 9: 3probe"});
    EXPECT_EQ(it.text(9, "5"), lines{"upgraded to link 9"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{45});
    EXPECT_EQ(it.text(9, "3"), lines{});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{50});
}

// ---- Close from our side

TEST(EioServerSessionClose, WaitingGetHearsOfItAtOnce) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_EQ(it.close(), (lines{"closed: forced close", answer(1, "1")}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionClose, NextGetHearsOfItWhenNoneWaits) {
    script it = script::opened();
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_TRUE(it.session.is_closed());
    EXPECT_FALSE(it.session.is_finished());
    EXPECT_EQ(it.get(1), lines{answer(1, "6\x1e"
                                         "1")});
    EXPECT_TRUE(it.session.is_finished());
    EXPECT_EQ(it.session.next_timeout(), never);
}

TEST(EioServerSessionClose, PacketsOwedGoFirst) {
    script it = script::opened();
    EXPECT_EQ(it.send("4a"), lines{});
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_EQ(it.get(1), lines{answer(1, "4a")});
    EXPECT_EQ(it.get(2), lines{answer(2, "6\x1e"
                                         "1")});
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionClose, WaitingGetTakesWhatTheSameTurnOwesAndTheNextOneHearsOfIt) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    EXPECT_TRUE(it.session.send(prepare_text("4a")));
    EXPECT_EQ(it.close(), (lines{"closed: forced close", answer(1, "4a")}));
    EXPECT_EQ(it.get(2), lines{answer(2, "6\x1e"
                                         "1")});
}

TEST(EioServerSessionClose, SessionIsDroppedWhenNoGetComesInTime) {
    script it = script::opened();
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{30});
    EXPECT_EQ(it.timeout_at(start + seconds{30} - duration{1}), lines{});
    EXPECT_FALSE(it.session.is_finished());
    EXPECT_EQ(it.timeout(), lines{});
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionClose, LinkIsClosedBehindWhatIsOwed) {
    script it = script::opened(transport::websocket);
    EXPECT_TRUE(it.session.send(prepare_text("4a")));
    EXPECT_EQ(it.close(), (lines{"closed: forced close", "link 1: 4a", "close link 1"}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionClose, ShutdownWaitsForNoGet) {
    script idle = script::opened();
    EXPECT_EQ(idle.close(close_reason::server_shutting_down), lines{"closed: server shutting down"});
    EXPECT_TRUE(idle.session.is_finished());
    script waiting = script::opened();
    EXPECT_EQ(waiting.get(1), lines{});
    EXPECT_EQ(waiting.close(close_reason::server_shutting_down),
              (lines{"closed: server shutting down", answer(1, "1")}));
    EXPECT_TRUE(waiting.session.is_finished());
}

TEST(EioServerSessionClose, OnlyTheFirstCloseCounts) {
    script it = script::opened();
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_EQ(it.close(close_reason::parse_error), lines{});
    EXPECT_FALSE(it.session.is_finished());
}

TEST(EioServerSessionClose, NothingIsQueuedBehindIt) {
    script it = script::opened();
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_FALSE(it.session.send(prepare_text("4a")));
    EXPECT_TRUE(it.session.pending().is_empty());
}

TEST(EioServerSessionClose, PostBehindItIsAnsweredAndNotRead) {
    script it = script::opened();
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_EQ(it.post(1, "4a"), lines{ok(1)});
    EXPECT_EQ(it.get(2), lines{answer(2, "6\x1e"
                                         "1")});
}

TEST(EioServerSessionClose, NoPingComesBehindIt) {
    script it = script::opened();
    EXPECT_EQ(it.close(), lines{"closed: forced close"});
    EXPECT_EQ(it.timeout_at(start + seconds{26}), lines{});
    EXPECT_TRUE(it.session.pending().is_empty());
}

// ---- Abort

TEST(EioServerSessionAbort, CutsTheLinkAndForgetsWhatIsOwed) {
    script it = script::opened(transport::websocket);
    EXPECT_TRUE(it.session.send(prepare_text("4a")));
    it.session.abort(close_reason::slow_consumer);
    EXPECT_EQ(it.turn(), (lines{"closed: slow consumer", "abort link 1"}));
    EXPECT_TRUE(it.session.pending().is_empty());
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionAbort, WaitingGetIsAnsweredAndThePollerIsGone) {
    script it = script::opened();
    EXPECT_EQ(it.get(1), lines{});
    it.session.abort(close_reason::slow_consumer);
    EXPECT_EQ(it.turn(), (lines{"closed: slow consumer", answer(1, "1")}));
    EXPECT_TRUE(it.session.is_finished());
}

TEST(EioServerSessionAbort, UnfinishedPostIsCut) {
    script it = script::opened();
    EXPECT_EQ(it.begin_post(1), lines{});
    it.session.abort(close_reason::slow_consumer);
    EXPECT_EQ(it.turn(), (lines{"closed: slow consumer", "abort request 1"}));
}

TEST(EioServerSessionClose, UnfinishedPostIsCutWhenTheSessionIsForgotten) {
    script waiting = script::opened();
    EXPECT_EQ(waiting.get(1), lines{});
    EXPECT_EQ(waiting.begin_post(2), lines{});
    EXPECT_EQ(waiting.close(), (lines{"closed: forced close", answer(1, "1"), "abort request 2"}));
    EXPECT_TRUE(waiting.session.is_finished());
    script late = script::opened();
    EXPECT_EQ(late.begin_post(1), lines{});
    EXPECT_EQ(late.close(), lines{"closed: forced close"});
    EXPECT_EQ(late.timeout(), lines{"abort request 1"});
    EXPECT_TRUE(late.session.is_finished());
}

} // namespace
} // namespace roomcast::core::eio
