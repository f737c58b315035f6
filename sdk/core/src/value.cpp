#include "roomcast/core/value.hpp"

#include "roomcast/core/bytes.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace roomcast::core::value {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD
constexpr const char* hex_digits = "0123456789abcdef";

constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

const char* skip_space(const char* at, const char* end) {
    while (at != end && is_space(*at)) ++at;
    return at;
}

const char* skip_digits(const char* at, const char* end) {
    while (at != end && is_digit(*at)) ++at;
    return at;
}

const char* end_of(std::string_view text) {
    return text.data() + text.size();
}

std::string_view trim_front(std::string_view text) {
    const char* const at = skip_space(text.data(), end_of(text));
    return {at, static_cast<std::size_t>(end_of(text) - at)};
}

std::string_view between(const char* from, const char* to) {
    return {from, static_cast<std::size_t>(to - from)};
}

/// Characters of a string that stand for themselves and take one byte.
constexpr auto is_plain = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
    return table;
}();

/// Eight copies of one byte.
constexpr std::uint64_t eight(unsigned char c) {
    return 0x0101010101010101U * c;
}

/// Marks the bytes that are not plain with their top bit. Only the lowest mark is exact: above it a borrow
/// may have made more.
constexpr std::uint64_t not_plain(std::uint64_t word) {
    return ((word - eight(0x20)) | ((word ^ eight('"')) - eight(1)) | ((word ^ eight('\\')) - eight(1)) |
            word) &
           eight(0x80);
}

/// The first byte that is not plain.
const char* skip_plain(const char* at, const char* end) {
    if constexpr (std::endian::native == std::endian::little) {
        while (end - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            const std::uint64_t marks = not_plain(word);
            if (marks != 0) return at + std::countr_zero(marks) / 8;
            at += 8;
        }
    }
    while (at != end && is_plain[static_cast<unsigned char>(*at)]) ++at;
    return at;
}

/// Behind the closing quote of a checked string that begins at `at` (its opening quote).
const char* skip_string(const char* at, const char* end) {
    ++at;
    for (;;) {
        at = skip_plain(at, end);
        if (at == end) return end;
        if (*at == '"') return at + 1;
        at += *at == '\\' && end - at >= 2 ? 2 : 1;
    }
}

/// Four hexadecimal digits, or -1.
int hex4(const char* at, const char* end) {
    if (end - at < 4) return -1;
    int number = 0;
    for (int i = 0; i < 4; ++i) {
        const char c = at[i];
        const char lower = static_cast<char>(c | 0x20);
        if (is_digit(c)) {
            number = number * 16 + (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            number = number * 16 + (lower - 'a' + 10);
        } else {
            return -1;
        }
    }
    return number;
}

/// Which of the containers around the current value are objects. 64 levels are in the word, deeper ones below
/// it.
class nesting {
public:
    explicit nesting(std::size_t max_depth) : max_depth_(max_depth) {}

    bool is_empty() const { return depth_ == 0; }
    bool in_object() const { return (levels_ & 1U) != 0; }

    /// @return false: too deep
    bool push(bool is_object) {
        if (depth_ == max_depth_) return false;
        if (depth_ != 0 && depth_ % 64 == 0) spill();
        levels_ = levels_ << 1U | (is_object ? 1U : 0U);
        ++depth_;
        return true;
    }

    void pop() {
        --depth_;
        levels_ >>= 1U;
        if (depth_ != 0 && depth_ % 64 == 0) levels_ = *below(depth_ / 64 - 1);
    }

private:
    void spill() {
        const std::size_t index = depth_ / 64 - 1;
        if (index >= near_.size() && index - near_.size() == far_.size()) far_.push_back(0);
        *below(index) = levels_;
    }

    std::uint64_t* below(std::size_t index) {
        return index < near_.size() ? &near_[index] : &far_[index - near_.size()];
    }

    std::uint64_t levels_ = 0;
    std::size_t depth_ = 0;
    std::size_t max_depth_;
    std::array<std::uint64_t, 4> near_{};
    std::vector<std::uint64_t> far_;
};

/// One pass over text that nobody has looked at yet.
class checker {
public:
    checker(std::string_view text, std::size_t max_depth)
        : at_(text.data()), end_(end_of(text)), nesting_(max_depth) {}

    /// Goes to the end of the value. @return false: `error()` says why
    bool run() {
        for (;;) {
            if (!begin_value()) return false;
            if (is_open_) continue;
            if (!end_value()) return false;
            if (nesting_.is_empty()) return true;
        }
    }

    const char* at() const { return at_; }
    errc error() const { return error_; }

private:
    /// A scalar, an empty container, or the start of a container up to its first element (`is_open_`).
    bool begin_value() {
        at_ = skip_space(at_, end_);
        if (at_ == end_) return false;
        is_open_ = false;
        switch (*at_) {
        case '"': return string();
        case '{':
            if (!open(true)) return false;
            if (close_if('}')) return true;
            is_open_ = true;
            return key();
        case '[':
            if (!open(false)) return false;
            if (close_if(']')) return true;
            is_open_ = true;
            return true;
        case 't': return literal("true");
        case 'f': return literal("false");
        case 'n': return literal("null");
        default: return number();
        }
    }

    /// Behind a value: closes what ends here, and goes to the next element if there is one.
    bool end_value() {
        while (!nesting_.is_empty()) {
            at_ = skip_space(at_, end_);
            if (at_ == end_) return false;
            const char c = *at_++;
            if (c == ',') return !nesting_.in_object() || key();
            if (c != (nesting_.in_object() ? '}' : ']')) return false;
            nesting_.pop();
        }
        return true;
    }

    bool open(bool is_object) {
        ++at_;
        return nesting_.push(is_object) || fail(errc::json_too_deep);
    }

    bool close_if(char bracket) {
        at_ = skip_space(at_, end_);
        if (at_ == end_ || *at_ != bracket) return false;
        ++at_;
        nesting_.pop();
        return true;
    }

    /// A key with its colon.
    bool key() {
        at_ = skip_space(at_, end_);
        if (at_ == end_ || *at_ != '"' || !string()) return false;
        at_ = skip_space(at_, end_);
        return at_ != end_ && *at_++ == ':';
    }

    bool string() {
        ++at_;
        for (;;) {
            at_ = skip_plain(at_, end_);
            if (at_ == end_) return false;
            const char c = *at_;
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                if (!escape()) return false;
                continue;
            }
            if (static_cast<unsigned char>(c) < 0x20U) return false;
            do { // text that is not ASCII comes in runs
                const std::size_t length = utf8_length(at_, end_);
                if (length == 0) return fail(errc::invalid_utf8);
                at_ += length;
            } while (at_ != end_ && static_cast<unsigned char>(*at_) >= 0x80U);
        }
    }

    bool escape() {
        if (end_ - at_ < 2) return false;
        const char c = at_[1];
        at_ += 2;
        switch (c) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': return true;
        case 'u':
            if (hex4(at_, end_) < 0) return false;
            at_ += 4;
            return true;
        default: return false;
        }
    }

    bool literal(std::string_view word) {
        if (between(at_, end_).substr(0, word.size()) != word) return false;
        at_ += word.size();
        return true;
    }

    bool digits() {
        const char* const first = at_;
        at_ = skip_digits(at_, end_);
        return at_ != first;
    }

    bool number() {
        if (*at_ == '-') ++at_;
        if (at_ != end_ && *at_ == '0') {
            ++at_;
        } else if (!digits()) {
            return false;
        }
        if (at_ != end_ && *at_ == '.') {
            ++at_;
            if (!digits()) return false;
        }
        if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
            ++at_;
            if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
            if (!digits()) return false;
        }
        return true;
    }

    bool fail(errc code) {
        error_ = code;
        return false;
    }

    const char* at_;
    const char* end_;
    nesting nesting_;
    errc error_ = errc::invalid_json;
    bool is_open_ = false;
};

/// Writes the UTF-8 form of a code point that is no surrogate.
std::string_view encode_utf8(std::uint32_t point, std::array<char, 4>& room) {
    const auto tail = [point](unsigned shift) {
        return static_cast<char>(0x80U | ((point >> shift) & 0x3fU));
    };
    if (point < 0x80U) {
        room = {static_cast<char>(point)};
        return {room.data(), 1};
    }
    if (point < 0x800U) {
        room = {static_cast<char>(0xc0U | point >> 6U), tail(0)};
        return {room.data(), 2};
    }
    if (point < 0x10000U) {
        room = {static_cast<char>(0xe0U | point >> 12U), tail(6), tail(0)};
        return {room.data(), 3};
    }
    room = {static_cast<char>(0xf0U | point >> 18U), tail(12), tail(6), tail(0)};
    return {room.data(), 4};
}

constexpr bool is_high_surrogate(int unit) {
    return unit >= 0xd800 && unit < 0xdc00;
}
constexpr bool is_low_surrogate(int unit) {
    return unit >= 0xdc00 && unit < 0xe000;
}

/// What the escape at `at` (its backslash) stands for; moves `at` behind it.
std::string_view unescape_one(const char*& at, const char* end, std::array<char, 4>& room) {
    const char c = end - at >= 2 ? at[1] : '\\';
    at = end - at >= 2 ? at + 2 : end;
    switch (c) {
    case 'b': return "\b";
    case 'f': return "\f";
    case 'n': return "\n";
    case 'r': return "\r";
    case 't': return "\t";
    case 'u': break;
    default: room = {c}; return {room.data(), 1};
    }
    const int unit = hex4(at, end);
    if (unit < 0) return replacement;
    at += 4;
    if (is_high_surrogate(unit) && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        const int low = hex4(at + 2, end);
        if (is_low_surrogate(low)) {
            at += 6;
            return encode_utf8(0x10000U + (static_cast<std::uint32_t>(unit - 0xd800) << 10U) +
                                   static_cast<std::uint32_t>(low - 0xdc00),
                               room);
        }
    }
    if (is_high_surrogate(unit) || is_low_surrogate(unit)) return replacement;
    return encode_utf8(static_cast<std::uint32_t>(unit), room);
}

/// Gives `take` what a checked string stands for, piece by piece, until it returns false.
/// @return false when it did, or when the value is not a string
template <class Take>
bool unescape(std::string_view checked, const Take& take) {
    checked = trim_front(checked);
    if (checked.empty() || checked.front() != '"') return false;
    const char* const end = skip_string(checked.data(), end_of(checked)) - 1;
    const char* at = checked.data() + 1;
    while (at < end) {
        const void* const found = std::memchr(at, '\\', static_cast<std::size_t>(end - at));
        const char* const stop = found != nullptr ? static_cast<const char*>(found) : end;
        if (stop != at && !take(between(at, stop))) return false;
        at = stop;
        std::array<char, 4> room{};
        if (at != end && !take(unescape_one(at, end, room))) return false;
    }
    return true;
}

} // namespace

result<std::size_t> check(std::string_view text, std::size_t max_depth) {
    checker one{text, max_depth};
    if (!one.run()) return one.error();
    return static_cast<std::size_t>(one.at() - text.data());
}

std::error_code check_whole(std::string_view text, std::size_t max_depth) {
    const auto size = check(text, max_depth);
    if (!size) return size.error();
    if (skip_space(text.data() + *size, end_of(text)) != end_of(text)) return errc::invalid_json;
    return {};
}

kind kind_of(std::string_view checked) {
    checked = trim_front(checked);
    switch (checked.empty() ? 'n' : checked.front()) {
    case '"': return kind::string;
    case '{': return kind::object;
    case '[': return kind::array;
    case 't':
    case 'f': return kind::boolean;
    case 'n': return kind::null;
    default: return kind::number;
    }
}

walker::walker(std::string_view checked_container) : rest_(trim_front(checked_container)) {
    is_object_ = !rest_.empty() && rest_.front() == '{';
    if (is_object_ || (!rest_.empty() && rest_.front() == '[')) {
        rest_.remove_prefix(1);
    } else {
        rest_ = {};
    }
}

bool walker::next() {
    rest_ = trim_front(rest_);
    if (!rest_.empty() && rest_.front() == ',') rest_ = trim_front(rest_.substr(1));
    if (rest_.empty() || rest_.front() == ']' || rest_.front() == '}') return false;
    if (is_object_) {
        key_ = rest_.substr(0, length_of(rest_));
        rest_ = trim_front(rest_.substr(key_.size()));
        rest_ = trim_front(rest_.substr(rest_.empty() ? 0 : 1)); // the colon
    }
    element_ = rest_.substr(0, length_of(rest_));
    rest_.remove_prefix(element_.size());
    return !element_.empty();
}

std::optional<std::string_view> element_at(std::string_view checked_array, std::size_t index) {
    if (kind_of(checked_array) != kind::array) return std::nullopt;
    walker each{checked_array};
    while (each.next()) {
        if (index-- == 0) return each.element();
    }
    return std::nullopt;
}

std::optional<std::string_view> member(std::string_view checked, std::string_view key) {
    if (kind_of(checked) != kind::object) return std::nullopt;
    std::optional<std::string_view> last;
    walker each{checked};
    while (each.next()) {
        if (is_text(each.raw_key(), key)) last = each.element();
    }
    return last;
}

std::optional<std::string> text(std::string_view checked) {
    std::string out;
    const bool is_string = unescape(checked, [&out](std::string_view piece) {
        out += piece;
        return true;
    });
    if (!is_string) return std::nullopt;
    return out;
}

bool is_text(std::string_view checked, std::string_view expected) {
    return unescape(checked,
                    [&expected](std::string_view piece) {
                        if (!expected.starts_with(piece)) return false;
                        expected.remove_prefix(piece.size());
                        return true;
                    }) &&
           expected.empty();
}

std::optional<std::int64_t> integer(std::string_view checked) {
    checked = trim_front(checked);
    const bool is_negative = !checked.empty() && checked.front() == '-';
    if (is_negative) checked.remove_prefix(1);
    checked = checked.substr(0, length_of(checked));
    if (checked.empty()) return std::nullopt;
    constexpr std::uint64_t largest = INT64_MAX;
    std::uint64_t number = 0;
    for (const char c : checked) {
        if (!is_digit(c) || number > largest / 10) return std::nullopt;
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (number > largest + (is_negative ? 1 : 0)) return std::nullopt;
    return static_cast<std::int64_t>(is_negative ? 0 - number : number);
}

std::size_t length_of(std::string_view checked_rest) {
    if (checked_rest.empty()) return 0;
    const char* at = checked_rest.data();
    const char* const end = end_of(checked_rest);
    const char first = *at;
    if (first == '"') return static_cast<std::size_t>(skip_string(at, end) - checked_rest.data());
    if (first != '[' && first != '{') {
        while (at != end && *at != ',' && *at != ']' && *at != '}' && !is_space(*at)) ++at;
        return static_cast<std::size_t>(at - checked_rest.data());
    }
    std::size_t depth = 0;
    while (at != end) {
        const char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        ++at;
        if (c == '[' || c == '{') ++depth;
        if ((c == ']' || c == '}') && --depth == 0) break;
    }
    return static_cast<std::size_t>(at - checked_rest.data());
}

void append_string(std::string& out, std::string_view utf8) {
    out.push_back('"');
    const char* at = utf8.data();
    const char* const end = end_of(utf8);
    while (at != end) {
        const char* const stop = skip_plain(at, end);
        out.append(at, stop);
        at = stop;
        if (at == end) break;
        const auto c = static_cast<unsigned char>(*at);
        if (c >= 0x80U) {
            const std::size_t length = utf8_length(at, end);
            out.append(length != 0 ? between(at, at + length) : replacement);
            at += length != 0 ? length : 1;
            continue;
        }
        ++at;
        out.push_back('\\');
        switch (c) {
        case '"':
        case '\\': out.push_back(static_cast<char>(c)); break;
        case '\b': out.push_back('b'); break;
        case '\f': out.push_back('f'); break;
        case '\n': out.push_back('n'); break;
        case '\r': out.push_back('r'); break;
        case '\t': out.push_back('t'); break;
        default:
            out += "u00";
            out.push_back(hex_digits[c >> 4U]);
            out.push_back(hex_digits[c & 15U]);
        }
    }
    out.push_back('"');
}

} // namespace roomcast::core::value
