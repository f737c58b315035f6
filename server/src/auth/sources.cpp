#include "auth/sources.hpp"

#include "roomcast/core/auth/cookie.hpp"

#include <algorithm>

namespace roomcast::server::auth {

namespace {

using config::credential_source;
using core::auth::reason;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// `token` of a query string.
std::string query_token(std::string_view query) {
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        constexpr std::string_view name = "token=";
        if (!pair.starts_with(name)) continue;
        const std::string_view raw = pair.substr(name.size());
        return core::auth::percent_decode_strict(raw).value_or(std::string{raw});
    }
    return {};
}

void find_cookie(const credentials& what, const source_order& where, presented& out) {
    for (const auto& name : where.cookies) {
        out.fault = core::auth::session_cookie(what.cookie_header, name, out.value);
        if (out.fault == reason::none && out.value.empty()) continue;
        out.cookie_name = name;
        return;
    }
    out.fault = reason::no_credential;
}

} // namespace

std::vector<std::string> cookie_names(const config::auth_provider& from, std::string_view usual) {
    if (!from.cookies.empty()) return from.cookies;
    const std::string secure = "__Secure-" + std::string{usual};
    if (from.is_secure_only) return {secure};
    return {secure, std::string{usual}};
}

source_order order_of(const config::auth_provider& from, std::vector<std::string> usual_cookies,
                      bool is_bearer_encoded) {
    source_order out;
    out.order = from.sources;
    if (out.order.empty() && from.kind == config::auth_kind::better_auth) {
        out.order = {credential_source::authorization, credential_source::token, credential_source::cookie};
    } else if (out.order.empty()) {
        out.order = {credential_source::cookie, credential_source::authorization, credential_source::token};
    }
    out.cookies = std::move(usual_cookies);
    if (from.is_secure_only) {
        const auto is_open = [](const std::string& name) { return !name.starts_with("__Secure-"); };
        out.cookies.erase(std::remove_if(out.cookies.begin(), out.cookies.end(), is_open), out.cookies.end());
    }
    out.is_bearer_encoded = is_bearer_encoded;
    return out;
}

std::optional<std::string_view> bearer_of(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer";
    authorization = trimmed(authorization);
    if (authorization.size() <= scheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        if ((authorization[i] | 0x20) != scheme[i]) return std::nullopt;
    }
    authorization.remove_prefix(scheme.size());
    if (authorization.front() != ' ' && authorization.front() != '\t') return std::nullopt;
    authorization = trimmed(authorization);
    if (authorization.empty()) return std::nullopt;
    return authorization;
}

presented find_credential(const credentials& what, const source_order& where) {
    presented out;
    for (const auto source : where.order) {
        out = presented{};
        out.from = source;
        switch (source) {
        case credential_source::cookie: find_cookie(what, where, out); break;
        case credential_source::authorization:
            if (const auto bearer = bearer_of(what.authorization)) {
                out.value = *bearer;
                out.fault = reason::none;
                // Larger ones are refused for their size, whatever they stand for.
                if (where.is_bearer_encoded && out.value.find('%') != std::string::npos) {
                    auto decoded = core::auth::percent_decode_strict(out.value);
                    if (!decoded) out.fault = reason::malformed;
                    out.value = std::move(decoded).value_or(std::string{});
                }
            }
            break;
        case credential_source::token:
            out.value = what.token;
            if (!out.value.empty()) out.fault = reason::none;
            break;
        case credential_source::query:
            out.value = query_token(what.query);
            if (!out.value.empty()) out.fault = reason::none;
            break;
        }
        if (out.fault == reason::none && out.value.size() > core::auth::max_token_bytes)
            out.fault = reason::token_too_large;
        if (out.fault != reason::no_credential) return out;
    }
    return {};
}

bool has_cookie(const credentials& what, const source_order& where) {
    if (std::find(where.order.begin(), where.order.end(), credential_source::cookie) == where.order.end())
        return false;
    return std::any_of(where.cookies.begin(), where.cookies.end(), [&what](const std::string& name) {
        return core::auth::has_session_cookie(what.cookie_header, name);
    });
}

std::string token_of(const credentials& what, const source_order& where) {
    source_order others = where;
    others.order.erase(std::remove(others.order.begin(), others.order.end(), credential_source::cookie),
                       others.order.end());
    return find_credential(what, others).value;
}

} // namespace roomcast::server::auth
