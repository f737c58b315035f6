#include "config/sense.hpp"

#include <gtest/gtest.h>

#include <map>

namespace config = roomcast::server::config;

namespace {

using texts = std::vector<std::string>;

struct outcome {
    texts mistakes;
    texts remarks;
};

outcome looked_at(std::string_view text, std::map<std::string, std::string> variables = {}) {
    const auto loaded = config::load(text,
                                     [&](const std::string& name) -> std::optional<std::string> {
                                         const auto found = variables.find(name);
                                         if (found == variables.end()) return std::nullopt;
                                         return found->second;
                                     },
                                     {});
    EXPECT_TRUE(loaded.mistakes.empty());
    std::vector<config::mistake> mistakes;
    std::vector<config::mistake> remarks;
    config::check_sense(loaded.chosen, mistakes, remarks);
    outcome out;
    for (const auto& each : mistakes) out.mistakes.push_back(config::describe(each, "f"));
    for (const auto& each : remarks) out.remarks.push_back(config::describe(each, "f"));
    return out;
}

} // namespace

TEST(Sense, OriginsThatBrowsersSendAreFine) {
    for (const char* good :
         {"*", "null", "", "https://app.example", "https://app.example/", "http://localhost:3000",
          "http://127.0.0.1:8080", "http://[::1]:3000", "capacitor://localhost",
          "chrome-extension://abcdefghijklmnop", "https://xn--bcher-kva.example", "http://a_b.example:443"}) {
        EXPECT_EQ(config::why_no_origin(good), "") << good;
    }
}

TEST(Sense, OriginsThatCanNeverMatchAreNot) {
    for (const char* bad :
         {"localhost:3000", "app.example", "true", "https://app.example/chat", "https://app.example//",
          "https://app.example?x", "https://*.app.example", "http://localhost:*", "https://App.example",
          "HTTPS://app.example", "https://app.example:443", "http://app.example:80", "https://",
          "https://a.example,https://b.example", "https://me@app.example",
          "https://app.example:", "https://app.example:99999999", " https://app.example", "://app.example"}) {
        EXPECT_NE(config::why_no_origin(bad), "") << bad;
    }
}

TEST(Sense, AnOriginThatCanNeverMatchIsAMistakeAtItsLine) {
    EXPECT_EQ(
        looked_at("port: 1\ncors:\n  origin:\n    - https://a.example\n    - localhost:3000\n").mistakes,
        (texts{"f:5: cors.origin[1]: expected an origin with its scheme, e.g. https://app.example or "
               "http://localhost:3000"}));
    EXPECT_EQ(looked_at("cors: {origin: https://a.example/x}").mistakes,
              (texts{"f:1: cors.origin: expected an origin without a path: scheme, host and port are all "
                     "that browsers send"}));
    EXPECT_EQ(looked_at("", {{"ALLOWED_ORIGINS", "https://a.example,https://*.b.example"}}).mistakes,
              (texts{"ALLOWED_ORIGINS: [1]: expected whole origins, or * alone for all: there are no "
                     "patterns"}));
}

TEST(Sense, CredentialsForEveryOriginAreRemarkedOn) {
    const auto both = looked_at("cors:\n  origin: '*'\n  credentials: true\n");
    EXPECT_EQ(both.mistakes, texts{});
    EXPECT_EQ(both.remarks, (texts{"f:3: cors.credentials: browsers refuse answers with credentials for the "
                                   "origin *: name the origins"}));
    EXPECT_EQ(looked_at("cors: {origin: '*'}").remarks, texts{});
    EXPECT_EQ(looked_at("cors: {origin: https://a.example, credentials: true}").remarks, texts{});
}

TEST(Sense, TheProxyProtocolNeedsAProxy) {
    EXPECT_EQ(looked_at("port: 1\nproxy_protocol: true\n").mistakes,
              (texts{"f:2: proxy_protocol: nobody is in `trusted_proxies`, so nobody's header of the PROXY "
                     "protocol would be read: name the proxy there"}));
    EXPECT_EQ(looked_at("proxy_protocol: true\ntrusted_proxies: [unix]\n").mistakes, texts{});
    EXPECT_EQ(looked_at("proxy_protocol: false\n").mistakes, texts{});
}
