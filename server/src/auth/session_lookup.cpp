#include "auth/session_lookup.hpp"

#include "auth/crypto.hpp"
#include "auth/tokens.hpp"

#include "roomcast/core/auth/better_auth.hpp"
#include "roomcast/core/auth/claims.hpp"
#include "roomcast/core/auth/number.hpp"
#include "roomcast/core/auth/object.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <utility>

namespace roomcast::server::auth {

namespace {

using core::auth::reason;
namespace value = core::value;

constexpr std::size_t max_kept = 10'000;
constexpr std::size_t max_waiting = 10'000;

/// When the session ends: Better Auth says `session.expiresAt`, the others `expires`.
/// @return false: it is said in a way that we do not understand
bool read_end(std::string_view body, std::optional<core::unix_time>& out) {
    auto end = value::member(body, "expires");
    if (const auto session = value::member(body, "session"); session && !end)
        end = value::member(*session, "expiresAt");
    if (!end) return true;
    const auto text = value::text(*end);
    const auto ms = text ? core::auth::iso_milliseconds(*text) : std::nullopt;
    if (!ms) return false;
    out = core::unix_time{*ms / 1000};
    return true;
}

} // namespace

bool is_header_safe(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c != 0x7f; });
}

session_lookup::session_lookup(options chosen, outbound::client* network)
    : options_(std::move(chosen)), network_(network) {}

void session_lookup::ask(question what, core::unix_time now, verifier::handler done) {
    if (network_ == nullptr) return done(refuse(reason::unavailable, "no way to ask the app"));
    if (!is_header_safe(what.cookie) || !is_header_safe(what.authorization))
        return done(refuse(reason::malformed, "characters that no header may have"));
    const std::string key = digest(hash::sha256, what.cookie + '\0' + what.authorization);
    std::optional<verdict> known;
    bool is_full = false;
    bool starts = false;
    {
        const std::lock_guard lock{mutex_};
        const auto found = kept_.find(key);
        if (found != kept_.end() && now < found->second.until) {
            known = found->second.answer;
        } else if (waiting_ >= max_waiting) {
            is_full = true;
        } else {
            auto& all = asking_[key];
            starts = all.empty();
            all.push_back(std::move(done));
            ++waiting_;
        }
    }
    if (known) return done(std::move(*known));
    if (is_full) return done(refuse(reason::unavailable, "too many wait for the app"));
    if (!starts) return;
    outbound::request request;
    request.url = options_.url;
    request.timeout = options_.timeout;
    request.what = outbound::purpose::introspection;
    request.headers.emplace_back("accept", "application/json");
    if (!what.cookie.empty()) request.headers.emplace_back("cookie", std::move(what.cookie));
    if (!what.authorization.empty())
        request.headers.emplace_back("authorization", std::move(what.authorization));
    network_->send(std::move(request), [self = shared_from_this(), key, now](const outbound::response& got) {
        self->on_response(key, now, got);
    });
}

void session_lookup::on_response(const std::string& key, core::unix_time asked_at,
                                 const outbound::response& got) {
    verdict answer;
    if (got.why != outbound::failure::none) {
        answer = refuse(reason::unavailable, "the app: " + std::string{outbound::name_of(got.why)});
    } else if (got.status == 401 || got.status == 403) {
        answer = refuse(reason::refused, "the app answered " + std::to_string(got.status));
    } else if (got.status != 200) {
        answer = refuse(reason::unavailable, "the app answered " + std::to_string(got.status));
    } else {
        answer = judge(got.body, asked_at, options_);
    }
    std::vector<verifier::handler> all;
    {
        const std::lock_guard lock{mutex_};
        const auto found = asking_.find(key);
        if (found != asking_.end()) {
            all = std::move(found->second);
            asking_.erase(found);
        }
        waiting_ -= all.size();
        if (answer.is_accepted()) keep(key, asked_at, answer);
    }
    for (const auto& each : all) each(answer);
}

void session_lookup::keep(const std::string& key, core::unix_time now, const verdict& answer) {
    if (options_.keep.count() <= 0) return;
    core::unix_time until{now.seconds + options_.keep.count()};
    if (answer.who.expires && *answer.who.expires < until) until = *answer.who.expires;
    if (kept_.size() >= max_kept) {
        for (auto each = kept_.begin(); each != kept_.end();)
            each = each->second.until <= now ? kept_.erase(each) : std::next(each);
    }
    if (kept_.size() >= max_kept) kept_.clear(); // asking again is all it costs
    kept_.insert_or_assign(key, kept{answer, until});
}

verdict session_lookup::judge(std::string_view body, core::unix_time now, const options& chosen) {
    if (core::value::check_whole(body, core::auth::max_json_depth))
        return refuse(reason::unavailable, "the app's answer is no JSON");
    if (value::kind_of(body) == value::kind::null) return refuse(reason::refused, "not signed in");
    if (core::auth::check_object(body) != reason::none)
        return refuse(reason::unavailable, "the app's answer is no object, or has a member twice");
    const auto user = value::member(body, "user");
    if (!user || value::kind_of(*user) != value::kind::object)
        return refuse(reason::refused, "not signed in");
    for (const auto& name : chosen.required_claims) {
        if (!core::auth::at_path(body, name)) return refuse(reason::missing_claim, name);
    }
    const auto paths =
        chosen.subject_paths.empty() ? std::vector<std::string>{"user.id"} : chosen.subject_paths;
    auto id = subject_at(body, paths);
    if (!id) {
        std::string places;
        for (const std::string& path : paths) places += (places.empty() ? "" : " or ") + path;
        return refuse(reason::missing_claim,
                      "the app's answer has no " + places + "; name another place with subject_claim");
    }
    verdict out;
    if (!read_end(body, out.who.expires)) return refuse(reason::unavailable, "the app's answer: expires");
    if (out.who.expires && *out.who.expires < now) return refuse(reason::expired);
    out.reason = reason::none;
    out.who.id = std::move(*id);
    auto named = core::auth::user_of(*user, "id");
    out.who.name = std::move(named.name).value_or(std::string{});
    out.who.email = std::move(named.email).value_or(std::string{});
    out.who.image = std::move(named.image).value_or(std::string{});
    if (const auto session = value::member(body, "session")) {
        if (const auto session_id = value::member(*session, "id"))
            out.who.session_id = core::auth::identifier_of(*session_id).value_or(std::string{});
        out.who.session_token = core::auth::text_member(*session, "token").value_or(std::string{});
    }
    out.who.claims = core::auth::claims_without_session_token(body);
    out.who.provider = chosen.provider_name;
    return out;
}

} // namespace roomcast::server::auth
