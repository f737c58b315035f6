#include "config/settings.hpp"

#include "base/address_set.hpp"
#include "config/schema.hpp"

#include "roomcast/core/bytes.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>

namespace roomcast::server::config {

namespace {

/// A value as it stands in the file (or in a variable: then a list is parted by commas).
struct given_value {
    std::vector<std::string> items;
    bool is_list = false;
    const std::string& text() const { return items.front(); }
};

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), [](char each) {
        return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
    });
    return out;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// A number with a unit behind it; without one it counts in the first unit.
std::optional<std::uint64_t> with_unit(std::string_view text,
                                       const std::vector<std::pair<std::string_view, std::uint64_t>>& units,
                                       std::uint64_t most) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = whole_number(text.substr(0, digits));
    std::string unit = lower(text.substr(digits));
    unit.erase(0,
               unit.find_first_not_of(' ') == std::string::npos ? unit.size() : unit.find_first_not_of(' '));
    if (!number) return std::nullopt;
    for (const auto& [name, factor] : units) {
        if (unit != name && !(unit.empty() && name == units.front().first)) continue;
        if (*number > most / factor) return std::nullopt;
        return *number * factor;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> size_of(std::string_view text) {
    return with_unit(text,
                     {{"b", 1},
                      {"kb", 1000},
                      {"kib", 1024},
                      {"mb", 1'000'000},
                      {"mib", 1U << 20U},
                      {"gb", 1'000'000'000},
                      {"gib", 1U << 30U}},
                     1ULL << 50U);
}

std::optional<bool> boolean_of(std::string_view text) {
    const std::string word = lower(text);
    if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
    if (word == "false" || word == "no" || word == "off" || word == "0") return false;
    return std::nullopt;
}

/// Nothing, a password that is no guess of a moment, or the hash of one.
bool is_admin_password(const std::string& text) {
    constexpr std::string_view hashed = "sha256:";
    constexpr std::size_t shortest = 8;
    if (!text.starts_with(hashed)) return text.empty() || text.size() >= shortest;
    return text.size() == hashed.size() + 64 &&
           text.find_first_not_of("0123456789abcdef", hashed.size()) == std::string::npos;
}

using setter = std::function<bool(settings&, const given_value&)>;

template <class Where>
setter set_duration(Where where, core::duration least = std::chrono::milliseconds{1}) {
    return [=](settings& all, const given_value& given) {
        const auto value = given.is_list ? std::nullopt : duration_of(given.text());
        if (!value || *value < least) return false;
        where(all) = *value;
        return true;
    };
}

template <class Where>
setter set_number(Where where, std::uint64_t least, std::uint64_t most) {
    return [=](settings& all, const given_value& given) {
        const auto value = given.is_list ? std::nullopt : whole_number(given.text());
        if (!value || *value < least || *value > most) return false;
        auto& target = where(all);
        target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
        return true;
    };
}

template <class Where>
setter set_size(Where where, std::uint64_t least) {
    return [=](settings& all, const given_value& given) {
        const auto value = given.is_list ? std::nullopt : size_of(given.text());
        if (!value || *value < least) return false;
        auto& target = where(all);
        target = static_cast<std::remove_reference_t<decltype(target)>>(*value);
        return true;
    };
}

template <class Where>
setter set_boolean(Where where) {
    return [=](settings& all, const given_value& given) {
        const auto value = given.is_list ? std::nullopt : boolean_of(given.text());
        if (!value) return false;
        where(all) = *value;
        return true;
    };
}

/// @param valid says whether a text will do
template <class Where, class Valid>
setter set_text(Where where, Valid valid) {
    return [=](settings& all, const given_value& given) {
        if (given.is_list || !valid(given.text())) return false;
        where(all) = given.text();
        return true;
    };
}

bool is_any(const std::string&) {
    return true;
}

template <class Where>
setter set_rate(Where where) {
    return [=](settings& all, const given_value& given) {
        const auto value = given.is_list ? std::nullopt : rate_of(given.text());
        if (!value) return false;
        where(all) = *value;
        return true;
    };
}

/// One of some words.
template <class Value, class Where>
setter set_word(Where where, std::initializer_list<std::pair<std::string_view, Value>> words) {
    return [where, known = std::vector<std::pair<std::string_view, Value>>{words}](settings& all,
                                                                                   const given_value& given) {
        if (given.is_list) return false;
        for (const auto& [word, value] : known) {
            if (given.text() != word) continue;
            where(all) = value;
            return true;
        }
        return false;
    };
}

template <class Where>
setter set_list(Where where) {
    return [=](settings& all, const given_value& given) {
        where(all) = given.items;
        return true;
    };
}

bool is_header_safe(const std::string& text) {
    return std::none_of(text.begin(), text.end(), [](char each) {
        return static_cast<unsigned char>(each) < 0x21 || each == ';' || each == 0x7f;
    });
}

/// `http://host:port`, without a path: where the application has its pages, they have them here.
bool set_upstream(settings& all, const given_value& given) {
    if (given.is_list) return false;
    constexpr std::string_view scheme = "http://";
    std::string_view rest = given.text();
    upstream_options& to = all.server.upstream;
    to.host.clear();
    to.port = 80;
    if (rest.empty()) return true;
    if (lower(rest.substr(0, scheme.size())) != scheme) return false;
    rest.remove_prefix(scheme.size());
    if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
    std::string_view host = rest;
    std::string_view behind;
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos) return false;
        host = rest.substr(1, end - 1);
        behind = rest.substr(end + 1);
    } else if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
        host = rest.substr(0, colon);
        behind = rest.substr(colon);
    }
    const bool is_v6 = host.data() != rest.data();
    const std::string_view letters =
        is_v6 ? "0123456789abcdefABCDEF:."
              : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
    constexpr std::size_t longest_name = 253;
    if (host.empty() || host.size() > longest_name ||
        host.find_first_not_of(letters) != std::string_view::npos) {
        return false;
    }
    if (!behind.empty()) {
        const auto port = behind.front() == ':' ? whole_number(behind.substr(1)) : std::nullopt;
        if (!port || *port == 0 || *port > 65535) return false;
        to.port = static_cast<std::uint16_t>(*port);
    }
    to.host = host;
    return true;
}

bool set_transports(settings& all, const given_value& given) {
    all.server.allow_polling = false;
    all.server.allow_websocket = false;
    for (const std::string& item : given.items) {
        if (item == "polling") {
            all.server.allow_polling = true;
        } else if (item == "websocket") {
            all.server.allow_websocket = true;
        } else {
            return false;
        }
    }
    return all.server.allow_polling || all.server.allow_websocket;
}

bool set_secrets(settings& all, const given_value& given) {
    const auto is_empty = [](const std::string& each) { return each.empty(); };
    if (std::any_of(given.items.begin(), given.items.end(), is_empty)) return false;
    all.api.secrets = given.items;
    return true;
}

bool set_socket_mode(settings& all, const given_value& given) {
    const std::string& text = given.text();
    unsigned mode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (given.is_list || error != std::errc{} || end != text.data() + text.size() || mode > 0777)
        return false;
    all.server.socket_mode = mode;
    return true;
}

/// Browsers send an origin without a slash at its end; people copy it from the address bar with one.
bool set_origins(settings& all, const given_value& given) {
    std::vector<std::string>& origins = all.server.cors.origins = given.items;
    for (std::string& each : origins) {
        if (each.find("://") == std::string::npos) continue;
        while (each.ends_with('/') && !each.ends_with("://")) each.pop_back();
    }
    return true;
}

bool set_trusted_proxies(settings& all, const given_value& given) {
    base::address_set checked;
    for (const std::string& each : given.items) {
        if (!checked.add(each)) return false;
    }
    all.server.trusted_proxies = given.items;
    return true;
}

bool set_log_level(settings& all, const given_value& given) {
    const auto level = given.is_list ? std::nullopt : base::log_level_of(given.text());
    if (!level) return false;
    all.log.level = *level;
    return true;
}

/// A map as JSON, or `auth=debug,http=warn` of a variable.
bool set_log_levels(settings& all, const given_value& given) {
    if (given.is_list) return false;
    all.log.scopes.clear();
    const auto add = [&all](std::string_view scope, std::string_view word) {
        const auto known = std::find(base::log_scopes.begin(), base::log_scopes.end(), scope);
        const auto level = base::log_level_of(word);
        if (known == base::log_scopes.end() || !level) return false;
        all.log.scopes.emplace_back(*known, *level);
        return true;
    };
    const json map = json::parse(given.text(), nullptr, false);
    if (map.is_object()) {
        return std::all_of(map.items().begin(), map.items().end(), [&](const auto& each) {
            return each.value().is_string() && add(each.key(), each.value().template get<std::string>());
        });
    }
    std::string_view rest = given.text();
    while (!rest.empty()) {
        const std::string_view one = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(one.size() + 1, rest.size()));
        const std::size_t begin = std::min(one.find_first_not_of(' '), one.size());
        const std::size_t equals = std::min(one.find('='), one.size());
        if (begin > equals) return false;
        std::string_view word = one.substr(std::min(equals + 1, one.size()));
        while (word.ends_with(' ')) word.remove_suffix(1);
        if (!add(one.substr(begin, equals - begin), word)) return false;
    }
    return true;
}

bool set_log_interval(settings& all, const given_value& given) {
    const auto interval = given.is_list ? std::nullopt : duration_of(given.text());
    if (!interval || *interval <= core::duration::zero()) return false;
    all.log.sampling.interval_ms = std::chrono::duration_cast<std::chrono::milliseconds>(*interval).count();
    return true;
}

constexpr std::uint64_t large = 1ULL << 40U;

/// Where each setting goes. Its name, variables and words stand in the schema.
const std::map<std::string_view, setter>& setters() {
    static const std::map<std::string_view, setter> table = {
        {"port", set_number(
                     [](settings & all) -> auto& { return all.server.port; }, 0, 65535)},
        {"host", set_text(
                     [](settings & all) -> auto& { return all.server.host; },
                     [](const std::string& text) { return !text.empty(); })},
        {"socket_mode", set_socket_mode},
        {"tls.certificate",
         set_text(
             [](settings & all) -> auto& { return all.server.tls.certificate_file; }, is_any)},
        {"tls.key", set_text(
                        [](settings & all) -> auto& { return all.server.tls.key_file; }, is_any)},
        {"tls.handshake_timeout",
         set_duration([](settings & all) -> auto& { return all.server.tls.handshake_timeout; })},
        {"trusted_proxies", set_trusted_proxies},
        {"proxy_protocol", set_boolean([](settings & all) -> auto& { return all.server.proxy_protocol; })},
        {"compression.websocket.enabled",
         set_boolean([](settings & all) -> auto& { return all.server.compression.websocket.is_enabled; })},
        {"compression.websocket.threshold",
         set_size(
             [](settings & all) -> auto& { return all.server.compression.websocket.threshold; }, 0)},
        {"compression.websocket.level",
         set_number(
             [](settings & all) -> auto& { return all.server.compression.websocket.level; }, 1, 9)},
        {"compression.websocket.window_bits",
         set_number(
             [](settings & all) -> auto& { return all.server.compression.websocket.window_bits; }, 9, 15)},
        {"compression.websocket.memory_level",
         set_number(
             [](settings & all) -> auto& { return all.server.compression.websocket.memory_level; }, 1, 9)},
        {"compression.websocket.server_no_context_takeover", set_boolean([](settings & all) -> auto& {
             return all.server.compression.websocket.server_no_context_takeover;
         })},
        {"compression.websocket.client_no_context_takeover", set_boolean([](settings & all) -> auto& {
             return all.server.compression.websocket.client_no_context_takeover;
         })},
        {"compression.http.enabled",
         set_boolean([](settings & all) -> auto& { return all.server.compression.http.is_enabled; })},
        {"compression.http.threshold",
         set_size(
             [](settings & all) -> auto& { return all.server.compression.http.threshold; }, 0)},
        {"compression.http.level",
         set_number(
             [](settings & all) -> auto& { return all.server.compression.http.level; }, 1, 9)},
        {"threads", set_number(
                        [](settings & all) -> auto& { return all.server.threads; }, 0, 256)},
        {"path", set_text(
                     [](settings & all) -> auto& { return all.server.path; },
                     [](const std::string& text) {
                         return text.size() > 1 && text[0] == '/' && text.find('?') == std::string::npos;
                     })},
        {"add_trailing_slash",
         set_boolean([](settings & all) -> auto& { return all.server.add_trailing_slash; })},
        {"transports", set_transports},
        {"page", set_word<page_mode>(
                     [](settings & all) -> auto& { return all.page; },
                     {{"off", page_mode::off}, {"counts", page_mode::counts}, {"full", page_mode::full}})},
        {"log.level", set_log_level},
        {"log.levels", set_log_levels},
        {"log.sampling.burst",
         set_number(
             [](settings & all) -> auto& { return all.log.sampling.burst; }, 0, 1'000'000)},
        {"log.sampling.interval", set_log_interval},
        {"ping.interval",
         set_duration([](settings & all) -> auto& { return all.server.session.ping_interval; })},
        {"ping.timeout",
         set_duration([](settings & all) -> auto& { return all.server.session.ping_timeout; })},
        {"timeouts.connect",
         set_duration([](settings & all) -> auto& { return all.server.connect_timeout; })},
        {"timeouts.upgrade",
         set_duration([](settings & all) -> auto& { return all.server.session.upgrade_timeout; })},
        {"timeouts.request",
         set_duration([](settings & all) -> auto& { return all.server.http.request_timeout; })},
        {"timeouts.keep_alive",
         set_duration([](settings & all) -> auto& { return all.server.http.keep_alive_timeout; })},
        {"timeouts.close",
         set_duration([](settings & all) -> auto& { return all.server.http.close_timeout; })},
        {"timeouts.stop", set_duration([](settings & all) -> auto& { return all.server.stop_timeout; })},
        {"limits.payload",
         set_size(
             [](settings & all) -> auto& { return all.server.session.bounds.max_payload_bytes; }, 1)},
        {"limits.packets_per_payload",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_packets_per_payload; }, 1,
             large)},
        {"limits.attachments",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_attachments; }, 0, 1000)},
        {"limits.json_depth",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_json_depth; }, 1, 10'000)},
        {"limits.namespace_bytes",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_namespace_bytes; }, 1,
             65'536)},
        {"limits.namespaces_per_connection",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_namespaces_per_connection; },
             1, 100'000)},
        {"limits.acks_in_flight",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_acks_in_flight; }, 1, large)},
        {"limits.pending_events",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_pending_events; }, 1, large)},
        {"limits.pending_event_bytes",
         set_size(
             [](settings & all) -> auto& { return all.server.session.bounds.max_pending_event_bytes; }, 1)},
        {"limits.fragments",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_fragments; }, 1, large)},
        {"limits.queue_bytes",
         set_size(
             [](settings & all) -> auto& { return all.server.session.max_queue_bytes; }, 0)},
        {"limits.rooms_per_socket",
         set_number(
             [](settings & all) -> auto& { return all.server.max_rooms_per_socket; }, 1, large)},
        {"limits.room_name_bytes",
         set_number(
             [](settings & all) -> auto& { return all.server.max_room_name_bytes; }, 1, 65'536)},
        {"limits.connections",
         set_number(
             [](settings & all) -> auto& { return all.server.max_connections; }, 0, large)},
        {"limits.header_bytes",
         set_size(
             [](settings & all) -> auto& { return all.server.http.max_header_bytes; }, 1024)},
        {"limits.headers",
         set_number(
             [](settings & all) -> auto& { return all.server.http.max_headers; }, 1, large)},
        {"slow_consumer",
         set_word<slow_consumer_policy>([](settings & all) -> auto& { return all.server.slow_consumer; },
                                        {{"disconnect", slow_consumer_policy::disconnect},
                                         {"drop_oldest", slow_consumer_policy::drop_oldest},
                                         {"drop_newest", slow_consumer_policy::drop_newest}})},
        {"cors.origin", set_origins},
        {"cors.credentials",
         set_boolean([](settings & all) -> auto& { return all.server.cors.credentials; })},
        {"cors.methods", set_list([](settings & all) -> auto& { return all.server.cors.methods; })},
        {"cors.allowed_headers",
         set_list([](settings & all) -> auto& { return all.server.cors.allowed_headers; })},
        {"cors.exposed_headers",
         set_list([](settings & all) -> auto& { return all.server.cors.exposed_headers; })},
        {"cors.max_age",
         set_number(
             [](settings & all) -> auto& { return all.server.cors.max_age_s; }, 0, 31'536'000)},
        {"cookie.name", set_text(
                            [](settings & all) -> auto& { return all.server.cookie.name; }, is_header_safe)},
        {"cookie.path", set_text(
                            [](settings & all) -> auto& { return all.server.cookie.path; }, is_header_safe)},
        {"cookie.http_only",
         set_boolean([](settings & all) -> auto& { return all.server.cookie.is_http_only; })},
        {"cookie.secure", set_boolean([](settings & all) -> auto& { return all.server.cookie.is_secure; })},
        {"cookie.same_site",
         set_text(
             [](settings & all) -> auto& { return all.server.cookie.same_site; },
             [](const std::string& text) { return text == "Lax" || text == "Strict" || text == "None"; })},
        {"recovery.enabled",
         set_boolean([](settings & all) -> auto& { return all.server.recovery.is_enabled; })},
        {"recovery.max_disconnection",
         set_duration([](settings & all) -> auto& { return all.server.recovery.max_disconnection; })},
        {"recovery.skip_middlewares",
         set_boolean([](settings & all) -> auto& { return all.skips_middlewares; })},
        {"recovery.max_events",
         set_number(
             [](settings & all) -> auto& { return all.server.recovery.max_events; }, 1, large)},
        {"recovery.max_bytes", set_size(
                                   [](settings & all) -> auto& { return all.server.recovery.max_bytes; }, 1)},
        {"recovery.max_sessions",
         set_number(
             [](settings & all) -> auto& { return all.server.recovery.max_sessions; }, 1, large)},
        {"recovery.snapshot", set_text(
                                  [](settings & all) -> auto& { return all.snapshot_file; }, is_any)},
        {"recovery.snapshot_bytes", set_size(
                                        [](settings & all) -> auto& { return all.snapshot_max_bytes; }, 1)},
        {"outbound.private_addresses",
         set_word<private_reach>([](settings & all) -> auto& { return all.private_addresses; },
                                 {{"literal", private_reach::literal},
                                  {"intranet", private_reach::intranet},
                                  {"any", private_reach::any}})},
        {"outbound.ca_file", set_text(
                                 [](settings & all) -> auto& { return all.ca_file; }, is_any)},
        {"log.format",
         set_word<base::log_format>([](settings & all) -> auto& { return all.log.format; },
                                    {{"text", base::log_format::text}, {"json", base::log_format::json}})},
        {"metrics.reach", set_word<metrics_reach>([](settings & all) -> auto& { return all.metrics; },
                                                  {{"off", metrics_reach::off},
                                                   {"private", metrics_reach::private_networks},
                                                   {"any", metrics_reach::any}})},
        {"metrics.token", set_text(
                              [](settings & all) -> auto& { return all.metrics_token; }, is_any)},
        {"admin.username", set_text(
                               [](settings & all) -> auto& { return all.admin.username; },
                               [](const std::string& text) { return !text.empty(); })},
        {"admin.password",
         set_text(
             [](settings & all) -> auto& { return all.admin.password; }, is_admin_password)},
        {"admin.mode", set_word<admin_mode>([](settings & all) -> auto& { return all.admin.mode; },
                                            {{"production", admin_mode::production},
                                             {"development", admin_mode::development}})},
        {"admin.read_only", set_boolean([](settings & all) -> auto& { return all.admin.is_read_only; })},
        {"admin.namespace", set_text(
                                [](settings & all) -> auto& { return all.admin.name_space; },
                                [](const std::string& text) {
                                    return text.size() > 1 && text.front() == '/' &&
                                           text.find_first_of(",?") == std::string::npos;
                                })},
        {"drain.delay", set_duration(
                            [](settings & all) -> auto& { return all.drain_delay; }, core::duration::zero())},
        {"drain.window",
         set_duration(
             [](settings & all) -> auto& { return all.drain_window; }, core::duration::zero())},
        {"upstream.url", set_upstream},
        {"upstream.enabled",
         set_boolean([](settings & all) -> auto& { return all.server.upstream.is_enabled; })},
        {"upstream.preserve_host",
         set_boolean([](settings & all) -> auto& { return all.server.upstream.preserves_host; })},
        {"upstream.max_connections",
         set_number(
             [](settings & all) -> auto& { return all.server.upstream.max_connections; }, 1, large)},
        {"upstream.timeouts.connect",
         set_duration([](settings & all) -> auto& { return all.server.upstream.connect_timeout; })},
        {"upstream.timeouts.response",
         set_duration([](settings & all) -> auto& { return all.server.upstream.response_timeout; })},
        {"upstream.timeouts.idle",
         set_duration([](settings & all) -> auto& { return all.server.upstream.idle_timeout; })},
        {"upstream.timeouts.keep_alive",
         set_duration(
             [](settings & all) -> auto& { return all.server.upstream.keep_alive_timeout; },
             core::duration::zero())},
        {"service", set_text(
                        [](settings & all) -> auto& { return all.service; },
                        [](const std::string& text) { return !text.empty(); })},
        {"limits.connections_per_address",
         set_number(
             [](settings & all) -> auto& { return all.server.max_sessions_per_address; }, 0, large)},
        {"limits.connect_rate_per_address",
         set_rate([](settings & all) -> auto& { return all.server.connect_rate_per_address; })},
        {"limits.connections_per_user",
         set_number(
             [](settings & all) -> auto& { return all.limits.connections_per_user; }, 0, large)},
        {"limits.events_per_socket",
         set_rate([](settings & all) -> auto& { return all.limits.events_per_socket; })},
        {"limits.events_per_user",
         set_rate([](settings & all) -> auto& { return all.limits.events_per_user; })},
        {"limits.events_per_address",
         set_rate([](settings & all) -> auto& { return all.limits.events_per_address; })},
        {"limits.over_rate", set_word<over_rate>([](settings & all) -> auto& { return all.limits.over; },
                                                 {{"error", over_rate::error},
                                                  {"drop", over_rate::drop},
                                                  {"disconnect", over_rate::disconnect}})},
        {"limits.once_keys", set_number(
                                 [](settings & all) -> auto& { return all.limits.once_keys; }, 1, large)},
        {"limits.retained_bytes", set_size(
                                      [](settings & all) -> auto& { return all.limits.retained_bytes; }, 1)},
        {"limits.presence_bytes", set_size(
                                      [](settings & all) -> auto& { return all.limits.presence_bytes; }, 1)},
        {"limits.forwards", set_number(
                                [](settings & all) -> auto& { return all.limits.forwards; }, 1, large)},
        {"auth.optional", set_boolean([](settings & all) -> auto& { return all.auth.is_optional; })},
        {"auth.user_room", set_text(
                               [](settings & all) -> auto& { return all.auth.user_room; }, is_any)},
        {"auth.missing", set_text(
                             [](settings & all) -> auto& { return all.auth.missing; }, is_any)},
        {"auth.invalid", set_text(
                             [](settings & all) -> auto& { return all.auth.invalid; }, is_any)},
        {"auth.on_expiry",
         set_word<expiry_policy>([](settings & all) -> auto& { return all.auth.on_expiry; },
                                 {{"close", expiry_policy::close}, {"notice", expiry_policy::notice}})},
        {"auth.expiry_notice",
         set_duration(
             [](settings & all) -> auto& { return all.auth.expiry_notice; }, core::duration::zero())},
        {"auth.max_lifetime",
         set_duration(
             [](settings & all) -> auto& { return all.auth.max_lifetime; }, core::duration::zero())},
        {"auth.check_origin", set_boolean([](settings & all) -> auto& { return all.auth.checks_origin; })},
        {"auth.revoked_users", set_list([](settings & all) -> auto& { return all.auth.revoked_users; })},
        {"auth.revoked_sessions",
         set_list([](settings & all) -> auto& { return all.auth.revoked_sessions; })},
        {"api.secret", set_secrets},
        {"api.prefix", set_text(
                           [](settings & all) -> auto& { return all.api.prefix; },
                           [](const std::string& text) {
                               return text.size() > 1 && text.front() == '/' && text.back() != '/' &&
                                      text.find_first_of("?#") == std::string::npos;
                           })},
        {"api.port", set_number(
                         [](settings & all) -> auto& { return all.api.port.emplace(); }, 0, 65535)},
        {"api.host", set_text(
                         [](settings & all) -> auto& { return all.api.host; }, is_any)},
        {"api.tls", set_boolean([](settings & all) -> auto& { return all.api.has_tls; })},
        {"api.on_socket_port",
         set_boolean([](settings & all) -> auto& { return all.api.is_on_socket_port; })},
        {"api.max_body", set_size(
                             [](settings & all) -> auto& { return all.api.max_body_bytes; }, 1)},
        {"api.max_batch", set_number(
                              [](settings & all) -> auto& { return all.api.max_batch; }, 1, 100'000)},
        {"api.rate_per_address", set_rate([](settings & all) -> auto& { return all.api.rate_per_address; })},
        {"api.revoke_for", set_duration([](settings & all) -> auto& { return all.api.revoke_for; })},
        {"api.keep_answers", set_duration([](settings & all) -> auto& { return all.api.keep_answers; })},
        {"api.max_answers", set_number(
                                [](settings & all) -> auto& { return all.api.max_answers; }, 1, large)},
        {"state_polling.general", set_boolean([](settings & all) -> auto& { return all.state.is_general; })},
        {"state_polling.keep_verdicts",
         set_duration(
             [](settings & all) -> auto& { return all.state.keep_verdicts; }, core::duration::zero())},
        {"state_polling.rate_per_address",
         set_rate([](settings & all) -> auto& { return all.state.rate_per_address; })},
    };
    return table;
}

std::string text_of(const json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// A list of a variable is parted by commas.
json list_in(const std::string& text) {
    json list = json::array();
    for (std::size_t begin = 0;;) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        std::string item = text.substr(begin, comma - begin);
        const std::size_t first = item.find_first_not_of(' ');
        if (first != std::string::npos) {
            list.push_back(item.substr(first, item.find_last_not_of(' ') - first + 1));
        }
        if (comma == text.size()) return list;
        begin = comma + 1;
    }
}

/// A text from outside the file as the value that stands for it there.
json outside_value(const setting_description& of, const std::string& text) {
    if (of.kind == "list") return list_in(text);
    if (of.kind == "yaml") return parse_value(text).value_or(json(text));
    return text;
}

const json& value_at(const document& of, std::string_view path) {
    static const json none;
    const json* at = &of.root;
    for (;;) {
        const std::size_t dot = path.find('.');
        const auto found = at->is_object() ? at->find(std::string{path.substr(0, dot)}) : at->end();
        if (!at->is_object() || found == at->end()) return none;
        at = &*found;
        if (dot == std::string_view::npos) return *at;
        path.remove_prefix(dot + 1);
    }
}

std::string pointer_of(std::string_view path) {
    std::string pointer{'/'};
    pointer += path;
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    return pointer;
}

void apply(const document& from, settings& into, std::vector<mistake>& mistakes) {
    for (const setting_description& each : described_settings()) {
        const json& value = value_at(from, each.path);
        const auto known = setters().find(each.path);
        if (value.is_null() || known == setters().end()) continue;
        given_value given;
        given.is_list = value.is_array();
        if (value.is_array()) {
            for (const json& item : value) given.items.push_back(text_of(item));
        } else {
            given.items.push_back(text_of(value));
        }
        if (!known->second(into, given)) {
            // What stands there may be a secret in the wrong place.
            document shown;
            shown.root = masked(from.root);
            mistakes.push_back({from.at(pointer_of(each.path)),
                                "expected " + each.expected + ", not " + value_at(shown, each.path).dump()});
        }
    }
}

/// Variables that mean something in an application's own guide, and nothing here yet.
void remark_on(const environment& environment_of, const settings& chosen, std::vector<mistake>& remarks) {
    if (!chosen.snapshot_file.empty() && !chosen.server.recovery.is_enabled) {
        remarks.push_back({chosen.whole->at("/recovery/snapshot"),
                           "keeps what the rules keep, but no client's state: `recovery.enabled` is false"});
    }
    for (const char* name : {"REDIS_URL", "REDIS_MASTER_NAME"}) {
        const auto value = environment_of(name);
        if (value && !value->empty()) {
            remarks.push_back({{name, 0}, "it is set, but this version does nothing with it yet"});
        }
    }
    if (chosen.server.upstream.host.empty() &&
        environment_of("ENABLE_INTEGRATED_WEBSOCKET").value_or("") == "true") {
        remarks.push_back({{"ENABLE_INTEGRATED_WEBSOCKET", 0},
                           "it is true, but nothing says where the application is: set "
                           "ROOMCAST_UPSTREAM_URL or `upstream.url`"});
    }
}

/// Is a mistake here told already by one there?
bool is_same_fault(std::string_view told, std::string_view found) {
    const auto is_in = [](std::string_view inner, std::string_view outer) {
        return inner.size() > outer.size() && inner.starts_with(outer) &&
               (inner[outer.size()] == '.' || inner[outer.size()] == '[');
    };
    if (told.empty()) return found.empty();
    if (told == found || is_in(found, told)) return true;
    // A provider is looked at as a whole: what it says without a part of it follows from that.
    return found.starts_with("auth.providers.") && is_in(told, found);
}

/// Puts what was chosen over the defaults. A section that is there without anything in it changes nothing.
void overlay(json& defaults, const json& chosen) {
    for (const auto& [key, value] : chosen.items()) {
        const auto known = defaults.find(key);
        if (known == defaults.end()) {
            defaults[key] = value;
        } else if (known->is_object() && value.is_object()) {
            overlay(*known, value);
        } else if (!value.is_null()) {
            *known = value;
        }
    }
}

/// A number or boolean that came as a text, from a variable or a flag, is shown as what it is.
void show_as_kind(json& all, const setting_description& of) {
    const json::json_pointer at{pointer_of(of.path)};
    if (!all.contains(at) || !all[at].is_string()) return;
    const auto& text = all[at].get_ref<const std::string&>();
    if (of.kind == "number") {
        const auto number = whole_number(text);
        if (number && std::to_string(*number) == text) all[at] = *number;
    } else if (of.kind == "boolean") {
        if (const auto value = boolean_of(text)) all[at] = *value;
    }
}

/// A text that has `${` in it, from a variable's value or escaped in the file, is no variable when it is read
/// again.
void escape_variables(json& value) {
    if (value.is_structured()) {
        for (auto& [key, inner] : value.items()) escape_variables(inner);
    } else if (value.is_string()) {
        auto& text = value.get_ref<std::string&>();
        for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos; at += 3)
            text.insert(at, "$");
    }
}

} // namespace

std::optional<core::duration> duration_of(std::string_view text) {
    constexpr std::uint64_t longest_ms = 1000ULL * 60 * 60 * 24 * 365;
    const auto ms = with_unit(
        text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}, longest_ms);
    if (!ms) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(*ms)};
}

std::optional<core::duration> duration_in(const json& value) {
    if (value.is_null()) return std::nullopt;
    return duration_of(text_of(value));
}

std::optional<rate> rate_of(std::string_view text) {
    if (text == "off") return rate{};
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto trim = [](std::string_view part) {
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        return part;
    };
    const auto count = whole_number(trim(text.substr(0, slash)));
    std::string_view period = trim(text.substr(slash + 1));
    std::optional<std::uint64_t> burst = count;
    if (const std::size_t word = period.find("burst"); word != std::string_view::npos) {
        burst = whole_number(trim(period.substr(word + 5)));
        period = trim(period.substr(0, word));
    }
    if (period.empty() || period.back() < 'a' || period.back() > 'z') return std::nullopt; // no unit
    const bool has_digit = period.front() >= '0' && period.front() <= '9';
    const auto per = duration_of(has_digit ? std::string{period} : '1' + std::string{period});
    constexpr std::uint64_t most = 1'000'000;
    if (!count || !burst || !per || *count == 0 || *burst == 0 || *count > most || *burst > most) {
        return std::nullopt;
    }
    // More than one in a microsecond is no bound that could be held.
    if (*per < std::chrono::microseconds{static_cast<std::int64_t>(*count)}) return std::nullopt;
    const core::duration interval = *per / static_cast<std::int64_t>(*count);
    constexpr core::duration longest = std::chrono::hours{24 * 365 * 10};
    if (interval > longest / static_cast<std::int64_t>(*burst)) return std::nullopt;
    return rate{interval, static_cast<std::uint32_t>(*burst)};
}

void add_new(std::vector<mistake> more, std::vector<mistake>& known) {
    const std::size_t before = known.size();
    for (mistake& each : more) {
        const bool is_told =
            std::any_of(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(before),
                        [&](const mistake& told) { return is_same_fault(told.at.path, each.at.path); });
        if (!is_told) known.push_back(std::move(each));
    }
}

loaded load(std::string_view text, const environment& environment_of,
            const std::vector<std::pair<std::string, std::string>>& flags) {
    loaded result;
    auto whole = std::make_shared<document>();
    // What is wrong is taken out: then the rest has the form that its readers rely on, and its mistakes can
    // be told as well.
    std::vector<std::string> wrong;
    const auto check_form = [&] {
        std::vector<mistake> found;
        wrong = validate(*whole, found, wrong);
        add_new(std::move(found), result.mistakes);
        for (const std::string& pointer : wrong) whole->drop(pointer);
    };
    if (!text.empty()) {
        whole->read(text, environment_of, result.mistakes);
        // By itself first: a mistake of the file is one even where a variable stands in for it today.
        check_form();
    }
    for (const setting_description& each : described_settings()) {
        for (const std::string& name : each.variables) {
            const auto value = environment_of(name);
            if (!value || value->empty()) continue;
            if (core::is_utf8(*value)) {
                whole->set(each.path, outside_value(each, *value), name);
            } else {
                result.mistakes.push_back({{name, 0}, "not a text in UTF-8"});
            }
            break;
        }
    }
    for (const auto& [path, value] : flags) {
        if (!core::is_utf8(value)) {
            result.mistakes.push_back({{path, 0}, "not a text in UTF-8"});
        } else if (const setting_description* known = find_described(path)) {
            whole->set(path, outside_value(*known, value), path);
        } else {
            result.mistakes.push_back({{path, 0}, "no such setting"});
        }
    }
    check_form();
    std::vector<mistake> of_values;
    apply(*whole, result.chosen, of_values);
    add_new(std::move(of_values), result.mistakes);
    const json& providers = value_at(*whole, "auth.providers");
    const bool has_auth = providers.is_object() && !providers.empty();
    result.chosen.server.recovery.skip_middlewares = result.chosen.skips_middlewares.value_or(!has_auth);
    // What roomcast-server answers by itself; the interface for backends is below /roomcast/, too.
    result.chosen.server.upstream.own_paths = {"/health", "/health-check", "/livez",
                                               "/readyz", "/metrics",      "/roomcast/"};
    result.chosen.whole = std::move(whole);
    remark_on(environment_of, result.chosen, result.remarks);
    return result;
}

std::string print(const settings& chosen) {
    document shown;
    for (const setting_description& each : described_settings()) {
        if (!each.otherwise.is_null()) shown.set(each.path, each.otherwise, {});
    }
    json all = std::move(shown.root);
    overlay(all, masked(chosen.whole->root));
    for (const setting_description& each : described_settings()) show_as_kind(all, each);
    escape_variables(all);
    return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

std::vector<std::string_view> settable_paths() {
    std::vector<std::string_view> all;
    for (const auto& [path, set] : setters()) all.push_back(path);
    return all;
}

std::vector<std::string> fixed_differences(const settings& running, const settings& wanted) {
    std::vector<std::string> all;
    for (const setting_description& each : described_settings()) {
        const json& before = value_at(*running.whole, each.path);
        const json& after = value_at(*wanted.whole, each.path);
        const json& from = before.is_null() ? each.otherwise : before;
        const json& to = after.is_null() ? each.otherwise : after;
        // A number of the file is a text in a variable.
        const bool is_same = from == to || (from.is_primitive() && text_of(from) == text_of(to));
        if (!each.is_live && !is_same) all.push_back(each.path);
    }
    return all;
}

std::string reference() {
    std::string lines;
    for (const setting_description& each : described_settings()) {
        lines += each.path + " (";
        for (std::size_t i = 0; i < each.variables.size(); ++i) {
            if (i > 0) lines += ", ";
            lines += each.variables[i];
        }
        lines += "): " + each.expected + '\n';
    }
    return lines;
}

} // namespace roomcast::server::config
