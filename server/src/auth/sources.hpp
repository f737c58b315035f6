#pragma once

#include "auth/verifier.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::auth {

/// Where a provider looks for credentials.
struct source_order {
    std::vector<config::credential_source> order;
    std::vector<std::string> cookies; ///< names, the first that is there counts
    bool is_bearer_encoded = false;   ///< the bearer may be percent-encoded
};

/// A provider's own order, or the usual one.
source_order order_of(const config::auth_provider& from, std::vector<std::string> usual_cookies,
                      bool is_bearer_encoded);
/// Names of a session cookie as configured, or `usual` with and without `__Secure-`.
std::vector<std::string> cookie_names(const config::auth_provider& from, std::string_view usual);

/// A credential as it was found.
struct presented {
    core::auth::reason fault = core::auth::reason::no_credential; ///< none: there is one
    config::credential_source from = config::credential_source::cookie;
    std::string value;
    std::string cookie_name; ///< when it came from a cookie
};

/// The first credential in that order. What is there but broken is a fault; nothing behind it is looked at.
presented find_credential(const credentials& what, const source_order& where);

/// What `Authorization: Bearer` carries, scheme in any case; nothing for other schemes and an empty one.
std::optional<std::string_view> bearer_of(std::string_view authorization);

/// Is there one of these cookies, where cookies are looked at?
bool has_cookie(const credentials& what, const source_order& where);

/// The first credential that is no cookie; empty when there is none.
std::string token_of(const credentials& what, const source_order& where);

} // namespace roomcast::server::auth
