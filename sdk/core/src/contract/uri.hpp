#pragma once

#include <string>
#include <string_view>

namespace roomcast::core::contract {

/// What a reference means beside a base, both as written. @source RFC 3986, section 5.2
std::string resolved(std::string_view base, std::string_view reference);

/// Up to the fragment, and the fragment without its #.
struct uri_parts {
    std::string_view document;
    std::string_view fragment;
};
uri_parts split_fragment(std::string_view uri);

/// With percent escapes replaced.
std::string percent_decoded(std::string_view text);

} // namespace roomcast::core::contract
