#pragma once

#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/server/options.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace roomcast::server::transport {

/// What both ends agreed on for the messages of one WebSocket. @source RFC 7692, section 7.1
struct deflate_agreement {
    int server_window_bits = 15;
    bool server_keeps_context = false;
    bool client_keeps_context = false;
    std::string header; ///< value of `Sec-WebSocket-Extensions` in the answer
};

/// Takes the first offer of a client that will do. @return nothing: none will, or none is permessage-deflate
std::optional<deflate_agreement> agree_on_deflate(std::string_view offers,
                                                  const websocket_compression_options& chosen);

/// The coding for an answer's body, by the request's `Accept-Encoding`: `gzip`, `deflate`, or empty for none.
/// @source RFC 9110, section 12.5.3
std::string_view choose_content_coding(std::string_view accepted);

/// One zlib stream that compresses.
class deflater {
public:
    enum class format : std::uint8_t { raw, zlib, gzip };

    deflater(format what, int level, int window_bits, int memory_level);
    ~deflater();
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;

    /// Appends a whole stream of its own.
    void compress_whole(std::string_view in, std::string& out);
    /// Appends a message of permessage-deflate. @source RFC 7692, section 7.2.1
    void compress_message(std::string_view in, std::string& out);
    /// Forgets what came before.
    void reset();

private:
    struct stream;
    void run(std::string_view in, int flush, std::string& out);
    std::unique_ptr<stream> stream_;
};

/// One zlib stream that inflates messages of permessage-deflate.
class inflater {
public:
    enum class outcome : std::uint8_t { ok, malformed, too_big };

    inflater();
    ~inflater();
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;

    /// @param out gets at most `most` bytes and a little more; its content is of use after `ok` alone
    /// @source RFC 7692, section 7.2.2
    outcome inflate(std::string_view in, std::size_t most, std::string& out);
    void reset();

private:
    struct stream;
    outcome run(std::string_view in, std::size_t most, std::string& out, std::size_t& size);
    std::unique_ptr<stream> stream_;
};

/// What all connections of a shard compress with: one stream for each window, and messages that were
/// compressed for one receiver and are wanted by the next.
/// @thread its shard's
class compressors {
public:
    explicit compressors(const compression_options& chosen) : chosen_(&chosen) {}

    /// The frame of a packet for a receiver without context: compressed where that makes it smaller.
    /// @return valid until the next call
    std::string_view frame_of(const core::shared_message& message, std::size_t packet, int window_bits);
    /// The same with a stream of one's own, which keeps its context.
    std::string_view frame_of(const core::wire_packet& packet, deflater& own);
    std::unique_ptr<deflater> make_own(int window_bits) const;
    inflater& shared_inflater();
    /// A body for `gzip` or `deflate`.
    std::string body_of(std::string_view body, std::string_view coding);

    /// Bytes of the messages that are kept for their next receiver.
    std::size_t kept_bytes() const { return kept_bytes_; }

private:
    struct key {
        const core::prepared_message* message;
        std::size_t packet;
        int window_bits;
        bool operator==(const key&) const = default;
    };
    struct hash {
        std::size_t operator()(const key& of) const;
    };
    struct entry {
        /// Keeps the address from being used for another message; not the message.
        std::weak_ptr<const core::prepared_message> message;
        std::string frame;
    };
    bool is_worth_it(const core::wire_packet& packet) const;
    void compress(const core::wire_packet& packet, deflater& with, bool must, std::string& frame);
    deflater& stream_for(int window_bits);
    void keep(const key& at, const core::shared_message& message, const std::string& frame);

    const compression_options* chosen_;
    std::array<std::unique_ptr<deflater>, 16> streams_; ///< by window
    std::unique_ptr<deflater> gzip_;
    std::unique_ptr<deflater> zlib_;
    std::unique_ptr<inflater> inflater_;
    std::unordered_map<key, entry, hash> kept_;
    std::deque<key> order_; ///< of the kept, the oldest first
    std::size_t kept_bytes_ = 0;
    std::string payload_;
    std::string frame_;
};

} // namespace roomcast::server::transport
