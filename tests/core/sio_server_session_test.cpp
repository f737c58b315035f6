#include "roomcast/core/sio/server_session.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::sio {
namespace {

using std::chrono::seconds;
using lines = std::vector<std::string>;

constexpr time_point start{seconds{100}};

std::string violation(errc error) {
    return "violation: " + make_error_code(error).message();
}

/// A session whose driver is the test.
struct script {
    limits bounds;
    server_session session;

    explicit script(limits chosen = {}) : bounds(chosen), session(bounds, seconds{45}, start) {}
    script(const script&) = delete;

    lines outputs() {
        lines out;
        while (const auto output = session.poll_output()) out.push_back(line_of(*output));
        return out;
    }
    lines text(std::string_view packet) {
        session.on_message(frame_kind::text, packet);
        return outputs();
    }
    lines binary(std::string_view data) {
        session.on_message(frame_kind::binary, data);
        return outputs();
    }
    lines accept(slot_id slot) {
        session.accept(slot);
        return outputs();
    }
    /// Joins a namespace; its slot is the lowest free one.
    void join(std::string_view packet, slot_id slot = 0) {
        EXPECT_EQ(text(packet).size(), 1U);
        EXPECT_EQ(accept(slot), lines{});
    }

private:
    static std::string line_of(const server_output& output) {
        using kind = server_output::kind;
        std::string rest = " " + std::to_string(output.slot) + " " + std::string{output.nsp};
        if (!output.id.empty()) rest += " #" + std::string{output.id};
        if (!output.data.empty()) rest += " " + std::string{output.data};
        if (output.parts) {
            for (const std::string& part : *output.parts) rest += " <" + part + ">";
        }
        switch (output.what) {
        case kind::connect_request: return "connect" + rest;
        case kind::event: return "event" + rest;
        case kind::ack: return "ack" + rest;
        case kind::disconnect: return "disconnect" + rest;
        case kind::send: return "send " + std::string{output.message->first.payload()};
        case kind::violation: return "violation: " + output.error.message();
        }
        return {};
    }
};

// ---- Connect

TEST(SioServerSessionConnect, AsksTheDriver) {
    script it;
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(it.text(R"(0/chat,{"token":"1"})"), lines{R"(connect 1 /chat {"token":"1"})"});
    EXPECT_EQ(it.session.joined(), 0U);
}

TEST(SioServerSessionConnect, AcceptedNamespaceIsJoined) {
    script it;
    it.join("0/a,");
    EXPECT_TRUE(it.session.is_joined(0));
    EXPECT_FALSE(it.session.is_joined(1));
    EXPECT_EQ(it.session.joined(), 1U);
    EXPECT_EQ(it.text(R"(2/a,["m",1])"), lines{R"(event 0 /a ["m",1])"});
}

TEST(SioServerSessionConnect, RefusedNamespaceMayBeAskedForAgain) {
    script it;
    EXPECT_EQ(it.text("0/a,"), lines{"connect 0 /a"});
    it.session.refuse(0);
    EXPECT_FALSE(it.session.is_joined(0));
    EXPECT_EQ(it.text("0/a,"), lines{"connect 0 /a"});
}

TEST(SioServerSessionConnect, SecondConnectIsAViolation) {
    script joined;
    joined.join("0");
    EXPECT_EQ(joined.text("0"), lines{violation(errc::already_connected)});
    script asked;
    EXPECT_EQ(asked.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(asked.text("0"), lines{violation(errc::already_connected)});
}

TEST(SioServerSessionConnect, EachNamespaceHasItsSlot) {
    script it;
    it.join("0", 0);
    it.join("0/a,", 1);
    it.join("0/b,", 2);
    EXPECT_EQ(it.text(R"(2/b,["m"])"), lines{R"(event 2 /b ["m"])"});
    EXPECT_EQ(it.text(R"(2["m"])"), lines{R"(event 0 / ["m"])"});
    EXPECT_EQ(it.session.joined(), 3U);
}

TEST(SioServerSessionConnect, FreeSlotIsUsedAgain) {
    script it;
    it.join("0", 0);
    it.join("0/a,", 1);
    EXPECT_EQ(it.text("1"), lines{"disconnect 0 /"});
    EXPECT_EQ(it.text("0/b,"), lines{"connect 0 /b"});
    EXPECT_EQ(it.accept(0), lines{});
    EXPECT_EQ(it.text(R"(2/b,["m"])"), lines{R"(event 0 /b ["m"])"});
}

TEST(SioServerSessionConnect, NamespacesAreBounded) {
    limits bounds;
    bounds.max_namespaces_per_connection = 2;
    script it{bounds};
    it.join("0", 0);
    EXPECT_EQ(it.text("0/a,"), lines{"connect 1 /a"});
    EXPECT_EQ(it.text("0/b,"), lines{R"(send 44/b,{"message":"Too many namespaces"})"});
    EXPECT_EQ(it.text("1"), lines{"disconnect 0 /"});
    EXPECT_EQ(it.text("0/b,"), lines{"connect 0 /b"});
}

// ---- Packets of a joined namespace

TEST(SioServerSessionPackets, EventsAndAcksComeOut) {
    script it;
    it.join("0");
    EXPECT_EQ(it.text(R"(213["m",{"a":1}])"), lines{R"(event 0 / #13 ["m",{"a":1}])"});
    EXPECT_EQ(it.text("37[1]"), lines{"ack 0 / #7 [1]"});
}

TEST(SioServerSessionPackets, BinaryEventComesOutBehindItsLastAttachment) {
    script it;
    it.join("0");
    const std::string list = R"(["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])";
    EXPECT_EQ(it.text("52-" + list), lines{});
    EXPECT_EQ(it.binary("x"), lines{});
    EXPECT_EQ(it.binary("y"), lines{"event 0 / " + list + " <x> <y>"});
}

TEST(SioServerSessionPackets, BinaryAckComesOutBehindItsAttachment) {
    script it;
    it.join("0");
    const std::string list = R"([{"_placeholder":true,"num":0}])";
    EXPECT_EQ(it.text("61-4" + list), lines{});
    EXPECT_EQ(it.binary("x"), lines{"ack 0 / #4 " + list + " <x>"});
}

TEST(SioServerSessionPackets, PacketsWithoutPayloadAreIgnored) {
    script it;
    it.join("0");
    EXPECT_EQ(it.text("2"), lines{});
    EXPECT_EQ(it.text("31"), lines{});
    EXPECT_TRUE(it.session.is_joined(0));
}

TEST(SioServerSessionPackets, DisconnectFreesTheSlot) {
    script it;
    it.join("0/a,");
    EXPECT_EQ(it.text("1/a,"), lines{"disconnect 0 /a"});
    EXPECT_EQ(it.session.joined(), 0U);
    EXPECT_EQ(it.text("0/a,"), lines{"connect 0 /a"});
}

TEST(SioServerSessionPackets, PacketForANamespaceNotJoinedIsAViolation) {
    for (const char* packet : {R"(2/b,["m"])", "3/b,1[]", "1/b,", R"(4/b,{"message":"x"})", R"(2["m"])"}) {
        script it;
        it.join("0/a,");
        EXPECT_EQ(it.text(packet), lines{violation(errc::not_connected)}) << packet;
    }
}

TEST(SioServerSessionPackets, PacketForANamespaceLeftIsAViolation) {
    script it;
    it.join("0");
    it.session.leave(0);
    EXPECT_EQ(it.outputs(), lines{});
    EXPECT_EQ(it.text(R"(2["m"])"), lines{violation(errc::not_connected)});
}

TEST(SioServerSessionPackets, ConnectErrorFromAClientIsAViolation) {
    script it;
    it.join("0");
    EXPECT_EQ(it.text(R"(4{"message":"x"})"), lines{violation(errc::unexpected_type)});
}

TEST(SioServerSessionPackets, WhatCannotBeDecodedIsAViolation) {
    script it;
    it.join("0");
    EXPECT_EQ(it.text("2{}"), lines{violation(errc::invalid_payload)});
}

TEST(SioServerSessionPackets, AttachmentThatNobodyAnnouncedIsAViolation) {
    script it;
    it.join("0");
    EXPECT_EQ(it.binary("x"), lines{violation(errc::unexpected_attachment)});
}

TEST(SioServerSessionPackets, NothingIsReadBehindAViolation) {
    script it;
    it.join("0");
    EXPECT_EQ(it.text("9"), lines{violation(errc::unknown_type)});
    EXPECT_EQ(it.text(R"(2["m"])"), lines{});
    EXPECT_EQ(it.session.next_timeout(), never);
}

TEST(SioServerSessionPackets, NothingIsReadBehindAStop) {
    script it;
    it.session.on_message(frame_kind::text, "0");
    it.session.stop();
    EXPECT_EQ(it.outputs(), lines{});
    EXPECT_EQ(it.text("0"), lines{});
    EXPECT_EQ(it.session.next_timeout(), never);
}

// ---- Events before their namespace is accepted

TEST(SioServerSessionKept, EventsComeOutInOrderBehindTheAccept) {
    script it;
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(it.text(R"(2["a"])"), lines{});
    EXPECT_EQ(it.text(R"(25["b"])"), lines{});
    EXPECT_EQ(it.text("36[1]"), lines{});
    EXPECT_EQ(it.text(R"(51-["c",{"_placeholder":true,"num":0}])"), lines{});
    EXPECT_EQ(it.binary("x"), lines{});
    EXPECT_EQ(it.accept(0), (lines{R"(event 0 / ["a"])", R"(event 0 / #5 ["b"])", "ack 0 / #6 [1]",
                                   R"(event 0 / ["c",{"_placeholder":true,"num":0}] <x>)"}));
    EXPECT_EQ(it.text(R"(2["d"])"), lines{R"(event 0 / ["d"])"});
}

TEST(SioServerSessionKept, EventsOfARefusedNamespaceAreDropped) {
    script it;
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(it.text(R"(2["a"])"), lines{});
    it.session.refuse(0);
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(it.accept(0), lines{});
}

TEST(SioServerSessionKept, EventsOfTwoNamespacesComeOutWhenBothAreAcceptedAtOnce) {
    script it;
    EXPECT_EQ(it.text("0/a,"), lines{"connect 0 /a"});
    EXPECT_EQ(it.text("0/b,"), lines{"connect 1 /b"});
    EXPECT_EQ(it.text(R"(2/a,["1"])"), lines{});
    EXPECT_EQ(it.text(R"(2/b,["2"])"), lines{});
    EXPECT_EQ(it.text(R"(2/a,["3"])"), lines{});
    it.session.accept(0);
    it.session.accept(1);
    EXPECT_EQ(it.outputs(), (lines{R"(event 0 /a ["1"])", R"(event 0 /a ["3"])", R"(event 1 /b ["2"])"}));
}

TEST(SioServerSessionKept, LeavingWhileTheyComeOutDropsTheRest) {
    script it;
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    for (const char* packet : {R"(2["a"])", R"(2["b"])", R"(2["c"])"}) EXPECT_EQ(it.text(packet), lines{});
    it.session.accept(0);
    ASSERT_TRUE(it.session.poll_output());
    it.session.leave(0);
    EXPECT_EQ(it.outputs(), lines{});
    EXPECT_EQ(it.text("0/n,"), lines{"connect 0 /n"});
    EXPECT_EQ(it.text(R"(2/n,["d"])"), lines{});
    EXPECT_EQ(it.text(R"(2/n,["e"])"), lines{});
    EXPECT_EQ(it.accept(0), (lines{R"(event 0 /n ["d"])", R"(event 0 /n ["e"])"}));
}

TEST(SioServerSessionKept, TheirCountIsBounded) {
    limits bounds;
    bounds.max_pending_events = 2;
    script it{bounds};
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(it.text(R"(2["a"])"), lines{});
    EXPECT_EQ(it.text(R"(2["b"])"), lines{});
    EXPECT_EQ(it.text(R"(2["c"])"), lines{violation(errc::too_many_pending_events)});
}

TEST(SioServerSessionKept, TheirBytesAreBoundedAttachmentsIncluded) {
    limits bounds;
    bounds.max_pending_event_bytes = 50;
    script it{bounds};
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    EXPECT_EQ(it.text(R"(51-["a",{"_placeholder":true,"num":0}])"), lines{}); // 36 bytes of text
    EXPECT_EQ(it.binary("12345678901234"), lines{});
    EXPECT_EQ(it.text(R"(2["b"])"), lines{violation(errc::too_many_pending_events)});
}

TEST(SioServerSessionKept, DisconnectWhileAskedForDropsThemAndFreesTheSlot) {
    script it;
    EXPECT_EQ(it.text("0/a,"), lines{"connect 0 /a"});
    EXPECT_EQ(it.text(R"(2/a,["a"])"), lines{});
    EXPECT_EQ(it.text("1/a,"), lines{"disconnect 0 /a"});
    EXPECT_EQ(it.text("0/b,"), lines{"connect 0 /b"});
    EXPECT_EQ(it.accept(0), lines{});
}

// ---- Connect time-out

TEST(SioServerSessionTimeout, ConnectionWithoutANamespaceIsAViolation) {
    script it;
    EXPECT_EQ(it.session.next_timeout(), start + seconds{45});
    it.session.on_timeout(start + seconds{45} - duration{1});
    EXPECT_EQ(it.outputs(), lines{});
    it.session.on_timeout(start + seconds{45});
    EXPECT_EQ(it.outputs(), lines{violation(errc::connect_timeout)});
    EXPECT_EQ(it.session.next_timeout(), never);
}

TEST(SioServerSessionTimeout, AskingForANamespaceDoesNotStopIt) {
    script it;
    EXPECT_EQ(it.text("0"), lines{"connect 0 /"});
    it.session.refuse(0);
    EXPECT_EQ(it.text("0/a,"), lines{"connect 0 /a"});
    EXPECT_EQ(it.session.next_timeout(), start + seconds{45});
}

TEST(SioServerSessionTimeout, FirstNamespaceStopsItForGood) {
    script it;
    it.join("0");
    EXPECT_EQ(it.session.next_timeout(), never);
    EXPECT_EQ(it.text("1"), lines{"disconnect 0 /"});
    EXPECT_EQ(it.session.next_timeout(), never);
    it.session.on_timeout(start + seconds{1'000});
    EXPECT_EQ(it.outputs(), lines{});
}

// ---- Recovery

std::string recovery(std::string_view auth) {
    const auto request = parse_recovery(auth);
    return request ? request->pid + "|" + request->offset : "none";
}

TEST(SioServerSessionRecovery, PidAndOffsetAreStrings) {
    EXPECT_EQ(recovery(R"({"pid":"p","offset":"o"})"), "p|o");
    EXPECT_EQ(recovery(R"({"token":1,"offset":"o\u0041","pid":"p"})"), "p|oA");
}

TEST(SioServerSessionRecovery, AnythingElseIsNoRequest) {
    for (const char* auth :
         {"", "{}", R"({"pid":"p"})", R"({"offset":"o"})", R"({"pid":1,"offset":"o"})",
          R"({"pid":"p","offset":2})", R"({"pid":"p","offset":null})", R"({"pid":["p"],"offset":"o"})"}) {
        EXPECT_EQ(recovery(auth), "none") << auth;
    }
}

TEST(SioServerSessionRecovery, LongStringsAreNoRequest) {
    const std::string fits(126, 'x');
    EXPECT_EQ(recovery(R"({"pid":")" + fits + R"(","offset":"o"})"), fits + "|o");
    EXPECT_EQ(recovery(R"({"pid":")" + fits + R"(x","offset":"o"})"), "none");
    EXPECT_EQ(recovery(R"({"pid":"p","offset":")" + fits + R"(x"})"), "none");
}

} // namespace
} // namespace roomcast::core::sio
