#include "roomcast/core/auth/base64url.hpp"

namespace roomcast::core::auth {

namespace {

/// Is there a character that belongs to one alphabet only?
bool has_any(bytes_view text, char a, char b) {
    return text.find(a) != bytes_view::npos || text.find(b) != bytes_view::npos;
}

/// The value of a character that the decoder has accepted.
unsigned digit(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
    return c == '-' || c == '+' ? 62 : 63;
}

/// Decodes digits without padding; the bits of the last one that no byte takes must be zero.
bool append_digits(bytes& out, bytes_view digits) {
    const std::size_t before = out.size();
    if (!append_from_base64(out, digits)) return false;
    const unsigned unused = digits.size() % 4 == 2 ? 15U : digits.size() % 4 == 3 ? 3U : 0U;
    if (unused != 0 && (digit(digits.back()) & unused) != 0) {
        out.resize(before);
        return false;
    }
    return true;
}

} // namespace

bool append_from_base64url(bytes& out, bytes_view text) {
    if (has_any(text, '+', '/') || text.find('=') != bytes_view::npos) return false;
    return append_digits(out, text);
}

bool append_from_strict_base64(bytes& out, bytes_view text) {
    if (text.size() % 4 != 0 || has_any(text, '-', '_')) return false;
    for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
    if (text.find('=') != bytes_view::npos) return false;
    return append_digits(out, text);
}

void append_base64url(std::string& out, bytes_view data) {
    const std::size_t start = out.size();
    append_base64(out, data);
    while (out.size() > start && out.back() == '=') out.pop_back();
    for (std::size_t i = start; i < out.size(); ++i) {
        if (out[i] == '+') out[i] = '-';
        if (out[i] == '/') out[i] = '_';
    }
}

} // namespace roomcast::core::auth
