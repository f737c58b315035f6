#pragma once

#include "roomcast/core/auth/reason.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::auth {

/// Bytes of a JWK set, and keys in it.
inline constexpr std::size_t max_jwk_set_bytes = 65'536;
inline constexpr std::size_t max_jwk_set_keys = 256;

/// One public key of a JWK set (RFC 7517), its numbers decoded, not yet checked as a key.
struct jwk {
    std::string kty;
    std::string crv;
    std::optional<std::string> kid;
    std::optional<std::string> alg;
    bool is_for_verifying = true; ///< by `use` and `key_ops`
    bool is_private = false;      ///< has members that nobody publishes
    bool is_decodable = true;     ///< n, e, x, y are what `kty` asks for, in base64url
    std::string n, e;             ///< RSA
    std::string x, y;             ///< EC, OKP
};

/// Reads `{"keys":[…]}`. Keys of unknown kinds are kept; nobody will select them.
/// @return none, token_too_large, malformed or duplicate_member
reason read_jwk_set(std::string_view text, std::vector<jwk>& out);

/// Signature algorithms that a public key can verify; HMAC is none of them.
const std::vector<std::string>& public_key_algorithms();

/// Finds the one key for a token: kind, curve, `kid` if the token has one, `alg`, `use`, `key_ops`.
/// @return none, key_not_found, or key_ambiguous when several fit
reason select_key(const std::vector<jwk>& keys, std::string_view alg, const std::optional<std::string>& kid,
                  std::size_t& index);

} // namespace roomcast::core::auth
