#include "app/health_check.hpp"

#include <gtest/gtest.h>

namespace {

using namespace roomcast::server;

std::string origin_for(const std::string& host) {
    config::settings chosen;
    chosen.server.host = host;
    chosen.server.port = 4000;
    const auto place = app::health_place_of(chosen);
    return place ? place->where.origin() + place->where.target : "none";
}

TEST(AppHealthCheck, AsksAServerOnEveryAddressOverLoopback) {
    EXPECT_EQ(origin_for("0.0.0.0"), "http://127.0.0.1:4000/health");
}

TEST(AppHealthCheck, AsksAServerOnEveryAddressOfBothFamiliesOverLoopback) {
    EXPECT_EQ(origin_for("::"), "http://[::1]:4000/health");
}

TEST(AppHealthCheck, AsksAServerOnOneAddressThere) {
    EXPECT_EQ(origin_for("192.0.2.7"), "http://192.0.2.7:4000/health");
}

TEST(AppHealthCheck, AsksAServerOnANameThere) {
    EXPECT_EQ(origin_for("sockets.internal"), "http://sockets.internal:4000/health");
}

TEST(AppHealthCheck, AsksAServerOnAUnixSocketThereWhateverItsPort) {
    config::settings chosen;
    chosen.server.host = "unix:/run/roomcast/roomcast.sock";
    chosen.server.port = 0;
    const auto place = app::health_place_of(chosen);
    ASSERT_TRUE(place);
    EXPECT_EQ(place->unix_path, "/run/roomcast/roomcast.sock");
}

TEST(AppHealthCheck, DoesNotGuessAPortThatNobodyChose) {
    config::settings chosen;
    chosen.server.port = 0;
    EXPECT_FALSE(app::health_place_of(chosen));
}

TEST(AppHealthCheck, TakesTheGivenUrlAsItStands) {
    const auto place = app::health_place_at("https://app.example:8443/deep/health?full=1");
    ASSERT_TRUE(place);
    EXPECT_EQ(place->where.origin() + place->where.target, "https://app.example:8443/deep/health?full=1");
}

TEST(AppHealthCheck, RefusesWhatIsNoUrl) {
    EXPECT_FALSE(app::health_place_at("127.0.0.1:3001"));
}

TEST(AppHealthCheck, SaysWhyThereIsNoAnswer) {
    config::settings chosen;
    chosen.server.host = "unix:/nonexistent/roomcast.sock";
    const app::health_answer answer = app::ask_health(*app::health_place_of(chosen), std::chrono::seconds{1});
    EXPECT_EQ(answer.status, 0U);
    EXPECT_EQ(answer.why, "No such file or directory");
}

} // namespace
