#include "roomcast/core/auth/claims.hpp"

#include "roomcast/core/auth/number.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <limits>

namespace roomcast::core::auth {

namespace {

/// `a + b` kept within the range; nobody's clock overflows us.
std::int64_t bounded_sum(std::int64_t a, std::int64_t b) {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    if (b > 0 && a > most - b) return most;
    if (b < 0 && a < least - b) return least;
    return a + b;
}

bool is_one_of(std::string_view checked, const std::vector<std::string>& all) {
    return std::any_of(all.begin(), all.end(),
                       [checked](const std::string& one) { return value::is_text(checked, one); });
}

bool is_in_audience(std::string_view checked, const std::vector<std::string>& audiences) {
    if (value::kind_of(checked) != value::kind::array) return is_one_of(checked, audiences);
    value::walker each{checked};
    while (each.next()) {
        if (is_one_of(each.element(), audiences)) return true;
    }
    return false;
}

/// Reads a claim that must be a number where it is. @return false: it is there and is none
bool read_time(std::string_view claims, std::string_view name, std::optional<decimal>& out) {
    const auto member = value::member(claims, name);
    if (!member) return true;
    out = decimal::of(*member);
    return out.has_value();
}

bool are_equal(std::string_view a, std::string_view b) {
    const auto kind = value::kind_of(a);
    if (kind != value::kind_of(b)) return false;
    switch (kind) {
    case value::kind::null: return true;
    case value::kind::boolean: return a == b;
    case value::kind::number: return decimal::of(a) == decimal::of(b);
    case value::kind::string: return value::text(a) == value::text(b);
    case value::kind::array:
    case value::kind::object: return false;
    }
    return false;
}

bool is_scalar(std::string_view checked) {
    const auto kind = value::kind_of(checked);
    return kind != value::kind::array && kind != value::kind::object;
}

} // namespace

reason check(std::string_view claims, unix_time now, const claims_policy& policy,
             std::optional<unix_time>& expires) {
    std::optional<decimal> exp, nbf, iat;
    if (!read_time(claims, "exp", exp) || !read_time(claims, "nbf", nbf) || !read_time(claims, "iat", iat))
        return reason::bad_claim_type;

    const auto issuer = value::member(claims, "iss");
    const auto audience = value::member(claims, "aud");
    if ((!policy.issuers.empty() && !issuer) || (!policy.audiences.empty() && !audience))
        return reason::missing_claim;
    for (const auto& name : policy.required) {
        if (!value::member(claims, name)) return reason::missing_claim;
    }
    if (!policy.issuers.empty() && !is_one_of(*issuer, policy.issuers)) return reason::bad_issuer;
    if (!policy.audiences.empty() && !is_in_audience(*audience, policy.audiences))
        return reason::bad_audience;

    const std::int64_t latest = bounded_sum(now.seconds, policy.tolerance_s);
    const std::int64_t earliest = bounded_sum(now.seconds, -policy.tolerance_s);
    if (nbf && (nbf->floor() > latest || (nbf->floor() == latest && nbf->has_fraction())))
        return reason::not_yet_valid;
    if (exp && (exp->floor() < earliest || (exp->floor() == earliest && !exp->has_fraction())))
        return reason::expired;
    if (exp) expires = unix_time{exp->floor()};
    return reason::none;
}

std::optional<std::string> identifier_of(std::string_view checked) {
    if (auto text = value::text(checked)) return text;
    if (const auto number = decimal::of(checked)) return number->text();
    return std::nullopt;
}

user user_of(std::string_view claims, std::string_view subject_path) {
    user out;
    if (const auto subject = at_path(claims, subject_path)) out.id = identifier_of(*subject);
    out.name = text_member(claims, "name");
    out.email = text_member(claims, "email");
    out.image = text_member(claims, "picture");
    if (!out.image) out.image = text_member(claims, "image");
    return out;
}

std::optional<claim_match> claim_match::compile(std::string_view json) {
    if (check_object(json) != reason::none) return std::nullopt;
    claim_match out;
    value::walker each{json};
    while (each.next()) {
        condition one;
        one.path = value::text(each.raw_key()).value_or(std::string{});
        if (value::kind_of(each.element()) == value::kind::array) {
            value::walker wanted{each.element()};
            while (wanted.next()) one.wanted.emplace_back(wanted.element());
        } else {
            one.wanted.emplace_back(each.element());
        }
        const bool is_good = std::all_of(one.wanted.begin(), one.wanted.end(),
                                         [](const std::string& wanted) { return is_scalar(wanted); });
        if (!is_good) return std::nullopt;
        out.conditions_.push_back(std::move(one));
    }
    return out;
}

bool claim_match::matches(std::string_view claims) const {
    return std::all_of(conditions_.begin(), conditions_.end(), [claims](const condition& one) {
        const auto found = at_path(claims, one.path);
        if (!found) return false;
        const auto is_wanted = [&one](std::string_view checked) {
            return std::any_of(one.wanted.begin(), one.wanted.end(),
                               [checked](const std::string& wanted) { return are_equal(checked, wanted); });
        };
        if (value::kind_of(*found) != value::kind::array) return is_wanted(*found);
        value::walker each{*found};
        while (each.next()) {
            if (is_wanted(each.element())) return true;
        }
        return false;
    });
}

} // namespace roomcast::core::auth
