// A client that checks what it sends by a contract it was sent: the compiled form in, verdicts and reasons
// out.

#include "roomcast/core/contract/contract.hpp"
#include "roomcast/core/value.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace contract = roomcast::core::contract;

namespace {
contract::violation why;
} // namespace

extern "C" {
/// @return the contract; null when the form is not right
__attribute__((used, visibility("default"), export_name("load"))) contract::contract*
load(const char* form, std::size_t size_bytes) {
    auto next = contract::contract::load({form, size_bytes});
    return next ? new contract::contract{*std::move(next)} : nullptr;
}

/// `text` holds a namespace, an event and its arguments, one behind the other. @return 0 when the arguments
/// are right
__attribute__((used, visibility("default"), export_name("check"))) int
check(const contract::contract* loaded, const char* text, std::size_t name_space, std::size_t name,
      std::size_t args) {
    const char* const second = text + name_space;
    const std::string_view third{second + name, args};
    const auto event = loaded->find({text, name_space}, contract::direction::receives, {second, name});
    if (!event || roomcast::core::value::check_whole(third, 200)) return 1;
    return event->check_args(third, why) ? 0 : 2;
}

__attribute__((used, visibility("default"), export_name("path"))) const char* path() {
    return why.path.c_str();
}

__attribute__((used, visibility("default"), export_name("rule"))) const char* rule() {
    return why.rule.c_str();
}

__attribute__((used, visibility("default"), export_name("message"))) const char* message() {
    return why.message.c_str();
}
}
