#pragma once

#include "api/answer_table.hpp"
#include "api/command.hpp"
#include "api/couriers.hpp"
#include "api/secret_guard.hpp"
#include "base/published.hpp"
#include "engine/address_table.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::api {

/// The HTTP API: who has the secret publishes, moves sockets, and sees who is there. openapi.json describes
/// it. What it refers to must outlive it, and it the server.
/// @thread `handle` on any thread of the server
class endpoint {
public:
    endpoint(server& io, rules::application& rules, const couriers& hooks);

    /// What the API's own port answers beside it: a platform may look there, too, whether all is well.
    struct neighbour {
        std::function<bool(std::string_view path)> has;
        http_handler handle;
    };
    /// Serves where the settings say. Before `listen`. Without a secret the port of its own has the
    /// neighbour alone. @return the port of its own, if it has one
    /// @errors std::system_error
    std::optional<std::uint16_t> install(neighbour beside);
    /// Takes the secrets that are in force now.
    void reload();

private:
    struct result {
        std::optional<fault> wrong;
        std::string body;
    };
    using later = std::function<void(result)>;
    /// Where a command stands, for what is said of it; put into words only then.
    struct place {
        std::optional<std::size_t> index; ///< in a batch
        std::string_view word;
        std::string_view address; ///< who asks
        std::size_t commands = 1; ///< of the batch
        std::string operator+(std::string_view member) const;
    };
    struct batch;

    bool has(std::string_view path) const;
    bool handle(const http_request& request, const http_reply& reply);
    bool has_secret(const handshake_info& who) const;
    std::optional<fault> refusal_of(const http_request& request) const;
    void post(std::string_view word, const http_request& request, const http_reply& reply);
    void post_once(std::string_view word, const http_request& request, std::string key,
                   const http_reply& reply);
    void perform(std::string_view word, std::string_view body, std::string_view address, const later& done);
    void perform_batch(std::string_view body, std::string_view address, const later& done);
    /// @return what came of it; nothing when `make_later()` gets it some time
    template <class MakeLater>
    std::optional<result> run(command& what, const place& at, const MakeLater& make_later);
    template <class MakeLater>
    std::optional<result> emit(command& what, target whom, const place& at, const MakeLater& make_later);
    std::optional<fault> aim(const command& what, const place& at, target& whom) const;

    void get(std::string_view word, const http_request& request, const http_reply& reply);
    void get_sockets(const http_request& request, const http_reply& reply);
    void get_rooms(const http_request& request, const http_reply& reply);
    void get_users(const http_request& request, const http_reply& reply);
    void get_counts(const http_request& request, const http_reply& reply);
    void get_presence(const http_request& request, const http_reply& reply);
    void get_state(const http_request& request, const http_reply& reply);
    http_response webhooks_answer() const;
    command_bounds bounds() const;

    server* io_;
    rules::application* rules_;
    const couriers* hooks_;
    std::string prefix_;
    std::shared_ptr<engine::address_table> rates_;
    std::shared_ptr<engine::address_table> failures_; ///< requests without the secret
    base::published<const secret_guard> guard_;
    std::vector<std::unique_ptr<answer_table>> answers_; ///< one for each thread
};

} // namespace roomcast::server::api
