#include "api/command.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

namespace roomcast::server::api {

namespace value = core::value;

namespace {

using value::kind;

constexpr std::size_t longest_ack_words = 32;
/// Of a name that is not ours, in bytes.
constexpr std::size_t longest_shown = 100;

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_reserved(std::string_view event) {
    constexpr std::array<std::string_view, 6> names{"connect",       "connect_error", "disconnect",
                                                    "disconnecting", "newListener",   "removeListener"};
    return std::find(names.begin(), names.end(), event) != names.end();
}

/// A time: `500ms`, `5s`, `2m`, `1h`, `1d`, or a number of milliseconds.
std::optional<core::duration> time_of(std::string_view checked) {
    std::string words{checked};
    if (value::kind_of(checked) == kind::string) words = value::text(checked).value_or("");
    if (words.empty() || words.size() > longest_ack_words) return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), number);
    if (error != std::errc{} || number < 0) return std::nullopt;
    const std::string_view unit{end, static_cast<std::size_t>(words.data() + words.size() - end)};
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 6> units{
        {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
    constexpr std::int64_t longest_ms = 1000LL * 60 * 60 * 24 * 365;
    for (const auto& [name, factor] : units) {
        if (unit != name) continue;
        if (number > longest_ms / factor) return std::nullopt;
        return std::chrono::milliseconds{number * factor};
    }
    return std::nullopt;
}

/// Reads the members of one command.
class command_reader {
public:
    command_reader(const command_bounds& bounds, std::string_view at, command& into)
        : bounds_(&bounds), at_(at), into_(&into) {}

    std::optional<fault> read(std::string_view checked) {
        if (value::kind_of(checked) != kind::object) {
            return fault{422, "invalid_command", "expected an object", std::string{at_}};
        }
        for (value::walker walk{checked}; !wrong_ && walk.next();) {
            const std::string_view raw = walk.raw_key();
            // Plain names are compared as they stand.
            if (raw.find('\\') == std::string_view::npos) {
                member(raw.substr(1, raw.size() - 2), walk.element());
            } else {
                member(value::text(raw).value_or(""), walk.element());
            }
        }
        if (!wrong_) finish();
        return std::move(wrong_);
    }

private:
    bool is(command::kind what) const { return into_->what == what; }

    void member(std::string_view name, std::string_view checked) {
        const bool is_aimed = !is(command::kind::revoke);
        const bool is_emit = is(command::kind::emit);
        const bool moves = is(command::kind::join) || is(command::kind::leave);
        if (is_aimed && name == "namespace") {
            read_name_space(checked);
        } else if (is_aimed && name == "to") {
            names(name, checked, into_->whom.rooms, of_list::one_or_more);
        } else if (is_aimed && name == "users") {
            names(name, checked, into_->whom.users, of_list::one_or_more);
        } else if (is_aimed && name == "sockets") {
            names(name, checked, into_->whom.sockets, of_list::one_or_more);
        } else if (is_aimed && name == "except") {
            names(name, checked, into_->whom.except, of_list::any);
        } else if (moves && name == "rooms") {
            names(name, checked, into_->rooms, of_list::one_or_more);
        } else if (is_emit && name == "event") {
            read_event(checked);
        } else if (is_emit && name == "args") {
            if (value::kind_of(checked) != kind::array) return wrong(name, "expected a list of arguments");
            into_->arguments = checked;
        } else if (is_emit && name == "attachments") {
            read_attachments(checked);
        } else if (is_emit && name == "volatile") {
            flag(name, checked, into_->is_volatile);
        } else if (is_emit && name == "ack") {
            read_ack(checked);
        } else if (is(command::kind::disconnect) && name == "close") {
            flag(name, checked, into_->closes_connection);
        } else if (is(command::kind::revoke) && (name == "user" || name == "session")) {
            auto text = value::text(checked);
            if (!text || text->empty() || text->size() > bounds_->max_name_bytes) {
                return wrong(name, "expected an id of at most " + std::to_string(bounds_->max_name_bytes) +
                                       " bytes");
            }
            (name == "user" ? into_->user : into_->session) = std::move(*text);
        } else if (is(command::kind::revoke) && name == "for") {
            into_->how_long = time_of(checked);
            if (!into_->how_long) wrong(name, "expected a time, e.g. 90s, 24h or a number of milliseconds");
        } else {
            wrong(name.substr(0, longest_shown), "there is no such member", "unknown_member");
        }
    }

    void finish() {
        switch (into_->what) {
        case command::kind::emit:
            if (into_->event.empty()) return wrong("event", "the name of the event is missing");
            if (into_->ack && into_->is_volatile) {
                return wrong("ack", "a volatile event may be lost, so nobody can wait for its answer");
            }
            check_parts();
            break;
        case command::kind::join:
        case command::kind::leave:
            if (into_->rooms.empty()) return wrong("rooms", "the rooms are missing");
            [[fallthrough]];
        case command::kind::disconnect:
            // What empties a namespace is not to happen because a name was left out.
            if (into_->whom.is_everybody()) return wrong("", "expected to, users or sockets");
            break;
        case command::kind::revoke:
            if (into_->user.empty() == into_->session.empty()) wrong("", "expected user or session");
            break;
        }
    }

    void check_parts() {
        if (into_->attachments.empty()) return;
        if (core::sio::check_placeholders(into_->arguments, into_->attachments.size())) {
            wrong("args", "a placeholder names an attachment that is not there");
        }
    }

    enum class of_list { any, one_or_more };

    void names(std::string_view name, std::string_view checked, std::vector<std::string>& into, of_list how) {
        into.clear(); // of a member that stands twice the last one counts
        const auto add = [&](std::string_view element) {
            auto text = value::text(element);
            if (!text || text->empty() || text->size() > bounds_->max_name_bytes) return false;
            into.push_back(std::move(*text));
            return true;
        };
        const auto refuse = [&](const std::string& where) {
            wrong(where, "expected a name or a list of names, each of 1 to " +
                             std::to_string(bounds_->max_name_bytes) + " bytes");
        };
        if (value::kind_of(checked) == kind::string) {
            if (!add(checked)) refuse(std::string{name});
            return;
        }
        if (value::kind_of(checked) != kind::array) return refuse(std::string{name});
        for (value::walker walk{checked}; walk.next();) {
            if (into.size() == bounds_->max_names) {
                return wrong(name, "expected at most " + std::to_string(bounds_->max_names) + " names",
                             "too_many");
            }
            if (!add(walk.element())) {
                return refuse(std::string{name} + '/' + std::to_string(into.size()));
            }
        }
        if (into.empty() && how == of_list::one_or_more) {
            wrong(name, "an empty list names nobody; left out it means everybody");
        }
    }

    void read_name_space(std::string_view checked) {
        auto text = value::text(checked);
        if (!text || !text->starts_with('/') || text->size() > bounds_->max_name_space_bytes) {
            return wrong("namespace", "expected the name of a namespace, which begins with /");
        }
        into_->name_space = std::move(*text);
    }

    void read_event(std::string_view checked) {
        auto text = value::text(checked);
        if (!text || text->empty() || text->size() > bounds_->max_name_bytes) {
            return wrong("event",
                         "expected a name of 1 to " + std::to_string(bounds_->max_name_bytes) + " bytes");
        }
        if (is_reserved(*text)) return wrong("event", "this name belongs to the protocol");
        into_->event = std::move(*text);
    }

    void read_attachments(std::string_view checked) {
        if (value::kind_of(checked) != kind::array) return wrong("attachments", "expected a list of base64");
        into_->attachments.clear();
        for (value::walker walk{checked}; walk.next();) {
            const std::string place = "attachments/" + std::to_string(into_->attachments.size());
            if (into_->attachments.size() == bounds_->max_attachments) {
                return wrong("attachments", "expected at most " + std::to_string(bounds_->max_attachments),
                             "too_many");
            }
            const auto text = value::text(walk.element());
            std::string bytes;
            if (!text || !core::append_from_base64(bytes, *text)) return wrong(place, "expected base64");
            into_->attachments.push_back(std::move(bytes));
        }
    }

    void read_ack(std::string_view checked) {
        if (value::kind_of(checked) != kind::object) {
            return wrong("ack", "expected an object with a timeout");
        }
        into_->ack = std::chrono::seconds{10};
        for (value::walker walk{checked}; walk.next();) {
            if (!value::is_text(walk.raw_key(), "timeout")) {
                const std::string name = value::text(walk.raw_key()).value_or("");
                return wrong("ack/" + name.substr(0, longest_shown), "there is timeout and nothing else",
                             "unknown_member");
            }
            const auto time = time_of(walk.element());
            if (!time || *time == core::duration::zero() || *time > bounds_->longest_ack) {
                return wrong("ack/timeout", "expected a time of at most 60s");
            }
            into_->ack = time;
        }
    }

    void flag(std::string_view name, std::string_view checked, bool& into) {
        if (value::kind_of(checked) != kind::boolean) return wrong(name, "expected true or false");
        into = checked == "true";
    }

    void wrong(std::string_view name, std::string message, std::string code = "invalid_command") {
        if (wrong_) return;
        std::string field{at_};
        if (!name.empty()) {
            field += '/';
            field += name;
        }
        wrong_ = fault{422, std::move(code), std::move(message), std::move(field)};
    }

    const command_bounds* bounds_;
    std::string_view at_;
    command* into_;
    std::optional<fault> wrong_;
};

std::optional<fault> check_body(std::string_view& body, const command_bounds& bounds) {
    if (const auto error = value::check_whole(body, bounds.max_json_depth)) {
        return fault{400, "invalid_json", error.message(), {}};
    }
    body = trimmed(body);
    if (value::kind_of(body) != kind::object) return fault{422, "invalid_command", "expected an object", {}};
    return std::nullopt;
}

} // namespace

std::string fault::to_json() const {
    std::string json = "{\"code\":";
    value::append_string(json, code);
    json += ",\"message\":";
    value::append_string(json, message);
    if (!field.empty()) {
        json += ",\"field\":";
        value::append_string(json, field);
    }
    return json + '}';
}

std::optional<command::kind> kind_of(std::string_view word) {
    if (word == "emit") return command::kind::emit;
    if (word == "join") return command::kind::join;
    if (word == "leave") return command::kind::leave;
    if (word == "disconnect") return command::kind::disconnect;
    if (word == "revoke") return command::kind::revoke;
    return std::nullopt;
}

std::string_view word_of(command::kind what) {
    switch (what) {
    case command::kind::emit: return "emit";
    case command::kind::join: return "join";
    case command::kind::leave: return "leave";
    case command::kind::disconnect: return "disconnect";
    case command::kind::revoke: return "revoke";
    }
    return {};
}

std::optional<fault> read_command(std::string_view checked, command::kind what, const command_bounds& bounds,
                                  std::string_view at, command& into) {
    into.what = what;
    return command_reader{bounds, at, into}.read(checked);
}

std::optional<fault> read_request(std::string_view body, command::kind what, const command_bounds& bounds,
                                  command& into) {
    if (auto wrong = check_body(body, bounds)) return wrong;
    return read_command(body, what, bounds, {}, into);
}

std::optional<fault> read_batch(std::string_view body, const command_bounds& bounds,
                                std::vector<batch_entry>& into) {
    if (auto wrong = check_body(body, bounds)) return wrong;
    std::optional<std::string_view> list;
    for (value::walker walk{body}; walk.next();) {
        if (!value::is_text(walk.raw_key(), "commands")) {
            return fault{422, "unknown_member", "there is commands and nothing else", {}};
        }
        list = walk.element();
    }
    if (!list || value::kind_of(*list) != kind::array) {
        return fault{422, "invalid_command", "expected a list of commands", "/commands"};
    }
    std::size_t count = 0;
    for (value::walker walk{*list}; walk.next();) {
        if (++count > bounds.max_commands) {
            return fault{422, "too_many",
                         "expected at most " + std::to_string(bounds.max_commands) + " commands",
                         "/commands"};
        }
    }
    into.reserve(count);
    for (value::walker walk{*list}; walk.next();) {
        const std::string at = "/commands/" + std::to_string(into.size());
        batch_entry& entry = into.emplace_back();
        const std::string_view checked = walk.element();
        if (value::kind_of(checked) == kind::object) {
            value::walker inner{checked};
            if (inner.next()) {
                const std::string_view raw = inner.raw_key();
                const std::string_view word = raw.substr(1, raw.size() - 2);
                const auto what = kind_of(word);
                const std::string_view element = inner.element();
                if (what && !inner.next()) {
                    entry.wrong =
                        read_command(element, *what, bounds, at + '/' + std::string{word}, entry.what);
                    continue;
                }
            }
        }
        entry.wrong = fault{422, "invalid_command",
                            "expected an object with one of emit, join, leave, disconnect and revoke", at};
    }
    return std::nullopt;
}

} // namespace roomcast::server::api
