#include "transport/forwarded.hpp"

#include <algorithm>
#include <utility>

namespace roomcast::server::transport {

namespace {

/// A name of DNS, and a port.
constexpr std::size_t longest_host = 260;

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool equals_ignoring_case(std::string_view left, std::string_view lower) {
    return left.size() == lower.size() &&
           std::equal(left.begin(), left.end(), lower.begin(), [](char a, char b) {
               return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
           });
}

/// Takes the last element off a list. Commas in quotes part nothing, but none of the headers has use for them
/// there.
std::string_view take_last(std::string_view& list) {
    const std::size_t comma = list.rfind(',');
    const std::string_view last = trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
    return last;
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
std::optional<std::string> address_in(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') return std::nullopt;
        return base::canonical_address(text.substr(1, end - 1));
    }
    const std::size_t colon = text.find(':');
    const bool has_port =
        colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    return base::canonical_address(has_port ? text.substr(0, colon) : text);
}

std::optional<bool> security_in(std::string_view scheme) {
    if (equals_ignoring_case(scheme, "https") || equals_ignoring_case(scheme, "wss")) return true;
    if (equals_ignoring_case(scheme, "http") || equals_ignoring_case(scheme, "ws")) return false;
    return std::nullopt;
}

struct element {
    std::optional<std::string> address;
    std::optional<bool> is_secure;
};

element element_of(std::string_view pairs) {
    element found;
    while (!pairs.empty()) {
        const std::size_t end = pairs.find(';');
        const std::string_view pair = trimmed(pairs.substr(0, end));
        pairs = end == std::string_view::npos ? std::string_view{} : pairs.substr(end + 1);
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = trimmed(pair.substr(0, equals));
        std::string_view value = trimmed(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        if (equals_ignoring_case(name, "for")) found.address = address_in(value);
        if (equals_ignoring_case(name, "proto")) found.is_secure = security_in(value);
    }
    return found;
}

/// Goes through the hops from the nearest on, as long as they are trusted proxies.
template <class Read>
element outermost(std::string_view list, const base::address_set& trusted, Read&& read) {
    element found;
    while (!list.empty()) {
        element next = read(take_last(list));
        // What cannot be read says nothing about who is there, nor may anything before it.
        if (!next.address) break;
        found = std::move(next);
        if (!trusted.contains(*found.address)) break;
    }
    return found;
}

} // namespace

forwarded_origin read_forwarded(const forwarded_headers& said, const base::address_set& trusted) {
    forwarded_origin origin;
    if (!said.x_forwarded_for.empty()) {
        origin.address = outermost(said.x_forwarded_for, trusted, [](std::string_view hop) {
                             return element{address_in(hop), std::nullopt};
                         }).address;
    } else if (!said.forwarded.empty()) {
        element found = outermost(said.forwarded, trusted, element_of);
        origin.address = std::move(found.address);
        origin.is_secure = found.is_secure;
    } else if (!said.x_real_ip.empty()) {
        origin.address = address_in(trimmed(said.x_real_ip));
    }
    if (!said.x_forwarded_proto.empty()) {
        // The nearest proxy's word; those before it may have come from the client.
        std::string_view list = said.x_forwarded_proto;
        if (const auto secure = security_in(take_last(list))) origin.is_secure = secure;
    }
    return origin;
}

std::optional<std::string> read_forwarded_host(std::string_view x_forwarded_host) {
    const std::string_view host = take_last(x_forwarded_host);
    const bool is_host = std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view{"-._~:[]"}.find(c) != std::string_view::npos;
    });
    if (host.empty() || host.size() > longest_host || !is_host) return std::nullopt;
    return std::string{host};
}

} // namespace roomcast::server::transport
