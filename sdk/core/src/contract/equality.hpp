#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace roomcast::core::contract {

/// Compares JSON values as JSON Schema does: 1 is 1.0, the order of members means nothing, escapes are what
/// they stand for.
class comparison {
public:
    /// @param max_steps comparisons of one value with another
    explicit comparison(std::size_t max_steps) : steps_left_(max_steps) {}

    /// @return false also when `failed()`
    bool equal(std::string_view left, std::string_view right) { return equal(left, right, 0); }
    /// Equal values have equal hashes.
    std::uint64_t hash(std::string_view checked) { return hash(checked, 0); }

    /// Too many steps, too deep, or an object that names a member twice, which readers understand
    /// differently.
    bool has_failed() const { return has_failed_; }
    bool has_duplicate() const { return has_duplicate_; }
    std::size_t steps_left() const { return steps_left_; }

private:
    bool equal(std::string_view left, std::string_view right, std::size_t depth);
    bool equal_objects(std::string_view left, std::string_view right, std::size_t depth);
    std::uint64_t hash(std::string_view checked, std::size_t depth);
    /// How often an object has a member, and its last value.
    std::size_t count_of(std::string_view object, std::string_view key, std::string_view& found);
    /// Does an object name each member once? Counts them.
    bool is_sound(std::string_view object, std::size_t& members);
    bool step(std::size_t depth, std::size_t bytes = 0);

    std::size_t steps_left_;
    bool has_failed_ = false;
    bool has_duplicate_ = false;
};

} // namespace roomcast::core::contract
