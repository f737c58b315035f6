#pragma once

#include "admin/sign_in.hpp"
#include "config/settings.hpp"
#include "engine/address_table.hpp"
#include "rules/rate_gate.hpp"

#include "roomcast/server/server.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace roomcast::server::admin {

/// The other end of the official Admin UI: a namespace where operators watch the sockets of this process and
/// act on them. Set up before the server runs; must outlive it.
class desk final : public observer {
public:
    explicit desk(config::admin_settings chosen);

    /// Takes its namespace. Before `listen`.
    void install(server& io);

    bool sees_events_of(const std::string& name_space) const override;
    void on_connected(const socket& who) override;
    void on_disconnected(const socket& who, std::string_view reason,
                         const std::vector<std::string>& rooms) override;
    void on_joined(const socket& who, std::string_view room) override;
    void on_left(const socket& who, std::string_view room) override;
    void on_upgraded(const socket& who) override;
    void on_received(const socket& who, const args& event) override;
    void on_sent(const socket& who, const args& event) override;

private:
    struct operator_state;

    void admit(socket& who, const next_step& next) const;
    void welcome(socket& who);
    void farewell();
    void show_all(const socket& to);
    void show_figures(const socket& to, std::shared_ptr<const statistics> before);
    void take_commands(name_space at);
    /// Whom a command is for: all of a namespace that exists, or a room of it; nullopt: it makes no sense.
    std::optional<broadcast_operator> whom(const event& command, std::size_t filter_at) const;
    void tell(const char* event, std::string arguments) const;
    void tell_event(const char* event, const socket& who, const args& what);

    config::admin_settings chosen_;
    sign_in door_;
    std::shared_ptr<engine::address_table> attempts_;
    server* io_ = nullptr;
    std::optional<broadcast_operator> operators_;
    std::atomic<std::size_t> present_{0};
    rules::bucket shown_; ///< events a second
};

} // namespace roomcast::server::admin
