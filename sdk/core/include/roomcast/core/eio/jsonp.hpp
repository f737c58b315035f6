#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Polling through script elements (`j=` in the query), for pages that may not ask in another way.
/// @source npm engine.io, transport "polling-jsonp"
namespace roomcast::core::eio {

/// The digits of `j`, which are all that goes back into a script.
std::string jsonp_index(std::string_view asked);

/// A payload as a call of the page's function: `___eio[0]("…");`
std::string wrap_jsonp(std::string_view index, std::string_view payload);

/// The payload in a posted form, nothing when the form has no `d`.
std::optional<std::string> unwrap_jsonp(std::string_view form);

} // namespace roomcast::core::eio
