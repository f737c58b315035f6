#include "roomcast/core/contract/schema.hpp"

#include "checker.hpp"
#include "json_text.hpp"

#include <utility>

namespace roomcast::core::contract {

result<schema> schema::load(bytes_view compiled, const limits& bounds) {
    auto loaded = form::load(compiled, bounds);
    if (!loaded) return loaded.error();
    if (loaded->head_of(head_root) == 0) return errc::invalid_contract;
    return schema{std::make_shared<const form>(*std::move(loaded))};
}

bool schema::check(std::string_view checked, violation& why, attachments present) const {
    const char* const end = checked.data() + checked.size();
    const char* const at = skip_space(checked.data(), end);
    if (at == end) return false;
    why.event.clear();
    checker one{*form_, present, checked.size(), why};
    const char* ignored = nullptr;
    return one.run(frame{nullptr, form_->head_of(head_root) - 1, frame::step::same, {}, 0}, at, end, ignored);
}

} // namespace roomcast::core::contract
