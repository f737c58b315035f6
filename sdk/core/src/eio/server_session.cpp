#include "roomcast/core/eio/server_session.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/jsonp.hpp"

namespace roomcast::core::eio {

namespace {

/// How long a second GET waits during an upgrade before it is told to stop polling; the reference's interval.
constexpr duration upgrade_check_interval = std::chrono::milliseconds{100};

const shared_message& ping_message() {
    static const shared_message message = prepare_text("2");
    return message;
}

std::string digit(packet_type type) {
    return {digit_of(type)};
}

} // namespace

server_session::server_session(std::string sid, const session_options& options, transport opened_by,
                               std::uint32_t link, time_point now)
    : options_(&options), sid_(std::move(sid)), link_(link), transport_(opened_by) {
    handshake told;
    told.sid = sid_;
    told.can_upgrade = opened_by == transport::polling && options.allow_upgrade;
    told.ping_interval = options.ping_interval;
    told.ping_timeout = options.ping_timeout;
    told.max_payload_bytes = options.bounds.max_payload_bytes;
    outbox_.push(prepare_text(encode_open(told)));
    heartbeat_ = deadline_after(now, options.ping_interval);
}

void server_session::on_poll(time_point now, std::uint64_t request) {
    if (state_ == state::finished) {
        respond(request, 400, {}, false);
        return;
    }
    if (poll_request_ != 0) {
        // Two GETs at once: the peer is confused, or two peers share a sid.
        respond(request, 400, {}, false);
        fail(close_reason::transport_error);
        return;
    }
    poll_request_ = request;
    if (!outbox_.is_empty()) {
        answer_poll_from_outbox();
    } else if (state_ == state::closing) {
        answer_poll(digit(packet_type::noop) + separator + digit(packet_type::close));
        finish();
    } else if (has_probed_) {
        noop_at_ = deadline_after(now, upgrade_check_interval);
    }
}

bool server_session::on_post_begin(std::uint64_t request, bool is_octet_stream) {
    if (state_ == state::finished) {
        respond(request, 400, {}, false);
        return false;
    }
    if (post_request_ != 0) {
        respond(request, 400, {}, false);
        fail(close_reason::transport_error);
        return false;
    }
    if (is_octet_stream) {
        // Binary bodies belong to protocol 3.
        respond(request, 400, {}, false);
        fail(close_reason::transport_error);
        return false;
    }
    post_request_ = request;
    return true;
}

void server_session::on_post(std::uint64_t request, std::string body) {
    if (request != post_request_ || is_reading_body_) return;
    if (jsonp_) {
        auto payload = unwrap_jsonp(body);
        if (!payload) {
            // A form without the field says nothing.
            post_request_ = 0;
            respond(request, 200, "ok", true);
            return;
        }
        body = std::move(*payload);
    }
    body_ = std::move(body);
    reader_ = payload_reader{body_};
    packets_in_body_ = 0;
    is_reading_body_ = true;
    if (body_.empty()) {
        fail(close_reason::parse_error);
    } else if (body_.size() > options_->bounds.max_payload_bytes || !is_utf8(body_)) {
        fail(close_reason::parse_error);
    }
}

void server_session::on_post_too_large(std::uint64_t request) {
    if (request != post_request_) return;
    post_request_ = 0;
    respond(request, 413, {}, false);
}

void server_session::on_other_method(std::uint64_t request) {
    respond(request, 500, {}, false);
}

void server_session::on_request_closed(std::uint64_t request) {
    if (request == poll_request_) {
        poll_request_ = 0;
        if (state_ == state::closing) {
            finish();
        } else {
            fail(close_reason::transport_error);
        }
    } else if (request == post_request_ && !is_reading_body_) {
        post_request_ = 0;
        fail(close_reason::transport_error);
    }
}

void server_session::on_link_open(time_point now, std::uint32_t link) {
    if (state_ != state::open || transport_ == transport::websocket || probe_link_ != 0 ||
        !options_->allow_upgrade) {
        close_link(link);
        return;
    }
    probe_link_ = link;
    upgrade_deadline_ = deadline_after(now, options_->upgrade_timeout);
}

void server_session::on_frame(time_point now, std::uint32_t link, frame_kind kind, std::string_view data) {
    if (link == probe_link_ && link != 0) {
        on_probe_frame(kind, data);
        return;
    }
    if (link != link_ || state_ != state::open) return;
    if (kind == frame_kind::binary) {
        on_activity(now);
        on_message(frame_kind::binary, data);
    } else {
        on_packet(now, data);
    }
}

void server_session::on_link_closed(std::uint32_t link, bool is_error) {
    if (link == 0) return;
    if (link == probe_link_) {
        probe_link_ = 0;
        end_probe();
    } else if (link == link_) {
        link_ = 0;
        fail(is_error ? close_reason::transport_error : close_reason::transport_close);
    }
}

void server_session::on_timeout(time_point now) {
    if (now >= close_deadline_) {
        close_deadline_ = never;
        finish();
    }
    if (now >= upgrade_deadline_) {
        close_link(probe_link_);
        end_probe();
    }
    if (now >= noop_at_) {
        noop_at_ = never;
        if (poll_request_ != 0) answer_poll(digit(packet_type::noop));
    }
    if (state_ == state::open && now >= heartbeat_) {
        if (is_awaiting_pong_) {
            fail(close_reason::ping_timeout);
        } else {
            is_awaiting_pong_ = true;
            was_pong_extended_ = false;
            heartbeat_ = deadline_after(now, options_->ping_timeout);
            outbox_.push(ping_message());
        }
    }
}

bool server_session::send(shared_message message) {
    if (state_ != state::open) return false;
    outbox_.push(std::move(message));
    return true;
}

void server_session::close(time_point now, close_reason reason) {
    if (state_ != state::open) return;
    end_for_application(reason);
    if (transport_ == transport::websocket) {
        close_link(link_);
        link_ = 0;
        finish();
        return;
    }
    if (poll_request_ != 0 && outbox_.is_empty()) {
        answer_poll(digit(packet_type::close));
        finish();
        return;
    }
    if (reason == close_reason::server_shutting_down && poll_request_ == 0) {
        finish(); // nobody will be here to answer a later GET
        return;
    }
    state_ = state::closing;
    // A peer that has had its `3probe` may have stopped polling: its upgrade is the way to what is still
    // owed.
    if (!has_probed_) {
        close_link(probe_link_);
        end_probe();
    }
    close_deadline_ = deadline_after(now, options_->close_timeout);
    if (poll_request_ != 0) answer_poll_from_outbox();
}

void server_session::abort(close_reason reason) {
    if (state_ != state::open) return;
    end_for_application(reason);
    if (link_ != 0) {
        session_output output;
        output.what = session_output::kind::abort_link;
        output.link = link_;
        outputs_.push_back(std::move(output));
        link_ = 0;
    }
    if (poll_request_ != 0) answer_poll(digit(packet_type::close));
    outbox_.clear();
    finish();
}

void server_session::flush_poll() {
    if (poll_request_ != 0 && !outbox_.is_empty()) answer_poll_from_outbox();
}

std::optional<session_output> server_session::poll_output(time_point now) {
    for (;;) {
        if (output_head_ < outputs_.size()) {
            std::optional<session_output> output{std::move(outputs_[output_head_++])};
            if (output_head_ == outputs_.size()) {
                outputs_.clear();
                output_head_ = 0;
            }
            return output;
        }
        if (has_message_) {
            has_message_ = false;
            if (state_ != state::open) continue;
            session_output output;
            output.what = session_output::kind::message;
            output.data = message_;
            output.data_kind = message_kind_;
            return output;
        }
        if (is_reading_body_) {
            read_body(now);
            continue;
        }
        return std::nullopt;
    }
}

time_point server_session::next_timeout() const {
    time_point next = state_ == state::open ? heartbeat_ : close_deadline_;
    if (state_ == state::finished) next = never;
    if (upgrade_deadline_ < next) next = upgrade_deadline_;
    if (noop_at_ < next) next = noop_at_;
    return next;
}

void server_session::read_body(time_point now) {
    const auto text = state_ == state::open ? reader_.next() : std::nullopt;
    if (text) {
        if (++packets_in_body_ > options_->bounds.max_packets_per_payload) {
            fail(close_reason::parse_error);
        } else {
            on_packet(now, *text);
        }
        return;
    }
    // Through, or the session ended on the way: the POST is answered all the same.
    is_reading_body_ = false;
    std::string{}.swap(body_);
    std::string{}.swap(scratch_);
    const std::uint64_t request = post_request_;
    post_request_ = 0;
    respond(request, 200, "ok", true);
}

void server_session::on_packet(time_point now, std::string_view text) {
    const auto packet = decode_text(text);
    if (!packet) {
        fail(close_reason::parse_error);
        return;
    }
    if (packet->type != packet_type::pong) on_activity(now);
    switch (packet->type) {
    case packet_type::message:
        if (packet->is_base64) {
            scratch_.clear();
            if (!append_from_base64(scratch_, packet->data)) {
                fail(close_reason::parse_error);
                return;
            }
            on_message(frame_kind::binary, scratch_);
        } else {
            on_message(packet->kind, packet->data);
        }
        break;
    case packet_type::pong:
        is_awaiting_pong_ = false;
        heartbeat_ = deadline_after(now, options_->ping_interval);
        break;
    case packet_type::ping:
        // In protocol 4 the server pings. @source Engine.IO v4, "Heartbeat"
        fail(close_reason::transport_error);
        break;
    case packet_type::close:
        // Over polling the peer's own GET is told to go, then the session is over.
        if (poll_request_ != 0) answer_poll(digit(packet_type::noop));
        fail(close_reason::transport_close);
        break;
    case packet_type::open:
    case packet_type::upgrade:
    case packet_type::noop: break;
    }
}

void server_session::on_message(frame_kind kind, std::string_view data) {
    message_ = data;
    message_kind_ = kind;
    has_message_ = true;
}

void server_session::on_activity(time_point now) {
    if (is_awaiting_pong_ && !was_pong_extended_) {
        was_pong_extended_ = true;
        heartbeat_ = deadline_after(now, options_->ping_timeout);
    }
}

void server_session::on_probe_frame(frame_kind kind, std::string_view data) {
    if (kind == frame_kind::text && data == "2probe") {
        session_output output;
        output.what = session_output::kind::send_link;
        output.link = probe_link_;
        ws::append_header(output.body, ws::opcode::text, 6);
        output.body += "3probe";
        outputs_.push_back(std::move(output));
        // A GET that waits now keeps the peer from pausing its polling; later ones are given a moment.
        has_probed_ = true;
        if (poll_request_ != 0) answer_poll(digit(packet_type::noop));
    } else if (kind == frame_kind::text && !data.empty() && data[0] == digit_of(packet_type::upgrade)) {
        upgrade();
    } else {
        close_link(probe_link_);
        end_probe();
    }
}

void server_session::upgrade() {
    // The old transport is closed, and a peer that still polls is told so.
    if (poll_request_ != 0) answer_poll(digit(packet_type::close));
    link_ = probe_link_;
    end_probe();
    transport_ = transport::websocket;
    session_output output;
    output.what = session_output::kind::upgraded;
    output.link = link_;
    outputs_.push_back(std::move(output));
    if (state_ == state::closing) {
        close_link(link_);
        link_ = 0;
        close_deadline_ = never;
        finish();
    }
}

void server_session::fail(close_reason reason) {
    if (state_ == state::finished) return;
    end_for_application(reason);
    if (transport_ == transport::polling) outbox_.clear();
    if (poll_request_ != 0) answer_poll(digit(packet_type::close));
    close_link(link_);
    link_ = 0;
    finish();
}

void server_session::finish() {
    state_ = state::finished;
    close_link(probe_link_);
    end_probe();
    if (post_request_ == 0 || is_reading_body_) return;
    // Its body would come for a session that nobody knows any more.
    session_output output;
    output.what = session_output::kind::abort_request;
    output.request = post_request_;
    outputs_.push_back(std::move(output));
    post_request_ = 0;
}

void server_session::end_for_application(close_reason reason) {
    if (state_ != state::open) return;
    heartbeat_ = never;
    session_output output;
    output.what = session_output::kind::closed;
    output.reason = reason;
    outputs_.push_back(std::move(output));
}

void server_session::answer_poll(std::string body) {
    const std::uint64_t request = poll_request_;
    poll_request_ = 0;
    noop_at_ = never;
    if (jsonp_) body = wrap_jsonp(*jsonp_, body);
    respond(request, 200, std::move(body), false);
}

void server_session::answer_poll_from_outbox() {
    std::string body;
    outbox_.drain_packets(
        [&](const wire_packet& packet) { append_packet(body, packet.kind(), packet.payload()); });
    answer_poll(std::move(body));
}

void server_session::respond(std::uint64_t request, std::uint16_t status, std::string body, bool is_html) {
    session_output output;
    output.what = session_output::kind::respond;
    output.request = request;
    output.status = status;
    output.body = std::move(body);
    output.is_html = is_html;
    outputs_.push_back(std::move(output));
}

void server_session::close_link(std::uint32_t link) {
    if (link == 0) return;
    session_output output;
    output.what = session_output::kind::close_link;
    output.link = link;
    outputs_.push_back(std::move(output));
}

void server_session::end_probe() {
    probe_link_ = 0;
    has_probed_ = false;
    upgrade_deadline_ = never;
    noop_at_ = never;
}

} // namespace roomcast::core::eio
