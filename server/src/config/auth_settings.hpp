#pragma once

#include "roomcast/core/time.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Who may come in, as the operator chose it.
namespace roomcast::server::config {

/// How a provider finds out who somebody is.
enum class auth_kind : std::uint8_t {
    none,          ///< everybody comes in, as nobody
    jwt,           ///< JWS with a shared secret
    jwks,          ///< JWS with public keys
    nextauth_v4,   ///< session token of NextAuth 4
    authjs_v5,     ///< session token of Auth.js 5
    better_auth,   ///< session cookie, cookie cache, bearer and JWT of Better Auth
    introspection, ///< the app is asked who the cookie or token belongs to
    callout,       ///< the app is told all about the connection and decides
};
std::string_view name_of(auth_kind kind);

/// What bytes a secret's text stands for.
enum class secret_encoding : std::uint8_t { utf8, base64, hex };

/// Form of Better Auth's cookie cache.
enum class cache_strategy : std::uint8_t {
    none,    ///< not looked at
    compact, ///< Better Auth's default
    jwt, ///< HS256 with the secret; with keys of the JWT plugin when the cookie says so and keys are known
    jwe,
    jwks, ///< keys of the JWT plugin only (`jwt({ sessionCookieCache: true })`)
};

/// Where a credential may stand.
enum class credential_source : std::uint8_t {
    cookie,
    authorization, ///< `Authorization: Bearer …`
    token,         ///< `auth.token` of the Socket.IO handshake
    query,         ///< `?token=…`; ends up in logs, so only when asked for
};

/// One way to sign in. Members that a kind does not name do not concern it.
struct auth_provider {
    std::string name; ///< for logs and `identity.provider`; default: the kind's name
    auth_kind kind = auth_kind::none;

    /// jwt, nextauth_v4, authjs_v5, better_auth. The first one is the current one; NextAuth and Better Auth
    /// sign with it alone, others are tried for what was encrypted before.
    std::vector<std::string> secrets;
    secret_encoding encoding = secret_encoding::utf8; ///< jwt
    /// jwt: of HS256, HS384, HS512, default HS256. jwks, better_auth: of the public key algorithms, default
    /// all.
    std::vector<std::string> algorithms;
    /// Issuers and audiences that are accepted. Empty: not looked at; but for better_auth, whose tokens name
    /// its origin: that of base_url.
    std::vector<std::string> issuers;
    std::vector<std::string> audiences;
    /// How far clocks may differ. Default: 15 s for nextauth_v4 and authjs_v5 as the packages have it, else
    /// 0.
    std::optional<std::chrono::seconds> clock_tolerance;
    std::vector<std::string> required_claims; ///< e.g. exp, so that no token lasts for ever
    /// Where the user's id stands in the claims, e.g. `sub` (default) or `user.id` (default of
    /// introspection): the first of these places that has a text or a number.
    std::vector<std::string> subject_claims;
    /// nextauth_v4, authjs_v5: HS algorithms of a plain JWS that is accepted in place of the encrypted token,
    /// for apps with `jwt: { encode, decode }` of their own. Default none: the secret may sign other things,
    /// too.
    std::vector<std::string> accept_jws;

    /// Names of the session cookie. Default: the package's, with and without `__Secure-`; for jwt and jwks
    /// none.
    std::vector<std::string> cookies;
    /// Accept the `__Secure-` name alone, as an https deployment should.
    bool is_secure_only = false;
    /// Order in which credentials are looked for. Default: cookie, authorization, token; for better_auth
    /// authorization and token come first, as its bearer plugin has it.
    std::vector<credential_source> sources;

    cache_strategy strategy = cache_strategy::none; ///< better_auth
    std::string cache_cookie;        ///< better_auth; default: the session cookie's name with session_data
    std::string cache_version = "1"; ///< better_auth

    std::string jwks_url; ///< jwks, better_auth
    std::string jwks;     ///< jwks, better_auth: the key set itself, as JSON
    /// better_auth: where the app lives, e.g. `https://app.example`; then sessions are looked up there, and
    /// keys fetched from there, as needed.
    std::string base_url;

    std::string url;                                             ///< introspection, callout
    std::chrono::milliseconds timeout = std::chrono::seconds{5}; ///< of one request to the app
    std::chrono::seconds cache = std::chrono::seconds{5};        ///< how long an introspection's yes is kept
    std::vector<std::string> forward_headers{"cookie", "authorization"}; ///< callout: of these two
    /// Fetch keys over plain http from another machine than this one: only in a network that is trusted.
    bool allow_http = false;
};

/// What is wrong with a provider's settings. `path` is relative to the provider, e.g. `.secret`.
struct provider_mistake {
    std::string path;
    std::string expected;
};

struct read_provider {
    auth_provider provider;
    std::vector<provider_mistake> mistakes;
};

/// Reads one provider as `server/config.schema.json` describes it (definitions/provider). Never throws;
/// unknown members are mistakes.
read_provider read_auth_provider(const nlohmann::json& from);

/// Names of all members that a provider may have; the schema describes each.
std::vector<std::string> auth_provider_members();

/// What Better Auth takes in development when no secret is set. It stands in its sources.
inline constexpr std::string_view better_auth_public_secret = "better-auth-secret-12345678901234567890";

/// How much a weakness matters: the server does not start, or says so in the log.
enum class severity : std::uint8_t { warning, error };

struct weakness {
    severity how_bad;
    std::string text; ///< never the secret itself
};

/// What an operator must hear before the server starts: missing, public or short secrets. (`verify` goes on
/// and answers weak_key.)
std::vector<weakness> weaknesses_of(const auth_provider& provider);

} // namespace roomcast::server::config
