#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::server::proxy {

enum class refused_because : std::uint8_t {
    unreachable,  ///< nobody listens there
    timeout,      ///< no connection, or no answer, in time
    bad_answer,   ///< what it says is no HTTP/1.1, or ends early
    busy,         ///< as many connections to it as there may be
    bad_request,  ///< the client's body
    slow_request, ///< the client's body does not come
};

struct refusal {
    unsigned status;
    std::string_view content_type;
    std::string body;
};

/// What the client gets instead of the application's answer. @param url where the application was expected
refusal describe_refusal(refused_because reason, const std::string& url, bool as_json);

/// @param accept the request's Accept
bool wants_json(std::string_view accept);

} // namespace roomcast::server::proxy
