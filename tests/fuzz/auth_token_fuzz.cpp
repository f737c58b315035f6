// Everything of the sign-in that reads a client's bytes without a key. A token's first line may be JSON: then
// its parts are encoded here, for a fuzzer does not learn base64.

#include "json_oracle.hpp"

#include "fuzz/input.hpp"

#include "roomcast/core/auth/base64url.hpp"
#include "roomcast/core/auth/better_auth.hpp"
#include "roomcast/core/auth/claims.hpp"
#include "roomcast/core/auth/cookie.hpp"
#include "roomcast/core/auth/number.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/auth/token.hpp"
#include "roomcast/core/value.hpp"

#include <set>

namespace {

namespace auth = roomcast::core::auth;
namespace core = roomcast::core;
namespace fuzz = roomcast::fuzz;
using auth::reason;

const std::vector<std::string> algorithms{"HS256", "ES256"};
const std::vector<std::string> encryptions{"A256GCM", "A256CBC-HS512"};

std::string encoded(std::string_view text) {
    std::string out;
    auth::append_base64url(out, text);
    return out;
}

/// What was accepted has no other spelling.
void check_spelling(std::string_view text) {
    std::string bytes;
    if (auth::append_from_base64url(bytes, text)) ROOMCAST_PROPERTY(encoded(bytes) == text);
    bytes.clear();
    if (auth::append_from_strict_base64(bytes, text)) {
        std::string again;
        core::append_base64(again, bytes);
        ROOMCAST_PROPERTY(again == text);
    }
}

bool has_equal_names(std::string_view object) {
    std::set<std::string> names;
    core::value::walker each{object};
    while (each.next()) {
        if (!names.insert(core::value::text(each.raw_key()).value_or("")).second) return true;
    }
    return false;
}

void read_object(std::string_view text) {
    const reason why = auth::check_object(text);
    if (why != reason::malformed) ROOMCAST_PROPERTY(fuzz::is_json(text));
    if (why != reason::none) return;
    ROOMCAST_PROPERTY(core::value::kind_of(text) == core::value::kind::object);
    ROOMCAST_PROPERTY(!has_equal_names(text));
    std::optional<core::unix_time> expires;
    auth::claims_policy policy;
    policy.issuers = {"i"};
    policy.audiences = {"a"};
    policy.required = {"exp"};
    policy.tolerance_s = 15;
    (void)auth::check(text, core::unix_time{1'770'000'000}, policy, expires);
    (void)auth::check(text, core::unix_time{-1}, {}, expires);
    (void)auth::user_of(text, "user.id");
    if (const auto rule = auth::claim_match::compile(text)) (void)rule->matches(text);
    ROOMCAST_PROPERTY(auth::check_object(auth::claims_without_session_token(text)) == reason::none);
    auth::cached_session session;
    (void)auth::check_cached_session(text, "t", "1", core::unix_time{1'770'000'000}, session);
    core::value::walker each{text};
    while (each.next()) {
        if (const auto number = auth::decimal::of(each.element())) {
            const auto again = auth::decimal::of(number->text());
            ROOMCAST_PROPERTY(again && *again == *number);
        }
        if (const auto string = core::value::text(each.element())) (void)auth::iso_milliseconds(*string);
    }
}

void read_token(std::string_view token) {
    (void)auth::sketch(token);
    auth::jws signed_parts;
    if (auth::read_jws(token, algorithms, signed_parts) == reason::none) {
        ROOMCAST_PROPERTY(token.size() <= auth::max_token_bytes && auth::segments_of(token) == 3);
        ROOMCAST_PROPERTY(token ==
                          std::string{signed_parts.signing_input} + '.' + encoded(signed_parts.signature));
        ROOMCAST_PROPERTY(signed_parts.signing_input.ends_with('.' + encoded(signed_parts.payload)));
        read_object(signed_parts.payload);
    }
    auth::jwe sealed;
    if (auth::read_jwe(token, encryptions, sealed) == reason::none) {
        ROOMCAST_PROPERTY(sealed.iv.size() == (sealed.header.enc == "A256GCM" ? 12U : 16U));
        ROOMCAST_PROPERTY(sealed.tag.size() == (sealed.header.enc == "A256GCM" ? 16U : 32U));
        ROOMCAST_PROPERTY(token == std::string{sealed.aad} + ".." + encoded(sealed.iv) + '.' +
                                       encoded(sealed.ciphertext) + '.' + encoded(sealed.tag));
    }
    auth::signed_session session;
    if (auth::split_signed_session(token, session) == reason::none)
        ROOMCAST_PROPERTY(session.mac.size() == 32 && !session.token.empty());
    auth::compact_cache cache;
    if (auth::read_compact_cache(token, cache) == reason::none) {
        ROOMCAST_PROPERTY(cache.mac.size() == 32);
        ROOMCAST_PROPERTY(fuzz::is_json(cache.signed_text));
        read_object(cache.payload);
        (void)auth::check_expiry_ms(cache.expires_at, core::unix_time{1'770'000'000});
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view whole{reinterpret_cast<const char*>(data), size};
    fuzz::input in{data, size};
    const std::string_view first = in.line();
    check_spelling(whole);
    read_object(whole);
    read_token(whole);

    std::string joined = encoded(first);
    std::string sealed = joined + '.';
    while (!in.is_empty()) {
        const std::string part = '.' + encoded(in.line());
        joined += part;
        sealed += part;
    }
    read_token(joined);
    read_token(sealed);
    read_token(encoded(whole));

    std::string value;
    if (auth::session_cookie(whole, "s", value) == reason::none)
        ROOMCAST_PROPERTY(value.size() <= auth::max_token_bytes);
    if (!value.empty()) (void)auth::has_session_cookie(whole, "s");
    if (const auto decoded = auth::percent_decode_strict(whole)) ROOMCAST_PROPERTY(core::is_utf8(*decoded));
    return 0;
}
