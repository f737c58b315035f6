#pragma once

#include "api/settings.hpp"
#include "base/published.hpp"
#include "engine/address_table.hpp"
#include "rules/application.hpp"

#include "roomcast/server/server.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace roomcast::server::api {

/// Verdicts about credentials, kept for a moment: who asks every few seconds is not verified each time.
/// @thread one
class verdict_table {
public:
    explicit verdict_table(std::size_t most = 65'536) : most_(most) {}
    /// @param by what they were made with: with another program all are forgotten
    const rules::admitted* find(const std::string& digest, const std::shared_ptr<const rules::program>& by,
                                core::time_point now);
    void keep(const std::string& digest, rules::admitted what, core::time_point until, core::time_point now);
    std::size_t size() const { return known_.size(); }

private:
    struct entry {
        rules::admitted what;
        core::time_point until;
    };
    std::size_t most_;
    std::shared_ptr<const rules::program> by_;
    std::unordered_map<std::string, entry> known_;
};

/// Serves retained events to clients that have no socket. Errors are `{"error":"…"}` and nothing else: the
/// paths stand in for routes of an app, whose pages know no codes.
class state_reader {
public:
    state_reader(server& io, rules::application& rules, std::shared_ptr<const doors> chosen);

    /// Before `listen`.
    void install();
    void replace(std::shared_ptr<const doors> next) { chosen_.store(std::move(next)); }

private:
    struct question {
        std::string name_space;
        std::string room;
        std::string event;
        std::string known_tag;
        std::string known_time; ///< `lastUpdate`, of the body or else of the query
    };

    bool has(std::string_view path) const;
    bool handle(const http_request& request, const http_reply& reply);
    void admit(const http_request& request, const question& what, const http_reply& reply);
    void decide(const rules::admitted& who, const question& what, const http_reply& reply);
    static http_response answer(const rules::keeper::retained_event& found, const question& what);

    server* io_;
    rules::application* rules_;
    base::published<const doors> chosen_;
    std::shared_ptr<engine::address_table> rates_;
    std::vector<std::unique_ptr<verdict_table>> verdicts_; ///< one for each thread
};

} // namespace roomcast::server::api
