#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/result.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

/// WebSocket frames (RFC 6455), without the HTTP handshake. Of extensions only the bit that marks a
/// compressed message is known (RFC 7692): who compresses is elsewhere.
namespace roomcast::core::ws {

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close codes that we send. @source RFC 6455, section 7.4.1
enum class close_code : std::uint16_t {
    none = 1005, ///< a close frame without a code
    protocol_error = 1002,
    invalid_data = 1007,
    policy_violation = 1008, ///< a limit on the number of frames, as the `ws` package answers it
    too_big = 1009,
};

/// Which end of the connection reads: clients mask, servers do not.
enum class role : std::uint8_t { server, client };

/// Was permessage-deflate agreed on? Without it a frame that says so is an error.
enum class compression : std::uint8_t { none, per_message };

/// Longest header of a frame without mask.
inline constexpr std::size_t max_header_bytes = 10;

/// Bytes that the header of an unmasked frame of `size` payload bytes takes.
constexpr std::size_t header_bytes(std::uint64_t size) {
    return size < 126 ? 2 : size < 65536 ? 4 : 10;
}

/// Appends the header of an unmasked, unfragmented frame.
void append_header(std::string& out, opcode code, std::uint64_t payload_size);

/// Appends the header of an unmasked, unfragmented frame whose payload is a compressed message.
/// @source RFC 7692, section 6
void append_compressed_header(std::string& out, opcode code, std::uint64_t payload_size);

/// Appends a whole masked frame, as a client sends it.
void append_masked(std::string& out, opcode code, bytes_view payload, std::uint32_t mask);

/// Appends a close frame without mask; `close_code::none` gives an empty one.
void append_close(std::string& out, close_code code);

/// The close code with which a reader's error is answered. @source RFC 6455, section 7.4.1
close_code close_code_for(std::error_code error);

/// Takes a stream of bytes apart into messages and control frames. After an error it must not be fed again;
/// what follows a close frame is dropped unread.
class frame_reader {
public:
    enum class event_type : std::uint8_t {
        text,
        binary,
        compressed_text,
        compressed_binary,
        ping,
        pong,
        close
    };
    struct event {
        event_type type;
        /// Valid until the next call. For `close` the peer's code and reason as they came (may be empty).
        /// What is compressed is given as it came: neither is its text checked, nor its size when inflated.
        bytes_view payload;
    };

    /// @param bounds must outlive the reader
    frame_reader(role reads_as, const limits& bounds, compression agreed = compression::none)
        : bounds_(&bounds), role_(reads_as), compression_(agreed) {}

    /// Gives bytes to read; they are unmasked in place and must stay until `next` returned nothing.
    void feed(char* data, std::size_t size) {
        data_ = data;
        size_ = size;
    }

    /// The next message or control frame, nullopt when more bytes are needed. Text is checked for UTF-8.
    /// @errors those of the WebSocket block of `errc`, invalid_utf8
    result<std::optional<event>> next();

    /// Bytes kept for an unfinished message.
    std::size_t buffered_bytes() const { return message_.capacity() + control_.capacity(); }

private:
    result<bool> read_header();
    bool collect_header(std::size_t wanted);
    std::error_code check_reserved_bits(unsigned first, opcode code) const;
    std::error_code check_start(unsigned first, opcode code, unsigned length, bool is_masked) const;
    bytes_view take_payload();
    void keep(std::string& kept, bytes_view piece) const;
    result<std::optional<event>> finish(bytes_view payload);
    void unmask(char* data, std::size_t size);

    const limits* bounds_;
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::string message_; ///< payload of the message so far, when it does not lie in one piece in the input
    std::string control_; ///< payload of a control frame that came in pieces
    std::uint64_t remaining_ = 0; ///< payload bytes of the current frame still to come
    std::uint32_t fragments_ = 0;
    std::array<char, 14> header_{};
    std::uint8_t header_size_ = 0;
    std::array<char, 4> mask_{};
    std::uint8_t mask_offset_ = 0;
    opcode frame_opcode_ = opcode::continuation;
    opcode message_opcode_ = opcode::continuation; ///< continuation: no message under way
    event_type message_type_ = event_type::text;
    role role_;
    compression compression_;
    bool in_frame_ = false;
    bool is_final_ = false;
    bool is_closed_ = false;         ///< the peer's close frame was read
    bool message_was_given_ = false; ///< the last event pointed into message_
    bool control_was_given_ = false; ///< the last event pointed into control_
};

} // namespace roomcast::core::ws
