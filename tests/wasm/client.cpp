// What a client has before it has a contract: a session, and packets both ways. Only its size is looked at.

#include "roomcast/core/eio/client_session.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/sio/encoder.hpp"
#include "roomcast/core/value.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace core = roomcast::core;

namespace {
core::eio::client_session_options options;
core::eio::client_session session{options};
core::sio::decoder decoder{options.bounds};
core::time_point now;
std::string out;
} // namespace

extern "C" {
__attribute__((used, visibility("default"), export_name("allocate"))) char* allocate(std::size_t size_bytes) {
    return new char[size_bytes];
}

__attribute__((used, visibility("default"), export_name("open"))) int open_session() {
    return session.connect(now).value();
}

__attribute__((used, visibility("default"), export_name("on_response"))) void
on_response(const char* body, std::size_t size_bytes) {
    session.on_response(now, 1, 200, {body, size_bytes});
    session.on_request_failed(now, 2);
    session.on_timeout(now);
    session.close(now);
}

__attribute__((used, visibility("default"), export_name("on_frame"))) void on_frame(const char* text,
                                                                                    std::size_t size_bytes) {
    session.on_link_open(now, 1);
    session.on_frame(now, 1, core::frame_kind::text, {text, size_bytes});
    session.on_link_drained(now, 1);
    session.on_link_closed(now, 1, {});
}

__attribute__((used, visibility("default"), export_name("poll"))) std::size_t poll() {
    const auto next = session.poll_output();
    return next ? next->index() + 1 : 0;
}

__attribute__((used, visibility("default"), export_name("on_message"))) int
on_message(const char* text, std::size_t size_bytes) {
    const auto whole = decoder.add_text({text, size_bytes});
    if (!whole) return whole.error().value();
    const auto name = core::value::element_at(decoder.packet().data, 0);
    out = name ? core::value::text(*name).value_or("") : "";
    return *whole ? 0 : -1;
}

__attribute__((used, visibility("default"), export_name("on_binary"))) int on_binary(const char* part,
                                                                                     std::size_t size_bytes) {
    const auto whole = decoder.add_binary({part, size_bytes});
    return whole ? 0 : whole.error().value();
}

__attribute__((used, visibility("default"), export_name("emit"))) int emit(const char* args,
                                                                           std::size_t size_bytes) {
    const std::string_view text{args, size_bytes};
    if (core::value::check_whole(text, options.bounds.max_json_depth)) return 1;
    const auto message = core::sio::encode_event("/", text, {});
    const core::eio::client_session::outgoing one{core::frame_kind::text, text};
    return message == nullptr ? 2 : session.send({&one, 1}).value();
}

__attribute__((used, visibility("default"), export_name("text"))) const char* last_text() {
    return out.c_str();
}
}
