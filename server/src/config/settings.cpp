#include "config/settings.hpp"

#include <yaml-cpp/yaml.h>

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <regex>

namespace roomcast::server::config {

namespace {

/// A value as it stands in the file (or in a variable: then a list is parted by commas).
struct given_value {
    std::vector<std::string> items;
    bool is_list = false;
    const std::string& text() const { return items.front(); }
};

/// One setting: where it stands, how it is called outside the file, and how a text becomes its value.
struct setting {
    std::string_view path;
    std::vector<std::string_view> variables; ///< the first one that is set wins
    std::string_view expected;
    std::function<bool(settings&, const given_value&)> set;
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

std::optional<core::duration> duration_of(std::string_view text) {
    constexpr std::uint64_t longest_ms = 1000ULL * 60 * 60 * 24 * 365;
    const auto ms = with_unit(
        text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}, longest_ms);
    if (!ms) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(*ms)};
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

bool set_slow_consumer(settings& all, const given_value& given) {
    if (given.is_list) return false;
    if (given.text() == "disconnect") {
        all.server.slow_consumer = slow_consumer_policy::disconnect;
    } else if (given.text() == "drop_oldest") {
        all.server.slow_consumer = slow_consumer_policy::drop_oldest;
    } else if (given.text() == "drop_newest") {
        all.server.slow_consumer = slow_consumer_policy::drop_newest;
    } else {
        return false;
    }
    return true;
}

bool set_page(settings& all, const given_value& given) {
    if (given.is_list) return false;
    if (given.text() == "full") {
        all.page = page_mode::full;
    } else if (given.text() == "counts") {
        all.page = page_mode::counts;
    } else if (given.text() == "off" || given.text() == "false") {
        all.page = page_mode::off;
    } else {
        return false;
    }
    return true;
}

constexpr std::uint64_t large = 1ULL << 40U;

/// Every setting there is. The file's keys, the variables and the reference all come from this one table.
const std::vector<setting>& all_settings() {
    constexpr std::string_view time = "a time, e.g. 25s, 500ms or a number of milliseconds";
    constexpr std::string_view size = "a size, e.g. 1MB, 64KiB or a number of bytes";
    constexpr std::string_view yes_no = "true or false";
    static const std::vector<setting> table = {
        {"port",
         {"ROOMCAST_PORT", "PORT"},
         "a port number, 0 to 65535 (0: any free one)",
         set_number(
             [](settings & all) -> auto& { return all.server.port; }, 0, 65535)},
        {"host",
         {"ROOMCAST_HOST", "HOST"},
         "an address or a host name to listen on",
         set_text(
             [](settings & all) -> auto& { return all.server.host; },
             [](const std::string& text) { return !text.empty(); })},
        {"threads",
         {"ROOMCAST_THREADS"},
         "a number of threads, 0 to 256 (0: one for each core)",
         set_number(
             [](settings & all) -> auto& { return all.server.threads; }, 0, 256)},
        {"path",
         {"ROOMCAST_PATH"},
         "a path that begins with /, e.g. /socket.io",
         set_text(
             [](settings & all) -> auto& { return all.server.path; },
             [](const std::string& text) {
                 return text.size() > 1 && text[0] == '/' && text.find('?') == std::string::npos;
             })},
        {"add_trailing_slash", {"ROOMCAST_ADD_TRAILING_SLASH"}, yes_no, set_boolean([
         ](settings & all) -> auto& { return all.server.add_trailing_slash; })},
        {"transports", {"ROOMCAST_TRANSPORTS"}, "a list of polling and websocket", set_transports},
        {"page", {"ROOMCAST_PAGE"}, "off, counts or full", set_page},
        {"log.level",
         {"ROOMCAST_LOG_LEVEL"},
         "trace, debug, info, warn, error or off",
         set_text(
             [](settings & all) -> auto& { return all.log_level; },
             [](const std::string& text) {
                 constexpr std::array<std::string_view, 6> levels{"trace", "debug", "info",
                                                                  "warn",  "error", "off"};
                 return std::find(levels.begin(), levels.end(), text) != levels.end();
             })},
        {"ping.interval", {"ROOMCAST_PING_INTERVAL"}, time, set_duration([](settings & all) -> auto& {
             return all.server.session.ping_interval;
         })},
        {"ping.timeout", {"ROOMCAST_PING_TIMEOUT"}, time, set_duration([](settings & all) -> auto& {
             return all.server.session.ping_timeout;
         })},
        {"timeouts.connect", {"ROOMCAST_CONNECT_TIMEOUT"}, time, set_duration([](settings & all) -> auto& {
             return all.server.connect_timeout;
         })},
        {"timeouts.upgrade", {"ROOMCAST_UPGRADE_TIMEOUT"}, time, set_duration([](settings & all) -> auto& {
             return all.server.session.upgrade_timeout;
         })},
        {"timeouts.request", {"ROOMCAST_REQUEST_TIMEOUT"}, time, set_duration([](settings & all) -> auto& {
             return all.server.http.request_timeout;
         })},
        {"timeouts.keep_alive", {"ROOMCAST_KEEP_ALIVE_TIMEOUT"}, time, set_duration([
         ](settings & all) -> auto& { return all.server.http.keep_alive_timeout; })},
        {"timeouts.close", {"ROOMCAST_CLOSE_TIMEOUT"}, time, set_duration([](settings & all) -> auto& {
             return all.server.http.close_timeout;
         })},
        {"timeouts.stop", {"ROOMCAST_STOP_TIMEOUT"}, time, set_duration([](settings & all) -> auto& {
             return all.server.stop_timeout;
         })},
        {"limits.payload",
         {"ROOMCAST_MAX_PAYLOAD"},
         size,
         set_size(
             [](settings & all) -> auto& { return all.server.session.bounds.max_payload_bytes; }, 1)},
        {"limits.packets_per_payload",
         {"ROOMCAST_MAX_PACKETS_PER_PAYLOAD"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_packets_per_payload; }, 1,
             large)},
        {"limits.attachments",
         {"ROOMCAST_MAX_ATTACHMENTS"},
         "a number, 0 to 1000",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_attachments; }, 0, 1000)},
        {"limits.json_depth",
         {"ROOMCAST_MAX_JSON_DEPTH"},
         "a number, 1 to 10000",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_json_depth; }, 1, 10'000)},
        {"limits.namespace_bytes",
         {"ROOMCAST_MAX_NAMESPACE_BYTES"},
         "a number, 1 to 65536",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_namespace_bytes; }, 1,
             65'536)},
        {"limits.namespaces_per_connection",
         {"ROOMCAST_MAX_NAMESPACES"},
         "a number, 1 to 100000",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_namespaces_per_connection; },
             1, 100'000)},
        {"limits.acks_in_flight",
         {"ROOMCAST_MAX_ACKS"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_acks_in_flight; }, 1, large)},
        {"limits.pending_events",
         {"ROOMCAST_MAX_PENDING_EVENTS"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_pending_events; }, 1, large)},
        {"limits.pending_event_bytes",
         {"ROOMCAST_MAX_PENDING_EVENT_BYTES"},
         size,
         set_size(
             [](settings & all) -> auto& { return all.server.session.bounds.max_pending_event_bytes; }, 1)},
        {"limits.fragments",
         {"ROOMCAST_MAX_FRAGMENTS"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.session.bounds.max_fragments; }, 1, large)},
        {"limits.queue_bytes",
         {"ROOMCAST_MAX_QUEUE_BYTES"},
         "a size; 0: no bound",
         set_size(
             [](settings & all) -> auto& { return all.server.session.max_queue_bytes; }, 0)},
        {"limits.rooms_per_socket",
         {"ROOMCAST_MAX_ROOMS_PER_SOCKET"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.max_rooms_per_socket; }, 1, large)},
        {"limits.room_name_bytes",
         {"ROOMCAST_MAX_ROOM_NAME_BYTES"},
         "a number, 1 to 65536",
         set_number(
             [](settings & all) -> auto& { return all.server.max_room_name_bytes; }, 1, 65'536)},
        {"limits.connections",
         {"ROOMCAST_MAX_CONNECTIONS"},
         "a number; 0: no bound",
         set_number(
             [](settings & all) -> auto& { return all.server.max_connections; }, 0, large)},
        {"limits.header_bytes",
         {"ROOMCAST_MAX_HEADER_BYTES"},
         "a size of at least 1KiB",
         set_size(
             [](settings & all) -> auto& { return all.server.http.max_header_bytes; }, 1024)},
        {"limits.headers",
         {"ROOMCAST_MAX_HEADERS"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.http.max_headers; }, 1, large)},
        {"slow_consumer",
         {"ROOMCAST_SLOW_CONSUMER"},
         "disconnect, drop_oldest or drop_newest",
         set_slow_consumer},
        {"cors.origin", {"ROOMCAST_CORS_ORIGIN"}, "a list of origins, or *", set_list([
         ](settings & all) -> auto& { return all.server.cors.origins; })},
        {"cors.credentials", {"ROOMCAST_CORS_CREDENTIALS"}, yes_no, set_boolean([](settings & all) -> auto& {
             return all.server.cors.credentials;
         })},
        {"cors.methods", {"ROOMCAST_CORS_METHODS"}, "a list of methods", set_list([
         ](settings & all) -> auto& { return all.server.cors.methods; })},
        {"cors.allowed_headers", {"ROOMCAST_CORS_ALLOWED_HEADERS"}, "a list of header names", set_list([
         ](settings & all) -> auto& { return all.server.cors.allowed_headers; })},
        {"cors.exposed_headers", {"ROOMCAST_CORS_EXPOSED_HEADERS"}, "a list of header names", set_list([
         ](settings & all) -> auto& { return all.server.cors.exposed_headers; })},
        {"cors.max_age",
         {"ROOMCAST_CORS_MAX_AGE"},
         "a number of seconds",
         set_number(
             [](settings & all) -> auto& { return all.server.cors.max_age_s; }, 0, 31'536'000)},
        {"cookie.name",
         {"ROOMCAST_COOKIE"},
         "a cookie name",
         set_text(
             [](settings & all) -> auto& { return all.server.cookie.name; }, is_header_safe)},
        {"cookie.path",
         {"ROOMCAST_COOKIE_PATH"},
         "a path",
         set_text(
             [](settings & all) -> auto& { return all.server.cookie.path; }, is_header_safe)},
        {"cookie.http_only", {"ROOMCAST_COOKIE_HTTP_ONLY"}, yes_no, set_boolean([](settings & all) -> auto& {
             return all.server.cookie.is_http_only;
         })},
        {"cookie.secure", {"ROOMCAST_COOKIE_SECURE"}, yes_no, set_boolean([](settings & all) -> auto& {
             return all.server.cookie.is_secure;
         })},
        {"cookie.same_site",
         {"ROOMCAST_COOKIE_SAME_SITE"},
         "Lax, Strict or None",
         set_text(
             [](settings & all) -> auto& { return all.server.cookie.same_site; },
             [](const std::string& text) { return text == "Lax" || text == "Strict" || text == "None"; })},
        {"recovery.enabled", {"ROOMCAST_RECOVERY"}, yes_no, set_boolean([](settings & all) -> auto& {
             return all.server.recovery.is_enabled;
         })},
        {"recovery.max_disconnection", {"ROOMCAST_RECOVERY_DURATION"}, time, set_duration([
         ](settings & all) -> auto& { return all.server.recovery.max_disconnection; })},
        {"recovery.skip_middlewares", {"ROOMCAST_RECOVERY_SKIP_MIDDLEWARES"}, yes_no, set_boolean([
         ](settings & all) -> auto& { return all.server.recovery.skip_middlewares; })},
        {"recovery.max_events",
         {"ROOMCAST_RECOVERY_MAX_EVENTS"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.recovery.max_events; }, 1, large)},
        {"recovery.max_bytes",
         {"ROOMCAST_RECOVERY_MAX_BYTES"},
         size,
         set_size(
             [](settings & all) -> auto& { return all.server.recovery.max_bytes; }, 1)},
        {"recovery.max_sessions",
         {"ROOMCAST_RECOVERY_MAX_SESSIONS"},
         "a number from 1",
         set_number(
             [](settings & all) -> auto& { return all.server.recovery.max_sessions; }, 1, large)},
    };
    return table;
}

const setting* find_setting(std::string_view path) {
    for (const setting& each : all_settings()) {
        if (each.path == path) return &each;
    }
    return nullptr;
}

bool is_group(std::string_view path) {
    const std::string prefix = std::string{path} + '.';
    return std::any_of(all_settings().begin(), all_settings().end(),
                       [&](const setting& each) { return each.path.starts_with(prefix); });
}

std::string joined(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + '.' + key;
}

/// Reads the file and collects every mistake in it.
class file_reader {
public:
    file_reader(loaded& into, const environment& environment_of)
        : into_(&into), environment_(&environment_of) {}

    void read(const YAML::Node& root) {
        if (root.IsNull()) return;
        if (!root.IsMap()) {
            complain(root, "", "a map of settings");
            return;
        }
        read_group(root, "");
    }

private:
    void complain(const YAML::Node& at, const std::string& path, std::string expected) {
        into_->mistakes.push_back({{path, line_of(at)}, std::move(expected)});
    }

    static std::size_t line_of(const YAML::Node& node) {
        return node.Mark().line < 0 ? 0 : static_cast<std::size_t>(node.Mark().line) + 1;
    }

    /// Replaces `${NAME}` and `${NAME:-default}`.
    std::string expand(const YAML::Node& node, const std::string& path) {
        const std::string text = node.Scalar();
        std::string out;
        for (std::size_t i = 0; i < text.size();) {
            if (text.compare(i, 2, "${") != 0) {
                out += text[i++];
                continue;
            }
            const std::size_t end = text.find('}', i);
            if (end == std::string::npos) {
                complain(node, path, "a } behind ${");
                return out;
            }
            const std::string inner = text.substr(i + 2, end - i - 2);
            const std::size_t mark = inner.find(":-");
            const std::string name = inner.substr(0, mark);
            const auto value = (*environment_)(name);
            if (value && !(value->empty() && mark != std::string::npos)) {
                out += *value;
            } else if (mark != std::string::npos) {
                out += inner.substr(mark + 2);
            } else {
                complain(node, path,
                         "the environment variable " + name + " is not set, and there is no default");
            }
            i = end + 1;
        }
        return out;
    }

    void read_group(const YAML::Node& map, const std::string& path) {
        for (const auto& entry : map) {
            if (!entry.first.IsScalar()) {
                complain(entry.first, path, "a key that is text");
                continue;
            }
            const std::string key = entry.first.Scalar();
            const std::string full = joined(path, key);
            const YAML::Node& value = entry.second;
            if (path.empty() && key == "namespaces") {
                read_name_spaces(value);
            } else if (const setting* known = find_setting(full)) {
                read_setting(*known, value);
            } else if (is_group(full)) {
                if (value.IsMap()) {
                    read_group(value, full);
                } else if (!value.IsNull()) {
                    complain(value, full, "a map of settings");
                }
            } else {
                complain(entry.first, full, "no such setting");
            }
        }
    }

    void read_setting(const setting& known, const YAML::Node& value) {
        given_value given;
        const std::string path{known.path};
        if (value.IsScalar()) {
            given.items.push_back(expand(value, path));
        } else if (value.IsSequence()) {
            given.is_list = true;
            for (const auto& item : value) {
                if (!item.IsScalar()) {
                    complain(item, path, std::string{known.expected});
                    return;
                }
                given.items.push_back(expand(item, path));
            }
        } else {
            complain(value, path, std::string{known.expected});
            return;
        }
        if (!known.set(into_->chosen, given))
            complain(value, path, "expected " + std::string{known.expected});
    }

    void read_name_spaces(const YAML::Node& map) {
        if (!map.IsMap()) {
            complain(map, "namespaces", "a map from namespace to its rules");
            return;
        }
        for (const auto& entry : map) {
            name_space_rule rule;
            rule.name = entry.first.Scalar();
            rule.at = {"namespaces." + rule.name, line_of(entry.first)};
            if (rule.name.empty() || (rule.name[0] != '/' && rule.name[0] != '^')) {
                complain(entry.first, rule.at.path, "a namespace begins with /, a pattern with ^");
                continue;
            }
            rule.is_pattern = rule.name[0] == '^';
            if (rule.is_pattern) check_pattern(entry.first, rule);
            if (entry.second.IsMap()) {
                for (const auto& part : entry.second) {
                    const std::string key = part.first.Scalar();
                    if (key == "events") {
                        read_events(part.second, rule);
                    } else {
                        complain(part.first, joined(rule.at.path, key),
                                 "no such setting; a namespace has `events`");
                    }
                }
            } else if (!entry.second.IsNull()) {
                complain(entry.second, rule.at.path, "a map with `events`");
            }
            into_->chosen.name_spaces.push_back(std::move(rule));
        }
    }

    void check_pattern(const YAML::Node& node, const name_space_rule& rule) {
        try {
            const std::regex pattern{rule.name};
        } catch (const std::regex_error& error) {
            complain(node, rule.at.path, std::string{"a regular expression: "} + error.what());
        }
    }

    void read_events(const YAML::Node& map, name_space_rule& into) {
        const std::string path = into.at.path + ".events";
        if (!map.IsMap()) {
            if (!map.IsNull()) complain(map, path, "a map from event to its rule");
            return;
        }
        for (const auto& entry : map) {
            event_rule rule;
            rule.event = entry.first.Scalar();
            rule.at = {joined(path, rule.event), line_of(entry.first)};
            if (!entry.second.IsMap()) {
                complain(entry.second, rule.at.path, "a map with `do`");
                continue;
            }
            for (const auto& part : entry.second) {
                const std::string key = part.first.Scalar();
                if (key == "do") {
                    read_actions(part.second, rule);
                } else {
                    complain(part.first, joined(rule.at.path, key), "no such setting; an event has `do`");
                }
            }
            into.events.push_back(std::move(rule));
        }
    }

    void read_actions(const YAML::Node& list, event_rule& into) {
        const std::string path = into.at.path + ".do";
        if (!list.IsSequence()) {
            complain(list, path, "a list of actions");
            return;
        }
        std::size_t index = 0;
        for (const auto& item : list) {
            const std::string here = path + '[' + std::to_string(index++) + ']';
            if (!item.IsMap() || item.size() != 1) {
                complain(item, here, "one action: join, leave, emit or ack");
                continue;
            }
            const auto entry = *item.begin();
            const std::string what = entry.first.Scalar();
            action_text action;
            action.at = {joined(here, what), line_of(item)};
            if (what == "join" || what == "leave") {
                action.what = what == "join" ? action_text::kind::join : action_text::kind::leave;
                if (entry.second.IsScalar()) {
                    action.room = expand(entry.second, action.at.path);
                } else {
                    complain(item, action.at.path, "a room");
                }
            } else if (what == "ack") {
                action.what = action_text::kind::ack;
                action.args = read_arguments(entry.second, action.at.path);
            } else if (what == "emit") {
                action.what = action_text::kind::emit;
                read_emit(entry.second, action);
            } else {
                complain(entry.first, action.at.path, "no such action; there are join, leave, emit and ack");
                continue;
            }
            into.actions.push_back(std::move(action));
        }
    }

    void read_emit(const YAML::Node& map, action_text& into) {
        if (!map.IsMap()) {
            complain(map, into.at.path, "a map with event, to, except_sender and args");
            return;
        }
        into.args.what = value_text::kind::list;
        for (const auto& entry : map) {
            const std::string key = entry.first.Scalar();
            const std::string path = joined(into.at.path, key);
            if (key == "event" && entry.second.IsScalar()) {
                into.event = expand(entry.second, path);
            } else if (key == "to" && entry.second.IsScalar()) {
                into.to = expand(entry.second, path);
            } else if (key == "except_sender") {
                const auto value = entry.second.IsScalar() ? boolean_of(entry.second.Scalar()) : std::nullopt;
                if (!value) complain(entry.second, path, "expected true or false");
                into.is_sender_excepted = value.value_or(false);
            } else if (key == "args") {
                into.args = read_arguments(entry.second, path);
            } else {
                complain(entry.first, path, "no such part; emit has event, to, except_sender and args");
            }
        }
        if (into.event.empty()) complain(map, into.at.path, "the name of the event to emit, `event`");
    }

    value_text read_arguments(const YAML::Node& node, const std::string& path) {
        value_text args = read_value(node, path);
        const bool is_all = args.what == value_text::kind::text && args.text == "{args}";
        if (args.what != value_text::kind::list && !is_all) {
            complain(node, path, "a list of arguments, or {args} for all that came");
        }
        return args;
    }

    value_text read_value(const YAML::Node& node, const std::string& path) {
        value_text value;
        value.at = {path, line_of(node)};
        if (node.IsSequence()) {
            value.what = value_text::kind::list;
            std::size_t index = 0;
            for (const auto& item : node) {
                value.items.push_back(read_value(item, path + '[' + std::to_string(index++) + ']'));
            }
        } else if (node.IsMap()) {
            value.what = value_text::kind::map;
            for (const auto& entry : node) {
                value.members.emplace_back(entry.first.Scalar(),
                                           read_value(entry.second, joined(path, entry.first.Scalar())));
            }
        } else if (node.IsScalar()) {
            const std::string text = expand(node, path);
            // A plain word that is JSON (a number, true, null) is that; quoted it is text.
            const bool is_quoted = node.Tag() == "!";
            if (!is_quoted && !core::value::check_whole(text, 1) && text.front() != '"') {
                value.text = text;
            } else {
                value.what = value_text::kind::text;
                value.text = text;
            }
        }
        return value;
    }

    loaded* into_;
    const environment* environment_;
};

given_value parse_outside_value(const std::string& text) {
    given_value given;
    std::size_t begin = 0;
    for (;;) {
        const std::size_t comma = text.find(',', begin);
        std::string item = text.substr(begin, comma == std::string::npos ? std::string::npos : comma - begin);
        const std::size_t first = item.find_first_not_of(' ');
        const std::size_t last = item.find_last_not_of(' ');
        item = first == std::string::npos ? "" : item.substr(first, last - first + 1);
        given.items.push_back(std::move(item));
        if (comma == std::string::npos) break;
        begin = comma + 1;
    }
    given.is_list = given.items.size() > 1;
    return given;
}

} // namespace

loaded load(std::string_view text, const environment& environment_of,
            const std::vector<std::pair<std::string, std::string>>& flags) {
    loaded result;
    if (!text.empty()) {
        try {
            file_reader{result, environment_of}.read(YAML::Load(std::string{text}));
        } catch (const YAML::Exception& error) {
            const std::size_t line = error.mark.line < 0 ? 0 : static_cast<std::size_t>(error.mark.line) + 1;
            result.mistakes.push_back({{"", line}, "not YAML: " + error.msg});
        }
    }
    for (const setting& each : all_settings()) {
        for (const std::string_view name : each.variables) {
            const auto value = environment_of(std::string{name});
            if (!value || value->empty()) continue;
            if (!each.set(result.chosen, parse_outside_value(*value))) {
                result.mistakes.push_back(
                    {{std::string{name}, 0},
                     "expected " + std::string{each.expected} + ", not \"" + *value + '"'});
            }
            break;
        }
    }
    for (const auto& [path, value] : flags) {
        const setting* known = find_setting(path);
        if (known == nullptr) {
            result.mistakes.push_back({{path, 0}, "no such setting"});
        } else if (!known->set(result.chosen, parse_outside_value(value))) {
            result.mistakes.push_back(
                {{path, 0}, "expected " + std::string{known->expected} + ", not \"" + value + '"'});
        }
    }
    return result;
}

std::string describe(const mistake& what, std::string_view file) {
    std::string line;
    if (what.at.line > 0) {
        line += file;
        line += ':' + std::to_string(what.at.line) + ": ";
    }
    if (!what.at.path.empty()) line += what.at.path + ": ";
    return line + what.expected;
}

std::string reference() {
    std::string lines;
    for (const setting& each : all_settings()) {
        lines += each.path;
        lines += " (";
        for (std::size_t i = 0; i < each.variables.size(); ++i) {
            if (i > 0) lines += ", ";
            lines += each.variables[i];
        }
        lines += "): ";
        lines += each.expected;
        lines += '\n';
    }
    return lines;
}

} // namespace roomcast::server::config
