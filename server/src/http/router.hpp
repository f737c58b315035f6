#pragma once

#include "engine/context.hpp"
#include "transport/connection.hpp"

#include "roomcast/core/eio/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::proxy {
class upstream;
}

namespace roomcast::server::http {

/// Sends requests where they belong: the protocol's path to sessions, all else to the application's handlers.
/// @thread every shard calls it; what it has does not change while the server runs
class router final : public transport::request_handler {
public:
    /// The router of the port for sockets.
    explicit router(engine::context& shared) : context_(&shared), handlers_(&shared.http_handlers) {}
    /// The router of a port for plain requests alone. @param handlers must outlive it
    router(engine::context& shared, const std::vector<engine::http_entry>& handlers)
        : context_(&shared), handlers_(&handlers), serves_sockets_(false) {}

    /// From now on what is not ours goes there. @param to must outlive the router
    void use(proxy::upstream& to) { upstream_ = &to; }

    next on_head(transport::connection& from) override;
    void on_request(transport::connection& from, std::string body) override;
    void on_body_too_large(transport::connection& from) override;
    void on_bad_request(transport::connection& from, unsigned status) override;

private:
    bool is_protocol_path(std::string_view path) const;
    bool is_of_upstream(std::string_view path) const;
    next on_protocol_request(transport::connection& from);
    void open_session(transport::connection& from, const core::eio::request_query& query,
                      std::optional<core::eio::refusal> reason, const std::string& cors);
    void refuse(transport::connection& from, core::eio::refusal reason, const std::string& cors,
                std::string_view message = {});
    enum class body_state : std::uint8_t { complete, too_large };
    void on_application_request(transport::connection& from, std::string_view body, body_state state);
    /// The first handler that claims this path, nullptr when there is only such as get all paths.
    const engine::http_entry* claimant_of(std::string_view path) const;

    engine::context* context_;
    const std::vector<engine::http_entry>* handlers_;
    bool serves_sockets_ = true;
    proxy::upstream* upstream_ = nullptr;
};

} // namespace roomcast::server::http
