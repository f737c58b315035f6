#include "transport/deflate.hpp"

#include "roomcast/core/limits.hpp"
#include "roomcast/core/ws/frame.hpp"

#include <gtest/gtest.h>

#include <zlib.h>

#include <memory>
#include <string>

namespace roomcast::server::transport {
namespace {

std::string answer(std::string_view offers, const websocket_compression_options& chosen = {}) {
    const auto agreed = agree_on_deflate(offers, chosen);
    return agreed ? agreed->header : "refused";
}

constexpr const char* without_context =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

TEST(TransportDeflate, AsksBothSidesToKeepNoContext) {
    EXPECT_EQ(answer("permessage-deflate"), without_context);
    EXPECT_EQ(answer("permessage-deflate; client_max_window_bits"), without_context);
    EXPECT_EQ(answer("permessage-deflate ;client_max_window_bits=10; client_no_context_takeover"),
              without_context);
}

TEST(TransportDeflate, KeepsContextWhereItIsChosenAndOffered) {
    websocket_compression_options chosen;
    chosen.server_no_context_takeover = false;
    chosen.client_no_context_takeover = false;
    EXPECT_EQ(answer("permessage-deflate", chosen), "permessage-deflate");
    EXPECT_EQ(answer("permessage-deflate; server_no_context_takeover", chosen),
              "permessage-deflate; server_no_context_takeover");
    EXPECT_EQ(answer("permessage-deflate; client_no_context_takeover", chosen),
              "permessage-deflate; client_no_context_takeover");
}

TEST(TransportDeflate, TakesTheSmallerWindow) {
    websocket_compression_options chosen;
    chosen.window_bits = 12;
    const std::string tail = "; server_max_window_bits=";
    EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=10", chosen), without_context + tail + "10");
    EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=15", chosen), without_context + tail + "12");
    EXPECT_EQ(answer("permessage-deflate", chosen), without_context + tail + "12");
    EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=\"9\""), without_context + tail + "9");
}

TEST(TransportDeflate, RefusesAWindowThatZlibHasNot) {
    EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8"), "refused");
    EXPECT_EQ(answer("permessage-deflate; server_max_window_bits=8, permessage-deflate"), without_context);
}

TEST(TransportDeflate, RefusesOffersThatAreWrong) {
    for (const char* bad : {
             "",
             "deflate",
             "permessage-deflate; unknown",
             "permessage-deflate; server_no_context_takeover=1",
             "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
             "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
             "permessage-deflate; client_max_window_bits; client_max_window_bits",
             "permessage-deflate; client_max_window_bits=7",
             "permessage-deflate; client_max_window_bits=16",
             "permessage-deflate; client_max_window_bits=010",
             "permessage-deflate; client_max_window_bits=",
             "permessage-deflate; server_max_window_bits",
             "permessage-deflate; server_max_window_bits=+9",
             "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
             "permessage-deflate;;",
         }) {
        EXPECT_EQ(answer(bad), "refused") << bad;
    }
}

TEST(TransportDeflate, TakesTheFirstOfferThatWillDo) {
    EXPECT_EQ(answer("foo, permessage-deflate; nonsense, permessage-deflate; server_max_window_bits=11"),
              std::string{without_context} + "; server_max_window_bits=11");
}

TEST(TransportDeflate, LooksAtABoundedNumberOfOffers) {
    std::string many;
    for (int i = 0; i < 16; ++i) many += "x,";
    EXPECT_EQ(answer(many + "permessage-deflate"), "refused");
}

std::string inflated(inflater& with, const std::string& in, std::size_t most = 1'000'000) {
    std::string out;
    switch (with.inflate(in, most, out)) {
    case inflater::outcome::ok: return out;
    case inflater::outcome::malformed: return "malformed";
    case inflater::outcome::too_big: return "too big";
    }
    return {};
}

constexpr std::string_view end_of_flush{"\x00\x00\xff\xff", 4};

std::string octets(std::initializer_list<int> values) {
    std::string made;
    for (const int value : values) made += static_cast<char>(value);
    return made;
}

TEST(TransportInflater, ReadsTheExamplesOfTheRfc) {
    inflater one;
    // RFC 7692, sections 7.2.3.1, 7.2.3.2 (with its context), 7.2.3.3, 7.2.3.5
    EXPECT_EQ(inflated(one, octets({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
    EXPECT_EQ(inflated(one, octets({0xf2, 0x00, 0x11, 0x00, 0x00})), "Hello");
    one.reset();
    EXPECT_EQ(inflated(one, octets({0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00})),
              "Hello");
    one.reset();
    EXPECT_EQ(
        inflated(one, octets({0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00})),
        "Hello");
}

TEST(TransportInflater, ReadsAMessageWithALastBlock) {
    inflater one;
    const std::string last_block = octets({0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00});
    EXPECT_EQ(inflated(one, last_block), "Hello"); // RFC 7692, section 7.2.3.4
    EXPECT_EQ(inflated(one, octets({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00})), "Hello");
}

TEST(TransportInflater, RefusesStreamAfterStreamInOneMessage) {
    // Each last block, of two bytes, begins a new stream. A sender has use for one.
    deflater of{deflater::format::raw, 9, 15, 9};
    std::string message;
    of.compress_message(std::string(500'000, 'b'), message);
    message += std::string{end_of_flush};
    std::string few = message;
    for (int i = 0; i < 16; ++i) few += octets({0x03, 0x00});
    for (int i = 0; i < 250'000; ++i) message += octets({0x03, 0x00});
    inflater one;
    EXPECT_EQ(inflated(one, few).size(), 500'000U);
    one.reset();
    EXPECT_EQ(inflated(one, message), "malformed");
}

TEST(TransportInflater, ReadsTheEmptyMessage) {
    inflater one;
    EXPECT_EQ(inflated(one, octets({0x00})), "");
    EXPECT_EQ(inflated(one, ""), "");
}

TEST(TransportInflater, WithoutItsContextAMessageIsMalformed) {
    inflater one;
    EXPECT_EQ(inflated(one, octets({0xf2, 0x00, 0x11, 0x00, 0x00})), "malformed");
}

TEST(TransportInflater, RefusesWhatIsNoDeflate) {
    for (const std::string& bad : {octets({0xff, 0xff, 0xff}), octets({0x07}), std::string(100, '\xff')}) {
        inflater one;
        EXPECT_EQ(inflated(one, bad), "malformed");
    }
}

TEST(TransportInflater, StopsABombAtTheLimit) {
    deflater bomb{deflater::format::raw, 9, 15, 9};
    std::string small;
    bomb.compress_message(std::string(100'000'000, 'b'), small);
    EXPECT_LT(small.size(), 200'000U);
    inflater one;
    std::string out;
    EXPECT_EQ(one.inflate(small, 50'000, out), inflater::outcome::too_big);
    EXPECT_LE(out.size(), 50'001U);
    EXPECT_LE(out.capacity(), 200'000U);
}

TEST(TransportInflater, TheLimitItselfIsAllowed) {
    deflater with{deflater::format::raw, 6, 15, 8};
    inflater one;
    std::string message;
    with.compress_message(std::string(1000, 'm'), message);
    EXPECT_EQ(inflated(one, message, 1000), std::string(1000, 'm'));
    one.reset();
    EXPECT_EQ(inflated(one, message, 999), "too big");
}

TEST(TransportDeflater, MessagesWithContextAreReadInOrder) {
    deflater with{deflater::format::raw, 6, 15, 8};
    inflater one;
    std::size_t first = 0;
    for (int i = 0; i < 50; ++i) {
        const std::string text = "a message that is much like all the others, number " + std::to_string(i);
        std::string message;
        with.compress_message(text, message);
        EXPECT_EQ(inflated(one, message), text);
        if (i == 0) first = message.size();
        if (i == 40) {
            EXPECT_LT(message.size(), first / 2);
        }
    }
}

TEST(TransportDeflater, EmptyMessagesLeaveTheContextAlone) {
    deflater with{deflater::format::raw, 6, 15, 8};
    inflater one;
    for (const std::string text : {"some text", "", "", "some text"}) {
        std::string message;
        with.compress_message(text, message);
        EXPECT_EQ(inflated(one, message), text);
    }
}

core::shared_message text_message(const std::string& text) {
    return core::prepare_text(text);
}

/// What a client reads from a frame.
std::string read_back(std::string frame) {
    core::limits bounds;
    core::ws::frame_reader reader{core::ws::role::client, bounds, core::ws::compression::per_message};
    reader.feed(frame.data(), frame.size());
    const auto next = reader.next();
    if (!next || !*next) return "no frame";
    if ((*next)->type == core::ws::frame_reader::event_type::text)
        return "plain " + std::string{(*next)->payload};
    inflater one;
    return "compressed " + inflated(one, std::string{(*next)->payload});
}

const std::string repetitive = "4" + std::string(5000, 'r');

TEST(TransportCompressors, CompressesFromTheThresholdOn) {
    compression_options chosen;
    chosen.websocket.threshold = 100;
    compressors all{chosen};
    EXPECT_EQ(read_back(std::string{all.frame_of(text_message(std::string(99, 'a')), 0, 15)}),
              "plain " + std::string(99, 'a'));
    EXPECT_EQ(read_back(std::string{all.frame_of(text_message(std::string(100, 'a')), 0, 15)}),
              "compressed " + std::string(100, 'a'));
}

TEST(TransportCompressors, SendsAsItIsWhatDoesNotGetSmaller) {
    compression_options chosen;
    chosen.websocket.threshold = 0;
    compressors all{chosen};
    EXPECT_EQ(read_back(std::string{all.frame_of(text_message("4x"), 0, 15)}), "plain 4x");
}

TEST(TransportCompressors, ControlFramesAreNeverCompressed) {
    compression_options chosen;
    chosen.websocket.threshold = 0;
    compressors all{chosen};
    auto pong = std::make_shared<core::prepared_message>(
        core::wire_packet::control(core::ws::opcode::pong, std::string(125, 'p')));
    pong->finish();
    const core::shared_message message = std::move(pong);
    EXPECT_EQ(all.frame_of(message, 0, 15), message->first.frame());
}

TEST(TransportCompressors, OneBroadcastIsCompressedOnceForAll) {
    const compression_options chosen;
    compressors all{chosen};
    const core::shared_message message = text_message(repetitive);
    const core::shared_message other_receiver = message;
    const char* const first = all.frame_of(message, 0, 15).data();
    (void)first;
    const char* const second = all.frame_of(message, 0, 15).data();
    EXPECT_EQ(all.frame_of(other_receiver, 0, 15).data(), second) << "the same bytes, not the same again";
    EXPECT_EQ(read_back(std::string{all.frame_of(message, 0, 15)}), "compressed " + repetitive);
    EXPECT_EQ(read_back(std::string{all.frame_of(message, 0, 9)}), "compressed " + repetitive);
}

TEST(TransportCompressors, AMessageOfOneReceiverIsNotKept) {
    const compression_options chosen;
    compressors all{chosen};
    (void)all.frame_of(text_message(repetitive), 0, 15);
    EXPECT_EQ(all.kept_bytes(), 0U);
}

TEST(TransportCompressors, KeepsABoundedAmount) {
    compression_options chosen;
    chosen.websocket.threshold = 0;
    chosen.websocket.level = 1;
    compressors all{chosen};
    std::vector<core::shared_message> alive;
    for (int i = 0; i < 3000; ++i) {
        std::string text(700, '\0');
        for (std::size_t k = 0; k < text.size(); ++k)
            text[k] = static_cast<char>('a' + (k * 7 + k * k * 31 + i) % 23);
        alive.push_back(text_message(text));
        const core::shared_message second = alive.back();
        (void)all.frame_of(second, 0, 15);
    }
    EXPECT_GT(all.kept_bytes(), 0U);
    EXPECT_LE(all.kept_bytes(), 1U << 20U);
}

TEST(TransportCompressors, ForgetsMessagesThatAreGone) {
    const compression_options chosen;
    compressors all{chosen};
    for (int i = 0; i < 100; ++i) {
        const core::shared_message message = text_message(repetitive + std::to_string(i));
        const core::shared_message second = message;
        EXPECT_EQ(read_back(std::string{all.frame_of(second, 0, 15)}),
                  "compressed " + repetitive + std::to_string(i));
    }
    EXPECT_LT(all.kept_bytes(), 500U);
}

std::string unzipped(const std::string& body, int bits) {
    z_stream z{};
    EXPECT_EQ(::inflateInit2(&z, bits), Z_OK);
    std::string in = body;
    std::string out(100'000, '\0');
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::inflate(&z, Z_FINISH), Z_STREAM_END);
    out.resize(out.size() - z.avail_out);
    ::inflateEnd(&z);
    return out;
}

TEST(TransportCompressors, WritesGzipAndDeflateBodiesOneAfterTheOther) {
    const compression_options chosen;
    compressors all{chosen};
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(unzipped(all.body_of(repetitive, "gzip"), 15 + 16), repetitive);
        EXPECT_EQ(unzipped(all.body_of(repetitive, "deflate"), 15), repetitive);
    }
}

TEST(TransportContentCoding, ChoosesByQualityAndPrefersGzip) {
    EXPECT_EQ(choose_content_coding("gzip, deflate, br"), "gzip");
    EXPECT_EQ(choose_content_coding("deflate, gzip"), "gzip");
    EXPECT_EQ(choose_content_coding("deflate"), "deflate");
    EXPECT_EQ(choose_content_coding("gzip;q=0.5, deflate;q=0.8"), "deflate");
    EXPECT_EQ(choose_content_coding("GZIP ; Q=0.001"), "gzip");
    EXPECT_EQ(choose_content_coding("*"), "gzip");
    EXPECT_EQ(choose_content_coding("gzip;q=0, *"), "deflate");
}

TEST(TransportContentCoding, ChoosesNoneThatIsNotWanted) {
    for (const char* accepted : {"", "br", "identity", "gzip;q=0", "gzip;q=0.000, deflate;q=0", "*;q=0",
                                 "gzip;q=", "gzip;q=2", "gzip;q=0x1", "gzip;q=0.0001", "zip"}) {
        EXPECT_EQ(choose_content_coding(accepted), "") << accepted;
    }
}

} // namespace
} // namespace roomcast::server::transport
