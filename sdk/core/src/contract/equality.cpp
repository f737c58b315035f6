#include "equality.hpp"

#include "decimal.hpp"
#include "json_text.hpp"

#include <string>

namespace roomcast::core::contract {

namespace {

constexpr std::size_t max_depth = 64;
constexpr std::size_t bytes_per_step = 32;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t more) {
    hash = (hash ^ more) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 32U;
}

bool same_string(std::string_view left, std::string_view right) {
    std::string left_room;
    std::string right_room;
    return decoded(left, left_room) == decoded(right, right_room);
}

} // namespace

bool comparison::step(std::size_t depth, std::size_t bytes) {
    const std::size_t cost = 1 + bytes / bytes_per_step;
    if (steps_left_ < cost || depth > max_depth) has_failed_ = true;
    if (has_failed_) return false;
    steps_left_ -= cost;
    return true;
}

bool comparison::equal(std::string_view left, std::string_view right, std::size_t depth) {
    const value::kind kind = value::kind_of(left);
    if (!step(depth) || value::kind_of(right) != kind) return false;
    switch (kind) {
    case value::kind::null: return true;
    case value::kind::boolean: return left.front() == right.front();
    case value::kind::number: return compare(left, right) == 0;
    case value::kind::string: return same_string(left, right);
    case value::kind::object: return equal_objects(left, right, depth);
    case value::kind::array: break;
    }
    value::walker a{left};
    value::walker b{right};
    for (;;) {
        const bool has_left = a.next();
        if (has_left != b.next()) return false;
        if (!has_left) return true;
        if (!equal(a.element(), b.element(), depth + 1)) return false;
    }
}

std::size_t comparison::count_of(std::string_view object, std::string_view key, std::string_view& found) {
    std::size_t count = 0;
    std::string room;
    value::walker each{object};
    while (each.next()) {
        // It is read for each comparison, and a key with escapes is written anew.
        if (!step(0, each.raw_key().size() + each.element().size())) return 0;
        if (decoded(each.raw_key(), room) != key) continue;
        ++count;
        found = each.element();
    }
    return count;
}

bool comparison::is_sound(std::string_view object, std::size_t& members) {
    std::string room;
    std::string_view ignored;
    members = 0;
    value::walker each{object};
    for (; each.next(); ++members) {
        if (count_of(object, decoded(each.raw_key(), room), ignored) > 1) has_failed_ = has_duplicate_ = true;
        if (has_failed_) return false;
    }
    return true;
}

bool comparison::equal_objects(std::string_view left, std::string_view right, std::size_t depth) {
    std::size_t left_count = 0;
    std::size_t right_count = 0;
    if (!is_sound(left, left_count) || !is_sound(right, right_count) || left_count != right_count)
        return false;
    std::string room;
    std::string_view other;
    value::walker each{left};
    while (each.next()) {
        if (count_of(right, decoded(each.raw_key(), room), other) == 0) return false;
        if (!equal(each.element(), other, depth + 1)) return false;
    }
    return true;
}

std::uint64_t comparison::hash(std::string_view checked, std::size_t depth) {
    if (!step(depth)) return 0;
    const value::kind kind = value::kind_of(checked);
    auto sum = static_cast<std::uint64_t>(kind) + 1;
    std::string room;
    switch (kind) {
    case value::kind::null: break;
    case value::kind::boolean: sum = mixed(sum, static_cast<unsigned char>(checked.front())); break;
    case value::kind::number: {
        const decimal number{checked};
        sum = mixed(sum, static_cast<std::uint64_t>(number.magnitude));
        if (number.is_negative && !number.is_zero()) sum = mixed(sum, 1);
        number.each_digit([&sum](unsigned digit) { sum = mixed(sum, digit + 1); });
        break;
    }
    case value::kind::string: sum = mixed(sum, hash_of(decoded(checked, room))); break;
    case value::kind::array:
    case value::kind::object:
        std::size_t ignored = 0;
        if (kind == value::kind::object && !is_sound(checked, ignored)) return 0;
        std::uint64_t members = 0;
        value::walker each{checked};
        while (each.next()) {
            const std::uint64_t inner = hash(each.element(), depth + 1);
            if (kind == value::kind::array) {
                members = mixed(members + 1, inner);
            } else {
                // a sum: in whatever order they come
                members += mixed(hash_of(decoded(each.raw_key(), room)), inner);
            }
        }
        sum = mixed(sum, members);
    }
    return sum;
}

} // namespace roomcast::core::contract
