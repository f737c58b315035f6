#pragma once

#include "roomcast/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The one door to JSON: a bounded reader and writer over text. There is no tree. `check` goes over the text
/// once; all other readers expect text that was checked and never look at a byte that `check` would refuse.
/// Grammar: RFC 8259. White space between tokens is kept as it came.
namespace roomcast::core::value {

enum class kind : std::uint8_t { null, boolean, number, string, array, object };

/// Checks the JSON value at the start of `text` (white space before it allowed): grammar, UTF-8 in strings,
/// depth. Uses no recursion.
/// @return the number of bytes up to the end of that value; what follows is not looked at.
/// @errors invalid_json, json_too_deep, invalid_utf8
result<std::size_t> check(std::string_view text, std::size_t max_depth);

/// The same for a text that must be one JSON value and nothing else but white space.
[[nodiscard]] std::error_code check_whole(std::string_view text, std::size_t max_depth);

/// What a checked value is.
kind kind_of(std::string_view checked);

/// Walks over the elements of a checked array, or the members of a checked object, as slices of its text.
class walker {
public:
    explicit walker(std::string_view checked_container);

    /// Moves to the next element. @return false when there is none (or the value is no container).
    bool next();
    /// The raw key of the member, with quotes and escapes; empty in an array.
    std::string_view raw_key() const { return key_; }
    /// The element's text without surrounding white space.
    std::string_view element() const { return element_; }

private:
    std::string_view rest_;
    std::string_view key_;
    std::string_view element_;
    bool is_object_ = false;
};

/// The element at `index` of a checked array.
std::optional<std::string_view> element_at(std::string_view checked_array, std::size_t index);

/// The member `key` of a checked object; the last one wins, as in JavaScript. nullopt also when the value is
/// not an object.
std::optional<std::string_view> member(std::string_view checked, std::string_view key);

/// The text that a checked string stands for, in UTF-8; a lone surrogate escape becomes U+FFFD. nullopt when
/// the value is not a string.
std::optional<std::string> text(std::string_view checked);

/// Does the checked string stand for exactly this text? (No allocation.)
bool is_text(std::string_view checked, std::string_view expected);

/// A checked number that is a whole number within the range of int64_t and written without fraction or
/// exponent.
std::optional<std::int64_t> integer(std::string_view checked);

/// Length of the value at the start of checked text that begins with that value's first character.
std::size_t length_of(std::string_view checked_rest);

/// Appends `utf8` as a JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_string(std::string& out, std::string_view utf8);

} // namespace roomcast::core::value
