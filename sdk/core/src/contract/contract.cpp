#include "roomcast/core/contract/contract.hpp"

#include "checker.hpp"
#include "json_text.hpp"

#include <string>
#include <utility>

namespace roomcast::core::contract {

namespace {

bool wrong_count(std::size_t count, word least, word most, violation& why) {
    why.path.clear();
    why.rule = "args";
    why.message = "must have at ";
    why.message += count < least ? "least " : "most ";
    append_number(why.message, count < least ? least : most);
    why.message += least == 1 && count < least ? " argument" : " arguments";
    why.message += ", not ";
    append_number(why.message, count);
    return false;
}

/// Checks each of a list of arguments.
bool check_list(const form& loaded, std::string_view args, const word* nodes, word count, word least,
                word rest, attachments present, violation& why) {
    const char* const end = args.data() + args.size();
    const char* at = skip_space(args.data(), end);
    if (at == end || *at != '[') {
        why.path.clear();
        why.rule = "args";
        why.message = "must be an array of arguments";
        return false;
    }
    checker one{loaded, present, args.size(), why};
    std::size_t index = 0;
    at = skip_space(at + 1, end);
    for (; at != end && *at != ']'; ++index) {
        if (index >= count && rest == 0) {
            std::size_t all = index;
            value::walker each{args};
            for (all = 0; each.next(); ++all) {
            }
            return wrong_count(all, least, count, why);
        }
        const char* stop = nullptr;
        const frame here{nullptr, index < count ? nodes[index] : rest - 1, frame::step::element, {}, index};
        if (!one.run(here, at, end, stop)) return false;
        if (stop == nullptr) stop = at + value::length_of({at, static_cast<std::size_t>(end - at)});
        at = skip_space(stop, end);
        if (at != end && *at == ',') at = skip_space(at + 1, end);
    }
    return index >= least || wrong_count(index, least, count, why);
}

void append_member(std::string& out, std::string_view name, std::string_view text) {
    out += ",\"";
    out += name;
    out += "\":";
    value::append_string(out, text);
}

} // namespace

std::string to_json(const violation& found) {
    std::string out = R"({"code":"invalid_arguments")";
    append_member(out, "message", found.message);
    append_member(out, "event", found.event);
    append_member(out, "path", found.path);
    append_member(out, "rule", found.rule);
    out.push_back('}');
    return out;
}

violation unknown_event(std::string_view event_name) {
    return {std::string{event_name}, "", "events", "is not an event of this namespace"};
}

std::string_view event::name() const {
    return form_->text(form_->at(at_));
}

bool event::has_ack() const {
    return form_->at(at_)[4] != 0;
}

bool event::check_args(std::string_view args, violation& why, attachments present) const {
    const word* const own = form_->at(at_);
    if (check_list(*form_, args, own + event_head, own[5], own[2], own[3], present, why)) return true;
    why.event = name();
    return false;
}

bool event::check_ack(std::string_view args, violation& why, attachments present) const {
    const word* const own = form_->at(at_);
    if (own[4] == 0) return true;
    if (check_list(*form_, args, own + event_head + own[5], own[6], own[7], 0, present, why)) return true;
    why.event = name();
    return false;
}

bool event::check_count(std::size_t count, violation& why) const {
    const word* const own = form_->at(at_);
    if (count >= own[2] && (count <= own[5] || own[3] != 0)) return true;
    why.event = name();
    return wrong_count(count, own[2], own[5], why);
}

bool event::check_arg(std::size_t index, std::string_view checked, violation& why,
                      attachments present) const {
    const word* const own = form_->at(at_);
    if (index >= own[5] && own[3] == 0) return check_count(index + 1, why);
    const char* const end = checked.data() + checked.size();
    const char* const at = skip_space(checked.data(), end);
    checker one{*form_, present, checked.size(), why};
    const char* ignored = nullptr;
    const word node = index < own[5] ? own[event_head + index] : own[3] - 1;
    if (at != end && one.run(frame{nullptr, node, frame::step::element, {}, index}, at, end, ignored))
        return true;
    why.event = name();
    return false;
}

result<contract> contract::load(bytes_view compiled, const limits& bounds) {
    auto loaded = form::load(compiled, bounds);
    if (!loaded) return loaded.error();
    if (loaded->head_of(head_events) == 0) return errc::invalid_contract;
    return contract{std::make_shared<const form>(*std::move(loaded))};
}

const word* contract::name_space_of(std::string_view name) const {
    const word* const all = form_->at(form_->head_of(head_events));
    for (word i = 0; i < all[0]; ++i) {
        const word* const one = all + 1 + std::size_t{i} * name_space_words;
        if (form_->text(one) == name) return one;
    }
    return nullptr;
}

bool contract::has_name_space(std::string_view name) const {
    return name_space_of(name) != nullptr;
}

bool contract::is_closed(std::string_view name_space) const {
    const word* const one = name_space_of(name_space);
    return one != nullptr && one[2] != 0;
}

std::optional<event> contract::find(std::string_view name_space, direction way,
                                    std::string_view event_name) const {
    const word* const one = name_space_of(name_space);
    if (one == nullptr) return std::nullopt;
    const word* const list = form_->at(one[way == direction::receives ? 3 : 4]);
    for (word i = 0; i < list[0]; ++i) {
        if (form_->text(form_->at(list[1 + i])) == event_name) return event{form_, list[1 + i]};
    }
    return std::nullopt;
}

} // namespace roomcast::core::contract
