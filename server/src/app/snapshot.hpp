#pragma once

#include "rules/kept_state.hpp"

#include "roomcast/server/server.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::rules {
class application;
}

/// The file that carries what clients may recover, and what the rules keep, from one process to the next.
namespace roomcast::server::app {

/// What is in such a file.
struct snapshot {
    std::int64_t saved_ms = 0; ///< Unix time
    std::string rules;         ///< rules::kept_state
    std::string recovery;      ///< kept_recovery
};

/// Its bytes: a name and a version, the length, the content, a checksum of it all.
std::string encode(const snapshot& what);
/// @param why gets what is wrong, for the log
std::optional<snapshot> decode(std::string_view bytes, std::string& why);

/// Writes a file whole or not at all, readable by its owner only. @errors std::system_error
void write_whole(const std::string& path, std::string_view bytes);
/// Reads a regular file. @return nothing: there is none @errors std::system_error, also for one that is
/// larger than `most_bytes` or no regular file
std::optional<std::string> read_whole(const std::string& path, std::uint64_t most_bytes);

/// Proves that a snapshot can be written there. @errors std::system_error
void check_place(const std::string& path);
/// Takes over what the process before this one left, and removes the file: what it says is true once. One
/// that cannot be read is put aside as `<path>.bad`, and nothing is taken. Before the server starts.
/// @errors std::system_error when the file can neither be removed nor put aside
void take_over(const std::string& path, std::uint64_t most_bytes, server& io, rules::application& rules);
/// Leaves it for the next one. Once the server was stopped and joined. @return false: it was not written, and
/// the log says why
bool leave_behind(const std::string& path, std::uint64_t most_bytes, const server& io,
                  const rules::application& rules);

} // namespace roomcast::server::app
