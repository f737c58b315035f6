#include "../outbound/local_server.hpp"
#include "auth/key_set.hpp"
#include "mint.hpp"
#include "verify.hpp"

#include <future>

namespace roomcast::server::auth {
namespace {

using nlohmann::json;
using outbound::local_server;
using answer = local_server::answer;

verdict ask(const verifier& one, const credentials& what, core::unix_time now = noon) {
    auto told = std::make_shared<std::promise<verdict>>();
    auto result = told->get_future();
    one.verify(what, now, [told](verdict out) { told->set_value(std::move(out)); });
    return result.get();
}

std::string reason_of(const verdict& out) {
    return std::string{name_of(out.reason)};
}

core::unix_time later(std::int64_t seconds) {
    return core::unix_time{noon.seconds + seconds};
}

/// A server whose answer a test can change, and a verifier that asks it.
class AuthNetwork : public testing::Test {
protected:
    verifier verifier_for(const json& settings) { return verifier{{provider_of(settings)}, &network_}; }
    void answer_with(std::string bytes) {
        const std::lock_guard lock{mutex_};
        bytes_ = std::move(bytes);
    }
    void answer_json(const json& body) { answer_with(local_server::ok(body.dump())); }
    std::size_t asked() const { return server_.requests().size(); }

    std::mutex mutex_; ///< guards the answer, which the server's threads read
    std::string bytes_ = local_server::ok("{}");
    local_server server_{[this](const std::string&) {
        const std::lock_guard lock{mutex_};
        return answer{bytes_};
    }};
    outbound::client network_;
};

class FetchedKeys : public AuthNetwork {
protected:
    json settings() const { return {{"type", "jwks"}, {"jwks_url", server_.url("/jwks")}}; }
    std::string token(const std::string& kid, const std::string& alg = "EdDSA") const {
        return key_.jws(alg, {{"kid", kid}}, R"({"sub":"ada"})");
    }
    void publish(const std::string& kid) { answer_json({{"keys", {key_.jwk(kid)}}}); }
    mint::signer key_ = mint::signer::ed25519();
};

TEST_F(FetchedKeys, AreFetchedOnceAndKept) {
    publish("a");
    const auto one = verifier_for(settings());
    EXPECT_EQ(ask(one, with_token(token("a"))).who.id, "ada");
    EXPECT_EQ(ask(one, with_token(token("a")), later(599)).who.id, "ada");
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(ask(one, with_token(token("a")), later(600)).who.id, "ada");
    EXPECT_EQ(asked(), 2U);
}

TEST_F(FetchedKeys, AreAskedForUnknownNamesEveryThirtySeconds) {
    publish("a");
    const auto one = verifier_for(settings());
    EXPECT_EQ(reason_of(ask(one, with_token(token("b0")))), "key_not_found");
    for (int i = 1; i < 20; ++i)
        EXPECT_EQ(reason_of(ask(one, with_token(token("b" + std::to_string(i))), later(i))), "key_not_found");
    EXPECT_EQ(asked(), 1U);
    publish("b");
    EXPECT_EQ(ask(one, with_token(token("b")), later(30)).who.id, "ada");
    EXPECT_EQ(asked(), 2U);
}

TEST_F(FetchedKeys, AreAskedForByManyAtOnce) {
    publish("a");
    const auto one = verifier_for(settings());
    std::vector<std::future<verdict>> all;
    for (int i = 0; i < 50; ++i) {
        auto told = std::make_shared<std::promise<verdict>>();
        all.push_back(told->get_future());
        one.verify(with_token(token("a")), noon, [told](verdict out) { told->set_value(std::move(out)); });
    }
    for (auto& each : all) EXPECT_EQ(each.get().who.id, "ada");
    EXPECT_EQ(asked(), 1U);
}

TEST_F(FetchedKeys, StayWhenNobodyAnswers) {
    publish("a");
    const auto one = verifier_for(settings());
    EXPECT_EQ(ask(one, with_token(token("a"))).who.id, "ada");
    for (const std::string& broken :
         {std::string{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"}, local_server::ok("{}"),
          local_server::ok("not json"),
          std::string{"HTTP/1.1 302 Found\r\nLocation: /jwks2\r\nContent-Length: 0\r\n\r\n"}}) {
        answer_with(broken);
        EXPECT_EQ(ask(one, with_token(token("a")), later(700)).who.id, "ada");
    }
}

TEST_F(FetchedKeys, LetNobodyInWithoutThem) {
    answer_with("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    const auto one = verifier_for(settings());
    EXPECT_EQ(reason_of(ask(one, with_token(token("a")))), "unavailable");
    publish("a");
    EXPECT_EQ(reason_of(ask(one, with_token(token("a")), later(1))), "unavailable");
    EXPECT_EQ(ask(one, with_token(token("a")), later(2)).who.id, "ada");
}

TEST_F(FetchedKeys, AreNotReadBeyondTheirBound) {
    answer_json({{"keys", {key_.jwk("a")}}, {"padding", std::string(70'000, 'p')}});
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_token(token("a")))), "unavailable");
}

TEST_F(FetchedKeys, ComeOverHttpsFromElsewhere) {
    const auto read = config::read_auth_provider({{"type", "jwks"}, {"jwks_url", "http://app.example/jwks"}});
    ASSERT_EQ(read.mistakes.size(), 1U);
    const verifier one{{read.provider}, &network_};
    EXPECT_EQ(reason_of(ask(one, with_token(token("a")))), "key_not_found") << "nothing is fetched";
}

TEST_F(FetchedKeys, AreNotPutIntoTheUrl) {
    publish("a");
    const auto one = verifier_for(settings());
    ask(one, with_token(token("../../admin?x=")));
    ASSERT_EQ(asked(), 1U);
    EXPECT_TRUE(server_.requests()[0].starts_with("GET /jwks HTTP/1.1\r\n"));
}

class BetterAuthApp : public AuthNetwork {
protected:
    static inline const std::string secret = "the secret of a better app";
    static inline const std::string session_token = "abcdefghijklmnopqrstuvwxyz012345";
    json settings() const {
        return {{"type", "better_auth"}, {"secret", secret}, {"base_url", server_.url("")}};
    }
    std::string cookie() const {
        return "better-auth.session_token=" + mint::better_auth_session(session_token, secret);
    }
    json session() const {
        return {{"session",
                 {{"id", "s1"},
                  {"userId", "u1"},
                  {"token", session_token},
                  {"expiresAt", "2026-02-09T02:40:00.000Z"}}},
                {"user", {{"id", "u1"}, {"name", "Ada"}, {"image", nullptr}}}};
    }
};

TEST_F(BetterAuthApp, SaysWhoASessionBelongsTo) {
    answer_json(session());
    const auto out = ask(verifier_for(settings()), with_cookie("other=1; " + cookie()));
    ASSERT_TRUE(out.is_accepted()) << out.detail;
    EXPECT_EQ(out.who.id, "u1");
    EXPECT_EQ(out.who.session_id, "s1");
    EXPECT_EQ(out.who.expires, core::unix_time{1'770'604'800});
    EXPECT_EQ(out.who.claims.find(session_token), std::string::npos);
    const auto request = server_.requests().at(0);
    EXPECT_TRUE(request.starts_with(
        "GET /api/auth/get-session?disableCookieCache=true&disableRefresh=true HTTP/1.1\r\n"));
    EXPECT_NE(request.find("cookie: other=1; " + cookie() + "\r\n"), std::string::npos);
    EXPECT_EQ(request.find("authorization:"), std::string::npos);
}

TEST_F(BetterAuthApp, IsNotAskedAboutForgedCookies) {
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie("better-auth.session_token=a.b"))),
              "bad_signature");
    EXPECT_EQ(asked(), 0U);
}

TEST_F(BetterAuthApp, IsAskedAboutBareBearers) {
    answer_json(session());
    EXPECT_EQ(ask(verifier_for(settings()), with_authorization("Bearer " + session_token)).who.id, "u1");
    EXPECT_NE(server_.requests().at(0).find("authorization: Bearer " + session_token + "\r\n"),
              std::string::npos);
}

TEST_F(BetterAuthApp, GetsABearerAsItsCookiesToo) {
    answer_json(session());
    const std::string is_signed = mint::better_auth_session(session_token, secret);
    ASSERT_TRUE(is_signed.ends_with('='));
    const std::string named =
        "better-auth.session_token=" + is_signed.substr(0, is_signed.size() - 1) + "%3D";
    const std::string cookies = "cookie: __Secure-" + named + "; " + named + "\r\n";
    for (const std::string& bearer : {session_token, is_signed}) {
        EXPECT_EQ(ask(verifier_for(settings()), with_token(bearer)).who.id, "u1");
        EXPECT_NE(server_.requests().back().find(cookies), std::string::npos) << server_.requests().back();
    }
}

TEST_F(BetterAuthApp, GetsABearerAsOneCookieWhateverIsInIt) {
    answer_json(session());
    EXPECT_EQ(ask(verifier_for(settings()), with_token("a%3B%20admin%3D1")).who.id, "u1");
    EXPECT_NE(server_.requests().at(0).find("session_token=a%3B%20admin%3D1."), std::string::npos);
}

TEST_F(BetterAuthApp, SaysNoInManyWays) {
    for (const auto* body : {"null", "{}", R"({"user":null})", R"({"user":"ada"})", R"({"user":[]})"}) {
        answer_with(local_server::ok(body));
        EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie(cookie()))), "refused") << body;
    }
    answer_with("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie(cookie()))), "refused");
}

TEST_F(BetterAuthApp, LetsNobodyInWhenItIsBroken) {
    for (const std::string& bytes :
         {std::string{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"},
          std::string{"HTTP/1.1 302 F\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"},
          local_server::ok("<html>"), local_server::ok(""),
          local_server::ok(R"({"user":{"id":"a"},"user":{"id":"b"}})"),
          local_server::ok(R"({"user":{"id":"a"},"expires":"soon"})"),
          local_server::ok(std::string(70'000, ' ') + "{}")}) {
        answer_with(bytes);
        EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie(cookie()))), "unavailable")
            << bytes.substr(0, 80);
    }
    answer_json({{"user", {{"name", "nobody"}}}});
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie(cookie()))), "missing_claim");
    json ended = session();
    ended["session"]["expiresAt"] = "2020-01-01T00:00:00.000Z";
    answer_json(ended);
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie(cookie()))), "expired");
}

TEST_F(BetterAuthApp, IsAskedAgainAfterSomeSeconds) {
    answer_json(session());
    const auto one = verifier_for(settings());
    EXPECT_TRUE(ask(one, with_cookie(cookie())).is_accepted());
    answer_with(local_server::ok("null"));
    EXPECT_TRUE(ask(one, with_cookie(cookie()), later(4)).is_accepted());
    EXPECT_EQ(asked(), 1U);
    EXPECT_EQ(reason_of(ask(one, with_cookie(cookie()), later(5))), "refused");
}

TEST_F(BetterAuthApp, IsAskedWhenTheCacheIsOld) {
    answer_json(session());
    json cached = settings();
    cached["strategy"] = "compact";
    json payload = session();
    payload["version"] = "1";
    const std::string cache = mint::better_auth_compact(payload.dump(), "1770000000000", secret);
    EXPECT_EQ(ask(verifier_for(cached), with_cookie(cookie() + "; better-auth.session_data=" + cache)).who.id,
              "u1");
    EXPECT_EQ(asked(), 1U);
    const std::string fresh = mint::better_auth_compact(payload.dump(), "1770000300000", secret);
    EXPECT_EQ(ask(verifier_for(cached), with_cookie(cookie() + "; better-auth.session_data=" + fresh)).who.id,
              "u1");
    EXPECT_EQ(asked(), 1U) << "a good cache asks nobody";
}

TEST_F(BetterAuthApp, PublishesTheKeysOfItsTokens) {
    const auto key = mint::signer::ed25519();
    answer_json({{"keys", {key.jwk("k")}}});
    const json claims{
        {"sub", "u1"}, {"iss", server_.url("")}, {"aud", server_.url("")}, {"exp", 1'870'000'000}};
    EXPECT_EQ(
        ask(verifier_for(settings()), with_token(key.jws("EdDSA", {{"kid", "k"}}, claims.dump()))).who.id,
        "u1");
    EXPECT_TRUE(server_.requests().at(0).starts_with("GET /api/auth/jwks HTTP/1.1\r\n"));
}

class Introspection : public AuthNetwork {
protected:
    json settings() const {
        return {{"type", "introspection"},
                {"url", server_.url("/api/auth/session")},
                {"cookie", "next-auth.session-token"}};
    }
};

TEST_F(Introspection, PutsABareTokenIntoTheCookie) {
    answer_json(
        {{"user", {{"id", 7}, {"email", "ada@example.com"}}}, {"expires", "2026-03-04T02:40:00.000Z"}});
    const auto out = ask(verifier_for(settings()), with_token("opaque"));
    EXPECT_EQ(out.who.id, "7");
    EXPECT_EQ(out.who.email, "ada@example.com");
    EXPECT_EQ(out.who.expires, core::unix_time{1'772'592'000});
    EXPECT_NE(server_.requests().at(0).find("cookie: next-auth.session-token=opaque\r\n"), std::string::npos);
}

TEST_F(Introspection, NeverLetsATokenBecomeTwoHeadersOrCookies) {
    for (const auto* token : {"a; admin=1", "a\r\nX-Admin: 1", "a,b", "a b", "a\x7f"})
        EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_token(token))), "malformed") << token;
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie("next-auth.session-token=a\r\nX: 1"))),
              "malformed");
    EXPECT_EQ(asked(), 0U);
}

TEST_F(Introspection, TakesAnotherPlaceForTheId) {
    answer_json({{"user", {{"email", "ada@example.com"}}}, {"expires", "2026-03-04T02:40:00.000Z"}});
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_token("opaque"))), "missing_claim");
    json placed = settings();
    placed["subject_claim"] = "user.email";
    EXPECT_EQ(ask(verifier_for(placed), with_token("opaque")).who.id, "ada@example.com");
    placed["subject_claim"] = json::array({"user.id", "user", "user.email"});
    EXPECT_EQ(ask(verifier_for(placed), with_token("opaque")).who.id, "ada@example.com");
}

TEST_F(Introspection, IsRefusedWithoutACredential) {
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), with_cookie("other=1"))), "no_credential");
    EXPECT_EQ(asked(), 0U);
}

class Callout : public AuthNetwork {
protected:
    json settings() const {
        return {{"type", "callout"}, {"url", server_.url("/socket-auth")}, {"secret", "between us"}};
    }
    credentials client() const {
        credentials what;
        what.cookie_header = "sid=1";
        what.authorization = "Bearer x";
        what.auth_payload = R"({"token":"t","nested":{"a":[1]}})";
        what.name_space = "/chat";
        what.address = "203.0.113.7";
        what.origin = "https://app.example";
        what.query = "EIO=4";
        return what;
    }
    json sent() const {
        const auto request = server_.requests().at(0);
        return json::parse(request.substr(request.find("\r\n\r\n") + 4));
    }
};

TEST_F(Callout, TellsAllAndDoesAsItIsTold) {
    answer_json({{"user", {{"id", 9}, {"name", "Ada"}}},
                 {"claims", {{"role", "admin"}}},
                 {"expires", 1'770'001'000},
                 {"rooms", {"a", "b"}}});
    const auto out = ask(verifier_for(settings()), client());
    EXPECT_EQ(out.who.id, "9");
    EXPECT_EQ(out.who.claims, R"({"role":"admin"})");
    EXPECT_EQ(out.who.expires, core::unix_time{1'770'001'000});
    EXPECT_EQ(out.who.rooms, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(sent(), (json{{"namespace", "/chat"},
                            {"address", "203.0.113.7"},
                            {"origin", "https://app.example"},
                            {"query", "EIO=4"},
                            {"cookie", "sid=1"},
                            {"authorization", "Bearer x"},
                            {"auth", {{"token", "t"}, {"nested", {{"a", {1}}}}}}}));
}

TEST_F(Callout, LetsNothingOfAClientBecomeAHeader) {
    credentials what = client();
    what.auth_payload = R"({"headers":{"x-user":"admin"},"authorization":"Bearer forged"})";
    what.origin = "https://app.example\r\nX-User: admin";
    what.query = "a=b\r\n\r\nGET /admin";
    ask(verifier_for(settings()), what);
    const auto request = server_.requests().at(0);
    const auto head = request.substr(0, request.find("\r\n\r\n"));
    EXPECT_EQ(head.find("admin"), std::string::npos) << head;
    EXPECT_EQ(head.find("sid=1"), std::string::npos) << head;
    EXPECT_NE(head.find("authorization: Bearer between us"), std::string::npos) << head;
    EXPECT_EQ(asked(), 1U);
}

TEST_F(Callout, ForwardsWhatIsListedAlone) {
    json silent = settings();
    silent["forward_headers"] = json::array();
    ask(verifier_for(silent), client());
    EXPECT_FALSE(sent().contains("cookie"));
    EXPECT_FALSE(sent().contains("authorization"));
}

TEST_F(Callout, SaysNo) {
    answer_json({{"error", "banned"}, {"user", {{"id", 1}}}});
    const auto out = ask(verifier_for(settings()), client());
    EXPECT_EQ(reason_of(out), "refused");
    EXPECT_EQ(out.detail, "banned");
    EXPECT_EQ(out.who.id, "");
}

TEST_F(Callout, LetsNobodyInWithoutAGoodAnswer) {
    for (const auto* body : {"", "null", "[]", "{}", R"({"user":null})", R"({"user":{}})",
                             R"({"user":{"id":""}})", R"({"user":{"id":{}}})",
                             R"({"user":{"id":1},"expires":"soon"})", R"({"user":{"id":1},"expires":1e999})",
                             R"({"user":{"id":1},"rooms":"a"})", R"({"user":{"id":1},"rooms":[1]})",
                             R"({"user":{"id":1},"claims":[]})", R"({"user":{"id":1},"user":{"id":2}})"}) {
        answer_with(local_server::ok(body));
        EXPECT_EQ(reason_of(ask(verifier_for(settings()), client())), "unavailable") << body;
    }
    answer_json({{"user", {{"id", 1}}}, {"expires", noon.seconds}});
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), client())), "expired");
    answer_with("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), client())), "refused");
    answer_with("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), client())), "unavailable");
}

TEST_F(Callout, IsNotToldBrokenPayloads) {
    credentials what = client();
    for (const auto* payload : {"[1]", "{", R"({"a":1,"a":2})", "\"x\""}) {
        what.auth_payload = payload;
        EXPECT_EQ(reason_of(ask(verifier_for(settings()), what)), "malformed") << payload;
    }
    const std::string large = R"({"a":")" + std::string(20'000, 'a') + "\"}";
    what.auth_payload = large;
    EXPECT_EQ(reason_of(ask(verifier_for(settings()), what)), "token_too_large");
    EXPECT_EQ(asked(), 0U);
}

TEST(AuthWithoutANetwork, LetsNobodyIn) {
    const json callout{{"type", "callout"}, {"url", "http://127.0.0.1:1/"}};
    EXPECT_EQ(reason_of(verify(callout, {})), "unavailable");
    const json asking{{"type", "introspection"}, {"url", "http://127.0.0.1:1/"}};
    EXPECT_EQ(reason_of(verify(asking, with_cookie("a=b"))), "unavailable");
    const json keys{{"type", "jwks"}, {"jwks_url", "http://127.0.0.1:1/"}};
    EXPECT_EQ(reason_for(keys, mint::signer::ed25519().jws("EdDSA", json::object(), "{}")), "unavailable");
}

} // namespace
} // namespace roomcast::server::auth
