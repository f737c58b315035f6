#include "proxy/app_connection.hpp"

#include "base/address_set.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

namespace roomcast::server::proxy {

namespace {

/// What may wait on the way to one side; then nothing more is read from the other.
constexpr std::size_t most_waiting = 64U << 10U;
constexpr std::size_t most_bytes_a_turn = 256U << 10U;
constexpr std::uint8_t most_informationals = 16;
/// A client's body that comes slower than this, a second, runs out of its time: a byte now and then would
/// hold a connection to the application for good.
constexpr std::int64_t least_body_rate = 500;

void append_hex(std::string& out, std::size_t number) {
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
    append_hex(out, piece.size());
    out += "\r\n";
    out += piece;
    out += "\r\n";
}

/// Says who the client is, and only proxies may say it: from a client it is made up. To many an application
/// (CGI, WSGI, PHP) a name with underscores is the same.
bool is_about_client(std::string_view as_written) {
    std::string name{as_written};
    std::replace(name.begin(), name.end(), '_', '-');
    constexpr std::string_view prefix = "x-forwarded-";
    return is_same_name(std::string_view{name}.substr(0, prefix.size()), prefix) ||
           is_same_name(name, "forwarded") || is_same_name(name, "x-real-ip");
}

/// Within HTTP/2 a client could ask for anything in its own words, past everything that is decided here.
bool may_switch_to(std::string_view protocol) {
    return !protocol.empty() && !is_same_name(protocol, "h2c") && !is_same_name(protocol, "h2") &&
           protocol.find_first_of(", /\t") == std::string_view::npos;
}

proxy_outcome outcome_of(refused_because reason) {
    switch (reason) {
    case refused_because::unreachable: return proxy_outcome::unreachable;
    case refused_because::timeout: return proxy_outcome::timeout;
    case refused_because::bad_answer: return proxy_outcome::bad_answer;
    case refused_because::busy: return proxy_outcome::busy;
    case refused_because::bad_request: return proxy_outcome::bad_request;
    case refused_because::slow_request: return proxy_outcome::slow_request;
    }
    return proxy_outcome::unreachable;
}

proxy_outcome outcome_of(unsigned status) {
    if (status < 300) return proxy_outcome::success;
    if (status < 400) return proxy_outcome::redirect;
    return status < 500 ? proxy_outcome::client_fault : proxy_outcome::server_fault;
}

/// Is it the application that failed, and how? nullptr: it is not.
const char* failure_of_app(refused_because reason) {
    switch (reason) {
    case refused_because::unreachable: return "connect_failed";
    case refused_because::timeout: return "timed_out";
    case refused_because::bad_answer: return "broken_response";
    case refused_because::busy:
    case refused_because::bad_request:
    case refused_because::slow_request: break;
    }
    return nullptr;
}

std::string_view phrase_of(unsigned status) {
    switch (status) {
    case 400: return "Bad Request";
    case 408: return "Request Timeout";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Bad Gateway";
    }
}

} // namespace

request_to_app read_request(const transport::connection& from, const upstream& to) {
    const transport::request_head& asked = from.head();
    request_to_app made;
    made.is_head = asked.method == "HEAD";
    made.is_repeatable = !asked.has_body && (asked.method == "GET" || made.is_head);
    made.is_http_11 = asked.is_http_11;
    made.is_keep_alive = asked.is_keep_alive;
    made.waits_for_continue = asked.has_body && from.waits_for_continue();
    made.wants_json = wants_json(from.header("Accept"));
    if (asked.is_upgrade && asked.is_http_11 && from.count_headers("Upgrade") == 1 &&
        may_switch_to(from.header("Upgrade"))) {
        made.upgrade = from.header("Upgrade");
        made.is_repeatable = false;
    }
    std::string named;
    from.for_each_header([&](std::string_view name, std::string_view value) {
        if (!is_same_name(name, "connection")) return;
        named += value;
        named += ',';
    });
    const std::string_view host = from.header("Host");
    std::string& out = made.head;
    out.reserve(1024);
    out += asked.method;
    out += ' ';
    out += asked.target;
    out += " HTTP/1.1\r\n";
    append_field(out, "Host", to.options().preserves_host && !host.empty() ? host : to.authority());
    from.for_each_header([&](std::string_view name, std::string_view value) {
        if (is_hop_by_hop(name, named) || is_about_client(name) || is_same_name(name, "host")) return;
        // Its value is settings for a connection of another protocol.
        if (is_same_name(name, "http2-settings")) return;
        append_field(out, name, value);
    });
    const transport::client_origin client = from.origin();
    if (client.address != base::unix_peer) append_field(out, "X-Forwarded-For", client.address);
    append_field(out, "X-Forwarded-Proto", client.is_secure ? "https" : "http");
    const std::string asked_host = from.asked_host();
    if (!asked_host.empty()) append_field(out, "X-Forwarded-Host", asked_host);
    if (!made.upgrade.empty()) {
        append_field(out, "Connection", "Upgrade");
        append_field(out, "Upgrade", made.upgrade);
    }
    if (asked.is_chunked) {
        made.body = body_reader::chunked();
        made.is_chunked = true;
        out += "Transfer-Encoding: chunked\r\n";
    } else if (asked.content_length) {
        made.body = body_reader::of_length(*asked.content_length);
        append_field(out, "Content-Length", std::to_string(*asked.content_length));
    }
    out += "\r\n";
    return made;
}

app_connection::app_connection(upstream& of, engine::shard& home) : of_(&of), home_(&home) {}

app_connection::~app_connection() {
    if (fd_ >= 0) ::close(fd_);
}

void app_connection::begin(transport::connection& client, request_to_app request) {
    client_ = &client;
    request_ = std::move(request);
    is_request_complete_ = request_.body.is_done();
    is_answer_complete_ = false;
    is_chunking_ = false;
    is_paused_ = false;
    is_client_due_ = false;
    informationals_ = 0;
    client.relay_to(*this);
    count_as(&home_->counts().proxy.active);
    if (fd_ >= 0) {
        is_reused_ = true;
        send_request();
        return;
    }
    set_deadline(of_->options().connect_timeout);
    place_ = std::make_shared<app_connection*>(this);
    of_->resolve(*home_, [place = place_](const upstream::endpoints& found) {
        if (*place == nullptr) return;
        app_connection& one = **place;
        one.addresses_ = found;
        one.connect_next();
    });
}

bool app_connection::is_alive() const {
    char byte = 0;
    const ssize_t got = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

void app_connection::connect_next() {
    while (next_address_ < addresses_.size()) {
        const auto& address = addresses_[next_address_++];
        fd_ = ::socket(address.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd_ < 0) {
            refuse(refused_because::busy, std::generic_category().message(errno));
            return;
        }
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        const bool is_begun = ::connect(fd_, address.data(), static_cast<socklen_t>(address.size())) == 0 ||
                              errno == EINPROGRESS;
        if (is_begun && home_->poller().add(fd_, *this)) {
            state_ = state::connecting;
            // Each address gets its part of the time.
            set_deadline(of_->options().connect_timeout / static_cast<std::int64_t>(addresses_.size()));
            return;
        }
        ::close(std::exchange(fd_, -1));
    }
    of_->doubt(*home_);
    refuse(refused_because::unreachable, "nothing answers there");
}

void app_connection::on_connected() {
    of_->prefer(*home_, addresses_[next_address_ - 1]);
    can_write_ = true;
    send_request();
}

void app_connection::send_request() {
    state_ = state::waiting;
    // Said once more when this connection turns out to have ended meanwhile.
    if (is_reused_ && request_.is_repeatable) {
        to_app_ = request_.head;
    } else {
        to_app_ = std::move(request_.head);
    }
    flush();
    if (request_.waits_for_continue) {
        client_->output() += "HTTP/1.1 100 Continue\r\n\r\n";
        client_->send();
    }
    client_->offer_again();
    arm();
}

std::size_t app_connection::on_client_bytes(std::string_view bytes) {
    std::string_view rest = bytes;
    const auto room = [this] {
        const std::size_t waiting = to_app_.size() - written_;
        return waiting < most_waiting ? most_waiting - waiting : 0;
    };
    if (state_ == state::tunnel) {
        const std::string_view piece = rest.substr(0, room());
        rest.remove_prefix(piece.size());
        to_app_ += piece;
    } else if ((state_ != state::waiting && state_ != state::answering) || is_request_complete_) {
        return 0; // the next request waits for this one's answer
    }
    while (state_ != state::tunnel && room() > 0) {
        std::string_view piece;
        const body_reader::outcome outcome = request_.body.next(rest, piece, room());
        if (outcome == body_reader::outcome::malformed) {
            ++home_->counts().protocol_errors;
            if (state_ == state::waiting) {
                refuse(refused_because::bad_request, {});
            } else {
                abort_answer({});
            }
            return bytes.size();
        }
        if (outcome == body_reader::outcome::payload) {
            if (request_.is_chunked) {
                append_chunk(to_app_, piece);
            } else {
                to_app_ += piece;
            }
        }
        if (request_.body.is_done()) {
            is_request_complete_ = true;
            if (request_.is_chunked) to_app_ += "0\r\n\r\n";
            break;
        }
        if (outcome == body_reader::outcome::incomplete) break;
    }
    const std::size_t taken = bytes.size() - rest.size();
    if (is_client_due_) {
        client_due_ += std::chrono::milliseconds{static_cast<std::int64_t>(taken) * 1000 / least_body_rate};
    }
    flush();
    arm();
    return taken;
}

void app_connection::on_client_writable() {
    if (!std::exchange(is_paused_, false)) return;
    home_->forget_greedy(*this);
    home_->read_again(*this);
}

void app_connection::on_client_gone() {
    client_ = nullptr;
    const bool is_answered = state_ == state::answering || state_ == state::tunnel;
    if (!is_answered) count(*home_, proxy_outcome::client_gone);
    flush();
    if (state_ == state::tunnel && written_ < to_app_.size()) {
        state_ = state::flushing;
        set_deadline(of_->bounds().close_timeout);
        return;
    }
    end();
}

void app_connection::on_stop() {
    if (state_ != state::tunnel) return; // an answer that has begun may be completed
    std::exchange(client_, nullptr)->end_relay(transport::connection::afterwards::close);
    end();
}

void app_connection::shut_down() {
    if (state_ == state::idle) end();
}

void app_connection::on_ready(std::uint32_t events) {
    if (state_ == state::closed) return;
    if (state_ == state::connecting) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
        int error = 0;
        socklen_t size = sizeof(error);
        ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) {
            release_fd();
            connect_next();
            return;
        }
        on_connected();
    }
    if ((events & EPOLLOUT) != 0) {
        can_write_ = true;
        flush();
        if (state_ == state::closed) return;
    }
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) is_hung_up_ = true;
    if (state_ == state::idle) {
        if (!is_alive()) end();
        return;
    }
    if (state_ == state::flushing) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) end();
        return;
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 || events == 0) read();
}

void app_connection::on_timer(core::time_point) {
    using transport::connection;
    switch (state_) {
    case state::connecting:
        release_fd();
        if (next_address_ < addresses_.size()) {
            connect_next();
            return;
        }
        [[fallthrough]];
    case state::resolving:
        of_->doubt(*home_);
        refuse(refused_because::timeout, "no connection in time");
        return;
    case state::waiting:
        if (!is_request_complete_ && written_ == to_app_.size()) {
            refuse(refused_because::slow_request, {});
        } else {
            refuse(refused_because::timeout, "no answer in time");
        }
        return;
    case state::answering: abort_answer("silence in the middle of an answer"); return;
    case state::tunnel: std::exchange(client_, nullptr)->end_relay(connection::afterwards::close); break;
    case state::idle:
    case state::flushing:
    case state::closed: break;
    }
    end();
}

void app_connection::flush() {
    while (written_ < to_app_.size() && can_write_) {
        const ssize_t sent =
            ::send(fd_, to_app_.data() + written_, to_app_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            // When the connection broke, the poller says so; there may be an answer to be read before.
            can_write_ = false;
            return;
        }
        written_ += static_cast<std::size_t>(sent);
    }
    if (written_ < to_app_.size() || to_app_.empty()) return;
    written_ = 0;
    std::string{}.swap(to_app_);
    if (state_ == state::flushing) {
        end();
    } else if (client_ != nullptr && (!is_request_complete_ || state_ == state::tunnel)) {
        client_->offer_again();
    }
}

void app_connection::read() {
    std::size_t total = 0;
    while (client_ != nullptr) {
        if (client_->backlog() >= most_waiting) {
            is_paused_ = true;
            return;
        }
        char* const buffer = home_->read_buffer();
        const ssize_t got = ::recv(fd_, buffer, engine::shard::read_buffer_bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (got <= 0) {
            on_app_gone(got == 0 ? ending::closed : ending::broken);
            return;
        }
        const auto size = static_cast<std::size_t>(got);
        feed({buffer, size});
        if (client_ == nullptr) return;
        arm();
        if (is_answer_complete_) {
            end_answer();
            return;
        }
        if (size < engine::shard::read_buffer_bytes && !is_hung_up_) return;
        total += size;
        if (total >= most_bytes_a_turn) {
            home_->forget_greedy(*this);
            home_->read_again(*this);
            return;
        }
    }
}

void app_connection::feed(std::string_view bytes) {
    if (state_ == state::waiting) {
        if (head_bytes_.empty()) {
            on_head_bytes(bytes);
            return;
        }
        head_bytes_ += bytes;
        const std::string all = std::move(head_bytes_);
        head_bytes_.clear();
        on_head_bytes(all);
    } else if (state_ == state::answering) {
        on_body_bytes(bytes);
    } else if (state_ == state::tunnel) {
        client_->output() += bytes;
        client_->send();
    }
}

void app_connection::on_head_bytes(std::string_view bytes) {
    const head_bounds most{of_->bounds().max_header_bytes, of_->bounds().max_headers};
    while (state_ == state::waiting && client_ != nullptr && !bytes.empty()) {
        response_head head;
        std::size_t size = 0;
        switch (read_response_head(bytes, most, head, size)) {
        case head_outcome::incomplete: head_bytes_ = bytes; return;
        case head_outcome::malformed:
            refuse(refused_because::bad_answer, "what it answers is no HTTP/1.1");
            return;
        case head_outcome::complete: break;
        }
        bytes.remove_prefix(size);
        if (head.status == 101) {
            begin_tunnel(head);
        } else if (head.status < 200) {
            on_informational(head);
        } else {
            begin_answer(head);
        }
    }
    if (client_ == nullptr) return;
    if (state_ == state::answering) {
        on_body_bytes(bytes);
    } else if (state_ == state::tunnel) {
        client_->output() += bytes;
        client_->send();
    }
}

void app_connection::on_informational(const response_head& head) {
    if (++informationals_ > most_informationals) {
        refuse(refused_because::bad_answer, "it does not stop to begin an answer");
        return;
    }
    // The one that is of use to a browser; to go on the client was told by us.
    if (head.status != 103 || !request_.is_http_11) return;
    client_->output() += "HTTP/1.1 103 Early Hints\r\n";
    append_fields(head);
    client_->output() += "\r\n";
    client_->send();
}

void app_connection::begin_tunnel(const response_head& head) {
    if (request_.upgrade.empty() || !is_same_name(head.upgrade, request_.upgrade)) {
        refuse(refused_because::bad_answer, "it switches to a protocol that nobody asked for");
        return;
    }
    std::string& out = client_->output();
    out += "HTTP/1.1 101 Switching Protocols\r\n";
    append_fields(head);
    append_field(out, "Connection", "Upgrade");
    append_field(out, "Upgrade", head.upgrade);
    out += "\r\n";
    state_ = state::tunnel;
    count(*home_, proxy_outcome::upgraded);
    count_as(&home_->counts().proxy.tunnels);
    on_head_of_answer();
    client_->offer_again();
}

void app_connection::on_head_of_answer() {
    const std::chrono::duration<double> length = home_->now() - request_.began;
    home_->counts().proxy.answers.add(length.count(), answer_bounds_s);
    of_->on_word_of_app();
}

void app_connection::append_fields(const response_head& head) {
    std::string named;
    for (const field& each : head.fields) {
        if (!is_same_name(each.name, "connection")) continue;
        named += each.value;
        named += ',';
    }
    for (const field& each : head.fields) {
        if (!is_hop_by_hop(each.name, named)) append_field(client_->output(), each.name, each.value);
    }
}

void app_connection::begin_answer(const response_head& head) {
    count(*home_, outcome_of(head.status));
    on_head_of_answer();
    body_ = body_of(head, request_.is_head);
    is_reusable_ = head.is_http_11 && !head.is_close && !body_.ends_with_connection();
    keep_alive_ = of_->options().keep_alive_timeout;
    if (head.keep_alive_s) {
        // A second less than what it promises: our request must not meet its end.
        const core::duration promised = std::chrono::seconds{*head.keep_alive_s} - std::chrono::seconds{1};
        keep_alive_ = std::min(keep_alive_, promised);
    }
    is_client_kept_ = request_.is_keep_alive && is_request_complete_ && !client_->is_stopping();
    std::string& out = client_->output();
    out += "HTTP/1.1 ";
    out += std::to_string(head.status);
    out += ' ';
    out += head.reason;
    out += "\r\n";
    append_fields(head);
    const bool has_body = head.status != 204 && head.status != 304 && !request_.is_head;
    if (head.content_length && head.status != 204) {
        append_field(out, "Content-Length", std::to_string(*head.content_length));
    } else if (has_body && request_.is_http_11) {
        is_chunking_ = true;
        out += "Transfer-Encoding: chunked\r\n";
    } else if (has_body) {
        is_client_kept_ = false;
    }
    out += is_client_kept_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    state_ = state::answering;
}

void app_connection::on_body_bytes(std::string_view bytes) {
    for (;;) {
        std::string_view piece;
        const body_reader::outcome outcome = body_.next(bytes, piece);
        if (outcome == body_reader::outcome::payload) {
            append_payload(piece);
            continue;
        }
        if (outcome == body_reader::outcome::malformed) {
            abort_answer("an answer's chunks are broken");
            return;
        }
        if (outcome == body_reader::outcome::done) {
            is_answer_complete_ = true;
            if (is_chunking_) client_->output() += "0\r\n\r\n";
            // Nobody asked for more.
            if (!bytes.empty()) is_reusable_ = false;
        }
        break;
    }
    client_->send();
}

void app_connection::append_payload(std::string_view piece) {
    if (is_chunking_) {
        append_chunk(client_->output(), piece);
    } else {
        client_->output() += piece;
    }
}

void app_connection::end_answer() {
    using transport::connection;
    connection& client = *std::exchange(client_, nullptr);
    const auto then = is_client_kept_ && is_request_complete_ ? connection::afterwards::next_request
                                                              : connection::afterwards::close;
    const bool is_kept = is_reusable_ && is_request_complete_ && !is_hung_up_ && to_app_.empty() &&
                         keep_alive_ > core::duration::zero() && of_->keep_idle(*this);
    if (is_kept) {
        state_ = state::idle;
        count_as(&home_->counts().proxy.idle);
        set_deadline(keep_alive_);
    } else {
        end();
    }
    client.end_relay(then);
}

void app_connection::on_app_gone(ending how) {
    is_hung_up_ = true;
    if (state_ == state::tunnel) {
        std::exchange(client_, nullptr)->end_relay(transport::connection::afterwards::close);
        end();
    } else if (state_ == state::answering) {
        if (!body_.ends_with_connection() || how == ending::broken) {
            abort_answer("it ended in the middle of an answer");
            return;
        }
        if (is_chunking_) client_->output() += "0\r\n\r\n";
        client_->send();
        end_answer();
    } else if (is_reused_ && request_.is_repeatable && head_bytes_.empty() && informationals_ == 0) {
        // It closed while our request was on its way. Another connection will tell.
        transport::connection& client = *std::exchange(client_, nullptr);
        upstream& of = *of_;
        request_to_app again = std::move(request_);
        end();
        // The place that was freed just now may be taken already; then this one refuses in its stead.
        if (app_connection* fresh = of.open(*home_)) {
            fresh->begin(client, std::move(again));
            return;
        }
        client_ = &client;
        request_ = std::move(again);
        refuse(refused_because::busy, "all connections to it are busy");
    } else {
        refuse(refused_because::bad_answer, "it closed the connection without an answer");
    }
}

void app_connection::refuse(refused_because reason, std::string_view what) {
    if (!what.empty()) of_->complain(what);
    count(*home_, outcome_of(reason));
    const bool is_connected = state_ != state::resolving && state_ != state::connecting;
    if (const char* const why = failure_of_app(reason)) {
        of_->on_failure_of_app(is_connected ? why : "connect_failed");
    }
    if (client_ != nullptr) {
        transport::connection& client = *std::exchange(client_, nullptr);
        const refusal made = describe_refusal(reason, of_->url(), request_.wants_json);
        std::string& out = client.output();
        out += "HTTP/1.1 " + std::to_string(made.status) + ' ';
        out += phrase_of(made.status);
        out += "\r\n";
        append_field(out, "Content-Type", made.content_type);
        append_field(out, "Content-Length", std::to_string(made.body.size()));
        out += "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
        if (!request_.is_head) out += made.body;
        client.send();
        client.end_relay(transport::connection::afterwards::close);
    }
    end();
}

void app_connection::abort_answer(std::string_view what) {
    using transport::connection;
    if (!what.empty()) {
        of_->complain(what);
        ++home_->counts().proxy.broken_answers;
        of_->on_failure_of_app("broken_response");
    }
    if (client_ != nullptr) {
        connection& client = *std::exchange(client_, nullptr);
        client.send();
        // A body that ends with its connection would look complete.
        const bool is_seen = is_chunking_ || !body_.ends_with_connection();
        client.end_relay(is_seen && request_.is_http_11 ? connection::afterwards::close
                                                        : connection::afterwards::cut);
    }
    end();
}

/// Whose turn it is decides how long the silence may last.
void app_connection::arm() {
    if (state_ == state::waiting) {
        const core::duration patience = of_->bounds().request_timeout;
        const core::time_point latest = core::deadline_after(home_->now(), patience);
        const bool was_client_due =
            std::exchange(is_client_due_, !is_request_complete_ && written_ == to_app_.size());
        if (!is_client_due_) {
            set_deadline(of_->options().response_timeout);
            return;
        }
        client_due_ = was_client_due ? std::min(client_due_, latest) : latest;
        home_->timers().set(*this, client_due_);
    } else if (state_ == state::answering || state_ == state::tunnel) {
        set_deadline(of_->options().idle_timeout);
    }
}

void app_connection::set_deadline(core::duration from_now) {
    home_->timers().set(*this, core::deadline_after(home_->now(), from_now));
}

void app_connection::count_as(std::uint64_t* gauge) {
    if (counted_in_ != nullptr) --*counted_in_;
    counted_in_ = gauge;
    if (gauge != nullptr) ++*gauge;
}

void app_connection::release_fd() {
    if (fd_ < 0) return;
    home_->poller().remove(fd_);
    ::close(std::exchange(fd_, -1));
}

void app_connection::end() {
    if (state_ == state::closed) return;
    if (state_ == state::idle) of_->forget_idle(*this);
    state_ = state::closed;
    if (place_) *place_ = nullptr;
    release_fd();
    home_->timers().unset(*this);
    home_->forget_greedy(*this);
    count_as(nullptr);
    of_->on_connection_gone();
    home_->retire(home_->let_go(*this));
}

} // namespace roomcast::server::proxy
