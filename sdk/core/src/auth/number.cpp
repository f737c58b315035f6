#include "roomcast/core/auth/number.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <limits>

namespace roomcast::core::auth {

namespace {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The first digits of the largest number that does not round to infinity, about 1.797693134862315807937e308.
constexpr std::string_view largest_double = "1797693134862315807937";
constexpr std::int64_t largest_exponent = 309;
/// An exponent beyond any that matters; kept from overflowing.
constexpr std::int64_t huge_exponent = 1'000'000'000;

bool is_finite(std::string_view digits, std::int64_t exponent) {
    if (digits.empty() || exponent < largest_exponent) return true;
    return exponent == largest_exponent && digits <= largest_double;
}

} // namespace

std::optional<decimal> decimal::of(std::string_view checked) {
    if (value::kind_of(checked) != value::kind::number || checked.empty()) return std::nullopt;
    decimal out;
    std::size_t at = 0;
    while (at < checked.size() && checked[at] == ' ') ++at;
    if (at < checked.size() && checked[at] == '-') {
        out.is_negative_ = true;
        ++at;
    }
    bool is_behind_point = false;
    for (; at < checked.size(); ++at) {
        const char c = checked[at];
        if (c == '.') {
            is_behind_point = true;
        } else if (is_digit(c)) {
            const bool is_leading_zero = c == '0' && out.digits_.empty();
            if (!is_leading_zero) out.digits_.push_back(c);
            if (is_behind_point ? is_leading_zero : !is_leading_zero)
                out.exponent_ += is_behind_point ? -1 : 1;
        } else {
            break;
        }
    }
    if (at < checked.size() && (checked[at] == 'e' || checked[at] == 'E')) {
        ++at;
        const bool is_small = at < checked.size() && checked[at] == '-';
        if (at < checked.size() && !is_digit(checked[at])) ++at;
        std::int64_t written = 0;
        for (; at < checked.size() && is_digit(checked[at]); ++at) {
            if (written < huge_exponent) written = written * 10 + (checked[at] - '0');
        }
        out.exponent_ += is_small ? -written : written;
    }
    while (!out.digits_.empty() && out.digits_.back() == '0') out.digits_.pop_back();
    if (out.digits_.empty()) {
        out.exponent_ = 0;
        out.is_negative_ = false;
    }
    if (!is_finite(out.digits_, out.exponent_)) return std::nullopt;
    return out;
}

std::int64_t decimal::floor() const noexcept {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    if (exponent_ > 19) return is_negative_ ? least : most;
    std::uint64_t whole = 0;
    for (std::int64_t i = 0; i < exponent_; ++i) {
        const auto index = static_cast<std::size_t>(i);
        const auto next = index < digits_.size() ? static_cast<std::uint64_t>(digits_[index] - '0') : 0U;
        if (whole > (static_cast<std::uint64_t>(most) - next) / 10) return is_negative_ ? least : most;
        whole = whole * 10 + next;
    }
    const auto positive = static_cast<std::int64_t>(whole);
    if (!is_negative_) return positive;
    return has_fraction() ? -positive - 1 : -positive;
}

bool decimal::has_fraction() const noexcept {
    return !digits_.empty() && exponent_ < static_cast<std::int64_t>(digits_.size());
}

std::string decimal::text() const {
    if (digits_.empty()) return "0";
    std::string out;
    if (is_negative_) out.push_back('-');
    if (exponent_ >= static_cast<std::int64_t>(digits_.size()) && exponent_ <= 21) {
        out += digits_;
        out.append(static_cast<std::size_t>(exponent_) - digits_.size(), '0');
        return out;
    }
    if (exponent_ > 0 && exponent_ <= 21) {
        out.append(digits_, 0, static_cast<std::size_t>(exponent_));
        out.push_back('.');
        out.append(digits_, static_cast<std::size_t>(exponent_), std::string::npos);
        return out;
    }
    if (exponent_ <= 0 && exponent_ > -6) {
        out += "0.";
        out.append(static_cast<std::size_t>(-exponent_), '0');
        return out += digits_;
    }
    out.push_back(digits_.front());
    if (digits_.size() > 1) out.append(".").append(digits_, 1, std::string::npos);
    out += exponent_ > 0 ? "e+" : "e-";
    append_number(out, static_cast<std::uint64_t>(exponent_ > 0 ? exponent_ - 1 : 1 - exponent_));
    return out;
}

namespace {

/// Reads a fixed number of digits from the front of a text.
class digit_reader {
public:
    explicit digit_reader(std::string_view text) : rest_(text) {}

    bool number(std::size_t digits, int least, int most, int& out) {
        if (rest_.size() < digits) return false;
        out = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!is_digit(rest_[i])) return false;
            out = out * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(digits);
        return out >= least && out <= most;
    }
    bool sign(char expected) {
        if (rest_.empty() || rest_.front() != expected) return false;
        rest_.remove_prefix(1);
        return true;
    }
    /// The digits behind a point, as milliseconds; more than three are dropped.
    bool fraction(int& ms) {
        ms = 0;
        int weight = 100;
        std::size_t count = 0;
        while (!rest_.empty() && is_digit(rest_.front()) && count < 9) {
            ms += (rest_.front() - '0') * weight;
            weight /= 10;
            ++count;
            rest_.remove_prefix(1);
        }
        return count > 0;
    }
    bool is_empty() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

constexpr bool is_leap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int days_in(int year, int month) {
    if (month == 2) return is_leap(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// Days from 1970-01-01 to the first of January of a year >= 1.
constexpr std::int64_t days_before(int year) {
    const std::int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400 - 719'162;
}

} // namespace

std::optional<std::int64_t> iso_milliseconds(std::string_view text) {
    digit_reader reader{text};
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0;
    if (!reader.number(4, 1, 9999, year) || !reader.sign('-') || !reader.number(2, 1, 12, month) ||
        !reader.sign('-') || !reader.number(2, 1, days_in(year, month), day) || !reader.sign('T') ||
        !reader.number(2, 0, 23, hour) || !reader.sign(':') || !reader.number(2, 0, 59, minute) ||
        !reader.sign(':') || !reader.number(2, 0, 59, second))
        return std::nullopt;
    if (reader.sign('.') && !reader.fraction(ms)) return std::nullopt;
    std::int64_t offset_minutes = 0;
    if (!reader.sign('Z')) {
        const int direction = reader.sign('+') ? 1 : reader.sign('-') ? -1 : 0;
        int hours = 0, minutes = 0;
        if (direction == 0 || !reader.number(2, 0, 23, hours) || !reader.sign(':') ||
            !reader.number(2, 0, 59, minutes))
            return std::nullopt;
        offset_minutes = direction * (hours * 60 + minutes);
    }
    if (!reader.is_empty()) return std::nullopt;
    std::int64_t days = days_before(year) + day - 1;
    for (int i = 1; i < month; ++i) days += days_in(year, i);
    const std::int64_t minutes = (days * 24 + hour) * 60 + minute - offset_minutes;
    return (minutes * 60 + second) * 1000 + ms;
}

} // namespace roomcast::core::auth
