// JWK sets: reading, selecting, and where OpenSSL is at hand importing and verifying.

#include "json_oracle.hpp"

#include "roomcast/core/auth/jwk.hpp"

#ifdef ROOMCAST_FUZZ_OPENSSL
#include "auth/public_key.hpp"
#endif

#include <cstdint>

namespace {

namespace auth = roomcast::core::auth;
using auth::reason;

void import_all(const std::vector<auth::jwk>& keys) {
#ifdef ROOMCAST_FUZZ_OPENSSL
    for (const auto& one : keys) {
        roomcast::server::auth::public_key ready;
        if (roomcast::server::auth::public_key::import(one, ready) != reason::none) continue;
        for (const auto& alg : auth::public_key_algorithms()) {
            std::size_t index = 0;
            if (auth::select_key({one}, alg, one.kid, index) != reason::none) continue;
            // Nobody signed this.
            for (const std::size_t size : {0, 64, 96, 132, 256})
                ROOMCAST_PROPERTY(!ready.is_valid(alg, "message", std::string(size, '\0')));
        }
    }
#else
    (void)keys;
#endif
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    std::vector<auth::jwk> keys;
    const reason why = auth::read_jwk_set(text, keys);
    ROOMCAST_PROPERTY(keys.size() <= auth::max_jwk_set_keys);
    if (why != reason::none) return 0;
    ROOMCAST_PROPERTY(roomcast::fuzz::is_json(text));
    for (const auto& alg : auth::public_key_algorithms()) {
        std::size_t index = keys.size();
        if (auth::select_key(keys, alg, std::nullopt, index) == reason::none) {
            ROOMCAST_PROPERTY(index < keys.size() && !keys[index].is_private);
            ROOMCAST_PROPERTY(keys[index].kty == "RSA" || keys[index].kty == "EC" ||
                              keys[index].kty == "OKP");
        }
        (void)auth::select_key(keys, alg, std::string{"k1"}, index);
    }
    std::size_t index = 0;
    ROOMCAST_PROPERTY(auth::select_key(keys, "HS256", std::nullopt, index) == reason::key_not_found);
    import_all(keys);
    return 0;
}
