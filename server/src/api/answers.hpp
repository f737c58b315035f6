#pragma once

#include "api/command.hpp"

#include "roomcast/server/server.hpp"

#include <string>
#include <string_view>

namespace roomcast::server::api {

http_response json_answer(std::string body, unsigned status = 200);
/// `{"error":{…}}`
http_response error_answer(const fault& what);
http_response not_allowed(const std::string& methods);

std::string json_string(std::string_view text);

/// `2026-11-21T08:00:00.000Z`, as JavaScript's toISOString.
std::string iso_time(std::int64_t unix_ms);
/// `Sat, 21 Nov 2026 08:00:00 GMT`. @source RFC 9110, section 5.6.7
std::string http_time(std::int64_t unix_ms);

/// Does an If-None-Match header name this tag? Weak and strong tags are the same here.
/// @source RFC 9110, section 13.1.2
bool names_tag(std::string_view if_none_match, std::string_view tag);

} // namespace roomcast::server::api
