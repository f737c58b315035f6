// The first octet chooses the reader's role, limits and extension, the second the pieces, the rest is the
// stream. However it is cut, the reader must find the same; what it found must be within its limits and
// survive another journey.
#include "input.hpp"

#include "roomcast/core/random.hpp"
#include "roomcast/core/ws/frame.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

namespace {

namespace core = roomcast::core;
namespace ws = roomcast::core::ws;
using event_type = ws::frame_reader::event_type;
using roomcast::fuzz::require;

struct received {
    event_type type;
    std::string payload;
    bool operator==(const received& other) const { return type == other.type && payload == other.payload; }
};

struct outcome {
    std::vector<received> events;
    std::error_code error;
    bool operator==(const outcome& other) const { return events == other.events && error == other.error; }
};

/// @param piece_size called for the size of each piece, at least 1
template <class PieceSize>
outcome read(ws::role role, const core::limits& bounds, ws::compression agreed, std::string_view stream,
             PieceSize&& piece_size) {
    ws::frame_reader reader{role, bounds, agreed};
    const std::size_t at_rest = reader.buffered_bytes();
    outcome found;
    while (!stream.empty()) {
        const std::string_view given = stream.substr(0, piece_size());
        stream.remove_prefix(given.size());
        // On the heap and of the exact size, so that a step over its end is seen.
        std::vector<char> piece{given.begin(), given.end()};
        reader.feed(piece.data(), piece.size());
        for (;;) {
            const auto next = reader.next();
            if (!next) {
                found.error = next.error();
                return found;
            }
            if (!*next) break;
            found.events.push_back({(*next)->type, std::string{(*next)->payload}});
        }
        require(reader.buffered_bytes() <= at_rest + 2 * (bounds.max_payload_bytes + 65'536) + 512,
                "memory follows what came");
    }
    return found;
}

void check_event(const received& event, const core::limits& bounds) {
    switch (event.type) {
    case event_type::text: require(core::is_utf8(event.payload), "text is UTF-8"); [[fallthrough]];
    case event_type::binary:
    case event_type::compressed_text:
    case event_type::compressed_binary:
        require(event.payload.size() <= bounds.max_payload_bytes, "messages keep the limit");
        break;
    case event_type::ping:
    case event_type::pong: require(event.payload.size() <= 125, "control frames are short"); break;
    case event_type::close:
        require(event.payload.size() <= 125 && event.payload.size() != 1, "a close has a whole code");
        break;
    }
}

bool is_compressed(event_type type) {
    return type == event_type::compressed_text || type == event_type::compressed_binary;
}

ws::opcode opcode_of(event_type type) {
    switch (type) {
    case event_type::text:
    case event_type::compressed_text: return ws::opcode::text;
    case event_type::binary:
    case event_type::compressed_binary: return ws::opcode::binary;
    case event_type::ping: return ws::opcode::ping;
    case event_type::pong: return ws::opcode::pong;
    case event_type::close: break;
    }
    return ws::opcode::close;
}

/// What was read, written again as a client and as a server would.
void check_journey(const outcome& found, const core::limits& bounds, ws::compression agreed,
                   core::random_words& random) {
    std::string masked;
    std::string plain;
    for (const received& event : found.events) {
        const std::size_t begin = masked.size();
        ws::append_masked(masked, opcode_of(event.type), event.payload,
                          static_cast<std::uint32_t>(random.next()));
        if (is_compressed(event.type)) {
            masked[begin] = static_cast<char>(masked[begin] | 0x40);
            ws::append_compressed_header(plain, opcode_of(event.type), event.payload.size());
        } else {
            ws::append_header(plain, opcode_of(event.type), event.payload.size());
        }
        plain += event.payload;
    }
    const auto whole = [] { return std::numeric_limits<std::size_t>::max(); };
    const outcome expected{found.events, {}};
    require(read(ws::role::server, bounds, agreed, masked, whole) == expected, "what is masked is read back");
    require(read(ws::role::client, bounds, agreed, plain, whole) == expected, "what is written is read back");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    roomcast::fuzz::input given{data, size};
    const std::uint8_t choice = given.octet();
    core::random_words random{given.octet()};
    const ws::role role = choice % 2 == 0 ? ws::role::server : ws::role::client;
    core::limits bounds;
    bounds.max_payload_bytes = (choice & 2U) != 0 ? 200 : 100'000;
    bounds.max_fragments = (choice & 4U) != 0 ? 3 : 1000;

    const ws::compression agreed = (choice & 8U) != 0 ? ws::compression::per_message : ws::compression::none;

    const std::string_view stream = given.rest();
    const outcome whole =
        read(role, bounds, agreed, stream, [] { return std::numeric_limits<std::size_t>::max(); });
    require(read(role, bounds, agreed, stream, [] { return 1; }) == whole, "byte by byte gives the same");
    require(read(role, bounds, agreed, stream, [&] { return 1 + random.next() % 40; }) == whole,
            "in pieces gives the same");
    for (const received& event : whole.events) check_event(event, bounds);
    for (std::size_t i = 0; i + 1 < whole.events.size(); ++i) {
        require(whole.events[i].type != event_type::close, "nothing follows a close");
    }
    if (whole.error) {
        const auto code = static_cast<int>(ws::close_code_for(whole.error));
        require(code == 1002 || code == 1007 || code == 1008 || code == 1009, "an error has a close code");
    }
    check_journey(whole, bounds, agreed, random);
    return 0;
}
