#include "hub/recovery_image.hpp"

#include "base/ids.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/eio/packet.hpp"
#include "roomcast/core/sio/decoder.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace roomcast::server::hub {

namespace {

constexpr core::duration longest_age = std::chrono::hours{24 * 365};

/// Finds the place of each event, and gives new ones a place.
class event_table {
public:
    event_table(std::vector<recovery_image::event>& into, core::time_point now) : into_(&into), now_(now) {}

    std::uint32_t place_of(const kept_event& event) {
        const auto [at, is_new] = add(event.position);
        if (is_new) {
            into_->push_back({event.position, now_ - event.at, event.message, event.whom});
        } else {
            // It may be known from somebody who was sent it, of which nobody knows who else gets it.
            (*into_)[at->second].whom = event.whom;
        }
        return at->second;
    }
    /// One of which nobody needs to know any more who gets it.
    std::uint32_t place_of(const recovered_event& event, core::time_point at_least) {
        const auto [at, is_new] = add(event.position);
        if (is_new) into_->push_back({event.position, now_ - at_least, event.message, {}});
        return at->second;
    }

private:
    using key = std::pair<std::uint16_t, std::uint64_t>;
    std::pair<std::map<key, std::uint32_t>::iterator, bool> add(event_position position) {
        return places_.emplace(key{position.origin, position.sequence},
                               static_cast<std::uint32_t>(into_->size()));
    }

    std::vector<recovery_image::event>* into_;
    core::time_point now_;
    std::map<key, std::uint32_t> places_;
};

/// Is it something that a client may be sent? A frame that is none would end its connection.
bool is_sound(const recovery_image::event& event, const std::string& nsp) {
    if (!event.message) return false;
    const std::string_view packet = event.message->first.payload();
    if (packet.empty() || packet.front() != core::eio::digit_of(core::eio::packet_type::message))
        return false;
    core::limits bounds; // it was checked by the server's own when it came
    bounds.max_json_depth = 20'000;
    bounds.max_namespace_bytes = std::numeric_limits<std::size_t>::max();
    bounds.max_attachments = event.message->rest.size();
    const auto read = core::sio::decode(packet.substr(1), bounds);
    if (!read || read->nsp != nsp || read->attachments != event.message->rest.size()) return false;
    using type = core::sio::packet_type;
    if (read->type != type::event && read->type != type::binary_event) return false;
    if (read->data.empty()) return false; // the reference lets it be, and so does the decoder
    // Without attachments what looks like a placeholder is an object as any other.
    const std::size_t parts = event.message->rest.size();
    return parts == 0 || !core::sio::check_placeholders(read->data, parts);
}

void append_texts(base::octet_writer& to, const std::vector<std::string>& texts) {
    to.count(texts.size());
    for (const std::string& each : texts) to.text(each);
}

std::vector<std::string> read_texts(base::octet_reader& from) {
    std::vector<std::string> all(from.count(4));
    for (std::string& each : all) each = from.text();
    return all;
}

void append_position(base::octet_writer& to, event_position position) {
    to.u16(position.origin);
    to.u64(position.sequence);
}

event_position read_position(base::octet_reader& from) {
    event_position position;
    position.origin = from.u16();
    position.sequence = from.u64();
    return position;
}

core::duration read_age(base::octet_reader& from) {
    return std::clamp(core::duration{from.i64()}, core::duration::zero(), longest_age);
}

void append_places(base::octet_writer& to, const std::vector<std::uint32_t>& places) {
    to.count(places.size());
    for (const std::uint32_t each : places) to.u32(each);
}

std::vector<std::uint32_t> read_places(base::octet_reader& from, std::size_t below) {
    std::vector<std::uint32_t> all(from.count(4));
    for (std::uint32_t& each : all) {
        each = from.u32();
        if (each >= below) from.fail();
    }
    return all;
}

core::shared_message read_message(base::octet_reader& from) {
    const std::string_view text = from.text();
    if (!core::is_utf8(text)) from.fail();
    auto message =
        std::make_shared<core::prepared_message>(core::wire_packet::make(core::frame_kind::text, {text}));
    for (std::size_t left = from.count(4); left > 0; --left) {
        message->rest.push_back(core::wire_packet::make(core::frame_kind::binary, {from.text()}));
    }
    message->finish();
    return message;
}

} // namespace

recovery_image image_of(std::string name, const std::vector<recovery_log*>& logs, std::uint64_t last,
                        core::time_point now, const data_writer& write) {
    recovery_image image;
    image.name = std::move(name);
    image.last = last;
    event_table table{image.events, now};
    for (recovery_log* log : logs) {
        if (log == nullptr) continue;
        log->expire(now);
    }
    for (const recovery_log* log : logs) {
        if (log == nullptr || log->sessions() == 0) continue;
        std::vector<std::uint32_t> own;
        for (const kept_event& event : log->kept()) own.push_back(table.place_of(event));
        for (std::size_t origin = 0; origin < logs.size(); ++origin) {
            if (logs[origin] == nullptr || logs[origin] == log || origin >= log->seen().size()) continue;
            for (const kept_event& event : logs[origin]->kept()) {
                const bool is_under_way =
                    event.position.origin == origin && event.position.sequence > log->seen()[origin];
                if (is_under_way) own.push_back(table.place_of(event));
            }
        }
        // Sessions of the process before this one have the events from then in front.
        std::map<const event_order*, std::uint32_t> orders;
        const auto order_behind = [&](const event_order* before) {
            const auto [known, is_new] =
                orders.emplace(before, static_cast<std::uint32_t>(image.orders.size()));
            if (!is_new) return known->second;
            std::vector<std::uint32_t> order;
            if (before != nullptr) {
                for (const auto& event : *before) order.push_back(table.place_of(*event));
            }
            order.insert(order.end(), own.begin(), own.end());
            image.orders.push_back(std::move(order));
            return known->second;
        };
        log->for_each_session([&](const saved_session& session, const arrival* came) {
            auto data = write(session.data);
            if (!data) return;
            recovery_image::session kept{session.sid,
                                         session.pid,
                                         session.rooms,
                                         std::move(*data),
                                         now - session.away_since,
                                         order_behind(session.before.get()),
                                         {}};
            if (came != nullptr) {
                recovery_image::arrived at{came->offset, {}, came->has, now - came->at};
                for (const recovered_event& event : came->sent) {
                    at.sent.push_back(table.place_of(event, came->at));
                }
                kept.came = std::move(at);
            }
            image.sessions.push_back(std::move(kept));
        });
    }
    return image;
}

bool shrink(recovery_image& image) {
    if (image.events.empty()) {
        if (image.sessions.empty()) return false;
        const auto middle = image.sessions.begin() + static_cast<std::ptrdiff_t>(image.sessions.size() / 2);
        std::nth_element(image.sessions.begin(), middle, image.sessions.end(),
                         [](const auto& a, const auto& b) { return a.age < b.age; });
        image.sessions.erase(middle, image.sessions.end());
        return true;
    }
    std::vector<core::duration> ages;
    for (const auto& each : image.events) ages.push_back(each.age);
    const auto middle = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 2);
    std::nth_element(ages.begin(), middle, ages.end());
    const core::duration oldest = *middle;
    constexpr std::uint32_t gone = std::numeric_limits<std::uint32_t>::max();
    std::vector<std::uint32_t> places(image.events.size(), gone);
    std::vector<recovery_image::event> kept;
    for (std::size_t i = 0; i < image.events.size(); ++i) {
        if (image.events[i].age >= oldest) continue;
        places[i] = static_cast<std::uint32_t>(kept.size());
        kept.push_back(std::move(image.events[i]));
    }
    image.events = std::move(kept);
    // What lies in front of a gap goes, too: whoever had it last could not be told of the gap.
    for (auto& order : image.orders) {
        std::vector<std::uint32_t> behind;
        for (const std::uint32_t each : order) {
            if (places[each] == gone) {
                behind.clear();
            } else {
                behind.push_back(places[each]);
            }
        }
        order = std::move(behind);
    }
    // Those with an order of their own could have a gap that nobody sees.
    std::erase_if(image.sessions, [](const auto& session) { return session.came.has_value(); });
    return true;
}

void append(std::string& out, const recovery_image& image) {
    base::octet_writer to{out};
    to.text(image.name);
    to.u64(image.last);
    to.count(image.events.size());
    for (const auto& event : image.events) {
        append_position(to, event.position);
        to.i64(event.age.count());
        append_texts(to, event.whom.rooms);
        append_texts(to, event.whom.except);
        to.text(event.message->first.payload());
        to.count(event.message->rest.size());
        for (const auto& part : event.message->rest) to.text(part.payload());
    }
    to.count(image.orders.size());
    for (const auto& order : image.orders) append_places(to, order);
    to.count(image.sessions.size());
    for (const auto& session : image.sessions) {
        to.text(session.sid);
        to.text(session.pid);
        append_texts(to, session.rooms);
        to.text(session.data);
        to.i64(session.age.count());
        to.u32(session.order);
        to.octet(session.came ? 1 : 0);
        if (!session.came) continue;
        append_position(to, session.came->offset);
        append_places(to, session.came->sent);
        to.count(session.came->has.size());
        for (const std::uint64_t each : session.came->has) to.u64(each);
        to.i64(session.came->age.count());
    }
}

std::optional<recovery_image> read_recovery_image(base::octet_reader& from) {
    constexpr std::size_t least_event = 10 + 8 + 4 + 4 + 4 + 4;
    constexpr std::size_t least_session = 4 + 4 + 4 + 4 + 8 + 4 + 1;
    constexpr std::size_t most_origins = 65'536;
    recovery_image image;
    image.name = from.text();
    image.last = from.u64();
    if (!core::is_utf8(image.name) || !image.name.starts_with('/')) from.fail();
    for (std::size_t left = from.count(least_event); left > 0 && from.is_good(); --left) {
        recovery_image::event event;
        event.position = read_position(from);
        event.age = read_age(from);
        event.whom.rooms = read_texts(from);
        event.whom.except = read_texts(from);
        event.message = read_message(from);
        if (event.position.sequence > image.last || !is_sound(event, image.name)) from.fail();
        image.events.push_back(std::move(event));
    }
    for (std::size_t left = from.count(4); left > 0 && from.is_good(); --left) {
        image.orders.push_back(read_places(from, image.events.size()));
    }
    for (std::size_t left = from.count(least_session); left > 0 && from.is_good(); --left) {
        recovery_image::session session;
        session.sid = from.text();
        session.pid = from.text();
        session.rooms = read_texts(from);
        session.data = from.text();
        session.age = read_age(from);
        session.order = from.u32();
        if (session.order >= image.orders.size()) from.fail();
        // Both are told to clients in JSON, and a pid finds its shard.
        if (!base::shard_of(session.sid) || !base::shard_of(session.pid)) from.fail();
        const std::uint8_t has_come = from.octet();
        if (has_come > 1) from.fail();
        if (has_come == 1) {
            recovery_image::arrived came;
            came.offset = read_position(from);
            came.sent = read_places(from, image.events.size());
            came.has.resize(from.count(8));
            if (came.has.size() > most_origins) from.fail();
            for (std::uint64_t& each : came.has) each = from.u64();
            came.age = read_age(from);
            session.came = std::move(came);
        }
        image.sessions.push_back(std::move(session));
    }
    if (!from.is_good()) return std::nullopt;
    return image;
}

restored_sessions restore(recovery_image image, const std::vector<recovery_log*>& logs, core::time_point now,
                          core::duration away, const data_reader& read) {
    restored_sessions counts;
    away = std::clamp(away, core::duration::zero(), longest_age);
    const core::time_point saved = now - away;
    for (recovery_log* log : logs) log->begin_after(image.last);
    std::vector<std::shared_ptr<const kept_event>> events;
    events.reserve(image.events.size());
    for (auto& each : image.events) {
        events.push_back(std::make_shared<const kept_event>(
            kept_event{each.position, saved - each.age, std::move(each.message), std::move(each.whom)}));
    }
    std::vector<std::shared_ptr<const event_order>> orders;
    for (const auto& places : image.orders) {
        event_order order;
        order.reserve(places.size());
        for (const std::uint32_t each : places) order.push_back(events[each]);
        orders.push_back(std::make_shared<const event_order>(std::move(order)));
    }
    // Logs forget from the front: who is away the longest comes first. With too many those are left out.
    std::stable_sort(image.sessions.begin(), image.sessions.end(),
                     [](const auto& a, const auto& b) { return a.age > b.age; });
    std::vector<std::size_t> left(logs.size(), 0);
    const auto log_of = [&](const recovery_image::session& session) {
        return std::size_t{base::shard_of(session.pid).value_or(0)} % logs.size();
    };
    for (const auto& each : image.sessions) ++left[log_of(each)];
    for (auto& each : image.sessions) {
        const std::size_t at = log_of(each);
        recovery_log& log = *logs[at];
        const bool is_too_many = left[at]-- > log.within().max_sessions;
        if (core::deadline_after(saved - each.age, log.within().max_age) <= now) {
            ++counts.expired;
            continue;
        }
        auto data = read(each.data);
        if (is_too_many || !data) {
            ++counts.dropped;
            continue;
        }
        saved_session session{std::move(each.sid), std::move(each.pid), std::move(each.rooms),
                              std::move(*data),    saved - each.age,    orders[each.order]};
        std::optional<arrival> came;
        if (each.came) {
            came.emplace(arrival{each.came->offset, {}, std::move(each.came->has), saved - each.came->age});
            for (const std::uint32_t place : each.came->sent) {
                came->sent.push_back({events[place]->position, events[place]->message});
            }
        }
        ++(log.restore(std::move(session), std::move(came)) ? counts.restored : counts.dropped);
    }
    return counts;
}

} // namespace roomcast::server::hub
