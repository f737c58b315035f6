#include "uri.hpp"

#include <algorithm>
#include <cstddef>

namespace roomcast::core::contract {

namespace {

/// Behind the colon of the scheme; 0 when there is none.
std::size_t scheme_end(std::string_view uri) {
    const std::size_t colon = uri.find(':');
    if (colon == std::string_view::npos || colon == 0 || uri.find_first_of("/?#") < colon) return 0;
    return colon + 1;
}

/// Where the path begins: behind scheme and authority.
std::size_t path_start(std::string_view uri) {
    const std::size_t start = scheme_end(uri);
    if (uri.substr(start, 2) != "//") return start;
    return std::min(uri.find_first_of("/?#", start + 2), uri.size());
}

std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(end);
        if (segment == "/." || segment == "/..") {
            if (segment == "/..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
            if (path.empty()) out.push_back('/');
        } else {
            out += segment;
        }
    }
    return out;
}

int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char small = static_cast<char>(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

} // namespace

std::string resolved(std::string_view base, std::string_view reference) {
    base = split_fragment(base).document;
    if (scheme_end(reference) != 0) return std::string{reference};
    if (reference.empty() || reference.front() == '#') return std::string{base}.append(reference);
    if (reference.substr(0, 2) == "//")
        return std::string{base.substr(0, scheme_end(base))}.append(reference);
    const std::size_t start = path_start(base);
    std::string out{base.substr(0, start)};
    const std::size_t tail = std::min(reference.find_first_of("?#"), reference.size());
    std::string_view path = base.substr(start, std::min(base.find('?', start), base.size()) - start);
    if (tail == 0) return (out += path).append(reference);
    std::string joined;
    if (reference.front() != '/') {
        const std::size_t slash = path.rfind('/');
        joined = slash == std::string_view::npos ? std::string{start > scheme_end(base) ? "/" : ""}
                                                 : std::string{path.substr(0, slash + 1)};
    }
    joined += reference.substr(0, tail);
    return (out += without_dots(joined)).append(reference.substr(tail));
}

uri_parts split_fragment(std::string_view uri) {
    const std::size_t hash = uri.find('#');
    if (hash == std::string_view::npos) return {uri, {}};
    return {uri.substr(0, hash), uri.substr(hash + 1)};
}

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && text.size() - i > 2 && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

} // namespace roomcast::core::contract
