#include "rules/template.hpp"

#include "roomcast/core/sio/decoder.hpp"
#include "roomcast/core/value.hpp"

#include <charconv>

namespace roomcast::server::rules {

namespace value = core::value;

text_template text_template::compile(const std::string& text, const config::place& at,
                                     std::vector<config::mistake>& mistakes) {
    text_template made;
    const auto complain = [&](const std::string& what) {
        mistakes.push_back({at, what + " in \"" + text + '"'});
    };
    const auto literal = [&]() -> std::string& {
        if (made.pieces_.empty() || made.pieces_.back().what != piece::kind::literal)
            made.pieces_.emplace_back();
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
        std::vector<std::string> words;
        std::string_view inner = std::string_view{text}.substr(i + 1, end - i - 1);
        for (;;) {
            const std::size_t dot = inner.find('.');
            words.emplace_back(inner.substr(0, dot));
            if (dot == std::string_view::npos) break;
            inner.remove_prefix(dot + 1);
        }
        i = end + 1;
        piece part;
        if (words.size() == 1 && words[0] == "sender") {
            part.what = piece::kind::sender;
        } else if (words.size() >= 2 && words[0] == "args") {
            part.what = piece::kind::argument;
            const std::string& digits = words[1];
            const auto [stop, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), part.index);
            if (digits.empty() || error != std::errc{} || stop != digits.data() + digits.size()) {
                complain("expected the number of an argument, as in {args.0},");
            }
            part.members.assign(words.begin() + 2, words.end());
        } else {
            complain("expected {args.N}, {args.N.member} or {sender}");
        }
        made.pieces_.push_back(std::move(part));
    }
    return made;
}

std::optional<std::string_view> text_template::find(const piece& part, const subject& about) {
    if (part.index >= about.event.size()) return std::nullopt;
    std::string_view found = about.event.json(part.index);
    for (const std::string& name : part.members) {
        const auto inner = value::member(found, name);
        if (!inner) return std::nullopt;
        found = *inner;
    }
    return found;
}

std::optional<std::string> text_template::render(const subject& about) const {
    std::string text;
    for (const piece& part : pieces_) {
        switch (part.what) {
        case piece::kind::literal: text += part.literal; break;
        case piece::kind::sender: text += about.sender.id(); break;
        case piece::kind::argument: {
            const auto found = find(part, about);
            if (!found) return std::nullopt;
            switch (value::kind_of(*found)) {
            case value::kind::string: text += value::text(*found).value_or(""); break;
            case value::kind::number:
            case value::kind::boolean: text += *found; break;
            case value::kind::null:
            case value::kind::array:
            case value::kind::object: return std::nullopt;
            }
            break;
        }
        }
    }
    return text;
}

std::optional<std::string> text_template::render_json(const subject& about) const {
    if (pieces_.size() == 1 && pieces_[0].what == piece::kind::argument) {
        const auto found = find(pieces_[0], about);
        if (!found) return std::nullopt;
        return std::string{*found};
    }
    const auto text = render(about);
    if (!text) return std::nullopt;
    std::string json;
    value::append_string(json, *text);
    return json;
}

args_template args_template::compile(const config::value_text& given,
                                     std::vector<config::mistake>& mistakes) {
    args_template made;
    if (given.what == config::value_text::kind::text && given.text == "{args}") {
        made.is_all_ = true;
        return made;
    }
    for (const config::value_text& item : given.items) made.items_.push_back(compile_node(item, mistakes));
    return made;
}

args_template::node args_template::compile_node(const config::value_text& given,
                                                std::vector<config::mistake>& mistakes) {
    node made;
    made.what = given.what;
    switch (given.what) {
    case config::value_text::kind::literal: made.literal = given.text; break;
    case config::value_text::kind::text:
        made.text = text_template::compile(given.text, given.at, mistakes);
        break;
    case config::value_text::kind::list:
        for (const config::value_text& item : given.items) made.items.push_back(compile_node(item, mistakes));
        break;
    case config::value_text::kind::map:
        for (const auto& [name, item] : given.members) {
            made.members.emplace_back(name, compile_node(item, mistakes));
        }
        break;
    }
    return made;
}

std::optional<args> args_template::render(const subject& about) const {
    if (is_all_) return about.event.args().copy();
    std::string text = "[";
    for (const node& item : items_) {
        if (text.size() > 1) text += ',';
        if (!append(text, item, about)) return std::nullopt;
    }
    text += ']';
    const core::sio::attachments& parts = about.event.args().parts();
    if (!parts) return args::from_checked(std::move(text));
    core::sio::picked picked = core::sio::pick(text, parts);
    return args::from_checked(std::move(picked.text), std::move(picked.parts));
}

bool args_template::append(std::string& out, const node& item, const subject& about) {
    switch (item.what) {
    case config::value_text::kind::literal: out += item.literal; return true;
    case config::value_text::kind::text: {
        const auto json = item.text.render_json(about);
        if (!json) return false;
        out += *json;
        return true;
    }
    case config::value_text::kind::list: {
        out += '[';
        bool is_first = true;
        for (const node& each : item.items) {
            if (!is_first) out += ',';
            is_first = false;
            if (!append(out, each, about)) return false;
        }
        out += ']';
        return true;
    }
    case config::value_text::kind::map: {
        out += '{';
        bool is_first = true;
        for (const auto& [name, each] : item.members) {
            if (!is_first) out += ',';
            is_first = false;
            value::append_string(out, name);
            out += ':';
            if (!append(out, each, about)) return false;
        }
        out += '}';
        return true;
    }
    }
    return false;
}

} // namespace roomcast::server::rules
