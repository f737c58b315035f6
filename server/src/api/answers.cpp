#include "api/answers.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace roomcast::server::api {

namespace {

struct civil_time {
    int year;
    unsigned month, day, weekday, hour, minute, second, ms;
};

civil_time civil(std::int64_t unix_ms) {
    namespace chrono = std::chrono;
    const chrono::sys_time<chrono::milliseconds> at{chrono::milliseconds{unix_ms}};
    const auto day = chrono::floor<chrono::days>(at);
    const chrono::year_month_day date{day};
    const chrono::hh_mm_ss clock{at - day};
    return {static_cast<int>(date.year()),
            static_cast<unsigned>(date.month()),
            static_cast<unsigned>(date.day()),
            chrono::weekday{day}.c_encoding(),
            static_cast<unsigned>(clock.hours().count()),
            static_cast<unsigned>(clock.minutes().count()),
            static_cast<unsigned>(clock.seconds().count()),
            static_cast<unsigned>(clock.subseconds().count())};
}

} // namespace

std::string json_string(std::string_view text) {
    std::string out;
    core::value::append_string(out, text);
    return out;
}

http_response json_answer(std::string body, unsigned status) {
    http_response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = std::move(body);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

http_response error_answer(const fault& what) {
    http_response response = json_answer("{\"error\":" + what.to_json() + '}', what.status);
    if (what.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"roomcast\"");
    return response;
}

http_response not_allowed(const std::string& methods) {
    http_response response =
        error_answer({405, "method_not_allowed", "there is " + methods + " here and nothing else", {}});
    response.headers.emplace_back("Allow", methods);
    return response;
}

std::string iso_time(std::int64_t unix_ms) {
    const civil_time at = civil(unix_ms);
    std::array<char, 64> text{};
    const int size = std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", at.year,
                                   at.month, at.day, at.hour, at.minute, at.second, at.ms);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string http_time(std::int64_t unix_ms) {
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const civil_time at = civil(unix_ms);
    std::array<char, 64> text{};
    const int size =
        std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02u:%02u:%02u GMT", days[at.weekday],
                      at.day, months[at.month - 1], at.year, at.hour, at.minute, at.second);
    return {text.data(), static_cast<std::size_t>(size)};
}

bool names_tag(std::string_view list, std::string_view tag) {
    while (!list.empty()) {
        const std::size_t first = list.find_first_not_of(" \t,");
        if (first == std::string_view::npos) return false;
        list.remove_prefix(first);
        if (list.front() == '*') return true;
        if (list.starts_with("W/")) list.remove_prefix(2);
        std::size_t end = std::min(list.find(','), list.size());
        if (list.starts_with('"')) {
            const std::size_t quote = list.find('"', 1);
            end = quote == std::string_view::npos ? list.size() : quote + 1;
        }
        if (list.substr(0, end) == tag) return true;
        list.remove_prefix(end);
    }
    return false;
}

} // namespace roomcast::server::api
