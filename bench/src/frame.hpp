#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

/// WebSocket frames (RFC 6455, 5.2) for the two programs of the bench: the generator writes masked frames and
/// reads plain ones, the floor the other way round. Both are written here and not taken from the core, so
/// that a fault of the core cannot hide in its own measurement.
namespace roomcast::bench {

enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
enum class fragment : std::uint8_t { part, final };
enum class masking : std::uint8_t { plain, masked };

struct frame_head {
    opcode kind = opcode::text;
    fragment position = fragment::final;
    masking cover = masking::plain;
    bool is_compressed = false;
    std::uint32_t mask = 0; ///< as the four bytes lie in memory
    std::size_t head_bytes = 0;
    std::uint64_t payload_bytes = 0;
};

inline std::uint64_t read_big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

/// @return nothing when the head is not complete yet
inline std::optional<frame_head> read_frame_head(std::string_view input) {
    if (input.size() < 2) return std::nullopt;
    const auto first = static_cast<unsigned char>(input[0]);
    const auto second = static_cast<unsigned char>(input[1]);
    frame_head head;
    head.kind = static_cast<opcode>(first & 0x0f);
    head.position = (first & 0x80) != 0 ? fragment::final : fragment::part;
    head.is_compressed = (first & 0x40) != 0;
    head.cover = (second & 0x80) != 0 ? masking::masked : masking::plain;

    const std::size_t short_length = second & 0x7f;
    const std::size_t length_bytes = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    const std::size_t mask_bytes = head.cover == masking::masked ? 4 : 0;
    head.head_bytes = 2 + length_bytes + mask_bytes;
    if (input.size() < head.head_bytes) return std::nullopt;

    head.payload_bytes = length_bytes == 0 ? short_length : read_big_endian(input.substr(2, length_bytes));
    if (mask_bytes != 0) std::memcpy(&head.mask, input.data() + 2 + length_bytes, sizeof head.mask);
    return head;
}

inline void apply_mask(char* bytes, std::size_t size, std::uint32_t mask) {
    const std::uint64_t wide_mask = static_cast<std::uint64_t>(mask) << 32 | mask;
    std::size_t done = 0;
    for (; done + sizeof wide_mask <= size; done += sizeof wide_mask) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + done, sizeof word);
        word ^= wide_mask;
        std::memcpy(bytes + done, &word, sizeof word);
    }
    char mask_bytes[sizeof mask];
    std::memcpy(mask_bytes, &mask, sizeof mask);
    for (; done < size; ++done) bytes[done] = static_cast<char>(bytes[done] ^ mask_bytes[done % sizeof mask]);
}

inline void append_frame_head(std::string& out, opcode kind, std::size_t payload_bytes, masking cover) {
    const char mask_bit = cover == masking::masked ? static_cast<char>(0x80) : char{0};
    out.push_back(static_cast<char>(0x80 | static_cast<unsigned char>(kind)));
    if (payload_bytes < 126) {
        out.push_back(static_cast<char>(mask_bit | static_cast<char>(payload_bytes)));
        return;
    }
    const int length_bytes = payload_bytes <= 0xffff ? 2 : 8;
    out.push_back(static_cast<char>(mask_bit | (length_bytes == 2 ? 126 : 127)));
    for (int shift = (length_bytes - 1) * 8; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(payload_bytes >> shift & 0xff));
    }
}

inline void append_plain_frame(std::string& out, opcode kind, std::string_view payload) {
    append_frame_head(out, kind, payload.size(), masking::plain);
    out.append(payload);
}

inline void append_masked_frame(std::string& out, opcode kind, std::string_view payload, std::uint32_t mask) {
    append_frame_head(out, kind, payload.size(), masking::masked);
    char mask_bytes[sizeof mask];
    std::memcpy(mask_bytes, &mask, sizeof mask);
    out.append(mask_bytes, sizeof mask_bytes);
    const std::size_t start = out.size();
    out.append(payload);
    apply_mask(out.data() + start, payload.size(), mask);
}

} // namespace roomcast::bench
