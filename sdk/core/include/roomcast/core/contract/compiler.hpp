#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/contract/limits.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::contract {

/// What is wrong with a schema, and where.
struct mistake {
    /// JSON Pointer (RFC 6901) into the source; of `definitions` it begins with `/schemas`.
    std::string pointer;
    std::string message;
};

/// Which JSON Schema a text without `$schema` is.
enum class draft : std::uint8_t { draft_2020_12, draft_07 };

/// `format` says something to people and tools, or is also checked (date-time, date, time, email, uuid, uri,
/// ipv4, ipv6; other formats never are). The draft's own default is the former.
enum class format_rule : std::uint8_t { annotate, check };

/// A keyword that neither draft knows is ignored, as both say, or is a mistake (unless it begins with `x-`):
/// a contract with a misspelt `required` would let everything through.
enum class unknown_keyword : std::uint8_t { ignore, refuse };

struct compile_options {
    draft fallback = draft::draft_2020_12;
    format_rule formats = format_rule::annotate;
    unknown_keyword unknown = unknown_keyword::ignore;
    limits bounds;
};

/// Compiles one schema.
///
/// Drafts 2020-12 and 07; the latter's spellings (`definitions`, `items` with an array, `additionalItems`,
/// `dependencies`) are understood in the former, too. `$ref` reaches the schema itself, what it names with
/// `$id` and
/// `$anchor`, and `#/schemas/NAME` in the definitions; nothing is ever fetched.
/// Beyond the drafts: `"x-binary": true` accepts an attachment and nothing else. An attachment has no JSON
/// type: `type` refuses it, a schema without `type` accepts it, and the keywords for objects do not look at
/// it.
/// @param source JSON, a schema
/// @param definitions JSON, an object of named schemas; or empty
/// @param mistakes gets what is wrong, as much of it as can be found at once
/// @return the compiled form; empty when there are mistakes
bytes compile_schema(std::string_view source, std::string_view definitions, const compile_options& options,
                     std::vector<mistake>& mistakes);

/// Compiles the contract of a server.
///
/// Source: `{"schemas": {NAME: schema}, "namespaces": {NAME: {"receives": {EVENT: event}, "sends": {EVENT:
/// event}, "is_closed": bool}}}` with event `{"args": [schema…], "rest": schema, "ack": [schema…],
/// "description": "…"}`, each member optional. A schema refers to a named one by `"$ref": "#/schemas/NAME"`;
/// any other `#…` stays within the schema that says it. An argument whose schema says `"x-optional": true`
/// may be left out at the end of the list; a named schema says so beside its `$ref`. More arguments than
/// listed need `rest`.
/// @param mistakes see compile_schema
/// @return the compiled form, for `contract::load` here or at a client; empty when there are mistakes
bytes compile_contract(std::string_view source, const compile_options& options,
                       std::vector<mistake>& mistakes);

} // namespace roomcast::core::contract
