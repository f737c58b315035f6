#include "config/schema.hpp"

#include "config/schema_json.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <regex>
#include <set>

namespace roomcast::server::config {

namespace {

const json& resolve(const json& inner) {
    const auto reference = inner.find("$ref");
    if (reference == inner.end()) return inner;
    // "#/definitions/name": the only form that our schema uses
    return schema().at(json::json_pointer{reference->get<std::string>().substr(1)});
}

/// What the schema says of the member `key` of something that `of` describes; nullptr: nothing.
const json* schema_of_member(const json& of, const std::string& key) {
    if (const auto properties = of.find("properties"); properties != of.end() && properties->contains(key)) {
        return &resolve((*properties)[key]);
    }
    if (const auto patterns = of.find("patternProperties"); patterns != of.end()) {
        for (const auto& [pattern, inner] : patterns->items()) {
            if (std::regex_search(key, std::regex{pattern})) return &resolve(inner);
        }
    }
    if (const auto other = of.find("additionalProperties"); other != of.end() && other->is_object()) {
        return &resolve(*other);
    }
    if (const auto items = of.find("items"); items != of.end() && items->is_object()) return &resolve(*items);
    return nullptr;
}

/// The keys of valijson's context: `<root>`, `["key"]`, `[0]`.
std::vector<std::string> keys_of(const std::vector<std::string>& context) {
    std::vector<std::string> keys;
    for (const std::string& each : context) {
        if (each.size() < 2 || each.front() != '[') continue;
        std::string key = each.substr(1, each.size() - 2);
        if (key.size() >= 2 && key.front() == '"') key = key.substr(1, key.size() - 2);
        keys.push_back(std::move(key));
    }
    return keys;
}

/// What was expected at these keys, in the schema's words.
std::string words_for(const std::vector<std::string>& keys, const std::string& otherwise) {
    const json* at = &schema();
    for (const std::string& key : keys) {
        at = schema_of_member(*at, key);
        if (at == nullptr) return otherwise;
    }
    const auto words = at->find("x-expected");
    return words == at->end() ? otherwise : "expected " + words->get<std::string>();
}

/// The name between single quotes.
std::string quoted_in(const std::string& text) {
    const std::size_t begin = text.find('\'');
    const std::size_t end = text.rfind('\'');
    return begin == std::string::npos || end == begin ? std::string{}
                                                      : text.substr(begin + 1, end - begin - 1);
}

/// What to say of a member that `described` does not know.
std::string unknown_words(const json& described) {
    if (const auto words = described.find("x-unknown"); words != described.end()) {
        return words->get<std::string>();
    }
    const auto properties = described.find("properties");
    if (properties == described.end()) return "no such setting";
    std::string names;
    for (const auto& [name, inner] : properties->items()) names += (names.empty() ? "" : ", ") + name;
    return "no such setting; there are " + names;
}

/// Names every member that the schema does not know: the library stops at the first one of an object.
void find_unknown(const document& chosen, const json& value, const json& described,
                  const std::string& pointer, std::vector<mistake>& mistakes,
                  std::vector<std::string>& wrong) {
    if (value.is_array()) {
        std::size_t index = 0;
        for (const json& item : value) {
            const std::string inner = pointer_to(pointer, std::to_string(index++));
            if (const json* next = schema_of_member(described, "0")) {
                find_unknown(chosen, item, *next, inner, mistakes, wrong);
            }
        }
    }
    if (!value.is_object()) return;
    const auto other = described.find("additionalProperties");
    const bool is_closed = other != described.end() && other->is_boolean() && !other->get<bool>();
    for (const auto& [key, inner] : value.items()) {
        const std::string at = pointer_to(pointer, key);
        if (const json* next = schema_of_member(described, key)) {
            find_unknown(chosen, inner, *next, at, mistakes, wrong);
        } else if (is_closed) {
            mistakes.push_back({chosen.at(at), unknown_words(described)});
            wrong.push_back(at);
        }
    }
}

void collect(const json& from, const std::string& path, std::vector<setting_description>& into) {
    const auto properties = from.find("properties");
    if (properties == from.end()) return;
    for (const auto& [key, written] : properties->items()) {
        const json& inner = resolve(written);
        const std::string full = path.empty() ? key : path + '.' + key;
        if (!inner.contains("x-kind")) {
            collect(inner, full, into);
            continue;
        }
        setting_description described;
        described.path = full;
        described.kind = inner["x-kind"].get<std::string>();
        for (const json& name : inner["x-env"]) described.variables.push_back(name.get<std::string>());
        described.expected = inner["x-expected"].get<std::string>();
        described.description = inner["description"].get<std::string>();
        if (const auto otherwise = inner.find("default"); otherwise != inner.end()) {
            described.otherwise = *otherwise;
        }
        described.is_live = inner.value("x-live", false);
        into.push_back(std::move(described));
    }
}

/// `https://user:password@host/?key=secret`: whatever setting it stands in. Without a scheme, too: then it is
/// a mistake that is told.
void mask_password(std::string& text) {
    const std::size_t scheme = text.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    if (scheme != std::string::npos) {
        const std::size_t query = text.find('?', begin);
        if (query != std::string::npos && query + 1 < text.size()) text.replace(query + 1, text.npos, "***");
    }
    const std::size_t at = text.rfind('@', text.find_first_of("/?#", begin));
    const bool is_login =
        at != std::string::npos && at > begin && (scheme != std::string::npos || text.find(':') < at);
    if (is_login) text.replace(begin, at - begin, "***");
}

void mask(json& value, const json& described) {
    if (described.value("x-secret", false)) {
        if (value.is_array()) {
            for (json& item : value) item = "***";
        } else if (value.is_object()) {
            for (auto& [key, inner] : value.items()) inner = "***";
        } else if (!value.is_null() && value != "") {
            value = "***";
        }
        return;
    }
    static const json nothing = json::object();
    if (value.is_object()) {
        for (auto& [key, inner] : value.items()) {
            const json* next = schema_of_member(described, key);
            mask(inner, next == nullptr ? nothing : *next);
        }
    } else if (value.is_array()) {
        const json* next = schema_of_member(described, "0");
        for (json& item : value) mask(item, next == nullptr ? nothing : *next);
    } else if (value.is_string()) {
        mask_password(value.get_ref<std::string&>());
    }
}

} // namespace

const json& schema() {
    static const json parsed = json::parse(schema_json);
    return parsed;
}

const std::vector<setting_description>& described_settings() {
    static const std::vector<setting_description> all = [] {
        std::vector<setting_description> found;
        collect(schema(), {}, found);
        return found;
    }();
    return all;
}

const setting_description* find_described(std::string_view path) {
    const auto& all = described_settings();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const setting_description& each) { return each.path == path; });
    return found == all.end() ? nullptr : &*found;
}

namespace {

struct finding {
    std::string pointer;
    std::string words;
    bool is_shape = false; ///< about the names of members: stands beside mistakes further inside
};

std::vector<finding> findings_in(valijson::ValidationResults& results) {
    std::vector<finding> found;
    for (const auto& error : results) {
        std::vector<std::string> keys = keys_of(error.context);
        finding one;
        if (error.description.find("additionalProperties") != std::string::npos) continue; // see find_unknown
        const bool is_missing = error.description.find("Missing required property") != std::string::npos;
        if (error.description.find("Failed to validate") != std::string::npos) continue; // says it again
        const std::string name = quoted_in(error.description);
        if (is_missing) {
            keys.push_back(name);
            one.words = words_for(keys, "expected a value");
            keys.pop_back();
            one.words = "`" + name + "` is missing: " + one.words;
            one.is_shape = true;
        } else {
            one.words = words_for(keys, error.description);
        }
        for (const std::string& key : keys) one.pointer = pointer_to(one.pointer, key);
        found.push_back(std::move(one));
    }
    // A mistake deep inside is reported for everything around it as well: the innermost is the mistake.
    std::vector<finding> innermost;
    for (const finding& one : found) {
        const bool has_inner = std::any_of(found.begin(), found.end(), [&](const finding& other) {
            return other.pointer.size() > one.pointer.size() && other.pointer.starts_with(one.pointer + '/');
        });
        if (!has_inner || one.is_shape) innermost.push_back(one);
    }
    return innermost;
}

/// Takes a value out; one of a list with the whole list, for a hole in it would be a mistake of its own.
void drop_with_list(document& from, const std::string& pointer) {
    for (std::size_t end = pointer.find('/', 1); end != std::string::npos; end = pointer.find('/', end + 1)) {
        const json::json_pointer around{pointer.substr(0, end)};
        if (from.root.contains(around) && from.root[around].is_array()) {
            from.drop(pointer.substr(0, end));
            return;
        }
    }
    from.drop(pointer);
}

} // namespace

std::vector<std::string> validate(const document& chosen, std::vector<mistake>& mistakes,
                                  const std::vector<std::string>& holes) {
    const std::size_t before = mistakes.size();
    std::vector<std::string> wrong;
    find_unknown(chosen, chosen.root, schema(), {}, mistakes, wrong);
    document rest;
    rest.root = chosen.root;
    for (const std::string& pointer : wrong) rest.drop(pointer);
    for (const std::string& pointer : holes) {
        const json::json_pointer at{pointer};
        if (rest.root.contains(at) && !rest.root[at].is_null()) continue; // filled meanwhile
        wrong.push_back(pointer);
        drop_with_list(rest, pointer);
    }

    static const std::unique_ptr<const valijson::Schema> compiled = [] {
        auto made = std::make_unique<valijson::Schema>();
        const nlohmann::json rules = nlohmann::json::parse(schema_json);
        valijson::SchemaParser{}.populateSchema(valijson::adapters::NlohmannJsonAdapter{rules}, *made);
        return made;
    }();
    valijson::Validator validator{valijson::Validator::kStrongTypes};
    // In some places the library stops at the first mistake: what is wrong is taken out, and it looks again.
    constexpr int most_rounds = 50;
    std::set<std::pair<std::string, std::string>> told;
    for (int round = 0; round < most_rounds; ++round) {
        const nlohmann::json plain =
            nlohmann::json::parse(rest.root.dump(-1, ' ', false, json::error_handler_t::replace));
        valijson::ValidationResults results;
        if (validator.validate(*compiled, valijson::adapters::NlohmannJsonAdapter{plain}, &results)) {
            return wrong;
        }
        bool is_more = false;
        for (const finding& one : findings_in(results)) {
            const bool is_of_a_hole = std::any_of(wrong.begin(), wrong.end(), [&](const std::string& hole) {
                return hole == one.pointer || hole.starts_with(one.pointer + '/');
            });
            if (is_of_a_hole && (round > 0 || !one.is_shape)) continue;
            if (!told.emplace(one.pointer, one.words).second) continue;
            is_more = true;
            mistakes.push_back({chosen.at(one.pointer), one.words});
            wrong.push_back(one.pointer);
        }
        if (!is_more) break;
        for (const std::string& pointer : wrong) drop_with_list(rest, pointer);
    }
    if (mistakes.size() == before) {
        mistakes.push_back({{}, "not a valid configuration"});
        wrong.emplace_back();
    }
    return wrong;
}

json masked(const json& root) {
    json shown = root;
    mask(shown, schema());
    return shown;
}

} // namespace roomcast::server::config
