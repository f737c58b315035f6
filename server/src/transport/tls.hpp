#pragma once

#include "roomcast/server/options.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace roomcast::server::transport {

/// Certificate, key and rules of all TLS connections that begin from now on.
class tls_context {
public:
    /// Reads the files. @errors std::system_error with the file's name and what is wrong with it
    static std::shared_ptr<const tls_context> load(const tls_options& chosen);
    ~tls_context();
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

private:
    friend class tls_session;
    struct parts;
    explicit tls_context(std::unique_ptr<parts> made);
    std::unique_ptr<parts> parts_;
};

/// TLS of one connection, without a socket: bytes in, bytes out. It holds no buffer while nothing is under
/// way.
class tls_session {
public:
    enum class progress : std::uint8_t {
        open,
        ended,  ///< the peer said that it sends no more
        failed, ///< what came is no TLS, or not ours; `out` may hold an alert
    };

    explicit tls_session(const tls_context& of);
    ~tls_session();
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;

    /// Takes what came from the wire, all of it. @param plain gets what it stands for
    /// @param out gets what must go back: handshakes, alerts
    progress receive(std::string_view wire, std::string& plain, std::string& out);
    /// Appends records for `plain`. @return false: the session is not open
    bool send(std::string_view plain, std::string& out);
    /// Appends the word that nothing follows, once.
    void close(std::string& out);
    bool is_established() const;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

} // namespace roomcast::server::transport
