#include "proxy/body_reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::server::proxy {
namespace {

struct seen {
    std::string body;
    std::string rest;
    body_reader::outcome last;
    bool operator==(const seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const seen& one) {
    return out << '"' << one.body << "\" \"" << one.rest << "\" " << static_cast<int>(one.last);
}

using outcome = body_reader::outcome;

/// Reads it all in pieces of `step` bytes.
seen read(body_reader reader, std::string_view bytes, std::size_t step) {
    seen all{{}, {}, outcome::incomplete};
    while (!bytes.empty()) {
        std::string_view part = bytes.substr(0, step);
        const std::size_t before = part.size();
        for (;;) {
            std::string_view piece;
            all.last = reader.next(part, piece);
            if (all.last != outcome::payload) break;
            all.body += piece;
        }
        bytes.remove_prefix(before - part.size());
        if (all.last != outcome::incomplete) break;
    }
    all.rest = bytes;
    return all;
}

/// However it comes in pieces, it means the same.
seen read_all_ways(const body_reader& reader, std::string_view bytes) {
    const seen whole = read(reader, bytes, bytes.size());
    for (std::size_t step = 1; step < bytes.size(); ++step) {
        const seen pieces = read(reader, bytes, step);
        EXPECT_EQ(pieces.body, whole.body) << step;
        EXPECT_EQ(pieces.last, whole.last) << step;
    }
    return whole;
}

TEST(ProxyBody, CountedEndsAfterItsBytes) {
    EXPECT_EQ(read_all_ways(body_reader::of_length(5), "helloGET"), (seen{"hello", "GET", outcome::done}));
}

TEST(ProxyBody, OfNoBytesIsDone) {
    EXPECT_TRUE(body_reader::of_length(0).is_done());
    EXPECT_TRUE(body_reader::none().is_done());
}

TEST(ProxyBody, UntilCloseNeverEndsByItself) {
    EXPECT_EQ(read_all_ways(body_reader::until_close(), "0\r\n\r\n"),
              (seen{"0\r\n\r\n", "", outcome::incomplete}));
}

TEST(ProxyBody, ChunksAreJoined) {
    EXPECT_EQ(read_all_ways(body_reader::chunked(), "5\r\nhello\r\n0A\r\n, my world\r\n0\r\n\r\nGET"),
              (seen{"hello, my world", "GET", outcome::done}));
}

TEST(ProxyBody, ExtensionsAndTrailersAreDropped) {
    EXPECT_EQ(read_all_ways(body_reader::chunked(),
                            "2;a=\"b\"\r\nok\r\n0;last\r\nContent-Length: 9\r\nX: y\r\n\r\nnext"),
              (seen{"ok", "next", outcome::done}));
}

class MalformedChunks : public testing::TestWithParam<const char*> {};

TEST_P(MalformedChunks, AreRefused) {
    EXPECT_EQ(read_all_ways(body_reader::chunked(), GetParam()).last, outcome::malformed);
}

INSTANTIATE_TEST_SUITE_P(ProxyBody, MalformedChunks,
                         testing::Values("\r\n", "x\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "1 \r\n", "0x1\r\n",
                                         "1\na", "1\r\ra", "1\r\nab", "1\r\na\n", "1\r\na\rb", ";a\r\n",
                                         "1;a\nb\r\n", "0\r\n\n", "0\r\nA: b\n\r\n", "0\r\n\rx",
                                         "fffffffffffffffff\r\n", "ffffffffffffffff\r\n", "1;\x01\r\n"));

TEST(ProxyBody, ExtensionsAreBounded) {
    EXPECT_EQ(read(body_reader::chunked(), "1;" + std::string(2000, 'a'), 100).last, outcome::malformed);
}

TEST(ProxyBody, TrailersAreBounded) {
    std::string trailers = "0\r\n";
    for (int i = 0; i < 1000; ++i) trailers += "Name: value\r\n";
    EXPECT_EQ(read(body_reader::chunked(), trailers, 100).last, outcome::malformed);
}

TEST(ProxyBody, StaysMalformed) {
    body_reader reader = body_reader::chunked();
    std::string_view bytes = "x1\r\na\r\n0\r\n\r\n";
    std::string_view piece;
    EXPECT_EQ(reader.next(bytes, piece), outcome::malformed);
    EXPECT_EQ(reader.next(bytes, piece), outcome::malformed);
}

TEST(ProxyBody, GivesNoMoreThanIsAskedFor) {
    body_reader reader = body_reader::of_length(10);
    std::string_view bytes = "0123456789";
    std::string_view piece;
    EXPECT_EQ(reader.next(bytes, piece, 3), outcome::payload);
    EXPECT_EQ(piece, "012");
    EXPECT_EQ(bytes, "3456789");
}

} // namespace
} // namespace roomcast::server::proxy
