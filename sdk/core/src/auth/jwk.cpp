#include "roomcast/core/auth/jwk.hpp"

#include "roomcast/core/auth/base64url.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <array>

namespace roomcast::core::auth {

namespace {

/// Members that hold private or symmetric keys (RFC 7518, section 6).
constexpr std::array<std::string_view, 8> private_members{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

bool has_private_member(std::string_view key) {
    for (const auto name : private_members) {
        if (value::member(key, name)) return true;
    }
    return false;
}

bool is_for_verifying(std::string_view key) {
    if (const auto use = value::member(key, "use"); use && !value::is_text(*use, "sig")) return false;
    const auto operations = value::member(key, "key_ops");
    if (!operations) return true;
    if (value::kind_of(*operations) != value::kind::array) return false;
    value::walker each{*operations};
    while (each.next()) {
        if (value::is_text(each.element(), "verify")) return true;
    }
    return false;
}

bool read_octets(std::string_view key, std::string_view name, std::string& out) {
    const auto text = text_member(key, name);
    return text && append_from_base64url(out, *text) && !out.empty();
}

/// A name that decides whether a key fits; one that is there and no text fits nothing.
std::optional<std::string> name_member(std::string_view key, std::string_view name) {
    const auto member = value::member(key, name);
    if (!member) return std::nullopt;
    return value::text(*member).value_or(std::string{});
}

jwk read_key(std::string_view key) {
    jwk out;
    out.kty = name_member(key, "kty").value_or(std::string{});
    out.crv = name_member(key, "crv").value_or(std::string{});
    out.kid = name_member(key, "kid");
    out.alg = name_member(key, "alg");
    out.is_for_verifying = is_for_verifying(key);
    out.is_private = has_private_member(key);
    if (out.kty == "RSA") {
        out.is_decodable = read_octets(key, "n", out.n) && read_octets(key, "e", out.e);
    } else if (out.kty == "EC") {
        out.is_decodable = read_octets(key, "x", out.x) && read_octets(key, "y", out.y);
    } else if (out.kty == "OKP") {
        out.is_decodable = read_octets(key, "x", out.x);
    }
    return out;
}

/// The kind of key and the curve that an algorithm asks for.
struct demand {
    std::string_view alg, kty, crv;
};
constexpr std::array<demand, 11> demands{{{"EdDSA", "OKP", "Ed25519"},
                                          {"Ed25519", "OKP", "Ed25519"},
                                          {"ES256", "EC", "P-256"},
                                          {"ES384", "EC", "P-384"},
                                          {"ES512", "EC", "P-521"},
                                          {"RS256", "RSA", ""},
                                          {"RS384", "RSA", ""},
                                          {"RS512", "RSA", ""},
                                          {"PS256", "RSA", ""},
                                          {"PS384", "RSA", ""},
                                          {"PS512", "RSA", ""}}};

} // namespace

reason read_jwk_set(std::string_view text, std::vector<jwk>& out) {
    if (text.size() > max_jwk_set_bytes) return reason::token_too_large;
    if (const auto why = check_object(text); why != reason::none) return why;
    const auto keys = value::member(text, "keys");
    if (!keys || value::kind_of(*keys) != value::kind::array) return reason::malformed;
    value::walker each{*keys};
    while (each.next()) {
        if (value::kind_of(each.element()) != value::kind::object || out.size() == max_jwk_set_keys)
            return reason::malformed;
        out.push_back(read_key(each.element()));
    }
    return reason::none;
}

const std::vector<std::string>& public_key_algorithms() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const auto& one : demands) all.emplace_back(one.alg);
        return all;
    }();
    return names;
}

reason select_key(const std::vector<jwk>& keys, std::string_view alg, const std::optional<std::string>& kid,
                  std::size_t& index) {
    const demand* wanted = nullptr;
    for (const auto& one : demands) {
        if (one.alg == alg) wanted = &one;
    }
    if (wanted == nullptr) return reason::key_not_found;
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const jwk& key = keys[i];
        const bool fits = key.kty == wanted->kty && (wanted->crv.empty() || key.crv == wanted->crv) &&
                          (!kid || key.kid == kid) && (!key.alg || *key.alg == alg) && key.is_for_verifying &&
                          !key.is_private;
        if (!fits) continue;
        index = i;
        ++found;
    }
    return found == 0 ? reason::key_not_found : found == 1 ? reason::none : reason::key_ambiguous;
}

} // namespace roomcast::core::auth
