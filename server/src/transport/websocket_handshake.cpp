#include "transport/websocket_handshake.hpp"

#include "transport/connection.hpp"

#include "roomcast/core/bytes.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace roomcast::server::transport {

namespace {

constexpr std::string_view wrong_version = "Missing or invalid Sec-WebSocket-Version header";

bool is_token_character(char each) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
           marks.find(each) != std::string_view::npos;
}

/// Names between commas, with spaces around them.
bool is_list_of_tokens(std::string_view list) {
    for (;;) {
        const std::size_t comma = list.find(',');
        std::string_view token = list.substr(0, comma);
        const std::size_t begin = token.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return false;
        token = token.substr(begin, token.find_last_not_of(" \t") + 1 - begin);
        if (!std::all_of(token.begin(), token.end(), is_token_character)) return false;
        if (comma == std::string_view::npos) return true;
        list.remove_prefix(comma + 1);
    }
}

} // namespace

std::string_view check_upgrade(const connection& from) {
    const request_head& head = from.head();
    if (head.method != "GET") return "Invalid HTTP method";
    if (!head.is_http_11) return "A WebSocket upgrade needs HTTP/1.1";
    if (head.has_body) return "A WebSocket upgrade has no body";
    std::string protocol{from.header("Upgrade")};
    std::transform(protocol.begin(), protocol.end(), protocol.begin(), [](char each) {
        return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
    });
    if (protocol != "websocket") return "Invalid Upgrade header";
    const std::string_view key = from.header("Sec-WebSocket-Key");
    std::string raw;
    if (from.count_headers("Sec-WebSocket-Key") != 1 || key.size() != 24 ||
        !core::append_from_base64(raw, key) || raw.size() != 16) {
        return "Missing or invalid Sec-WebSocket-Key header";
    }
    const std::string_view version = from.header("Sec-WebSocket-Version");
    if (from.count_headers("Sec-WebSocket-Version") != 1 || (version != "13" && version != "8")) {
        return wrong_version;
    }
    if (from.count_headers("Sec-WebSocket-Protocol") > 0 &&
        !is_list_of_tokens(from.header("Sec-WebSocket-Protocol"))) {
        return "Invalid Sec-WebSocket-Protocol header";
    }
    return {};
}

std::string_view upgrade_hint(std::string_view wrong) {
    return wrong == wrong_version ? "Sec-WebSocket-Version: 13, 8\r\n" : "";
}

std::string accept_for(std::string_view key) {
    constexpr std::string_view guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, section 1.3
    std::string text{key};
    text += guid;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::string bytes(size, '\0');
    std::transform(digest.begin(), digest.begin() + size, bytes.begin(),
                   [](unsigned char octet) { return static_cast<char>(octet); });
    std::string accept;
    core::append_base64(accept, bytes);
    return accept;
}

std::string_view first_subprotocol(std::string_view offered) {
    const std::size_t begin = offered.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    offered.remove_prefix(begin);
    const std::size_t end = offered.find_first_of(" \t,");
    const std::string_view token = offered.substr(0, end);
    constexpr std::size_t longest = 256;
    if (token.size() > longest || !std::all_of(token.begin(), token.end(), is_token_character)) return {};
    return token;
}

} // namespace roomcast::server::transport
