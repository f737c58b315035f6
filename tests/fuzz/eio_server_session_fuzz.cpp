// The input is a row of lines. The first character of a line is an operation of the peer, the driver or the
// application, the rest of it its argument. The driver here keeps book of requests and links, writes what is
// owed and reads it again as a client would.
#include "input.hpp"

#include "roomcast/core/eio/server_session.hpp"
#include "roomcast/core/value.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace {

namespace core = roomcast::core;
namespace eio = roomcast::core::eio;
namespace ws = roomcast::core::ws;
using core::frame_kind;
using eio::session_output;
using roomcast::fuzz::require;

eio::session_options options_for(std::uint8_t choice) {
    eio::session_options options;
    options.allow_upgrade = (choice & 2U) == 0;
    options.bounds.max_payload_bytes = 1000;
    options.bounds.max_packets_per_payload = 20;
    return options;
}

class world {
public:
    explicit world(std::uint8_t choice)
        : options_(options_for(choice)), is_jsonp_((choice & 5U) == 4),
          session_("SID", options_, (choice & 1U) != 0 ? eio::transport::websocket : eio::transport::polling,
                   (choice & 1U) != 0 ? 1 : 0, now_) {
        if (is_jsonp_) session_.use_jsonp("7");
        if ((choice & 1U) != 0) {
            last_link_ = current_link_ = 1;
            links_.insert(1);
        }
        turn();
    }

    void step(std::string_view line) {
        if (line.empty()) return;
        const std::string_view argument = line.substr(1);
        // Requests for a session that left polling are refused before they reach it.
        const bool is_request = std::string_view{"gpBOLm"}.find(line.front()) != std::string_view::npos;
        if (is_request && session_.current_transport() != eio::transport::polling) return;
        switch (line.front()) {
        case 'g': {
            const std::uint64_t request = begin_request();
            if (get_ == 0) get_ = request;
            session_.on_poll(now_, request);
            break;
        }
        case 'p': {
            const std::uint64_t request = begin_request();
            if (session_.on_post_begin(request, false)) {
                turn();
                finish_post(request, argument);
            }
            break;
        }
        case 'B': begin_post(false); break;
        case 'O': begin_post(true); break;
        case 'E': finish_post(post_, argument); break;
        case 'L': {
            const std::uint64_t request = begin_request();
            if (session_.on_post_begin(request, false)) session_.on_post_too_large(request);
            break;
        }
        case 'm': session_.on_other_method(begin_request()); break;
        case 'x': lose(get_); break;
        case 'y': lose(post_); break;
        case 'l':
            if (links_.size() < 8) {
                links_.insert(++last_link_);
                session_.on_link_open(now_, last_link_);
            }
            break;
        case 't': frame(frame_kind::text, argument); break;
        case 'b': frame(frame_kind::binary, argument); break;
        case 'e': end_link(argument, false); break;
        case 'f': end_link(argument, true); break;
        case 's': send(); break;
        case 'w':
            now_ += std::chrono::milliseconds{1U << (first_of(argument) % 18)};
            time_out();
            break;
        case 'T': time_out(); break;
        case 'q': session_.close(now_, eio::close_reason::forced_close); break;
        case 'h': session_.close(now_, eio::close_reason::server_shutting_down); break;
        case 'a': session_.abort(eio::close_reason::slow_consumer); break;
        default: return;
        }
        turn();
    }

    /// Whatever happened, a session that hears nothing more comes to its end and leaves nothing behind.
    void fade() {
        for (int i = 0; i < 20 && !session_.is_finished(); ++i) {
            require(session_.next_timeout() != core::never, "a session that lives has a deadline");
            if (session_.next_timeout() > now_) now_ = session_.next_timeout();
            time_out();
            turn();
        }
        require(session_.is_finished(), "silence ends a session");
    }

private:
    static unsigned first_of(std::string_view argument) {
        return argument.empty() ? 0 : static_cast<unsigned char>(argument.front());
    }
    static std::uint32_t link_of(std::string_view argument) {
        return first_of(argument) % 8; // '1' is 1
    }
    /// `;` stands for the separator, so that seeds are text.
    static std::string body_of(std::string_view argument) {
        std::string body{argument};
        for (char& each : body) {
            if (each == ';') each = eio::separator;
        }
        return body;
    }

    std::uint64_t begin_request() {
        requests_.insert(++last_request_);
        return last_request_;
    }
    void begin_post(bool is_octet_stream) {
        const std::uint64_t request = begin_request();
        if (session_.on_post_begin(request, is_octet_stream)) post_ = request;
    }
    void finish_post(std::uint64_t request, std::string_view argument) {
        if (requests_.count(request) == 0) return;
        packets_ = 0;
        if (argument.size() > options_.bounds.max_payload_bytes) {
            session_.on_post_too_large(request);
        } else {
            session_.on_post(request, body_of(argument));
        }
    }
    void lose(std::uint64_t request) {
        if (requests_.erase(request) == 1) session_.on_request_closed(request);
    }
    void frame(frame_kind kind, std::string_view argument) {
        packets_ = 0;
        if (links_.count(link_of(argument)) == 0 || argument.size() > options_.bounds.max_payload_bytes)
            return;
        frame_ = argument.substr(1); // stays until the outputs are drained
        session_.on_frame(now_, link_of(argument), kind, frame_);
    }
    void end_link(std::string_view argument, bool is_error) {
        if (links_.erase(link_of(argument)) == 0) return;
        session_.on_link_closed(link_of(argument), is_error);
    }
    void time_out() {
        session_.on_timeout(now_);
        require(session_.next_timeout() > now_, "a timeout moves the next one");
    }
    void send() {
        const bool was_closed = session_.is_closed();
        const std::string text = "4m" + std::to_string(sent_);
        auto message =
            std::make_shared<core::prepared_message>(core::wire_packet::make(frame_kind::text, {text}));
        message->finish();
        require(session_.send(std::move(message)) != was_closed, "an open session takes messages");
        if (!was_closed) ++sent_;
    }

    /// What a driver does after each input: outputs, then what is owed, then the outputs of that.
    void turn() {
        drain();
        if (session_.current_transport() == eio::transport::polling) {
            session_.flush_poll();
        } else if (links_.count(current_link_) == 1) {
            write_owed();
        }
        drain();
        check();
    }

    void drain() {
        while (auto output = session_.poll_output(now_)) on_output(*output);
        require(!session_.has_output(), "what is drained is empty");
    }

    void on_output(session_output& output) {
        using kind = session_output::kind;
        switch (output.what) {
        case kind::message:
            require(!has_closed_, "nothing comes from the peer after the end");
            require(output.data.size() <= options_.bounds.max_payload_bytes, "messages keep the limit");
            require(++packets_ <= options_.bounds.max_packets_per_payload,
                    "a body has no more packets than allowed");
            break;
        case kind::respond:
            require(requests_.erase(output.request) == 1, "a request is answered once");
            on_answer(output);
            break;
        case kind::abort_request:
            require(requests_.erase(output.request) == 1, "a request is answered once");
            break;
        case kind::send_link:
            require(links_.count(output.link) == 1, "frames go to a link that is there");
            break;
        case kind::close_link:
            if (output.link == current_link_ && links_.count(output.link) == 1) write_owed();
            require(links_.erase(output.link) == 1, "a link is closed once");
            break;
        case kind::abort_link: require(links_.erase(output.link) == 1, "a link is closed once"); break;
        case kind::upgraded:
            require(current_link_ == 0 && links_.count(output.link) == 1, "a session moves once, to a link");
            current_link_ = output.link;
            break;
        case kind::closed:
            require(!has_closed_, "the end is told once");
            has_closed_ = true;
            break;
        }
    }

    void on_answer(const session_output& output) {
        require(output.status == 200 || output.status == 400 || output.status == 413 || output.status == 500,
                "the status is one of the reference's");
        if (output.request != get_) return;
        get_ = 0;
        if (output.status != 200) return;
        const std::string body = is_jsonp_ ? text_of_script(output.body) : output.body;
        require(!body.empty(), "a GET's answer has a packet");
        eio::payload_reader reader{body};
        while (const auto packet = reader.next()) on_packet(*packet);
    }

    /// The argument of the call that the script makes.
    static std::string text_of_script(std::string_view script) {
        constexpr std::string_view before = "___eio[7](";
        constexpr std::string_view after = ");";
        require(script.starts_with(before) && script.ends_with(after), "a script calls back");
        script.remove_prefix(before.size());
        script.remove_suffix(after.size());
        require(!core::value::check_whole(script, 1), "a script's argument is JSON");
        const auto text = core::value::text(script);
        require(text.has_value(), "a script's argument is a string");
        return *text;
    }

    /// Reads what is owed as the client at the other end of the link would.
    void write_owed() {
        std::string bytes;
        session_.pending().gather(std::numeric_limits<std::size_t>::max(),
                                  std::numeric_limits<std::uint64_t>::max(),
                                  [&](const char* at, std::size_t size) { bytes.append(at, size); });
        require(bytes.size() == session_.pending().bytes(), "what is owed is counted");
        session_.pending().consume(bytes.size());
        require(session_.pending().is_empty() && session_.pending().bytes() == 0,
                "what was written is not owed");
        ws::frame_reader reader{ws::role::client, options_.bounds};
        reader.feed(bytes.data(), bytes.size());
        for (;;) {
            const auto next = reader.next();
            require(next.has_value(), "what is owed are frames");
            if (!*next) return;
            if ((*next)->type == ws::frame_reader::event_type::text) on_packet((*next)->payload);
        }
    }

    /// A packet as the peer hears it.
    void on_packet(std::string_view text) {
        const auto packet = eio::decode_text(text);
        require(packet.has_value(), "what is sent is a packet");
        if (is_first_) require(packet->type == eio::packet_type::open, "the handshake comes first");
        is_first_ = false;
        if (packet->type != eio::packet_type::message) return;
        require(packet->data == "m" + std::to_string(heard_++), "messages come in order, each once");
    }

    void check() const {
        require(has_closed_ == session_.is_closed(), "the end is told");
        if (session_.current_transport() == eio::transport::polling && requests_.count(get_) == 1) {
            require(session_.pending().is_empty(), "a waiting GET takes what is owed");
        }
        if (!session_.is_closed()) {
            require(session_.next_timeout() != core::never, "a session that lives has a deadline");
            return;
        }
        if (session_.is_finished()) {
            require(session_.next_timeout() == core::never, "a session that ended waits for nothing");
            require(requests_.empty(), "a session that ended leaves no request open");
            require(links_.empty(), "a session that ended leaves no link open");
        }
    }

    eio::session_options options_;
    bool is_jsonp_;
    core::time_point now_{};
    eio::server_session session_;
    std::set<std::uint64_t> requests_; ///< not yet answered
    std::set<std::uint32_t> links_;
    std::string frame_;
    std::uint64_t last_request_ = 0;
    std::uint64_t get_ = 0;
    std::uint64_t post_ = 0; ///< begun, its body is to come
    std::uint32_t last_link_ = 0;
    std::uint32_t current_link_ = 0;
    std::size_t packets_ = 0;
    int sent_ = 0;
    int heard_ = 0;
    bool has_closed_ = false;
    bool is_first_ = true;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    roomcast::fuzz::input given{data, size};
    world one{given.octet()};
    while (!given.is_empty()) one.step(given.line());
    one.fade();
    return 0;
}
