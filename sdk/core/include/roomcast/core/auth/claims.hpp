#pragma once

#include "roomcast/core/auth/reason.hpp"
#include "roomcast/core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::auth {

/// What is expected of claims.
struct claims_policy {
    std::vector<std::string> issuers;   ///< `iss` must be one of them; empty: not looked at
    std::vector<std::string> audiences; ///< one of them must be in `aud`; empty: not looked at
    std::vector<std::string> required;  ///< names of members that must be there
    std::int64_t tolerance_s = 0;       ///< how far clocks may differ
};

/// Checks the claims of a payload: types, presence, issuer, audience, `nbf`, `exp`, in this order.
/// @param claims text that `check_object` accepted
/// @param expires gets `exp`, rounded down, when it is there
reason check(std::string_view claims, unix_time now, const claims_policy& policy,
             std::optional<unix_time>& expires);

/// Who the claims speak of. Members that are absent or not texts are nothing.
struct user {
    std::optional<std::string> id;
    std::optional<std::string> name;
    std::optional<std::string> email;
    std::optional<std::string> image; ///< `picture`, else `image`
};

/// @param subject_path where the id stands, e.g. `sub`, `user.id`; a number there becomes its decimal text
user user_of(std::string_view claims, std::string_view subject_path);

/// A text or number as an identifier.
std::optional<std::string> identifier_of(std::string_view checked);

/// A condition on claims: an object whose member names are paths (`role`, `org.id`) and whose values are a
/// scalar or a list of scalars. Every member must hold: the claim equals the value, or one of the list; or
/// the claim is a list and contains such an element. Numbers are compared by value, never with texts.
class claim_match {
public:
    /// @return nothing when the text is not such an object
    static std::optional<claim_match> compile(std::string_view json);
    /// @param claims text that `check_object` accepted
    bool matches(std::string_view claims) const;

private:
    struct condition {
        std::string path;
        std::vector<std::string> wanted; ///< scalars as JSON
    };
    std::vector<condition> conditions_;
};

} // namespace roomcast::core::auth
