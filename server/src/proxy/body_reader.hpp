#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// What is not ours goes to the application on another port (integrated mode): requests and answers in
/// pieces, and tunnels for what was upgraded. How long a message is, both sides hear from us alone, in words
/// of our own.
namespace roomcast::server::proxy {

/// Finds the end of one HTTP/1.1 body, strictly: what two readers might understand differently is an error.
/// @source RFC 9112, sections 6 and 7
class body_reader {
public:
    /// There is none.
    static body_reader none() { return body_reader{state::done, 0}; }
    static body_reader of_length(std::uint64_t bytes) {
        return body_reader{bytes == 0 ? state::done : state::counted, bytes};
    }
    static body_reader chunked() { return body_reader{state::size, 0}; }
    /// It ends with the connection; only an answer may be like that.
    static body_reader until_close() { return body_reader{state::until_close, 0}; }

    enum class outcome : std::uint8_t {
        payload,    ///< a piece of the body
        incomplete, ///< everything was read, and there is more to come
        done,       ///< the body is complete; what is left belongs to the next message
        malformed,
    };
    /// Takes what it can from the front. @param piece a part of `bytes`
    outcome next(std::string_view& bytes, std::string_view& piece);
    /// The same, with at most so many bytes in a piece.
    outcome next(std::string_view& bytes, std::string_view& piece, std::size_t most);

    bool is_done() const { return state_ == state::done; }
    bool ends_with_connection() const { return state_ == state::until_close; }

private:
    enum class state : std::uint8_t {
        counted,
        until_close,
        size, ///< of a chunk, in hexadecimal
        extension,
        size_end, ///< its line feed
        chunk,
        chunk_end, ///< CR behind a chunk
        chunk_end_2,
        trailer_start, ///< of a line
        trailer,
        trailer_line_end,
        last_line_end,
        done,
        malformed,
    };
    body_reader(state begin, std::uint64_t left) : left_(left), state_(begin) {}
    /// One byte between chunks. @return false: malformed
    bool on_control(char byte);

    std::uint64_t left_;        ///< of the body or of the chunk
    std::uint32_t control_ = 0; ///< bytes of this chunk's head, or of the trailers
    bool has_digit_ = false;
    state state_;
};

} // namespace roomcast::server::proxy
