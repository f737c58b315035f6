#include "roomcast/core/eio/client_session.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/error.hpp"

#include <utility>

namespace roomcast::core::eio {

namespace {

constexpr std::string_view ping_probe = "2probe";
constexpr std::string_view pong_probe = "3probe";

/// Places of messages gone out that may stay at the head of the write buffer.
constexpr std::size_t min_compacted = 64;

/// Bytes that a packet takes in a polling body: binary is `b` and base64 there.
std::uint64_t polling_size(frame_kind kind, std::uint64_t packet_bytes) {
    return kind == frame_kind::text ? packet_bytes : 1 + (packet_bytes + 2) / 3 * 4;
}

} // namespace

// A: inputs

void client_session::on_response(time_point now, std::uint64_t request, std::uint16_t status,
                                 std::string body) {
    if (request == 0) return;
    now_ = now;
    if (request == get_request_) {
        get_request_ = 0;
        if (status != 200) return fail(close_reason::transport_error);
        if (body.empty()) return fail(close_reason::transport_error, errc::empty_packet);
        if (body.size() > options_->bounds.max_payload_bytes) {
            return fail(close_reason::transport_error, errc::payload_too_large);
        }
        if (!is_utf8(body)) return fail(close_reason::transport_error, errc::invalid_utf8);
        body_ = std::move(body);
        reader_ = payload_reader{body_};
        packets_in_body_ = 0;
        is_reading_body_ = true;
    } else if (request == post_request_) {
        post_request_ = 0;
        in_flight_bytes_ = 0;
        if (has_said_close_) return finish(close_reason::forced_close, {});
        if (status != 200) return fail(close_reason::transport_error);
        flush();
        finish_upgrade_when_paused();
    }
}

void client_session::on_request_failed(time_point now, std::uint64_t request) {
    if (request == 0 || (request != get_request_ && request != post_request_)) return;
    now_ = now;
    (request == get_request_ ? get_request_ : post_request_) = 0;
    fail(close_reason::transport_error);
}

void client_session::on_link_open(time_point now, std::uint32_t link) {
    if (link == 0 || link != probe_link_ || upgrade_ != upgrade_state::connecting) return;
    now_ = now;
    upgrade_ = upgrade_state::probing;
    put(send_frame{link, frame_kind::text, bytes{ping_probe}});
}

void client_session::on_frame(time_point now, std::uint32_t link, frame_kind kind, bytes_view data) {
    if (link == 0) return;
    now_ = now;
    if (link == probe_link_) return on_probe_frame(kind, data);
    if (link != link_) return;
    if (data.size() > options_->bounds.max_payload_bytes) {
        return fail(close_reason::transport_error, errc::payload_too_large);
    }
    if (kind == frame_kind::text) return on_packet(data);
    if (state_ == state::opening) return fail(close_reason::transport_error, errc::invalid_handshake);
    on_message(frame_kind::binary, bytes{data});
}

void client_session::on_link_drained(time_point now, std::uint32_t link) {
    if (link == 0 || link != link_ || state_ == state::opening) return;
    now_ = now;
    is_link_writable_ = true;
    in_flight_bytes_ = 0;
    flush();
}

void client_session::on_link_closed(time_point now, std::uint32_t link, link_end end) {
    if (link == 0) return;
    now_ = now;
    if (link == probe_link_) {
        probe_link_ = 0;
        abandon_upgrade();
    } else if (link == link_) {
        link_ = 0;
        fail(end == link_end::closed ? close_reason::transport_close : close_reason::transport_error);
    }
}

void client_session::on_timeout(time_point now) {
    now_ = now;
    if (now >= upgrade_deadline_) abandon_upgrade();
    if (now < deadline_) return;
    switch (state_) {
    case state::idle:
    case state::closed: break;
    case state::opening: return finish(close_reason::transport_error, errc::connect_timeout);
    case state::open: return finish(close_reason::ping_timeout, {});
    case state::closing: return finish(close_reason::forced_close, {});
    }
}

// B: commands

std::error_code client_session::connect(time_point now) {
    if (state_ != state::idle && state_ != state::closed) return errc::already_connected;
    now_ = now;
    state_ = state::opening;
    transport_ = options_->first_transport;
    handshake_ = {};
    deadline_ = deadline_after(now, options_->connect_timeout);
    if (transport_ == transport::websocket) {
        link_ = begin_link();
    } else {
        get_request_ = request(http_method::get, {});
    }
    return {};
}

std::error_code client_session::send(std::span<const outgoing> messages) {
    if (state_ != state::open) return errc::not_connected;
    std::uint64_t total = buffered_bytes();
    for (const outgoing& each : messages) {
        const std::uint64_t packet = each.kind == frame_kind::text ? each.data.size() + 1 : each.data.size();
        const std::uint64_t size =
            transport_ == transport::polling ? polling_size(each.kind, packet) : packet;
        if (size > handshake_.max_payload_bytes) return errc::payload_too_large;
        total += packet;
    }
    if (total > options_->max_write_buffer_bytes) return errc::queue_full;
    for (const outgoing& each : messages) {
        queued made{each.kind, {}};
        made.packet.reserve(each.data.size() + 1);
        if (each.kind == frame_kind::text) made.packet += digit_of(packet_type::message);
        made.packet.append(each.data);
        queued_bytes_ += made.packet.size();
        queue_.push_back(std::move(made));
    }
    flush();
    return {};
}

void client_session::close(time_point now) {
    now_ = now;
    switch (state_) {
    case state::idle:
    case state::closing:
    case state::closed: return;
    case state::opening: return finish(close_reason::forced_close, {});
    case state::open: break;
    }
    state_ = state::closing;
    deadline_ = deadline_after(now, options_->close_timeout);
    abandon_upgrade();
    flush();
}

// C: outputs

std::optional<client_session::output> client_session::poll_output() {
    for (;;) {
        if (output_head_ < outputs_.size()) {
            std::optional<output> next{std::move(outputs_[output_head_++])};
            if (output_head_ == outputs_.size()) {
                outputs_.clear();
                output_head_ = 0;
            }
            return next;
        }
        if (!is_reading_body_) return std::nullopt;
        // Packet by packet, so that a body of many small ones never stands in memory as so many outputs.
        read_body();
    }
}

time_point client_session::next_timeout() const {
    return upgrade_deadline_ < deadline_ ? upgrade_deadline_ : deadline_;
}

bool client_session::is_writable() const {
    if (state_ != state::open || has_queued()) return false;
    if (transport_ == transport::websocket) return is_link_writable_;
    return post_request_ == 0 && upgrade_ != upgrade_state::pausing;
}

// What comes in

void client_session::read_body() {
    const auto text = reader_.next();
    if (!text) return end_body();
    if (++packets_in_body_ > options_->bounds.max_packets_per_payload) {
        return fail(close_reason::transport_error, errc::too_many_packets);
    }
    on_packet(*text);
}

void client_session::end_body() {
    is_reading_body_ = false;
    std::string{}.swap(body_);
    poll_when_idle();
    finish_upgrade_when_paused();
}

void client_session::on_packet(std::string_view text) {
    const auto packet = decode_text(text);
    if (!packet) return fail(close_reason::transport_error, packet.error());
    if (state_ == state::opening) {
        if (packet->type != packet_type::open) {
            return fail(close_reason::transport_error, errc::invalid_handshake);
        }
        return on_open_packet(packet->data);
    }
    switch (packet->type) {
    case packet_type::message:
        if (packet->is_base64) {
            bytes decoded;
            if (!append_from_base64(decoded, packet->data)) {
                return fail(close_reason::transport_error, errc::invalid_base64);
            }
            return on_message(frame_kind::binary, std::move(decoded));
        }
        return on_message(frame_kind::text, bytes{packet->data});
    case packet_type::ping: return on_ping();
    case packet_type::close: return fail(close_reason::transport_close);
    case packet_type::open:
    case packet_type::pong:
    case packet_type::upgrade:
    case packet_type::noop: break;
    }
}

void client_session::on_open_packet(std::string_view data) {
    auto told = decode_open(data, options_->bounds);
    if (!told) return fail(close_reason::transport_error, told.error());
    handshake_ = std::move(*told);
    state_ = state::open;
    is_link_writable_ = transport_ == transport::websocket;
    deadline_ = deadline_after(deadline_after(now_, handshake_.ping_interval), handshake_.ping_timeout);
    put(opened{});
    if (transport_ == transport::polling && handshake_.can_upgrade && options_->allow_upgrade)
        begin_upgrade();
}

void client_session::on_message(frame_kind kind, bytes data) {
    if (state_ == state::open) put(message{kind, std::move(data)});
}

void client_session::on_ping() {
    if (state_ == state::open) {
        deadline_ = deadline_after(deadline_after(now_, handshake_.ping_interval), handshake_.ping_timeout);
    }
    // One pong answers all pings that came while it waited, however many the server sends.
    owes_pong_ = true;
    flush();
}

// Upgrade. @source Engine.IO v4, "Upgrade"

void client_session::begin_upgrade() {
    upgrade_ = upgrade_state::connecting;
    upgrade_deadline_ = deadline_after(now_, options_->upgrade_timeout);
    probe_link_ = begin_link();
}

void client_session::on_probe_frame(frame_kind kind, bytes_view data) {
    if (upgrade_ != upgrade_state::probing || kind != frame_kind::text || data != pong_probe) {
        return abandon_upgrade();
    }
    upgrade_ = upgrade_state::pausing;
    finish_upgrade_when_paused();
}

void client_session::finish_upgrade_when_paused() {
    if (upgrade_ != upgrade_state::pausing || get_request_ != 0 || post_request_ != 0 || is_reading_body_)
        return;
    upgrade_ = upgrade_state::none;
    upgrade_deadline_ = never;
    transport_ = transport::websocket;
    link_ = std::exchange(probe_link_, 0);
    is_link_writable_ = true;
    put(send_frame{link_, frame_kind::text, bytes{digit_of(packet_type::upgrade)}});
    put(upgraded{});
    flush();
}

/// The session stays with polling, and goes on with it where it was paused.
void client_session::abandon_upgrade() {
    if (upgrade_ == upgrade_state::none) return;
    upgrade_ = upgrade_state::none;
    upgrade_deadline_ = never;
    if (const std::uint32_t link = std::exchange(probe_link_, 0); link != 0) put(close_link{link});
    poll_when_idle();
    flush();
}

// What goes out

void client_session::poll_when_idle() {
    if (state_ != state::open || transport_ != transport::polling || upgrade_ == upgrade_state::pausing)
        return;
    if (get_request_ != 0 || is_reading_body_) return;
    get_request_ = request(http_method::get, {});
}

void client_session::flush() {
    if (state_ != state::open && state_ != state::closing) return;
    if (transport_ == transport::polling) {
        flush_polling();
    } else {
        flush_link();
    }
}

void client_session::flush_polling() {
    if (post_request_ != 0 || upgrade_ == upgrade_state::pausing) return;
    std::string body;
    if (std::exchange(owes_pong_, false)) body += digit_of(packet_type::pong);
    while (has_queued()) {
        const queued& next = queue_[queue_head_];
        const std::uint64_t size = polling_size(next.kind, next.size()) + (body.empty() ? 0 : 1);
        if (size > handshake_.max_payload_bytes || body.size() > handshake_.max_payload_bytes - size) break;
        const queued taken = take_queued();
        append_packet(body, taken.kind, taken.packet);
    }
    if (state_ == state::closing && !has_queued()) {
        const std::uint64_t size = body.empty() ? 1 : 2;
        if (size <= handshake_.max_payload_bytes && body.size() <= handshake_.max_payload_bytes - size) {
            append_packet(body, frame_kind::text, std::string_view{"1"});
            has_said_close_ = true;
        }
    }
    if (!body.empty()) post_request_ = request(http_method::post, std::move(body));
}

void client_session::flush_link() {
    if (!is_link_writable_) return;
    if (std::exchange(owes_pong_, false)) {
        put(send_frame{link_, frame_kind::text, bytes{digit_of(packet_type::pong)}});
        is_link_writable_ = false;
    }
    while (has_queued()) {
        queued taken = take_queued();
        put(send_frame{link_, taken.kind, std::move(taken.packet)});
        is_link_writable_ = false;
    }
    if (is_link_writable_ && state_ == state::closing) finish(close_reason::forced_close, {});
}

client_session::queued client_session::take_queued() {
    queued taken = std::move(queue_[queue_head_++]);
    queued_bytes_ -= taken.size();
    in_flight_bytes_ += taken.size();
    if (!has_queued()) {
        std::vector<queued>{}.swap(queue_);
        queue_head_ = 0;
    } else if (queue_head_ >= min_compacted && queue_head_ >= queue_.size() / 2) {
        queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(queue_head_));
        queue_head_ = 0;
    }
    return taken;
}

std::uint64_t client_session::request(http_method method, std::string body) {
    put(send_request{++last_request_, method, query_for(transport::polling), std::move(body)});
    return last_request_;
}

std::uint32_t client_session::begin_link() {
    if (++last_link_ == 0) ++last_link_;
    put(open_link{last_link_, query_for(transport::websocket)});
    return last_link_;
}

std::string client_session::query_for(transport wanted) const {
    std::string query = "EIO=";
    query += protocol_version;
    query += wanted == transport::polling ? "&transport=polling" : "&transport=websocket";
    if (!handshake_.sid.empty()) {
        query += "&sid=";
        append_percent_encoded(query, handshake_.sid);
    }
    return query;
}

// The end

void client_session::fail(close_reason reason, std::error_code error) {
    // Once the close packet is out, whatever ends the session is what was asked for.
    if (has_said_close_) return finish(close_reason::forced_close, {});
    finish(reason, error);
}

void client_session::finish(close_reason reason, std::error_code error) {
    if (state_ == state::idle || state_ == state::closed) return;
    state_ = state::closed;
    for (const std::uint64_t each : {get_request_, post_request_}) {
        if (each != 0) put(abort_request{each});
    }
    for (const std::uint32_t each : {probe_link_, link_}) {
        if (each != 0) put(close_link{each});
    }
    put(closed{reason, error});
    get_request_ = post_request_ = 0;
    probe_link_ = link_ = 0;
    upgrade_ = upgrade_state::none;
    deadline_ = upgrade_deadline_ = never;
    std::vector<queued>{}.swap(queue_);
    queue_head_ = queued_bytes_ = in_flight_bytes_ = 0;
    std::string{}.swap(body_);
    is_reading_body_ = is_link_writable_ = owes_pong_ = has_said_close_ = false;
}

} // namespace roomcast::core::eio
