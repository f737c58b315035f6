#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_mac_ctx_st;

/// What OpenSSL 3 does for us, with the checks it leaves to its callers.
namespace roomcast::server::auth {

/// Bytes that nobody may find in memory later.
class secret_bytes {
public:
    secret_bytes() = default;
    explicit secret_bytes(std::string bytes) noexcept : bytes_(std::move(bytes)) {}
    ~secret_bytes() { wipe(); }
    secret_bytes(const secret_bytes&) = delete;
    secret_bytes& operator=(const secret_bytes&) = delete;
    secret_bytes(secret_bytes&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
    secret_bytes& operator=(secret_bytes&& other) noexcept;

    std::string_view view() const { return bytes_; }
    bool is_empty() const { return bytes_.empty(); }

private:
    void wipe() noexcept;
    std::string bytes_;
};

enum class hash : std::uint8_t { sha256, sha384, sha512 };

/// Bytes of a hash value.
std::size_t size_of(hash which) noexcept;
/// @throws std::runtime_error when OpenSSL has no such hash (never, in a sane installation)
std::string digest(hash which, std::string_view message);
/// HKDF with SHA-256 (RFC 5869), extract and expand.
secret_bytes hkdf_sha256(std::string_view secret, std::string_view salt, std::string_view info,
                         std::size_t size_bytes);

/// Do both hold the same bytes? Takes the same time wherever they differ.
bool is_equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// A key for HMAC, set up once.
/// @thread any
class hmac_key {
public:
    hmac_key(hash which, std::string_view key);
    /// An empty key authenticates nothing: is_valid is always false.
    bool is_empty() const { return keyed_ == nullptr; }
    std::string sign(std::string_view message) const;
    /// Compares in constant time, all bytes.
    bool is_valid(std::string_view message, std::string_view mac) const;

private:
    struct release {
        void operator()(evp_mac_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_mac_ctx_st, release> keyed_; ///< copied for each use
    hash which_;
};

/// Decrypts AES-256-GCM. @param iv 12 bytes @param tag 16 bytes @return false: nothing of it is to be
/// believed
bool decrypt_a256gcm(std::string_view key, std::string_view iv, std::string_view aad,
                     std::string_view ciphertext, std::string_view tag, std::string& out);

/// A key of A256CBC-HS512 (RFC 7518, section 5.2.5): 32 bytes for the MAC, 32 for AES.
class cbc_hs512_key {
public:
    explicit cbc_hs512_key(secret_bytes key);
    /// Decrypts. A wrong MAC and wrong padding look the same from outside.
    bool decrypt(std::string_view iv, std::string_view aad, std::string_view ciphertext, std::string_view tag,
                 std::string& out) const;

private:
    secret_bytes key_;
    hmac_key mac_;
};

} // namespace roomcast::server::auth
