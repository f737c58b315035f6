#pragma once

#include "api/settings.hpp"
#include "config/settings.hpp"
#include "rules/program.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What roomcast-server does besides serving.
namespace roomcast::server::app {

inline constexpr int exit_failure = 1;
inline constexpr int exit_bad_configuration = 2;
inline constexpr int exit_cannot_listen = 3;

/// Where a configuration comes from; read again for a reload.
struct configuration_source {
    std::string path; ///< empty: no file
    std::vector<std::pair<std::string, std::string>> flags;
};

struct prepared {
    config::settings chosen;
    std::shared_ptr<const rules::program> program;
    std::shared_ptr<const api::doors> doors;
    std::vector<std::string> remarks;
};

/// Gives the client for requests of ours, once the settings are known; nullptr: nobody is asked.
using network_source = std::function<outbound::client*(const config::settings&)>;
std::unique_ptr<outbound::client> make_network(const config::settings& chosen);

/// Loads and checks everything. @param mistakes gets a line for each one
std::optional<prepared> prepare(const configuration_source& from, const network_source& network,
                                std::vector<std::string>& mistakes,
                                rules::weak_secrets weak = rules::weak_secrets::refused);
/// The same; prints the mistakes to standard error.
std::optional<prepared> prepare_or_complain(const configuration_source& from, const network_source& network,
                                            rules::weak_secrets weak = rules::weak_secrets::refused);

int check(const configuration_source& from);
int print_config(const configuration_source& from);

struct verify_request {
    std::string name_space = "/";
    std::string token;
    std::string cookie;
    std::string authorization;
    std::optional<std::int64_t> now;
};
/// Says as JSON whether a credential is accepted.
int verify(const configuration_source& from, const verify_request& what);

/// Asks the server that runs with this configuration for its health, and says what came of it.
/// @param url asked in its place; empty: none
/// @return 0 for an answer of 200, 2 when a flag is wrong, else 1
int health_check(const configuration_source& from, const std::string& url);

/// Prints the contract. @param format ts, cpp, asyncapi or json
int contract(const configuration_source& from, const std::string& format);

} // namespace roomcast::server::app
