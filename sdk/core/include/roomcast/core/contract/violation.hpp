#pragma once

#include <string>
#include <string_view>

namespace roomcast::core::contract {

/// Where a value breaks the contract, and which rule of it.
struct violation {
    /// The event; empty when a lone schema was checked.
    std::string event;
    /// JSON Pointer (RFC 6901) into the text that was checked; for an event into the array of its arguments.
    std::string path;
    /// The keyword that was broken; `args` when arguments are missing or too many, `uniqueKeys` when an
    /// object names a member twice, `limits` when checking the value would cost more than allowed, `false`
    /// when the schema is `false`.
    std::string rule;
    /// A sentence without subject, for people: "must be string".
    std::string message;
};

/// `{"code":"invalid_arguments","message":…,"event":…,"path":…,"rule":…}`: what a client gets.
std::string to_json(const violation& found);

} // namespace roomcast::core::contract
