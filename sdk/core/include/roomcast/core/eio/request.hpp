#pragma once

#include "roomcast/core/eio/server_session.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::core::eio {

/// Why an Engine.IO request is refused; the numbers stand in the answer. @source npm engine.io,
/// `Server.errors`
enum class refusal : std::uint8_t {
    transport_unknown = 0,
    unknown_sid = 1,
    bad_handshake_method = 2,
    bad_request = 3,
    forbidden = 4,
    unsupported_version = 5,
};
std::string_view message_of(refusal reason);
/// The JSON body of a refused plain HTTP request. @param message overrides the standard words when not empty
std::string body_of(refusal reason, std::string_view message = {});
/// 403 for `forbidden`, else 400.
std::uint16_t status_of(refusal reason);

/// What an Engine.IO request says about itself, percent-decoded; of a repeated key the last one counts.
struct request_query {
    std::string transport;
    std::string version; ///< `EIO`
    std::string sid;
    bool has_sid = false;
    std::optional<std::string> jsonp; ///< `j`: answers are to be scripts
};
request_query parse_query(std::string_view raw_query);

/// Undoes percent-encoding and `+`; what is not a valid escape stays as it is.
std::string percent_decode(std::string_view text);

/// The facts on which a request is let in.
struct request_facts {
    const request_query* query = nullptr;
    bool is_get = false;
    bool is_upgrade = false; ///< a WebSocket upgrade, not a plain request
    bool is_origin_clean = true;
    bool allows_polling = true;
    bool allows_websocket = true;
    /// The transport of the session that `sid` names, nullopt when there is none.
    std::optional<transport> session;
};

/// Checks a request in the reference's order: transport, origin, sid, the session's transport, version,
/// method.
/// @return nothing when it may go on
std::optional<refusal> verify(const request_facts& facts);

/// May this value of an Origin header be looked at? @source npm engine.io, `checkInvalidHeaderChar`
bool is_clean_header_value(std::string_view value);

} // namespace roomcast::core::eio
