#include "transport/connection.hpp"

#include "engine/context.hpp"
#include "engine/session.hpp"
#include "transport/deflate.hpp"
#include "transport/forwarded.hpp"
#include "transport/layers.hpp"
#include "transport/websocket_handshake.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>

namespace http = boost::beast::http;

namespace roomcast::server::transport {

namespace {

/// A connection's share of one turn; with more to read it comes again after the others.
constexpr std::size_t most_bytes_a_turn = 256U << 10U;
constexpr std::size_t most_pieces = 64;
/// Without a session, what an unread WebSocket may make us owe in pongs.
constexpr std::size_t most_own_bytes = 4096;
constexpr std::size_t most_extension_bytes = 1024;

std::string_view view_of(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

/// A header that goes on in a second line: some take it for a header of its own. @source RFC 9112,
/// section 5.2
bool has_folded_line(std::string_view head) {
    return head.find("\n ") != std::string_view::npos || head.find("\n\t") != std::string_view::npos;
}

std::string_view reason_phrase(unsigned status) {
    return view_of(http::obsolete_reason(static_cast<http::status>(status)));
}

} // namespace

struct connection::request {
    request(const roomcast::server::http_options& bounds, std::uint64_t body_limit)
        : most_body_bytes(body_limit) {
        parser.header_limit(static_cast<std::uint32_t>(bounds.max_header_bytes));
        // Who handles the request answers a body that is too long: its head must be read first.
        parser.body_limit(boost::none);
        parser.on_chunk_header(check_extensions);
    }
    // Nobody uses chunk extensions, and a proxy may read them differently.
    std::function<void(std::uint64_t, boost::beast::string_view, boost::system::error_code&)>
        check_extensions =
            [](std::uint64_t, boost::beast::string_view extensions, boost::system::error_code& error) {
                if (extensions.size() > most_extension_bytes) error = http::error::bad_chunk_extension;
            };
    http::request_parser<http::string_body> parser;
    /// Taken out of the parser, which adds the trailers of a body to what it has: nobody in front of us
    /// checked those. @source RFC 9110, section 6.5.1
    http::request_header<> fields;
    std::string headers_for_every_answer;
    std::string headers_for_first_answer;
    std::uint64_t most_body_bytes;
    std::size_t head_bytes = 0; ///< read so far: the parser counts each piece of a head for itself
    bool is_folded = false;
    bool is_head_read = false;
    bool is_skipped = false;
};

connection::connection(int fd, arrival how, request_handler& handler)
    : handler_(&handler), address_(std::move(how.address)), fd_(fd), is_trusted_(how.is_trusted),
      is_secure_(how.tls != nullptr), is_spare_(how.is_spare) {
    if (how.tls == nullptr && !how.has_proxy_header) return;
    layers_ = std::make_unique<layers>(*this);
    layers_->awaits_proxy_header = how.has_proxy_header;
    layers_->tls_of = std::move(how.tls);
    can_write_ = false;
}

connection::~connection() {
    if (fd_ >= 0) {
        ::close(fd_);
        if (home_ != nullptr) --home_->shared().open_connections;
    }
}

void connection::adopt(std::unique_ptr<connection> made, engine::shard& home) {
    connection& one = *made;
    one.home_ = &home;
    one.state_ = state::http;
    home.hold(std::move(made));
    const bool is_opening = one.layers_ && (one.layers_->tls_of || one.layers_->awaits_proxy_header);
    if (is_opening && one.layers_->tls_of) {
        one.layers_->tls = std::make_unique<tls_session>(*std::exchange(one.layers_->tls_of, nullptr));
    }
    if (!home.poller().add(one.fd_, one.polled())) {
        one.end();
        return;
    }
    const options& chosen = home.shared().options;
    one.set_deadline(is_opening ? chosen.tls.handshake_timeout : chosen.http.request_timeout);
    if (one.request_) (void)one.parse();
}

std::string_view connection::header(std::string_view name) const {
    if (!request_) return {};
    const auto& fields = request_->fields;
    const auto found = fields.find(boost::beast::string_view{name.data(), name.size()});
    return found == fields.end() ? std::string_view{} : view_of(found->value());
}

std::size_t connection::count_headers(std::string_view name) const {
    return request_ ? request_->fields.count(boost::beast::string_view{name.data(), name.size()}) : 0;
}

void connection::for_each_header(const std::function<void(std::string_view, std::string_view)>& each) const {
    if (!request_) return;
    for (const auto& field : request_->fields) each(view_of(field.name_string()), view_of(field.value()));
}

std::string connection::joined_headers(std::string_view name) const {
    std::string joined;
    const auto& fields = request_->fields;
    const auto [begin, end] = fields.equal_range(boost::beast::string_view{name.data(), name.size()});
    for (auto field = begin; field != end; ++field) {
        if (!joined.empty()) joined += ',';
        joined += view_of(field->value());
    }
    return joined;
}

client_origin connection::origin() const {
    if (!is_trusted_) return {address_, is_secure_};
    forwarded_origin behind =
        read_forwarded({joined_headers("X-Forwarded-For"), joined_headers("X-Forwarded-Proto"),
                        joined_headers("Forwarded"), joined_headers("X-Real-IP")},
                       home_->shared().trusted_proxies);
    return {std::move(behind.address).value_or(address_), behind.is_secure.value_or(is_secure_)};
}

std::string connection::asked_host() const {
    if (is_trusted_) {
        if (auto host = read_forwarded_host(joined_headers("X-Forwarded-Host"))) return std::move(*host);
    }
    return std::string{header("Host")};
}

std::shared_ptr<handshake_info> connection::make_info() const {
    auto info = std::make_shared<handshake_info>();
    info->url = std::string{head_.target};
    for (const auto& field : request_->fields) {
        info->headers += view_of(field.name_string());
        info->headers += ": ";
        info->headers += view_of(field.value());
        info->headers += "\r\n";
    }
    info->headers.shrink_to_fit();
    client_origin from = origin();
    info->address = std::move(from.address);
    info->is_secure = from.is_secure;
    info->issued_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
    info->is_cross_domain = !header("Origin").empty();
    return info;
}

std::shared_ptr<connection*> connection::answer_place() {
    if (!answer_place_) answer_place_ = std::make_shared<connection*>(this);
    return answer_place_;
}

void connection::limit_body(std::uint64_t bytes) {
    request_->most_body_bytes = bytes;
}

void connection::keep_headers(std::string every, std::string first) {
    request_->headers_for_every_answer = std::move(every);
    request_->headers_for_first_answer = std::move(first);
}

void connection::respond(unsigned status, std::string_view content_type, std::string_view extra,
                         std::string_view body) {
    if (state_ != state::http || !is_answer_due_) return;
    const bool is_read = request_->parser.is_done();
    const bool is_last = is_last_answer_ || !head_.is_keep_alive || !is_read;
    std::string& out = output_;
    out += "HTTP/1.1 ";
    out += std::to_string(status);
    out += ' ';
    out += reason_phrase(status);
    out += "\r\n";
    if (!content_type.empty()) {
        out += "Content-Type: ";
        out += content_type;
        out += "\r\n";
    }
    if (status != 304) {
        out += "Content-Length: ";
        out += std::to_string(body.size());
        out += "\r\n";
    }
    out += extra;
    out += is_last ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n";
    if (head_.method != "HEAD" && status != 304) out += body;
    end_request();
    is_ending_ = is_ending_ || is_last;
    if (!flush_own()) set_deadline(home_->shared().options.http.request_timeout);
    after_write();
}

void connection::refuse_upgrade(std::string_view message, std::string_view extra) {
    if (state_ != state::http || !is_answer_due_) return;
    output_ += "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\nContent-Length: ";
    output_ += std::to_string(message.size());
    output_ += "\r\n";
    output_ += extra;
    output_ += "\r\n";
    output_ += message;
    end_request();
    is_ending_ = true;
    flush_own();
    after_write();
}

void connection::become_websocket(engine::session& session, std::string_view extra) {
    const std::string_view subprotocol = first_subprotocol(header("Sec-WebSocket-Protocol"));
    output_ += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: ";
    output_ += accept_for(header("Sec-WebSocket-Key"));
    output_ += "\r\n";
    if (!subprotocol.empty()) {
        output_ += "Sec-WebSocket-Protocol: ";
        output_ += subprotocol;
        output_ += "\r\n";
    }
    const options& chosen = home_->shared().options;
    std::optional<deflate_agreement> agreed;
    if (chosen.compression.websocket.is_enabled) {
        agreed = agree_on_deflate(header("Sec-WebSocket-Extensions"), chosen.compression.websocket);
    }
    if (agreed) {
        output_ += "Sec-WebSocket-Extensions: ";
        output_ += agreed->header;
        output_ += "\r\n";
    }
    output_ += extra;
    output_ += "\r\n";
    end_request();
    home_->timers().unset(*this);
    session_ = &session;
    state_ = state::websocket;
    frames_ = std::make_unique<core::ws::frame_reader>(core::ws::role::server, chosen.session.bounds,
                                                       agreed ? core::ws::compression::per_message
                                                              : core::ws::compression::none);
    if (agreed) use_deflate(*agreed);
}

void connection::relay_to(relay& by) {
    relay_ = &by;
    if (state_ == state::relayed) return;
    state_ = state::relayed;
    home_->timers().unset(*this);
}

void connection::send() {
    if (state_ != state::relayed) return;
    flush_own();
}

void connection::offer_again() {
    if (state_ != state::relayed || !is_paused_) return;
    is_paused_ = false;
    come_again();
}

/// Hands what was read to the relay. @return false when the connection went to another shard
bool connection::offer(std::string_view bytes) {
    std::size_t used = 0;
    if (!is_paused_) {
        is_offering_ = true;
        while (state_ == state::relayed && used < bytes.size()) {
            const std::size_t taken = relay_->on_client_bytes(bytes.substr(used));
            if (taken == 0) break;
            used += taken;
        }
        is_offering_ = false;
    }
    if (state_ == state::closed) return true;
    input_.append(bytes.substr(used));
    if (state_ == state::http) return parse();
    is_paused_ = is_paused_ || (state_ == state::relayed && !input_.empty());
    return true;
}

void connection::end_relay(afterwards then) {
    relay_ = nullptr;
    if (state_ != state::relayed) return;
    const bool has_unread = std::exchange(is_paused_, false) || !input_.empty();
    if (then == afterwards::cut) {
        end();
        return;
    }
    state_ = state::http;
    end_request();
    if (then == afterwards::close || is_last_answer_) {
        input_.clear();
        end_when_written();
    } else if (is_offering_ || is_parsing_) {
        return; // whoever offers goes on with the next request
    }
    if (has_unread) come_again();
}

/// Reads in this turn, once: what was left unread brings no event any more.
void connection::come_again() {
    home_->forget_greedy(polled());
    home_->read_again(polled());
}

void connection::write(std::string_view frames) {
    if (state_ != state::websocket) return;
    output_ += frames;
    flush_own();
}

bool connection::flush(core::eio::outbox& owed) {
    if (state_ != state::websocket) return false;
    if (!can_write_) return layers_ != nullptr && flush_layered(owed);
    if (!write_own()) return false;
    while (!owed.is_empty()) {
        std::array<iovec, most_pieces> pieces;
        std::size_t count = 0;
        std::size_t total = 0;
        owed.gather(most_pieces, most_bytes_a_turn, [&](const char* data, std::size_t size) {
            pieces[count++] = {const_cast<char*>(data),
                               size}; // NOLINT(cppcoreguidelines-pro-type-const-cast)
            total += size;
        });
        ssize_t sent = 0;
        if (count == 1) {
            sent = ::send(fd_, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        } else {
            msghdr message{};
            message.msg_iov = pieces.data();
            message.msg_iovlen = count;
            sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        if (sent < 0) {
            if (errno == EINTR) continue;
            // When the connection broke, the poller says so, too.
            can_write_ = false;
            return false;
        }
        home_->counts().bytes_sent += static_cast<std::uint64_t>(sent);
        owed.consume(static_cast<std::uint64_t>(sent));
        if (static_cast<std::size_t>(sent) < total) {
            can_write_ = false;
            return false;
        }
    }
    after_flush();
    return true;
}

/// The outbox went out, with the pong in it.
void connection::after_flush() {
    is_pong_queued_ = false;
    if (has_pong_) {
        has_pong_ = false;
        const std::string payload = std::move(pong_);
        pong_.clear();
        on_ping(payload);
    }
}

void connection::close(core::eio::outbox* owed, core::ws::close_code code) {
    session_ = nullptr;
    if (state_ != state::websocket) return;
    if (owed != nullptr) {
        owed->gather(static_cast<std::size_t>(-1), static_cast<std::uint64_t>(-1),
                     [&](const char* data, std::size_t size) { output_.append(data, size); });
        owed->clear();
    }
    core::ws::append_close(output_, code);
    state_ = state::closing_websocket;
    set_deadline(home_->shared().options.http.close_timeout);
    flush_own();
}

void connection::abort() {
    session_ = nullptr;
    end();
}

void connection::respond(std::uint16_t status, std::string body, bool is_html, bool is_first) {
    session_ = nullptr;
    if (!request_) return;
    std::string extra;
    if (status == 200) extra = "cache-control: no-store\r\n";
    extra += request_->headers_for_every_answer;
    if (is_first) extra += request_->headers_for_first_answer;
    const std::string_view type = status != 200 ? std::string_view{}
                                  : is_html     ? std::string_view{"text/html"}
                                                : std::string_view{"text/plain; charset=UTF-8"};
    const http_compression_options& compression = home_->shared().options.compression.http;
    if (compression.is_enabled && status == 200 && body.size() >= compression.threshold) {
        const std::string_view coding = choose_content_coding(joined_headers("Accept-Encoding"));
        if (!coding.empty()) {
            body = shared_tools().compress.body_of(body, coding);
            extra += "Content-Encoding: ";
            extra += coding;
            extra += "\r\n";
        }
    }
    respond(status, type, extra, body);
}

void connection::abort_request() {
    session_ = nullptr;
    end();
}

void connection::on_ready(std::uint32_t events) {
    if (state_ == state::closed) return;
    if ((events & EPOLLOUT) != 0) {
        can_write_ = true;
        if (!on_writable(!output_.empty())) return;
    }
    if (is_to_read(events)) read();
}

/// What is to be done before more is read. @return false: nothing is to be read
bool connection::is_to_read(std::uint32_t events) {
    if (state_ == state::closed) return false;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) is_hung_up_ = true;
    if (is_paused_) {
        // What it still sends waits; but nothing can be said to a peer that is gone.
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) on_peer_gone();
        return false;
    }
    if (!input_.empty()) {
        // What was left comes before what is new.
        if (state_ == state::relayed) {
            std::string kept = std::move(input_);
            input_.clear();
            if (!offer(kept) || state_ == state::closed || is_paused_) return false;
        } else if (events == 0 && state_ == state::http && !parse()) {
            return false;
        }
    }
    return (events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 || events == 0;
}

/// @param had_output something waited for this
bool connection::on_writable(bool had_output) {
    if (!flush_own()) return true;
    if (state_ == state::relayed && had_output) relay_->on_client_writable();
    if (state_ == state::websocket && session_ != nullptr) session_->on_link_writable(*this);
    return after_write();
}

void connection::on_timer(core::time_point) {
    switch (state_) {
    case state::http:
        if (is_answer_due_ && !is_body_wanted_) return; // somebody else's time: a poll may wait long
        if (layers_ && layers_->is_opening()) {
            end();
            break;
        }
        if (request_ && !is_owing()) {
            if (session_ != nullptr) tell_session_gone(true);
            is_answer_due_ = true;
            handler_->on_bad_request(*this, 408);
        } else {
            end();
        }
        break;
    case state::relayed:
    case state::websocket: break;
    case state::closing_websocket:
    case state::lingering:
    case state::closed: end(); break;
    }
}

void connection::shut_down() {
    // Who was told everything need not be waited for.
    if ((state_ == state::http && !is_answer_due_) || (state_ == state::lingering && !is_owing())) end();
    is_last_answer_ = true;
    if (state_ == state::relayed) relay_->on_stop();
}

void connection::read() {
    std::size_t total = 0;
    while (state_ != state::closed && !is_paused_) {
        char* const buffer = home_->read_buffer();
        const ssize_t got = ::recv(fd_, buffer, engine::shard::read_buffer_bytes, MSG_DONTWAIT);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return;
            on_peer_gone();
            return;
        }
        if (got == 0) {
            on_peer_gone();
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        home_->counts().bytes_received += size;
        if (!on_bytes(buffer, size)) return;
        // Less than asked for: the kernel has no more, and new bytes come with a new event. An end does not,
        // when it was told with these bytes.
        if (size < engine::shard::read_buffer_bytes && !is_hung_up_) return;
        total += size;
        if (total >= most_bytes_a_turn) {
            if (state_ != state::closed) home_->read_again(polled());
            return;
        }
    }
}

bool connection::on_bytes(char* data, std::size_t size) {
    switch (state_) {
    case state::http: {
        const std::size_t most = home_->shared().options.http.max_header_bytes;
        if (((is_answer_due_ && !is_body_wanted_) || (!request_ && is_owing())) &&
            input_.size() + size > most + engine::shard::read_buffer_bytes) {
            // Requests in advance, without waiting for answers.
            on_peer_gone();
            return true;
        }
        input_.append(data, size);
        return parse();
    }
    case state::relayed: return offer({data, size});
    case state::websocket:
    case state::closing_websocket: on_frames(data, size); break;
    case state::lingering:
    case state::closed: break;
    }
    return true;
}

bool connection::parse() {
    if (is_parsing_) return true;
    is_parsing_ = true;
    while (state_ == state::http && !is_ending_) {
        if (request_ && request_->is_head_read && moving_to_ == nullptr && is_answer_due_ &&
            !is_body_wanted_ && !request_->is_skipped) {
            break; // one request at a time
        }
        if (!request_) {
            // Who does not read the last answer gets no further one to add to it.
            if (input_.empty() || is_owing()) break;
            const options& chosen = home_->shared().options;
            request_ = std::make_unique<request>(chosen.http, chosen.session.bounds.max_payload_bytes);
            set_deadline(chosen.http.request_timeout);
        }
        auto& parser = request_->parser;
        if (!request_->is_head_read || moving_to_ == home_) {
            if (moving_to_ == nullptr) {
                boost::system::error_code error;
                const std::size_t used = parser.put(boost::asio::buffer(input_), error);
                request_->head_bytes += used;
                request_->is_folded |= has_folded_line(std::string_view{input_}.substr(0, used));
                input_.erase(0, used);
                const std::size_t size = request_->head_bytes + (parser.is_header_done() ? 0 : input_.size());
                if (size > home_->shared().options.http.max_header_bytes) error = http::error::header_limit;
                if (error == http::error::need_more) break;
                if (error) {
                    is_answer_due_ = true;
                    is_last_answer_ = true;
                    ++home_->counts().protocol_errors;
                    handler_->on_bad_request(*this, error == http::error::header_limit ? 431 : 400);
                    break;
                }
                if (!parser.is_header_done()) break;
                is_answer_due_ = true;
                request_->is_head_read = true;
                if (!read_head() || request_->is_folded) {
                    is_last_answer_ = true;
                    ++home_->counts().protocol_errors;
                    handler_->on_bad_request(*this, 400);
                    break;
                }
            }
            moving_to_ = nullptr;
            const request_handler::next next = handler_->on_head(*this);
            if (next == request_handler::next::moved) {
                engine::shard& other = *moving_to_;
                home_->poller().remove(fd_);
                home_->timers().unset(*this);
                home_->forget_greedy(polled());
                std::unique_ptr<engine::held> self = home_->let_go(*this);
                is_parsing_ = false;
                // Another connection's event may have brought this about: the turn may have one of ours
                // still.
                state_ = state::closed;
                const auto moved =
                    std::make_shared<std::unique_ptr<connection>>(static_cast<connection*>(self.release()));
                home_->at_end_of_turn(
                    [moved, &other] { other.post([moved, &other] { adopt(std::move(*moved), other); }); });
                return false;
            }
            if (next == request_handler::next::relayed) {
                if (state_ != state::relayed) continue; // it was over at once
                request_.reset();
                head_ = {};
                break;
            }
            if (state_ != state::http || !request_) continue;
            parser.eager(true);
            parser.body_limit(request_->most_body_bytes);
            is_body_wanted_ = next == request_handler::next::read_body;
            request_->is_skipped = !is_body_wanted_ && !parser.is_done();
            if (parser.content_length().value_or(0) > request_->most_body_bytes) {
                refuse_body();
                break;
            }
            if (is_body_wanted_ && !parser.is_done() && input_.empty() && waits_for_continue()) {
                output_ += "HTTP/1.1 100 Continue\r\n\r\n";
                flush_own();
            }
        }
        if (!parser.is_done()) {
            boost::system::error_code error;
            std::size_t used = 0;
            if (!input_.empty()) {
                used = parser.put(boost::asio::buffer(input_), error);
                input_.erase(0, used);
            } else {
                error = http::error::need_more;
            }
            if (error == http::error::need_more &&
                input_.size() <= home_->shared().options.http.max_header_bytes) {
                break; // what is left is the beginning of a chunk's head, or of the trailers
            }
            if (error == http::error::body_limit) {
                refuse_body();
                break;
            }
            if (error) {
                ++home_->counts().protocol_errors;
                is_last_answer_ = true;
                if (session_ != nullptr) tell_session_gone(true);
                handler_->on_bad_request(*this, 400);
                break;
            }
            if (!parser.is_done()) continue;
        }
        request_->is_skipped = false;
        if (is_body_wanted_) {
            is_body_wanted_ = false;
            home_->timers().unset(*this);
            handler_->on_request(*this, std::move(parser.get().body()));
        } else if (is_answer_due_) {
            home_->timers().unset(*this);
        }
    }
    is_parsing_ = false;
    if (state_ == state::relayed && !input_.empty()) {
        // What came with the head.
        const std::string early = std::move(input_);
        input_.clear();
        return offer(early);
    }
    if (state_ == state::websocket && !input_.empty()) {
        // Frames that came with the upgrade request.
        std::string early = std::move(input_);
        input_.clear();
        on_frames(early.data(), early.size());
    }
    if (input_.empty() && input_.capacity() > 64) std::string{}.swap(input_);
    return true;
}

/// Fills `head_` in. @return false: this is no request that we want to understand
bool connection::read_head() {
    request_->fields = std::move(request_->parser.get().base());
    const auto& fields = request_->fields;
    head_.method = view_of(fields.method_string());
    head_.target = view_of(fields.target());
    const std::size_t mark = head_.target.find('?');
    head_.path = head_.target.substr(0, mark);
    head_.query = mark == std::string_view::npos ? std::string_view{} : head_.target.substr(mark + 1);
    head_.is_keep_alive = request_->parser.keep_alive();
    head_.is_http_11 = fields.version() >= 11;
    const bool is_chunked = request_->parser.chunked();
    const auto length = request_->parser.content_length();
    head_.has_body = is_chunked || (length && *length > 0);
    head_.is_chunked = is_chunked;
    if (length) head_.content_length = *length;
    head_.is_upgrade =
        !header("Upgrade").empty() && http::token_list{fields[http::field::connection]}.exists("upgrade");

    const std::size_t transfer_encodings = count_headers("Transfer-Encoding");
    const std::size_t lengths = count_headers("Content-Length");
    // Two ways to say how long a body is are one too many: the next hop may believe the other one.
    if ((transfer_encodings > 0 && lengths > 0) || transfer_encodings > 1 || lengths > 1) return false;
    if (transfer_encodings > 0 &&
        (fields.version() < 11 || !is_chunked ||
         !boost::beast::iequals(fields[http::field::transfer_encoding], "chunked"))) {
        return false;
    }
    if (fields.version() >= 11 && count_headers("Host") != 1) return false;
    if (head_.target.empty() || (head_.target[0] != '/' && head_.target != "*")) return false;
    std::size_t count = 0;
    for (auto field = fields.begin(); field != fields.end(); ++field) ++count;
    return count <= home_->shared().options.http.max_headers;
}

/// The body is longer than it may be: what is left of it will not be read.
void connection::refuse_body() {
    is_last_answer_ = true;
    if (is_body_wanted_) {
        is_body_wanted_ = false;
        handler_->on_body_too_large(*this);
    } else {
        // Nobody wanted it, and who waits for the answer need not wait for its end.
        if (session_ != nullptr) tell_session_gone(true);
        handler_->on_bad_request(*this, 413);
    }
}

/// Does the peer send the body only when it is told to? @source RFC 9110, section 10.1.1
bool connection::waits_for_continue() const {
    return request_->fields.version() >= 11 &&
           boost::beast::iequals(request_->fields[http::field::expect], "100-continue");
}

void connection::end_request() {
    request_.reset();
    head_ = {};
    if (answer_place_) *std::exchange(answer_place_, nullptr) = nullptr;
    is_answer_due_ = false;
    is_body_wanted_ = false;
    set_deadline(home_->shared().options.http.keep_alive_timeout);
}

void connection::on_frames(char* data, std::size_t size) {
    frames_->feed(data, size);
    for (;;) {
        const auto next = frames_->next();
        if (!next) {
            fail_websocket(core::ws::close_code_for(next.error()));
            return;
        }
        if (!*next) return;
        using event_type = core::ws::frame_reader::event_type;
        const auto& event = **next;
        switch (event.type) {
        case event_type::text:
        case event_type::binary:
            if (session_ != nullptr) {
                session_->on_frame(
                    *this, event.type == event_type::text ? core::frame_kind::text : core::frame_kind::binary,
                    event.payload);
            }
            break;
        case event_type::compressed_text:
            if (!on_compressed(core::frame_kind::text, event.payload)) return;
            break;
        case event_type::compressed_binary:
            if (!on_compressed(core::frame_kind::binary, event.payload)) return;
            break;
        case event_type::ping:
            if (state_ == state::websocket) on_ping(event.payload);
            break;
        case event_type::pong: break;
        case event_type::close: on_peer_close(event.payload); return;
        }
        if (state_ == state::closed) return;
    }
}

/// What the peer sent is wrong.
void connection::fail_websocket(core::ws::close_code code) {
    ++home_->counts().protocol_errors;
    if (state_ == state::closing_websocket) {
        end();
        return;
    }
    const bool is_clean = is_between_frames();
    tell_session_gone(true);
    if (!is_clean || state_ != state::websocket) {
        end();
        return;
    }
    core::ws::append_close(output_, code);
    // Its bytes cannot be understood from here on: wait for the end, not for a close frame.
    state_ = state::lingering;
    set_deadline(home_->shared().options.http.close_timeout);
    is_ending_ = true;
    flush_own();
    after_write();
}

void connection::on_ping(std::string_view payload) {
    if (session_ != nullptr && session_->is_current(*this)) {
        if (is_pong_queued_) {
            // Only the newest ping needs an answer. @source RFC 6455, section 5.5.3
            pong_ = std::string{payload};
            has_pong_ = true;
            return;
        }
        is_pong_queued_ = true;
        auto message = std::make_shared<core::prepared_message>(
            core::wire_packet::control(core::ws::opcode::pong, payload));
        message->finish();
        session_->send(std::move(message));
    } else if (backlog() < most_own_bytes) {
        core::ws::append_header(output_, core::ws::opcode::pong, payload.size());
        output_ += payload;
        flush_own();
    }
}

void connection::on_peer_close(std::string_view payload) {
    if (state_ == state::closing_websocket) {
        end_when_written();
        return;
    }
    if (session_ != nullptr && session_->is_current(*this)) flush(session_->owed());
    const bool is_clean = is_between_frames();
    tell_session_gone(false);
    if (state_ != state::websocket) return;
    if (!is_clean) {
        end();
        return;
    }
    // The peer's own code and reason go back.
    core::ws::append_header(output_, core::ws::opcode::close, payload.size());
    output_ += payload;
    end_when_written();
}

/// A frame of ours may be half out: then nothing can be said any more.
bool connection::is_between_frames() const {
    if (!can_write_ && layers_ == nullptr) return false;
    return session_ == nullptr || !session_->is_current(*this) || !session_->owed().is_begun();
}

void connection::on_peer_gone() {
    tell_session_gone(false);
    end();
}

void connection::tell_session_gone(bool is_error) {
    engine::session* const told = std::exchange(session_, nullptr);
    if (told == nullptr) return;
    // Not by the state: a request whose answer ends the connection may linger.
    if (frames_ == nullptr) {
        told->on_request_closed(*this);
    } else {
        told->on_link_closed(*this, is_error);
    }
}

/// @return whether all of our own bytes are out
bool connection::flush_own() {
    if (!can_write_) return layers_ != nullptr && flush_own_layered();
    return write_own();
}

bool connection::write_own() {
    while (written_ < output_.size()) {
        if (fd_ < 0) return false;
        const ssize_t sent =
            ::send(fd_, output_.data() + written_, output_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            can_write_ = false;
            return false;
        }
        home_->counts().bytes_sent += static_cast<std::uint64_t>(sent);
        written_ += static_cast<std::size_t>(sent);
    }
    written_ = 0;
    std::string{}.swap(output_);
    return can_write_;
}

/// Goes on when the last bytes were written.
bool connection::after_write() {
    if (state_ == state::closed || !output_.empty()) return true;
    if (is_ending_) {
        say_tls_end();
        if (is_owing()) return true;
        // The peer may still be sending: closing now would destroy what it has not read yet.
        ::shutdown(fd_, SHUT_WR);
        state_ = state::lingering;
        set_deadline(home_->shared().options.http.close_timeout);
        is_ending_ = false; // what the peer still sends does not begin its time anew
    } else if (state_ == state::http && !is_answer_due_ && !input_.empty() && !is_parsing_ &&
               !(layers_ && layers_->is_opening())) {
        return parse();
    }
    return true;
}

void connection::end_when_written() {
    is_ending_ = true;
    set_deadline(home_->shared().options.http.close_timeout);
    state_ = state::lingering;
    flush_own();
    after_write();
}

void connection::end() {
    if (state_ == state::closed) return;
    tell_session_gone(true); // whatever the reason: a session must not name what is freed
    if (state_ == state::closed) return;
    state_ = state::closed;
    if (answer_place_) *std::exchange(answer_place_, nullptr) = nullptr;
    say_tls_end();
    home_->poller().remove(fd_);
    ::close(fd_);
    fd_ = -1;
    --home_->shared().open_connections;
    home_->timers().unset(*this);
    home_->forget_greedy(*this);
    if (relay_ != nullptr) std::exchange(relay_, nullptr)->on_client_gone();
    if (layers_) home_->forget_greedy(*layers_);
    home_->retire(home_->let_go(*this));
}

void connection::set_deadline(core::duration from_now) {
    home_->timers().set(*this, core::deadline_after(home_->now(), from_now));
}

} // namespace roomcast::server::transport
