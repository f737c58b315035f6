#pragma once

#include "config/settings.hpp"
#include "rules/program.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::api {

/// A text with parameters of a request in it: `election-{query.electionId}`.
class query_template {
public:
    /// @return nothing when it is none; `wrong` says why
    static std::optional<query_template> compile(std::string_view text, std::string& wrong);
    /// @param parameter gives a parameter's value, or nothing @param missing gets the name of one that is not
    /// there
    template <class Parameter>
    std::optional<std::string> render(const Parameter& parameter, std::string& missing) const {
        std::string text;
        for (const piece& each : pieces_) {
            text += each.literal;
            if (each.parameter.empty()) continue;
            const std::optional<std::string> value = parameter(each.parameter);
            if (!value || value->empty()) {
                missing = each.parameter;
                return std::nullopt;
            }
            text += *value;
        }
        return text;
    }

private:
    struct piece {
        std::string literal;
        std::string parameter; ///< behind the literal; empty: none
    };
    std::vector<piece> pieces_;
};

/// A path at which retained state is read.
struct state_path {
    std::string path;
    std::string name_space = "/";
    std::optional<query_template> room; ///< nothing: what is retained for the whole namespace
    std::string event;
};

enum class life_event : std::uint8_t { connected, disconnected, room_occupied, room_vacated };
std::string_view name_of(life_event what);

/// Where lifecycle events are posted.
struct hook {
    std::string url;
    std::vector<std::string> secrets;
    std::uint8_t events = 0b1111; ///< a bit for each life_event
    std::vector<std::string> name_spaces;
    std::vector<std::string> rooms; ///< patterns
    std::size_t batch_size = 100;
    core::duration batch_delay = std::chrono::milliseconds{100};
    core::duration timeout = std::chrono::seconds{5};
    std::uint32_t retries = 10;
    core::duration backoff = std::chrono::seconds{1};
    std::size_t queue = 10'000;

    bool wants(life_event what) const { return (events >> static_cast<unsigned>(what) & 1U) != 0; }
    bool wants(life_event what, std::string_view name_space) const;
    bool wants_room(std::string_view room) const;

    friend bool operator==(const hook&, const hook&) = default;
};

/// Does a text fit a pattern in which `*` is any text?
bool fits(std::string_view text, std::string_view pattern);

/// What the configuration's `state` and `webhooks` say. Does not change; a reload makes another one.
struct doors {
    std::vector<state_path> states;
    std::vector<hook> hooks;

    /// @param by the compiled rules; nullptr: they have mistakes of their own
    static std::shared_ptr<const doors> compile(const config::settings& chosen, const rules::program* by,
                                                std::vector<config::mistake>& mistakes,
                                                std::vector<config::mistake>& remarks);
};

} // namespace roomcast::server::api
