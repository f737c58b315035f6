#include "roomcast/core/eio/request.hpp"

#include "roomcast/core/value.hpp"

namespace roomcast::core::eio {

namespace {

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

} // namespace

std::string_view message_of(refusal reason) {
    switch (reason) {
    case refusal::transport_unknown: return "Transport unknown";
    case refusal::unknown_sid: return "Session ID unknown";
    case refusal::bad_handshake_method: return "Bad handshake method";
    case refusal::bad_request: return "Bad request";
    case refusal::forbidden: return "Forbidden";
    case refusal::unsupported_version: return "Unsupported protocol version";
    }
    return "";
}

std::string body_of(refusal reason, std::string_view message) {
    std::string body = "{\"code\":";
    body += static_cast<char>('0' + static_cast<int>(reason));
    body += ",\"message\":";
    value::append_string(body, message.empty() ? message_of(reason) : message);
    body += '}';
    return body;
}

std::uint16_t status_of(refusal reason) {
    return reason == refusal::forbidden ? 403 : 400;
}

std::string percent_decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            decoded += ' ';
        } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
                   hex_value(text[i + 2]) >= 0) {
            decoded += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

request_query parse_query(std::string_view raw_query) {
    request_query query;
    while (!raw_query.empty()) {
        const std::size_t end = raw_query.find('&');
        const std::string_view pair = raw_query.substr(0, end);
        raw_query = end == std::string_view::npos ? std::string_view{} : raw_query.substr(end + 1);
        const std::size_t equals = pair.find('=');
        const std::string key = percent_decode(pair.substr(0, equals));
        const std::string_view raw_value =
            equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        if (key == "transport") {
            query.transport = percent_decode(raw_value);
        } else if (key == "EIO") {
            query.version = percent_decode(raw_value);
        } else if (key == "sid") {
            query.sid = percent_decode(raw_value);
            query.has_sid = !query.sid.empty();
        } else if (key == "j") {
            query.jsonp = percent_decode(raw_value);
        }
    }
    return query;
}

std::optional<refusal> verify(const request_facts& facts) {
    const request_query& query = *facts.query;
    const bool is_websocket = query.transport == "websocket";
    const bool is_known =
        (query.transport == "polling" && facts.allows_polling) || (is_websocket && facts.allows_websocket);
    if (!is_known) return refusal::transport_unknown;
    if (!facts.is_origin_clean) return refusal::bad_request;
    if (query.has_sid) {
        if (!facts.session) return refusal::unknown_sid;
        if (is_websocket != facts.is_upgrade) return refusal::bad_request;
        if (!facts.is_upgrade && *facts.session != transport::polling) return refusal::bad_request;
        if (query.version != protocol_version) return refusal::bad_request;
        return std::nullopt;
    }
    if (!facts.is_get) return refusal::bad_handshake_method;
    if (is_websocket != facts.is_upgrade) return refusal::bad_request;
    if (query.version != protocol_version) return refusal::unsupported_version;
    return std::nullopt;
}

bool is_clean_header_value(std::string_view value) {
    for (const char each : value) {
        const auto octet = static_cast<unsigned char>(each);
        if ((octet < 0x20 && octet != '\t') || octet == 0x7f) return false;
    }
    return true;
}

} // namespace roomcast::core::eio
