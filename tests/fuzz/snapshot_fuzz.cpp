// The first octet says whose bytes the rest is: the file's, those of what clients may recover, of what the
// rules keep, or of a visitor. What is taken is written and read again the same, and can be put to use.
#include "app/snapshot.hpp"
#include "hub/recovery_image.hpp"
#include "input.hpp"
#include "rules/kept_state.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace server = roomcast::server;
namespace hub = roomcast::server::hub;
using roomcast::fuzz::require;

void check_file(std::string_view bytes) {
    std::string why;
    const auto read = server::app::decode(bytes, why);
    require(read.has_value() == why.empty(), "a refusal has a reason");
    if (read) require(server::app::encode(*read) == bytes, "a file is written as it was read");
}

void check_recovery(std::string_view bytes) {
    server::base::octet_reader from{bytes};
    auto image = hub::read_recovery_image(from);
    if (!image) return;
    std::string once;
    hub::append(once, *image);
    server::base::octet_reader again{once};
    auto mirrored = hub::read_recovery_image(again);
    require(mirrored && again.is_at_end(), "what was taken is taken again");
    std::string twice;
    hub::append(twice, *mirrored);
    require(once == twice, "it means the same");
    constexpr std::size_t shards = 2;
    std::vector<std::unique_ptr<hub::recovery_log>> owned;
    std::vector<hub::recovery_log*> logs;
    for (std::size_t i = 0; i < shards; ++i) {
        owned.push_back(std::make_unique<hub::recovery_log>(
            hub::recovery_log::bounds{std::chrono::hours{1}, 100, 100'000, 100, 100'000}, shards));
        logs.push_back(owned.back().get());
    }
    const auto sessions = image->sessions;
    const auto events = image->events;
    const auto counts = hub::restore(std::move(*image), logs, {}, {}, [](std::string_view data) {
        return std::optional<std::any>{std::string{data}};
    });
    require(counts.restored + counts.expired + counts.dropped == sessions.size(), "each session counts once");
    const auto write = [](const std::any& data) {
        return std::optional<std::string>{std::any_cast<std::string>(data)};
    };
    hub::recovery_image kept = hub::image_of(mirrored->name, logs, mirrored->last, {}, write);
    while (hub::shrink(kept)) {
    }
    for (const auto& session : sessions) {
        for (const auto& event : events) {
            for (hub::recovery_log* log : logs) {
                const auto found = log->take(session.pid, hub::offset_of(event.position), {});
                if (found) (void)logs[0]->arrive(*found, {});
            }
        }
    }
}

void check_rules(std::string_view bytes) {
    server::base::octet_reader from{bytes};
    const auto state = server::rules::read_kept_state(from);
    if (!state) return;
    std::string once;
    server::rules::append(once, *state);
    server::base::octet_reader again{once};
    const auto mirrored = server::rules::read_kept_state(again);
    require(mirrored && again.is_at_end(), "what was taken is taken again");
    std::string twice;
    server::rules::append(twice, *mirrored);
    require(once == twice, "it means the same");
}

void check_visitor(std::string_view bytes) {
    const auto who = server::rules::visitor_from(bytes);
    if (!who) return;
    const std::string once = server::rules::bytes_of(*who);
    const auto mirrored = server::rules::visitor_from(once);
    require(mirrored && server::rules::bytes_of(*mirrored) == once, "a visitor is read as it was written");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 100'000) return 0;
    const std::string_view bytes = roomcast::fuzz::input{data + 1, size - 1}.rest();
    switch (data[0] % 4) {
    case 0: check_file(bytes); break;
    case 1: check_recovery(bytes); break;
    case 2: check_rules(bytes); break;
    default: check_visitor(bytes); break;
    }
    return 0;
}
