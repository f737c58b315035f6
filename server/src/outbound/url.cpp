#include "outbound/url.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace roomcast::server::outbound {

namespace {

namespace asio = boost::asio;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Characters of path and query; everything that could end a header line is none of them.
bool is_target_character(char c) {
    return is_alphanumeric(c) || std::string_view{"-._~!$&'()*+,;=:@/?%"}.find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return out;
}

bool is_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
           std::all_of(host.begin(), host.end(),
                       [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

/// Does the name end in a number? Then resolvers read it as an IPv4 address, in notations that look like
/// names: `2130706433`, `0x7f000001`, `127.1`.
bool ends_in_number(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::string_view last = host.substr(host.rfind('.') + 1);
    const bool is_decimal = !last.empty() && last.find_first_not_of("0123456789") == std::string_view::npos;
    return is_decimal || last.starts_with("0x");
}

bool is_dotted_quad(const std::string& host) {
    boost::system::error_code error;
    asio::ip::make_address_v4(host, error);
    return !error;
}

std::optional<std::string> port_of(std::string_view text, bool is_tls) {
    if (text.empty()) return is_tls ? "443" : "80";
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number == 0 || number > 65535)
        return std::nullopt;
    return std::to_string(number);
}

bool is_usual_port(const url& one) {
    return one.port == (one.is_tls ? "443" : "80");
}

} // namespace

std::optional<url> parse_url(std::string_view text) {
    url out;
    if (text.size() > 8192) return std::nullopt;
    const std::string scheme = lower(text.substr(0, text.find("://")));
    if (scheme != "http" && scheme != "https") return std::nullopt;
    out.is_tls = scheme == "https";
    if (text.size() < scheme.size() + 3) return std::nullopt;
    text.remove_prefix(scheme.size() + 3);

    const std::size_t path = std::min(text.find_first_of("/?"), text.size());
    std::string_view authority = text.substr(0, path);
    const std::string_view target = text.substr(path);
    if (!std::all_of(target.begin(), target.end(), is_target_character)) return std::nullopt;
    out.target = target.empty() || target.front() != '/' ? '/' + std::string{target} : std::string{target};

    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return std::nullopt;
        out.host = lower(authority.substr(1, end - 1));
        boost::system::error_code error;
        asio::ip::make_address_v6(out.host, error);
        if (error || out.host.find('%') != std::string::npos) return std::nullopt;
        authority.remove_prefix(end + 1);
        if (!authority.empty() && authority.front() != ':') return std::nullopt;
    } else {
        const std::size_t colon = std::min(authority.find(':'), authority.size());
        out.host = lower(authority.substr(0, colon));
        if (!is_name(out.host) || (ends_in_number(out.host) && !is_dotted_quad(out.host)))
            return std::nullopt;
        authority.remove_prefix(colon);
    }
    if (authority == ":") return std::nullopt;
    const auto port = port_of(authority.empty() ? authority : authority.substr(1), out.is_tls);
    if (!port) return std::nullopt;
    out.port = *port;
    return out;
}

std::string url::host_header() const {
    std::string out = host.find(':') == std::string::npos ? host : '[' + host + ']';
    if (!is_usual_port(*this)) out += ':' + port;
    return out;
}

std::string url::origin() const {
    return (is_tls ? "https://" : "http://") + host_header();
}

bool url::is_loopback() const {
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host, error);
    return !error && address.is_loopback();
}

} // namespace roomcast::server::outbound
