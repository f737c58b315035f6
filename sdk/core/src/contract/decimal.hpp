#pragma once

#include <cstdint>
#include <string_view>

namespace roomcast::core::contract {

/// A JSON number as its text says it, of any size: 0.d1d2d3… * 10^magnitude with d1 and the last digit not 0.
struct decimal {
    /// @param number checked
    explicit decimal(std::string_view number);

    /// Calls `take` with each significant digit, first to last.
    template <class Take>
    void each_digit(const Take& take) const {
        for (const char c : digits) {
            if (c != '.') take(static_cast<unsigned>(c - '0'));
        }
    }
    bool is_zero() const { return count == 0; }
    bool is_integer() const { return count <= magnitude || is_zero(); }

    /// From the first significant digit to the last one; a point may stand between them.
    std::string_view digits;
    std::int64_t count = 0;
    /// Clamped: JSON puts no bound on exponents.
    std::int64_t magnitude = 0;
    bool is_negative = false;
};

/// Less than 0, 0, or more, as `left` is below, equal to or above `right`.
int compare(std::string_view left, std::string_view right);

bool is_integer(std::string_view number);

/// Divisors that `is_multiple` can work with: above 0, at most 17 significant digits.
bool is_divisor(std::string_view number);

bool is_multiple(std::string_view number, std::string_view divisor);

} // namespace roomcast::core::contract
