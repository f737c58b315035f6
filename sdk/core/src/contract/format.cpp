#include "format.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace roomcast::core::contract {

namespace {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Reads from the front.
struct reader {
    std::string_view rest;

    bool is_empty() const { return rest.empty(); }
    bool take(char c) {
        if (rest.empty() || rest.front() != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    /// Either case of a letter, given as a small one.
    bool take_letter(char small) { return take(small) || take(static_cast<char>(small - 'a' + 'A')); }
    /// So many digits, as a number; -1 when they are not there.
    int number(std::size_t digits) {
        if (rest.size() < digits) return -1;
        int sum = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!is_digit(rest[i])) return -1;
            sum = sum * 10 + (rest[i] - '0');
        }
        rest.remove_prefix(digits);
        return sum;
    }
    bool between(std::size_t digits, int least, int most, int& out) {
        out = number(digits);
        return out >= least && out <= most;
    }
};

/// @source RFC 3339, section 5.6: full-date
bool take_date(reader& in) {
    constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 0;
    int month = 0;
    int day = 0;
    if (!in.between(4, 0, 9999, year) || !in.take('-') || !in.between(2, 1, 12, month) || !in.take('-'))
        return false;
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const int most = days[static_cast<std::size_t>(month - 1)] + (month == 2 && is_leap ? 1 : 0);
    return in.between(2, 1, most, day);
}

/// @source RFC 3339, section 5.6: full-time; a leap second only at the end of a day of UTC
bool take_time(reader& in) {
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!in.between(2, 0, 23, hour) || !in.take(':') || !in.between(2, 0, 59, minute) || !in.take(':'))
        return false;
    if (!in.between(2, 0, 60, second)) return false;
    if (in.take('.')) {
        if (in.number(1) < 0) return false;
        while (in.number(1) >= 0) {
        }
    }
    int offset = 0;
    if (!in.take_letter('z')) {
        const bool is_behind = in.take('-');
        int offset_hour = 0;
        int offset_minute = 0;
        if (!is_behind && !in.take('+')) return false;
        if (!in.between(2, 0, 23, offset_hour) || !in.take(':') || !in.between(2, 0, 59, offset_minute))
            return false;
        offset = (offset_hour * 60 + offset_minute) * (is_behind ? -1 : 1);
    }
    constexpr int day = 24 * 60;
    return second < 60 || (hour * 60 + minute - offset + 2 * day) % day == day - 1;
}

bool take_ipv4(reader& in) {
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && !in.take('.')) return false;
        std::size_t digits = 0;
        while (digits < in.rest.size() && digits < 4 && is_digit(in.rest[digits])) ++digits;
        // A leading zero is octal to some readers.
        if (digits == 0 || digits > 3 || (digits > 1 && in.rest.front() == '0')) return false;
        if (in.number(digits) > 255) return false;
    }
    return true;
}

/// @source RFC 4291, section 2.2
bool is_ipv6(std::string_view text) {
    reader in{text};
    int groups = 0;
    bool has_gap = false;
    if (in.rest.substr(0, 2) == "::") {
        in.rest.remove_prefix(2);
        has_gap = true;
        if (in.is_empty()) return true;
    }
    for (;;) {
        std::size_t digits = 0;
        while (digits < in.rest.size() && digits < 5 && is_hex(in.rest[digits])) ++digits;
        if (digits < in.rest.size() && in.rest[digits] == '.') {
            groups += 2;
            return take_ipv4(in) && in.is_empty() && (has_gap ? groups <= 7 : groups == 8);
        }
        if (digits == 0 || digits > 4) return false;
        in.rest.remove_prefix(digits);
        ++groups;
        if (in.is_empty()) return has_gap ? groups <= 7 : groups == 8;
        if (!in.take(':') || groups >= 8) return false;
        if (in.take(':')) {
            if (has_gap) return false;
            has_gap = true;
            if (in.is_empty()) return groups <= 7;
        }
    }
}

bool is_atom(char c) {
    constexpr std::string_view marks = "!#$%&'*+-/=?^_`{|}~";
    return is_letter(c) || is_digit(c) || marks.find(c) != std::string_view::npos;
}

/// Names of a host, or an address in brackets. @source RFC 5321, section 4.1.2
bool is_domain(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.substr(0, 5) == "IPv6:") return is_ipv6(text.substr(5));
        reader in{text};
        return take_ipv4(in) && in.is_empty();
    }
    if (text.empty() || text.size() > 253) return false;
    std::size_t label = 0;
    char last = '.';
    for (const char c : text) {
        if (c == '.') {
            if (label == 0 || last == '-') return false;
            label = 0;
        } else if (!is_letter(c) && !is_digit(c) && (c != '-' || label == 0)) {
            return false;
        } else if (++label > 63) {
            return false;
        }
        last = c;
    }
    return label > 0 && last != '-';
}

bool is_email(std::string_view text) {
    const std::size_t at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || at > 64 || !is_domain(text.substr(at + 1))) return false;
    const std::string_view local = text.substr(0, at);
    if (local.size() > 2 && local.front() == '"' && local.back() == '"') {
        for (std::size_t i = 1; i + 1 < local.size(); ++i) {
            if (local[i] == '\\') ++i;
            if (i + 1 == local.size() || local[i] < ' ' || local[i] > '~') return false;
            if (local[i] == '"' && local[i - 1] != '\\') return false;
        }
        return true;
    }
    char last = '.';
    for (const char c : local) {
        if (c == '.' ? last == '.' : !is_atom(c)) return false;
        last = c;
    }
    return last != '.';
}

/// @source RFC 9562, section 4
bool is_uuid(std::string_view text) {
    if (text.size() != 36) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !is_hex(text[i])) return false;
    }
    return true;
}

/// Unreserved, reserved where `more` has it, or a percent escape. @source RFC 3986, appendix A
bool is_uri_text(std::string_view text, std::string_view more) {
    constexpr std::string_view plain = "-._~!$&'()*+,;=:@";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
            i += 2;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && plain.find(c) == std::string_view::npos &&
            more.find(c) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

bool is_authority(std::string_view text) {
    const std::size_t at = text.rfind('@');
    if (at != std::string_view::npos) {
        const std::string_view user = text.substr(0, at);
        if (user.find('@') != std::string_view::npos || !is_uri_text(user, "")) return false;
        text.remove_prefix(at + 1);
    }
    std::size_t host_end = 0;
    if (!text.empty() && text.front() == '[') {
        host_end = text.find(']');
        if (host_end == std::string_view::npos || !is_ipv6(text.substr(1, host_end - 1))) return false;
        ++host_end;
    } else {
        host_end = text.find(':') == std::string_view::npos ? text.size() : text.find(':');
        if (!is_uri_text(text.substr(0, host_end), "")) return false;
    }
    text.remove_prefix(host_end);
    if (text.empty()) return true;
    if (text.front() != ':') return false;
    for (const char c : text.substr(1)) {
        if (!is_digit(c)) return false;
    }
    return true;
}

/// With a scheme. @source RFC 3986, section 3
bool is_uri(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return false;
    for (const char c : text.substr(0, colon)) {
        if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
    }
    text.remove_prefix(colon + 1);
    const std::size_t fragment = text.find('#');
    if (fragment != std::string_view::npos) {
        if (!is_uri_text(text.substr(fragment + 1), "/?")) return false;
        text = text.substr(0, fragment);
    }
    const std::size_t query = text.find('?');
    if (query != std::string_view::npos) {
        if (!is_uri_text(text.substr(query + 1), "/?")) return false;
        text = text.substr(0, query);
    }
    if (text.substr(0, 2) == "//") {
        text.remove_prefix(2);
        const std::size_t slash = text.find('/') == std::string_view::npos ? text.size() : text.find('/');
        if (!is_authority(text.substr(0, slash))) return false;
        text.remove_prefix(slash);
    }
    return is_uri_text(text, "/");
}

} // namespace

format format_named(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, format>, 8> names{{{"date-time", format::date_time},
                                                                        {"date", format::date},
                                                                        {"time", format::time},
                                                                        {"email", format::email},
                                                                        {"uuid", format::uuid},
                                                                        {"uri", format::uri},
                                                                        {"ipv4", format::ipv4},
                                                                        {"ipv6", format::ipv6}}};
    for (const auto& [known, code] : names) {
        if (known == name) return code;
    }
    return format::none;
}

bool has_format(format wanted, std::string_view text) {
    reader in{text};
    switch (wanted) {
    case format::none: return true;
    case format::date_time: return take_date(in) && in.take_letter('t') && take_time(in) && in.is_empty();
    case format::date: return take_date(in) && in.is_empty();
    case format::time: return take_time(in) && in.is_empty();
    case format::email: return is_email(text);
    case format::uuid: return is_uuid(text);
    case format::uri: return is_uri(text);
    case format::ipv4: return take_ipv4(in) && in.is_empty();
    case format::ipv6: return is_ipv6(text);
    }
    return false;
}

} // namespace roomcast::core::contract
