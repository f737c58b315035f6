#include "outbound/client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <unistd.h>

namespace roomcast::server::outbound {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

std::string pem_of(BIO* text) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text, &bytes);
    std::string out(bytes, static_cast<std::size_t>(size));
    BIO_free(text);
    return out;
}

/// A certificate that vouches for itself, for some names.
struct certificate {
    std::string key;
    std::string chain;

    explicit certificate(const char* names) {
        EVP_PKEY* const pair = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
        X509* const one = X509_new();
        X509_set_version(one, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(one), 1);
        X509_gmtime_adj(X509_getm_notBefore(one), -3600);
        X509_gmtime_adj(X509_getm_notAfter(one), 3600);
        X509_set_pubkey(one, pair);
        X509_NAME* const name = X509_get_subject_name(one);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"),
                                   -1, -1, 0);
        X509_set_issuer_name(one, name);
        for (const auto& [kind, value] :
             {std::pair{NID_subject_alt_name, names}, std::pair{NID_basic_constraints, "CA:TRUE"}}) {
            X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
            X509_add_ext(one, extension, -1);
            X509_EXTENSION_free(extension);
        }
        X509_sign(one, pair, EVP_sha256());
        BIO* text = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(text, one);
        chain = pem_of(text);
        text = BIO_new(BIO_s_mem());
        PEM_write_bio_PrivateKey(text, pair, nullptr, nullptr, 0, nullptr, nullptr);
        key = pem_of(text);
        X509_free(one);
        EVP_PKEY_free(pair);
    }
};

/// Answers every connection's first request, over TLS.
class tls_server {
public:
    explicit tls_server(const certificate& mine) {
        context_.use_certificate_chain(asio::buffer(mine.chain));
        context_.use_private_key(asio::buffer(mine.key), asio::ssl::context::pem);
        thread_ = std::thread{[this] { run(); }};
    }
    ~tls_server() {
        is_stopping_ = true;
        tcp::socket last{loop_};
        boost::system::error_code ignored;
        last.connect(acceptor_.local_endpoint(), ignored);
        thread_.join();
    }
    tls_server(const tls_server&) = delete;
    tls_server& operator=(const tls_server&) = delete;

    std::string url(const std::string& host) const {
        return "https://" + host + ':' + std::to_string(acceptor_.local_endpoint().port()) + '/';
    }
    int requests() const { return requests_; }

private:
    void run() {
        for (;;) {
            boost::system::error_code error;
            asio::ssl::stream<tcp::socket> one{loop_, context_};
            acceptor_.accept(one.next_layer(), error);
            if (error || is_stopping_) return;
            one.handshake(asio::ssl::stream_base::server, error);
            std::string request;
            if (!error) asio::read_until(one, asio::dynamic_buffer(request), "\r\n\r\n", error);
            if (error) continue;
            ++requests_;
            const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            asio::write(one, asio::buffer(answer), error);
        }
    }

    asio::io_context loop_;
    asio::ssl::context context_{asio::ssl::context::tls_server};
    tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
    std::atomic<bool> is_stopping_{false};
    std::atomic<int> requests_{0};
    std::thread thread_;
};

/// A file that is gone after the test.
class temporary_file {
public:
    explicit temporary_file(const std::string& content)
        : path_(std::filesystem::temp_directory_path() /
                ("roomcast-ca-" + std::to_string(getpid()) + ".pem")) {
        std::ofstream{path_} << content;
    }
    ~temporary_file() { std::filesystem::remove(path_); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

failure outcome(const std::string& url, const std::string& ca_file) {
    client_options chosen;
    chosen.ca_file = ca_file;
    client one{chosen};
    std::promise<failure> told;
    request what;
    what.url = url;
    one.send(what, [&told](const response& got) { told.set_value(got.why); });
    return told.get_future().get();
}

TEST(OutboundTls, ReachesACertificateOfAGivenAuthority) {
    const certificate mine{"DNS:localhost,IP:127.0.0.1"};
    const temporary_file authority{mine.chain};
    tls_server server{mine};
    EXPECT_EQ(outcome(server.url("localhost"), authority.path()), failure::none);
    EXPECT_EQ(outcome(server.url("127.0.0.1"), authority.path()), failure::none);
    EXPECT_EQ(server.requests(), 2);
}

TEST(OutboundTls, RefusesACertificateOfNobodyKnown) {
    tls_server server{certificate{"DNS:localhost"}};
    EXPECT_EQ(outcome(server.url("localhost"), {}), failure::tls_failed);
    EXPECT_EQ(server.requests(), 0);
}

TEST(OutboundTls, RefusesACertificateForAnotherName) {
    const certificate mine{"DNS:other.example"};
    const temporary_file authority{mine.chain};
    tls_server server{mine};
    EXPECT_EQ(outcome(server.url("localhost"), authority.path()), failure::tls_failed);
    EXPECT_EQ(outcome(server.url("127.0.0.1"), authority.path()), failure::tls_failed);
    EXPECT_EQ(server.requests(), 0);
}

} // namespace
} // namespace roomcast::server::outbound
