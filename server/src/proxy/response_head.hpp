#pragma once

#include "proxy/body_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace roomcast::server::proxy {

struct field {
    std::string_view name;
    std::string_view value; ///< without the spaces around it
};

/// The head of an answer. Views are into what was read.
struct response_head {
    unsigned status = 0;
    std::string_view reason;
    bool is_http_11 = false;
    std::vector<field> fields;
    std::optional<std::uint64_t> content_length;
    bool is_chunked = false;
    bool is_close = false;                     ///< says that it will be the last answer of its connection
    std::string_view upgrade;                  ///< the protocol that an answer 101 switches to
    std::optional<std::uint32_t> keep_alive_s; ///< how long the peer keeps the connection, when it says so

    /// The first of this name, letters' case aside; empty when there is none.
    std::string_view find(std::string_view name) const;
};

enum class head_outcome : std::uint8_t { complete, incomplete, malformed };

struct head_bounds {
    std::size_t bytes;
    std::size_t fields;
};

/// Reads the head of an answer from the front of `bytes`. @param size gets the bytes of the head with its
/// empty line
head_outcome read_response_head(std::string_view bytes, const head_bounds& most, response_head& into,
                                std::size_t& size);

/// Where this answer's body ends. @param to_head was it HEAD that was asked?
body_reader body_of(const response_head& head, bool to_head);

/// Does this field concern one connection only? @param named the values of all Connection fields, with commas
/// @source RFC 9110, section 7.6.1
bool is_hop_by_hop(std::string_view name, std::string_view named);

/// Does a list with commas have this token, letters' case aside?
bool has_token(std::string_view list, std::string_view token);

bool is_same_name(std::string_view a, std::string_view b);

} // namespace roomcast::server::proxy
