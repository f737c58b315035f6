#include "proxy/response_head.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::server::proxy {
namespace {

constexpr head_bounds bounds{16384, 100};

head_outcome read(std::string_view bytes, response_head& into) {
    std::size_t size = 0;
    return read_response_head(bytes, bounds, into, size);
}

TEST(ProxyHead, IsReadWithItsFields) {
    response_head head;
    std::size_t size = 0;
    const std::string_view bytes = "HTTP/1.1 404 Not Found\r\nA: b c \r\na:\td\r\nEmpty:\r\n\r\nbody";
    ASSERT_EQ(read_response_head(bytes, bounds, head, size), head_outcome::complete);
    EXPECT_EQ(bytes.substr(size), "body");
    EXPECT_EQ(head.status, 404U);
    EXPECT_EQ(head.reason, "Not Found");
    EXPECT_TRUE(head.is_http_11);
    ASSERT_EQ(head.fields.size(), 3U);
    EXPECT_EQ(head.fields[1].value, "d");
    EXPECT_EQ(head.find("A"), "b c");
    EXPECT_EQ(head.find("empty"), "");
}

TEST(ProxyHead, IsIncompleteAtEveryByteBeforeItsEnd) {
    const std::string_view bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        response_head head;
        EXPECT_EQ(read(bytes.substr(0, size), head), head_outcome::incomplete) << size;
    }
}

TEST(ProxyHead, NeedsNoReason) {
    response_head head;
    EXPECT_EQ(read("HTTP/1.1 200\r\n\r\n", head), head_outcome::complete);
    EXPECT_EQ(head.reason, "");
}

class MalformedHead : public testing::TestWithParam<const char*> {};

TEST_P(MalformedHead, IsRefused) {
    response_head head;
    EXPECT_EQ(read(std::string{GetParam()} + "\r\n\r\n", head), head_outcome::malformed);
}

INSTANTIATE_TEST_SUITE_P(
    ProxyHead, MalformedHead,
    testing::Values("", "HTTP/1.1", "HTTP/1.1 ", "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 OK",
                    "HTTP/1.1  200 OK", "HTTP/1.1 2000", "HTTP/1.1 099 X", "HTTP/1.1 600 X",
                    "HTTP/1.1 200 a\x01", "HTTP/1.1 200 OK\r\nA", "HTTP/1.1 200 OK\r\n: a",
                    "HTTP/1.1 200 OK\r\nA : b", "HTTP/1.1 200 OK\r\nA: b\r\n c: d",
                    "HTTP/1.1 200 OK\r\nA: b\rc", "HTTP/1.1 200 OK\r\nA: b\nc: d",
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1",
                    "HTTP/1.1 200 OK\r\nContent-Length: 1, 1", "HTTP/1.1 200 OK\r\nContent-Length: +1",
                    "HTTP/1.1 200 OK\r\nContent-Length:",
                    "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1",
                    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked"));

TEST(ProxyHead, IsBoundedInBytes) {
    response_head head;
    const std::string bytes = "HTTP/1.1 200 OK\r\nA: " + std::string(20'000, 'a') + "\r\n\r\n";
    EXPECT_EQ(read(bytes, head), head_outcome::malformed);
}

TEST(ProxyHead, IsBoundedInFields) {
    std::string bytes = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 101; ++i) bytes += "A: b\r\n";
    response_head head;
    EXPECT_EQ(read(bytes + "\r\n", head), head_outcome::malformed);
}

TEST(ProxyHead, SaysHowLongItsConnectionLives) {
    response_head head;
    ASSERT_EQ(read("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nKeep-Alive: max=9, timeout=5\r\n\r\n", head),
              head_outcome::complete);
    EXPECT_TRUE(head.is_close);
    EXPECT_EQ(head.keep_alive_s, 5U);
}

body_reader body_after(std::string_view bytes, bool to_head = false) {
    response_head head;
    EXPECT_EQ(read(bytes, head), head_outcome::complete);
    return body_of(head, to_head);
}

TEST(ProxyHead, SaysWhereTheBodyEnds) {
    EXPECT_TRUE(body_after("HTTP/1.1 200 OK\r\n\r\n").ends_with_connection());
    EXPECT_TRUE(body_after("HTTP/1.1 204 OK\r\nContent-Length: 5\r\n\r\n").is_done());
    EXPECT_TRUE(body_after("HTTP/1.1 304 OK\r\nContent-Length: 5\r\n\r\n").is_done());
    EXPECT_TRUE(body_after("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).is_done());
    EXPECT_FALSE(body_after("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").is_done());
}

TEST(ProxyHopByHop, IsWhatConcernsOneConnection) {
    for (const char* name : {"connection", "Transfer-Encoding", "KEEP-ALIVE", "Upgrade", "TE", "Trailer",
                             "Proxy-Connection", "Content-Length"}) {
        EXPECT_TRUE(is_hop_by_hop(name, "")) << name;
    }
    EXPECT_FALSE(is_hop_by_hop("X-Mine", "close"));
    EXPECT_TRUE(is_hop_by_hop("X-Mine", "close, x-mine"));
    EXPECT_FALSE(is_hop_by_hop("Mine", "x-mine"));
}

} // namespace
} // namespace roomcast::server::proxy
