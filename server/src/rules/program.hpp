#pragma once

#include "auth/verifier.hpp"
#include "config/settings.hpp"
#include "rules/template.hpp"

#include "roomcast/core/auth/claims.hpp"
#include "roomcast/core/contract/contract.hpp"

#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::rules {

/// Does a missing or public secret stop the start? `verify` only wants to know what it would mean.
enum class weak_secrets : std::uint8_t { refused, tolerated };

/// Who may do something: all that is set must hold.
struct permission {
    bool needs_user = false;
    std::optional<core::auth::claim_match> claims;
    text_list rooms; ///< the sender must be in one of them
    bool is_everybody() const { return !needs_user && !claims && rooms.empty(); }
};

struct action;
using action_list = std::vector<action>;

struct forward_target {
    text_template url;
    core::duration timeout = std::chrono::seconds{5};
    std::string secret;
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<value_template> body;
};

/// One step of a rule.
struct action {
    enum class kind { join, leave, emit, ack, error, once, forward, log, disconnect };
    kind what = kind::ack;
    config::place at;
    text_list texts;   ///< join, leave, emit: rooms; once: its key; error: its message; log: the line
    std::string event; ///< emit; error: its code
    bool is_to_all = false;
    bool is_sender_excepted = false;
    bool is_volatile = false;
    bool is_retained = false;
    args_template arguments;
    std::optional<core::contract::event> shape; ///< of what is emitted, or of the ack
    core::duration keep{};                      ///< once; zero: for ever
    std::shared_ptr<const forward_target> target;
    action_list otherwise; ///< once, forward
};

struct event_rate {
    enum class by { socket, user, address };
    rate allowed;
    by whom = by::socket;
    config::over_rate over = config::over_rate::error;
    std::size_t slot = 0; ///< number of its bucket
};

struct compiled_event {
    std::string name;
    std::optional<core::contract::event> shape;        ///< of its arguments
    std::optional<core::contract::event> answer_shape; ///< of its acknowledgement
    permission allowed;
    std::optional<event_rate> limit;
    action_list actions;
};

struct presence_rule {
    std::string join, leave, joined, left;
    text_list rooms;
    permission allowed;
    std::optional<value_template> payload;
};

struct typing_rule {
    std::string start, stop;
    text_list rooms;
    std::optional<value_template> payload;
    core::duration expires{};
};

/// What an event that the server sends must look like.
struct sent_event {
    std::optional<core::contract::event> shape;
    bool is_retained = false;
};

struct compiled_name_space {
    std::string key; ///< the name, or the pattern with its ^
    bool is_pattern = false;
    std::regex pattern;
    std::shared_ptr<const auth::verifier> verifier; ///< nullptr: nobody signs in
    bool is_sign_in_optional = false;               ///< who has no credential comes in as nobody
    permission allowed;
    action_list on_connect;
    action_list on_disconnect;
    std::map<std::string, compiled_event, std::less<>> events;
    std::map<std::string, sent_event, std::less<>> sent;
    std::optional<presence_rule> presence;
    std::optional<typing_rule> typing;
    bool is_closed = false;
    bool has_retained = false;
};

/// All that the configuration says about events, checked and ready to run. Does not change; a reload makes
/// another one.
class program {
public:
    /// @param network for providers that ask somebody; may be nullptr
    /// @param mistakes gets everything that is wrong
    static std::shared_ptr<const program> compile(const config::settings& chosen, outbound::client* network,
                                                  std::vector<config::mistake>& mistakes,
                                                  std::vector<config::mistake>& remarks,
                                                  weak_secrets weak = weak_secrets::refused);

    /// The namespace of this name; @param groups gets the groups of a pattern
    const compiled_name_space* find(std::string_view name, std::vector<std::string>* groups = nullptr) const;

    const std::vector<std::unique_ptr<compiled_name_space>>& name_spaces() const { return name_spaces_; }
    const config::settings& chosen() const { return chosen_; }
    /// The contract: its source as JSON, and its compiled form, for clients.
    const std::string& contract_json() const { return contract_json_; }
    const std::string& contract_form() const { return contract_form_; }
    /// Servers that its rules and providers ask, each once.
    const std::vector<outbound::backend>& backends() const { return backends_; }
    const text_template& user_room() const { return user_room_; }
    /// Rooms that begin so belong to users: no event can join them by its arguments.
    const std::string& reserved_prefix() const { return reserved_prefix_; }
    /// Buckets that a socket, a user and an address need.
    std::size_t slots() const { return slots_; }
    bool counts_users() const { return counts_users_; }
    bool counts_addresses() const { return counts_addresses_; }

private:
    config::settings chosen_;
    std::vector<std::unique_ptr<compiled_name_space>> name_spaces_;
    std::map<std::string, const compiled_name_space*, std::less<>> by_name_;
    std::string contract_json_;
    std::string contract_form_;
    std::vector<outbound::backend> backends_;
    text_template user_room_;
    std::string reserved_prefix_;
    std::size_t slots_ = 1;
    bool counts_users_ = false;
    bool counts_addresses_ = false;

    friend class program_compiler;
};

/// Does this name mean something to Socket.IO itself, so that no event may have it?
bool is_reserved(std::string_view event);

/// Does this configuration ask anybody over the network?
bool needs_network(const config::settings& chosen);

/// The contract's source as `roomcast-server contract` and clients get it: schemas and events of all
/// namespaces.
config::json contract_source(const config::settings& chosen);

/// For generated types: marks with `is_answered` what clients get an acknowledgement of though the contract
/// has no schema for it, and with `has_auth` namespaces that somebody signs in to.
void mark_for_types(config::json& source, const config::settings& chosen);

} // namespace roomcast::server::rules
