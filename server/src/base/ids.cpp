#include "base/ids.hpp"

#include "roomcast/core/bytes.hpp"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>

namespace roomcast::server::base {

std::string id_maker::next() {
    if (used_ == pool_.size()) {
        // Without randomness there are no sessions that are safe from each other.
        if (RAND_bytes(pool_.data(), static_cast<int>(pool_.size())) != 1) std::abort();
        used_ = 0;
    }
    std::string raw(id_bytes, '\0');
    std::transform(pool_.begin() + static_cast<std::ptrdiff_t>(used_),
                   pool_.begin() + static_cast<std::ptrdiff_t>(used_ + id_bytes), raw.begin(),
                   [](unsigned char octet) { return static_cast<char>(octet); });
    used_ += id_bytes;
    raw.back() = static_cast<char>(shard_);
    std::string id;
    id.reserve(id_length);
    core::append_base64(id, raw);
    std::replace(id.begin(), id.end(), '+', '-');
    std::replace(id.begin(), id.end(), '/', '_');
    return id;
}

std::optional<std::uint8_t> shard_of(std::string_view id) {
    std::string raw;
    if (id.size() != id_length || !core::append_from_base64(raw, id) || raw.size() != id_bytes) {
        return std::nullopt;
    }
    return static_cast<std::uint8_t>(raw.back());
}

std::string public_name(std::string_view id) {
    constexpr std::size_t shown_bytes = 6;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(id.data()), id.size(), digest.data());
    std::string name;
    for (std::size_t i = 0; i < shown_bytes; ++i) {
        name += "0123456789abcdef"[digest[i] >> 4U];
        name += "0123456789abcdef"[digest[i] & 0xFU];
    }
    return name;
}

} // namespace roomcast::server::base
