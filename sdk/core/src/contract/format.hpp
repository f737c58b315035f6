#pragma once

#include "roomcast/core/contract/form.hpp"

#include <string_view>

namespace roomcast::core::contract {

/// The format of this name; `none` for those that are never checked.
format format_named(std::string_view name);

/// Is the text of this format? `none` is always right.
bool has_format(format wanted, std::string_view text);

} // namespace roomcast::core::contract
