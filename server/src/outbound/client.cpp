#include "outbound/client.hpp"

#include "outbound/url.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>

namespace roomcast::server::outbound {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::size_t max_header_bytes = 16'384;
/// Answers before the answer (1xx) that one may send.
constexpr int max_early_answers = 8;

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [others](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    });
}

bool is_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto octet = static_cast<unsigned char>(c);
        return octet == '\t' || (octet >= 0x20 && octet != 0x7f);
    });
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return out;
}

/// Headers that say where a message ends belong to whoever writes it.
bool is_framing(std::string_view name) {
    constexpr std::array<std::string_view, 6> ours{"host",       "content-length", "transfer-encoding",
                                                   "connection", "upgrade",        "expect"};
    return std::find(ours.begin(), ours.end(), lower(name)) != ours.end();
}

bool is_valid(const request& what) {
    return is_token(what.method) &&
           std::all_of(what.headers.begin(), what.headers.end(), [](const auto& header) {
               return is_token(header.first) && is_value(header.second) && !is_framing(header.first);
           });
}

core::time_point now() {
    return core::time_point{
        std::chrono::duration_cast<core::duration>(std::chrono::steady_clock::now().time_since_epoch())};
}

std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// A request on its way.
struct job {
    job(request asked, url to, client::handler handler, asio::io_context& loop)
        : what(std::move(asked)), target(std::move(to)), done(std::move(handler)), deadline(loop) {}

    request what;
    url target;
    client::handler done;
    asio::steady_timer deadline;
    core::time_point began = now();
    std::function<void()> abort; ///< ends what is being done for it now
    bool is_over = false;
    bool is_second_try = false;
    bool is_begun = false; ///< it had its turn
    bool is_sent = false;  ///< there is, or was, a connection
    bool is_check = false; ///< a connection is all that is wanted
};
using job_ptr = std::shared_ptr<job>;

} // namespace

std::string_view name_of(failure why) noexcept {
    switch (why) {
    case failure::none: return "answered";
    case failure::invalid_request: return "invalid_request";
    case failure::queue_full: return "queue_full";
    case failure::resolve_failed: return "resolve_failed";
    case failure::address_refused: return "address_refused";
    case failure::connect_failed: return "connect_failed";
    case failure::tls_failed: return "tls_failed";
    case failure::timed_out: return "timed_out";
    case failure::too_large: return "too_large";
    case failure::broken_response: return "broken_response";
    case failure::stopped: return "stopped";
    }
    return "unknown";
}

std::string_view response::header(std::string_view name) const {
    const auto found =
        std::find_if(headers.begin(), headers.end(), [name](const auto& one) { return one.first == name; });
    return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

/// All of it but the two atomics lives on one thread.
class client::engine {
public:
    explicit engine(client_options chosen);
    ~engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    void send(request what, handler done, bool is_check = false);
    contacts& contact() { return contacts_; }

private:
    class connection;
    using connection_ptr = std::shared_ptr<connection>;

    /// Connections to one scheme, host and port.
    struct pool {
        std::deque<job_ptr> waiting;
        std::set<connection_ptr> open; ///< all, the idle ones included
        std::vector<connection_ptr> idle;
    };

    void start(const job_ptr& one);
    void serve(const std::string& key);
    void complete(const job_ptr& one, response result);
    void fail(const job_ptr& one, failure why);
    void on_free(const connection_ptr& one, bool is_reusable);
    void on_idle_end(const connection_ptr& one);
    void again(const job_ptr& one);
    void stop();

    client_options options_;
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
    /// Reading the system's authorities takes some twenty milliseconds: only when somebody uses TLS.
    void trust_system() {
        if (std::exchange(trusts_system_, true)) return;
        error_code ignored;
        tls_.set_default_verify_paths(ignored); // a system without any: then nobody is trusted
    }

    bool trusts_system_ = false;
    asio::ssl::context tls_{asio::ssl::context::tls_client};
    std::map<std::string, pool> pools_;
    std::set<job_ptr> jobs_;
    contacts contacts_;
    std::atomic<std::size_t> queued_{0};
    std::atomic<bool> is_stopping_{false};
    std::thread thread_;
};

/// One connection, which carries one request after another.
class client::engine::connection : public std::enable_shared_from_this<connection> {
public:
    connection(engine& owner, std::string key)
        : owner_(owner), key_(std::move(key)), resolver_(owner.loop_), socket_(owner.loop_),
          idle_timer_(owner.loop_) {}

    const std::string& key() const { return key_; }

    void run(const job_ptr& one) {
        job_ = one;
        one->is_begun = true;
        one->abort = [self = weak_from_this()] {
            if (const auto still = self.lock()) still->close();
        };
        has_answered_ = false;
        if (is_connected_) return write();
        error_code literal;
        const auto address = asio::ip::make_address(one->target.host, literal);
        if (!literal) {
            // Posted, as all others: run() never ends within itself.
            return asio::post(owner_.loop_, [self = shared_from_this(), address] {
                self->connect({{address, self->port()}});
            });
        }
        resolver_.async_resolve(one->target.host, one->target.port,
                                [self = shared_from_this()](error_code error, const auto& found) {
                                    self->on_resolved(error, found);
                                });
    }

    /// Waits for the next request, or for the other end to go.
    void rest(core::duration how_long) {
        const auto round = ++idle_round_;
        socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this(), round](error_code) {
            if (self->idle_round_ == round) self->owner_.on_idle_end(self);
        });
        idle_timer_.expires_after(how_long);
        idle_timer_.async_wait([self = shared_from_this(), round](error_code error) {
            if (!error && self->idle_round_ == round) self->owner_.on_idle_end(self);
        });
    }

    void wake() {
        ++idle_round_;
        idle_timer_.cancel();
        error_code ignored;
        socket_.cancel(ignored);
    }

    void close() {
        ++idle_round_;
        idle_timer_.cancel();
        resolver_.cancel();
        error_code ignored;
        socket_.close(ignored);
        is_connected_ = false;
    }

private:
    using endpoints = std::vector<tcp::endpoint>;

    unsigned short port() const { return static_cast<unsigned short>(std::stoul(job_->target.port)); }

    template <class Work>
    void with_stream(const Work& work) {
        if (tls_) {
            work(*tls_);
        } else {
            work(socket_);
        }
    }

    void on_resolved(error_code error, const tcp::resolver::results_type& found) {
        if (job_->is_over) return end(failure::stopped);
        if (error) return end(failure::resolve_failed);
        endpoints all;
        for (const auto& each : found) all.push_back(each.endpoint());
        connect(all);
    }

    void connect(endpoints all) {
        if (job_->is_over) return end(failure::stopped);
        // The addresses that were judged are those that are connected to: the name is not asked again.
        const auto is_out_of_bounds = [this](const tcp::endpoint& each) {
            return !is_allowed(each.address(), job_->target, owner_.options_.how_far);
        };
        all.erase(std::remove_if(all.begin(), all.end(), is_out_of_bounds), all.end());
        if (all.empty()) return end(failure::address_refused);
        asio::async_connect(socket_, all,
                            [self = shared_from_this()](error_code error, const tcp::endpoint&) {
                                self->on_connected(error);
                            });
    }

    void on_connected(error_code error) {
        if (error) return end(failure::connect_failed);
        socket_.set_option(tcp::no_delay{true}, error);
        if (!job_->target.is_tls) {
            is_connected_ = true;
            return write();
        }
        owner_.trust_system();
        tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, owner_.tls_);
        error_code literal;
        asio::ip::make_address(job_->target.host, literal);
        if (literal) {
            // what SSL_set_tlsext_host_name does, but without its old-style casts
            SSL_ctrl(tls_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     job_->target.host.data());
        }
        tls_->set_verify_mode(asio::ssl::verify_peer);
        tls_->set_verify_callback(asio::ssl::host_name_verification(job_->target.host));
        tls_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](error_code failed) {
            if (failed) return self->end(failure::tls_failed);
            self->is_connected_ = true;
            self->write();
        });
    }

    void write() {
        if (job_->is_over) return end(failure::stopped);
        job_->is_sent = true;
        if (job_->is_check) {
            return asio::post(owner_.loop_, [self = shared_from_this()] {
                if (self->job_->is_over) return self->end(failure::stopped);
                self->release(true, [&](const job_ptr& one) { self->owner_.complete(one, {}); });
            });
        }
        const request& what = job_->what;
        message_ = {};
        message_.version(11);
        message_.method_string(what.method);
        message_.target(job_->target.target);
        message_.set(http::field::host, job_->target.host_header());
        message_.set(http::field::user_agent, "roomcast");
        for (const auto& [name, value] : what.headers) message_.insert(name, value);
        message_.body() = what.body;
        const bool has_body =
            !what.body.empty() || what.method == "POST" || what.method == "PUT" || what.method == "PATCH";
        if (has_body) message_.content_length(what.body.size());
        with_stream([this](auto& stream) {
            http::async_write(stream, message_, [self = shared_from_this()](error_code error, std::size_t) {
                // An answer may be there all the same: "too large", and no more reading.
                self->read(error);
            });
        });
    }

    void read(error_code write_error) {
        if (job_->is_over) return end(failure::stopped);
        if (write_error && write_error != asio::error::broken_pipe &&
            write_error != asio::error::connection_reset)
            return end(failure::broken_response);
        parser_.emplace();
        parser_->header_limit(max_header_bytes);
        parser_->body_limit(job_->what.max_response_bytes);
        if (job_->what.method == "HEAD") parser_->skip(true);
        parser_->eager(true);
        taken_ = 0;
        parse();
    }

    /// Piece by piece, for Beast's own reading counts the bytes of a head, and of trailers, for each piece
    /// alone.
    void read_more() {
        const std::size_t room = std::min(max_header_bytes, buffer_.max_size() - buffer_.size());
        if (room == 0) return on_read(http::error::buffer_overflow);
        with_stream([this, room](auto& stream) {
            stream.async_read_some(buffer_.prepare(room),
                                   [self = shared_from_this()](error_code error, std::size_t size) {
                                       self->on_some(error, size);
                                   });
        });
    }

    void on_some(error_code error, std::size_t size) {
        buffer_.commit(size);
        if (!error && !job_->is_over) return parse();
        if (error == asio::error::eof) {
            error = http::error::end_of_stream;
            if (parser_->got_some()) parser_->put_eof(error);
        }
        on_read(error);
    }

    void parse() {
        error_code error;
        while (buffer_.size() > 0 && !error && !parser_->is_done()) {
            const std::size_t used = parser_->put(buffer_.cdata(), error);
            buffer_.consume(used);
            taken_ += used;
            if (used == 0) break;
        }
        if (error == http::error::need_more) error = {};
        if (error || parser_->is_done()) return on_read(error);
        // Chunks of one byte have five more around it.
        const std::uint64_t most = parser_->is_header_done()
                                       ? max_header_bytes + 8 * job_->what.max_response_bytes
                                       : max_header_bytes;
        if (taken_ + buffer_.size() > most) return on_read(http::error::header_limit);
        read_more();
    }

    void on_read(error_code error) {
        has_answered_ = has_answered_ || parser_->got_some();
        if (job_->is_over) return end(failure::stopped);
        if (error == http::error::body_limit || error == http::error::header_limit ||
            error == http::error::buffer_overflow)
            return end(failure::too_large);
        if (error) return end(failure::broken_response);
        auto& got = parser_->get();
        if (got.result_int() == 101) return end(failure::broken_response);
        if (got.result_int() < 200) {
            if (++early_answers_ > max_early_answers) return end(failure::broken_response);
            return read({});
        }
        response result;
        result.status = got.result_int();
        for (const auto& field : got) {
            result.headers.emplace_back(lower({field.name_string().data(), field.name_string().size()}),
                                        std::string{field.value().data(), field.value().size()});
        }
        result.body = std::move(got.body());
        const bool is_reusable = got.keep_alive() && buffer_.size() == 0;
        release(is_reusable, [&](const job_ptr& one) { owner_.complete(one, std::move(result)); });
    }

    /// The request did not get its answer; this connection is of no more use.
    void end(failure why) {
        const bool may_repeat = why == failure::broken_response && is_used_ && !has_answered_ &&
                                job_->what.method == "GET" && !job_->is_second_try && !job_->is_over;
        release(false, [&](const job_ptr& one) {
            if (may_repeat) return owner_.again(one);
            owner_.fail(one, why);
        });
    }

    template <class Tell>
    void release(bool is_reusable, const Tell& tell) {
        const auto self = shared_from_this();
        const job_ptr one = std::move(job_);
        one->abort = nullptr;
        is_used_ = true;
        early_answers_ = 0;
        parser_.reset();
        const bool stays = is_reusable && is_connected_ && socket_.is_open();
        if (!stays) close();
        owner_.on_free(self, stays);
        tell(one);
        owner_.serve(key_);
    }

    engine& owner_;
    std::string key_;
    tcp::resolver resolver_;
    tcp::socket socket_;
    std::unique_ptr<asio::ssl::stream<tcp::socket&>> tls_;
    asio::steady_timer idle_timer_;
    unsigned idle_round_ = 0;
    job_ptr job_;
    bool is_connected_ = false;
    bool is_used_ = false; ///< carried a request before
    bool has_answered_ = false;
    int early_answers_ = 0;
    std::uint64_t taken_ = 0; ///< bytes of this answer
    http::request<http::string_body> message_;
    beast::flat_buffer buffer_{65'536};
    std::optional<http::response_parser<http::string_body>> parser_;
};

client::engine::engine(client_options chosen) : options_(std::move(chosen)) {
    tls_.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                     asio::ssl::context::no_tlsv1_1);
    if (!options_.ca_file.empty()) {
        error_code error;
        tls_.load_verify_file(options_.ca_file, error);
        if (error) throw std::runtime_error("CA file " + options_.ca_file + ": " + error.message());
    }
    thread_ = std::thread{[this] { loop_.run(); }};
}

client::engine::~engine() {
    is_stopping_ = true;
    asio::post(loop_, [this] { stop(); });
    thread_.join();
}

void client::engine::stop() {
    const auto all = jobs_;
    for (const auto& one : all) fail(one, failure::stopped);
    auto pools = std::move(pools_);
    pools_.clear();
    for (auto& [key, each] : pools) {
        for (const auto& one : each.open) one->close();
    }
    work_.reset();
    loop_.stop();
}

void client::engine::send(request what, handler done, bool is_check) {
    response refused;
    auto target = parse_url(what.url);
    if (is_stopping_) {
        refused.why = failure::stopped;
    } else if (!target || !is_valid(what)) {
        refused.why = failure::invalid_request;
    } else if (queued_.fetch_add(1) >= options_.max_queued) {
        --queued_;
        refused.why = failure::queue_full;
    }
    if (refused.why != failure::none) {
        if (!is_check) contacts_.note(what.what, {}, {refused.why, 0, false}, {}, wall_ms());
        return done(std::move(refused));
    }
    auto one = std::make_shared<job>(std::move(what), std::move(*target), std::move(done), loop_);
    one->is_check = is_check;
    asio::post(loop_, [this, one = std::move(one)] { start(one); });
}

void client::engine::start(const job_ptr& one) {
    jobs_.insert(one);
    one->deadline.expires_after(one->what.timeout);
    one->deadline.async_wait([this, weak = std::weak_ptr{one}](error_code error) {
        if (error) return;
        if (const auto still = weak.lock()) fail(still, failure::timed_out);
    });
    const std::string key = one->target.origin();
    pools_[key].waiting.push_back(one);
    serve(key);
}

void client::engine::serve(const std::string& key) {
    const auto found = pools_.find(key);
    if (found == pools_.end()) return;
    pool& here = found->second;
    while (!here.waiting.empty()) {
        const job_ptr one = here.waiting.front();
        if (one->is_over) {
            here.waiting.pop_front();
            continue;
        }
        connection_ptr chosen;
        if (!here.idle.empty() && !one->is_second_try) {
            chosen = here.idle.back();
            here.idle.pop_back();
            chosen->wake();
        } else if (here.open.size() < options_.max_per_host) {
            chosen = std::make_shared<connection>(*this, key);
            here.open.insert(chosen);
        } else if (!here.idle.empty()) { // no room for the new one that a second try wants
            on_idle_end(here.idle.back());
            continue;
        } else {
            return;
        }
        here.waiting.pop_front();
        chosen->run(one);
    }
    if (here.open.empty() && here.waiting.empty()) pools_.erase(found);
}

void client::engine::complete(const job_ptr& one, response result) {
    if (one->is_over) return;
    one->is_over = true;
    one->deadline.cancel();
    if (one->abort) std::exchange(one->abort, nullptr)();
    jobs_.erase(one);
    --queued_;
    const contacts::ending how{result.why, result.status, one->is_sent};
    if (one->is_check) {
        // Without a turn it says something about the others before it, who will speak for themselves.
        if (one->is_begun) contacts_.note_check(one->what.what, one->target.origin(), how, wall_ms());
    } else {
        contacts_.note(one->what.what, one->target.origin(), how, now() - one->began, wall_ms());
    }
    const handler done = std::exchange(one->done, nullptr);
    done(std::move(result));
}

void client::engine::fail(const job_ptr& one, failure why) {
    response result;
    result.why = why;
    complete(one, std::move(result));
}

void client::engine::again(const job_ptr& one) {
    one->is_second_try = true;
    pools_[one->target.origin()].waiting.push_front(one);
}

void client::engine::on_free(const connection_ptr& one, bool is_reusable) {
    const auto found = pools_.find(one->key());
    if (found == pools_.end()) return;
    pool& here = found->second;
    if (is_reusable && here.idle.size() < options_.max_idle_per_host) {
        here.idle.push_back(one);
        one->rest(options_.idle_timeout);
        return;
    }
    if (is_reusable) one->close();
    here.open.erase(one);
}

void client::engine::on_idle_end(const connection_ptr& given) {
    const connection_ptr one = given; // may live in what is erased here
    one->close();
    const auto found = pools_.find(one->key());
    if (found == pools_.end()) return;
    pool& here = found->second;
    here.idle.erase(std::remove(here.idle.begin(), here.idle.end(), one), here.idle.end());
    here.open.erase(one);
    if (here.open.empty() && here.waiting.empty()) pools_.erase(found);
}

client::client(client_options chosen) : engine_(std::make_unique<engine>(std::move(chosen))) {}
client::~client() = default;

void client::send(request what, handler done) {
    engine_->send(std::move(what), std::move(done));
}

void client::check(const backend& whom, core::duration timeout, handler done) {
    request what;
    what.url = whom.origin + '/';
    what.timeout = timeout;
    what.what = whom.what;
    engine_->send(std::move(what), std::move(done), true);
}

const contacts& client::contact() const {
    return engine_->contact();
}
contacts& client::contact() {
    return engine_->contact();
}

} // namespace roomcast::server::outbound
