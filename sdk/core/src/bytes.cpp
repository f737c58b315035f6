#include "roomcast/core/bytes.hpp"

#include <array>
#include <cstring>

namespace roomcast::core {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

/// Character -> six bits, of both alphabets (RFC 4648, sections 4 and 5).
constexpr auto digits = [] {
    std::array<std::uint8_t, 256> table{};
    for (auto& each : table) each = no_digit;
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    table['-'] = 62;
    table['_'] = 63;
    return table;
}();

constexpr std::uint32_t octet(char c) {
    return static_cast<unsigned char>(c);
}

} // namespace

bool is_utf8(bytes_view text) noexcept {
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        if (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            if ((word & 0x8080808080808080U) == 0) {
                at += 8;
                continue;
            }
        }
        const std::size_t length = utf8_length(at, end);
        if (length == 0) return false;
        at += length;
    }
    return true;
}

void append_percent_encoded(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view unreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"; // RFC 3986, section 2.3
    for (const char each : text) {
        if (unreserved.find(each) != std::string_view::npos) {
            out += each;
            continue;
        }
        const auto octet = static_cast<unsigned char>(each);
        out += '%';
        out += hex[octet >> 4U];
        out += hex[octet & 15U];
    }
}

void append_base64(std::string& out, bytes_view data) {
    const std::size_t start = out.size();
    out.resize(start + (data.size() + 2) / 3 * 4);
    char* to = out.data() + start;
    const auto put = [&to](std::uint32_t bits, int count) {
        for (int i = 0; i < count; ++i) *to++ = alphabet[(bits >> (18 - 6 * i)) & 63U];
    };
    std::size_t i = 0;
    for (; i + 3 <= data.size(); i += 3) {
        put(octet(data[i]) << 16U | octet(data[i + 1]) << 8U | octet(data[i + 2]), 4);
    }
    if (data.size() - i == 1) {
        put(octet(data[i]) << 16U, 2);
        *to++ = '=';
        *to++ = '=';
    } else if (data.size() - i == 2) {
        put(octet(data[i]) << 16U | octet(data[i + 1]) << 8U, 3);
        *to++ = '=';
    }
}

bool append_from_base64(bytes& out, bytes_view text) {
    if (text.size() % 4 == 0 && !text.empty()) { // only whole groups may be padded
        for (int i = 0; i < 2 && text.back() == '='; ++i) text.remove_suffix(1);
    }
    if (text.size() % 4 == 1) return false;
    const std::size_t start = out.size();
    out.resize(start + text.size() * 3 / 4);
    char* to = out.data() + start;
    std::uint32_t bits = 0;
    std::uint32_t seen = 0; // all digits or-ed together: a bad one leaves its top bit
    std::size_t i = 0;
    const auto take = [&] {
        const std::uint32_t digit = digits[octet(text[i++])];
        seen |= digit;
        bits = bits << 6U | (digit & 63U);
    };
    while (i + 4 <= text.size()) {
        for (int n = 0; n < 4; ++n) take();
        *to++ = static_cast<char>(bits >> 16U);
        *to++ = static_cast<char>(bits >> 8U);
        *to++ = static_cast<char>(bits);
    }
    const std::size_t left = text.size() - i;
    while (i < text.size()) take();
    if (left == 2) *to++ = static_cast<char>(bits >> 4U);
    if (left == 3) {
        *to++ = static_cast<char>(bits >> 10U);
        *to++ = static_cast<char>(bits >> 2U);
    }
    if ((seen & 0x80U) != 0) out.resize(start);
    return (seen & 0x80U) == 0;
}

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 20> reversed{};
    std::size_t size = 0;
    do {
        reversed[size++] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (size != 0) out.push_back(reversed[--size]);
}

} // namespace roomcast::core
