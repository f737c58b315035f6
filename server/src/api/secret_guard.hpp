#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::api {

/// Knows the secrets of the API, any of which opens it.
/// @thread any
class secret_guard {
public:
    explicit secret_guard(const std::vector<std::string>& secrets);

    /// Is this one of them? Takes the same time wherever it differs, and whatever the length of a secret:
    /// what is compared are hashes, with all of them.
    bool opens(std::string_view given) const;

private:
    std::vector<std::string> digests_;
};

/// What a request brings: `Authorization: Bearer …`, else `X-API-Secret`; empty when neither is there.
std::string_view secret_in(std::string_view authorization, std::string_view own_header);

} // namespace roomcast::server::api
