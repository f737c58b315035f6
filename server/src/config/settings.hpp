#pragma once

#include "roomcast/server/options.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the operator chose: one file, the environment, flags. Validated as a whole, each mistake with its
/// place.
namespace roomcast::server::config {

/// A place in the configuration file; line 0: not from the file.
struct place {
    std::string path; ///< e.g. `namespaces./chat.events.join.do[0]`
    std::size_t line = 0;
};

/// A value of the file in which `{…}` stand for parts of an event: text, JSON literal, list or map.
struct value_text {
    enum class kind { text, literal, list, map };
    kind what = kind::literal;
    std::string text = "null"; ///< a text with templates, or JSON
    std::vector<value_text> items;
    std::vector<std::pair<std::string, value_text>> members;
    place at;
};

/// One step of what an event does.
struct action_text {
    enum class kind { join, leave, emit, ack };
    kind what = kind::ack;
    std::string room;              ///< join, leave
    std::string event;             ///< emit
    std::optional<std::string> to; ///< emit: a room; none: everyone
    bool is_sender_excepted = false;
    value_text args; ///< emit, ack: a list, or the text `{args}`
    place at;
};

struct event_rule {
    std::string event;
    std::vector<action_text> actions;
    place at;
};

struct name_space_rule {
    std::string name; ///< "/chat", or a regular expression when is_pattern
    bool is_pattern = false;
    std::vector<event_rule> events;
    place at;
};

enum class page_mode { off, counts, full };

/// Everything that can be chosen.
struct settings {
    roomcast::server::options server;
    std::string log_level = "info";
    page_mode page = page_mode::counts;
    std::vector<name_space_rule> name_spaces;
};

struct mistake {
    place at;
    std::string expected; ///< what is wrong and what would be right
};

using environment = std::function<std::optional<std::string>(const std::string& name)>;

struct loaded {
    settings chosen;
    std::vector<mistake> mistakes;
};

/// Reads a configuration. Precedence, highest first: `flags` (path, value), environment, file, defaults.
/// @param text YAML or JSON; empty: no file
loaded load(std::string_view text, const environment& environment_of,
            const std::vector<std::pair<std::string, std::string>>& flags);

/// `file:line: path: expected`
std::string describe(const mistake& what, std::string_view file);

/// All settings with their environment names and what they expect, one a line; for `--help-settings`.
std::string reference();

} // namespace roomcast::server::config
