// What strangers say before anybody knows them: the first octet chooses headers of proxies, the PROXY
// protocol, offers of compression, or compressed messages; the rest is what they say.
#include "input.hpp"

#include "base/address_set.hpp"
#include "transport/deflate.hpp"
#include "transport/forwarded.hpp"
#include "transport/proxy_header.hpp"

#include <string>

namespace {

namespace base = roomcast::server::base;
namespace transport = roomcast::server::transport;
using roomcast::fuzz::require;

void read_proxy_header(std::string_view said) {
    using status = transport::proxy_header::status;
    const transport::proxy_header whole = transport::read_proxy_header(said);
    require(whole.what == status::complete || !whole.address, "who is not there yet has no address");
    require(whole.size <= transport::max_proxy_header_bytes && whole.size <= said.size(), "it has a bound");
    require(!whole.address || base::canonical_address(*whole.address) == whole.address, "one spelling");
    for (std::size_t size = 0; size <= said.size() && size < 300; ++size) {
        // On the heap and of the exact size, so that a step over its end is seen.
        const std::string begin{said.substr(0, size)};
        const transport::proxy_header part = transport::read_proxy_header(begin);
        switch (part.what) {
        case status::incomplete:
            require(whole.what != status::complete || size < whole.size, "it is all there");
            break;
        case status::complete:
            require(whole.what == status::complete && part.size == whole.size &&
                        part.address == whole.address && part.is_secure == whole.is_secure,
                    "what follows changes nothing");
            break;
        case status::malformed: require(whole.what == status::malformed, "what is wrong stays wrong"); break;
        }
    }
}

void read_forwarded(roomcast::fuzz::input& given) {
    base::address_set trusted;
    require(trusted.add("10.0.0.0/8") && trusted.add("fd00::/8"), "they are networks");
    transport::forwarded_headers said;
    said.x_forwarded_for = given.line();
    said.x_forwarded_proto = given.line();
    said.forwarded = given.line();
    said.x_real_ip = given.line();
    const transport::forwarded_origin found = transport::read_forwarded(said, trusted);
    require(!found.address || base::canonical_address(*found.address) == found.address, "one spelling");
    const auto host = transport::read_forwarded_host(said.x_forwarded_proto);
    require(!host || host->find_first_of(" \r\n/@,\"") == std::string::npos, "a host of a URL");
    // A proxy that adds the address of whom it speaks with is believed, whatever stands before.
    said.x_forwarded_for += ", 203.0.113.9,10.1.1.1";
    require(transport::read_forwarded(said, trusted).address == "203.0.113.9", "the last stranger counts");
}

void agree(roomcast::fuzz::input& given) {
    roomcast::server::websocket_compression_options chosen;
    const std::uint8_t choice = given.octet();
    chosen.window_bits = 9 + choice % 7;
    chosen.server_no_context_takeover = (choice & 64U) != 0;
    chosen.client_no_context_takeover = (choice & 128U) != 0;
    const std::string offers{given.line()};
    if (const auto agreed = transport::agree_on_deflate(offers, chosen)) {
        require(agreed->server_window_bits >= 9 && agreed->server_window_bits <= chosen.window_bits,
                "a window");
        require(agreed->header.starts_with("permessage-deflate"), "what was offered");
        require(!(agreed->server_keeps_context && chosen.server_no_context_takeover), "as was chosen");
        // Our own answer is an offer that we take.
        require(transport::agree_on_deflate(agreed->header, chosen).has_value(), "a form that is read");
    }
    const std::string_view coding = transport::choose_content_coding(given.rest());
    require(coding.empty() || coding == "gzip" || coding == "deflate", "one that we have");
}

void inflate(std::string_view said) {
    constexpr std::size_t most = 50'000;
    using outcome = transport::inflater::outcome;
    transport::inflater with;
    std::string out;
    const outcome first = with.inflate(said, most, out);
    require(out.size() <= most + 1, "no more than the bound");
    require(first != outcome::ok || out.size() <= most, "the bound is the bound");
    with.reset();
    transport::deflater back{transport::deflater::format::raw, 1, 9 + static_cast<int>(said.size() % 7), 8};
    for (int i = 0; i < 3; ++i) {
        std::string message;
        back.compress_message(said, message);
        out.clear();
        require(with.inflate(message, said.size(), out) == outcome::ok && out == said, "there and back");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    roomcast::fuzz::input given{data, size};
    switch (given.below(4)) {
    case 0: read_proxy_header(given.rest()); break;
    case 1: read_forwarded(given); break;
    case 2: agree(given); break;
    case 3: inflate(given.rest()); break;
    }
    return 0;
}
