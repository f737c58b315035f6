#include "transport/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>
#include <new>
#include <system_error>

namespace roomcast::server::transport {

namespace {

/// Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
constexpr const char* ciphers_of_tls_12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// What OpenSSL has to say of the first error, where it began; the others are forgotten.
std::string take_error() {
    const unsigned long code = ERR_peek_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "OpenSSL gives no reason" : reason;
}

/// Says what is wrong with a file, and not "Invalid argument" behind it.
class file_error final : public std::system_error {
public:
    explicit file_error(std::string text)
        : system_error{std::make_error_code(std::errc::invalid_argument)}, text_(std::move(text)) {}
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

[[noreturn]] void refuse(const std::string& what, const std::string& file, const std::string& why) {
    throw file_error{what + " " + file + ": " + why};
}

void check_readable(const std::string& what, const std::string& file) {
    if (file.empty()) refuse(what, "(no file named)", "tls needs a certificate and a key");
    errno = 0;
    const std::ifstream opened{file, std::ios::binary};
    if (!opened) refuse(what, file, errno == 0 ? "cannot be read" : std::strerror(errno));
}

/// HTTP/1.1 or nothing. @source RFC 7301, section 3.2
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* found = nullptr;
    if (SSL_select_next_proto(&found, chosen_size, ours.data(), ours.size(), offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/// Where OpenSSL reads and writes during a call: OpenSSL's own memory BIOs would keep their largest size for
/// each idle connection.
struct pipe {
    std::string_view in;
    std::string* out = nullptr;
};

pipe& pipe_of(BIO* bio) {
    return *static_cast<pipe*>(BIO_get_data(bio));
}

int read_pipe(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    pipe& at = pipe_of(bio);
    if (at.in.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t taken = std::min(at.in.size(), static_cast<std::size_t>(std::max(size, 0)));
    std::memcpy(to, at.in.data(), taken);
    at.in.remove_prefix(taken);
    return static_cast<int>(taken);
}

int write_pipe(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    pipe& at = pipe_of(bio);
    if (at.out == nullptr || size < 0) return -1;
    at.out->append(from, static_cast<std::size_t>(size));
    return size;
}

long control_pipe(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_PUSH || command == BIO_CTRL_POP ? 1 : 0;
}

struct method_end {
    void operator()(BIO_METHOD* one) const { BIO_meth_free(one); }
};

const BIO_METHOD* pipe_method() {
    static const std::unique_ptr<BIO_METHOD, method_end> method = [] {
        std::unique_ptr<BIO_METHOD, method_end> made{
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pipe")};
        BIO_meth_set_read(made.get(), read_pipe);
        BIO_meth_set_write(made.get(), write_pipe);
        BIO_meth_set_ctrl(made.get(), control_pipe);
        return made;
    }();
    return method.get();
}

} // namespace

struct tls_context::parts {
    struct end {
        void operator()(SSL_CTX* one) const { SSL_CTX_free(one); }
    };
    std::unique_ptr<SSL_CTX, end> context;
};

tls_context::tls_context(std::unique_ptr<parts> made) : parts_(std::move(made)) {}
tls_context::~tls_context() = default;

std::shared_ptr<const tls_context> tls_context::load(const tls_options& chosen) {
    ERR_clear_error();
    auto made = std::make_unique<parts>();
    made->context.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const context = made->context.get();
    if (context == nullptr) throw std::bad_alloc{};
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_cipher_list(context, ciphers_of_tls_12);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Tickets resume sessions without memory of ours.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    // Nobody is there to be asked for a key's password.
    SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });

    check_readable("the certificate", chosen.certificate_file);
    check_readable("the key", chosen.key_file);
    if (SSL_CTX_use_certificate_chain_file(context, chosen.certificate_file.c_str()) != 1) {
        refuse("the certificate", chosen.certificate_file, "no certificate in PEM (" + take_error() + ")");
    }
    if (SSL_CTX_use_PrivateKey_file(context, chosen.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        refuse("the key", chosen.key_file, "no private key in PEM without a password (" + take_error() + ")");
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        refuse("the key", chosen.key_file,
               "it does not belong to the certificate " + chosen.certificate_file);
    }
    return std::shared_ptr<const tls_context>{new tls_context{std::move(made)}};
}

struct tls_session::parts {
    struct end {
        void operator()(SSL* one) const { SSL_free(one); }
    };
    std::unique_ptr<SSL, end> ssl;
    pipe at;
    bool has_failed = false;
    bool was_closed = false;
};

tls_session::tls_session(const tls_context& of) : parts_(std::make_unique<parts>()) {
    parts_->ssl.reset(SSL_new(of.parts_->context.get()));
    BIO* const bio = parts_->ssl ? BIO_new(pipe_method()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc{};
    BIO_set_data(bio, &parts_->at);
    BIO_set_init(bio, 1);
    SSL_set_bio(parts_->ssl.get(), bio, bio);
    SSL_set_accept_state(parts_->ssl.get());
}

tls_session::~tls_session() = default;

bool tls_session::is_established() const {
    return SSL_is_init_finished(parts_->ssl.get()) == 1;
}

tls_session::progress tls_session::receive(std::string_view wire, std::string& plain, std::string& out) {
    constexpr std::size_t largest_record = 16U << 10U;
    if (parts_->has_failed) return progress::failed;
    ERR_clear_error();
    parts_->at = {wire, &out};
    progress found = progress::open;
    for (;;) {
        const std::size_t begin = plain.size();
        plain.resize(begin + largest_record);
        std::size_t got = 0;
        const int result = SSL_read_ex(parts_->ssl.get(), plain.data() + begin, largest_record, &got);
        plain.resize(begin + (result == 1 ? got : 0));
        if (result == 1) continue;
        const int why = SSL_get_error(parts_->ssl.get(), result);
        if (why == SSL_ERROR_WANT_READ) break;
        found = why == SSL_ERROR_ZERO_RETURN ? progress::ended : progress::failed;
        parts_->has_failed = found == progress::failed;
        break;
    }
    ERR_clear_error();
    parts_->at = {};
    return found;
}

bool tls_session::send(std::string_view plain, std::string& out) {
    if (parts_->has_failed || parts_->was_closed || !is_established()) return false;
    ERR_clear_error();
    parts_->at = {{}, &out};
    while (!plain.empty()) {
        std::size_t sent = 0;
        if (SSL_write_ex(parts_->ssl.get(), plain.data(), plain.size(), &sent) != 1) {
            parts_->has_failed = true;
            break;
        }
        plain.remove_prefix(sent);
    }
    ERR_clear_error();
    parts_->at = {};
    return plain.empty();
}

void tls_session::close(std::string& out) {
    if (parts_->has_failed || parts_->was_closed || !is_established()) return;
    parts_->was_closed = true;
    ERR_clear_error();
    parts_->at = {{}, &out};
    (void)SSL_shutdown(parts_->ssl.get());
    ERR_clear_error();
    parts_->at = {};
}

} // namespace roomcast::server::transport
