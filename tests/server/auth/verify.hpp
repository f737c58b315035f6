#pragma once

#include "auth/verifier.hpp"
#include "config/auth_settings.hpp"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Short ways to ask a verifier.
namespace roomcast::server::auth {

inline constexpr core::unix_time noon{1'770'000'060};

/// A provider as the configuration file would give it; what is wrong with it fails the test.
inline config::auth_provider provider_of(const nlohmann::json& settings) {
    auto read = config::read_auth_provider(settings);
    for (const auto& each : read.mistakes) ADD_FAILURE() << each.path << ": " << each.expected;
    return std::move(read.provider);
}

/// The verdict of a verifier that needs nobody else.
inline verdict verify(const std::vector<config::auth_provider>& providers, const credentials& what,
                      core::unix_time now = noon) {
    const verifier one{providers, nullptr};
    verdict out;
    bool is_told = false;
    one.verify(what, now, [&](verdict told) {
        EXPECT_FALSE(is_told);
        is_told = true;
        out = std::move(told);
    });
    EXPECT_TRUE(is_told);
    return out;
}

inline verdict verify(const nlohmann::json& settings, const credentials& what, core::unix_time now = noon) {
    return verify(std::vector{provider_of(settings)}, what, now);
}

inline credentials with_token(std::string_view token) {
    credentials out;
    out.token = token;
    return out;
}
inline credentials with_cookie(std::string_view header) {
    credentials out;
    out.cookie_header = header;
    return out;
}
inline credentials with_authorization(std::string_view value) {
    credentials out;
    out.authorization = value;
    return out;
}

/// The name of the reason for a token: what tests compare.
inline std::string reason_for(const nlohmann::json& settings, std::string_view token,
                              core::unix_time now = noon) {
    return std::string{name_of(verify(settings, with_token(token), now).reason)};
}

} // namespace roomcast::server::auth
