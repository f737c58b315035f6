#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace roomcast::server::contract {

enum class letter_case : unsigned char { pascal, camel, snake };

/// An identifier made of the letters and digits of a name; words begin where other characters stand. Never
/// empty.
std::string identifier(std::string_view name, letter_case wanted);

/// Gives each name once: a number is put behind the second one.
class unique_names {
public:
    explicit unique_names(std::set<std::string> taken) : taken_(std::move(taken)) {}

    std::string of(const std::string& wanted) {
        std::string name = wanted;
        for (std::size_t number = 2; !taken_.insert(name).second; ++number)
            name = wanted + std::to_string(number);
        return name;
    }

private:
    std::set<std::string> taken_;
};

/// NAME of `#/schemas/NAME`, unescaped; empty when the reference is another one.
std::string named_schema(std::string_view reference);

} // namespace roomcast::server::contract
