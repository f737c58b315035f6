#pragma once

#include <cstddef>

namespace roomcast::core::contract {

/// Every bound of the contract: what a schema may cost to compile, to hold and to run. All are inclusive
/// maxima.
struct limits {
    /// Bytes of the source (schemas and events together).
    std::size_t max_source_bytes = 1'000'000;
    /// Nesting of the source's JSON.
    std::size_t max_source_depth = 100;
    /// Schemas and subschemas, each counted once however often it is referred to.
    std::size_t max_nodes = 20'000;
    /// Names in `properties`, `required` of one schema.
    std::size_t max_properties = 512;
    /// Values of one `enum`.
    std::size_t max_enum_values = 2'000;
    /// Bytes of one regular expression.
    std::size_t max_pattern_bytes = 1'000;
    /// Steps of one regular expression with its counted repetitions written out.
    std::size_t max_pattern_steps = 10'000;
    /// States of the automaton that a regular expression becomes.
    std::size_t max_pattern_states = 2'000;
    /// Bytes of the compiled form.
    std::size_t max_compiled_bytes = 4'000'000;
    /// Schemas within schemas that apply at once while a text is checked: recursion of the schema.
    std::size_t max_depth = 128;
    /// Work for each byte of a text that is checked, in applications of a schema to a value. It keeps schemas
    /// that try many alternatives at each level from growing exponentially with the text.
    std::size_t max_steps_per_byte = 64;
};

} // namespace roomcast::core::contract
