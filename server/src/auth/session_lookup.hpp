#pragma once

#include "auth/verifier.hpp"
#include "outbound/client.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace roomcast::server::auth {

/// Asks an app whose session a cookie or token is, over the route its own pages use. A yes is kept for some
/// seconds; equal questions at one time are asked once. No answer is a no.
/// @thread any
class session_lookup : public std::enable_shared_from_this<session_lookup> {
public:
    struct options {
        std::string url;
        core::duration timeout{};
        std::chrono::seconds keep{};
        std::vector<std::string> subject_paths; ///< in the answer, tried in order; empty: `user.id`
        std::vector<std::string> required_claims;
        std::string provider_name;
    };
    /// What is sent along of the client's headers, and nothing else.
    struct question {
        std::string cookie;
        std::string authorization;
    };

    session_lookup(options chosen, outbound::client* network);

    /// @param done called once, before this returns or later on the client's thread
    void ask(question what, core::unix_time now, verifier::handler done);

    /// What an answer says about who is signed in.
    static verdict judge(std::string_view body, core::unix_time now, const options& chosen);

private:
    struct kept {
        verdict answer;
        core::unix_time until;
    };
    void on_response(const std::string& key, core::unix_time asked_at, const outbound::response& got);
    void keep(const std::string& key, core::unix_time now, const verdict& answer);

    options options_;
    outbound::client* network_;

    /// Guards what follows, which all shards share; held for a look-up.
    std::mutex mutex_;
    std::unordered_map<std::string, kept> kept_; ///< by the hash of the question
    std::unordered_map<std::string, std::vector<verifier::handler>> asking_;
    std::size_t waiting_ = 0;
};

/// May this text become the value of a header?
bool is_header_safe(std::string_view text);

} // namespace roomcast::server::auth
