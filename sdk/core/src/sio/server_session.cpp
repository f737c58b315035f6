#include "roomcast/core/sio/server_session.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <iterator>

namespace roomcast::core::sio {

void server_session::on_message(frame_kind kind, std::string_view data) {
    if (is_stopped_) return;
    output_.reset();
    const auto is_complete = kind == frame_kind::text ? decoder_.add_text(data) : decoder_.add_binary(data);
    if (!is_complete) {
        violate(is_complete.error());
    } else if (*is_complete) {
        on_packet();
    }
}

void server_session::on_timeout(time_point now) {
    if (is_stopped_ || now < connect_deadline_) return;
    connect_deadline_ = never;
    violate(errc::connect_timeout);
}

void server_session::accept(slot_id slot) {
    entry& at = entries_[slot];
    at.state = entry_state::joined;
    connect_deadline_ = never;
    // Those of another namespace may still be on their way out.
    std::move(at.kept.begin(), at.kept.end(), std::back_inserter(replay_));
    std::vector<kept_event>{}.swap(at.kept);
    at.kept_bytes = 0;
}

void server_session::refuse(slot_id slot) {
    entries_[slot] = entry{};
}

void server_session::leave(slot_id slot) {
    entries_[slot] = entry{};
    const auto begin = replay_.begin() + static_cast<std::ptrdiff_t>(replay_next_);
    replay_.erase(
        std::remove_if(begin, replay_.end(), [slot](const kept_event& each) { return each.slot == slot; }),
        replay_.end());
}

void server_session::stop() {
    is_stopped_ = true;
    connect_deadline_ = never;
    output_.reset();
    replay_.clear();
    replay_next_ = 0;
}

std::optional<server_output> server_session::poll_output() {
    if (output_) {
        std::optional<server_output> taken{std::move(*output_)};
        output_.reset();
        return taken;
    }
    if (replay_next_ < replay_.size()) {
        replayed_ = std::move(replay_[replay_next_++]);
        if (replay_next_ == replay_.size()) {
            replay_.clear();
            replay_next_ = 0;
        }
        server_output output;
        output.what =
            replayed_.type == packet_type::event ? server_output::kind::event : server_output::kind::ack;
        output.slot = replayed_.slot;
        output.nsp = entries_[replayed_.slot].nsp;
        output.id = replayed_.id;
        output.data = replayed_.text;
        output.parts = std::move(replayed_.parts);
        return output;
    }
    decoder_.release();
    return std::nullopt;
}

std::size_t server_session::joined() const {
    std::size_t count = 0;
    for (const entry& each : entries_) count += each.state == entry_state::joined ? 1 : 0;
    return count;
}

bool server_session::is_joined(slot_id slot) const {
    return slot < entries_.size() && entries_[slot].state == entry_state::joined;
}

void server_session::on_packet() {
    const packet_view& packet = decoder_.packet();
    slot_id slot = 0;
    entry* at = find(packet.nsp, slot);
    if (packet.type == packet_type::connect) {
        if (at != nullptr) {
            violate(errc::already_connected);
            return;
        }
        for (slot = 0; slot < entries_.size() && entries_[slot].state != entry_state::free;) ++slot;
        if (slot >= bounds_->max_namespaces_per_connection) {
            server_output output;
            output.what = server_output::kind::send;
            output.message = encode_connect_error(packet.nsp, "Too many namespaces", {});
            output_ = std::move(output);
            return;
        }
        if (slot == entries_.size()) entries_.emplace_back();
        entries_[slot].nsp = std::string{packet.nsp};
        entries_[slot].state = entry_state::asked;
    } else if (at == nullptr) {
        violate(errc::not_connected);
        return;
    } else if (packet.type == packet_type::connect_error) {
        violate(errc::unexpected_type); // only servers send it
        return;
    } else if (at->state == entry_state::asked && packet.type != packet_type::disconnect) {
        keep(*at, slot);
        return;
    }
    server_output output;
    output.slot = slot;
    output.nsp = packet.nsp;
    output.id = packet.id;
    output.data = packet.data;
    output.parts = decoder_.take_attachments();
    switch (packet.type) {
    case packet_type::connect: output.what = server_output::kind::connect_request; break;
    case packet_type::disconnect:
        output.what = server_output::kind::disconnect;
        leave(slot);
        break;
    case packet_type::event:
    case packet_type::binary_event:
        if (packet.data.empty()) return; // the reference ignores an event without a payload
        output.what = server_output::kind::event;
        break;
    case packet_type::ack:
    case packet_type::binary_ack:
        if (packet.data.empty()) return;
        output.what = server_output::kind::ack;
        break;
    case packet_type::connect_error: return;
    }
    output_ = std::move(output);
}

void server_session::keep(entry& at, slot_id slot) {
    const packet_view& packet = decoder_.packet();
    kept_event event{std::string{packet.data}, decoder_.take_attachments(), packet.type,
                     std::string{packet.id}, slot};
    if (event.text.empty()) return;
    at.kept_bytes += event.text.size();
    if (event.parts) {
        for (const std::string& part : *event.parts) at.kept_bytes += part.size();
    }
    if (at.kept.size() >= bounds_->max_pending_events || at.kept_bytes > bounds_->max_pending_event_bytes) {
        violate(errc::too_many_pending_events);
        return;
    }
    at.kept.push_back(std::move(event));
}

void server_session::violate(std::error_code error) {
    server_output output;
    output.what = server_output::kind::violation;
    output.error = error;
    stop();
    output_ = std::move(output);
}

server_session::entry* server_session::find(std::string_view nsp, slot_id& slot) {
    for (slot = 0; slot < entries_.size(); ++slot) {
        if (entries_[slot].state != entry_state::free && entries_[slot].nsp == nsp) return &entries_[slot];
    }
    return nullptr;
}

std::optional<recovery_request> parse_recovery(std::string_view checked_auth) {
    constexpr std::size_t longest = 128;
    if (checked_auth.empty()) return std::nullopt;
    const auto pid = value::member(checked_auth, "pid");
    const auto offset = value::member(checked_auth, "offset");
    if (!pid || !offset || pid->size() > longest || offset->size() > longest) return std::nullopt;
    auto pid_text = value::text(*pid);
    auto offset_text = value::text(*offset);
    if (!pid_text || !offset_text) return std::nullopt;
    return recovery_request{std::move(*pid_text), std::move(*offset_text)};
}

} // namespace roomcast::core::sio
