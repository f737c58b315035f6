#include "api/secret_guard.hpp"

#include "auth/crypto.hpp"
#include "auth/sources.hpp"

namespace roomcast::server::api {

secret_guard::secret_guard(const std::vector<std::string>& secrets) {
    for (const std::string& each : secrets) digests_.push_back(auth::digest(auth::hash::sha256, each));
}

bool secret_guard::opens(std::string_view given) const {
    const std::string digest = auth::digest(auth::hash::sha256, given);
    unsigned equal = 0;
    for (const std::string& each : digests_) {
        equal |= static_cast<unsigned>(auth::is_equal_in_constant_time(each, digest));
    }
    return equal != 0;
}

std::string_view secret_in(std::string_view authorization, std::string_view own_header) {
    if (const auto bearer = auth::bearer_of(authorization)) return *bearer;
    return own_header;
}

} // namespace roomcast::server::api
