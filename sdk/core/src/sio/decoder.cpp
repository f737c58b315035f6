#include "roomcast/core/sio/decoder.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace roomcast::core::sio {

namespace {

/// An object that stands for an attachment. @source Socket.IO v5, "Binary"
struct placeholder {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::optional<std::int64_t> number; ///< nothing: `num` is missing or no whole number

    /// Does it name one of `count` attachments?
    bool is_within(std::size_t count) const {
        return number && static_cast<std::uint64_t>(*number) < count; // less than zero becomes huge
    }
};

/// Finds the placeholders in checked JSON, in the order of the text. An object that is one hides what it
/// holds. One pass without recursion, whatever the nesting.
class placeholder_finder {
public:
    explicit placeholder_finder(std::string_view checked) : text_(checked) {}

    std::vector<placeholder> find() {
        if (!may_have_any()) return {};
        std::size_t at = 0;
        while (at < text_.size()) {
            switch (text_[at]) {
            case '{': open(at++, true); break;
            case '[': open(at++, false); break;
            case '}':
            case ']': close(++at); break;
            case ',':
                is_key_next_ = !open_.empty() && open_.back().is_object;
                ++at;
                break;
            case '"': at = string(at); break;
            default: ++at;
            }
        }
        return std::move(found_);
    }

private:
    struct container {
        bool is_object;
        bool is_placeholder = false;
        std::size_t found_before; ///< placeholders found before it
        placeholder self;
    };

    /// The key is there in plain letters, or hidden behind an escape like `\u005f`.
    bool may_have_any() const {
        return text_.find("_placeholder") != std::string_view::npos ||
               text_.find("\\u00") != std::string_view::npos;
    }

    void open(std::size_t at, bool is_object) {
        container opened{};
        opened.is_object = is_object;
        opened.found_before = found_.size();
        opened.self.begin = at;
        open_.push_back(opened);
        is_key_next_ = is_object;
    }

    void close(std::size_t end) {
        is_key_next_ = false;
        if (open_.empty()) return;
        container& closed = open_.back();
        if (closed.is_placeholder) {
            closed.self.end = end;
            found_.resize(closed.found_before);
            found_.push_back(closed.self);
        }
        open_.pop_back();
    }

    /// Goes behind a string, and behind the colon if it is a key.
    std::size_t string(std::size_t at) {
        const std::string_view raw = text_.substr(at, value::length_of(text_.substr(at)));
        at += raw.size();
        if (!is_key_next_) return at;
        is_key_next_ = false;
        at = text_.find(':', at);
        if (at == std::string_view::npos) return text_.size();
        at = text_.find_first_not_of(" \n\r\t", at + 1);
        if (at == std::string_view::npos) return text_.size();
        container& inside = open_.back();
        const std::string_view rest = text_.substr(at);
        // The last of several equal keys counts, as in JavaScript.
        if (value::is_text(raw, "_placeholder")) {
            inside.is_placeholder = rest.starts_with("true");
        } else if (value::is_text(raw, "num")) {
            inside.self.number.reset();
            if (value::kind_of(rest) == value::kind::number) inside.self.number = value::integer(rest);
        }
        return at;
    }

    std::string_view text_;
    std::vector<container> open_;
    std::vector<placeholder> found_;
    bool is_key_next_ = false;
};

/// Bytes that the attachments of one packet may have together, kept within the type.
std::size_t most_part_bytes(const limits& bounds) {
    if (bounds.max_payload_bytes > SIZE_MAX / std::max<std::size_t>(bounds.max_attachments, 1))
        return SIZE_MAX;
    return bounds.max_attachments * bounds.max_payload_bytes;
}

} // namespace

result<bool> decoder::add_text(std::string_view text) {
    held_.reset();
    complete_.reset();
    if (is_waiting()) {
        waiting_.reset();
        return errc::attachments_missing;
    }
    if (text.starts_with('5') || text.starts_with('6')) { // the packet must outlive this call
        auto begun = std::make_unique<incomplete>();
        begun->text = text;
        auto packet = decode(begun->text, *bounds_);
        if (!packet) return packet.error();
        begun->packet = *packet;
        waiting_ = std::move(begun);
        return false;
    }
    auto packet = decode(text, *bounds_);
    if (!packet) return packet.error();
    packet_ = *packet;
    return true;
}

result<bool> decoder::add_binary(std::string_view data) {
    held_.reset();
    complete_.reset();
    if (!is_waiting()) return errc::unexpected_attachment;
    if (data.size() > most_part_bytes(*bounds_) - waiting_->part_bytes) {
        waiting_.reset();
        return errc::payload_too_large;
    }
    waiting_->part_bytes += data.size();
    waiting_->parts.emplace_back(data);
    if (waiting_->parts.size() < waiting_->packet.attachments) return false;

    held_ = std::move(waiting_);
    packet_ = held_->packet;
    packet_.type = packet_.type == packet_type::binary_event ? packet_type::event : packet_type::ack;
    if (const auto error = check_placeholders(packet_.data, packet_.attachments)) {
        held_.reset();
        return error;
    }
    complete_ = std::make_shared<const std::vector<std::string>>(std::move(held_->parts));
    return true;
}

std::error_code check_placeholders(std::string_view checked, std::size_t count) {
    for (const auto& each : placeholder_finder{checked}.find()) {
        if (!each.is_within(count)) return errc::invalid_placeholder;
    }
    return {};
}

picked pick(std::string_view checked, const sio::attachments& from) {
    if (from == nullptr) return {std::string{checked}, nullptr};
    picked out;
    std::vector<std::string> parts;
    append_picked(out.text, parts, checked, from);
    if (!parts.empty()) out.parts = std::make_shared<const std::vector<std::string>>(std::move(parts));
    return out;
}

void append_picked(std::string& out, std::vector<std::string>& parts, std::string_view checked,
                   const sio::attachments& from) {
    constexpr std::size_t unused = SIZE_MAX;
    const std::size_t count = from == nullptr ? 0 : from->size();
    std::vector<std::size_t> new_numbers(count, unused);
    std::size_t copied = 0;
    for (const auto& each : placeholder_finder{checked}.find()) {
        out.append(checked.substr(copied, each.begin - copied));
        copied = each.end;
        if (!each.is_within(count)) {
            // In a packet with attachments of others it would name one of those.
            out.append("null");
            continue;
        }
        const auto old_number = static_cast<std::size_t>(*each.number);
        std::size_t& number = new_numbers[old_number];
        if (number == unused) {
            number = parts.size();
            parts.push_back((*from)[old_number]);
        }
        out.append(R"({"_placeholder":true,"num":)");
        append_number(out, number);
        out.push_back('}');
    }
    out.append(checked.substr(copied));
}

} // namespace roomcast::core::sio
