#pragma once

#include "roomcast/core/auth/reason.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Compact tokens up to the point where a key is needed: JWS (RFC 7515) and JWE (RFC 7516, `dir` only).
namespace roomcast::core::auth {

/// The members of a protected header that decide something. All others are ignored: no key or address ever
/// comes out of a token.
struct token_header {
    std::string alg;
    std::string enc;
    std::optional<std::string> kid;
    std::optional<std::string> typ;
};

struct jws {
    token_header header;
    std::string_view signing_input; ///< of the token that was read
    std::string payload;            ///< not yet looked at
    std::string signature;
};

struct jwe {
    token_header header;
    std::string_view aad; ///< of the token that was read
    std::string iv;
    std::string ciphertext;
    std::string tag;
};

/// Number of segments between dots.
std::size_t segments_of(std::string_view token);

/// Splits and checks a JWS: size, segments, base64url, header, `alg`, `crit`, `kid`.
/// @param algorithms the `alg` values that are allowed, compared exactly
/// @return none, or the first of the reasons in that order
reason read_jws(std::string_view token, const std::vector<std::string>& algorithms, jws& out);

/// The same for a JWE whose key is used directly; also the sizes of IV and tag.
/// @param encryptions the `enc` values that are allowed, of A256GCM and A256CBC-HS512
reason read_jwe(std::string_view token, const std::vector<std::string>& encryptions, jwe& out);

/// What an unverified token says about itself, only to find out whose it is. Never a reason to trust it.
struct token_sketch {
    std::size_t segments = 0;
    std::string alg;
    std::string enc;
    bool has_kid = false;
    std::string issuer; ///< `iss` of a JWS
};
/// @return a sketch with empty texts where the token cannot be read
token_sketch sketch(std::string_view token);

} // namespace roomcast::core::auth
