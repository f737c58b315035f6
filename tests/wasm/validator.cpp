// A client that checks what it sends by a contract it was sent: the compiled form in, verdicts and reasons
// out.

#include "roomcast/core/contract/contract.hpp"
#include "roomcast/core/value.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace contract = roomcast::core::contract;

namespace {
std::optional<contract::contract> loaded;
std::optional<contract::event> chosen;
std::string reason;
} // namespace

extern "C" {
/// @return 0 when the form is right
__attribute__((used, visibility("default"), export_name("load"))) int load(const char* form,
                                                                           std::size_t size_bytes) {
    auto next = contract::contract::load({form, size_bytes});
    if (!next) return next.error().value();
    loaded = *next;
    return 0;
}

/// `text` holds the name of a namespace and of an event in it, one behind the other. @return 0 when it is
/// there
__attribute__((used, visibility("default"), export_name("choose"))) int
choose(const char* text, std::size_t first, std::size_t second) {
    chosen.reset();
    if (loaded) chosen = loaded->find({text, first}, contract::direction::receives, {text + first, second});
    return chosen ? 0 : 1;
}

/// @return 0 when the arguments are right
__attribute__((used, visibility("default"), export_name("check"))) int check(const char* text,
                                                                             std::size_t size_bytes) {
    contract::violation why;
    const std::string_view args{text, size_bytes};
    if (!chosen || roomcast::core::value::check_whole(args, 200)) return 1;
    if (chosen->check_args(args, why)) return 0;
    reason = why.path + '\n' + why.rule + '\n' + why.message;
    return 2;
}

__attribute__((used, visibility("default"), export_name("reason"))) const char* reason_text() {
    return reason.c_str();
}
}
