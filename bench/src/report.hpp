#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::bench {

/// Writes one JSON object of numbers, plain strings and given JSON texts.
class json_object {
public:
    json_object& add(std::string_view name, double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", value);
        return add_json(name, text);
    }
    json_object& add(std::string_view name, std::uint64_t value) {
        return add_json(name, std::to_string(value));
    }
    /// @param value without characters that JSON escapes
    json_object& add(std::string_view name, std::string_view value) {
        return add_json(name, "\"" + std::string(value) + "\"");
    }
    json_object& add_json(std::string_view name, std::string_view json) {
        text_ += text_.empty() ? "{\"" : ",\"";
        text_.append(name).append("\":").append(json);
        return *this;
    }
    [[nodiscard]] std::string text() const { return text_.empty() ? "{}" : text_ + "}"; }

private:
    std::string text_;
};

inline std::string json_array(std::span<const std::string> elements) {
    std::string text = "[";
    for (const std::string& element : elements) {
        if (text.size() > 1) text += ',';
        text += element;
    }
    return text + "]";
}

/// @return the value that a share of all values does not exceed; `sorted` is in rising order
template <typename Value>
Value percentile(const std::vector<Value>& sorted, double share) {
    if (sorted.empty()) return Value{};
    const auto position = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    return sorted[std::min(position, sorted.size() - 1)];
}

inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Median, least, greatest and each value of the rounds.
inline std::string summary(const std::vector<double>& values) {
    std::vector<std::string> each;
    for (const double value : values) {
        char text[32];
        std::snprintf(text, sizeof text, "%.6g", value);
        each.emplace_back(text);
    }
    json_object object;
    object.add("median", median(values));
    object.add("min", values.empty() ? 0 : *std::min_element(values.begin(), values.end()));
    object.add("max", values.empty() ? 0 : *std::max_element(values.begin(), values.end()));
    object.add_json("rounds", json_array(each));
    return object.text();
}

} // namespace roomcast::bench
