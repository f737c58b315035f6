#pragma once

#include <cstdint>
#include <string_view>

namespace roomcast::core::auth {

/// Why a credential is not accepted. The names are for logs and metrics; a client only hears "unauthorized".
enum class reason : std::uint8_t {
    none, ///< accepted
    no_credential,
    token_too_large,
    malformed,
    bad_base64,
    duplicate_member,
    alg_not_allowed,
    enc_not_allowed,
    zip_not_allowed,
    crit_unsupported,
    key_not_found,
    key_ambiguous,
    weak_key,
    invalid_key,
    typ_mismatch,
    decrypt_failed,
    bad_signature,
    bad_claim_type,
    missing_claim,
    bad_issuer,
    bad_audience,
    not_yet_valid,
    expired,
    session_mismatch,
    version_mismatch,
    needs_introspection,
    refused,     ///< the app that was asked said no
    unavailable, ///< whoever had to be asked gave no usable answer
};

/// The reason's name as it stands above; "accepted" for none.
std::string_view name_of(reason why) noexcept;

} // namespace roomcast::core::auth
