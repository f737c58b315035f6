// The input is how large its pieces are, and an answer of an application as it comes. It means the same whole
// and in pieces, what is passed on of it cannot be read as anything else, and a body in chunks of ours is the
// body it was.
#include "input.hpp"
#include "proxy/body_reader.hpp"
#include "proxy/response_head.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

namespace proxy = roomcast::server::proxy;
using outcome = proxy::body_reader::outcome;
using roomcast::fuzz::require;

struct seen {
    std::string body;
    outcome last = outcome::incomplete;
    std::size_t used = 0;
};

seen read(proxy::body_reader reader, std::string_view bytes, std::size_t step) {
    seen all;
    while (all.used < bytes.size()) {
        const std::string_view offered = bytes.substr(all.used, step);
        std::string_view part = offered;
        std::string_view piece;
        while ((all.last = reader.next(part, piece)) == outcome::payload) {
            require(!piece.empty(), "a piece has bytes");
            require(piece.data() >= offered.data() &&
                        piece.data() + piece.size() <= offered.data() + offered.size(),
                    "a piece is a part of what was offered");
            all.body += piece;
        }
        all.used += offered.size() - part.size();
        if (all.last != outcome::incomplete) break;
        require(part.empty(), "nothing is left of what is incomplete");
    }
    require(all.last != outcome::done || reader.is_done(), "done is done");
    return all;
}

void check_body(const proxy::body_reader& reader, std::string_view bytes, std::size_t step) {
    const seen whole = read(reader, bytes, bytes.size());
    const seen pieces = read(reader, bytes, step);
    require(whole.body == pieces.body && whole.last == pieces.last && whole.used == pieces.used,
            "pieces mean the same");
    if (whole.last != outcome::done) return;
    std::string again;
    for (std::size_t at = 0; at < whole.body.size(); at += step) {
        const std::string_view piece = std::string_view{whole.body}.substr(at, step);
        constexpr std::string_view digits = "0123456789abcdef";
        if (piece.size() > 15) again += digits[piece.size() >> 4U & 15U];
        again += digits[piece.size() & 15U];
        again += "\r\n";
        again += piece;
        again += "\r\n";
    }
    again += "0\r\n\r\n";
    const seen mirrored = read(proxy::body_reader::chunked(), again, again.size());
    require(mirrored.last == outcome::done && mirrored.body == whole.body && mirrored.used == again.size(),
            "a body in other chunks is the same body");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = std::max<std::size_t>(data[0], 1);
    const std::string_view bytes = roomcast::fuzz::input{data + 1, size - 1}.rest();
    check_body(proxy::body_reader::chunked(), bytes, step);
    constexpr proxy::head_bounds bounds{4096, 20};
    proxy::response_head head;
    std::size_t head_size = 0;
    if (proxy::read_response_head(bytes, bounds, head, head_size) != proxy::head_outcome::complete) return 0;
    require(head_size <= bounds.bytes && head.fields.size() <= bounds.fields, "bounds hold");
    require(head.status >= 100 && head.status <= 599, "a status has three digits");
    std::string again = head.is_http_11 ? "HTTP/1.1 " : "HTTP/1.0 ";
    again += std::to_string(head.status) + ' ' + std::string{head.reason} + "\r\n";
    for (const proxy::field& each : head.fields) {
        require(each.name.find_first_of(" \t\r\n:") == std::string_view::npos, "a name is a token");
        require(each.value.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos,
                "a value is in one line");
        again += std::string{each.name} + ": " + std::string{each.value} + "\r\n";
    }
    again += "\r\n";
    proxy::response_head mirrored;
    std::size_t mirrored_size = 0;
    const proxy::head_bounds wide{again.size() + 1, bounds.fields};
    require(proxy::read_response_head(again, wide, mirrored, mirrored_size) == proxy::head_outcome::complete,
            "what is passed on is a head");
    require(mirrored_size == again.size() && mirrored.fields.size() == head.fields.size() &&
                mirrored.content_length == head.content_length && mirrored.is_chunked == head.is_chunked &&
                mirrored.is_close == head.is_close,
            "it means the same");
    check_body(proxy::body_of(head, false), bytes.substr(head_size), step);
    return 0;
}
