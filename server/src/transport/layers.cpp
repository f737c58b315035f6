// What a connection does when there are layers between it and its socket.
#include "transport/layers.hpp"

#include "base/log.hpp"
#include "engine/context.hpp"
#include "engine/session.hpp"
#include "transport/connection.hpp"
#include "transport/proxy_header.hpp"

#include "roomcast/core/bytes.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace roomcast::server::transport {

namespace {

constexpr std::size_t most_bytes_a_turn = 256U << 10U;
/// Of what is owed, so much is encrypted or compressed before it is known whether the socket takes it.
constexpr std::size_t piece_bytes = 64U << 10U;
constexpr std::size_t most_pieces = 64;
/// Until a handshake is over. The longest certificates of clients are far shorter, and nobody is asked for
/// one.
constexpr std::size_t most_opening_bytes = 128U << 10U;
/// Who makes us owe answers of TLS itself (to new keys, say) while so much waits already does not read.
constexpr std::size_t most_waiting_bytes = 1U << 20U;
/// Shared buffers above this size go back after use.
constexpr std::size_t kept_buffer_bytes = 256U << 10U;

void release_if_large(std::string& buffer) {
    if (buffer.capacity() > kept_buffer_bytes) std::string{}.swap(buffer);
}

} // namespace

void layers::on_ready(std::uint32_t events) {
    of->on_layered_ready(events);
}

engine::pollable& connection::polled() {
    if (layers_) return *layers_;
    return *this;
}

tools& connection::shared_tools() {
    auto& place = home_->of_transport();
    if (!place) place = std::make_unique<tools>(home_->shared().options.compression);
    return static_cast<tools&>(*place);
}

/// Is something of ours still to be taken by the peer?
bool connection::is_owing() const {
    return !output_.empty() || (layers_ && layers_->has_unsent());
}

std::size_t connection::backlog() const {
    return output_.size() - written_ + (layers_ ? layers_->wire.size() - layers_->wire_sent : 0);
}

void connection::on_layered_ready(std::uint32_t events) {
    if (state_ == state::closed) return;
    if ((events & EPOLLOUT) != 0) {
        layers_->can_write = true;
        if (!on_writable(is_owing())) return;
    }
    if (!is_to_read(events)) return;
    if (layers_->tls || layers_->awaits_proxy_header) {
        read_layered();
    } else {
        read();
    }
}

void connection::read_layered() {
    std::size_t total = 0;
    while (state_ != state::closed && !is_paused_) {
        char* const buffer = home_->read_buffer();
        const ssize_t got = ::recv(fd_, buffer, engine::shard::read_buffer_bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            on_peer_gone();
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        home_->counts().bytes_received += size;
        if (!take_from_wire({buffer, size})) return;
        if (size < engine::shard::read_buffer_bytes && !is_hung_up_) return;
        total += size;
        if (total >= most_bytes_a_turn) {
            home_->read_again(*layers_);
            return;
        }
    }
}

bool connection::take_from_wire(std::string_view raw) {
    if (state_ == state::lingering) return true;
    if (layers_->is_opening()) {
        layers_->opening_bytes += raw.size();
        if (layers_->opening_bytes > most_opening_bytes) {
            ++home_->counts().protocol_errors;
            end();
            return false;
        }
    }
    return layers_->awaits_proxy_header ? take_proxy_header(raw) : take_records(raw);
}

bool connection::take_proxy_header(std::string_view raw) {
    input_ += raw;
    const proxy_header header = read_proxy_header(input_);
    switch (header.what) {
    case proxy_header::status::incomplete: return true;
    case proxy_header::status::malformed:
        ++home_->counts().protocol_errors;
        base::log("transport")
            .warn(base::about{}.with("address", address_),
                  "a trusted proxy sent no header of the PROXY protocol");
        end();
        return false;
    case proxy_header::status::complete: break;
    }
    if (header.address) {
        address_ = *header.address;
        is_trusted_ = home_->shared().trusted_proxies.contains(address_);
    }
    is_secure_ = is_secure_ || header.is_secure;
    std::string rest = input_.substr(header.size);
    std::string{}.swap(input_);
    layers_->awaits_proxy_header = false;
    if (layers_->tls) return rest.empty() || take_records(rest);
    drop_layers();
    set_deadline(home_->shared().options.http.request_timeout);
    if (!rest.empty()) (void)on_bytes(rest.data(), rest.size());
    // What else the socket has is told anew, now to the connection itself.
    return false;
}

bool connection::take_records(std::string_view raw) {
    layers& all = *layers_;
    tools& shared = shared_tools();
    const bool was_opening = all.is_opening();
    const std::size_t waited = all.wire.size();
    shared.plain.clear();
    const tls_session::progress progress = all.tls->receive(raw, shared.plain, all.wire);
    if (was_opening && !all.is_opening()) set_deadline(home_->shared().options.http.request_timeout);
    const bool has_answer = all.wire.size() > waited;
    if (has_answer) send_wire();
    if (has_answer && waited > most_waiting_bytes) {
        on_peer_gone();
        return false;
    }
    if (!shared.plain.empty() && !on_bytes(shared.plain.data(), shared.plain.size())) return false;
    if (state_ == state::closed) return false;
    switch (progress) {
    case tls_session::progress::open: return true;
    case tls_session::progress::failed:
        ++home_->counts().protocol_errors;
        base::log("transport")
            .debug(base::about{}.with("address", address_), "what came is no TLS, or not ours{}",
                   was_opening ? ": no handshake came about" : "");
        break;
    case tls_session::progress::ended: break;
    }
    on_peer_gone();
    return false;
}

/// The connection is a plain one from now on.
void connection::drop_layers() {
    can_write_ = layers_->can_write;
    home_->forget_greedy(*layers_);
    home_->poller().hand_over(fd_, *this);
    home_->retire(std::move(layers_));
}

void connection::use_deflate(const deflate_agreement& agreed) {
    if (!layers_) {
        layers_ = std::make_unique<layers>(*this);
        layers_->can_write = std::exchange(can_write_, false);
        output_.erase(0, std::exchange(written_, 0));
        home_->forget_greedy(*this);
        home_->poller().hand_over(fd_, *layers_);
    }
    layers_->deflate = std::make_unique<deflate_agreement>(agreed);
}

bool connection::flush_own_layered() {
    if (!output_.empty()) {
        if (layers_->tls) {
            // Of a session that cannot send nobody could read it.
            (void)layers_->tls->send(output_, layers_->wire);
        } else {
            layers_->wire += output_;
        }
        std::string{}.swap(output_);
    }
    return send_wire();
}

/// @return whether the socket took all, and takes more
bool connection::send_wire() {
    std::string& wire = layers_->wire;
    std::size_t& begun = layers_->wire_sent;
    while (!wire.empty()) {
        if (!layers_->can_write || fd_ < 0) return false;
        const ssize_t sent =
            ::send(fd_, wire.data() + begun, wire.size() - begun, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            layers_->can_write = false;
            return false;
        }
        home_->counts().bytes_sent += static_cast<std::uint64_t>(sent);
        begun += static_cast<std::size_t>(sent);
        // Not for each piece: what is left of a large answer would be moved for each.
        if (begun > wire.size() / 2) {
            wire.erase(0, begun);
            begun = 0;
        }
    }
    if (wire.capacity() > 64) std::string{}.swap(wire);
    return layers_->can_write;
}

bool connection::flush_layered(core::eio::outbox& owed) {
    if (!flush_own_layered()) return false;
    layers& all = *layers_;
    tools& shared = shared_tools();
    while (!owed.is_empty()) {
        shared.frames.clear();
        if (all.deflate) {
            const int bits = all.deflate->server_window_bits;
            if (all.deflate->server_keeps_context && !all.own_deflater) {
                all.own_deflater = shared.compress.make_own(bits);
            }
            owed.take(piece_bytes, [&](const core::shared_message& message, std::size_t packet) {
                shared.frames += all.own_deflater
                                     ? shared.compress.frame_of(message->at(packet), *all.own_deflater)
                                     : shared.compress.frame_of(message, packet, bits);
            });
        } else {
            std::size_t total = 0;
            owed.gather(most_pieces, piece_bytes, [&](const char* data, std::size_t size) {
                const std::size_t taken = std::min(size, piece_bytes - total);
                shared.frames.append(data, taken);
                total += taken;
            });
            owed.consume(total);
        }
        std::string* ready = &shared.frames;
        if (all.tls) {
            shared.wire.clear();
            if (!all.tls->send(shared.frames, shared.wire)) {
                // The poller tells of the end, at a time when there is nobody above us.
                ::shutdown(fd_, SHUT_RDWR);
                return false;
            }
            ready = &shared.wire;
        }
        std::string_view rest = *ready;
        while (!rest.empty()) {
            const ssize_t sent = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) {
                if (errno == EINTR) continue;
                all.can_write = false;
                all.wire = rest;
                return false;
            }
            home_->counts().bytes_sent += static_cast<std::uint64_t>(sent);
            rest.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    release_if_large(shared.frames);
    release_if_large(shared.wire);
    after_flush();
    return true;
}

/// Tells a TLS peer that nothing follows, once.
void connection::say_tls_end() {
    if (!layers_ || !layers_->tls || fd_ < 0) return;
    layers_->tls->close(layers_->wire);
    send_wire();
}

/// @return false: it was wrong, and the connection ends
bool connection::on_compressed(core::frame_kind kind, std::string_view payload) {
    if (session_ == nullptr) return true;
    tools& shared = shared_tools();
    if (layers_->deflate->client_keeps_context && !layers_->own_inflater) {
        layers_->own_inflater = std::make_unique<inflater>();
    }
    inflater& with = layers_->own_inflater ? *layers_->own_inflater : shared.compress.shared_inflater();
    shared.inflated.clear();
    const auto outcome =
        with.inflate(payload, home_->shared().options.session.bounds.max_payload_bytes, shared.inflated);
    switch (outcome) {
    case inflater::outcome::ok: break;
    case inflater::outcome::too_big: fail_websocket(core::ws::close_code::too_big); return false;
    case inflater::outcome::malformed: fail_websocket(core::ws::close_code::invalid_data); return false;
    }
    if (kind == core::frame_kind::text && !core::is_utf8(shared.inflated)) {
        fail_websocket(core::ws::close_code::invalid_data);
        return false;
    }
    session_->on_frame(*this, kind, shared.inflated);
    release_if_large(shared.inflated);
    return true;
}

} // namespace roomcast::server::transport
