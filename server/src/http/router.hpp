#pragma once

#include "transport/connection.hpp"

#include "roomcast/core/eio/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::server::http {

/// Sends requests where they belong: the protocol's path to sessions, all else to the application's handlers.
/// @thread every shard calls it; it has no state of its own
class router final : public transport::request_handler {
public:
    explicit router(engine::context& shared) : context_(&shared) {}

    next on_head(transport::connection& from) override;
    void on_request(transport::connection& from, std::string body) override;
    void on_body_too_large(transport::connection& from) override;
    void on_bad_request(transport::connection& from, unsigned status) override;

private:
    bool is_protocol_path(std::string_view path) const;
    next on_protocol_request(transport::connection& from);
    void open_session(transport::connection& from, const core::eio::request_query& query,
                      std::optional<core::eio::refusal> reason, const std::string& cors);
    void refuse(transport::connection& from, core::eio::refusal reason, const std::string& cors,
                std::string_view message = {});
    void on_application_request(transport::connection& from, std::string_view body);

    engine::context* context_;
};

} // namespace roomcast::server::http
