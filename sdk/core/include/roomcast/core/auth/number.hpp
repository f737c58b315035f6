#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::core::auth {

/// A JSON number as it is written, exact: no rounding to binary, no locale.
class decimal {
public:
    /// @param checked a number that value::check accepted
    /// @return nothing when it is no number, or one beyond the range of a double ("1e999")
    static std::optional<decimal> of(std::string_view checked);

    /// The largest whole number that is not greater; kept within int64_t.
    std::int64_t floor() const noexcept;
    /// Is it more than its floor? False for numbers outside of int64_t.
    bool has_fraction() const noexcept;
    /// Plain decimal text when the number is whole and has at most 21 digits, else scientific.
    std::string text() const;

    friend bool operator==(const decimal& a, const decimal& b) = default;

private:
    std::string digits_;        ///< without zeros at either end; empty: zero
    std::int64_t exponent_ = 0; ///< the value is 0.digits_ * 10^exponent_
    bool is_negative_ = false;
};

/// Milliseconds since 1970-01-01 UTC of an ISO 8601 date and time with seconds and a zone (`Z` or `+01:00`).
/// @return nothing for any other text
std::optional<std::int64_t> iso_milliseconds(std::string_view text);

} // namespace roomcast::core::auth
