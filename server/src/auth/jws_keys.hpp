#pragma once

#include "auth/key_set.hpp"
#include "config/auth_settings.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::auth {

/// What a token was made for; Better Auth keeps its cookie cache apart from its API tokens by `typ`.
enum class token_use : std::uint8_t { api, better_auth_cache };

/// Opens JWS that the keys of a set verify.
/// @thread any
class jws_keys {
public:
    using handler = std::function<void(core::auth::reason, std::string payload)>;

    /// @param usual_url where the set is when neither `jwks` nor `jwks_url` is configured; may be empty
    jws_keys(const config::auth_provider& from, const std::string& usual_url, outbound::client* network);

    /// Is there a set, or a place to get it from?
    bool has_source() const { return keys_ != nullptr; }
    const std::vector<std::string>& algorithms() const { return algorithms_; }
    /// @param done called once, before this returns or later on the client's thread
    void open(std::string token, token_use use, core::unix_time now, handler done) const;

private:
    std::vector<std::string> algorithms_;
    std::shared_ptr<key_set> keys_;
};

} // namespace roomcast::server::auth
