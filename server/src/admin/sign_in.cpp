#include "admin/sign_in.hpp"

#include <openssl/rand.h>

#include <charconv>
#include <stdexcept>

namespace roomcast::server::admin {

namespace {

constexpr std::int64_t session_s = 24L * 60 * 60;
constexpr std::string_view hashed_prefix = "sha256:";

std::string hash_of(std::string_view text) {
    return auth::digest(auth::hash::sha256, text);
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char each : bytes) {
        text += digits[static_cast<unsigned char>(each) >> 4U];
        text += digits[static_cast<unsigned char>(each) & 15U];
    }
    return text;
}

std::string random_key() {
    std::string key(32, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1) {
        throw std::runtime_error{"OpenSSL has no random bytes"};
    }
    return key;
}

} // namespace

// Hashes are compared, and as hex: of equal length whatever was typed, and a hash of the configuration as it
// stands.
sign_in::sign_in(const config::admin_settings& chosen)
    : username_hash_(hex(hash_of(chosen.username))),
      password_hash_(chosen.password.starts_with(hashed_prefix) ? chosen.password.substr(hashed_prefix.size())
                                                                : hex(hash_of(chosen.password))),
      key_(auth::hash::sha256, random_key()) {}

bool sign_in::is_right(std::string_view username, std::string_view password) const {
    const bool is_name = auth::is_equal_in_constant_time(hex(hash_of(username)), username_hash_);
    const bool is_password = auth::is_equal_in_constant_time(hex(hash_of(password)), password_hash_);
    return is_name && is_password;
}

std::string sign_in::open_session(std::int64_t now_s) const {
    const std::string expires = std::to_string(now_s + session_s);
    return expires + '.' + hex(key_.sign(expires));
}

bool sign_in::is_open(std::string_view session, std::int64_t now_s) const {
    const std::size_t dot = session.find('.');
    if (dot == std::string_view::npos) return false;
    const std::string_view expires = session.substr(0, dot);
    if (!auth::is_equal_in_constant_time(session.substr(dot + 1), hex(key_.sign(expires)))) return false;
    std::int64_t until_s = 0;
    std::from_chars(expires.data(), expires.data() + expires.size(), until_s);
    return now_s < until_s;
}

} // namespace roomcast::server::admin
