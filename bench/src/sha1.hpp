#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::bench {

/// SHA-1 (RFC 3174), for the answer to a WebSocket upgrade only.
inline std::array<std::uint8_t, 20> sha1(std::string_view message) {
    std::string padded(message);
    padded.push_back(static_cast<char>(0x80));
    while (padded.size() % 64 != 56) padded.push_back('\0');
    const std::uint64_t bits = message.size() * 8;
    for (int shift = 56; shift >= 0; shift -= 8) padded.push_back(static_cast<char>(bits >> shift & 0xff));

    std::array<std::uint32_t, 5> state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (std::size_t block = 0; block < padded.size(); block += 64) {
        std::array<std::uint32_t, 80> words{};
        for (std::size_t i = 0; i < 64; ++i) {
            words[i / 4] = words[i / 4] << 8 | static_cast<unsigned char>(padded[block + i]);
        }
        for (std::size_t i = 16; i < 80; ++i) {
            words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
        }
        auto [a, b, c, d, e] = state;
        for (std::size_t i = 0; i < 80; ++i) {
            std::uint32_t mixed = 0;
            if (i < 20)
                mixed = ((b & c) | (~b & d)) + 0x5a827999;
            else if (i < 40)
                mixed = (b ^ c ^ d) + 0x6ed9eba1;
            else if (i < 60)
                mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
            else
                mixed = (b ^ c ^ d) + 0xca62c1d6;
            const std::uint32_t next = std::rotl(a, 5) + mixed + e + words[i];
            e = d;
            d = c;
            c = std::rotl(b, 30);
            b = a;
            a = next;
        }
        state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d, state[4] + e};
    }

    std::array<std::uint8_t, 20> digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
        digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - i % 4 * 8));
    }
    return digest;
}

/// @param bytes as many as wanted; padded with `=`
template <typename Bytes>
std::string base64(const Bytes& bytes) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    std::uint32_t window = 0;
    int pending_bits = 0;
    for (const std::uint8_t byte : bytes) {
        window = window << 8 | byte;
        for (pending_bits += 8; pending_bits >= 6; pending_bits -= 6) {
            text.push_back(alphabet[window >> (pending_bits - 6) & 63]);
        }
    }
    if (pending_bits > 0) text.push_back(alphabet[window << (6 - pending_bits) & 63]);
    text.append((4 - text.size() % 4) % 4, '=');
    return text;
}

} // namespace roomcast::bench
