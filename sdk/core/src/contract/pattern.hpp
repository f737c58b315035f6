#pragma once

#include "roomcast/core/contract/form.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::contract {

/// Does the pattern match somewhere in the text? Linear in the text: one step for each code point.
/// @param text UTF-8
bool has_match(const form& loaded, const word* pattern, std::string_view text);

/// A pattern as it goes into a form: see `pattern_head`.
struct automaton {
    word states = 0;
    word classes = 0;
    word start = 0;
    std::string ascii_classes;
    std::string accepts_at_end;
    std::string transitions;
    std::vector<word> ranges;
};

/// Compiles a regular expression of ECMA-262 (with `u`, without flags besides) to a deterministic automaton.
/// Look-around and back references, which no automaton knows, are refused, as are property escapes (`\p`).
/// @param error says what is wrong, when the answer is false
bool compile_pattern(std::string_view utf8, const limits& bounds, automaton& out, std::string& error);

} // namespace roomcast::core::contract
