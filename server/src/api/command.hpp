#pragma once

#include "roomcast/core/time.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What backends ask of the server over HTTP, and what it tells them.
namespace roomcast::server::api {

/// Why a request, or one command of a batch, is refused.
struct fault {
    unsigned status = 422;
    std::string code;    ///< for programs
    std::string message; ///< for people
    std::string field;   ///< JSON Pointer to what is wrong, or the name of a query parameter; may be empty

    /// `{"code":…,"message":…,"field":…}`
    std::string to_json() const;
};

/// Bounds of what a request may say.
struct command_bounds {
    std::size_t max_json_depth = 200;
    std::size_t max_names = 1000; ///< in each of the lists to, users, sockets, except and rooms
    std::size_t max_name_bytes = 512;
    std::size_t max_name_space_bytes = 512;
    std::size_t max_attachments = 10;
    std::size_t max_commands = 1000;
    core::duration longest_ack = std::chrono::seconds{60};
};

/// Whom a command is for.
struct address_list {
    std::vector<std::string> rooms; ///< `to`
    std::vector<std::string> users;
    std::vector<std::string> sockets;
    std::vector<std::string> except;
    bool is_everybody() const { return rooms.empty() && users.empty() && sockets.empty(); }
};

struct command {
    enum class kind : std::uint8_t { emit, join, leave, disconnect, revoke };
    kind what = kind::emit;
    std::string name_space = "/";
    address_list whom;
    std::string event;                      ///< emit
    std::string arguments = "[]";           ///< emit: checked JSON array
    std::vector<std::string> attachments;   ///< emit: bytes that placeholders of `arguments` name
    bool is_volatile = false;               ///< emit
    std::optional<core::duration> ack;      ///< emit: how long acknowledgements are waited for
    std::vector<std::string> rooms;         ///< join, leave
    bool closes_connection = false;         ///< disconnect
    std::string user;                       ///< revoke: this,
    std::string session;                    ///< or this
    std::optional<core::duration> how_long; ///< revoke
};

/// The word in a path or in a batch: `emit`, `join`, …
std::optional<command::kind> kind_of(std::string_view word);
std::string_view word_of(command::kind what);

/// Reads one command. @param checked a JSON value @param at where it stands, for `fault::field`
std::optional<fault> read_command(std::string_view checked, command::kind what, const command_bounds& bounds,
                                  std::string_view at, command& into);

/// A command of a batch, or what is wrong with it.
struct batch_entry {
    std::optional<fault> wrong;
    command what;
};

/// Reads the body of a request for one command. @param body as it came
std::optional<fault> read_request(std::string_view body, command::kind what, const command_bounds& bounds,
                                  command& into);
/// Reads `{"commands":[{"emit":{…}},{"join":{…}}]}`; a wrong command does not spoil the others.
std::optional<fault> read_batch(std::string_view body, const command_bounds& bounds,
                                std::vector<batch_entry>& into);

} // namespace roomcast::server::api
