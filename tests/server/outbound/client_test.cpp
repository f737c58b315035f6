#include "outbound/client.hpp"

#include "local_server.hpp"

#include <gtest/gtest.h>

#include <future>

namespace roomcast::server::outbound {
namespace {

using namespace std::chrono_literals;
using answer = local_server::answer;

response ask(client& one, request what) {
    auto told = std::make_shared<std::promise<response>>();
    auto result = told->get_future();
    one.send(std::move(what), [told](response got) { told->set_value(std::move(got)); });
    return result.get();
}

response ask(client& one, const std::string& url) {
    request what;
    what.url = url;
    return ask(one, std::move(what));
}

std::string name_of_failure(const response& got) {
    return std::string{name_of(got.why)};
}

TEST(OutboundClient, ReadsAnAnswer) {
    local_server server{
        [](const std::string&) { return answer{local_server::ok("hello", "X-Kind: greeting\r\n")}; }};
    client one;
    const auto got = ask(one, server.url("/a?b=c"));
    EXPECT_EQ(got.why, failure::none) << name_of_failure(got);
    EXPECT_EQ(got.status, 200U);
    EXPECT_EQ(got.body, "hello");
    EXPECT_EQ(got.header("x-kind"), "greeting");
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_TRUE(server.requests()[0].starts_with("GET /a?b=c HTTP/1.1\r\n"));
}

TEST(OutboundClient, SendsABody) {
    local_server server{[](const std::string& request) {
        return answer{local_server::ok(request.substr(request.find("\r\n\r\n") + 4))};
    }};
    client one;
    request what;
    what.method = "POST";
    what.url = server.url();
    what.headers = {{"content-type", "application/json"}};
    what.body = R"({"a":1})";
    const auto got = ask(one, what);
    EXPECT_EQ(got.body, R"({"a":1})");
    EXPECT_NE(server.requests()[0].find("content-type: application/json\r\n"), std::string::npos);
}

TEST(OutboundClient, UsesAConnectionAgain) {
    local_server server{[](const std::string&) { return answer{local_server::ok("1")}; }};
    client one;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(one, server.url()).status, 200U);
    EXPECT_EQ(server.connections(), 1);
}

TEST(OutboundClient, DoesNotFollowRedirects) {
    local_server server{[](const std::string&) {
        return answer{"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"};
    }};
    client one;
    const auto got = ask(one, server.url());
    EXPECT_EQ(got.status, 302U);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST(OutboundClient, EndsWhenNoAnswerComes) {
    local_server server{[](const std::string&) { return answer{{}, false, true}; }};
    client one;
    request what;
    what.url = server.url();
    what.timeout = 20ms;
    EXPECT_EQ(ask(one, what).why, failure::timed_out);
}

TEST(OutboundClient, EndsWhenAnAnswerTrickles) {
    local_server server{
        [](const std::string&) { return answer{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}; }};
    client one;
    request what;
    what.url = server.url();
    what.timeout = 20ms;
    EXPECT_EQ(ask(one, what).why, failure::timed_out);
}

TEST(OutboundClient, RefusesALargeAnswerByItsLength) {
    local_server server{[](const std::string&) { return answer{local_server::ok(std::string(1001, 'a'))}; }};
    client one;
    request what;
    what.url = server.url();
    what.max_response_bytes = 1000;
    EXPECT_EQ(ask(one, what).why, failure::too_large);
}

TEST(OutboundClient, RefusesALargeAnswerOfUnknownLength) {
    local_server server{[](const std::string&) {
        return answer{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
                      std::string(1024, 'a') + "\r\n0\r\n\r\n"};
    }};
    client one;
    request what;
    what.url = server.url();
    what.max_response_bytes = 1000;
    EXPECT_EQ(ask(one, what).why, failure::too_large);
}

TEST(OutboundClient, RefusesEndlessHeaders) {
    local_server server{[](const std::string&) {
        return answer{"HTTP/1.1 200 OK\r\nX: " + std::string(40'000, 'a') + "\r\nContent-Length: 0\r\n\r\n"};
    }};
    client one;
    EXPECT_EQ(ask(one, server.url()).why, failure::too_large);
}

TEST(OutboundClient, RefusesEndlessHeadersAndTrailersInPieces) {
    std::string many;
    for (int i = 0; i < 50'000; ++i) many += "a:\r\n";
    for (const std::string& head :
         {std::string{"HTTP/1.1 200 OK\r\n"},
          std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"}}) {
        local_server server{[&](const std::string&) {
            return answer{head + many + "Content-Length: 0\r\n\r\n", false, false, 8'002};
        }};
        client one;
        request what;
        what.url = server.url();
        what.max_response_bytes = 1000;
        EXPECT_EQ(ask(one, what).why, failure::too_large) << head;
    }
}

TEST(OutboundClient, TakesAnAnswerInPieces) {
    const std::string body(30'000, 'b');
    local_server server{[&](const std::string&) {
        return answer{local_server::ok(body, "X-Kind: " + std::string(9'000, 'k') + "\r\n"), false, false,
                      700};
    }};
    client one;
    const auto got = ask(one, server.url());
    EXPECT_EQ(got.status, 200U);
    EXPECT_EQ(got.body, body);
    EXPECT_EQ(server.connections(), 1);
}

TEST(OutboundClient, RefusesWhatIsNotHttp) {
    local_server server{[](const std::string&) { return answer{"SSH-2.0-OpenSSH\r\n\r\n", true}; }};
    client one;
    EXPECT_EQ(ask(one, server.url()).why, failure::broken_response);
}

TEST(OutboundClient, RefusesAnAnswerThatIsCutOff) {
    local_server server{[](const std::string&) {
        return answer{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true};
    }};
    client one;
    EXPECT_EQ(ask(one, server.url()).why, failure::broken_response);
}

TEST(OutboundClient, PassesOverEarlyAnswers) {
    local_server server{[](const std::string&) {
        return answer{"HTTP/1.1 103 Early Hints\r\n\r\n" + local_server::ok("late")};
    }};
    client one;
    EXPECT_EQ(ask(one, server.url()).body, "late");
}

TEST(OutboundClient, AsksOnceMoreWhenAKeptConnectionEnds) {
    std::atomic<int> seen{0};
    local_server server{[&seen](const std::string&) {
        // The second request on a connection gets no answer at all.
        if (++seen == 2) return answer{{}, true};
        return answer{local_server::ok("1")};
    }};
    client one;
    EXPECT_EQ(ask(one, server.url()).status, 200U);
    EXPECT_EQ(ask(one, server.url()).status, 200U);
    EXPECT_EQ(seen, 3);
}

TEST(OutboundClient, DoesNotRepeatAPost) {
    std::atomic<int> seen{0};
    local_server server{[&seen](const std::string&) {
        if (++seen == 2) return answer{{}, true};
        return answer{local_server::ok("1")};
    }};
    client one;
    request what;
    what.method = "POST";
    what.url = server.url();
    EXPECT_EQ(ask(one, what).status, 200U);
    EXPECT_EQ(ask(one, what).why, failure::broken_response);
    EXPECT_EQ(seen, 2);
}

TEST(OutboundClient, RefusesMoreThanItsQueueHolds) {
    local_server server{[](const std::string&) { return answer{{}, false, true}; }};
    client_options chosen;
    chosen.max_queued = 2;
    client one{chosen};
    request what;
    what.url = server.url();
    std::vector<failure> outcomes;
    one.send(what, [](const response&) {});
    one.send(what, [](const response&) {});
    one.send(what, [&outcomes](const response& got) { outcomes.push_back(got.why); });
    EXPECT_EQ(outcomes, std::vector{failure::queue_full});
}

TEST(OutboundClient, KeepsConnectionsToAHostWithinTheirNumber) {
    local_server server{[](const std::string&) { return answer{local_server::ok("1")}; }};
    client_options chosen;
    chosen.max_per_host = 2;
    client one{chosen};
    std::vector<std::future<response>> all;
    for (int i = 0; i < 20; ++i) {
        auto told = std::make_shared<std::promise<response>>();
        all.push_back(told->get_future());
        request what;
        what.url = server.url();
        one.send(what, [told](response got) { told->set_value(std::move(got)); });
    }
    for (auto& each : all) EXPECT_EQ(each.get().status, 200U);
    EXPECT_LE(server.connections(), 2);
}

TEST(OutboundClient, TellsEverybodyWhenItEnds) {
    local_server server{[](const std::string&) { return answer{{}, false, true}; }};
    std::promise<response> told;
    {
        client one;
        request what;
        what.url = server.url();
        one.send(what, [&told](response got) { told.set_value(std::move(got)); });
    }
    EXPECT_EQ(told.get_future().get().why, failure::stopped);
}

TEST(OutboundClient, RefusesHeadersThatWouldEndEarly) {
    client one;
    request what;
    what.url = "http://127.0.0.1:1/";
    for (const auto& header : header_list{{"x", "a\r\nY: b"},
                                          {"x", "a\nb"},
                                          {"x y", "a"},
                                          {"", "a"},
                                          {"Content-Length", "9"},
                                          {"Host", "b"}}) {
        what.headers = {header};
        EXPECT_EQ(ask(one, what).why, failure::invalid_request) << header.first;
    }
}

TEST(OutboundClient, DoesNotReachThisMachineByAForeignName) {
    local_server server{[](const std::string&) { return answer{local_server::ok("1")}; }};
    client one;
    // 127.0.0.1 in notations that resolvers know
    for (const auto* host : {"2130706433", "0x7f000001", "127.1"})
        EXPECT_EQ(ask(one, server.url("/", host)).why, failure::invalid_request) << host;
    EXPECT_EQ(server.connections(), 0);
}

TEST(OutboundClient, ReachesThisMachineByLocalhost) {
    local_server server{[](const std::string&) { return answer{local_server::ok("1")}; }};
    client one;
    EXPECT_EQ(ask(one, server.url("/", "localhost")).status, 200U);
}

TEST(OutboundClient, NeverReachesMetadataServices) {
    client_options chosen;
    chosen.how_far = reach::nearby;
    client one{chosen};
    for (const auto* url : {"http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/",
                            "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/", "http://[::]/"})
        EXPECT_EQ(ask(one, url).why, failure::address_refused) << url;
}

TEST(OutboundClient, WantsATrustedCertificate) {
    // Not TLS at all: the handshake must fail before a byte of the request is sent.
    local_server server{[](const std::string&) { return answer{local_server::ok("1")}; }};
    client one;
    request what;
    what.url = "https" + server.url().substr(4);
    what.timeout = 200ms;
    const auto got = ask(one, what);
    EXPECT_TRUE(got.why == failure::tls_failed || got.why == failure::timed_out) << name_of_failure(got);
    EXPECT_TRUE(server.requests().empty());
}

TEST(OutboundClient, SaysWhichCaFileCannotBeRead) {
    client_options chosen;
    chosen.ca_file = "/nowhere/ca.pem";
    EXPECT_THROW(client{chosen}, std::runtime_error);
}

} // namespace
} // namespace roomcast::server::outbound
