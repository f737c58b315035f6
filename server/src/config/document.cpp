#include "config/document.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/value.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>

namespace roomcast::server::config {

namespace {

/// `/a/b~1c/0` -> `a.b/c[0]`
std::string readable(const std::string& pointer) {
    std::string out;
    for (std::size_t i = 0; i < pointer.size();) {
        const std::size_t end = std::min(pointer.find('/', i + 1), pointer.size());
        std::string token = pointer.substr(i + 1, end - i - 1);
        for (std::size_t at = 0; (at = token.find('~', at)) != std::string::npos; ++at) {
            token.replace(at, 2, token[at + 1] == '1' ? "/" : "~");
        }
        const bool is_index = !token.empty() && std::all_of(token.begin(), token.end(),
                                                            [](char c) { return c >= '0' && c <= '9'; });
        if (is_index) {
            out += '[' + token + ']';
        } else {
            if (!out.empty()) out += '.';
            out += token;
        }
        i = end;
    }
    return out;
}

std::size_t line_of(const YAML::Node& from) {
    return from.Mark().line < 0 ? 0 : static_cast<std::size_t>(from.Mark().line) + 1;
}

std::size_t first_line_not_utf8(std::string_view text) {
    std::size_t line = 1;
    for (std::size_t begin = 0;; ++line) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        if (!core::is_utf8(text.substr(begin, end - begin)) || end == text.size()) return line;
        begin = end + 1;
    }
}

/// Turns YAML into JSON and collects what is wrong on the way.
class reader {
public:
    reader(std::map<std::string, std::size_t>& lines, const environment* environment_of,
           std::vector<mistake>& mistakes)
        : lines_(&lines), environment_(environment_of), mistakes_(&mistakes) {}

    json convert(const YAML::Node& from, const std::string& pointer, std::size_t depth) {
        lines_->emplace(pointer, line_of(from));
        if (++values_ > document::max_values || depth > document::max_depth) {
            if (!is_over_) complain(from, pointer, "fewer values, or less deep ones: the file is too large");
            is_over_ = true;
            return nullptr;
        }
        switch (from.Type()) {
        case YAML::NodeType::Undefined:
        case YAML::NodeType::Null: return nullptr;
        case YAML::NodeType::Scalar: return scalar(from, pointer);
        case YAML::NodeType::Sequence: {
            json list = json::array();
            for (const auto& item : from) {
                list.push_back(convert(item, pointer_to(pointer, std::to_string(list.size())), depth + 1));
            }
            return list;
        }
        case YAML::NodeType::Map: {
            json map = json::object();
            for (const auto& entry : from) {
                if (!entry.first.IsScalar()) {
                    complain(entry.first, pointer, "a key that is text");
                    continue;
                }
                const std::string& key = entry.first.Scalar();
                if (key.size() > document::max_key_bytes || !core::is_utf8(key)) {
                    complain(entry.first, pointer,
                             "names in UTF-8, of at most " + std::to_string(document::max_key_bytes) +
                                 " bytes");
                    continue;
                }
                const std::string inner = pointer_to(pointer, key);
                if (map.contains(key)) {
                    complain(entry.first, inner, "this key once: it stands here twice");
                    continue;
                }
                lines_->emplace(inner, line_of(entry.first));
                map[key] = convert(entry.second, inner, depth + 1);
            }
            return map;
        }
        }
        return nullptr;
    }

private:
    void complain(const YAML::Node& at, const std::string& pointer, std::string expected) {
        mistakes_->push_back({{readable(pointer), line_of(at)}, std::move(expected)});
    }

    json scalar(const YAML::Node& from, const std::string& pointer) {
        const std::string& written = from.Scalar();
        bool is_expanded = false;
        std::string text = environment_ == nullptr ? written : expand(from, pointer, is_expanded);
        if (text.size() > document::max_value_bytes) {
            complain(from, pointer,
                     "a text of at most " + std::to_string(document::max_value_bytes) + " bytes");
            return nullptr;
        }
        if (!core::is_utf8(text)) { // of a variable, or of an escape
            complain(from, pointer, "a text in UTF-8");
            return nullptr;
        }
        // A plain word that is JSON (a number, true, null) is that; quoted, or from a variable, it is text.
        const bool is_plain = from.Tag() != "!" && !is_expanded;
        if (is_plain && !core::value::check_whole(text, 1) && text.front() != '"') {
            json parsed = json::parse(text, nullptr, false);
            if (!parsed.is_discarded()) return parsed;
        }
        if (is_plain && text == "~") return nullptr;
        return text;
    }

    std::string expand(const YAML::Node& from, const std::string& pointer, bool& is_expanded) {
        const std::string& text = from.Scalar();
        std::string out;
        for (std::size_t i = 0; i < text.size();) {
            if (text.compare(i, 3, "$${") == 0) { // an escaped ${
                out += "${";
                i += 3;
                continue;
            }
            if (text.compare(i, 2, "${") != 0) {
                out += text[i++];
                continue;
            }
            const std::size_t end = text.find('}', i);
            if (end == std::string::npos) {
                complain(from, pointer, "a } behind ${");
                return out;
            }
            const std::string inner = text.substr(i + 2, end - i - 2);
            const std::size_t mark = inner.find(":-");
            const std::string name = inner.substr(0, mark);
            const auto value = (*environment_)(name);
            is_expanded = true;
            if (value && !value->empty()) {
                out += *value;
            } else if (mark != std::string::npos) {
                out += inner.substr(mark + 2);
            } else {
                complain(from, pointer,
                         "the environment variable " + name + " is not set, and there is no default");
            }
            i = end + 1;
        }
        return out;
    }

    std::map<std::string, std::size_t>* lines_;
    const environment* environment_;
    std::vector<mistake>* mistakes_;
    std::size_t values_ = 0;
    bool is_over_ = false;
};

} // namespace

void document::read(std::string_view text, const environment& environment_of,
                    std::vector<mistake>& mistakes) {
    if (!core::is_utf8(text)) {
        mistakes.push_back({{{}, first_line_not_utf8(text)}, "not a text in UTF-8"});
        return;
    }
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string{text});
        if (!documents.empty()) {
            root = reader{lines_, &environment_of, mistakes}.convert(documents.front(), {}, 0);
        }
        // What stands behind `---` would be read by nobody.
        for (std::size_t i = 1; i < documents.size(); ++i) {
            if (documents[i].IsNull()) continue;
            mistakes.push_back(
                {{"", line_of(documents[i])}, "one document in the file: here begins another"});
            break;
        }
    } catch (const YAML::Exception& error) {
        const std::size_t line = error.mark.line < 0 ? 0 : static_cast<std::size_t>(error.mark.line) + 1;
        mistakes.push_back({{"", line}, "not YAML: " + error.msg});
        root = json::object();
    }
    if (root.is_null()) root = json::object();
    if (!root.is_object()) {
        mistakes.push_back({{"", 1}, "a map of settings"});
        root = json::object();
    }
}

void document::set(std::string_view path, json value, std::string source) {
    json* at = &root;
    std::string pointer;
    for (std::string_view rest = path;;) {
        const std::size_t dot = rest.find('.');
        const std::string key{rest.substr(0, dot)};
        pointer = pointer_to(pointer, key);
        if (!at->is_object()) *at = json::object();
        at = &(*at)[key];
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    *at = std::move(value);
    sources_.insert_or_assign(pointer, std::move(source));
}

void document::drop(const std::string& pointer) {
    const json::json_pointer at{pointer};
    if (at.empty()) {
        root = json::object();
        return;
    }
    if (!root.contains(at)) return;
    json& around = root[at.parent_pointer()];
    if (around.is_object()) {
        around.erase(at.back());
    } else {
        root[at] = nullptr; // the others of a list keep their numbers
    }
}

place document::at(const std::string& pointer) const {
    for (std::string up = pointer;;) {
        if (const auto source = sources_.find(up); source != sources_.end()) {
            const std::string inner = readable(pointer.substr(up.size()));
            return {inner.empty() ? source->second : source->second + ": " + inner, 0};
        }
        if (const auto line = lines_.find(up); line != lines_.end()) return {readable(pointer), line->second};
        if (up.empty()) return {readable(pointer), 0};
        up.resize(up.rfind('/'));
    }
}

node node::operator[](const std::string& key) const {
    static const json none;
    const auto found = value_->is_object() ? value_->find(key) : value_->end();
    return {*of_, value_->is_object() && found != value_->end() ? *found : none, pointer_to(pointer_, key)};
}

node node::operator[](std::size_t index) const {
    static const json none;
    const bool is_there = value_->is_array() && index < value_->size();
    return {*of_, is_there ? (*value_)[index] : none, pointer_to(pointer_, std::to_string(index))};
}

std::vector<std::pair<std::string, node>> node::members() const {
    std::vector<std::pair<std::string, node>> all;
    if (!value_->is_object()) return all;
    for (const auto& [key, inner] : value_->items()) {
        all.emplace_back(key, node{*of_, inner, pointer_to(pointer_, key)});
    }
    return all;
}

std::vector<node> node::items() const {
    std::vector<node> all;
    if (value_->is_null()) return all;
    if (!value_->is_array()) return {*this};
    for (std::size_t i = 0; i < value_->size(); ++i) all.push_back((*this)[i]);
    return all;
}

std::string node::text(std::string_view otherwise) const {
    return value_->is_string() ? value_->get<std::string>() : std::string{otherwise};
}

bool node::boolean(bool otherwise) const {
    return value_->is_boolean() ? value_->get<bool>() : otherwise;
}

std::string pointer_to(const std::string& pointer, const std::string& key) {
    std::string out = pointer + '/';
    for (const char each : key) {
        if (each == '~') {
            out += "~0";
        } else if (each == '/') {
            out += "~1";
        } else {
            out += each;
        }
    }
    return out;
}

std::optional<json> parse_value(std::string_view text) {
    std::map<std::string, std::size_t> lines;
    std::vector<mistake> mistakes;
    try {
        json value = reader{lines, nullptr, mistakes}.convert(YAML::Load(std::string{text}), {}, 0);
        if (mistakes.empty()) return value;
    } catch (const YAML::Exception&) {
        return std::nullopt;
    }
    return std::nullopt;
}

std::string describe(const mistake& what, std::string_view file) {
    std::string line;
    if (what.at.line > 0) {
        line += file;
        line += ':' + std::to_string(what.at.line) + ": ";
    }
    if (!what.at.path.empty()) line += what.at.path + ": ";
    return line + what.expected;
}

} // namespace roomcast::server::config
