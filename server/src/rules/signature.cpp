#include "rules/signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace roomcast::server::rules {

std::string hmac_sha256_hex(std::string_view key, std::string_view message) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), &length);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hex;
    for (unsigned i = 0; i < length; ++i) {
        hex += digits[digest[i] >> 4U];
        hex += digits[digest[i] & 15U];
    }
    return hex;
}

void sign(outbound::request& what, const std::vector<std::string>& secrets, std::int64_t unix_s) {
    const std::string time = std::to_string(unix_s);
    const std::string message = time + '.' + what.body;
    std::string all;
    for (const std::string& secret : secrets) {
        if (secret.empty()) continue;
        all += (all.empty() ? "sha256=" : ", sha256=") + hmac_sha256_hex(secret, message);
    }
    if (all.empty()) return;
    what.headers.emplace_back("X-Roomcast-Timestamp", time);
    what.headers.emplace_back("X-Roomcast-Signature", all);
}

} // namespace roomcast::server::rules
