#include "transport/websocket_handshake.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::server::transport {
namespace {

TEST(HttpWebsocketHandshake, AcceptsTheKeyOfTheRfc) {
    EXPECT_EQ(accept_for("dGhlIHNhbXBsZSBub25jZQ=="),
              "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // RFC 6455, section 1.3
}

TEST(HttpWebsocketHandshake, FirstSubprotocolIsChosen) {
    EXPECT_EQ(first_subprotocol("chat"), "chat");
    EXPECT_EQ(first_subprotocol(" \tchat , superchat"), "chat");
    EXPECT_EQ(first_subprotocol("chat,superchat"), "chat");
}

TEST(HttpWebsocketHandshake, WhatIsNoTokenIsNotChosen) {
    for (const char* offered : {"", "  ", ",chat", "a\x01", "\"chat\"", "a(b", "a\r\nX: y", "caf\xc3\xa9"}) {
        EXPECT_EQ(first_subprotocol(offered), "") << offered;
    }
    EXPECT_EQ(first_subprotocol(std::string(256, 'a')), std::string(256, 'a'));
    EXPECT_EQ(first_subprotocol(std::string(257, 'a')), "");
}

} // namespace
} // namespace roomcast::server::transport
