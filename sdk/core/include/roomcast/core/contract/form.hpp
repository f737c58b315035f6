#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/contract/limits.hpp"
#include "roomcast/core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The compiled form of schemas: what the compiler writes, the loader checks once, and the validator then
/// trusts.
///
/// Bytes: "RCC", the version, the count of words, the count of pool bytes (each 32 bits, least first), the
/// words (the same way), the pool. Words refer to schemas ("nodes") and patterns by number, and to texts by
/// offset and length in the pool. A reference that may be absent is written as number + 1, with 0 for none.
namespace roomcast::core::contract {

using word = std::uint32_t;

inline constexpr std::string_view form_magic = "RCC";
inline constexpr char form_version = 1;
inline constexpr word no_bound = 0xffffffffU;

/// The first words of a form.
enum head : word {
    head_nodes,
    head_node_table,
    head_patterns,
    head_pattern_table,
    head_root,
    head_events,
    head_dynamic,
    head_size
};

/// What a node allows, lowest byte of its first word. A placeholder of an attachment is neither object nor
/// else.
enum type_bit : word {
    type_null = 1,
    type_boolean = 2,
    type_number = 4,
    type_string = 8,
    type_array = 16,
    type_object = 32,
    type_integer = 64,
    type_binary = 128,
    type_any = type_null | type_boolean | type_number | type_string | type_array | type_object | type_binary,
};

/// Which groups of rules a node has, second byte of its first word. For each, in this order, one word follows
/// that says where its words are. The upper half of the first word numbers the schema resource ($id).
enum group_bit : word {
    /// count, then text (offset, length) of each allowed value
    group_values = 1U << 8U,
    /// count, then each (number_rule, offset, length)
    group_number = 1U << 9U,
    /// least length, greatest length, pattern + 1, format
    group_string = 1U << 10U,
    /// least, greatest, unique, contains + 1, least and greatest count of those, items + 1, count of
    /// prefix items, then each node
    group_array = 1U << 11U,
    /// least, greatest, additional + 1, names + 1, count of properties, mask of buckets, count of patterns;
    /// then
    /// properties (offset, length, node + 1, property_bit), buckets (property + 1), patterns (pattern, node)
    group_object = 1U << 12U,
    /// count, then each: place_rule, count of its words, its words
    group_place = 1U << 13U,
    /// unevaluatedProperties + 1, unevaluatedItems + 1
    group_unevaluated = 1U << 14U,
};
inline constexpr word all_groups = 0x7f00U;

enum class number_rule : word { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of };

/// Rules that apply other schemas to the same value.
enum class place_rule : word {
    reference,         ///< node
    dynamic_reference, ///< node, number of the anchor's name
    all_of,            ///< nodes
    any_of,            ///< nodes
    one_of,            ///< nodes
    none_of,           ///< node (`not`)
    condition,         ///< node, then + 1, else + 1
    dependent_schema,  ///< offset, length of the property, node
    dependent_names,   ///< offset, length of the property, then offset, length of each it needs
};

enum class format : word { none, date_time, date, time, email, uuid, uri, ipv4, ipv6 };

/// Words of `group_object` before its properties, and of each property.
enum property_bit : word {
    property_is_required = 1,
    property_is_plain = 2, ///< in JSON the name needs no escapes
};
inline constexpr word object_head = 7;
inline constexpr word property_words = 4;
inline constexpr word array_head = 8;

/// A pattern: count of states, count of classes, first state, pool offset of the classes of ASCII (128
/// bytes), of what is accepted at the end (a byte a state) and of the transitions (16 bits each, a row of
/// classes for each state), count of ranges, then each range's first code point << 8 | class, the first from
/// U+0080 on. State 0 never matches any more, state 1 has matched.
inline constexpr word pattern_head = 7;

/// Events: namespace count, then each (name, name length, is closed, receives at, sends at). A direction:
/// count, then each where its event is. An event: name, name length, least arguments, rest + 1 (0: no more
/// arguments), has ack, count of arguments, count of ack arguments, least ack arguments, nodes of both.
inline constexpr word name_space_words = 5;
inline constexpr word event_head = 8;

/// A loaded form. Its parts may be read without further checks.
class form {
public:
    /// @errors invalid_contract, unknown_contract_version, contract_too_large
    static result<form> load(bytes_view compiled, const limits& bounds);

    const word* at(word offset) const { return words_.data() + offset; }
    const word* node(word number) const { return at(words_[words_[head_node_table] + number]); }
    const word* pattern(word number) const { return at(words_[words_[head_pattern_table] + number]); }
    std::string_view text(const word* reference) const { return {pool_.data() + reference[0], reference[1]}; }
    const char* pool(word offset) const { return pool_.data() + offset; }
    word head_of(word which) const { return words_[which]; }
    const limits& bounds() const { return bounds_; }

private:
    std::vector<word> words_;
    std::string pool_;
    limits bounds_;
};

} // namespace roomcast::core::contract
