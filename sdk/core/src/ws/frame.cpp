#include "roomcast/core/ws/frame.hpp"

#include <cstring>

namespace roomcast::core::ws {

namespace {

constexpr std::size_t max_control_bytes = 125;

/// What is reserved for a message on the word of its header alone.
constexpr std::size_t max_first_reserve_bytes = 65'536;

constexpr unsigned final_bit = 0x80;
constexpr unsigned reserved_bits = 0x70;
constexpr unsigned compressed_bit = 0x40; // RSV1. RFC 7692, section 6
constexpr unsigned opcode_bits = 0x0f;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_bits = 0x7f;
constexpr unsigned length_in_16_bits = 126;
constexpr unsigned length_in_64_bits = 127;

constexpr unsigned byte_at(const char* data, std::size_t index) {
    return static_cast<unsigned char>(data[index]);
}

constexpr bool is_known(opcode code) {
    const auto number = static_cast<unsigned>(code);
    return number <= 2 || (number >= 8 && number <= 10);
}

constexpr bool is_control(opcode code) {
    return static_cast<unsigned>(code) >= 8;
}

std::uint64_t big_endian(const char* data, std::size_t size) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < size; ++i) number = number << 8U | byte_at(data, i);
    return number;
}

void append_big_endian(std::string& out, std::uint64_t number, std::size_t size) {
    while (size-- > 0) out += static_cast<char>(number >> (8 * size) & 0xffU);
}

void append_header(std::string& out, unsigned first, std::uint64_t payload_size, unsigned mask) {
    out += static_cast<char>(first);
    if (payload_size < length_in_16_bits) {
        out += static_cast<char>(mask | static_cast<unsigned>(payload_size));
    } else if (payload_size < 65'536) {
        out += static_cast<char>(mask | length_in_16_bits);
        append_big_endian(out, payload_size, 2);
    } else {
        out += static_cast<char>(mask | length_in_64_bits);
        append_big_endian(out, payload_size, 8);
    }
}

/// Masks or unmasks `size` bytes, eight at a time; `offset` bytes of the payload came before them.
void apply_mask(char* data, std::size_t size, const std::array<char, 4>& mask, std::size_t offset) {
    std::array<char, 8> key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = mask[(offset + i) % mask.size()];
    std::uint64_t key_word = 0;
    std::memcpy(&key_word, key.data(), sizeof key_word);
    std::size_t at = 0;
    for (; size - at >= sizeof key_word; at += sizeof key_word) {
        std::uint64_t word = 0;
        std::memcpy(&word, data + at, sizeof word);
        word ^= key_word;
        std::memcpy(data + at, &word, sizeof word);
    }
    for (std::size_t i = 0; at < size; ++i, ++at) data[at] = static_cast<char>(data[at] ^ key[i]);
}

/// The codes that the `ws` package takes: RFC 6455, section 7.4, and the registered 1012 to 1014.
constexpr bool is_close_code_of_a_peer(std::uint64_t code) {
    if (code >= 3000) return code <= 4999;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

std::error_code check_close(bytes_view payload) {
    if (payload.empty()) return {};
    if (payload.size() < 2 || !is_close_code_of_a_peer(big_endian(payload.data(), 2))) {
        return errc::invalid_close_frame;
    }
    return is_utf8(payload.substr(2)) ? std::error_code{} : make_error_code(errc::invalid_utf8);
}

/// Text and binary messages are numbered 1 and 2 on the wire, and stand side by side here.
constexpr frame_reader::event_type type_of_message(unsigned first) {
    using type = frame_reader::event_type;
    static_assert(static_cast<unsigned>(type::text) == 0 && static_cast<unsigned>(type::binary) == 1 &&
                  static_cast<unsigned>(type::compressed_text) == 2 &&
                  static_cast<unsigned>(type::compressed_binary) == 3);
    return static_cast<type>((first & opcode_bits) - 1 + ((first & compressed_bit) != 0 ? 2U : 0U));
}

void release(std::string& kept) {
    std::string().swap(kept);
}

} // namespace

void append_header(std::string& out, opcode code, std::uint64_t payload_size) {
    append_header(out, final_bit | static_cast<unsigned>(code), payload_size, 0);
}

void append_compressed_header(std::string& out, opcode code, std::uint64_t payload_size) {
    append_header(out, final_bit | compressed_bit | static_cast<unsigned>(code), payload_size, 0);
}

void append_masked(std::string& out, opcode code, bytes_view payload, std::uint32_t mask) {
    append_header(out, final_bit | static_cast<unsigned>(code), payload.size(), mask_bit);
    const std::size_t key_at = out.size();
    append_big_endian(out, mask, 4);
    std::array<char, 4> key{};
    std::memcpy(key.data(), out.data() + key_at, key.size());
    const std::size_t payload_at = out.size();
    out.append(payload);
    apply_mask(out.data() + payload_at, payload.size(), key, 0);
}

void append_close(std::string& out, close_code code) {
    if (code == close_code::none) return append_header(out, opcode::close, 0);
    append_header(out, opcode::close, 2);
    append_big_endian(out, static_cast<std::uint16_t>(code), 2);
}

close_code close_code_for(std::error_code error) {
    if (error == errc::message_too_big) return close_code::too_big;
    if (error == errc::too_many_fragments) return close_code::policy_violation;
    if (error == errc::invalid_utf8) return close_code::invalid_data;
    return close_code::protocol_error;
}

result<std::optional<frame_reader::event>> frame_reader::next() {
    if (message_was_given_) {
        release(message_);
        message_was_given_ = false;
    }
    if (control_was_given_) {
        release(control_);
        control_was_given_ = false;
    }
    while (!is_closed_) {
        if (!in_frame_) {
            const auto is_complete = read_header();
            if (!is_complete) return is_complete.error();
            if (!*is_complete) return std::optional<event>{};
        }
        const bytes_view piece = take_payload();
        std::string& kept = is_control(frame_opcode_) ? control_ : message_;
        if (remaining_ == 0) {
            in_frame_ = false;
            if (is_final_ && kept.empty()) return finish(piece);
        }
        if (!piece.empty()) keep(kept, piece);
        if (remaining_ > 0) return std::optional<event>{};
        if (is_final_) {
            (is_control(frame_opcode_) ? control_was_given_ : message_was_given_) = true;
            return finish(kept);
        }
    }
    size_ = 0;
    return std::optional<event>{};
}

/// Collects a header. @return whether it is complete
result<bool> frame_reader::read_header() {
    if (!collect_header(2)) return false;
    const unsigned first = byte_at(header_.data(), 0);
    const unsigned second = byte_at(header_.data(), 1);
    const auto code = static_cast<opcode>(first & opcode_bits);
    const unsigned short_length = second & length_bits;
    const bool is_masked = (second & mask_bit) != 0;
    is_final_ = (first & final_bit) != 0;
    if (const std::error_code error = check_start(first, code, short_length, is_masked)) return error;

    const std::size_t length_size = short_length == length_in_64_bits   ? 8
                                    : short_length == length_in_16_bits ? 2
                                                                        : 0;
    const std::size_t mask_size = is_masked ? mask_.size() : 0;
    if (!collect_header(2 + length_size + mask_size)) return false;

    const std::uint64_t length =
        length_size == 0 ? short_length : big_endian(header_.data() + 2, length_size);
    // RFC 6455, section 5.2: the most significant bit is 0, and the minimal number of bytes is used.
    if (length >> 63U != 0) return errc::invalid_length;
    if (length_size != 0 && header_bytes(length) != 2 + length_size) return errc::invalid_length;
    if (is_masked) std::memcpy(mask_.data(), header_.data() + 2 + length_size, mask_.size());
    mask_offset_ = 0;
    header_size_ = 0;
    frame_opcode_ = code;
    remaining_ = length;
    if (!is_control(code)) {
        if (message_.size() > bounds_->max_payload_bytes ||
            length > bounds_->max_payload_bytes - message_.size()) {
            return errc::message_too_big;
        }
        if (code != opcode::continuation) {
            message_opcode_ = code;
            message_type_ = type_of_message(first);
            fragments_ = 0;
        }
        if (++fragments_ > bounds_->max_fragments) return errc::too_many_fragments;
    }
    in_frame_ = true;
    return true;
}

bool frame_reader::collect_header(std::size_t wanted) {
    while (header_size_ < wanted && size_ > 0) {
        header_[header_size_++] = *data_++;
        --size_;
    }
    return header_size_ >= wanted;
}

/// Everything that the first two bytes of a frame can be wrong in. @source RFC 6455, sections 5.2, 5.4, 5.5
std::error_code frame_reader::check_start(unsigned first, opcode code, unsigned length,
                                          bool is_masked) const {
    if ((first & reserved_bits) != 0) {
        if (const std::error_code error = check_reserved_bits(first, code)) return error;
    }
    if (!is_known(code)) return errc::unknown_opcode;
    switch (code) {
    case opcode::continuation:
        if (message_opcode_ == opcode::continuation) return errc::unexpected_continuation;
        break;
    case opcode::text:
    case opcode::binary:
        if (message_opcode_ != opcode::continuation) return errc::missing_continuation;
        break;
    case opcode::close:
    case opcode::ping:
    case opcode::pong:
        if (!is_final_) return errc::fragmented_control_frame;
        if (length > max_control_bytes) return errc::control_frame_too_long;
        break;
    }
    if (role_ == role::server && !is_masked) return errc::frame_not_masked;
    if (role_ == role::client && is_masked) return errc::frame_masked;
    return {};
}

/// A compressed message says so in its first frame, and in no other. @source RFC 7692, section 6.1
std::error_code frame_reader::check_reserved_bits(unsigned first, opcode code) const {
    const bool is_allowed = compression_ == compression::per_message &&
                            (first & reserved_bits) == compressed_bit &&
                            (code == opcode::text || code == opcode::binary);
    return is_allowed ? std::error_code{} : make_error_code(errc::reserved_bits);
}

/// Takes what lies in the input of the current frame's payload, unmasked.
bytes_view frame_reader::take_payload() {
    const std::size_t size = remaining_ < size_ ? static_cast<std::size_t>(remaining_) : size_;
    const bytes_view piece{data_, size};
    unmask(data_, size);
    data_ += size;
    size_ -= size;
    remaining_ -= size;
    return piece;
}

void frame_reader::keep(std::string& kept, bytes_view piece) const {
    if (kept.empty()) {
        // The announced length is the peer's word: memory follows the bytes that really came.
        const std::uint64_t announced = piece.size() + remaining_;
        kept.reserve(announced < max_first_reserve_bytes ? static_cast<std::size_t>(announced)
                                                         : max_first_reserve_bytes);
    }
    kept.append(piece);
}

result<std::optional<frame_reader::event>> frame_reader::finish(bytes_view payload) {
    switch (frame_opcode_) {
    case opcode::ping: return std::optional{event{event_type::ping, payload}};
    case opcode::pong: return std::optional{event{event_type::pong, payload}};
    case opcode::close:
        if (const std::error_code error = check_close(payload)) return error;
        is_closed_ = true;
        return std::optional{event{event_type::close, payload}};
    case opcode::continuation:
    case opcode::text:
    case opcode::binary: break;
    }
    message_opcode_ = opcode::continuation;
    if (message_type_ == event_type::text && !is_utf8(payload)) return errc::invalid_utf8;
    return std::optional{event{message_type_, payload}};
}

void frame_reader::unmask(char* data, std::size_t size) {
    if (role_ == role::client || size == 0) return;
    apply_mask(data, size, mask_, mask_offset_);
    mask_offset_ = static_cast<std::uint8_t>((mask_offset_ + size) % mask_.size());
}

} // namespace roomcast::core::ws
