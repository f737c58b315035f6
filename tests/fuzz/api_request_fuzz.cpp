// What backends send: one command, or a batch. The secret was checked before, but a backend may pass on what
// its own users typed.

#include "json_oracle.hpp"

#include "api/command.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace api = roomcast::server::api;
namespace core = roomcast::core;

const api::command_bounds bounds{64, 20, 40, 30, 3, 50, std::chrono::seconds{60}};

void check_names(const std::vector<std::string>& names) {
    ROOMCAST_PROPERTY(names.size() <= bounds.max_names);
    for (const std::string& each : names) {
        ROOMCAST_PROPERTY(!each.empty() && each.size() <= bounds.max_name_bytes && core::is_utf8(each));
    }
}

/// What was found right is safe to be done.
void check(const api::command& what) {
    check_names(what.whom.rooms);
    check_names(what.whom.users);
    check_names(what.whom.sockets);
    check_names(what.whom.except);
    check_names(what.rooms);
    ROOMCAST_PROPERTY(what.name_space.starts_with('/') &&
                      what.name_space.size() <= bounds.max_name_space_bytes);
    ROOMCAST_PROPERTY(what.attachments.size() <= bounds.max_attachments);
    switch (what.what) {
    case api::command::kind::emit:
        ROOMCAST_PROPERTY(!what.event.empty() && what.event != "connect" && what.event != "disconnect");
        ROOMCAST_PROPERTY(!core::value::check_whole(what.arguments, bounds.max_json_depth));
        ROOMCAST_PROPERTY(core::value::kind_of(what.arguments) == core::value::kind::array);
        ROOMCAST_PROPERTY(what.attachments.empty() ||
                          !core::sio::check_placeholders(what.arguments, what.attachments.size()));
        ROOMCAST_PROPERTY(!what.ack ||
                          (*what.ack > core::duration::zero() && *what.ack <= bounds.longest_ack));
        break;
    case api::command::kind::join:
    case api::command::kind::leave:
        ROOMCAST_PROPERTY(!what.rooms.empty() && !what.whom.is_everybody());
        break;
    case api::command::kind::disconnect: ROOMCAST_PROPERTY(!what.whom.is_everybody()); break;
    case api::command::kind::revoke: ROOMCAST_PROPERTY(what.user.empty() != what.session.empty()); break;
    }
}

void check(const api::fault& wrong) {
    ROOMCAST_PROPERTY(wrong.status == 400 || wrong.status == 422);
    ROOMCAST_PROPERTY(!core::value::check_whole(wrong.to_json(), 2));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body{reinterpret_cast<const char*>(data), size};
    using kind = api::command::kind;
    for (const kind what : {kind::emit, kind::join, kind::leave, kind::disconnect, kind::revoke}) {
        api::command into;
        if (const auto wrong = api::read_request(body, what, bounds, into)) {
            check(*wrong);
        } else {
            check(into);
        }
    }
    std::vector<api::batch_entry> entries;
    if (const auto wrong = api::read_batch(body, bounds, entries)) {
        check(*wrong);
        ROOMCAST_PROPERTY(entries.empty());
    }
    ROOMCAST_PROPERTY(entries.size() <= bounds.max_commands);
    for (const api::batch_entry& each : entries) {
        if (each.wrong) {
            check(*each.wrong);
        } else {
            check(each.what);
        }
    }
    return 0;
}
