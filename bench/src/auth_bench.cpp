// What one sign-in costs: the whole way from the client's bytes to the verdict, keys derived before.

#include "../../tests/server/auth/mint.hpp"
#include "auth/verifier.hpp"

#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace auth = roomcast::server::auth;
namespace config = roomcast::server::config;
namespace mint = roomcast::server::auth::mint;
using nlohmann::json;

const std::string secret = "a secret that is long enough for everybody";
constexpr auto* claims =
    R"({"name":"Ada Lovelace","email":"ada@example.com","picture":"https://cdn.example.com/ada.png","sub":"user_1","role":"admin","iat":1770000000,"exp":1772592000,"jti":"f47d28a7-457d-4c51-8f40-332d5c6ca170"})";

/// Registers one kind of sign-in. One that is refused would look fast.
void add(const char* name, const json& provider, const std::string& cookie, const std::string& token) {
    const auto one =
        std::make_shared<auth::verifier>(std::vector{config::read_auth_provider(provider).provider}, nullptr);
    const auto verify = [one, cookie, token] {
        auth::credentials what;
        what.cookie_header = cookie;
        what.token = token;
        bool is_accepted = false;
        one->verify(what, roomcast::core::unix_time{1'770'000'060},
                    [&is_accepted](const auth::verdict& out) { is_accepted = out.is_accepted(); });
        return is_accepted;
    };
    if (!verify()) {
        std::fprintf(stderr, "roomcast-bench-auth: %s failed\n", name);
        std::exit(1);
    }
    benchmark::RegisterBenchmark(name, [verify](benchmark::State& state) {
        while (state.KeepRunning()) benchmark::DoNotOptimize(verify());
    });
}

void add_public_key(const char* name, const char* alg, const mint::signer& key) {
    add(name, {{"type", "jwks"}, {"jwks", {{"keys", {key.jwk("k")}}}}}, {},
        key.jws(alg, {{"kid", "k"}}, claims));
}

} // namespace

int main(int count, char** words) {
    const std::string other_cookies = "_ga=GA1.1.1220143.17; theme=dark; ";
    add("HS256 token", {{"type", "jwt"}, {"secret", secret}}, {},
        mint::hmac_jws(R"({"alg":"HS256","typ":"JWT"})", claims, secret));
    add("NextAuth v4 cookie", {{"type", "nextauth_v4"}, {"secret", secret}},
        other_cookies + "next-auth.session-token=" + mint::nextauth_v4(claims, secret), {});
    add("Auth.js v5 cookie", {{"type", "authjs_v5"}, {"secret", secret}},
        other_cookies + "authjs.session-token=" + mint::authjs_v5(claims, secret, "authjs.session-token"),
        {});
    const std::string session =
        R"({"session":{"id":"s1","userId":"u1","token":"abc","expiresAt":"2026-02-09T02:40:00.000Z"},)"
        R"("user":{"id":"u1","name":"Ada","email":"ada@example.com"},"version":"1"})";
    add("Better Auth cookie, compact cache",
        {{"type", "better_auth"}, {"secret", secret}, {"strategy", "compact"}},
        other_cookies + "better-auth.session_token=" + mint::better_auth_session("abc", secret) +
            "; better-auth.session_data=" + mint::better_auth_compact(session, "1770000300000", secret),
        {});
    add_public_key("EdDSA token", "EdDSA", mint::signer::ed25519());
    add_public_key("ES256 token", "ES256", mint::signer::ec("P-256"));
    add_public_key("RS256 token", "RS256", mint::signer::rsa(2048));
    benchmark::Initialize(&count, words);
    if (benchmark::ReportUnrecognizedArguments(count, words)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
