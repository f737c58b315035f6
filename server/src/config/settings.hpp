#pragma once

#include "base/log.hpp"
#include "config/document.hpp"

#include "roomcast/server/options.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace roomcast::server::config {

/// Which names may lead into a private network; see outbound::reach.
enum class private_reach { literal, intranet, any };
enum class metrics_reach { off, private_networks, any };
enum class page_mode { off, counts, full };
enum class admin_mode { production, development };
enum class over_rate { error, drop, disconnect };
enum class expiry_policy { close, notice };

/// Bounds that the event rules hold. Rates: see `rate`.
struct rule_limits {
    rate events_per_socket;
    rate events_per_user;
    rate events_per_address;
    over_rate over = over_rate::error;
    std::size_t connections_per_user = 0; ///< per namespace; 0: no bound
    std::size_t once_keys = 1'000'000;
    std::uint64_t retained_bytes = 64U << 20U;
    std::uint64_t presence_bytes = 16U << 10U;
    std::size_t forwards = 1000;
};

/// What holds for all ways to sign in.
struct auth_settings {
    bool is_optional = false;
    std::string user_room = "user:{user.id}";
    std::string missing = "Authentication required";
    std::string invalid = "Unauthorized";
    expiry_policy on_expiry = expiry_policy::notice;
    core::duration expiry_notice = std::chrono::seconds{60};
    core::duration max_lifetime{}; ///< zero: as long as the credential says
    bool checks_origin = true;
    std::vector<std::string> revoked_users;
    std::vector<std::string> revoked_sessions;
};

/// The HTTP API.
struct api_settings {
    std::vector<std::string> secrets; ///< none: there is no API
    std::string prefix = "/roomcast/v1";
    std::optional<std::uint16_t> port;
    std::string host;    ///< empty: as for sockets
    bool has_tls = true; ///< on its own port, when the server has TLS
    std::optional<bool> is_on_socket_port;
    std::uint64_t max_body_bytes = 4'000'000;
    std::size_t max_batch = 1000;
    rate rate_per_address;
    core::duration revoke_for = std::chrono::hours{24};
    core::duration keep_answers = std::chrono::hours{1};
    std::size_t max_answers = 10'000;

    bool is_on() const { return !secrets.empty(); }
    bool serves_socket_port() const { return is_on() && is_on_socket_port.value_or(!port); }
};

/// Reading retained events without a socket.
struct state_settings {
    bool is_general = false;
    core::duration keep_verdicts = std::chrono::seconds{5};
    rate rate_per_address{std::chrono::milliseconds{10}, 1000};
};

/// The official Admin UI's way in.
struct admin_settings {
    std::string username = "admin";
    std::string password; ///< as it is typed, or `sha256:` and 64 hex digits; empty: there is no way in
    admin_mode mode = admin_mode::development;
    bool is_read_only = false;
    std::string name_space = "/admin";
};

/// What is written, and how.
struct log_settings {
    base::log_level level = base::log_level::info;
    std::vector<std::pair<std::string_view, base::log_level>> scopes; ///< those with a level of their own
    base::log_format format = base::log_format::text;
    base::flood_gate::bounds sampling;
};

/// Everything that can be chosen.
struct settings {
    roomcast::server::options server;
    std::string service = "roomcast";
    page_mode page = page_mode::counts;
    rule_limits limits;
    auth_settings auth;
    log_settings log;
    metrics_reach metrics = metrics_reach::private_networks;
    std::string metrics_token;
    admin_settings admin;
    core::duration drain_delay{};
    core::duration drain_window{};
    std::string snapshot_file; ///< recovery.snapshot; empty: what clients may recover ends with the process
    std::uint64_t snapshot_max_bytes = 256U << 20U;
    api_settings api;
    state_settings state;
    private_reach private_addresses = private_reach::intranet;
    std::string ca_file;                   ///< PEM; empty: the system's authorities alone
    std::optional<bool> skips_middlewares; ///< recovery.skip_middlewares, when it was chosen
    /// The whole document, for who reads `auth.providers`, `schemas`, `namespaces`, `state` and
    /// `webhooks`.
    std::shared_ptr<const document> whole;
};

struct loaded {
    settings chosen;
    std::vector<mistake> mistakes;
    /// Worth a word, but no mistake.
    std::vector<mistake> remarks;
};

/// Reads a configuration. Precedence, highest first: `flags` (path, value), environment, file, defaults.
/// @param text YAML or JSON; empty: no file
loaded load(std::string_view text, const environment& environment_of,
            const std::vector<std::pair<std::string, std::string>>& flags);

/// Adds mistakes but those that only follow from a known one.
void add_new(std::vector<mistake> more, std::vector<mistake>& known);

/// What is in force, defaults included and secrets masked, as YAML that `load` reads.
std::string print(const settings& chosen);

/// Paths of all settings that have a place in `settings`; the schema describes just these.
std::vector<std::string_view> settable_paths();

/// The settings that differ and cannot change while the server runs.
std::vector<std::string> fixed_differences(const settings& running, const settings& wanted);

/// All settings with their environment names and what they expect, one a line; for `--help-settings`.
std::string reference();

/// A time such as `25s`, `500ms`; a plain number counts milliseconds.
std::optional<core::duration> duration_of(std::string_view text);
std::optional<core::duration> duration_in(const json& value);
/// A rate such as `10/s`, `5/10s`, `100/m burst 200`, or `off`. Without `burst` as many at once as in one
/// period.
std::optional<rate> rate_of(std::string_view text);

} // namespace roomcast::server::config
