// The input is a row of lines. The first character of a line is an operation of the driver or of the
// application, the rest of it its argument. A network that does what the machine asks for keeps book of
// requests and links.
#include "input.hpp"

#include "roomcast/core/eio/client_session.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace {

namespace core = roomcast::core;
namespace eio = roomcast::core::eio;
using core::frame_kind;
using eio::client_session;
using roomcast::fuzz::require;
using state = client_session::state;

constexpr std::size_t max_write_buffer_bytes = 2000;

eio::client_session_options options_for(std::uint8_t choice) {
    eio::client_session_options options;
    options.first_transport = (choice & 1U) != 0 ? eio::transport::websocket : eio::transport::polling;
    options.allow_upgrade = (choice & 2U) == 0;
    options.max_write_buffer_bytes = max_write_buffer_bytes;
    options.bounds.max_payload_bytes = 5000;
    options.bounds.max_packets_per_payload = 20;
    return options;
}

class world {
public:
    explicit world(std::uint8_t choice) : options_(options_for(choice)), session_(options_) {}

    void step(std::string_view line) {
        if (line.empty()) return;
        const char operation = line.front();
        const std::string_view argument = line.substr(1);
        switch (operation) {
        case 'c': {
            const bool may =
                session_.current_state() == state::idle || session_.current_state() == state::closed;
            require(!session_.connect(now_) == may, "a session connects when it is not connected");
            if (may) begin();
            break;
        }
        case 'g': answer(get_, 200, body_of(argument)); break;
        case 'p': answer(post_, 200, "ok"); break;
        case 'G': answer(get_, status_of(argument), "refused"); break;
        case 'P': answer(post_, status_of(argument), "refused"); break;
        case 'x': fail(get_); break;
        case 'y': fail(post_); break;
        case 'l': session_.on_link_open(now_, link_of(argument)); break;
        case 't': session_.on_frame(now_, link_of(argument), frame_kind::text, after_link(argument)); break;
        case 'b': session_.on_frame(now_, link_of(argument), frame_kind::binary, after_link(argument)); break;
        case 'd': session_.on_link_drained(now_, link_of(argument)); break;
        case 'e': end_link(argument, eio::link_end::closed); break;
        case 'f': end_link(argument, eio::link_end::failed); break;
        case 'o': // an old request, unless it is the first
            if (get_ == 1) get_ = 0;
            session_.on_response(now_, 1, 200, std::string{argument});
            break;
        case 's': send(frame_kind::text, argument); break;
        case 'S': send(frame_kind::binary, argument); break;
        case 'w': wait(argument); break;
        case 'T': session_.on_timeout(now_); break;
        case 'q': session_.close(now_); break;
        default: return;
        }
        drain();
        check();
    }

    /// Whatever happened, a session that hears nothing more comes to its end.
    void fade() {
        for (int i = 0; i < 10 && session_.next_timeout() != core::never; ++i) {
            if (session_.next_timeout() > now_) now_ = session_.next_timeout();
            session_.on_timeout(now_);
            drain();
            check();
        }
        require(session_.current_state() == state::idle || session_.current_state() == state::closed,
                "silence ends a session");
        require(get_ == 0 && post_ == 0 && links_.empty(), "a closed session leaves nothing open");
    }

private:
    static unsigned first_of(std::string_view argument) {
        return argument.empty() ? 0 : static_cast<unsigned char>(argument.front());
    }
    static std::uint16_t status_of(std::string_view argument) {
        return static_cast<std::uint16_t>(201 + first_of(argument));
    }
    /// `;` stands for the separator, so that seeds are text.
    static std::string body_of(std::string_view argument) {
        std::string body{argument};
        for (char& each : body) {
            if (each == ';') each = eio::separator;
        }
        return body;
    }
    static std::uint32_t link_of(std::string_view argument) {
        return first_of(argument) % 8; // '1' is 1
    }
    static std::string_view after_link(std::string_view argument) {
        return argument.empty() ? argument : argument.substr(1);
    }

    void begin() {
        has_opened_ = false;
        has_closed_ = false;
    }
    void answer(std::uint64_t& request, std::uint16_t status, std::string body) {
        const std::uint64_t id = request;
        request = 0;
        session_.on_response(now_, id, status, std::move(body));
    }
    void fail(std::uint64_t& request) {
        const std::uint64_t id = request;
        request = 0;
        session_.on_request_failed(now_, id);
    }
    void end_link(std::string_view argument, eio::link_end end) {
        links_.erase(link_of(argument));
        session_.on_link_closed(now_, link_of(argument), end);
    }
    void wait(std::string_view argument) {
        now_ += std::chrono::milliseconds{1U << (first_of(argument) % 18)};
        session_.on_timeout(now_);
    }
    void send(frame_kind kind, std::string_view data) {
        const std::size_t before = session_.buffered_bytes();
        const bool is_open = session_.current_state() == state::open;
        const std::array<client_session::outgoing, 2> pair{{{kind, data}, {frame_kind::binary, "attached"}}};
        const std::error_code error = session_.send(pair);
        require(is_open || error == core::errc::not_connected, "only an open session sends");
        if (error) require(session_.buffered_bytes() == before, "what is refused is not kept");
    }

    void drain() {
        while (auto output = session_.poll_output()) {
            require(!has_closed_, "nothing follows the end");
            std::visit([this](const auto& each) { on_output(each); }, *output);
        }
    }
    void on_output(const client_session::opened&) {
        require(!has_opened_, "a session opens once");
        has_opened_ = true;
    }
    void on_output(const client_session::message& each) {
        require(has_opened_, "messages come after the handshake");
        require(each.data.size() <= options_.bounds.max_payload_bytes, "messages keep the limit");
    }
    void on_output(const client_session::upgraded&) {
        require(has_opened_ && get_ == 0 && post_ == 0, "polling is quiet when the session moves");
    }
    void on_output(const client_session::closed&) { has_closed_ = true; }
    void on_output(const client_session::send_request& each) {
        require(each.request > last_request_, "numbers of requests are not used twice");
        last_request_ = each.request;
        std::uint64_t& place = each.method == eio::http_method::get ? get_ : post_;
        require(place == 0, "one GET and one POST at a time");
        place = each.request;
        require(each.query.find_first_not_of(
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~=&%") ==
                    std::string::npos,
                "a query needs no further escapes");
        require((each.method == eio::http_method::get) == each.body.empty(), "a POST has a body");
        if (each.method == eio::http_method::post) {
            require(each.body.size() <= session_.told().max_payload_bytes,
                    "a body is not too long for the server");
        }
    }
    void on_output(const client_session::abort_request& each) {
        require(each.request == get_ || each.request == post_, "only what is under way is ended");
        (each.request == get_ ? get_ : post_) = 0;
    }
    void on_output(const client_session::open_link& each) {
        require(each.link > last_link_, "numbers of links are not used twice");
        last_link_ = each.link;
        links_.insert(each.link);
    }
    void on_output(const client_session::send_frame& each) {
        require(links_.count(each.link) == 1, "frames go to a link that is there");
    }
    void on_output(const client_session::close_link& each) {
        require(links_.erase(each.link) == 1, "a link is closed once");
    }

    void check() const {
        const state now = session_.current_state();
        require(session_.buffered_bytes() <= max_write_buffer_bytes, "the write buffer is bounded");
        require(has_closed_ == (now == state::closed), "the end is told");
        require((session_.next_timeout() == core::never) == (now == state::idle || now == state::closed),
                "a session that lives has a deadline");
        if (now == state::open) require(has_opened_, "the beginning is told");
        if (now == state::closed) {
            require(get_ == 0 && post_ == 0 && links_.empty(), "a closed session leaves nothing open");
            require(session_.buffered_bytes() == 0, "a closed session holds nothing");
        }
        if (now == state::open && session_.current_transport() == eio::transport::polling && links_.empty()) {
            require(get_ != 0, "a polling session polls");
        }
    }

    eio::client_session_options options_;
    client_session session_;
    core::time_point now_{};
    std::uint64_t get_ = 0;
    std::uint64_t post_ = 0;
    std::set<std::uint32_t> links_;
    std::uint64_t last_request_ = 0;
    std::uint32_t last_link_ = 0;
    bool has_opened_ = false;
    bool has_closed_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    roomcast::fuzz::input given{data, size};
    world one{given.octet()};
    while (!given.is_empty()) one.step(given.line());
    one.fade();
    return 0;
}
