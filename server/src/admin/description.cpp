#include "admin/description.hpp"

#include "rules/visitor.hpp"

#include "roomcast/core/eio/request.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <string_view>

namespace roomcast::server::admin {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t id_shown = 12; // enough to tell connections apart, too little to speak for one
constexpr std::size_t rooms_shown = 200;
constexpr std::size_t parameters_shown = 30;
constexpr std::size_t name_spaces_shown = 500;

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](char each) {
        return each >= 'A' && each <= 'Z' ? static_cast<char>(each + ('a' - 'A')) : each;
    });
    return out;
}

bool is_secret(const std::string& lower_name) {
    constexpr std::array<std::string_view, 8> words{"cookie", "auth",   "token", "secret",
                                                    "passw",  "apikey", "-key",  "_key"};
    return lower_name == "key" || lower_name == "sid" ||
           std::any_of(words.begin(), words.end(),
                       [&](std::string_view each) { return lower_name.find(each) != std::string::npos; });
}

ordered_json headers_of(const handshake_info& info) {
    ordered_json all = ordered_json::object();
    for (std::string_view rest = info.headers; !rest.empty();) {
        const std::size_t end = rest.find("\r\n");
        const std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 2);
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        const std::string name = lower(line.substr(0, colon));
        all[name] = is_secret(name) ? std::string{"(hidden)"} : std::string{line.substr(colon + 2)};
    }
    return all;
}

ordered_json query_of(const std::string& url) {
    ordered_json all = ordered_json::object();
    const std::size_t mark = url.find('?');
    if (mark == std::string::npos) return all;
    for (std::string_view rest = std::string_view{url}.substr(mark + 1);
         !rest.empty() && all.size() < parameters_shown;) {
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::string name = core::eio::percent_decode(pair.substr(0, equals));
        const std::string value = core::eio::percent_decode(pair.substr(std::min(equals + 1, pair.size())));
        all[name] = is_secret(lower(name)) ? std::string{"(hidden)"} : value;
    }
    return all;
}

ordered_json user_of(const socket& whose) {
    ordered_json shown = ordered_json::object();
    const auto* visitor = std::any_cast<std::shared_ptr<rules::visitor>>(&whose.data());
    if (visitor != nullptr && *visitor && (*visitor)->is_user) {
        shown["user"] = ordered_json::parse((*visitor)->user_json, nullptr, false);
    }
    return shown;
}

std::string text_of(const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string{name.data()} : std::string{"?"};
}

} // namespace

std::string iso_time(std::int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> day{};
    std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::string milliseconds = std::to_string(1000 + unix_ms % 1000);
    milliseconds[0] = '.';
    return day.data() + milliseconds + 'Z';
}

std::string description_of(const socket& whose) {
    const handshake_info& info = whose.handshake();
    std::vector<std::string> rooms = whose.rooms();
    if (rooms.size() > rooms_shown) rooms.resize(rooms_shown);
    return text_of({{"id", whose.id()},
                    {"clientId", whose.connection().substr(0, id_shown)},
                    {"transport", whose.transport()},
                    {"nsp", whose.nsp()},
                    {"data", user_of(whose)},
                    {"handshake",
                     {{"address", info.address},
                      {"headers", headers_of(info)},
                      {"query", query_of(info.url)},
                      {"issued", info.issued_ms},
                      {"secure", info.is_secure},
                      {"time", iso_time(info.issued_ms)},
                      {"url", info.url.substr(0, info.url.find('?'))},
                      {"xdomain", info.is_cross_domain}}},
                    {"rooms", rooms}});
}

std::string description_of(const statistics& now, const statistics& before, std::int64_t unix_ms) {
    ordered_json counted = ordered_json::array();
    const auto count = [&](const char* type, std::uint64_t current, std::uint64_t last,
                           std::string_view sub_type = {}) {
        if (current <= last) return;
        ordered_json one{{"timestamp", unix_ms / 1000 * 1000}, {"type", type}, {"count", current - last}};
        if (!sub_type.empty()) one["subType"] = sub_type;
        counted.push_back(std::move(one));
    };
    count("rawConnection", now.connections_total, before.connections_total);
    for (std::size_t i = 0; i < disconnect_reasons.size(); ++i) {
        count("rawDisconnection", now.disconnects[i], before.disconnects[i], disconnect_reasons[i]);
    }
    count("packetsIn", now.events_received, before.events_received);
    count("packetsOut", now.messages_sent, before.messages_sent);
    count("bytesIn", now.bytes_received, before.bytes_received);
    count("bytesOut", now.bytes_sent, before.bytes_sent);

    std::vector<name_space_count> spaces = now.name_spaces;
    const bool has_main = std::any_of(spaces.begin(), spaces.end(),
                                      [](const name_space_count& each) { return each.nsp == "/"; });
    if (!has_main) spaces.push_back({"/", 0});
    // The UI merges lists by place: a place must keep its namespace.
    std::sort(spaces.begin(), spaces.end(),
              [](const name_space_count& a, const name_space_count& b) { return a.nsp < b.nsp; });
    if (spaces.size() > name_spaces_shown) spaces.resize(name_spaces_shown);
    ordered_json name_spaces = ordered_json::array();
    for (const name_space_count& each : spaces) {
        name_spaces.push_back({{"name", each.nsp}, {"socketsCount", each.sockets}});
    }
    const std::string host = host_name();
    return text_of({{"serverId", host},
                    {"hostname", host},
                    {"pid", ::getpid()},
                    {"uptime", now.uptime_s},
                    {"clientsCount", now.connections},
                    {"pollingClientsCount", now.polling},
                    {"aggregatedEvents", std::move(counted)},
                    {"namespaces", std::move(name_spaces)}});
}

} // namespace roomcast::server::admin
