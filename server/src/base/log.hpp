#pragma once

#include "base/flood_gate.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/sink.h>

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace roomcast::server::base {

/// The rooms that have something to say. A line of another scope does not compile.
inline constexpr std::array<std::string_view, 15> log_scopes{
    "base",      "config", "contract", "outbound", "auth",  "hub",  "adapter", "engine",
    "transport", "proxy",  "rules",    "api",      "admin", "http", "app"};

/// `off` is for bounds only: no line has it.
enum class log_level : std::uint8_t { trace, debug, info, warn, error, off };
std::optional<log_level> log_level_of(std::string_view word);
std::string_view name_of(log_level level);

/// A line for people, or one JSON object a line: time, level, scope, message and what the line is about.
enum class log_format : std::uint8_t { text, json };

/// One of `log_scopes`, looked up by the compiler.
class log_scope {
public:
    // NOLINTNEXTLINE(google-explicit-constructor): a scope is written as its name
    consteval log_scope(const char* name) : index_(0) {
        while (log_scopes.at(index_) != std::string_view{name}) ++index_;
    }
    constexpr std::size_t index() const { return index_; }

private:
    std::size_t index_;
};

/// What a line is about: members of the JSON object, `name=value` behind the message for people. Names that
/// are used all over: connection, namespace, socket, user, address, event, reason.
/// @thread the texts must live until the line is written
class about {
public:
    struct field {
        std::string_view name;
        std::string_view text;
        std::uint64_t number = 0;
        bool is_number = false;
    };

    /// An empty text is left out.
    about& with(std::string_view name, std::string_view text) {
        if (!text.empty() && count_ < fields_.size()) fields_[count_++] = {name, text, 0, false};
        return *this;
    }
    template <std::unsigned_integral Number>
    about& with(std::string_view name, Number number) {
        if (count_ < fields_.size()) fields_[count_++] = {name, {}, number, true};
        return *this;
    }
    /// Things that are gone for good: when lines are kept back, their sum is told with them.
    about& losing(std::uint64_t count) {
        lost_ = count;
        return with("lost", count);
    }

    std::uint64_t lost() const { return lost_; }
    const field* begin() const { return fields_.data(); }
    const field* end() const { return fields_.data() + count_; }

private:
    std::array<field, 8> fields_{};
    std::size_t count_ = 0;
    std::uint64_t lost_ = 0;
};

/// The lines of one scope. A line that its level keeps out costs one atomic read: nothing is formatted.
/// @thread any
class logger {
public:
    template <class... Arguments>
    using words = fmt::format_string<Arguments...>;

    bool is_on(log_level level) const { return level >= level_.load(std::memory_order_relaxed); }

    template <class... Arguments>
    void debug(words<Arguments...> said, Arguments&&... arguments) {
        if (is_on(log_level::debug)) say(log_level::debug, {}, said, arguments...);
    }
    template <class... Arguments>
    void debug(const about& what, words<Arguments...> said, Arguments&&... arguments) {
        say(log_level::debug, what, said, arguments...);
    }
    template <class... Arguments>
    void info(words<Arguments...> said, Arguments&&... arguments) {
        if (is_on(log_level::info)) say(log_level::info, {}, said, arguments...);
    }
    template <class... Arguments>
    void info(const about& what, words<Arguments...> said, Arguments&&... arguments) {
        say(log_level::info, what, said, arguments...);
    }
    template <class... Arguments>
    void warn(words<Arguments...> said, Arguments&&... arguments) {
        if (is_on(log_level::warn)) say(log_level::warn, {}, said, arguments...);
    }
    template <class... Arguments>
    void warn(const about& what, words<Arguments...> said, Arguments&&... arguments) {
        say(log_level::warn, what, said, arguments...);
    }
    template <class... Arguments>
    void error(words<Arguments...> said, Arguments&&... arguments) {
        if (is_on(log_level::error)) say(log_level::error, {}, said, arguments...);
    }
    template <class... Arguments>
    void error(const about& what, words<Arguments...> said, Arguments&&... arguments) {
        say(log_level::error, what, said, arguments...);
    }
    /// A ready-made text. @param kind what is counted together when there are too many: never a peer's words
    void write(log_level level, const about& what, std::string_view kind, std::string_view text);

private:
    friend class log_desk;

    template <class... Arguments>
    void say(log_level level, const about& what, fmt::string_view said, Arguments&... arguments) {
        if (!is_on(level)) return;
        put(level, what, {said.data(), said.size()}, said, fmt::make_format_args(arguments...));
    }
    void put(log_level level, const about& what, std::string_view kind, fmt::string_view said,
             fmt::format_args arguments);

    std::size_t scope_ = 0;
    std::atomic<log_level> level_{log_level::info};
};

/// The log of one scope: `log("http").warn(…)`.
/// @thread any
logger& log(log_scope scope);

/// Writes a line to people as it is, without time, level and scope; not what tells of a peer.
/// @return false, and nothing is written: lines are JSON
bool print(std::string_view line);

// How lines are written. @thread any

void use_format(log_format how);
/// @param scopes those whose level is another one
void use_levels(log_level all, const std::vector<std::pair<std::string_view, log_level>>& scopes);
/// How many lines of one kind are written before the others are only counted. Scope `app`, which no peer can
/// make speak, writes all of its lines.
void use_sampling(flood_gate::bounds chosen);
/// Where lines go instead of standard output; nullptr: there again.
void use_sink(std::shared_ptr<spdlog::sinks::sink> to);
/// Says how many lines were kept back, where that is due. Any line does so, too; when all is quiet somebody
/// has to.
void tell_kept_back();
/// Says so of all that were, before the end.
void tell_all_kept_back();
/// Lines that were kept back since the start.
std::uint64_t lines_kept_back();

} // namespace roomcast::server::base
