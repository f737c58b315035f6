#include "roomcast/core/auth/reason.hpp"

namespace roomcast::core::auth {

std::string_view name_of(reason why) noexcept {
    switch (why) {
    case reason::none: return "accepted";
    case reason::no_credential: return "no_credential";
    case reason::token_too_large: return "token_too_large";
    case reason::malformed: return "malformed";
    case reason::bad_base64: return "bad_base64";
    case reason::duplicate_member: return "duplicate_member";
    case reason::alg_not_allowed: return "alg_not_allowed";
    case reason::enc_not_allowed: return "enc_not_allowed";
    case reason::zip_not_allowed: return "zip_not_allowed";
    case reason::crit_unsupported: return "crit_unsupported";
    case reason::key_not_found: return "key_not_found";
    case reason::key_ambiguous: return "key_ambiguous";
    case reason::weak_key: return "weak_key";
    case reason::invalid_key: return "invalid_key";
    case reason::typ_mismatch: return "typ_mismatch";
    case reason::decrypt_failed: return "decrypt_failed";
    case reason::bad_signature: return "bad_signature";
    case reason::bad_claim_type: return "bad_claim_type";
    case reason::missing_claim: return "missing_claim";
    case reason::bad_issuer: return "bad_issuer";
    case reason::bad_audience: return "bad_audience";
    case reason::not_yet_valid: return "not_yet_valid";
    case reason::expired: return "expired";
    case reason::session_mismatch: return "session_mismatch";
    case reason::version_mismatch: return "version_mismatch";
    case reason::needs_introspection: return "needs_introspection";
    case reason::refused: return "refused";
    case reason::unavailable: return "unavailable";
    }
    return "unknown";
}

} // namespace roomcast::core::auth
