#include "auth/provider.hpp"

#include "auth/tokens.hpp"

#include "roomcast/core/auth/claims.hpp"
#include "roomcast/core/auth/cookie.hpp"
#include "roomcast/core/auth/number.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;
namespace value = core::value;

constexpr std::size_t max_payload_bytes = core::auth::max_token_bytes;
constexpr std::size_t max_rooms = 1000;
constexpr std::size_t max_room_bytes = 512;

void append_member(std::string& out, std::string_view name, std::string_view text) {
    if (out.size() > 1) out.push_back(',');
    value::append_string(out, name);
    out.push_back(':');
    value::append_string(out, text);
}

/// `expires` of an answer: Unix seconds, or ISO 8601. @return false: it is neither
bool read_expires(std::string_view checked, std::optional<core::unix_time>& out) {
    if (value::kind_of(checked) == value::kind::null) return true;
    if (const auto text = value::text(checked)) {
        const auto ms = core::auth::iso_milliseconds(*text);
        if (ms) out = core::unix_time{*ms / 1000};
        return ms.has_value();
    }
    const auto number = core::auth::decimal::of(checked);
    if (number) out = core::unix_time{number->floor()};
    return number.has_value();
}

bool read_rooms(std::string_view checked, std::vector<std::string>& out) {
    if (value::kind_of(checked) != value::kind::array) return false;
    value::walker each{checked};
    while (each.next()) {
        auto room = value::text(each.element());
        if (!room || room->empty() || room->size() > max_room_bytes || out.size() == max_rooms) return false;
        out.push_back(std::move(*room));
    }
    return true;
}

verdict judge(std::string_view body, core::unix_time now, const std::string& provider_name) {
    const auto broken = [](const char* what) {
        return refuse(reason::unavailable, std::string{"the callout's answer: "} + what);
    };
    if (core::auth::check_object(body) != reason::none) return broken("no JSON object");
    if (const auto error = value::member(body, "error"); error && value::kind_of(*error) != value::kind::null)
        return refuse(reason::refused, value::text(*error).value_or("the callout said no").substr(0, 200));
    const auto user = value::member(body, "user");
    if (!user || value::kind_of(*user) != value::kind::object) return broken("neither user nor error");
    const auto named = core::auth::user_of(*user, "id");
    if (!named.id || named.id->empty()) return broken("user.id");
    verdict out;
    if (const auto expires = value::member(body, "expires");
        expires && !read_expires(*expires, out.who.expires))
        return broken("expires");
    if (out.who.expires && *out.who.expires <= now) return refuse(reason::expired);
    if (const auto rooms = value::member(body, "rooms"); rooms && !read_rooms(*rooms, out.who.rooms))
        return broken("rooms");
    if (const auto claims = value::member(body, "claims")) {
        if (value::kind_of(*claims) != value::kind::object) return broken("claims");
        out.who.claims = *claims;
    }
    out.reason = reason::none;
    out.who.id = *named.id;
    out.who.name = named.name.value_or(std::string{});
    out.who.email = named.email.value_or(std::string{});
    out.who.image = named.image.value_or(std::string{});
    out.who.provider = provider_name;
    return out;
}

/// Tells a configured URL all that is known about a connection, and does as it says. Nothing that a client
/// sends becomes a header or a part of the URL: it all stands in the body, under names of ours.
class callout_provider final : public provider {
public:
    callout_provider(const config::auth_provider& from, outbound::client* network)
        : url_(from.url), secret_(from.secrets.empty() ? std::string{} : from.secrets.front()),
          timeout_(from.timeout), has_cookie_(contains(from.forward_headers, "cookie")),
          has_authorization_(contains(from.forward_headers, "authorization")),
          name_(rules_of(from, {}).provider_name), network_(network) {}

    bool is_mine(const credentials&) const override { return true; }
    bool is_presented(const credentials&) const override { return true; }

    void verify(const credentials& what, core::unix_time now, verifier::handler done) const override {
        if (network_ == nullptr) return done(refuse(reason::unavailable, "no way to ask"));
        if (what.auth_payload.size() > max_payload_bytes) return done(refuse(reason::token_too_large));
        if (!what.auth_payload.empty() && core::auth::check_object(what.auth_payload) != reason::none)
            return done(refuse(reason::malformed, "auth payload"));
        outbound::request request;
        request.method = "POST";
        request.url = url_;
        request.timeout = timeout_;
        request.what = outbound::purpose::callout;
        request.headers = {{"accept", "application/json"}, {"content-type", "application/json"}};
        if (!secret_.empty()) request.headers.emplace_back("authorization", "Bearer " + secret_);
        request.body = body_for(what);
        network_->send(std::move(request),
                       [name = name_, now, done = std::move(done)](const outbound::response& got) {
                           done(read_answer(got, now, name));
                       });
    }

private:
    std::string body_for(const credentials& what) const {
        std::string out = "{";
        append_member(out, "namespace", what.name_space);
        append_member(out, "address", what.address);
        append_member(out, "origin", what.origin);
        append_member(out, "query", what.query);
        if (has_cookie_ && !what.cookie_header.empty()) append_member(out, "cookie", what.cookie_header);
        if (has_authorization_ && !what.authorization.empty())
            append_member(out, "authorization", what.authorization);
        out.append(R"(,"auth":)").append(what.auth_payload.empty() ? "null" : what.auth_payload);
        out.push_back('}');
        return out;
    }

    static verdict read_answer(const outbound::response& got, core::unix_time now, const std::string& name) {
        if (got.why != outbound::failure::none)
            return refuse(reason::unavailable, "the callout: " + std::string{outbound::name_of(got.why)});
        const std::string status = "the callout answered " + std::to_string(got.status);
        if (got.status == 401 || got.status == 403) return refuse(reason::refused, status);
        if (got.status != 200) return refuse(reason::unavailable, status);
        return judge(got.body, now, name);
    }

    std::string url_;
    std::string secret_;
    core::duration timeout_;
    bool has_cookie_;
    bool has_authorization_;
    std::string name_;
    outbound::client* network_;
};

} // namespace

provider_ptr make_callout_provider(const config::auth_provider& from, outbound::client* network) {
    return std::make_shared<callout_provider>(from, network);
}

} // namespace roomcast::server::auth
