#include "roomcast/server/args.hpp"

#include "roomcast/core/value.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace roomcast::server {

namespace {
constexpr std::size_t deepest = 200;
constexpr std::string_view placeholder = R"({"_placeholder":true,"num":0})";
} // namespace

args::value::value(std::string_view text) {
    core::value::append_string(text_, text);
}

args::value::value(double number) {
    if (!std::isfinite(number)) {
        text_ = "null";
        return;
    }
    std::array<char, 40> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    text_.assign(digits.data(), end);
}

args::value::value(json given) : text_(std::move(given.text)) {
    if (const auto error = core::value::check_whole(text_, deepest)) {
        throw std::invalid_argument{"not JSON: " + error.message()};
    }
}

args::value::value(binary given) : text_(placeholder), part_(std::move(given.bytes)) {}

args::value::value(const std::vector<std::string>& texts) : text_("[") {
    for (const std::string& text : texts) {
        if (text_.size() > 1) text_ += ',';
        core::value::append_string(text_, text);
    }
    text_ += ']';
}

args::args(std::initializer_list<value> values) : text_("[") {
    std::vector<std::string> parts;
    for (const value& each : values) {
        if (text_.size() > 1) text_ += ',';
        if (each.part_) {
            text_ += R"({"_placeholder":true,"num":)" + std::to_string(parts.size()) + '}';
            parts.push_back(*each.part_);
        } else {
            text_ += each.text_;
        }
    }
    text_ += ']';
    if (!parts.empty()) parts_ = std::make_shared<const std::vector<std::string>>(std::move(parts));
}

std::string args::text_with_name(std::string_view name) const {
    std::string all;
    all.reserve(text_.size() + name.size() + 4);
    all += '[';
    core::value::append_string(all, name);
    const std::size_t open = text_.find('[');
    const std::size_t first = text_.find_first_not_of(" \t\r\n", open + 1);
    if (text_[first] != ']') all += ',';
    all.append(text_, open + 1);
    return all;
}

arguments::arguments(std::string_view checked_array, core::sio::attachments parts, std::size_t skip)
    : parts_(std::move(parts)) {
    if (checked_array.empty()) return;
    core::value::walker walk{checked_array};
    while (walk.next()) {
        if (skip > 0) {
            --skip;
        } else {
            elements_.push_back(walk.element());
        }
    }
}

std::string_view arguments::json(std::size_t index) const {
    return index < elements_.size() ? elements_[index] : std::string_view{};
}

std::optional<std::string> arguments::text(std::size_t index) const {
    if (index >= elements_.size()) return std::nullopt;
    return core::value::text(elements_[index]);
}

std::optional<std::int64_t> arguments::integer(std::size_t index) const {
    if (index >= elements_.size()) return std::nullopt;
    return core::value::integer(elements_[index]);
}

std::optional<double> arguments::number(std::size_t index) const {
    if (index >= elements_.size() || core::value::kind_of(elements_[index]) != core::value::kind::number) {
        return std::nullopt;
    }
    double number = 0;
    const std::string_view text = elements_[index];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    return number;
}

std::optional<bool> arguments::boolean(std::size_t index) const {
    const std::string_view text = json(index);
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
}

const std::string* arguments::bytes(std::size_t index) const {
    if (!parts_ || index >= elements_.size()) return nullptr;
    const auto mark = core::value::member(elements_[index], "_placeholder");
    const auto number = core::value::member(elements_[index], "num");
    if (!mark || *mark != "true" || !number) return nullptr;
    const auto at = core::value::integer(*number);
    if (!at || *at < 0 || static_cast<std::size_t>(*at) >= parts_->size()) return nullptr;
    return &(*parts_)[static_cast<std::size_t>(*at)];
}

args arguments::copy(std::size_t first) const {
    std::string text = "[";
    for (std::size_t i = first; i < elements_.size(); ++i) {
        if (i > first) text += ',';
        text += elements_[i];
    }
    text += ']';
    // All attachments go along: those that a left-out argument named would be the only ones in vain.
    if (first == 0 || !parts_) return args::from_checked(std::move(text), parts_);
    core::sio::picked picked = core::sio::pick(text, parts_);
    return args::from_checked(std::move(picked.text), std::move(picked.parts));
}

args arguments::pick(std::size_t index) const {
    if (index >= elements_.size()) return {};
    std::string text;
    text.reserve(elements_[index].size() + 2);
    text += '[';
    text += elements_[index];
    text += ']';
    if (!parts_) return args::from_checked(std::move(text));
    core::sio::picked picked = core::sio::pick(text, parts_);
    return args::from_checked(std::move(picked.text), std::move(picked.parts));
}

} // namespace roomcast::server
