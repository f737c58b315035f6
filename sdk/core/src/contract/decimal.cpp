#include "decimal.hpp"

#include <algorithm>
#include <cstddef>

namespace roomcast::core::contract {

namespace {

constexpr std::int64_t greatest_exponent = 1'000'000'000'000'000;
constexpr std::int64_t greatest_divisor_digits = 17;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// A whole number of at most 18 digits that is written as such: most numbers are.
bool small(std::string_view number, std::int64_t& out) {
    const bool is_negative = !number.empty() && number.front() == '-';
    if (is_negative) number.remove_prefix(1);
    if (number.empty() || number.size() > 18) return false;
    std::int64_t sum = 0;
    for (const char c : number) {
        if (!is_digit(c)) return false;
        sum = sum * 10 + (c - '0');
    }
    out = is_negative ? -sum : sum;
    return true;
}

std::int64_t exponent_of(std::string_view digits) {
    const bool is_negative = !digits.empty() && digits.front() == '-';
    std::int64_t sum = 0;
    for (const char c : digits) {
        if (is_digit(c)) sum = std::min(sum * 10 + (c - '0'), greatest_exponent);
    }
    return is_negative ? -sum : sum;
}

} // namespace

decimal::decimal(std::string_view number) {
    is_negative = !number.empty() && number.front() == '-';
    if (is_negative) number.remove_prefix(1);
    const std::size_t mark = std::min(number.find_first_of("eE"), number.size());
    if (mark < number.size()) magnitude = exponent_of(number.substr(mark + 1));
    number = number.substr(0, mark);

    const std::size_t first = number.find_first_not_of("0.");
    if (first == std::string_view::npos) {
        magnitude = 0;
        return;
    }
    const std::size_t point = std::min(number.find('.'), number.size());
    const std::size_t last = number.find_last_not_of("0.");
    digits = number.substr(first, last - first + 1);
    count = static_cast<std::int64_t>(digits.size()) - (first < point && point < last ? 1 : 0);
    // Digits before the point, or as a negative number the zeros between it and the first digit.
    magnitude +=
        static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + (first < point ? 0 : 1);
}

int compare(std::string_view left, std::string_view right) {
    std::int64_t small_left = 0;
    std::int64_t small_right = 0;
    if (small(left, small_left) && small(right, small_right)) {
        return small_left < small_right ? -1 : small_left > small_right ? 1 : 0;
    }
    const decimal a{left};
    const decimal b{right};
    const auto sign = [](const decimal& n) { return n.is_zero() ? 0 : n.is_negative ? -1 : 1; };
    if (sign(a) != sign(b) || a.is_zero()) return sign(a) - sign(b);
    if (a.magnitude != b.magnitude) return a.magnitude < b.magnitude ? -sign(a) : sign(a);
    const char* p = a.digits.data();
    const char* q = b.digits.data();
    const char* const p_end = p + a.digits.size();
    const char* const q_end = q + b.digits.size();
    for (;;) {
        if (p != p_end && *p == '.') ++p;
        if (q != q_end && *q == '.') ++q;
        if (p == p_end || q == q_end) return p != p_end ? sign(a) : q != q_end ? -sign(a) : 0;
        if (*p != *q) return *p < *q ? -sign(a) : sign(a);
        ++p;
        ++q;
    }
}

bool is_integer(std::string_view number) {
    std::int64_t ignored = 0;
    return small(number, ignored) || decimal{number}.is_integer();
}

bool is_divisor(std::string_view number) {
    const decimal parts{number};
    return !parts.is_zero() && !parts.is_negative && parts.count <= greatest_divisor_digits;
}

bool is_multiple(std::string_view number, std::string_view divisor) {
    std::int64_t small_number = 0;
    std::int64_t small_divisor = 0;
    if (small(number, small_number) && small(divisor, small_divisor))
        return small_number % small_divisor == 0;

    // number = a * 10^x, divisor = b * 10^y with neither a nor b divisible by ten
    const decimal n{number};
    const decimal d{divisor};
    if (n.is_zero()) return true;
    std::uint64_t b = 0;
    d.each_digit([&b](unsigned digit) { b = b * 10 + digit; });
    std::int64_t shift = (n.magnitude - n.count) - (d.magnitude - d.count);
    // b * 10^k with k > 0 would make a divisible by ten
    if (shift < 0) return false;
    std::uint64_t rest = 0;
    n.each_digit([&rest, b](unsigned digit) { rest = (rest * 10 + digit) % b; });
    // Beyond 2^60 > b more tens add no factor that b could still want.
    for (shift = std::min<std::int64_t>(shift, 60); shift > 0 && rest != 0; --shift) rest = rest * 10 % b;
    return rest == 0;
}

} // namespace roomcast::core::contract
