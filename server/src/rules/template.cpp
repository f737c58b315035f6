#include "rules/template.hpp"

#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/value.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace roomcast::server::rules {

namespace value = core::value;

namespace {

std::optional<std::size_t> index_in(std::string_view digits) {
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
    std::size_t index = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (digits.empty() || error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
    return index;
}

/// A schema, with names of `schemas` and references to them followed.
const config::json* followed(const config::json* schema, const scope& in) {
    for (int hops = 0; schema != nullptr && hops < 8; ++hops) {
        std::string name;
        if (schema->is_string()) {
            name = schema->get<std::string>();
        } else if (schema->is_object() && schema->contains("$ref") && (*schema)["$ref"].is_string()) {
            const std::string reference = (*schema)["$ref"].get<std::string>();
            constexpr std::string_view prefix = "#/schemas/";
            if (!reference.starts_with(prefix)) return nullptr;
            name = reference.substr(prefix.size());
        } else {
            return schema;
        }
        if (in.named_schemas == nullptr || !in.named_schemas->is_object()) return nullptr;
        const auto found = in.named_schemas->find(name);
        schema = found == in.named_schemas->end() ? nullptr : &*found;
    }
    return nullptr;
}

/// Can a value that keeps to this schema have that member? Says no only when it is sure.
bool can_have(const config::json*& schema, const std::string& member, const scope& in) {
    schema = followed(schema, in);
    if (schema == nullptr || !schema->is_object()) {
        schema = nullptr;
        return true;
    }
    const auto type = schema->find("type");
    if (type != schema->end() && type->is_string()) {
        const std::string named = type->get<std::string>();
        if (named != "object" && named != "array") return false;
        if (named == "array") {
            schema = nullptr;
            return index_in(member).has_value();
        }
    }
    const auto properties = schema->find("properties");
    if (properties != schema->end() && properties->is_object() && properties->contains(member)) {
        schema = &(*properties)[member];
        return true;
    }
    const auto other = schema->find("additionalProperties");
    const bool is_closed = other != schema->end() && other->is_boolean() && !other->get<bool>();
    const bool has_patterns = schema->contains("patternProperties");
    schema = nullptr;
    return !is_closed || has_patterns;
}

} // namespace

text_template::piece text_template::compile_part(std::string_view inner, const scope& in,
                                                 std::string& wrong) {
    piece part;
    if (inner.ends_with('?')) {
        part.is_optional = true;
        inner.remove_suffix(1);
    }
    std::vector<std::string> words;
    for (std::string_view rest = inner;;) {
        const std::size_t dot = rest.find('.');
        words.emplace_back(rest.substr(0, dot));
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    const std::string& first = words[0];
    const auto members_from = [&](std::size_t from) {
        part.members.assign(words.begin() + static_cast<std::ptrdiff_t>(from), words.end());
    };
    if (words.size() == 1 && first == "sender") {
        part.what = root::sender;
    } else if (words.size() == 1 && first == "nsp") {
        part.what = root::nsp;
    } else if (words.size() == 1 && first == "now") {
        part.what = root::now;
    } else if (words.size() == 1 && first == "reason") {
        part.what = root::reason;
        if (!in.has_reason) wrong = "there is a {reason} in on_disconnect only,";
    } else if (words.size() == 1 && first == "room") {
        part.what = root::room;
        if (!in.has_room) wrong = "there is a {room} in presence and typing only,";
    } else if (words.size() == 2 && first == "match") {
        part.what = root::match;
        const auto index = index_in(words[1]);
        if (!in.is_pattern) wrong = "only a namespace whose name is a pattern has {match.N},";
        if (!index) wrong = "expected the number of a group, as in {match.1},";
        part.index = index.value_or(0);
    } else if (first == "user" || first == "claims") {
        part.what = first == "user" ? root::user : root::claims;
        members_from(1);
        if (!in.has_user) {
            wrong = "nobody signs in here (the namespace has no auth), so there is no {" + first + "},";
        } else if (first == "user" && words.size() > 1 && words[1] != "id" && words[1] != "name" &&
                   words[1] != "email" && words[1] != "image") {
            wrong = "a user has id, name, email and image; the rest is in {claims.…},";
        }
    } else if (first == "answer") {
        part.what = root::answer;
        members_from(1);
        if (!in.has_answer) wrong = "there is an {answer} only after a forward,";
    } else if (words.size() == 1 && first == "args") {
        part.what = root::all_arguments;
        if (!in.has_args) wrong = "there are no arguments here,";
    } else if (words.size() >= 2 && first == "args") {
        part.what = root::argument;
        const auto index = index_in(words[1]);
        if (!index) wrong = "expected the number of an argument, as in {args.0},";
        part.index = index.value_or(0);
        members_from(2);
        if (!in.has_args) {
            wrong = "there are no arguments here,";
        } else if (index && in.argument_schemas != nullptr && in.argument_schemas->is_array()) {
            if (*index >= in.argument_schemas->size()) {
                if (!in.has_rest) {
                    wrong = "the event has " + std::to_string(in.argument_schemas->size()) + " argument" +
                            (in.argument_schemas->size() == 1 ? "" : "s") + " by its `args`, counted from 0,";
                }
            } else {
                const config::json* schema = &(*in.argument_schemas)[*index];
                for (const std::string& member : part.members) {
                    if (schema == nullptr) break;
                    if (!can_have(schema, member, in)) {
                        wrong = "by the event's `args` there can be no `" + member + "`,";
                        break;
                    }
                }
            }
        }
    } else {
        wrong = "expected {args.N}, {args.N.member}, {args}, {sender}, {user.id}, {claims.…}, {nsp}, {now} "
                "or {answer.…}";
    }
    return part;
}

text_template text_template::compile(const std::string& text, const config::place& at, const scope& in,
                                     std::vector<config::mistake>& mistakes) {
    text_template made;
    const auto complain = [&](const std::string& what) {
        mistakes.push_back({at, what + " in \"" + text + '"'});
    };
    const auto literal = [&]() -> std::string& {
        if (made.pieces_.empty() || !is_literal(made.pieces_.back())) made.pieces_.emplace_back();
        return made.pieces_.back().literal;
    };
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '{') {
            literal() += text[i++];
            continue;
        }
        if (text.compare(i, 2, "{{") == 0) {
            literal() += '{';
            i += 2;
            continue;
        }
        const std::size_t end = text.find('}', i);
        if (end == std::string::npos) {
            complain("a } is missing");
            break;
        }
        std::string wrong;
        piece part = compile_part(std::string_view{text}.substr(i + 1, end - i - 1), in, wrong);
        if (!wrong.empty()) complain(wrong);
        made.pieces_.push_back(std::move(part));
        i = end + 1;
    }
    const bool has_all = std::any_of(made.pieces_.begin(), made.pieces_.end(),
                                     [](const piece& each) { return each.what == root::all_arguments; });
    if (has_all && (!in.is_value || made.pieces_.size() != 1)) {
        complain("{args} is the whole list, which can only be a value by itself,");
    }
    return made;
}

std::optional<std::string_view> text_template::find(const piece& part, const subject& about) {
    std::string_view found;
    switch (part.what) {
    case root::argument:
        if (part.index >= about.args.size()) return std::nullopt;
        found = about.args.json(part.index);
        break;
    case root::user:
        if (!about.who.is_user) return std::nullopt;
        found = about.who.user_json;
        break;
    case root::claims:
        if (!about.who.is_user) return std::nullopt;
        found = about.who.claims_json;
        break;
    case root::answer:
        if (about.answer.empty()) return std::nullopt;
        found = about.answer;
        break;
    case root::literal:
    case root::sender:
    case root::nsp:
    case root::reason:
    case root::room:
    case root::match:
    case root::all_arguments:
    case root::now: return std::nullopt;
    }
    for (const std::string& name : part.members) {
        std::optional<std::string_view> inner;
        if (value::kind_of(found) == value::kind::array) {
            if (const auto index = index_in(name)) inner = value::element_at(found, *index);
        } else {
            inner = value::member(found, name);
        }
        if (!inner) return std::nullopt;
        found = *inner;
    }
    return found;
}

std::optional<std::string> text_template::plain(const piece& part, const subject& about) {
    switch (part.what) {
    case root::literal: return part.literal;
    case root::sender: return about.sender.id();
    case root::nsp: return about.sender.nsp();
    case root::reason: return std::string{about.reason};
    case root::room: return std::string{about.room};
    case root::match:
        if (part.index >= about.who.matches.size()) return std::nullopt;
        return about.who.matches[part.index];
    case root::now:
        return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count());
    case root::all_arguments: return std::nullopt;
    case root::argument:
    case root::user:
    case root::claims:
    case root::answer: break;
    }
    const auto found = find(part, about);
    if (!found) return std::nullopt;
    switch (value::kind_of(*found)) {
    case value::kind::string: return value::text(*found);
    case value::kind::number:
    case value::kind::boolean: return std::string{*found};
    case value::kind::null:
    case value::kind::array:
    case value::kind::object: return std::nullopt;
    }
    return std::nullopt;
}

std::optional<std::string> text_template::render(const subject& about) const {
    std::string text;
    for (const piece& part : pieces_) {
        auto found = plain(part, about);
        if (!found && !part.is_optional) return std::nullopt;
        if (found) text += *found;
    }
    return text;
}

std::optional<std::string> text_template::render_json(const subject& about) const {
    if (pieces_.size() == 1) {
        const piece& only = pieces_[0];
        if (only.what == root::now) return plain(only, about); // a number
        if (only.what == root::all_arguments) return about.args.copy().text();
        if (only.what == root::argument || only.what == root::user || only.what == root::claims ||
            only.what == root::answer) {
            const auto found = find(only, about);
            if (!found && only.is_optional) return "null";
            if (!found) return std::nullopt;
            return std::string{*found};
        }
    }
    const auto text = render(about);
    if (!text) return std::nullopt;
    std::string json;
    value::append_string(json, *text);
    return json;
}

std::optional<std::string> text_template::render_for_user(std::string_view id) const {
    std::string text;
    for (const piece& part : pieces_) {
        if (is_literal(part)) {
            text += part.literal;
        } else if (part.what == root::user && part.members.size() == 1 && part.members[0] == "id") {
            text += id;
        } else {
            return std::nullopt;
        }
    }
    return text;
}

std::string_view text_template::leading_literal() const {
    return pieces_.empty() || !is_literal(pieces_[0]) ? std::string_view{} : pieces_[0].literal;
}

bool text_template::has_clients_words() const {
    return std::any_of(pieces_.begin(), pieces_.end(), [](const piece& each) {
        return each.what == root::argument || each.what == root::match || each.what == root::nsp;
    });
}

value_template value_template::compile(const config::node& given, const scope& in,
                                       std::vector<config::mistake>& mistakes) {
    value_template made;
    const config::json& written = given.value();
    if (written.is_string()) {
        made.what_ = kind::text;
        scope as_value = in;
        as_value.is_value = true;
        made.text_ = text_template::compile(written.get<std::string>(), given.at(), as_value, mistakes);
    } else if (written.is_array()) {
        made.what_ = kind::list;
        for (const config::node& item : given.items()) made.items_.push_back(compile(item, in, mistakes));
    } else if (written.is_object()) {
        made.what_ = kind::map;
        for (const auto& [name, inner] : given.members()) {
            made.members_.emplace_back(name, compile(inner, in, mistakes));
        }
    } else {
        made.literal_ = written.dump();
    }
    return made;
}

bool value_template::append(std::string& out, const subject& about) const {
    switch (what_) {
    case kind::literal: out += literal_; return true;
    case kind::text: {
        const auto json = text_.render_json(about);
        if (!json) return false;
        out += *json;
        return true;
    }
    case kind::list: {
        out += '[';
        bool is_first = true;
        for (const value_template& each : items_) {
            if (!is_first) out += ',';
            is_first = false;
            if (!each.append(out, about)) return false;
        }
        out += ']';
        return true;
    }
    case kind::map: {
        out += '{';
        bool is_first = true;
        for (const auto& [name, each] : members_) {
            if (!is_first) out += ',';
            is_first = false;
            value::append_string(out, name);
            out += ':';
            if (!each.append(out, about)) return false;
        }
        out += '}';
        return true;
    }
    }
    return false;
}

args_template args_template::compile(const config::node& given, const scope& in,
                                     std::vector<config::mistake>& mistakes) {
    args_template made;
    if (given.value().is_string()) {
        const std::string word = given.text();
        made.what_ = word == "{answer.ack}" ? kind::answer : kind::all;
        if (made.what_ == kind::answer && !in.has_answer) {
            mistakes.push_back({given.at(), "there is an {answer} only after a forward"});
        }
        if (made.what_ == kind::all && !in.has_args) {
            mistakes.push_back({given.at(), "there are no arguments here"});
        }
        return made;
    }
    for (const config::node& item : given.items()) {
        made.items_.push_back(value_template::compile(item, in, mistakes));
    }
    return made;
}

std::optional<args> args_template::render(const subject& about) const {
    if (what_ == kind::all) return about.args.copy();
    if (what_ == kind::answer) {
        const auto list = about.answer.empty() ? std::nullopt : value::member(about.answer, "ack");
        if (!list || value::kind_of(*list) != value::kind::array) return std::nullopt;
        return args::from_checked(std::string{*list});
    }
    std::string text = "[";
    for (const value_template& item : items_) {
        if (text.size() > 1) text += ',';
        if (!item.append(text, about)) return std::nullopt;
    }
    text += ']';
    const core::sio::attachments& parts = about.args.parts();
    if (!parts) return args::from_checked(std::move(text));
    core::sio::picked picked = core::sio::pick(text, parts);
    return args::from_checked(std::move(picked.text), std::move(picked.parts));
}

text_list compile_texts(const config::node& given, const scope& in, std::vector<config::mistake>& mistakes) {
    text_list all;
    for (const config::node& each : given.items()) {
        all.push_back(text_template::compile(each.text(), each.at(), in, mistakes));
    }
    return all;
}

} // namespace roomcast::server::rules
