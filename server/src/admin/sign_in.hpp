#pragma once

#include "auth/crypto.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::server::admin {

/// Who may look: a name and a password, or a session that they opened before.
/// @thread any
class sign_in {
public:
    explicit sign_in(const config::admin_settings& chosen);

    /// Takes the same time wherever they differ from the right ones.
    bool is_right(std::string_view username, std::string_view password) const;

    /// A session that this process alone takes, for a day. @param now_s Unix time
    std::string open_session(std::int64_t now_s) const;
    bool is_open(std::string_view session, std::int64_t now_s) const;

private:
    std::string username_hash_;
    std::string password_hash_;
    auth::hmac_key key_;
};

} // namespace roomcast::server::admin
