#include "roomcast/core/auth/object.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <deque>
#include <vector>

namespace roomcast::core::auth {

namespace {

/// The names of one object; those without escapes stay where they are.
class name_set {
public:
    /// @return false: there are two equal ones
    static bool is_distinct(std::vector<std::string_view>& names, std::size_t from) {
        const auto first = names.begin() + static_cast<std::ptrdiff_t>(from);
        std::sort(first, names.end());
        return std::adjacent_find(first, names.end()) == names.end();
    }
    std::string_view unescaped(std::string_view raw_key) {
        const std::string_view inside = raw_key.substr(1, raw_key.size() - 2);
        if (inside.find('\\') == std::string_view::npos) return inside;
        return kept_.emplace_back(value::text(raw_key).value_or(std::string{}));
    }

private:
    std::deque<std::string> kept_; ///< a deque: views of its elements last
};

struct level {
    value::walker each;
    std::size_t first_name;
};

bool is_container(std::string_view checked) {
    return !checked.empty() && (checked.front() == '{' || checked.front() == '[');
}

} // namespace

reason check_object(std::string_view text) {
    if (value::check_whole(text, max_json_depth)) return reason::malformed;
    if (value::kind_of(text) != value::kind::object) return reason::malformed;
    name_set keys;
    std::vector<std::string_view> names;
    std::vector<level> levels; // at most max_json_depth
    levels.push_back({value::walker{text}, 0});
    while (!levels.empty()) {
        level& inner = levels.back();
        if (!inner.each.next()) {
            if (!name_set::is_distinct(names, inner.first_name)) return reason::duplicate_member;
            names.resize(inner.first_name);
            levels.pop_back();
            continue;
        }
        if (!inner.each.raw_key().empty()) names.push_back(keys.unescaped(inner.each.raw_key()));
        const std::string_view element = inner.each.element();
        if (is_container(element)) levels.push_back({value::walker{element}, names.size()});
    }
    return reason::none;
}

std::optional<std::string_view> at_path(std::string_view checked, std::string_view path) {
    for (;;) {
        if (const auto whole = value::member(checked, path)) return whole;
        const std::size_t dot = path.find('.');
        if (dot == std::string_view::npos) return std::nullopt;
        const auto part = value::member(checked, path.substr(0, dot));
        if (!part) return std::nullopt;
        checked = *part;
        path.remove_prefix(dot + 1);
    }
}

std::optional<std::string> text_member(std::string_view checked, std::string_view name) {
    const auto member = value::member(checked, name);
    if (!member) return std::nullopt;
    return value::text(*member);
}

} // namespace roomcast::core::auth
