#include "json_oracle.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

namespace core = roomcast::core;
namespace fuzz = roomcast::fuzz;
namespace value = roomcast::core::value;

constexpr std::size_t max_depth = 200;

/// The text without white space between tokens, and how deep it is nested.
struct condensed {
    std::string text;
    std::size_t depth = 0;
};

condensed condense(std::string_view checked) {
    condensed out;
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < checked.size(); ++i) {
        const char c = checked[i];
        if (in_string) {
            out.text.push_back(c);
            if (c == '\\') out.text.push_back(checked[++i]);
            if (c == '"') in_string = false;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
        if (c == '"') in_string = true;
        if (c == '[' || c == '{') out.depth = std::max(out.depth, ++depth);
        if (c == ']' || c == '}') --depth;
        out.text.push_back(c);
    }
    return out;
}

/// The same text, put together from what the walker gives.
std::string rebuild(std::string_view checked) {
    const value::kind kind = value::kind_of(checked);
    if (kind != value::kind::array && kind != value::kind::object) return condense(checked).text;
    std::string out = kind == value::kind::array ? "[" : "{";
    value::walker each{checked};
    while (each.next()) {
        if (out.size() > 1) out.push_back(',');
        if (kind == value::kind::object) out.append(each.raw_key()).push_back(':');
        out += rebuild(each.element());
        ROOMCAST_PROPERTY(each.raw_key().empty() == (kind == value::kind::array));
        ROOMCAST_PROPERTY(value::length_of(each.element()) == each.element().size());
    }
    ROOMCAST_PROPERTY(!each.next());
    return out + (kind == value::kind::array ? "]" : "}");
}

/// Every reader agrees with a tree of the same text.
void compare(std::string_view checked, const nlohmann::json& tree) {
    switch (value::kind_of(checked)) {
    case value::kind::null: ROOMCAST_PROPERTY(tree.is_null()); break;
    case value::kind::boolean: ROOMCAST_PROPERTY(tree.is_boolean()); break;
    case value::kind::number: {
        ROOMCAST_PROPERTY(tree.is_number());
        const auto integer = value::integer(checked);
        const bool fits = tree.is_number_integer() &&
                          (!tree.is_number_unsigned() || tree.get<std::uint64_t>() <= INT64_MAX);
        ROOMCAST_PROPERTY(integer.has_value() == fits);
        if (integer) ROOMCAST_PROPERTY(*integer == tree.get<std::int64_t>());
        break;
    }
    case value::kind::string: {
        ROOMCAST_PROPERTY(tree.is_string());
        const auto text = value::text(checked);
        ROOMCAST_PROPERTY(text && *text == tree.get<std::string>());
        ROOMCAST_PROPERTY(core::is_utf8(*text));
        ROOMCAST_PROPERTY(value::is_text(checked, *text));
        ROOMCAST_PROPERTY(!value::is_text(checked, *text + "x"));
        ROOMCAST_PROPERTY(text->empty() || !value::is_text(checked, text->substr(1)));
        std::string written;
        value::append_string(written, *text);
        ROOMCAST_PROPERTY(value::text(written) == text);
        break;
    }
    case value::kind::array: {
        ROOMCAST_PROPERTY(tree.is_array());
        std::size_t index = 0;
        value::walker each{checked};
        for (; each.next(); ++index) {
            ROOMCAST_PROPERTY(index < tree.size());
            compare(each.element(), tree[index]);
        }
        ROOMCAST_PROPERTY(index == tree.size());
        if (index > 0) ROOMCAST_PROPERTY(value::element_at(checked, index - 1).has_value());
        ROOMCAST_PROPERTY(!value::element_at(checked, index));
        break;
    }
    case value::kind::object:
        ROOMCAST_PROPERTY(tree.is_object());
        for (const auto& [key, inner] : tree.items()) {
            const auto found = value::member(checked, key);
            ROOMCAST_PROPERTY(found.has_value());
            compare(*found, inner);
        }
        break;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};

    // Whatever the bytes are, written as a string they are JSON.
    std::string written;
    value::append_string(written, input);
    ROOMCAST_PROPERTY(!value::check_whole(written, 0));
    if (core::is_utf8(input)) ROOMCAST_PROPERTY(value::text(written) == input);

    const auto end = value::check(input, max_depth);
    const std::error_code error = value::check_whole(input, max_depth);
    if (!end) {
        ROOMCAST_PROPERTY(error == end.error());
        if (error != core::errc::json_too_deep) ROOMCAST_PROPERTY(!fuzz::is_json(input));
        return 0;
    }
    ROOMCAST_PROPERTY(*end <= size);
    ROOMCAST_PROPERTY(fuzz::is_json(input) == !error);
    const std::string_view checked = input.substr(0, *end);
    ROOMCAST_PROPERTY(!value::check_whole(checked, max_depth));
    ROOMCAST_PROPERTY(core::is_utf8(checked));

    const condensed expected = condense(checked);
    ROOMCAST_PROPERTY(rebuild(checked) == expected.text);
    ROOMCAST_PROPERTY(!value::check_whole(checked, expected.depth));
    if (expected.depth > 0) {
        ROOMCAST_PROPERTY(value::check_whole(checked, expected.depth - 1) == core::errc::json_too_deep);
    }

    // Readers of checked text must stay inside it whatever it is: these bytes nobody has checked.
    for (std::size_t cut = 1; cut < std::min<std::size_t>(size, 8); ++cut) {
        value::walker each{input.substr(cut)};
        while (each.next()) {
        }
        (void)value::text(input.substr(cut));
    }

    const nlohmann::json tree = fuzz::tree_of(checked);
    if (!tree.is_discarded()) compare(checked, tree);
    return 0;
}
