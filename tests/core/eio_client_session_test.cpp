#include "roomcast/core/eio/client_session.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

namespace roomcast::core::eio {

void PrintTo(client_session::state state, std::ostream* out) {
    constexpr const char* names[] = {"idle", "opening", "open", "closing", "closed"};
    *out << names[static_cast<int>(state)];
}

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using state = client_session::state;
using lines = std::vector<std::string>;

std::string kind_name(frame_kind kind) {
    return kind == frame_kind::text ? "text " : "binary ";
}

/// Outputs as lines that a test can compare.
struct to_line {
    std::string operator()(const client_session::opened&) const { return "opened"; }
    std::string operator()(const client_session::upgraded&) const { return "upgraded"; }
    std::string operator()(const client_session::message& each) const {
        return "message " + kind_name(each.kind) + each.data;
    }
    std::string operator()(const client_session::closed& each) const {
        const std::string reason = "closed: " + std::string{name_of(each.reason)};
        return each.error ? reason + ", " + each.error.message() : reason;
    }
    std::string operator()(const client_session::send_request& each) const {
        const std::string line = (each.method == http_method::get ? "GET " : "POST ") +
                                 std::to_string(each.request) + " " + each.query;
        return each.body.empty() ? line : line + " " + each.body;
    }
    std::string operator()(const client_session::abort_request& each) const {
        return "abort request " + std::to_string(each.request);
    }
    std::string operator()(const client_session::open_link& each) const {
        return "open link " + std::to_string(each.link) + " " + each.query;
    }
    std::string operator()(const client_session::send_frame& each) const {
        return "link " + std::to_string(each.link) + " " + kind_name(each.kind) + each.data;
    }
    std::string operator()(const client_session::close_link& each) const {
        return "close link " + std::to_string(each.link);
    }
};

std::string closed_by(close_reason reason, errc error) {
    return to_line{}(client_session::closed{reason, make_error_code(error)});
}

constexpr std::string_view with_sid = "EIO=4&transport=polling&sid=S";

std::string open_packet(bool can_upgrade, std::size_t max_payload = 1'000'000) {
    return encode_open({.sid = "S",
                        .can_upgrade = can_upgrade,
                        .ping_interval = seconds{25},
                        .ping_timeout = seconds{20},
                        .max_payload_bytes = max_payload});
}

std::string get(int request) {
    return "GET " + std::to_string(request) + " " + std::string{with_sid};
}
std::string post(int request, const std::string& body) {
    return "POST " + std::to_string(request) + " " + std::string{with_sid} + " " + body;
}

/// A session with the peer's answers given by hand, at a time that stands until it is moved.
struct script {
    client_session_options options;
    time_point now{seconds{100}};
    client_session session{options};

    script() = default;
    explicit script(client_session_options chosen) : options(std::move(chosen)) {}

    lines drain() {
        lines out;
        while (const auto output = session.poll_output()) out.push_back(std::visit(to_line{}, *output));
        return out;
    }
    lines connect() {
        EXPECT_FALSE(session.connect(now));
        return drain();
    }
    lines respond(std::uint64_t request, std::string body, std::uint16_t status = 200) {
        session.on_response(now, request, status, std::move(body));
        return drain();
    }
    lines fail_request(std::uint64_t request) {
        session.on_request_failed(now, request);
        return drain();
    }
    lines link_open(std::uint32_t link) {
        session.on_link_open(now, link);
        return drain();
    }
    lines text(std::uint32_t link, bytes_view data) {
        session.on_frame(now, link, frame_kind::text, data);
        return drain();
    }
    lines binary(std::uint32_t link, bytes_view data) {
        session.on_frame(now, link, frame_kind::binary, data);
        return drain();
    }
    lines drained(std::uint32_t link) {
        session.on_link_drained(now, link);
        return drain();
    }
    lines link_closed(std::uint32_t link, link_end end = link_end::failed) {
        session.on_link_closed(now, link, end);
        return drain();
    }
    lines send(bytes_view data, frame_kind kind = frame_kind::text) {
        const std::array<client_session::outgoing, 1> one{{{kind, data}}};
        EXPECT_FALSE(session.send(one));
        return drain();
    }
    std::error_code try_to_send(bytes_view data, frame_kind kind = frame_kind::text) {
        const std::array<client_session::outgoing, 1> one{{{kind, data}}};
        return session.send(one);
    }
    lines close() {
        session.close(now);
        return drain();
    }
    lines wait(duration time) {
        now += time;
        session.on_timeout(now);
        return drain();
    }

    /// Polling, open, GET 2 waiting, upgrade not offered.
    void open_polling(std::size_t max_payload = 1'000'000) {
        connect();
        respond(1, open_packet(false, max_payload));
        ASSERT_EQ(session.current_state(), state::open);
    }
    /// Over WebSocket 1, open.
    void open_websocket() {
        options.first_transport = transport::websocket;
        connect();
        link_open(1);
        text(1, open_packet(false));
        ASSERT_EQ(session.current_state(), state::open);
    }
    /// Polling, open, GET 2 waiting, WebSocket 1 being opened for the upgrade.
    void open_with_upgrade() {
        connect();
        respond(1, open_packet(true));
        ASSERT_EQ(session.current_state(), state::open);
    }
};

// Handshake

TEST(EioClientHandshake, PollingBeginsWithAGet) {
    script peer;
    EXPECT_EQ(peer.connect(), (lines{"GET 1 EIO=4&transport=polling"}));
    EXPECT_EQ(peer.session.current_state(), state::opening);
    EXPECT_EQ(peer.respond(1, open_packet(false)), (lines{"opened", get(2)}));
    EXPECT_EQ(peer.session.current_state(), state::open);
    EXPECT_EQ(peer.session.sid(), "S");
}

TEST(EioClientHandshake, WebsocketBeginsWithALink) {
    script peer;
    peer.options.first_transport = transport::websocket;
    EXPECT_EQ(peer.connect(), (lines{"open link 1 EIO=4&transport=websocket"}));
    EXPECT_EQ(peer.link_open(1), lines{});
    EXPECT_EQ(peer.text(1, open_packet(true)), (lines{"opened"}));
    EXPECT_EQ(peer.session.current_transport(), transport::websocket);
}

TEST(EioClientHandshake, PacketsBehindItAreRead) {
    script peer;
    peer.connect();
    EXPECT_EQ(peer.respond(1, open_packet(false) + "\x1e"
                                                   "4a\x1e"
                                                   "bAQI="),
              (lines{"opened", "message text a", "message binary \x01\x02", get(2)}));
}

TEST(EioClientHandshake, AForeignSidIsEncodedInTheQuery) {
    script peer;
    peer.connect();
    EXPECT_EQ(
        peer.respond(
            1, R"(0{"sid":"a&b=c d/\u00fc#","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1})"),
        (lines{"opened", "GET 2 EIO=4&transport=polling&sid=a%26b%3Dc%20d%2F%C3%BC%23"}));
}

TEST(EioClientHandshake, AnythingElseFirstIsAFault) {
    for (const char* first : {"2", "4hello", "6", "1", "b", "3probe", "0", "0{}", "0null"}) {
        script peer;
        peer.connect();
        EXPECT_EQ(peer.respond(1, first),
                  (lines{closed_by(close_reason::transport_error, errc::invalid_handshake)}))
            << first;
        EXPECT_EQ(peer.session.current_state(), state::closed);
    }
}

TEST(EioClientHandshake, ABinaryFrameFirstIsAFault) {
    script peer;
    peer.options.first_transport = transport::websocket;
    peer.connect();
    EXPECT_EQ(peer.binary(1, "0"),
              (lines{"close link 1", closed_by(close_reason::transport_error, errc::invalid_handshake)}));
}

TEST(EioClientHandshake, ASecondOpenPacketChangesNothing) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(
        peer.respond(2, R"(0{"sid":"X","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1})"),
        (lines{get(3)}));
    EXPECT_EQ(peer.session.sid(), "S");
}

TEST(EioClientHandshake, MustComeInTime) {
    script peer;
    peer.connect();
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{20});
    EXPECT_EQ(peer.wait(seconds{20} - duration{1}), lines{});
    EXPECT_EQ(peer.wait(duration{1}),
              (lines{"abort request 1", closed_by(close_reason::transport_error, errc::connect_timeout)}));
    EXPECT_EQ(peer.session.next_timeout(), never);
}

TEST(EioClientHandshake, ARefusalIsATransportError) {
    script peer;
    peer.connect();
    EXPECT_EQ(peer.respond(1, R"({"code":0,"message":"Transport unknown"})", 400),
              (lines{"closed: transport error"}));
}

TEST(EioClientHandshake, HugeIntervalsDoNotOverflow) {
    script peer;
    peer.now = never - seconds{10};
    peer.connect();
    EXPECT_EQ(peer.respond(1, open_packet(false)), (lines{"opened", get(2)}));
    EXPECT_LT(peer.session.next_timeout(), never);
}

TEST(EioClientHandshake, ASessionCanConnectAgain) {
    script peer;
    peer.open_polling();
    peer.fail_request(2);
    EXPECT_EQ(peer.connect(), (lines{"GET 3 EIO=4&transport=polling"}));
    EXPECT_EQ(peer.respond(3, open_packet(false)), (lines{"opened", get(4)}));
}

TEST(EioClientHandshake, OneConnectionAtATime) {
    script peer;
    peer.connect();
    EXPECT_EQ(peer.session.connect(peer.now), errc::already_connected);
    peer.respond(1, open_packet(false));
    EXPECT_EQ(peer.session.connect(peer.now), errc::already_connected);
}

// Polling

TEST(EioClientPolling, EachAnswerBringsTheNextGet) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.respond(2, "4one\x1e"
                              "4two"),
              (lines{"message text one", "message text two", get(3)}));
    EXPECT_EQ(peer.respond(3, "6"), (lines{get(4)}));
}

TEST(EioClientPolling, WhatIsSentDuringAPostGoesInTheNext) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.send("a"), (lines{post(3, "4a")}));
    EXPECT_FALSE(peer.session.is_writable());
    EXPECT_EQ(peer.send("b"), lines{});
    EXPECT_EQ(peer.send(std::string_view{"\x00\x01", 2}, frame_kind::binary), lines{});
    EXPECT_EQ(peer.session.buffered_bytes(), 2U + 2U + 2U);
    EXPECT_EQ(peer.respond(3, "ok"), (lines{post(4, "4b\x1e"
                                                    "bAAE=")}));
    EXPECT_EQ(peer.respond(4, "ok"), lines{});
    EXPECT_TRUE(peer.session.is_writable());
    EXPECT_EQ(peer.session.buffered_bytes(), 0U);
}

TEST(EioClientPolling, ABodyIsNotLongerThanTheServerTakes) {
    script peer;
    peer.open_polling(10);
    EXPECT_EQ(peer.send("1"), (lines{post(3, "41")}));
    peer.send("234"); // 4
    peer.send("567"); // + 1 + 4
    peer.send("8");   // + 1 + 2: too much
    EXPECT_EQ(peer.respond(3, "ok"), (lines{post(4, "4234\x1e"
                                                    "4567")}));
    EXPECT_EQ(peer.respond(4, "ok"), (lines{post(5, "48")}));
}

TEST(EioClientPolling, ABodyMayBeExactlyAsLongAsTheServerTakes) {
    script peer;
    peer.open_polling(10);
    peer.send("1");
    peer.send("234");  // 4
    peer.send("5678"); // + 1 + 5
    EXPECT_EQ(peer.respond(3, "ok"), (lines{post(4, "4234\x1e"
                                                    "45678")}));
}

TEST(EioClientPolling, AMessageThatTheServerWouldNotTakeIsRefused) {
    script peer;
    peer.open_polling(10);
    EXPECT_EQ(peer.try_to_send("123456789"), std::error_code{});
    EXPECT_EQ(peer.try_to_send("1234567890"), errc::payload_too_large);
    EXPECT_EQ(peer.try_to_send("123456", frame_kind::binary), std::error_code{});
    EXPECT_EQ(peer.try_to_send("1234567", frame_kind::binary), errc::payload_too_large); // b and 12 in base64
}

TEST(EioClientPolling, AnAnswerThatIsNotOkEndsTheSession) {
    for (const int status : {204, 301, 400, 413, 500, 502}) {
        script get_fails;
        get_fails.open_polling();
        EXPECT_EQ(get_fails.respond(2, "", static_cast<std::uint16_t>(status)),
                  (lines{"closed: transport error"}));

        script post_fails;
        post_fails.open_polling();
        post_fails.send("a");
        EXPECT_EQ(post_fails.respond(3, "", static_cast<std::uint16_t>(status)),
                  (lines{"abort request 2", "closed: transport error"}));
    }
}

TEST(EioClientPolling, AConnectionThatBreaksEndsTheSession) {
    script peer;
    peer.open_polling();
    peer.send("a");
    EXPECT_EQ(peer.fail_request(2), (lines{"abort request 3", "closed: transport error"}));
    EXPECT_EQ(peer.session.buffered_bytes(), 0U);
}

TEST(EioClientPolling, TheServersCloseEndsTheSession) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.respond(2, "4last\x1e"
                              "1\x1e"
                              "4behind"),
              (lines{"message text last", "closed: transport close"}));
}

TEST(EioClientPolling, AnswersForAnOldRequestAreHarmless) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.respond(1, "4old"), lines{});
    EXPECT_EQ(peer.respond(99, "4unknown"), lines{});
    EXPECT_EQ(peer.respond(0, "4none"), lines{});
    EXPECT_EQ(peer.fail_request(1), lines{});
    EXPECT_EQ(peer.session.current_state(), state::open);
}

// What a hostile server may send

TEST(EioClientHostile, FaultsAreNamedAfterWhatCameBeforeThem) {
    const std::pair<std::string, errc> faults[] = {
        {"", errc::empty_packet},     {"7", errc::unknown_packet_type}, {"x", errc::unknown_packet_type},
        {"bA", errc::invalid_base64}, {"b!!!!", errc::invalid_base64},  {"<html>", errc::unknown_packet_type},
    };
    for (const auto& [packet, fault] : faults) {
        script peer;
        peer.open_polling();
        EXPECT_EQ(peer.respond(2, "4good\x1e" + packet +
                                      "\x1e"
                                      "4behind"),
                  (lines{"message text good", closed_by(close_reason::transport_error, fault)}))
            << packet;
    }
}

TEST(EioClientHostile, AnEmptyBodyIsAFault) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.respond(2, ""), (lines{closed_by(close_reason::transport_error, errc::empty_packet)}));
}

TEST(EioClientHostile, ABodyThatIsNotUtf8IsAFault) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.respond(2, "4\xff"),
              (lines{closed_by(close_reason::transport_error, errc::invalid_utf8)}));
}

TEST(EioClientHostile, ABodyOfTooManyPacketsIsAFault) {
    script peer;
    peer.options.bounds.max_packets_per_payload = 3;
    peer.open_polling();
    EXPECT_EQ(peer.respond(2, "6\x1e"
                              "6\x1e"
                              "6"),
              (lines{get(3)}));
    EXPECT_EQ(
        peer.respond(3, "6\x1e"
                        "6\x1e"
                        "4third\x1e"
                        "4fourth"),
        (lines{"message text third", closed_by(close_reason::transport_error, errc::too_many_packets)}));
}

TEST(EioClientHostile, MoreBytesThanTheLimitAreAFault) {
    script polling;
    polling.options.bounds.max_payload_bytes = 200;
    polling.open_polling();
    EXPECT_EQ(polling.respond(2, "4" + std::string(200, 'x')),
              (lines{closed_by(close_reason::transport_error, errc::payload_too_large)}));

    script websocket;
    websocket.options.bounds.max_payload_bytes = 200;
    websocket.open_websocket();
    EXPECT_EQ(websocket.binary(1, std::string(201, 'x')),
              (lines{"close link 1", closed_by(close_reason::transport_error, errc::payload_too_large)}));
}

TEST(EioClientHostile, AFloodOfPingsIsAnsweredOnce) {
    script peer;
    peer.open_polling();
    peer.send("a");
    std::string flood = "2";
    for (int i = 0; i < 1000; ++i)
        flood += "\x1e"
                 "2";
    EXPECT_EQ(peer.respond(2, flood), (lines{get(4)}));
    EXPECT_EQ(peer.respond(3, "ok"), (lines{post(5, "3")}));
}

TEST(EioClientHostile, AFloodOfPingsOnALinkThatDoesNotDrainIsAnsweredOnce) {
    script peer;
    peer.open_websocket();
    EXPECT_EQ(peer.text(1, "2"), (lines{"link 1 text 3"}));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(peer.text(1, "2"), lines{});
    EXPECT_EQ(peer.drained(1), (lines{"link 1 text 3"}));
    EXPECT_EQ(peer.drained(1), lines{});
}

TEST(EioClientHostile, PacketsOfTheOtherDirectionAreIgnored) {
    script peer;
    peer.open_websocket();
    for (const char* packet : {"3", "5", "6", "3probe", "5probe", "0garbage"}) {
        EXPECT_EQ(peer.text(1, packet), lines{}) << packet;
    }
}

// Heartbeat

TEST(EioClientHeartbeat, APingIsAnswered) {
    script polling;
    polling.open_polling();
    EXPECT_EQ(polling.respond(2, "2"), (lines{post(3, "3"), get(4)}));

    script websocket;
    websocket.open_websocket();
    EXPECT_EQ(websocket.text(1, "2"), (lines{"link 1 text 3"}));
}

TEST(EioClientHeartbeat, SilenceOfIntervalAndTimeoutEndsTheSession) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{45});
    EXPECT_EQ(peer.wait(seconds{45} - duration{1}), lines{});
    EXPECT_EQ(peer.wait(duration{1}), (lines{"abort request 2", "closed: ping timeout"}));
}

TEST(EioClientHeartbeat, OnlyAPingMovesTheDeadline) {
    script peer;
    peer.open_websocket();
    peer.wait(seconds{20});
    peer.text(1, "4message");
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{25});
    peer.text(1, "2");
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{45});
}

TEST(EioClientHeartbeat, ThePongGoesBeforeWhatWaits) {
    script peer;
    peer.open_polling();
    peer.send("a");
    peer.send("b");
    peer.respond(2, "2");
    EXPECT_EQ(peer.respond(3, "ok"), (lines{post(5, "3\x1e"
                                                    "4b")}));
}

// WebSocket

TEST(EioClientWebsocket, MessagesTravelBothWays) {
    script peer;
    peer.open_websocket();
    EXPECT_EQ(peer.text(1, "4hello"), (lines{"message text hello"}));
    EXPECT_EQ(peer.binary(1, "\x04\xff"), (lines{"message binary \x04\xff"}));
    EXPECT_EQ(peer.text(1, "bAQI="), (lines{"message binary \x01\x02"}));
    EXPECT_EQ(peer.text(1, "4"), (lines{"message text "}));
    EXPECT_EQ(peer.send("hi"), (lines{"link 1 text 4hi"}));
}

TEST(EioClientWebsocket, MessagesWaitUntilTheLinkHasDrained) {
    script peer;
    peer.open_websocket();
    EXPECT_EQ(peer.send("a"), (lines{"link 1 text 4a"}));
    EXPECT_EQ(peer.send("b"), lines{});
    EXPECT_EQ(peer.send("c", frame_kind::binary), lines{});
    EXPECT_EQ(peer.drained(1), (lines{"link 1 text 4b", "link 1 binary c"}));
    EXPECT_EQ(peer.drained(1), lines{});
    EXPECT_EQ(peer.session.buffered_bytes(), 0U);
}

TEST(EioClientWebsocket, TheEndOfTheLinkIsTheEndOfTheSession) {
    script closed;
    closed.open_websocket();
    EXPECT_EQ(closed.link_closed(1, link_end::closed), (lines{"closed: transport close"}));

    script failed;
    failed.open_websocket();
    EXPECT_EQ(failed.link_closed(1, link_end::failed), (lines{"closed: transport error"}));
}

TEST(EioClientWebsocket, ALinkThatDoesNotOpenIsATransportError) {
    script peer;
    peer.options.first_transport = transport::websocket;
    peer.connect();
    EXPECT_EQ(peer.link_closed(1), (lines{"closed: transport error"}));
}

TEST(EioClientWebsocket, TheServersClosePacketEndsTheSession) {
    script peer;
    peer.open_websocket();
    EXPECT_EQ(peer.text(1, "1"), (lines{"close link 1", "closed: transport close"}));
}

TEST(EioClientWebsocket, FramesOfADeadLinkAreHarmless) {
    script peer;
    peer.open_websocket();
    peer.link_closed(1);
    EXPECT_EQ(peer.text(1, "4late"), lines{});
    EXPECT_EQ(peer.drained(1), lines{});
    EXPECT_EQ(peer.link_closed(1), lines{});
    EXPECT_EQ(peer.link_open(1), lines{});
    EXPECT_EQ(peer.connect(), (lines{"open link 2 EIO=4&transport=websocket"}));
    EXPECT_EQ(peer.text(1, open_packet(false)), lines{});
    EXPECT_EQ(peer.session.current_state(), state::opening);
}

// Upgrade

TEST(EioClientUpgrade, ProbesPausesAndMoves) {
    script peer;
    peer.connect();
    EXPECT_EQ(peer.respond(1, open_packet(true)),
              (lines{"opened", "open link 1 EIO=4&transport=websocket&sid=S", get(2)}));
    EXPECT_EQ(peer.link_open(1), (lines{"link 1 text 2probe"}));
    EXPECT_EQ(peer.text(1, "3probe"), lines{}) << "GET 2 is still under way";
    EXPECT_EQ(peer.respond(2, "6"), (lines{"link 1 text 5", "upgraded"}));
    EXPECT_EQ(peer.session.current_transport(), transport::websocket);
    EXPECT_EQ(peer.send("a"), (lines{"link 1 text 4a"}));
    EXPECT_EQ(peer.text(1, "4b"), (lines{"message text b"}));
}

TEST(EioClientUpgrade, WaitsForThePostUnderWay) {
    script peer;
    peer.open_with_upgrade();
    EXPECT_EQ(peer.send("a"), (lines{post(3, "4a")}));
    peer.link_open(1);
    peer.text(1, "3probe");
    EXPECT_EQ(peer.send("b"), lines{});
    EXPECT_EQ(peer.respond(2, "4last of polling"), (lines{"message text last of polling"}));
    EXPECT_EQ(peer.respond(3, "ok"), (lines{"link 1 text 5", "upgraded", "link 1 text 4b"}));
}

TEST(EioClientUpgrade, APingWhilePausingIsAnsweredOnTheLink) {
    script peer;
    peer.open_with_upgrade();
    peer.link_open(1);
    peer.text(1, "3probe");
    EXPECT_EQ(peer.respond(2, "2"), (lines{"link 1 text 5", "upgraded", "link 1 text 3"}));
}

TEST(EioClientUpgrade, PollingGoesOnUntilTheProbeIsAnswered) {
    script peer;
    peer.open_with_upgrade();
    peer.link_open(1);
    EXPECT_EQ(peer.respond(2, "6"), (lines{get(3)}));
    EXPECT_EQ(peer.send("a"), (lines{post(4, "4a")}));
}

TEST(EioClientUpgrade, IsNotTriedWhenNotOfferedOrNotWanted) {
    script unwanted;
    unwanted.options.allow_upgrade = false;
    unwanted.connect();
    EXPECT_EQ(unwanted.respond(1, open_packet(true)), (lines{"opened", get(2)}));
}

TEST(EioClientUpgrade, AFailedProbeLeavesPollingAsItWas) {
    script peer;
    peer.open_with_upgrade();
    EXPECT_EQ(peer.link_closed(1), lines{});
    EXPECT_EQ(peer.respond(2, "4a"), (lines{"message text a", get(3)}));
    EXPECT_EQ(peer.send("b"), (lines{post(4, "4b")}));
}

TEST(EioClientUpgrade, AnyOtherAnswerToTheProbeIsItsEnd) {
    for (const char* answer : {"3", "3prob", "3probes", "2probe", "4message", "6", "", "0{}"}) {
        script peer;
        peer.open_with_upgrade();
        peer.link_open(1);
        EXPECT_EQ(peer.text(1, answer), (lines{"close link 1"})) << answer;
        EXPECT_EQ(peer.session.current_state(), state::open);
    }
    script peer;
    peer.open_with_upgrade();
    peer.link_open(1);
    EXPECT_EQ(peer.binary(1, "3probe"), (lines{"close link 1"}));
}

TEST(EioClientUpgrade, AnAnswerBeforeTheQuestionIsItsEnd) {
    script peer;
    peer.open_with_upgrade();
    EXPECT_EQ(peer.text(1, "3probe"), (lines{"close link 1"}));
}

TEST(EioClientUpgrade, ALinkThatDiesWhilePausingResumesPolling) {
    script peer;
    peer.open_with_upgrade();
    peer.send("a");
    peer.link_open(1);
    peer.text(1, "3probe");
    peer.send("b");
    EXPECT_EQ(peer.respond(2, "6"), lines{});
    EXPECT_EQ(peer.link_closed(1), (lines{get(4)}));
    EXPECT_EQ(peer.respond(3, "ok"), (lines{post(5, "4b")}));
}

TEST(EioClientUpgrade, SilenceEndsTheProbe) {
    script peer;
    peer.open_with_upgrade();
    peer.link_open(1);
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{10});
    EXPECT_EQ(peer.wait(seconds{10}), (lines{"close link 1"}));
    EXPECT_EQ(peer.session.current_state(), state::open);
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{35});
}

TEST(EioClientUpgrade, EndsWithTheSession) {
    script peer;
    peer.open_with_upgrade();
    peer.link_open(1);
    EXPECT_EQ(peer.fail_request(2), (lines{"close link 1", "closed: transport error"}));
    EXPECT_EQ(peer.text(1, "3probe"), lines{});
}

// Sending

TEST(EioClientSend, NeedsAnOpenSession) {
    script peer;
    EXPECT_EQ(peer.try_to_send("a"), errc::not_connected);
    peer.connect();
    EXPECT_EQ(peer.try_to_send("a"), errc::not_connected);
    peer.respond(1, open_packet(false));
    peer.fail_request(2);
    EXPECT_EQ(peer.try_to_send("a"), errc::not_connected);
}

TEST(EioClientSend, TheWriteBufferIsBounded) {
    script peer;
    peer.options.max_write_buffer_bytes = 10;
    peer.open_websocket();
    EXPECT_EQ(peer.try_to_send("123"), std::error_code{});
    EXPECT_EQ(peer.try_to_send("45678"), std::error_code{}) << "what is on its way counts: 4 + 6 bytes";
    EXPECT_EQ(peer.try_to_send(""), errc::queue_full);
    EXPECT_EQ(peer.drain(), (lines{"link 1 text 4123"}));
    EXPECT_EQ(peer.drained(1), (lines{"link 1 text 445678"}));
    EXPECT_EQ(peer.try_to_send("90"), std::error_code{});
}

TEST(EioClientSend, AGroupIsSentWholeOrNotAtAll) {
    script peer;
    peer.options.max_write_buffer_bytes = 12;
    peer.open_websocket();
    const std::array<client_session::outgoing, 2> fits{
        {{frame_kind::text, "51-"}, {frame_kind::binary, "12345678"}}};
    const std::array<client_session::outgoing, 2> too_much{
        {{frame_kind::text, "51-"}, {frame_kind::binary, "123456789"}}};
    EXPECT_EQ(peer.session.send(too_much), errc::queue_full);
    EXPECT_EQ(peer.drain(), lines{});
    EXPECT_EQ(peer.session.send(fits), std::error_code{});
    EXPECT_EQ(peer.drain(), (lines{"link 1 text 451-", "link 1 binary 12345678"}));
}

TEST(EioClientSend, AnEmptyGroupIsNothing) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.session.send({}), std::error_code{});
    EXPECT_EQ(peer.drain(), lines{});
}

TEST(EioClientSend, OrderHoldsThroughALongBacklog) {
    script peer;
    peer.open_polling(20);
    std::string sent;
    std::string arrived;
    int next_post = 3;
    const auto note = [&](const lines& out) {
        for (const std::string& line : out) {
            const std::string body = line.substr(line.rfind(' ') + 1);
            for (std::size_t at = 0; at < body.size(); at += 3) arrived += body[at + 1];
        }
    };
    for (int i = 0; i < 2000; ++i) {
        const std::string message(1, static_cast<char>('a' + i % 26));
        sent += message;
        note(peer.send(message));
        if (i % 7 == 0) note(peer.respond(static_cast<std::uint64_t>(next_post++), "ok"));
    }
    while (peer.session.buffered_bytes() != 0)
        note(peer.respond(static_cast<std::uint64_t>(next_post++), "ok"));
    EXPECT_EQ(arrived, sent);
}

// Close

TEST(EioClientClose, OverPollingSaysSoInABody) {
    script peer;
    peer.open_polling();
    EXPECT_EQ(peer.close(), (lines{post(3, "1")}));
    EXPECT_EQ(peer.session.current_state(), state::closing);
    EXPECT_EQ(peer.respond(2, "6"), lines{});
    EXPECT_EQ(peer.respond(3, "ok"), (lines{"closed: forced close"}));
}

TEST(EioClientClose, WhatWasSentGoesFirst) {
    script polling;
    polling.open_polling();
    polling.send("a");
    polling.send("b");
    EXPECT_EQ(polling.close(), lines{});
    EXPECT_EQ(polling.respond(3, "ok"), (lines{post(4, "4b\x1e"
                                                       "1")}));
    EXPECT_EQ(polling.respond(4, "ok"), (lines{"abort request 2", "closed: forced close"}));

    script websocket;
    websocket.open_websocket();
    websocket.send("a");
    websocket.send("b");
    EXPECT_EQ(websocket.close(), lines{});
    EXPECT_EQ(websocket.drained(1), (lines{"link 1 text 4b"}));
    EXPECT_EQ(websocket.drained(1), (lines{"close link 1", "closed: forced close"}));
}

TEST(EioClientClose, OverAnIdleLinkIsAtOnce) {
    script peer;
    peer.open_websocket();
    EXPECT_EQ(peer.close(), (lines{"close link 1", "closed: forced close"}));
}

TEST(EioClientClose, WhileOpeningIsAtOnce) {
    script peer;
    peer.connect();
    EXPECT_EQ(peer.close(), (lines{"abort request 1", "closed: forced close"}));
}

TEST(EioClientClose, GivesUpAnUpgrade) {
    script peer;
    peer.open_with_upgrade();
    peer.link_open(1);
    peer.text(1, "3probe");
    EXPECT_EQ(peer.close(), (lines{"close link 1", post(3, "1")}));
}

TEST(EioClientClose, DoesNotWaitForever) {
    script peer;
    peer.open_polling();
    peer.send("a");
    peer.close();
    EXPECT_EQ(peer.session.next_timeout(), peer.now + seconds{5});
    EXPECT_EQ(peer.wait(seconds{5}), (lines{"abort request 2", "abort request 3", "closed: forced close"}));
}

TEST(EioClientClose, HearsNoMessageAnyMore) {
    script peer;
    peer.open_websocket();
    peer.send("a");
    peer.close();
    EXPECT_EQ(peer.text(1, "4late"), lines{});
    EXPECT_EQ(peer.try_to_send("b"), errc::not_connected);
}

TEST(EioClientClose, ALostConnectionBeforeAllWasOutIsNamed) {
    script peer;
    peer.open_polling();
    peer.send("a");
    peer.close();
    EXPECT_EQ(peer.fail_request(3), (lines{"abort request 2", "closed: transport error"}));
}

TEST(EioClientClose, ALostConnectionAfterTheCloseIsWhatWasWanted) {
    script peer;
    peer.open_polling();
    peer.close();
    EXPECT_EQ(peer.fail_request(3), (lines{"abort request 2", "closed: forced close"}));
}

TEST(EioClientClose, RepeatedOrLateIsHarmless) {
    script peer;
    EXPECT_EQ(peer.close(), lines{});
    peer.open_polling();
    EXPECT_EQ(peer.close().size(), 1U);
    EXPECT_EQ(peer.close(), lines{});
    peer.respond(3, "ok");
    EXPECT_EQ(peer.close(), lines{});
    EXPECT_EQ(peer.wait(seconds{1000}), lines{});
}

TEST(EioClientTimer, ASpuriousTimeoutIsHarmless) {
    script peer;
    EXPECT_EQ(peer.wait(seconds{1}), lines{});
    peer.connect();
    EXPECT_EQ(peer.wait(seconds{1}), lines{});
    peer.respond(1, open_packet(true));
    EXPECT_EQ(peer.wait(seconds{1}), lines{});
    EXPECT_EQ(peer.session.current_state(), state::open);
}

} // namespace
} // namespace roomcast::core::eio
