#include "transport/proxy_header.hpp"

#include "base/address_set.hpp"

#include <array>

namespace roomcast::server::transport {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view text_signature = "PROXY "sv;
constexpr std::string_view binary_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t longest_text = 107;
constexpr std::size_t fixed_bytes = 16; // of version 2: signature, command, family, length

proxy_header malformed() {
    return {proxy_header::status::malformed, 0, std::nullopt, false};
}

unsigned octet_at(std::string_view bytes, std::size_t index) {
    return static_cast<unsigned char>(bytes[index]);
}

std::size_t number_at(std::string_view bytes, std::size_t index) {
    return octet_at(bytes, index) << 8U | octet_at(bytes, index + 1);
}

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return false;
    unsigned number = 0;
    for (const char each : text) {
        if (each < '0' || each > '9') return false;
        number = number * 10 + static_cast<unsigned>(each - '0');
    }
    return number <= 65'535;
}

/// An address of the family that the line names.
std::optional<std::string> address_of(std::string_view text, bool is_v6) {
    if ((text.find(':') != std::string_view::npos) != is_v6) return std::nullopt;
    return base::canonical_address(text);
}

proxy_header read_text(std::string_view begin) {
    const std::size_t end = begin.substr(0, longest_text).find("\r\n");
    if (end == std::string_view::npos) return begin.size() >= longest_text ? malformed() : proxy_header{};
    proxy_header found{proxy_header::status::complete, end + 2, std::nullopt, false};
    std::string_view line = begin.substr(text_signature.size(), end - text_signature.size());
    if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return found;
    std::array<std::string_view, 5> words; // family, source, destination, their ports
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::size_t space = line.find(' ');
        if ((space == std::string_view::npos) != (i + 1 == words.size())) return malformed();
        words[i] = line.substr(0, space);
        line = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    }
    if (words[0] != "TCP4" && words[0] != "TCP6") return malformed();
    const bool is_v6 = words[0] == "TCP6";
    found.address = address_of(words[1], is_v6);
    if (!found.address || !address_of(words[2], is_v6) || !is_port(words[3]) || !is_port(words[4])) {
        return malformed();
    }
    return found;
}

/// Further facts behind the addresses: type, length, value. @return false: they do not fill their place
bool read_facts(std::string_view rest, proxy_header& into) {
    constexpr unsigned about_tls = 0x20;
    constexpr unsigned client_speaks_tls = 0x01;
    while (!rest.empty()) {
        if (rest.size() < 3) return false;
        const std::size_t size = number_at(rest, 1);
        if (rest.size() - 3 < size) return false;
        if (octet_at(rest, 0) == about_tls) {
            if (size < 5) return false;
            into.is_secure = (octet_at(rest, 3) & client_speaks_tls) != 0;
        }
        rest.remove_prefix(3 + size);
    }
    return true;
}

proxy_header read_binary(std::string_view begin) {
    if (begin.size() < fixed_bytes) return {};
    const unsigned version = octet_at(begin, 12) >> 4U;
    const unsigned command = octet_at(begin, 12) & 0x0fU;
    const unsigned family = octet_at(begin, 13) >> 4U;
    const unsigned protocol = octet_at(begin, 13) & 0x0fU;
    const std::size_t size = number_at(begin, 14);
    if (version != 2 || command > 1 || family > 3 || protocol > 2) return malformed();
    if (fixed_bytes + size > max_proxy_header_bytes) return malformed();
    if (begin.size() < fixed_bytes + size) return {};
    proxy_header found{proxy_header::status::complete, fixed_bytes + size, std::nullopt, false};
    if (command == 0) return found; // LOCAL: the proxy itself, whatever else it says
    const std::string_view body = begin.substr(fixed_bytes, size);
    constexpr std::array<std::size_t, 4> bytes_of_family{0, 12, 36, 216};
    if (body.size() < bytes_of_family[family]) return malformed();
    if (family == 1) {
        std::string text;
        for (std::size_t i = 0; i < 4; ++i) {
            if (i > 0) text += '.';
            text += std::to_string(octet_at(body, i));
        }
        found.address = std::move(text);
    } else if (family == 2) {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string text;
        for (std::size_t i = 0; i < 16; ++i) {
            if (i > 0 && i % 2 == 0) text += ':';
            text += digits[octet_at(body, i) >> 4U];
            text += digits[octet_at(body, i) & 0x0fU];
        }
        found.address = base::canonical_address(text);
    }
    return read_facts(body.substr(bytes_of_family[family]), found) ? found : malformed();
}

} // namespace

proxy_header read_proxy_header(std::string_view begin) {
    const auto may_be = [&](std::string_view signature) {
        const std::size_t size = begin.size() < signature.size() ? begin.size() : signature.size();
        return begin.substr(0, size) == signature.substr(0, size);
    };
    if (begin.empty()) return {};
    if (may_be(text_signature))
        return begin.size() < text_signature.size() ? proxy_header{} : read_text(begin);
    if (may_be(binary_signature)) return read_binary(begin);
    return malformed();
}

} // namespace roomcast::server::transport
