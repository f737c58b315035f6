#include "api/settings.hpp"

#include "outbound/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace roomcast::server::api {

namespace {

constexpr std::array<std::string_view, 4> event_names{"connected", "disconnected", "room_occupied",
                                                      "room_vacated"};

void complain(const config::node& at, std::string expected, std::vector<config::mistake>& mistakes) {
    mistakes.push_back({at.at(), std::move(expected)});
}

std::vector<std::string> texts_of(const config::node& given) {
    std::vector<std::string> all;
    for (const config::node& each : given.items()) all.push_back(each.text());
    return all;
}

void read_time(const config::node& given, core::duration& into, std::vector<config::mistake>& mistakes) {
    if (given.value().is_null()) return;
    const auto value = config::duration_in(given.value());
    if (!value)
        return complain(given, "expected a time, e.g. 25s, 500ms or a number of milliseconds", mistakes);
    into = *value;
}

template <class Number>
void read_number(const config::node& given, Number& into, std::uint64_t least, std::uint64_t most,
                 std::vector<config::mistake>& mistakes) {
    if (given.value().is_null()) return;
    const std::string text = given.value().is_string() ? given.text() : given.value().dump();
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
        return complain(given,
                        "expected a number from " + std::to_string(least) + " to " + std::to_string(most),
                        mistakes);
    }
    into = static_cast<Number>(number);
}

hook read_hook(const config::node& given, std::vector<config::mistake>& mistakes) {
    hook made;
    made.url = given["url"].text();
    if (!outbound::parse_url(made.url)) {
        complain(given["url"], "expected a URL with http or https, without user and password", mistakes);
    }
    made.secrets = texts_of(given["secret"]);
    if (given.has("events")) {
        made.events = 0;
        for (const config::node& each : given["events"].items()) {
            const auto known = std::find(event_names.begin(), event_names.end(), each.text());
            if (known == event_names.end()) {
                complain(each, "expected connected, disconnected, room_occupied or room_vacated", mistakes);
            } else {
                made.events |= static_cast<std::uint8_t>(1U << (known - event_names.begin()));
            }
        }
    }
    made.name_spaces = texts_of(given["namespaces"]);
    made.rooms = texts_of(given["rooms"]);
    read_number(given["batch"]["size"], made.batch_size, 1, 10'000, mistakes);
    read_time(given["batch"]["delay"], made.batch_delay, mistakes);
    read_time(given["timeout"], made.timeout, mistakes);
    read_number(given["retries"], made.retries, 0, 1000, mistakes);
    read_time(given["backoff"], made.backoff, mistakes);
    read_number(given["queue"], made.queue, 1, 10'000'000, mistakes);
    return made;
}

state_path read_state(const config::node& given, const rules::program* by,
                      std::vector<config::mistake>& mistakes) {
    state_path made;
    made.path = given["path"].text();
    made.name_space = given["namespace"].text("/");
    made.event = given["event"].text();
    if (given.has("room")) {
        std::string wrong;
        made.room = query_template::compile(given["room"].text(), wrong);
        if (!made.room) complain(given["room"], wrong, mistakes);
    }
    if (by == nullptr) return made;
    const rules::compiled_name_space* in = by->find(made.name_space);
    if (in == nullptr) {
        complain(given["namespace"], "expected one of `namespaces`", mistakes);
        return made;
    }
    const auto declared = in->sent.find(made.event);
    if (declared == in->sent.end() || !declared->second.is_retained) {
        complain(given["event"], "expected an event that " + made.name_space + " emits with `retain: true`",
                 mistakes);
    }
    return made;
}

} // namespace

std::optional<query_template> query_template::compile(std::string_view text, std::string& wrong) {
    constexpr std::string_view root = "query.";
    query_template made;
    piece next;
    while (!text.empty()) {
        if (text.starts_with("{{")) {
            next.literal += '{';
            text.remove_prefix(2);
            continue;
        }
        if (text.front() != '{') {
            next.literal += text.front();
            text.remove_prefix(1);
            continue;
        }
        const std::size_t end = text.find('}');
        const std::string_view inner = text.substr(1, end == std::string_view::npos ? end : end - 1);
        if (end == std::string_view::npos || !inner.starts_with(root) || inner.size() == root.size()) {
            wrong = "expected {query.NAME} in \"" + std::string{text.substr(0, 80)} + "\"";
            return std::nullopt;
        }
        next.parameter = inner.substr(root.size());
        made.pieces_.push_back(std::exchange(next, {}));
        text.remove_prefix(end + 1);
    }
    made.pieces_.push_back(std::move(next));
    return made;
}

std::string_view name_of(life_event what) {
    return event_names[static_cast<std::size_t>(what)];
}

bool fits(std::string_view text, std::string_view pattern) {
    // Behind a star one place to come back to is enough: a later star makes the earlier one's choice final.
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = std::string_view::npos;
    std::size_t star_at = 0;
    while (at < text.size()) {
        if (in < pattern.size() && pattern[in] == '*') {
            star = in++;
            star_at = at;
        } else if (in < pattern.size() && pattern[in] == text[at]) {
            ++in;
            ++at;
        } else if (star != std::string_view::npos) {
            in = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (in < pattern.size() && pattern[in] == '*') ++in;
    return in == pattern.size();
}

bool hook::wants(life_event what, std::string_view name_space) const {
    return wants(what) && (name_spaces.empty() || std::find(name_spaces.begin(), name_spaces.end(),
                                                            name_space) != name_spaces.end());
}

bool hook::wants_room(std::string_view room) const {
    return rooms.empty() || std::any_of(rooms.begin(), rooms.end(),
                                        [room](const std::string& each) { return fits(room, each); });
}

std::shared_ptr<const doors> doors::compile(const config::settings& chosen, const rules::program* by,
                                            std::vector<config::mistake>& mistakes,
                                            std::vector<config::mistake>& remarks) {
    auto made = std::make_shared<doors>();
    const config::node whole{*chosen.whole};
    for (const config::node& each : whole["state"].items()) {
        made->states.push_back(read_state(each, by, mistakes));
    }
    for (const config::node& each : whole["webhooks"].items())
        made->hooks.push_back(read_hook(each, mistakes));

    if (chosen.api.port && !chosen.api.is_on()) {
        remarks.push_back({chosen.whole->at("/api/port"),
                           "it is set, but without api.secret (HTTP_API_SECRET) there is no "
                           "HTTP API, and /health alone is there"});
    }
    constexpr std::size_t shortest_secret = 16;
    if (std::any_of(chosen.api.secrets.begin(), chosen.api.secrets.end(),
                    [](const std::string& each) { return each.size() < shortest_secret; })) {
        remarks.push_back({chosen.whole->at("/api/secret"), "a secret of less than 16 bytes can be guessed"});
    }
    for (std::size_t i = 0; i < made->hooks.size(); ++i) {
        const hook& each = made->hooks[i];
        if (each.secrets.empty()) {
            const auto target = outbound::parse_url(each.url);
            remarks.push_back({chosen.whole->at("/webhooks/" + std::to_string(i)),
                               "without a secret " + (target ? target->origin() : std::string{"it"}) +
                                   " cannot know who speaks to it"});
        }
    }
    return made;
}

} // namespace roomcast::server::api
