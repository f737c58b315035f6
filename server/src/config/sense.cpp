#include "config/sense.hpp"

#include <algorithm>

namespace roomcast::server::config {

namespace {

bool is_made_of(std::string_view text, std::string_view letters) {
    return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

constexpr std::string_view digits = "0123456789";
constexpr std::string_view host_letters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
constexpr std::string_view v6_letters = "0123456789abcdef:.[]";
constexpr std::string_view scheme_letters = "abcdefghijklmnopqrstuvwxyz0123456789+-.";

void check_origins(const document& whole, const cors_options& cors, std::vector<mistake>& mistakes,
                   std::vector<mistake>& remarks) {
    const node origins = node{whole}["cors"]["origin"];
    for (const node& each : origins.items()) {
        const std::string text =
            each.value().is_string() ? each.value().get<std::string>() : each.value().dump();
        if (std::string why = why_no_origin(text); !why.empty()) {
            mistakes.push_back({each.at(), std::move(why)});
        }
    }
    const bool is_for_all = std::find(cors.origins.begin(), cors.origins.end(), "*") != cors.origins.end();
    if (is_for_all && cors.credentials) {
        remarks.push_back({whole.at("/cors/credentials"),
                           "browsers refuse answers with credentials for the origin *: name the origins"});
    }
}

} // namespace

std::string why_no_origin(std::string_view text) {
    // Nothing at all is what a variable without a value leaves.
    if (text.empty() || text == "*" || text == "null") return {};
    const std::size_t scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos) {
        return "expected an origin with its scheme, e.g. https://app.example or http://localhost:3000";
    }
    if (text.find('*') != std::string_view::npos) {
        return "expected whole origins, or * alone for all: there are no patterns";
    }
    const std::string_view scheme = text.substr(0, scheme_end);
    std::string_view place = text.substr(scheme_end + 3);
    if (place.ends_with('/')) place.remove_suffix(1); // loading takes it off
    if (place.find_first_of("/?#") != std::string_view::npos) {
        return "expected an origin without a path: scheme, host and port are all that browsers send";
    }
    const bool is_v6 = place.starts_with('[');
    const std::size_t colon = place.find(':', is_v6 ? std::min(place.find(']'), place.size()) : 0);
    const std::string_view host = place.substr(0, colon);
    const std::string_view port =
        colon == std::string_view::npos ? std::string_view{} : place.substr(colon + 1);
    const bool is_well_formed =
        is_made_of(scheme, scheme_letters) && is_made_of(host, is_v6 ? v6_letters : host_letters) &&
        (colon == std::string_view::npos || (is_made_of(port, digits) && port.size() <= 5));
    if (!is_well_formed) {
        return "expected an origin as browsers write it: scheme://host:port, in small letters, nothing else";
    }
    if ((scheme == "http" && port == "80") || (scheme == "https" && port == "443")) {
        return "expected an origin as browsers write it, without the port that its scheme has anyway";
    }
    return {};
}

void check_sense(const settings& chosen, std::vector<mistake>& mistakes, std::vector<mistake>& remarks) {
    const document& whole = *chosen.whole;
    check_origins(whole, chosen.server.cors, mistakes, remarks);
    if (chosen.server.proxy_protocol && chosen.server.trusted_proxies.empty()) {
        mistakes.push_back({whole.at("/proxy_protocol"),
                            "nobody is in `trusted_proxies`, so nobody's header of the PROXY protocol would "
                            "be read: name the proxy there"});
    }
}

} // namespace roomcast::server::config
