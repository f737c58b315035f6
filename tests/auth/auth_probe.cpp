// Reads lines {"provider": {…} or "providers": […], "token"?, "cookie"?, "authorization"?, "auth"?, "query"?,
// "now"?} and answers each with a line: the verdict as `roomcast-server verify` prints it, or {"mistakes":
// [...]}.

#include "auth/verifier.hpp"
#include "outbound/client.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using nlohmann::json;
namespace server = roomcast::server;

json answer_to(const json& line, server::outbound::client& network) {
    std::vector<server::config::auth_provider> providers;
    json mistakes = json::array();
    const json all = line.contains("providers") ? line["providers"] : json::array({line.at("provider")});
    for (const auto& one : all) {
        auto read = server::config::read_auth_provider(one);
        for (const auto& each : read.mistakes) mistakes.push_back(each.path + ": " + each.expected);
        providers.push_back(std::move(read.provider));
    }
    if (!mistakes.empty()) return {{"mistakes", mistakes}};

    const auto text = [&line](const char* name) { return line.value(name, std::string{}); };
    const std::string cookie = text("cookie"), authorization = text("authorization"), token = text("token");
    const std::string query = text("query"),
                      payload = line.contains("auth") ? line["auth"].dump() : std::string{};
    server::auth::credentials what;
    what.cookie_header = cookie;
    what.authorization = authorization;
    what.token = token;
    what.query = query;
    what.auth_payload = payload;
    what.name_space = "/";

    const auto clock = std::chrono::system_clock::now().time_since_epoch();
    const auto now =
        line.value("now", std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(clock).count()});
    auto told = std::make_shared<std::promise<server::auth::verdict>>();
    auto verdict = told->get_future();
    const server::auth::verifier one{providers, &network};
    one.verify(what, roomcast::core::unix_time{now},
               [told](server::auth::verdict out) { told->set_value(std::move(out)); });
    const auto out = verdict.get();
    json described = server::auth::describe(out);
    if (!out.detail.empty()) described["detail"] = out.detail;
    return described;
}

} // namespace

int main() {
    server::outbound::client network;
    std::string line;
    while (std::getline(std::cin, line)) {
        const json read = json::parse(line, nullptr, false);
        std::cout
            << (read.is_object() ? answer_to(read, network) : json{{"mistakes", {"no JSON object"}}}).dump()
            << std::endl;
    }
    return 0;
}
