#include "http/cors.hpp"

#include <algorithm>

namespace roomcast::server::http {

namespace {

std::string join(const std::vector<std::string>& items) {
    std::string joined;
    for (const std::string& item : items) {
        if (!joined.empty()) joined += ',';
        joined += item;
    }
    return joined;
}

bool allows_all(const cors_options& cors) {
    return std::find(cors.origins.begin(), cors.origins.end(), "*") != cors.origins.end();
}

} // namespace

bool is_allowed_origin(const cors_options& cors, std::string_view origin) {
    return allows_all(cors) ||
           std::find(cors.origins.begin(), cors.origins.end(), origin) != cors.origins.end();
}

std::string cors_headers(const cors_options& cors, std::string_view origin) {
    if (cors.origins.empty()) return {};
    std::string lines;
    if (allows_all(cors)) {
        lines += "Access-Control-Allow-Origin: *\r\n";
    } else {
        if (is_allowed_origin(cors, origin)) {
            lines += "Access-Control-Allow-Origin: ";
            lines += origin;
            lines += "\r\n";
        }
        lines += "Vary: Origin\r\n";
    }
    if (cors.credentials) lines += "Access-Control-Allow-Credentials: true\r\n";
    if (!cors.exposed_headers.empty()) {
        lines += "Access-Control-Expose-Headers: " + join(cors.exposed_headers) + "\r\n";
    }
    return lines;
}

std::string preflight_headers(const cors_options& cors, std::string_view origin, std::string_view asked) {
    std::string lines;
    const bool echoes_asked = cors.allowed_headers.empty() && !asked.empty();
    lines = cors_headers(cors, origin);
    lines += "Access-Control-Allow-Methods: ";
    lines += cors.methods.empty() ? "GET,HEAD,PUT,PATCH,POST,DELETE" : join(cors.methods);
    lines += "\r\n";
    if (echoes_asked) {
        lines += "Vary: Access-Control-Request-Headers\r\nAccess-Control-Allow-Headers: ";
        lines += asked;
        lines += "\r\n";
    } else if (!cors.allowed_headers.empty()) {
        lines += "Access-Control-Allow-Headers: " + join(cors.allowed_headers) + "\r\n";
    }
    if (cors.max_age_s > 0) lines += "Access-Control-Max-Age: " + std::to_string(cors.max_age_s) + "\r\n";
    return lines;
}

} // namespace roomcast::server::http
