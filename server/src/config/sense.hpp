#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::config {

/// Looks for settings that are well formed and yet cannot do what they are there for, alone or together.
/// @param mistakes gets what can never work @param remarks gets what will surprise
void check_sense(const settings& chosen, std::vector<mistake>& mistakes, std::vector<mistake>& remarks);

/// What a browser's `Origin` would have to look like for this text of `cors.origin` to match.
/// @return empty: one can match
std::string why_no_origin(std::string_view text);

} // namespace roomcast::server::config
