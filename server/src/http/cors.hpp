#pragma once

#include "roomcast/server/options.hpp"

#include <string>
#include <string_view>

namespace roomcast::server::http {

/// May a page of this origin call us?
bool is_allowed_origin(const cors_options& cors, std::string_view origin);

/// The header lines that every answer carries; empty when CORS is off. As npm's `cors` writes them.
std::string cors_headers(const cors_options& cors, std::string_view origin);

/// The further lines of the answer to a preflight. @param asked `Access-Control-Request-Headers`
std::string preflight_headers(const cors_options& cors, std::string_view origin, std::string_view asked);

} // namespace roomcast::server::http
