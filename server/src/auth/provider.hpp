#pragma once

#include "auth/verifier.hpp"

#include <memory>

namespace roomcast::server::auth {

/// One way to sign in.
/// @thread any
class provider : public std::enable_shared_from_this<provider> {
public:
    provider() = default;
    virtual ~provider() = default;
    provider(const provider&) = delete;
    provider& operator=(const provider&) = delete;

    /// Is there a credential that by its name or form can only be for this provider?
    virtual bool is_mine(const credentials& what) const = 0;
    /// Is there anything that this provider would look at?
    virtual bool is_presented(const credentials& what) const = 0;
    /// As verifier::verify.
    virtual void verify(const credentials& what, core::unix_time now, verifier::handler done) const = 0;
};

using provider_ptr = std::shared_ptr<const provider>;

provider_ptr make_open_provider(const config::auth_provider& from);
provider_ptr make_jwt_provider(const config::auth_provider& from);
provider_ptr make_jwks_provider(const config::auth_provider& from, outbound::client* network);
provider_ptr make_authjs_provider(const config::auth_provider& from);
provider_ptr make_better_auth_provider(const config::auth_provider& from, outbound::client* network);
provider_ptr make_introspection_provider(const config::auth_provider& from, outbound::client* network);
provider_ptr make_callout_provider(const config::auth_provider& from, outbound::client* network);

} // namespace roomcast::server::auth
