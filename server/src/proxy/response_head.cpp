#include "proxy/response_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace roomcast::server::proxy {

namespace {

char lower(char each) {
    return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
}

bool is_name_character(char each) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
           marks.find(each) != std::string_view::npos;
}

bool is_value_character(char each) {
    const auto octet = static_cast<unsigned char>(each);
    return each == '\t' || (octet >= 0x20 && octet != 0x7f);
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

std::optional<std::uint64_t> number_of(std::string_view digits) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    // Others count with a sign.
    if (number > UINT64_MAX / 2) return std::nullopt;
    return number;
}

/// Calls `each` for the parts between commas until it returns false.
template <class Each>
void for_each_token(std::string_view list, Each&& each) {
    for (;;) {
        const std::size_t comma = list.find(',');
        if (const std::string_view token = trim(list.substr(0, comma)); !token.empty() && !each(token)) {
            return;
        }
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

bool read_status_line(std::string_view line, response_head& into) {
    constexpr std::string_view version = "HTTP/1.";
    if (!line.starts_with(version) || line.size() < version.size() + 5) return false;
    const char minor = line[version.size()];
    if ((minor != '0' && minor != '1') || line[version.size() + 1] != ' ') return false;
    into.is_http_11 = minor == '1';
    const auto status = number_of(line.substr(version.size() + 2, 3));
    if (!status || *status < 100 || *status > 599) return false;
    into.status = static_cast<unsigned>(*status);
    std::string_view rest = line.substr(version.size() + 5);
    if (rest.empty()) return true;
    if (rest.front() != ' ') return false;
    rest.remove_prefix(1);
    into.reason = rest;
    return std::all_of(rest.begin(), rest.end(), is_value_character);
}

/// What a field says about the message itself.
bool read_meaning(const field& one, response_head& into) {
    switch (one.name.size()) {
    case 7:
        if (is_same_name(one.name, "upgrade")) into.upgrade = one.value;
        break;
    case 10:
        if (is_same_name(one.name, "connection") && has_token(one.value, "close")) into.is_close = true;
        if (is_same_name(one.name, "keep-alive")) {
            for_each_token(one.value, [&](std::string_view token) {
                constexpr std::string_view key = "timeout=";
                if (!token.starts_with(key)) return true;
                const auto seconds = number_of(token.substr(key.size()));
                if (seconds && *seconds <= 86'400) into.keep_alive_s = static_cast<std::uint32_t>(*seconds);
                return false;
            });
        }
        break;
    case 14:
        if (is_same_name(one.name, "content-length")) {
            const auto length = number_of(one.value);
            if (!length || into.content_length) return false;
            into.content_length = length;
        }
        break;
    case 17:
        if (is_same_name(one.name, "transfer-encoding")) {
            if (into.is_chunked || !is_same_name(one.value, "chunked")) return false;
            into.is_chunked = true;
        }
        break;
    default: break;
    }
    return true;
}

} // namespace

bool is_same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool has_token(std::string_view list, std::string_view token) {
    bool has = false;
    for_each_token(list, [&](std::string_view each) {
        has = is_same_name(each, token);
        return !has;
    });
    return has;
}

bool is_hop_by_hop(std::string_view name, std::string_view named) {
    constexpr std::array<std::string_view, 11> always{
        "connection", "content-length",     "transfer-encoding",   "keep-alive", "upgrade",         "te",
        "trailer",    "proxy-authenticate", "proxy-authorization", "expect",     "proxy-connection"};
    for (const std::string_view each : always) {
        if (is_same_name(name, each)) return true;
    }
    return !named.empty() && has_token(named, name);
}

std::string_view response_head::find(std::string_view name) const {
    for (const field& each : fields) {
        if (is_same_name(each.name, name)) return each.value;
    }
    return {};
}

head_outcome read_response_head(std::string_view bytes, const head_bounds& most, response_head& into,
                                std::size_t& size) {
    const std::size_t end = bytes.substr(0, most.bytes).find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return bytes.size() >= most.bytes ? head_outcome::malformed : head_outcome::incomplete;
    }
    size = end + 4;
    std::string_view lines = bytes.substr(0, end + 2);
    for (bool is_first = true; !lines.empty(); is_first = false) {
        const std::size_t length = lines.find("\r\n");
        const std::string_view line = lines.substr(0, length);
        lines.remove_prefix(length + 2);
        if (is_first) {
            if (!read_status_line(line, into)) return head_outcome::malformed;
            continue;
        }
        const std::size_t colon = line.find(':');
        // A line that begins with a space goes on from the one before: some take it for a field of its own.
        if (colon == std::string_view::npos || colon == 0) return head_outcome::malformed;
        const field one{line.substr(0, colon), trim(line.substr(colon + 1))};
        if (!std::all_of(one.name.begin(), one.name.end(), is_name_character) ||
            !std::all_of(one.value.begin(), one.value.end(), is_value_character) ||
            into.fields.size() >= most.fields || !read_meaning(one, into)) {
            return head_outcome::malformed;
        }
        into.fields.push_back(one);
    }
    // Two ways to say how long a body is are one too many.
    if (into.is_chunked && (into.content_length || !into.is_http_11)) return head_outcome::malformed;
    return head_outcome::complete;
}

body_reader body_of(const response_head& head, bool to_head) {
    if (to_head || head.status < 200 || head.status == 204 || head.status == 304) return body_reader::none();
    if (head.is_chunked) return body_reader::chunked();
    if (head.content_length) return body_reader::of_length(*head.content_length);
    return body_reader::until_close();
}

} // namespace roomcast::server::proxy
