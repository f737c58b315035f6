#pragma once

#include "roomcast/core/auth/jwk.hpp"
#include "roomcast/core/auth/reason.hpp"

#include <memory>
#include <string_view>

struct evp_pkey_st;

namespace roomcast::server::auth {

/// A public key that was checked, for verifying signatures of JWS.
/// @thread any
class public_key {
public:
    /// Imports a key with the checks that OpenSSL leaves out: sizes, exponents, points of small order.
    /// @return none, weak_key or invalid_key
    static core::auth::reason import(const core::auth::jwk& from, public_key& out);

    /// @param alg one that `select_key` found this key for
    bool is_valid(std::string_view alg, std::string_view message, std::string_view signature) const;

private:
    struct release {
        void operator()(evp_pkey_st* key) const noexcept;
    };
    std::shared_ptr<evp_pkey_st> key_;
};

} // namespace roomcast::server::auth
