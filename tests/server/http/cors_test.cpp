#include "http/cors.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roomcast::server::http {
namespace {

cors_options for_origins(std::vector<std::string> origins) {
    cors_options cors;
    cors.origins = std::move(origins);
    return cors;
}

const std::string a = "https://a.example";
const std::string b = "https://b.example";

TEST(HttpCors, IsOffWithoutOrigins) {
    EXPECT_EQ(cors_headers({}, a), "");
    EXPECT_FALSE(is_allowed_origin({}, a));
}

TEST(HttpCors, AnyOriginGetsAStar) {
    const cors_options cors = for_origins({"*"});
    EXPECT_TRUE(is_allowed_origin(cors, a));
    EXPECT_EQ(cors_headers(cors, a), "Access-Control-Allow-Origin: *\r\n");
    EXPECT_EQ(cors_headers(cors, ""), "Access-Control-Allow-Origin: *\r\n");
}

TEST(HttpCors, AllowedOriginIsToldBackAndTheAnswerVaries) {
    EXPECT_EQ(cors_headers(for_origins({a, b}), b),
              "Access-Control-Allow-Origin: https://b.example\r\nVary: Origin\r\n");
}

TEST(HttpCors, OtherOriginsAreNotToldAnything) {
    const cors_options cors = for_origins({a});
    for (const std::string& origin : {b, std::string{}, a + ".evil", std::string{"HTTPS://A.EXAMPLE"}}) {
        EXPECT_FALSE(is_allowed_origin(cors, origin)) << origin;
        EXPECT_EQ(cors_headers(cors, origin), "Vary: Origin\r\n") << origin;
    }
}

TEST(HttpCors, CredentialsAndExposedHeadersComeWithEveryAnswer) {
    cors_options cors = for_origins({a});
    cors.credentials = true;
    cors.exposed_headers = {"X-One", "X-Two"};
    EXPECT_EQ(cors_headers(cors, a), "Access-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n"
                                     "Access-Control-Allow-Credentials: true\r\n"
                                     "Access-Control-Expose-Headers: X-One,X-Two\r\n");
}

TEST(HttpCors, PreflightHasTheMethodsOfTheReferenceAndEchoesTheHeadersAskedFor) {
    EXPECT_EQ(preflight_headers(for_origins({"*"}), a, "x-one, x-two"),
              "Access-Control-Allow-Origin: *\r\n"
              "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n"
              "Vary: Access-Control-Request-Headers\r\n"
              "Access-Control-Allow-Headers: x-one, x-two\r\n");
}

TEST(HttpCors, PreflightWithoutHeadersAskedForNamesNone) {
    EXPECT_EQ(preflight_headers(for_origins({"*"}), a, ""),
              "Access-Control-Allow-Origin: *\r\n"
              "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n");
}

TEST(HttpCors, PreflightTellsWhatIsChosen) {
    cors_options cors = for_origins({a});
    cors.methods = {"GET", "POST"};
    cors.allowed_headers = {"X-One", "X-Two"};
    cors.max_age_s = 600;
    EXPECT_EQ(preflight_headers(cors, a, "x-three"),
              "Access-Control-Allow-Origin: https://a.example\r\nVary: Origin\r\n"
              "Access-Control-Allow-Methods: GET,POST\r\n"
              "Access-Control-Allow-Headers: X-One,X-Two\r\n"
              "Access-Control-Max-Age: 600\r\n");
}

TEST(HttpCors, PreflightOfAnotherOriginStillHasNoAllowOrigin) {
    EXPECT_EQ(preflight_headers(for_origins({a}), b, ""),
              "Vary: Origin\r\nAccess-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n");
}

} // namespace
} // namespace roomcast::server::http
