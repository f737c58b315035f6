#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::base {

/// Bytes of an identifier before encoding; 20 characters in base64url, as the reference's ids have.
inline constexpr std::size_t id_bytes = 15;
inline constexpr std::size_t id_length = 20;

/// Makes identifiers that cannot be guessed (112 random bits) and that carry the number of the shard that
/// made them, so that a request finds the thread of its session without a table.
/// @thread one maker for each shard
class id_maker {
public:
    explicit id_maker(std::uint8_t shard) : shard_(shard) {}
    std::string next();

private:
    std::array<unsigned char, id_bytes * 64> pool_{};
    std::size_t used_ = pool_.size();
    std::uint8_t shard_;
};

/// The shard that made this identifier; nothing when it cannot be one of ours.
std::optional<std::uint8_t> shard_of(std::string_view id);

/// What logs call somebody of this identifier: 12 hex digits of its SHA-256. Who knows a session's identifier
/// can speak in the client's name, so it stands in no log; who has it finds its lines
/// (`printf %s SID | sha256sum`), and nobody gets from the lines to it.
std::string public_name(std::string_view id);

} // namespace roomcast::server::base
