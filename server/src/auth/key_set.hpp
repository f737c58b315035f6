#pragma once

#include "auth/public_key.hpp"
#include "outbound/client.hpp"

#include "roomcast/core/auth/jwk.hpp"
#include "roomcast/core/auth/reason.hpp"
#include "roomcast/core/time.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::auth {

/// The public keys of an issuer: given once, or fetched from one configured URL and kept for ten minutes. A
/// key that is not among them is asked for again at most every 30 seconds, by whomever and under whatever
/// names; when nobody answers, the last good set stays.
/// @thread any
class key_set : public std::enable_shared_from_this<key_set> {
public:
    using handler = std::function<void(core::auth::reason, std::shared_ptr<const public_key>)>;

    /// @param json the set itself; what is wrong with it is the reason of every answer
    static std::shared_ptr<key_set> given(std::string_view json);
    static std::shared_ptr<key_set> fetched(std::string url, core::duration timeout,
                                            outbound::client* network);

    /// Finds the key for a token. @param done called once, before this returns or later on the client's
    /// thread
    void find(std::string_view alg, const std::optional<std::string>& kid, core::unix_time now, handler done);

private:
    struct imported {
        core::auth::reason fault = core::auth::reason::none; ///< of the set as a whole
        std::vector<core::auth::jwk> keys;
        std::vector<std::shared_ptr<const public_key>> ready;
        std::vector<core::auth::reason> faults;
    };
    struct answer {
        core::auth::reason why;
        std::shared_ptr<const public_key> key;
    };
    struct waiting {
        std::string alg;
        std::optional<std::string> kid;
        handler done;
    };

    static std::shared_ptr<const imported> import(std::string_view json);
    static answer look_up(const imported& keys, std::string_view alg, const std::optional<std::string>& kid);
    void fetch(core::unix_time now);
    std::string place() const;
    void on_response(const outbound::response& got, core::unix_time asked_at);

    std::string url_;
    core::duration timeout_{};
    outbound::client* network_ = nullptr;

    /// Guards what follows. A key is wanted at once by all shards, for the time of a look-up in a short list.
    std::mutex mutex_;
    std::shared_ptr<const imported> keys_;
    core::unix_time fetched_at_;
    std::optional<core::unix_time> asked_at_;
    bool is_fetching_ = false;
    std::vector<waiting> waiting_;
};

} // namespace roomcast::server::auth
