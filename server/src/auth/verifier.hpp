#pragma once

#include "config/auth_settings.hpp"
#include "outbound/client.hpp"

#include "roomcast/core/auth/reason.hpp"
#include "roomcast/core/time.hpp"

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::auth {

/// What a client brought along. Views: they need to last during the call only.
struct credentials {
    std::string_view cookie_header;
    std::string_view authorization;
    std::string_view token;        ///< `auth.token`
    std::string_view auth_payload; ///< JSON that came with the Socket.IO CONNECT packet, or empty
    std::string_view name_space;
    std::string_view address;
    std::string_view origin;
    std::string_view query; ///< of the handshake request, without `?`
};

/// Who somebody is.
struct identity {
    std::string id; ///< may be empty: the credential names nobody (provider none, a token without a subject)
    std::string name;
    std::string email;
    std::string image;
    std::string claims = "{}"; ///< a JSON object; never has Better Auth's session token in it
    /// When the sign-in ends, and with it the connection. Of a Better Auth cookie cache: when the session
    /// ends.
    std::optional<core::unix_time> expires;
    /// When the credential itself ends; differs from `expires` for a cookie cache. Fractions as it has them.
    std::optional<double> credential_expires;
    std::string session_id;
    std::string session_token; ///< Better Auth: the proven token. A secret; for nobody's log
    std::string provider;      ///< name of the provider that decided
    /// Did the request carry a cookie that this provider looks at? Browsers send it along whatever page asks.
    bool has_cookie = false;
    std::vector<std::string> rooms; ///< a callout's wish
};

struct verdict {
    core::auth::reason reason = core::auth::reason::no_credential; ///< none: accepted
    identity who;                                                  ///< all empty when it is refused
    std::string detail; ///< more words for the log; never a secret or token
    /// With reason needs_introspection: the session token is genuine, only who it belongs to is not known,
    /// and the provider has nobody to ask.
    bool is_session_proven = false;

    bool is_accepted() const { return reason == core::auth::reason::none; }
};

class provider;

/// Decides about credentials. With several providers the first one that recognises a credential as its own
/// decides; what it refuses no other one gets to see. Unchanging but for what it keeps of other servers'
/// answers.
/// @thread any
class verifier {
public:
    using handler = std::function<void(verdict)>;

    /// Derives all keys.
    /// @param network for key sets, introspection and callouts; must outlive the verifier. Without one,
    /// whatever needs it is `unavailable`
    verifier(const std::vector<config::auth_provider>& providers, outbound::client* network);
    ~verifier();
    verifier(verifier&&) noexcept;
    verifier& operator=(verifier&&) noexcept;

    /// @param now wall-clock time; also decides how old kept answers are
    /// @param done called once: before this returns, or later on the client's thread. May outlive the
    /// verifier
    void verify(const credentials& what, core::unix_time now, handler done) const;

private:
    std::vector<std::shared_ptr<const provider>> providers_;
};

/// The verdict as `roomcast-server verify` prints it:
/// `{"accepted":true,"user":{…},"claims":{…},"expires":unix|null,"session":{…}?,"introspect":true?}` or
/// `{"accepted":false,"reason":"…"}`.
nlohmann::json describe(const verdict& what);

} // namespace roomcast::server::auth
