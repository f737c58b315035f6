#include "transport/deflate.hpp"

#include "roomcast/core/ws/frame.hpp"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <functional>
#include <new>

namespace roomcast::server::transport {

namespace {

constexpr std::string_view end_of_message{"\x00\x00\xff\xff", 4}; // RFC 7692, section 7.2.1
constexpr std::size_t piece_bytes = 16U << 10U;
constexpr std::size_t most_kept_bytes = 1U << 20U;
constexpr std::size_t most_kept = 4096;
constexpr std::size_t most_offers = 16;
/// Of one message: two bytes make one.
constexpr std::size_t most_streams = 1024;

Bytef* octets(std::string_view text) {
    // zlib's type has no const, but it writes nothing there.
    return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); // NOLINT
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Takes the part before a mark off a text, trimmed.
std::string_view take_until(std::string_view& text, char mark) {
    const std::size_t end = text.find(mark);
    const std::string_view part = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    return part;
}

/// 8 to 15, as RFC 7692, section 7.1.2 writes it: no zero in front.
std::optional<int> window_bits_in(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    if (text.size() == 1 && (text[0] == '8' || text[0] == '9')) return text[0] - '0';
    if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5') return 10 + text[1] - '0';
    return std::nullopt;
}

struct offer {
    bool is_server_without_context = false;
    bool is_client_without_context = false;
    bool has_client_window = false;
    std::optional<int> server_window_bits;
};

/// @return nothing: a parameter is unknown, repeated, or has a wrong value
std::optional<offer> read_offer(std::string_view parameters) {
    offer found;
    while (!parameters.empty()) {
        std::string_view parameter = take_until(parameters, ';');
        const bool has_value = parameter.find('=') != std::string_view::npos;
        const std::string_view name = take_until(parameter, '=');
        const std::string_view value = trimmed(parameter);
        if (name == "server_no_context_takeover") {
            if (has_value || found.is_server_without_context) return std::nullopt;
            found.is_server_without_context = true;
        } else if (name == "client_no_context_takeover") {
            if (has_value || found.is_client_without_context) return std::nullopt;
            found.is_client_without_context = true;
        } else if (name == "server_max_window_bits") {
            const auto bits = window_bits_in(value);
            if (!bits || found.server_window_bits) return std::nullopt;
            found.server_window_bits = bits;
        } else if (name == "client_max_window_bits") {
            if (found.has_client_window || (has_value && !window_bits_in(value))) return std::nullopt;
            found.has_client_window = true;
        } else {
            return std::nullopt;
        }
    }
    return found;
}

} // namespace

std::optional<deflate_agreement> agree_on_deflate(std::string_view offers,
                                                  const websocket_compression_options& chosen) {
    for (std::size_t i = 0; i < most_offers && !offers.empty(); ++i) {
        std::string_view rest = take_until(offers, ',');
        if (take_until(rest, ';') != "permessage-deflate") continue;
        const auto offered = read_offer(rest);
        if (!offered) continue;
        deflate_agreement agreed;
        agreed.server_window_bits = std::min(offered->server_window_bits.value_or(15), chosen.window_bits);
        // zlib compresses with no smaller window than of 9 bits.
        if (agreed.server_window_bits < 9) continue;
        agreed.server_keeps_context =
            !chosen.server_no_context_takeover && !offered->is_server_without_context;
        agreed.client_keeps_context =
            !chosen.client_no_context_takeover && !offered->is_client_without_context;
        agreed.header = "permessage-deflate";
        if (!agreed.server_keeps_context) agreed.header += "; server_no_context_takeover";
        if (!agreed.client_keeps_context) agreed.header += "; client_no_context_takeover";
        if (offered->server_window_bits || agreed.server_window_bits < 15) {
            agreed.header += "; server_max_window_bits=" + std::to_string(agreed.server_window_bits);
        }
        return agreed;
    }
    return std::nullopt;
}

std::string_view choose_content_coding(std::string_view accepted) {
    // Thousandths, as RFC 9110, section 12.4.2 has at most three digits.
    const auto quality_in = [](std::string_view parameters) {
        while (!parameters.empty()) {
            std::string_view parameter = take_until(parameters, ';');
            const std::string_view name = take_until(parameter, '=');
            if (name != "q" && name != "Q") continue;
            const std::string_view value = trimmed(parameter);
            if (value.empty() || value.size() > 5 || (value[0] != '0' && value[0] != '1')) return 0;
            int quality = (value[0] - '0') * 1000;
            for (std::size_t i = 2, unit = 100; i < value.size(); ++i, unit /= 10) {
                if (value[1] != '.' || value[i] < '0' || value[i] > '9') return 0;
                quality += static_cast<int>(unit) * (value[i] - '0');
            }
            return std::min(quality, 1000);
        }
        return 1000;
    };
    std::optional<int> gzip;
    std::optional<int> deflate;
    std::optional<int> any;
    while (!accepted.empty()) {
        std::string_view item = take_until(accepted, ',');
        std::string name{take_until(item, ';')};
        std::transform(name.begin(), name.end(), name.begin(), [](char each) {
            return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
        });
        if (name == "gzip" || name == "x-gzip") gzip = quality_in(item);
        if (name == "deflate") deflate = quality_in(item);
        if (name == "*") any = quality_in(item);
    }
    const int for_gzip = gzip.value_or(any.value_or(0));
    const int for_deflate = deflate.value_or(any.value_or(0));
    if (for_gzip > 0 && for_gzip >= for_deflate) return "gzip";
    return for_deflate > 0 ? "deflate" : "";
}

struct deflater::stream {
    z_stream z{};
};

deflater::deflater(format what, int level, int window_bits, int memory_level)
    : stream_(std::make_unique<stream>()) {
    int bits = window_bits;
    switch (what) {
    case format::raw: bits = -window_bits; break;
    case format::zlib: break;
    case format::gzip: bits = window_bits + 16; break;
    }
    if (::deflateInit2(&stream_->z, level, Z_DEFLATED, bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc{};
    }
}

deflater::~deflater() {
    ::deflateEnd(&stream_->z);
}

void deflater::reset() {
    ::deflateReset(&stream_->z);
}

void deflater::compress_whole(std::string_view in, std::string& out) {
    reset();
    run(in, Z_FINISH, out);
}

void deflater::compress_message(std::string_view in, std::string& out) {
    if (in.empty()) {
        out += '\0'; // RFC 7692, section 7.2.3.6
        return;
    }
    const std::size_t begin = out.size();
    run(in, Z_SYNC_FLUSH, out);
    assert(std::string_view{out}.substr(begin).ends_with(end_of_message));
    out.erase(out.size() - end_of_message.size());
}

void deflater::run(std::string_view in, int flush, std::string& out) {
    z_stream& z = stream_->z;
    assert(in.size() <= UINT_MAX);
    z.next_in = octets(in);
    z.avail_in = static_cast<uInt>(in.size());
    for (;;) {
        const std::size_t begin = out.size();
        const std::size_t room = begin == 0 ? ::deflateBound(&z, z.avail_in) + 16 : piece_bytes;
        out.resize(begin + room);
        z.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
        z.avail_out = static_cast<uInt>(room);
        const int result = ::deflate(&z, flush);
        assert(result != Z_STREAM_ERROR);
        out.resize(begin + room - z.avail_out);
        // Room that is left over says that all is out.
        if (z.avail_out > 0 || result == Z_STREAM_END) return;
    }
}

struct inflater::stream {
    z_stream z{};
};

inflater::inflater() : stream_(std::make_unique<stream>()) {
    if (::inflateInit2(&stream_->z, -15) != Z_OK) throw std::bad_alloc{};
}

inflater::~inflater() {
    ::inflateEnd(&stream_->z);
}

void inflater::reset() {
    ::inflateReset(&stream_->z);
}

inflater::outcome inflater::inflate(std::string_view in, std::size_t most, std::string& out) {
    std::size_t size = out.size();
    outcome result = run(in, most, out, size);
    if (result == outcome::ok) result = run(end_of_message, most, out, size);
    out.resize(size);
    return result;
}

/// @param size of what `out` holds; behind it is room, which is made but once: a message of many small
/// streams would make it for each of them
inflater::outcome inflater::run(std::string_view in, std::size_t most, std::string& out, std::size_t& size) {
    z_stream& z = stream_->z;
    assert(in.size() <= UINT_MAX);
    z.next_in = octets(in);
    z.avail_in = static_cast<uInt>(in.size());
    for (std::size_t streams = 0;;) {
        if (size > most) return outcome::too_big;
        // One byte above the bound shows that there is more.
        if (size == out.size()) out.resize(size + std::min(std::max(piece_bytes, size), most + 1 - size));
        const std::size_t room = out.size() - size;
        z.next_out = reinterpret_cast<Bytef*>(out.data() + size);
        z.avail_out = static_cast<uInt>(room);
        const int result = ::inflate(&z, Z_SYNC_FLUSH);
        size += room - z.avail_out;
        switch (result) {
        case Z_OK:
            if (z.avail_in == 0 && z.avail_out > 0) return outcome::ok;
            break;
        case Z_STREAM_END:
            // A sender may mark a block as its last one; the next begins a new stream. RFC 7692,
            // section 7.2.3.4
            if (++streams > most_streams || ::inflateReset(&z) != Z_OK) return outcome::malformed;
            if (z.avail_in == 0) return size > most ? outcome::too_big : outcome::ok;
            break;
        case Z_BUF_ERROR: // nothing more to do
            return z.avail_in == 0 ? outcome::ok : outcome::malformed;
        default: return outcome::malformed;
        }
    }
}

std::size_t compressors::hash::operator()(const key& of) const {
    return std::hash<const void*>{}(of.message) ^ (of.packet * 31 + static_cast<std::size_t>(of.window_bits));
}

bool compressors::is_worth_it(const core::wire_packet& packet) const {
    return !packet.is_control() && packet.payload().size() >= chosen_->websocket.threshold;
}

/// @param must the stream's context holds it, so the receiver's has to
void compressors::compress(const core::wire_packet& packet, deflater& with, bool must, std::string& frame) {
    payload_.clear();
    with.compress_message(packet.payload(), payload_);
    frame.clear();
    if (!must && payload_.size() >= packet.payload().size()) {
        frame = packet.frame();
        return;
    }
    core::ws::append_compressed_header(
        frame, packet.kind() == core::frame_kind::text ? core::ws::opcode::text : core::ws::opcode::binary,
        payload_.size());
    frame += payload_;
    if (payload_.capacity() > most_kept_bytes) std::string{}.swap(payload_);
}

std::string_view compressors::frame_of(const core::shared_message& message, std::size_t packet,
                                       int window_bits) {
    const core::wire_packet& plain = message->at(packet);
    if (!is_worth_it(plain)) return plain.frame();
    const key at{message.get(), packet, window_bits};
    if (const auto known = kept_.find(at); known != kept_.end() && !known->second.message.expired()) {
        return known->second.frame;
    }
    deflater& with = stream_for(window_bits);
    with.reset();
    compress(plain, with, false, frame_);
    // Who holds it beside this receiver is, most likely, the next one.
    if (message.use_count() > 1) keep(at, message, frame_);
    return frame_;
}

std::string_view compressors::frame_of(const core::wire_packet& packet, deflater& own) {
    if (!is_worth_it(packet)) return packet.frame();
    compress(packet, own, true, frame_);
    return frame_;
}

void compressors::keep(const key& at, const core::shared_message& message, const std::string& frame) {
    if (frame.size() > most_kept_bytes / 4) return;
    while (!order_.empty() && (kept_bytes_ + frame.size() > most_kept_bytes || order_.size() >= most_kept ||
                               kept_.find(order_.front())->second.message.expired())) {
        const auto oldest = kept_.find(order_.front());
        kept_bytes_ -= oldest->second.frame.size();
        kept_.erase(oldest);
        order_.pop_front();
    }
    kept_bytes_ += frame.size();
    const auto [place, is_new] = kept_.try_emplace(at);
    if (is_new) {
        order_.push_back(at);
    } else {
        kept_bytes_ -= place->second.frame.size(); // of a message that is gone, at the same address
    }
    place->second = {message, frame};
}

std::unique_ptr<deflater> compressors::make_own(int window_bits) const {
    return std::make_unique<deflater>(deflater::format::raw, chosen_->websocket.level, window_bits,
                                      chosen_->websocket.memory_level);
}

deflater& compressors::stream_for(int window_bits) {
    auto& place = streams_.at(static_cast<std::size_t>(window_bits));
    if (!place) place = make_own(window_bits);
    return *place;
}

inflater& compressors::shared_inflater() {
    if (!inflater_) inflater_ = std::make_unique<inflater>();
    inflater_->reset();
    return *inflater_;
}

std::string compressors::body_of(std::string_view body, std::string_view coding) {
    const bool is_gzip = coding == "gzip";
    auto& place = is_gzip ? gzip_ : zlib_;
    if (!place) {
        place = std::make_unique<deflater>(is_gzip ? deflater::format::gzip : deflater::format::zlib,
                                           chosen_->http.level, 15, 8);
    }
    std::string out;
    place->compress_whole(body, out);
    out.shrink_to_fit();
    return out;
}

} // namespace roomcast::server::transport
