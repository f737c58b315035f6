// The codecs of the core, each beside memcpy of the same bytes: what it costs at least to touch them. A
// benchmark is named <codec>/<size of its payload>; run.mjs pairs it with its floor by the counter `bytes`,
// which counts all that the codec reads or writes.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/eio/payload.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/core/sio/packet.hpp"
#include "roomcast/core/value.hpp"
#include "roomcast/core/ws/frame.hpp"

namespace {

namespace core = roomcast::core;

const core::limits bounds;

/// A codec that refuses its input would look fast.
void require(bool is_right, const char* what) {
    if (is_right) return;
    std::fprintf(stderr, "roomcast-bench-codec: %s failed\n", what);
    std::exit(1);
}

/// A JSON string of so many characters: what the echo and broadcast scenarios send.
std::string plain_json(std::size_t size_bytes) {
    return '"' + std::string(size_bytes, 'p') + '"';
}

/// A list of members as chat and presence send them: numbers, escapes, and text outside of ASCII.
std::string rich_json(std::size_t size_bytes) {
    constexpr std::string_view member =
        R"({"id":48213,"user":"ana","text":"na\u00efve \"quoted\" žluťoučký","at":1.7e9,"ok":true})";
    std::string list = "[";
    do {
        if (list.size() > 1) list += ',';
        list += member;
    } while (list.size() + member.size() < size_bytes);
    return list + "]";
}

/// The benchmarks of one size of payload.
class suite {
public:
    suite(std::set<std::size_t>& floors, std::size_t size_bytes) : floors_(floors), size_bytes_(size_bytes) {}

    [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

    /// Registers a codec and, once for each number of bytes, the floor.
    template <typename Work>
    void add(const std::string& name, std::size_t bytes, Work work) {
        require(work(), name.c_str());
        measure(name + '/' + std::to_string(size_bytes_), bytes, work);
        if (!floors_.insert(bytes).second) return;
        const std::string source(bytes, 'm');
        std::string target(bytes, '\0');
        measure("memcpy/" + std::to_string(bytes), bytes, [source, target]() mutable {
            benchmark::DoNotOptimize(source.data());
            source.copy(target.data(), target.size());
            benchmark::ClobberMemory();
            return true;
        });
    }

private:
    template <typename Work>
    static void measure(const std::string& name, std::size_t bytes, Work work) {
        benchmark::RegisterBenchmark(name.c_str(), [bytes, work](benchmark::State& state) mutable {
            while (state.KeepRunning()) benchmark::DoNotOptimize(work());
            state.counters["bytes"] = static_cast<double>(bytes);
        });
    }

    std::set<std::size_t>& floors_;
    std::size_t size_bytes_;
};

void add_json(suite& all, const std::string& kind, const std::string& json) {
    all.add("value check, " + kind, json.size(),
            [json] { return !core::value::check_whole(json, bounds.max_json_depth); });

    const std::string event = R"(2["msg",)" + json + ']';
    all.add("sio decode event, " + kind, event.size(),
            [event] { return core::sio::decode(event, bounds).has_value(); });

    const std::string arguments = event.substr(1);
    all.add("sio encode event, " + kind, event.size() + 1,
            [arguments] { return core::sio::encode_event("/", arguments, {}) != nullptr; });

    // What one broadcast of a client costs before the first socket gets it.
    const std::string publish = R"(2["publish","room",)" + json + ']';
    all.add("sio relay, " + kind, publish.size(), [publish] {
        core::sio::decoder decoder(bounds);
        if (!decoder.add_text(publish)) return false;
        const auto payload = core::value::element_at(decoder.packet().data, 2);
        if (!payload) return false;
        std::string relayed = R"(["msg",)";
        relayed.append(*payload).append("]");
        return core::sio::encode_event("/", relayed, {}) != nullptr;
    });
}

void add_frames(suite& all) {
    const std::size_t size_bytes = all.size_bytes();
    // The reader unmasks in place, so every turn finds what the last one left. With this mask both are ASCII.
    constexpr std::uint32_t mask = 0x01010101;
    std::string frame;
    core::ws::append_masked(frame, core::ws::opcode::text, std::string(size_bytes, 'p'), mask);
    all.add("ws read masked text", frame.size(),
            [frame, reader = core::ws::frame_reader(core::ws::role::server, bounds)]() mutable {
                reader.feed(frame.data(), frame.size());
                const auto message = reader.next();
                return message && message->has_value() && reader.next();
            });

    const std::string payload(size_bytes, 'p');
    std::string out;
    all.add("ws write frame", size_bytes + core::ws::header_bytes(size_bytes), [payload, out]() mutable {
        out.clear();
        core::ws::append_header(out, core::ws::opcode::text, payload.size());
        out.append(payload);
        return !out.empty();
    });
}

void add_payloads(suite& all) {
    constexpr std::size_t packets = 16;
    const std::string packet = "42[\"msg\"," + plain_json(all.size_bytes()) + ']';
    std::string body;
    for (std::size_t i = 0; i < packets; ++i) core::eio::append_packet(body, core::frame_kind::text, packet);
    all.add("eio read payload, 16 packets", body.size(), [body] {
        core::eio::payload_reader reader(body);
        std::size_t count = 0;
        while (const auto text = reader.next()) count += core::eio::decode_text(*text).has_value() ? 1 : 0;
        return count == packets;
    });
    std::string out;
    all.add("eio write payload, 16 packets", body.size(), [packet, out]() mutable {
        out.clear();
        for (std::size_t i = 0; i < packets; ++i)
            core::eio::append_packet(out, core::frame_kind::text, packet);
        return !out.empty();
    });
}

void add_base64(suite& all) {
    const std::string binary(all.size_bytes(), '\x9e');
    std::string text;
    core::append_base64(text, binary);
    std::string out;
    all.add("base64 encode", all.size_bytes(), [binary, out]() mutable {
        out.clear();
        core::append_base64(out, binary);
        return !out.empty();
    });
    all.add("base64 decode", text.size(), [text, out]() mutable {
        out.clear();
        return core::append_from_base64(out, text);
    });
}

} // namespace

int main(int count, char** words) {
    std::set<std::size_t> floors;
    for (const std::size_t size_bytes : {64, 1024, 16384}) {
        suite all(floors, size_bytes);
        add_frames(all);
        add_payloads(all);
        add_json(all, "text", plain_json(size_bytes));
        add_json(all, "objects", rich_json(size_bytes));
        add_base64(all);
    }
    benchmark::Initialize(&count, words);
    if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
