#pragma once

#include "roomcast/core/auth/reason.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::core::auth {

/// Nesting of arrays and objects in a token's JSON.
inline constexpr std::size_t max_json_depth = 32;

/// Checks that text is one JSON object: grammar, UTF-8, depth, and no member name twice in any object, names
/// compared after unescaping. Two readers that keep different ones of two equal names would see two tokens.
/// @return none, malformed or duplicate_member
reason check_object(std::string_view text);

/// The member of a checked object that `path` names: the member of just that name, or else the parts between
/// dots, one object deeper each. (Names of claims may be URLs, with dots.)
std::optional<std::string_view> at_path(std::string_view checked, std::string_view path);

/// The text of a member that is a string; nothing for all else.
std::optional<std::string> text_member(std::string_view checked, std::string_view name);

} // namespace roomcast::core::auth
