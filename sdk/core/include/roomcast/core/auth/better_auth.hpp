#pragma once

#include "roomcast/core/auth/claims.hpp"
#include "roomcast/core/auth/reason.hpp"
#include "roomcast/core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The formats of Better Auth's cookies, as far as no key is needed.
namespace roomcast::core::auth {

/// `<token>.<signature>` of a session cookie or bearer.
struct signed_session {
    std::string_view token;
    std::string mac; ///< 32 bytes, HMAC-SHA-256 of the token
};
/// @return none; malformed: no dot; bad_signature: not 44 characters of canonical padded base64
reason split_signed_session(std::string_view value, signed_session& out);

/// The compact form of the cookie cache.
struct compact_cache {
    std::string text;        ///< the decoded JSON
    std::string payload;     ///< the member `session`, as it stands in the text
    std::string signed_text; ///< what the MAC was made over
    std::string mac;         ///< 32 bytes
    std::string expires_at;  ///< the member `expiresAt`, ms since the epoch, as it stands
};
/// The signature was made over the payload with `expiresAt` appended; serialising is deterministic there, so
/// the very bytes that came are taken, and identity is read from nothing else.
reason read_compact_cache(std::string_view value, compact_cache& out);

/// What a verified cookie cache says.
struct cached_session {
    user who;
    std::string session_id;
    std::int64_t session_expires_ms = 0;
};
/// Checks the payload of a cookie cache after its signature: belongs to this session token, right version,
/// the session has not ended.
/// @param payload text that `check_object` accepted
/// @return none, malformed, session_mismatch, version_mismatch, bad_claim_type or expired
reason check_cached_session(std::string_view payload, std::string_view session_token,
                            std::string_view version, unix_time now, cached_session& out);

/// Has a moment in ms since the epoch (a JSON number) passed? @return bad_claim_type when it is no number
reason check_expiry_ms(std::string_view checked_number, unix_time now);

/// What rules may look at: all members of a payload, or of the app's answer about a session, but the
/// session's token (`session.token`, `sid`).
std::string claims_without_session_token(std::string_view checked_object);

} // namespace roomcast::core::auth
