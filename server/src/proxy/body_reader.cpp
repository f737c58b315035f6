#include "proxy/body_reader.hpp"

#include <algorithm>

namespace roomcast::server::proxy {

namespace {

/// Nobody uses extensions, and trailers are dropped: enough for both.
constexpr std::uint32_t most_control_bytes = 1024;
constexpr std::uint32_t most_trailer_bytes = 8192;
/// Fifteen hexadecimal digits: beyond it others count with a sign.
constexpr std::uint64_t most_chunk_bytes = 0x0fffffffffffffff;

int hex_digit(char each) {
    if (each >= '0' && each <= '9') return each - '0';
    if (each >= 'a' && each <= 'f') return each - 'a' + 10;
    if (each >= 'A' && each <= 'F') return each - 'A' + 10;
    return -1;
}

bool is_text(char each) {
    const auto octet = static_cast<unsigned char>(each);
    return each == '\t' || (octet >= 0x20 && octet != 0x7f);
}

} // namespace

body_reader::outcome body_reader::next(std::string_view& bytes, std::string_view& piece) {
    return next(bytes, piece, bytes.size());
}

body_reader::outcome body_reader::next(std::string_view& bytes, std::string_view& piece, std::size_t most) {
    for (;;) {
        if (state_ == state::done) return outcome::done;
        if (state_ == state::malformed) return outcome::malformed;
        if (bytes.empty() || most == 0) return outcome::incomplete;
        if (state_ == state::counted || state_ == state::chunk || state_ == state::until_close) {
            std::size_t size = std::min(bytes.size(), most);
            if (state_ != state::until_close) {
                size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
                left_ -= size;
            }
            piece = bytes.substr(0, size);
            bytes.remove_prefix(size);
            if (left_ == 0 && state_ == state::counted) state_ = state::done;
            if (left_ == 0 && state_ == state::chunk) state_ = state::chunk_end;
            return outcome::payload;
        }
        if (!on_control(bytes.front())) state_ = state::malformed;
        bytes.remove_prefix(1);
    }
}

bool body_reader::on_control(char byte) {
    const bool is_trailer = state_ == state::trailer_start || state_ == state::trailer ||
                            state_ == state::trailer_line_end || state_ == state::last_line_end;
    if (++control_ > (is_trailer ? most_trailer_bytes : most_control_bytes)) return false;
    switch (state_) {
    case state::size: {
        const int digit = hex_digit(byte);
        if (digit >= 0) {
            if (left_ > most_chunk_bytes >> 4U) return false;
            left_ = left_ << 4U | static_cast<std::uint64_t>(digit);
            has_digit_ = true;
            return true;
        }
        if (!has_digit_) return false;
        if (byte == '\r') {
            state_ = state::size_end;
            return true;
        }
        state_ = state::extension;
        return byte == ';';
    }
    case state::extension:
        if (byte == '\r') {
            state_ = state::size_end;
            return true;
        }
        return is_text(byte);
    case state::size_end:
        control_ = 0;
        state_ = left_ == 0 ? state::trailer_start : state::chunk;
        return byte == '\n';
    case state::chunk_end: state_ = state::chunk_end_2; return byte == '\r';
    case state::chunk_end_2:
        control_ = 0;
        has_digit_ = false;
        state_ = state::size;
        return byte == '\n';
    case state::trailer_start:
        state_ = byte == '\r' ? state::last_line_end : state::trailer;
        return byte == '\r' || is_text(byte);
    case state::trailer:
        if (byte == '\r') {
            state_ = state::trailer_line_end;
            return true;
        }
        return is_text(byte);
    case state::trailer_line_end: state_ = state::trailer_start; return byte == '\n';
    case state::last_line_end: state_ = state::done; return byte == '\n';
    case state::counted:
    case state::until_close:
    case state::chunk:
    case state::done:
    case state::malformed: break;
    }
    return false;
}

} // namespace roomcast::server::proxy
