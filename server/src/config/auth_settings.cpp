#include "config/auth_settings.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <utility>

namespace roomcast::server::config {

namespace {

using nlohmann::json;

template <class Enum, std::size_t Count>
using names_of = std::array<std::pair<std::string_view, Enum>, Count>;

constexpr names_of<auth_kind, 8> kinds{{{"none", auth_kind::none},
                                        {"jwt", auth_kind::jwt},
                                        {"jwks", auth_kind::jwks},
                                        {"nextauth_v4", auth_kind::nextauth_v4},
                                        {"authjs_v5", auth_kind::authjs_v5},
                                        {"better_auth", auth_kind::better_auth},
                                        {"introspection", auth_kind::introspection},
                                        {"callout", auth_kind::callout}}};
constexpr names_of<secret_encoding, 3> encodings{
    {{"utf8", secret_encoding::utf8}, {"base64", secret_encoding::base64}, {"hex", secret_encoding::hex}}};
constexpr names_of<cache_strategy, 5> strategies{{{"none", cache_strategy::none},
                                                  {"compact", cache_strategy::compact},
                                                  {"jwt", cache_strategy::jwt},
                                                  {"jwe", cache_strategy::jwe},
                                                  {"jwks", cache_strategy::jwks}}};
constexpr names_of<credential_source, 4> source_names{{{"cookie", credential_source::cookie},
                                                       {"authorization", credential_source::authorization},
                                                       {"token", credential_source::token},
                                                       {"query", credential_source::query}}};

template <class Enum, std::size_t Count>
bool find_name(const names_of<Enum, Count>& names, std::string_view text, Enum& out) {
    const auto found =
        std::find_if(names.begin(), names.end(), [text](const auto& one) { return one.first == text; });
    if (found == names.end()) return false;
    out = found->second;
    return true;
}

template <class Enum, std::size_t Count>
std::string listed(const names_of<Enum, Count>& names) {
    std::string out = "one of";
    for (const auto& one : names) out.append(&one == names.data() ? " " : ", ").append(one.first);
    return out;
}

/// Reads the members of one provider, each into its place.
class reader {
public:
    reader(const json& from, read_provider& out) : from_(from), out_(out) {}

    void text(const char* name, std::string& into) {
        with(name, "a text", [&into](const json& value) {
            if (!value.is_string()) return false;
            into = value.get<std::string>();
            return true;
        });
    }
    /// A text, or a list of texts.
    void texts(const char* name, std::vector<std::string>& into) {
        with(name, "a text or a list of texts", [&into](const json& value) {
            if (value.is_string()) {
                into = {value.get<std::string>()};
                return true;
            }
            const bool is_good =
                value.is_array() &&
                std::all_of(value.begin(), value.end(), [](const json& one) { return one.is_string(); });
            if (is_good) into = value.get<std::vector<std::string>>();
            return is_good;
        });
    }
    void flag(const char* name, bool& into) {
        with(name, "true or false", [&into](const json& value) {
            if (!value.is_boolean()) return false;
            into = value.get<bool>();
            return true;
        });
    }
    template <class Enum, std::size_t Count>
    void choice(const char* name, const names_of<Enum, Count>& names, Enum& into) {
        with(name, listed(names), [&](const json& value) {
            return value.is_string() && find_name(names, value.get_ref<const std::string&>(), into);
        });
    }
    /// A number of seconds, fractions allowed, or a text with a unit: `500ms`, `5s`, `10m`, `1h`.
    void duration(const char* name, std::chrono::milliseconds most,
                  const std::function<void(std::chrono::milliseconds)>& take) {
        with(name, "a duration such as 5s, at most " + std::to_string(most.count() / 1000) + " s",
             [&](const json& value) {
                 const auto ms = milliseconds_of(value);
                 if (!ms || *ms > most) return false;
                 take(*ms);
                 return true;
             });
    }
    void with(const char* name, const std::string& expected, const std::function<bool(const json&)>& take) {
        known_.emplace_back(name);
        const auto found = from_.find(name);
        if (found != from_.end() && !take(*found)) mistake(name, expected);
    }
    void mistake(const std::string& name, std::string expected) {
        out_.mistakes.push_back({'.' + name, std::move(expected)});
    }
    bool has(const char* name) const { return from_.contains(name); }
    const std::vector<std::string>& known() const { return known_; }
    void refuse_others() {
        for (const auto& [name, value] : from_.items()) {
            if (std::find(known_.begin(), known_.end(), name) == known_.end())
                mistake(name, "no such setting of a provider");
        }
    }

private:
    static std::optional<std::chrono::milliseconds> milliseconds_of(const json& value) {
        constexpr double most_s = 1e9;
        if (value.is_number()) {
            const double s = value.get<double>();
            if (!(s >= 0) || s > most_s) return std::nullopt;
            return std::chrono::milliseconds{static_cast<std::int64_t>(s * 1000)};
        }
        if (!value.is_string()) return std::nullopt;
        const auto& text = value.get_ref<const std::string&>();
        const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        if (digits == 0 || digits > 9) return std::nullopt;
        static const std::map<std::string, std::int64_t> units{
            {"ms", 1}, {"", 1000}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
        const auto unit = units.find(text.substr(digits));
        if (unit == units.end()) return std::nullopt;
        return std::chrono::milliseconds{std::stoll(text.substr(0, digits)) * unit->second};
    }

    const json& from_;
    read_provider& out_;
    std::vector<std::string> known_;
};

/// `2:new,1:old`, as BETTER_AUTH_SECRETS has it: the first one is current.
std::vector<std::string> versioned_secrets(const std::string& text) {
    std::vector<std::string> out;
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        std::string one = text.substr(at, end - at);
        const std::size_t colon = one.find(':');
        const bool is_versioned =
            colon != std::string::npos && colon > 0 && one.find_first_not_of("0123456789") == colon;
        if (is_versioned) one.erase(0, colon + 1);
        if (!one.empty()) out.push_back(std::move(one));
        at = end + 1;
    }
    return out;
}

void read_secrets(reader& read, auth_provider& into) {
    std::string one;
    std::vector<std::string> more;
    read.text("secret", one);
    read.with("secrets", "a list of texts", [&](const json& value) {
        if (value.is_string() && into.kind == auth_kind::better_auth) {
            more = versioned_secrets(value.get<std::string>());
            return true;
        }
        const bool is_good =
            value.is_array() &&
            std::all_of(value.begin(), value.end(), [](const json& each) { return each.is_string(); });
        if (is_good) more = value.get<std::vector<std::string>>();
        return is_good;
    });
    into.secrets = std::move(more);
    if (!read.has("secret")) return;
    // Better Auth keeps a plain secret beside versioned ones as the oldest; elsewhere it is the current one.
    const bool is_last = into.kind == auth_kind::better_auth;
    into.secrets.insert(is_last ? into.secrets.end() : into.secrets.begin(), std::move(one));
}

bool is_web_url(const std::string& text) {
    return text.starts_with("https://") || text.starts_with("http://");
}

void check_urls(reader& read, const auth_provider& provider) {
    const std::array<std::pair<const char*, const std::string*>, 3> urls{
        {{"jwks_url", &provider.jwks_url}, {"base_url", &provider.base_url}, {"url", &provider.url}}};
    for (const auto& [name, text] : urls) {
        if (!text->empty() && !is_web_url(*text)) read.mistake(name, "a URL with http:// or https://");
    }
    if (provider.jwks_url.starts_with("http://") && !provider.allow_http) {
        // The host ends where its port or path begins: http://localhost.evil.example is elsewhere.
        const std::string host = provider.jwks_url.substr(7, provider.jwks_url.find_first_of(":/?", 8) - 7);
        const bool is_here =
            host == "localhost" || host.starts_with("127.") || provider.jwks_url.starts_with("http://[::1]");
        if (!is_here) read.mistake("jwks_url", "https (or allow_http: true in a network that is trusted)");
    }
}

void check_algorithms(reader& read, const auth_provider& provider) {
    const auto is_hmac = [](const std::string& alg) { return alg.starts_with("HS"); };
    const auto is_known = [](const std::string& alg) {
        static const std::array<std::string_view, 14> all{"HS256", "HS384", "HS512", "EdDSA", "Ed25519",
                                                          "ES256", "ES384", "ES512", "RS256", "RS384",
                                                          "RS512", "PS256", "PS384", "PS512"};
        return std::find(all.begin(), all.end(), alg) != all.end();
    };
    const bool wants_hmac = provider.kind == auth_kind::jwt;
    for (const auto& alg : provider.algorithms) {
        if (!is_known(alg) || is_hmac(alg) != wants_hmac)
            read.mistake("algorithms",
                         wants_hmac ? "HS256, HS384 or HS512" : "public key algorithms such as ES256");
    }
    for (const auto& alg : provider.accept_jws) {
        if (!is_known(alg) || !is_hmac(alg)) read.mistake("accept_jws", "HS256, HS384 or HS512");
    }
}

/// What a kind cannot do without.
void check_needs(reader& read, const auth_provider& provider) {
    switch (provider.kind) {
    case auth_kind::none: break;
    case auth_kind::jwt:
    case auth_kind::nextauth_v4:
    case auth_kind::authjs_v5:
        if (provider.secrets.empty()) read.mistake("secret", "a secret, the same as the app has");
        break;
    case auth_kind::jwks:
        if (provider.jwks.empty() == provider.jwks_url.empty())
            read.mistake("jwks_url", "either jwks_url or jwks");
        break;
    case auth_kind::better_auth:
        if (provider.secrets.empty()) read.mistake("secret", "a secret, the same as the app has");
        if (!provider.jwks.empty() && !provider.jwks_url.empty())
            read.mistake("jwks_url", "either jwks_url or jwks");
        if (provider.strategy == cache_strategy::jwks && provider.jwks.empty() && provider.jwks_url.empty() &&
            provider.base_url.empty())
            read.mistake("jwks_url", "jwks_url, jwks or base_url for the strategy jwks");
        break;
    case auth_kind::introspection:
    case auth_kind::callout:
        if (provider.url.empty()) read.mistake("url", "the URL to ask");
        break;
    }
}

} // namespace

std::string_view name_of(auth_kind kind) {
    for (const auto& [name, each] : kinds) {
        if (each == kind) return name;
    }
    return "";
}

namespace {

void read_members(reader& read, auth_provider& into) {
    if (!read.has("type")) read.mistake("type", listed(kinds));
    read.choice("type", kinds, into.kind);
    read.text("name", into.name);
    read_secrets(read, into);
    read.choice("secret_encoding", encodings, into.encoding);
    read.texts("algorithms", into.algorithms);
    read.texts("issuer", into.issuers);
    read.texts("audience", into.audiences);
    read.duration("clock_tolerance", std::chrono::hours{1}, [&into](std::chrono::milliseconds ms) {
        into.clock_tolerance = std::chrono::duration_cast<std::chrono::seconds>(ms);
    });
    read.texts("required_claims", into.required_claims);
    read.texts("subject_claim", into.subject_claims);
    read.texts("accept_jws", into.accept_jws);
    read.texts("cookie", into.cookies);
    read.flag("secure_only", into.is_secure_only);
    read.with("sources", "a list of cookie, authorization, token, query", [&into](const json& value) {
        if (!value.is_array()) return false;
        for (const auto& one : value) {
            credential_source source{};
            if (!one.is_string() || !find_name(source_names, one.get_ref<const std::string&>(), source))
                return false;
            into.sources.push_back(source);
        }
        return true;
    });
    read.choice("strategy", strategies, into.strategy);
    read.text("cache_cookie", into.cache_cookie);
    read.text("cache_version", into.cache_version);
    read.text("jwks_url", into.jwks_url);
    read.with("jwks", "a key set: {\"keys\": […]}", [&into](const json& value) {
        if (!value.is_object() && !value.is_string()) return false;
        into.jwks = value.is_string() ? value.get<std::string>() : value.dump();
        return true;
    });
    read.text("base_url", into.base_url);
    read.text("url", into.url);
    read.duration("timeout", std::chrono::minutes{1},
                  [&into](std::chrono::milliseconds ms) { into.timeout = ms; });
    read.duration("cache", std::chrono::hours{1}, [&into](std::chrono::milliseconds ms) {
        into.cache = std::chrono::duration_cast<std::chrono::seconds>(ms);
    });
    read.with("forward_headers", "a list of cookie and authorization", [&into](const json& value) {
        if (!value.is_array()) return false;
        into.forward_headers.clear();
        for (const auto& one : value) {
            if (one != "cookie" && one != "authorization") return false;
            into.forward_headers.push_back(one.get<std::string>());
        }
        return true;
    });
    read.flag("allow_http", into.allow_http);
}

} // namespace

read_provider read_auth_provider(const json& from) {
    read_provider out;
    if (!from.is_object()) {
        out.mistakes.push_back({"", "a provider: a map with a type"});
        return out;
    }
    reader read{from, out};
    read_members(read, out.provider);
    read.refuse_others();
    check_urls(read, out.provider);
    check_algorithms(read, out.provider);
    check_needs(read, out.provider);
    if (out.provider.name.empty()) out.provider.name = name_of(out.provider.kind);
    return out;
}

std::vector<std::string> auth_provider_members() {
    const json nothing = json::object();
    read_provider ignored;
    reader read{nothing, ignored};
    read_members(read, ignored.provider);
    return read.known();
}

std::vector<weakness> weaknesses_of(const auth_provider& provider) {
    std::vector<weakness> out;
    const bool has_secret = provider.kind == auth_kind::jwt || provider.kind == auth_kind::nextauth_v4 ||
                            provider.kind == auth_kind::authjs_v5 || provider.kind == auth_kind::better_auth;
    if (!has_secret) return out;
    if (provider.secrets.empty()) out.push_back({severity::error, "there is no secret"});
    for (const auto& secret : provider.secrets) {
        if (secret.empty()) out.push_back({severity::error, "the secret is empty"});
        if (provider.kind == auth_kind::better_auth && secret == better_auth_public_secret)
            out.push_back(
                {severity::error, "the secret is Better Auth's built-in one, which everybody knows"});
        if (!secret.empty() && secret.size() < 32) {
            out.push_back({severity::warning,
                           "the secret is shorter than 32 bytes: whoever has one token can guess at it"});
        }
    }
    if (provider.kind == auth_kind::better_auth && provider.strategy == cache_strategy::none &&
        provider.base_url.empty()) {
        out.push_back({severity::warning,
                       "no session cookie lets anybody in: only the app knows whose it is, so set base_url, "
                       "or strategy if the app keeps a cookie cache"});
    }
    return out;
}

} // namespace roomcast::server::config
