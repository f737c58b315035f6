#include "engine/context.hpp"

namespace roomcast::server::engine {

std::shared_ptr<name_space_definition> name_space_registry::define(context& shared, std::string_view name) {
    const auto known = fixed_.find(name);
    if (known != fixed_.end()) return known->second->shared_definition();
    auto definition = std::make_shared<name_space_definition>(std::string{name});
    auto state = std::make_shared<name_space_state>(shared, std::string{name}, definition);
    definition->fixed = state;
    fixed_.emplace(std::string{name}, std::move(state));
    return definition;
}

std::shared_ptr<name_space_definition>
name_space_registry::define_matching(std::string label,
                                     std::function<bool(std::string_view, std::string_view)> matches) {
    auto definition = std::make_shared<name_space_definition>(std::move(label));
    dynamic_.push_back({definition, std::move(matches)});
    return definition;
}

std::shared_ptr<name_space_state> name_space_registry::resolve(context& shared, std::string_view name,
                                                               std::string_view auth) {
    if (const auto known = fixed_.find(name); known != fixed_.end()) return known->second;
    for (const dynamic_definition& each : dynamic_) {
        if (!each.matches(name, auth)) continue;
        const std::lock_guard guard{making_};
        std::weak_ptr<name_space_state>& place = made_[std::string{name}];
        if (auto existing = place.lock()) return existing;
        auto made = std::make_shared<name_space_state>(shared, std::string{name}, each.definition);
        place = made;
        if (!shared.options.forget_empty_namespaces) kept_.push_back(made);
        // Names of namespaces that are gone would add up.
        if (made_.size() >= 64 && made_.size() > swept_at_ * 2) {
            std::erase_if(made_, [](const auto& entry) { return entry.second.expired(); });
            swept_at_ = made_.size();
        }
        return made;
    }
    return nullptr;
}

void name_space_registry::replace_adapters(const adapter_factory& make) {
    for (const auto& [name, state] : fixed_) state->replace_adapter(make);
}

std::shared_ptr<name_space_state> name_space_registry::find(std::string_view name) {
    if (const auto known = fixed_.find(name); known != fixed_.end()) return known->second;
    const std::lock_guard guard{making_};
    const auto made = made_.find(name);
    return made == made_.end() ? nullptr : made->second.lock();
}

} // namespace roomcast::server::engine
