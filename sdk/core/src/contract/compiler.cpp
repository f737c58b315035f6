#include "roomcast/core/contract/compiler.hpp"

#include "decimal.hpp"
#include "format.hpp"
#include "json_text.hpp"
#include "uri.hpp"
#include "writer.hpp"

#include "roomcast/core/value.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

namespace roomcast::core::contract {

namespace {

constexpr std::size_t max_constant_depth = 60;
constexpr word greatest_count = 0xfffffffeU;

/// Members of a checked object, by name. Few: found by looking at each.
class member_list {
public:
    explicit member_list(std::string_view object) {
        value::walker each{object};
        std::string room;
        while (each.next()) all_.emplace_back(std::string{decoded(each.raw_key(), room)}, each.element());
    }

    /// The last of several, as in JavaScript.
    std::optional<std::string_view> find(std::string_view name) const {
        std::optional<std::string_view> found;
        for (const auto& [key, element] : all_) {
            if (key == name) found = element;
        }
        return found;
    }
    bool has(std::string_view name) const { return find(name).has_value(); }
    const auto& all() const { return all_; }

private:
    std::vector<std::pair<std::string, std::string_view>> all_;
};

/// How a keyword holds other schemas.
enum class holds : std::uint8_t { nothing, schema, list, schema_or_list, named, named_or_names };

struct keyword {
    std::string_view name;
    holds inner;
};

constexpr std::array keywords{
    keyword{"$anchor", holds::nothing},
    keyword{"$comment", holds::nothing},
    keyword{"$defs", holds::named},
    keyword{"$dynamicAnchor", holds::nothing},
    keyword{"$dynamicRef", holds::nothing},
    keyword{"$id", holds::nothing},
    keyword{"$ref", holds::nothing},
    keyword{"$schema", holds::nothing},
    keyword{"$vocabulary", holds::nothing},
    keyword{"additionalItems", holds::schema},
    keyword{"additionalProperties", holds::schema},
    keyword{"allOf", holds::list},
    keyword{"anyOf", holds::list},
    keyword{"const", holds::nothing},
    keyword{"contains", holds::schema},
    keyword{"contentEncoding", holds::nothing},
    keyword{"contentMediaType", holds::nothing},
    keyword{"contentSchema", holds::nothing},
    keyword{"default", holds::nothing},
    keyword{"definitions", holds::named},
    keyword{"dependencies", holds::named_or_names},
    keyword{"dependentRequired", holds::nothing},
    keyword{"dependentSchemas", holds::named},
    keyword{"deprecated", holds::nothing},
    keyword{"description", holds::nothing},
    keyword{"else", holds::schema},
    keyword{"enum", holds::nothing},
    keyword{"examples", holds::nothing},
    keyword{"exclusiveMaximum", holds::nothing},
    keyword{"exclusiveMinimum", holds::nothing},
    keyword{"format", holds::nothing},
    keyword{"if", holds::schema},
    keyword{"items", holds::schema_or_list},
    keyword{"maxContains", holds::nothing},
    keyword{"maxItems", holds::nothing},
    keyword{"maxLength", holds::nothing},
    keyword{"maxProperties", holds::nothing},
    keyword{"maximum", holds::nothing},
    keyword{"minContains", holds::nothing},
    keyword{"minItems", holds::nothing},
    keyword{"minLength", holds::nothing},
    keyword{"minProperties", holds::nothing},
    keyword{"minimum", holds::nothing},
    keyword{"multipleOf", holds::nothing},
    keyword{"not", holds::schema},
    keyword{"oneOf", holds::list},
    keyword{"pattern", holds::nothing},
    keyword{"patternProperties", holds::named},
    keyword{"prefixItems", holds::list},
    keyword{"properties", holds::named},
    keyword{"propertyNames", holds::schema},
    keyword{"readOnly", holds::nothing},
    keyword{"required", holds::nothing},
    keyword{"then", holds::schema},
    keyword{"title", holds::nothing},
    keyword{"type", holds::nothing},
    keyword{"unevaluatedItems", holds::schema},
    keyword{"unevaluatedProperties", holds::schema},
    keyword{"uniqueItems", holds::nothing},
    keyword{"writeOnly", holds::nothing},
};

const keyword* keyword_named(std::string_view name) {
    const auto found = std::find_if(keywords.begin(), keywords.end(),
                                    [name](const keyword& one) { return one.name == name; });
    return found == keywords.end() ? nullptr : &*found;
}

bool is_schema(std::string_view text) {
    const value::kind kind = value::kind_of(text);
    return kind == value::kind::object || kind == value::kind::boolean;
}

std::string step_of(std::string_view key) {
    std::string out;
    append_step(out, key);
    return out;
}

std::string number_text(std::size_t number) {
    std::string out;
    append_number(out, number);
    return out;
}

/// A JSON text without white space, and with as few escapes as can be.
void append_plain(std::string& out, std::string_view checked) {
    const value::kind kind = value::kind_of(checked);
    if (kind == value::kind::string) {
        std::string room;
        value::append_string(out, decoded(checked, room));
        return;
    }
    if (kind != value::kind::array && kind != value::kind::object) {
        out += checked;
        return;
    }
    const bool is_object = kind == value::kind::object;
    out.push_back(is_object ? '{' : '[');
    value::walker each{checked};
    for (bool is_first = true; each.next(); is_first = false) {
        if (!is_first) out.push_back(',');
        if (is_object) {
            append_plain(out, each.raw_key());
            out.push_back(':');
        }
        append_plain(out, each.element());
    }
    out.push_back(is_object ? '}' : ']');
}

bool has_duplicate_member(std::string_view checked) {
    std::vector<std::string> names;
    value::walker each{checked};
    while (each.next()) {
        if (has_duplicate_member(each.element())) return true;
        if (!each.raw_key().empty()) names.push_back(value::text(each.raw_key()).value_or(std::string{}));
    }
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) != names.end();
}

/// A part of the source with an identifier of its own, against which references are resolved.
struct resource {
    std::string uri;
    std::string_view root;
    std::string pointer; ///< of the root in the source
    draft rules = draft::draft_2020_12;
    std::map<std::string, std::string_view, std::less<>> anchors{};
    std::map<std::string, std::string_view, std::less<>> dynamic_anchors{};
};

/// Where a schema stands.
struct position {
    word resource = 0;
    std::string pointer{};
};

class compilation {
public:
    compilation(const compile_options& options, std::vector<mistake>& mistakes)
        : options_(options), bounds_(options.bounds), mistakes_(mistakes) {}

    bytes schema(std::string_view source, std::string_view definitions);
    bytes contract(std::string_view source);

private:
    // What schemas there are, and how they are called.
    bool accept_source(std::string_view source, std::string_view pointer);
    void add_definitions(std::string_view definitions);
    void add_root(std::string_view schema, const std::string& pointer);
    void index(std::string_view schema, word owner, const std::string& pointer);
    void index_identity(std::string_view schema, const member_list& members, word& owner,
                        const std::string& pointer);
    void index_inner(std::string_view text, holds inner, word owner, const std::string& pointer);

    // What a reference means.
    std::optional<std::string_view> target_of(std::string_view reference, word owner,
                                              const std::string& pointer);
    std::optional<std::string_view> walk_pointer(std::string_view root, std::string_view fragment, word owner,
                                                 const std::string& root_pointer);

    // One schema.
    word node_of(std::string_view schema, word owner, const std::string& pointer);
    void compile_open_ones();
    draft_node compile(std::string_view schema, const position& place);
    word types_of(const member_list& members, const position& place);
    void add_values(draft_node& out, const member_list& members, const position& place);
    void add_number(draft_node& out, const member_list& members, const position& place);
    void add_string(draft_node& out, const member_list& members, const position& place);
    void add_array(draft_node& out, const member_list& members, const position& place);
    void add_object(draft_node& out, const member_list& members, const position& place);
    void add_place(draft_node& out, const member_list& members, const position& place);
    void add_dependencies(std::vector<word>& words, std::vector<draft_node::reference>& refs, word& count,
                          const member_list& members, const position& place);
    void add_unevaluated(draft_node& out, const member_list& members, const position& place);
    void check_keywords(const member_list& members, const position& place);
    word pattern_of(std::string_view text, const std::string& pointer);

    // Words of a node.
    static void begin_group(draft_node& out, word bit);
    word inner_node(std::string_view schema, const position& place, const std::string& steps);
    word optional_node(const member_list& members, std::string_view name, const position& place);
    word count_or(const member_list& members, std::string_view name, const position& place, word otherwise);
    std::vector<std::string> names_in(std::string_view list, const std::string& pointer);

    void find_endless();

    // The events.
    void add_name_space(std::string_view key, std::string_view text, const std::string& pointer);
    void add_events(std::vector<draft_event>& out, std::string_view text, const std::string& pointer);
    draft_event event_of(std::string_view name, std::string_view text, const std::string& pointer);
    std::vector<word> arguments(std::string_view list, const std::string& pointer, word& least);
    void refuse_others(const member_list& members, std::initializer_list<std::string_view> known,
                       const std::string& pointer);

    bytes finish();
    void wrong(std::string pointer, std::string message) {
        if (mistakes_.size() < 100) mistakes_.push_back({std::move(pointer), std::move(message)});
        has_failed_ = true;
    }

    const compile_options& options_;
    const limits& bounds_;
    std::vector<mistake>& mistakes_;
    bool has_failed_ = false;
    bool has_dynamic_ = false;

    std::vector<resource> resources_;
    std::map<std::string, word, std::less<>> by_uri_;
    std::map<const char*, position> positions_;
    std::map<std::string, std::string_view, std::less<>> named_;   ///< `#/schemas/…`
    std::map<std::string, std::string_view, std::less<>> targets_; ///< of references, once found
    std::map<std::string, word, std::less<>> patterns_;
    std::vector<std::string> anchor_names_;

    std::map<const char*, word> numbers_;
    struct open_schema {
        std::string_view schema;
        position place;
        word number;
    };
    std::vector<open_schema> open_;
    std::vector<std::string> pointers_; ///< of each node
    form_writer writer_;
};

// --- what schemas there are ---

bool compilation::accept_source(std::string_view source, std::string_view pointer) {
    if (source.size() > bounds_.max_source_bytes) {
        wrong(std::string{pointer}, "is larger than allowed (max_source_bytes)");
        return false;
    }
    if (const auto error = value::check_whole(source, bounds_.max_source_depth)) {
        wrong(std::string{pointer}, error.message());
        return false;
    }
    return true;
}

void compilation::add_definitions(std::string_view definitions) {
    if (value::kind_of(definitions) != value::kind::object)
        return wrong("/schemas", "must be an object of schemas");
    const member_list members{definitions};
    for (const auto& [name, schema] : members.all()) {
        const std::string pointer = "/schemas" + step_of(name);
        if (named_.find(name) != named_.end()) {
            wrong(pointer, "is there twice");
        } else if (!is_schema(schema)) {
            wrong(pointer, "must be a schema: an object, true or false");
        } else {
            named_.emplace(name, schema);
            add_root(schema, pointer);
        }
    }
}

void compilation::add_root(std::string_view schema, const std::string& pointer) {
    resource own;
    own.uri = "roomcast:/" + number_text(resources_.size()) + "/";
    own.root = schema;
    own.pointer = pointer;
    own.rules = options_.fallback;
    const auto number = static_cast<word>(resources_.size());
    by_uri_.emplace(own.uri, number);
    resources_.push_back(std::move(own));
    index(schema, number, pointer);
}

void compilation::index(std::string_view schema, word owner, const std::string& pointer) {
    if (value::kind_of(schema) != value::kind::object) return;
    if (positions_.size() > bounds_.max_nodes) {
        if (!has_failed_) wrong(pointer, "there are more schemas than allowed (max_nodes)");
        return;
    }
    const member_list members{schema};
    index_identity(schema, members, owner, pointer);
    if (!positions_.emplace(schema.data(), position{owner, pointer}).second) return;
    for (const auto& [name, text] : members.all()) {
        const keyword* const known = keyword_named(name);
        if (known != nullptr) index_inner(text, known->inner, owner, pointer + step_of(name));
    }
}

void compilation::index_identity(std::string_view schema, const member_list& members, word& owner,
                                 const std::string& pointer) {
    const auto string_member = [&members](std::string_view name) -> std::optional<std::string> {
        const auto found = members.find(name);
        return found ? value::text(*found) : std::nullopt;
    };
    draft rules = resources_[owner].rules;
    if (const auto dialect = string_member("$schema")) {
        if (dialect->find("draft-07") != std::string::npos) {
            rules = draft::draft_07;
        } else if (dialect->find("2020-12") != std::string::npos) {
            rules = draft::draft_2020_12;
        }
        if (resources_[owner].root.data() == schema.data()) resources_[owner].rules = rules;
    }
    const bool is_old = rules == draft::draft_07;
    const auto add_anchor = [&](const std::string& name, std::string_view at) {
        if (!resources_[owner].anchors.emplace(name, at).second)
            wrong(pointer, "the anchor " + name + " is there twice");
    };
    auto id = is_old && members.has("$ref") ? std::nullopt : string_member("$id");
    if (id && is_old && !id->empty() && id->front() == '#') {
        add_anchor(id->substr(1), schema);
        id.reset();
    }
    if (id) {
        const std::string full = resolved(resources_[owner].uri, *id);
        resource own;
        own.uri = std::string{split_fragment(full).document};
        own.root = schema;
        own.pointer = pointer;
        own.rules = rules;
        if (!split_fragment(full).fragment.empty())
            wrong(pointer + "/$id", "must have no fragment; name it with $anchor");
        owner = static_cast<word>(resources_.size());
        if (owner > 0xffff) return wrong(pointer, "there are too many $id");
        if (!by_uri_.emplace(own.uri, owner).second) wrong(pointer + "/$id", "names another schema, too");
        resources_.push_back(std::move(own));
    }
    if (is_old) return;
    if (const auto name = string_member("$anchor")) add_anchor(*name, schema);
    if (const auto name = string_member("$dynamicAnchor")) {
        add_anchor(*name, schema);
        resources_[owner].dynamic_anchors.emplace(*name, schema);
        has_dynamic_ = true;
    }
}

void compilation::index_inner(std::string_view text, holds inner, word owner, const std::string& pointer) {
    const value::kind kind = value::kind_of(text);
    const bool is_named = inner == holds::named || inner == holds::named_or_names;
    const bool is_list = inner == holds::list || inner == holds::schema_or_list;
    if (is_named ? kind == value::kind::object : is_list && kind == value::kind::array) {
        value::walker each{text};
        std::string room;
        for (std::size_t i = 0; each.next(); ++i) {
            index(each.element(), owner,
                  pointer + (is_named ? step_of(decoded(each.raw_key(), room)) : "/" + number_text(i)));
        }
    } else if (inner == holds::schema || inner == holds::schema_or_list) {
        index(text, owner, pointer);
    }
}

// --- what a reference means ---

std::optional<std::string_view> compilation::walk_pointer(std::string_view root, std::string_view fragment,
                                                          word owner, const std::string& root_pointer) {
    std::string_view at = root;
    std::string pointer = root_pointer;
    while (!fragment.empty()) {
        if (fragment.front() != '/') return std::nullopt;
        const std::size_t end = std::min(fragment.find('/', 1), fragment.size());
        std::string key;
        for (std::size_t i = 1; i < end; ++i) {
            const bool is_escaped = fragment[i] == '~' && i + 1 < end;
            if (is_escaped) ++i;
            key.push_back(!is_escaped ? fragment[i] : fragment[i] == '1' ? '/' : '~');
        }
        fragment.remove_prefix(end);
        const auto known = positions_.find(at.data());
        if (known != positions_.end()) owner = known->second.resource;
        std::optional<std::string_view> next;
        if (value::kind_of(at) == value::kind::array) {
            const auto number = value::integer(key.empty() ? "x" : key);
            if (!number || *number < 0 || key.size() > 9) return std::nullopt;
            next = value::element_at(at, static_cast<std::size_t>(*number));
        } else {
            next = value::member(at, key);
        }
        if (!next) return std::nullopt;
        at = *next;
        append_step(pointer, key);
    }
    if (!is_schema(at)) return std::nullopt;
    // A place that no keyword of ours leads to was not looked at before.
    if (positions_.find(at.data()) == positions_.end()) {
        index(at, owner, pointer);
        if (value::kind_of(at) == value::kind::boolean)
            positions_.emplace(at.data(), position{owner, pointer});
    }
    return at;
}

std::optional<std::string_view> compilation::target_of(std::string_view reference, word owner,
                                                       const std::string& pointer) {
    const std::string full = resolved(resources_[owner].uri, reference);
    const auto before = targets_.find(full);
    if (before != targets_.end()) return before->second;
    const uri_parts parts = split_fragment(full);
    const auto found = by_uri_.find(parts.document);
    if (found == by_uri_.end()) {
        wrong(pointer, "refers to another document (" + std::string{reference} + "); nothing is fetched");
        return std::nullopt;
    }
    const word home = found->second;
    const std::string fragment = percent_decoded(parts.fragment);
    std::optional<std::string_view> target;
    if (fragment.empty() || fragment.front() == '/') {
        target = walk_pointer(resources_[home].root, fragment, home, resources_[home].pointer);
        constexpr std::string_view shelf = "/schemas/";
        if (!target && fragment.substr(0, shelf.size()) == shelf) {
            const std::size_t end = std::min(fragment.find('/', shelf.size()), fragment.size());
            std::string name;
            for (std::size_t i = shelf.size(); i < end; ++i) {
                const bool is_escaped = fragment[i] == '~' && i + 1 < end;
                if (is_escaped) ++i;
                name.push_back(!is_escaped ? fragment[i] : fragment[i] == '1' ? '/' : '~');
            }
            const auto named = named_.find(name);
            if (named != named_.end()) {
                const auto place = positions_.find(named->second.data());
                const word own = place == positions_.end() ? home : place->second.resource;
                target = walk_pointer(named->second, std::string_view{fragment}.substr(end), own,
                                      "/schemas" + step_of(name));
            }
        }
    } else {
        const auto& anchors = resources_[home].anchors;
        const auto anchor = anchors.find(fragment);
        if (anchor != anchors.end()) target = anchor->second;
    }
    if (!target) {
        wrong(pointer, "refers to " + std::string{reference} + ", which is no schema here");
        return std::nullopt;
    }
    targets_.emplace(full, *target);
    return target;
}

// --- one schema ---

word compilation::node_of(std::string_view schema, word owner, const std::string& pointer) {
    schema = trimmed(schema);
    const auto known = numbers_.find(schema.data());
    if (known != numbers_.end()) return known->second;
    const word number = writer_.node({});
    pointers_.push_back(pointer);
    numbers_.emplace(schema.data(), number);
    const auto place = positions_.find(schema.data());
    position at = place != positions_.end() ? place->second : position{owner, pointer};
    if (writer_.nodes.size() > bounds_.max_nodes) {
        if (writer_.nodes.size() == bounds_.max_nodes + 1)
            wrong(pointer, "there are more schemas than allowed (max_nodes)");
        return number;
    }
    open_.push_back({schema, std::move(at), number});
    return number;
}

void compilation::compile_open_ones() {
    while (!open_.empty()) {
        const open_schema one = std::move(open_.back());
        open_.pop_back();
        draft_node done = compile(one.schema, one.place);
        writer_.nodes[one.number] = std::move(done);
    }
}

void compilation::begin_group(draft_node& out, word bit) {
    // The words that say where the groups are come first: make room for this one.
    const std::size_t at = 1 + out.offsets.size();
    out.words.insert(out.words.begin() + static_cast<std::ptrdiff_t>(at), 0);
    for (auto& one : out.references) ++one.at;
    for (const word one : out.offsets) ++out.words[one];
    out.words[0] |= bit;
    out.offsets.push_back(static_cast<word>(at));
    out.words[at] = static_cast<word>(out.words.size());
}

word compilation::inner_node(std::string_view schema, const position& place, const std::string& steps) {
    if (!is_schema(schema)) {
        wrong(place.pointer + steps, "must be a schema: an object, true or false");
        return 0;
    }
    return node_of(schema, place.resource, place.pointer + steps);
}

word compilation::optional_node(const member_list& members, std::string_view name, const position& place) {
    const auto found = members.find(name);
    return found ? inner_node(*found, place, step_of(name)) + 1 : 0;
}

word compilation::count_or(const member_list& members, std::string_view name, const position& place,
                           word otherwise) {
    const auto found = members.find(name);
    if (!found) return otherwise;
    if (value::kind_of(*found) != value::kind::number || compare(*found, "0") < 0 || !is_integer(*found)) {
        wrong(place.pointer + step_of(name), "must be a whole number of at least 0");
        return otherwise;
    }
    if (compare(*found, "4294967294") >= 0) return greatest_count;
    const decimal parts{*found};
    word sum = 0;
    parts.each_digit([&sum](unsigned digit) { sum = sum * 10 + digit; });
    for (auto i = parts.count; i < parts.magnitude && sum != 0; ++i) sum *= 10;
    return sum;
}

std::vector<std::string> compilation::names_in(std::string_view list, const std::string& pointer) {
    std::vector<std::string> names;
    bool is_right = value::kind_of(list) == value::kind::array;
    value::walker each{list};
    while (is_right && each.next()) {
        auto name = value::text(each.element());
        is_right = name.has_value();
        if (name) names.push_back(*std::move(name));
    }
    if (!is_right) wrong(pointer, "must be an array of names");
    return names;
}

word compilation::pattern_of(std::string_view text, const std::string& pointer) {
    const auto known = patterns_.find(text);
    if (known != patterns_.end()) return known->second;
    automaton made;
    std::string error;
    if (!compile_pattern(text, bounds_, made, error)) {
        wrong(pointer, "the regular expression " + error);
        return 0;
    }
    const word number = writer_.pattern(std::move(made));
    patterns_.emplace(text, number);
    return number;
}

void compilation::check_keywords(const member_list& members, const position& place) {
    std::vector<std::string_view> names;
    for (const auto& [name, text] : members.all()) {
        names.push_back(name);
        if (options_.unknown == unknown_keyword::ignore || keyword_named(name) != nullptr) continue;
        if (name.substr(0, 2) != "x-") wrong(place.pointer + step_of(name), "is no keyword of JSON Schema");
    }
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) wrong(place.pointer + step_of(*twice), "is there twice");
}

draft_node compilation::compile(std::string_view schema, const position& place) {
    draft_node out;
    if (value::kind_of(schema) == value::kind::boolean) {
        out.words[0] = schema.front() == 't' ? static_cast<word>(type_any) : 0;
        return out;
    }
    const member_list members{schema};
    check_keywords(members, place);
    const bool is_old = resources_[place.resource].rules == draft::draft_07;
    if (is_old && members.has("$ref")) {
        out.words[0] = type_any;
    } else {
        out.words[0] = types_of(members, place);
        add_values(out, members, place);
        add_number(out, members, place);
        add_string(out, members, place);
        add_array(out, members, place);
        add_object(out, members, place);
    }
    add_place(out, members, place);
    if (!is_old) add_unevaluated(out, members, place);
    if (has_dynamic_) out.words[0] |= place.resource << 16U;
    return out;
}

word compilation::types_of(const member_list& members, const position& place) {
    const auto binary = members.find("x-binary");
    if (binary && *binary == "true") {
        if (members.has("type")) wrong(place.pointer + "/type", "an attachment (x-binary) has no JSON type");
        return type_binary;
    }
    if (binary && *binary != "false") wrong(place.pointer + "/x-binary", "must be true or false");
    const auto found = members.find("type");
    if (!found) return type_any;
    constexpr std::array<std::string_view, 7> names{"null",  "boolean", "number", "string",
                                                    "array", "object",  "integer"};
    const auto bit_of = [&names](std::string_view text) -> word {
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (value::is_text(text, names[i])) return 1U << i;
        }
        return 0;
    };
    const bool is_list = value::kind_of(*found) == value::kind::array;
    word sum = is_list ? 0 : bit_of(*found);
    bool is_right = is_list || sum != 0;
    value::walker each{is_list ? *found : std::string_view{}};
    while (each.next()) {
        const word one = bit_of(each.element());
        is_right = is_right && one != 0;
        sum |= one;
    }
    if (!is_right || sum == 0) {
        wrong(place.pointer + "/type",
              "must be null, boolean, number, integer, string, array, object, or an array of these");
    }
    return sum;
}

void compilation::add_values(draft_node& out, const member_list& members, const position& place) {
    std::vector<std::string_view> allowed;
    const auto constant = members.find("const");
    const auto list = members.find("enum");
    if (constant && list) wrong(place.pointer + "/enum", "stands beside const; one of them is enough");
    if (constant) {
        allowed.push_back(*constant);
    } else if (list) {
        value::walker each{*list};
        while (each.next()) allowed.push_back(each.element());
        if (value::kind_of(*list) != value::kind::array)
            wrong(place.pointer + "/enum", "must be an array of values");
        if (allowed.size() > bounds_.max_enum_values) {
            return wrong(place.pointer + "/enum", "has more values than allowed (max_enum_values)");
        }
    } else {
        return;
    }
    begin_group(out, group_values);
    out.words.push_back(static_cast<word>(allowed.size()));
    for (const std::string_view one : allowed) {
        const std::string pointer = place.pointer + (constant ? "/const" : "/enum");
        if (value::check_whole(one, max_constant_depth))
            wrong(pointer, "has a value that is nested too deep");
        if (has_duplicate_member(one)) wrong(pointer, "has a value with the same member twice");
        std::string plain;
        append_plain(plain, one);
        out.words.push_back(writer_.text(plain));
        out.words.push_back(static_cast<word>(plain.size()));
    }
}

void compilation::add_number(draft_node& out, const member_list& members, const position& place) {
    constexpr std::array<std::pair<std::string_view, number_rule>, 5> rules{{
        {"minimum", number_rule::minimum},
        {"maximum", number_rule::maximum},
        {"exclusiveMinimum", number_rule::exclusive_minimum},
        {"exclusiveMaximum", number_rule::exclusive_maximum},
        {"multipleOf", number_rule::multiple_of},
    }};
    std::vector<word> words;
    for (const auto& [name, rule] : rules) {
        const auto found = members.find(name);
        if (!found) continue;
        if (value::kind_of(*found) != value::kind::number) {
            wrong(place.pointer + step_of(name), "must be a number");
            continue;
        }
        if (rule == number_rule::multiple_of && !is_divisor(*found)) {
            wrong(place.pointer + step_of(name), "must be above 0 and have at most 17 digits");
            continue;
        }
        words.push_back(static_cast<word>(rule));
        words.push_back(writer_.text(*found));
        words.push_back(static_cast<word>(found->size()));
    }
    if (words.empty()) return;
    begin_group(out, group_number);
    out.words.push_back(static_cast<word>(words.size() / 3));
    out.words.insert(out.words.end(), words.begin(), words.end());
}

void compilation::add_string(draft_node& out, const member_list& members, const position& place) {
    const word least = count_or(members, "minLength", place, 0);
    const word most = count_or(members, "maxLength", place, no_bound);
    word pattern = 0;
    if (const auto found = members.find("pattern")) {
        const auto text = value::text(*found);
        if (text) pattern = pattern_of(*text, place.pointer + "/pattern") + 1;
        if (!text) wrong(place.pointer + "/pattern", "must be a string");
    }
    format wanted = format::none;
    if (const auto found = members.find("format")) {
        const auto text = value::text(*found);
        if (!text) wrong(place.pointer + "/format", "must be a string");
        if (text && options_.formats == format_rule::check) wanted = format_named(*text);
    }
    if (least == 0 && most == no_bound && pattern == 0 && wanted == format::none) return;
    begin_group(out, group_string);
    for (const word one : {least, most, pattern, static_cast<word>(wanted)}) out.words.push_back(one);
}

void compilation::add_array(draft_node& out, const member_list& members, const position& place) {
    const bool is_old = resources_[place.resource].rules == draft::draft_07;
    std::string_view prefix_name = "prefixItems";
    auto prefix = is_old ? std::nullopt : members.find("prefixItems");
    word items = 0;
    const auto own_items = members.find("items");
    if (own_items && value::kind_of(*own_items) == value::kind::array) {
        if (prefix) wrong(place.pointer + "/items", "must be a schema beside prefixItems");
        prefix = own_items;
        prefix_name = "items";
        items = optional_node(members, "additionalItems", place);
    } else {
        items = optional_node(members, "items", place);
    }
    const word contains = optional_node(members, "contains", place);
    const word least = count_or(members, "minItems", place, 0);
    const word most = count_or(members, "maxItems", place, no_bound);
    const word least_contained = is_old ? 1 : count_or(members, "minContains", place, 1);
    const word most_contained = is_old ? no_bound : count_or(members, "maxContains", place, no_bound);
    const auto unique = members.find("uniqueItems");
    if (unique && value::kind_of(*unique) != value::kind::boolean)
        wrong(place.pointer + "/uniqueItems", "must be true or false");
    const bool is_unique = unique && *unique == "true";
    std::vector<word> prefixes;
    if (prefix) {
        if (value::kind_of(*prefix) != value::kind::array)
            wrong(place.pointer + "/prefixItems", "must be an array of schemas");
        value::walker each{*prefix};
        while (each.next()) {
            prefixes.push_back(
                inner_node(each.element(), place, step_of(prefix_name) + "/" + number_text(prefixes.size())));
        }
    }
    if (items == 0 && contains == 0 && least == 0 && most == no_bound && !is_unique && prefixes.empty())
        return;
    begin_group(out, group_array);
    const auto start = static_cast<word>(out.words.size());
    for (const word one : {least, most, is_unique ? 1U : 0U, contains, least_contained, most_contained, items,
                           static_cast<word>(prefixes.size())}) {
        out.words.push_back(one);
    }
    out.references.push_back({start + 3, 1});
    out.references.push_back({start + 6, 1});
    for (const word one : prefixes) {
        out.references.push_back({static_cast<word>(out.words.size()), 0});
        out.words.push_back(one);
    }
}

void compilation::add_object(draft_node& out, const member_list& members, const position& place) {
    struct property {
        word node = 0;
        bool is_required = false;
    };
    std::vector<std::pair<std::string, property>> properties;
    std::map<std::string, std::size_t, std::less<>> known;
    const auto entry = [&](const std::string& name) -> property& {
        const auto [at, is_new] = known.emplace(name, properties.size());
        if (is_new) properties.emplace_back(name, property{});
        return properties[at->second].second;
    };
    if (const auto found = members.find("properties")) {
        if (value::kind_of(*found) != value::kind::object)
            wrong(place.pointer + "/properties", "must be an object of schemas");
        const member_list inner{*found};
        for (const auto& [name, schema] : inner.all()) {
            property& one = entry(name);
            if (one.node != 0) wrong(place.pointer + "/properties" + step_of(name), "is there twice");
            one.node = inner_node(schema, place, "/properties" + step_of(name)) + 1;
        }
    }
    if (const auto found = members.find("required")) {
        for (const std::string& name : names_in(*found, place.pointer + "/required"))
            entry(name).is_required = true;
    }
    std::vector<std::pair<word, word>> patterns;
    if (const auto found = members.find("patternProperties")) {
        if (value::kind_of(*found) != value::kind::object) {
            wrong(place.pointer + "/patternProperties", "must be an object of schemas");
        }
        const member_list inner{*found};
        for (const auto& [name, schema] : inner.all()) {
            const std::string steps = "/patternProperties" + step_of(name);
            const word pattern = pattern_of(name, place.pointer + steps);
            patterns.emplace_back(pattern, inner_node(schema, place, steps));
        }
    }
    const word additional = optional_node(members, "additionalProperties", place);
    const word names = optional_node(members, "propertyNames", place);
    const word least = count_or(members, "minProperties", place, 0);
    const word most = count_or(members, "maxProperties", place, no_bound);
    if (properties.size() > std::min<std::size_t>(bounds_.max_properties, 512)) {
        return wrong(place.pointer + "/properties", "has more names than allowed (max_properties)");
    }
    if (properties.empty() && patterns.empty() && additional == 0 && names == 0 && least == 0 &&
        most == no_bound)
        return;

    word buckets = 1;
    while (buckets < properties.size() * 2) buckets *= 2;
    begin_group(out, group_object);
    const auto start = static_cast<word>(out.words.size());
    for (const word one : {least, most, additional, names, static_cast<word>(properties.size()), buckets - 1,
                           static_cast<word>(patterns.size())}) {
        out.words.push_back(one);
    }
    out.references.push_back({start + 2, 1});
    out.references.push_back({start + 3, 1});
    std::vector<word> table(buckets, 0);
    for (std::size_t i = 0; i < properties.size(); ++i) {
        const auto& [name, one] = properties[i];
        out.words.push_back(writer_.text(name));
        out.words.push_back(static_cast<word>(name.size()));
        out.references.push_back({static_cast<word>(out.words.size()), 1});
        out.words.push_back(one.node);
        const bool is_plain = name.find_first_of("\"\\") == std::string::npos;
        out.words.push_back((one.is_required ? property_is_required : 0U) |
                            (is_plain ? property_is_plain : 0U));
        word slot = static_cast<word>(hash_of(name)) & (buckets - 1);
        while (table[slot] != 0) slot = (slot + 1) & (buckets - 1);
        table[slot] = static_cast<word>(i + 1);
    }
    out.words.insert(out.words.end(), table.begin(), table.end());
    for (const auto& [pattern, node] : patterns) {
        out.words.push_back(pattern);
        out.references.push_back({static_cast<word>(out.words.size()), 0});
        out.words.push_back(node);
    }
}

void compilation::add_place(draft_node& out, const member_list& members, const position& place) {
    const bool is_old = resources_[place.resource].rules == draft::draft_07;
    std::vector<word> words;
    std::vector<draft_node::reference> refs; // from the start of `words`
    word count = 0;
    const auto begin = [&](place_rule rule, std::size_t size) {
        words.push_back(static_cast<word>(rule));
        words.push_back(static_cast<word>(size));
        ++count;
    };
    const auto push_node = [&](word node, word bias) {
        refs.push_back({static_cast<word>(words.size()), bias});
        words.push_back(node);
    };
    const auto reference = [&](std::string_view name) -> std::optional<std::string_view> {
        const auto found = members.find(name);
        if (!found) return std::nullopt;
        const auto text = value::text(*found);
        if (text) return target_of(*text, place.resource, place.pointer + step_of(name));
        wrong(place.pointer + step_of(name), "must be a string");
        return std::nullopt;
    };
    const auto node_at = [&](std::string_view target) {
        const auto known = positions_.find(target.data());
        return known != positions_.end() ? node_of(target, known->second.resource, known->second.pointer)
                                         : node_of(target, place.resource, place.pointer);
    };
    if (const auto target = reference("$ref")) {
        begin(place_rule::reference, 1);
        push_node(node_at(*target), 0);
    }
    if (!is_old || !members.has("$ref")) {
        if (const auto target = is_old ? std::nullopt : reference("$dynamicRef")) {
            const auto anchor =
                value::text(members.find("$dynamicRef").value_or(std::string_view{"\"\""})).value_or("");
            const std::string name{split_fragment(anchor).fragment};
            const auto home = positions_.find(target->data());
            const bool is_dynamic =
                home != positions_.end() &&
                resources_[home->second.resource].dynamic_anchors.count(name) != 0 &&
                resources_[home->second.resource].dynamic_anchors.find(name)->second.data() == target->data();
            begin(is_dynamic ? place_rule::dynamic_reference : place_rule::reference, is_dynamic ? 2 : 1);
            push_node(node_at(*target), 0);
            if (is_dynamic) {
                const auto at = std::find(anchor_names_.begin(), anchor_names_.end(), name);
                words.push_back(static_cast<word>(at - anchor_names_.begin()));
                if (at == anchor_names_.end()) anchor_names_.push_back(name);
            }
        }
        constexpr std::array<std::pair<std::string_view, place_rule>, 3> lists{
            {{"allOf", place_rule::all_of}, {"anyOf", place_rule::any_of}, {"oneOf", place_rule::one_of}}};
        for (const auto& [name, rule] : lists) {
            const auto found = members.find(name);
            if (!found) continue;
            std::vector<word> inner;
            value::walker each{*found};
            const bool is_list = value::kind_of(*found) == value::kind::array;
            while (is_list && each.next()) {
                inner.push_back(
                    inner_node(each.element(), place, step_of(name) + "/" + number_text(inner.size())));
            }
            if (inner.empty()) {
                wrong(place.pointer + step_of(name), "must be an array of at least one schema");
                continue;
            }
            begin(rule, inner.size());
            for (const word one : inner) push_node(one, 0);
        }
        if (const auto found = members.find("not")) {
            begin(place_rule::none_of, 1);
            push_node(inner_node(*found, place, "/not"), 0);
        }
        const auto condition = members.find("if");
        const word then = optional_node(members, "then", place);
        const word otherwise = optional_node(members, "else", place);
        if (condition) {
            begin(place_rule::condition, 3);
            push_node(inner_node(*condition, place, "/if"), 0);
            push_node(then, 1);
            push_node(otherwise, 1);
        }
        add_dependencies(words, refs, count, members, place);
    }
    if (count == 0) return;
    begin_group(out, group_place);
    out.words.push_back(count);
    const auto start = static_cast<word>(out.words.size());
    out.words.insert(out.words.end(), words.begin(), words.end());
    for (const auto& one : refs) out.references.push_back({one.at + start, one.bias});
}

void compilation::add_dependencies(std::vector<word>& words, std::vector<draft_node::reference>& refs,
                                   word& count, const member_list& members, const position& place) {
    const bool is_old = resources_[place.resource].rules == draft::draft_07;
    for (const std::string_view keyword_name : {"dependencies", "dependentRequired", "dependentSchemas"}) {
        const auto found = members.find(keyword_name);
        if (!found || (is_old && keyword_name != "dependencies")) continue;
        const std::string steps = step_of(keyword_name);
        if (value::kind_of(*found) != value::kind::object) wrong(place.pointer + steps, "must be an object");
        const member_list inner{*found};
        for (const auto& [name, text] : inner.all()) {
            const bool is_list = value::kind_of(text) == value::kind::array;
            const bool are_names =
                keyword_name == "dependentRequired" || (keyword_name == "dependencies" && is_list);
            ++count;
            words.push_back(
                static_cast<word>(are_names ? place_rule::dependent_names : place_rule::dependent_schema));
            const std::size_t size_at = words.size();
            words.push_back(0);
            words.push_back(writer_.text(name));
            words.push_back(static_cast<word>(name.size()));
            if (are_names) {
                for (const std::string& one : names_in(text, place.pointer + steps + step_of(name))) {
                    words.push_back(writer_.text(one));
                    words.push_back(static_cast<word>(one.size()));
                }
            } else {
                refs.push_back({static_cast<word>(words.size()), 0});
                words.push_back(inner_node(text, place, steps + step_of(name)));
            }
            words[size_at] = static_cast<word>(words.size() - size_at - 1);
        }
    }
}

void compilation::add_unevaluated(draft_node& out, const member_list& members, const position& place) {
    const word properties = optional_node(members, "unevaluatedProperties", place);
    const word items = optional_node(members, "unevaluatedItems", place);
    if (properties == 0 && items == 0) return;
    begin_group(out, group_unevaluated);
    out.references.push_back({static_cast<word>(out.words.size()), 1});
    out.words.push_back(properties);
    out.references.push_back({static_cast<word>(out.words.size()), 1});
    out.words.push_back(items);
}

/// A schema that leads to itself without going deeper into the value would never be done.
void compilation::find_endless() {
    enum class colour : std::uint8_t { white, grey, black };
    std::vector<colour> colours(writer_.nodes.size(), colour::white);
    struct visit {
        word node;
        std::vector<word> inner;
        std::size_t next = 0;
    };
    std::vector<visit> path;
    const auto same_value = [this](word node) {
        std::vector<word> out;
        const std::vector<word>& words = writer_.nodes[node].words;
        if ((words[0] & group_place) == 0) return out;
        word before = 0;
        for (word bit = group_values; bit < group_place; bit <<= 1U) before += (words[0] & bit) != 0 ? 1 : 0;
        const word start = words[1 + before];
        const word last = words[0] & group_unevaluated ? words[2 + before] : static_cast<word>(words.size());
        for (const auto& [at, bias] : writer_.nodes[node].references) {
            if (at >= start && at < last && words[at] >= bias) out.push_back(words[at] - bias);
        }
        return out;
    };
    for (word first = 0; first < writer_.nodes.size(); ++first) {
        if (colours[first] != colour::white) continue;
        path.push_back({first, same_value(first)});
        colours[first] = colour::grey;
        while (!path.empty()) {
            visit& last = path.back();
            if (last.next == last.inner.size()) {
                colours[last.node] = colour::black;
                path.pop_back();
                continue;
            }
            const word to = last.inner[last.next++];
            if (colours[to] == colour::grey)
                wrong(pointers_[to], "applies itself to the same value without end");
            if (colours[to] != colour::white) continue;
            colours[to] = colour::grey;
            path.push_back({to, same_value(to)});
        }
    }
}

// --- the whole ---

bytes compilation::finish() {
    for (std::size_t at = 0; at < resources_.size() && has_dynamic_; ++at) {
        for (const auto& [name, schema] : resources_[at].dynamic_anchors) {
            const word node = node_of(schema, static_cast<word>(at), "");
            const auto anchor = std::find(anchor_names_.begin(), anchor_names_.end(), name);
            const auto number = static_cast<word>(anchor - anchor_names_.begin());
            if (anchor == anchor_names_.end()) anchor_names_.push_back(name);
            writer_.dynamic.push_back({static_cast<word>(at), number, node});
        }
    }
    compile_open_ones();
    if (!has_failed_) find_endless();
    if (has_failed_) return {};
    bytes out = writer_.write();
    if (out.size() > bounds_.max_compiled_bytes) {
        wrong("", "becomes larger than allowed (max_compiled_bytes)");
        return {};
    }
    return out;
}

bytes compilation::schema(std::string_view source, std::string_view definitions) {
    if (!accept_source(source, "")) return {};
    if (!definitions.empty()) {
        if (!accept_source(definitions, "/schemas")) return {};
        add_definitions(trimmed(definitions));
    }
    source = trimmed(source);
    if (!is_schema(source)) {
        wrong("", "must be a schema: an object, true or false");
        return {};
    }
    const auto home = static_cast<word>(resources_.size());
    add_root(source, "");
    writer_.root = node_of(source, home, "") + 1;
    // What nobody refers to must be right as well.
    for (const auto& [name, named] : named_) node_of(named, 0, "/schemas" + step_of(name));
    return finish();
}

void compilation::refuse_others(const member_list& members, std::initializer_list<std::string_view> known,
                                const std::string& pointer) {
    for (const auto& [name, text] : members.all()) {
        if (name.substr(0, 2) == "x-" || std::find(known.begin(), known.end(), name) != known.end()) continue;
        wrong(pointer + step_of(name), "is not known here");
    }
}

std::vector<word> compilation::arguments(std::string_view list, const std::string& pointer, word& least) {
    std::vector<word> nodes;
    if (value::kind_of(list) != value::kind::array) {
        wrong(pointer, "must be an array of schemas");
        return nodes;
    }
    value::walker each{list};
    while (each.next()) {
        const std::string own = pointer + "/" + number_text(nodes.size());
        if (!is_schema(each.element())) {
            wrong(own, "must be a schema: an object, true or false");
            continue;
        }
        const auto mark = value::member(each.element(), "x-optional");
        if (mark && value::kind_of(*mark) != value::kind::boolean)
            wrong(own + "/x-optional", "must be true or false");
        const bool is_optional = mark && *mark == "true";
        if (!is_optional && least < nodes.size())
            wrong(own, "comes behind an argument that is optional, and is not");
        if (!is_optional) least = static_cast<word>(nodes.size() + 1);
        const auto home = static_cast<word>(resources_.size());
        add_root(each.element(), own);
        nodes.push_back(node_of(each.element(), home, own));
    }
    return nodes;
}

draft_event compilation::event_of(std::string_view name, std::string_view text, const std::string& pointer) {
    draft_event out;
    out.name = writer_.text(name);
    out.name_length = static_cast<word>(name.size());
    if (value::kind_of(text) != value::kind::object) {
        wrong(pointer, "must be an object with args, rest, ack or description");
        return out;
    }
    const member_list members{text};
    refuse_others(members, {"args", "rest", "ack", "description", "title", "deprecated"}, pointer);
    if (const auto args = members.find("args")) out.args = arguments(*args, pointer + "/args", out.least);
    if (const auto ack = members.find("ack")) {
        out.has_ack = true;
        out.ack = arguments(*ack, pointer + "/ack", out.least_ack);
    }
    if (const auto rest = members.find("rest")) {
        if (is_schema(*rest)) {
            const auto home = static_cast<word>(resources_.size());
            add_root(*rest, pointer + "/rest");
            out.rest = node_of(*rest, home, pointer + "/rest") + 1;
        } else {
            wrong(pointer + "/rest", "must be a schema: an object, true or false");
        }
    }
    return out;
}

void compilation::add_events(std::vector<draft_event>& out, std::string_view text,
                             const std::string& pointer) {
    if (value::kind_of(text) != value::kind::object) return wrong(pointer, "must be an object of events");
    const member_list members{text};
    for (const auto& [name, one] : members.all()) out.push_back(event_of(name, one, pointer + step_of(name)));
}

void compilation::add_name_space(std::string_view key, std::string_view text, const std::string& pointer) {
    if (value::kind_of(text) != value::kind::object) return wrong(pointer, "must be an object");
    draft_name_space out;
    out.name = writer_.text(key);
    out.name_length = static_cast<word>(key.size());
    const member_list members{text};
    refuse_others(members, {"receives", "sends", "is_closed", "description", "title"}, pointer);
    if (const auto closed = members.find("is_closed")) {
        out.is_closed = *closed == "true";
        if (value::kind_of(*closed) != value::kind::boolean)
            wrong(pointer + "/is_closed", "must be true or false");
    }
    if (const auto found = members.find("receives")) add_events(out.receives, *found, pointer + "/receives");
    if (const auto found = members.find("sends")) add_events(out.sends, *found, pointer + "/sends");
    writer_.name_spaces.push_back(std::move(out));
}

bytes compilation::contract(std::string_view source) {
    if (!accept_source(source, "")) return {};
    source = trimmed(source);
    if (value::kind_of(source) != value::kind::object) {
        wrong("", "must be an object with schemas and namespaces");
        return {};
    }
    const member_list members{source};
    refuse_others(members, {"schemas", "namespaces", "title", "description"}, "");
    writer_.has_events = true;
    if (const auto schemas = members.find("schemas")) {
        add_definitions(*schemas);
        for (const auto& [name, named] : named_) node_of(named, 0, "/schemas" + step_of(name));
    }
    if (const auto all = members.find("namespaces")) {
        if (value::kind_of(*all) != value::kind::object) wrong("/namespaces", "must be an object");
        const member_list inner{*all};
        for (const auto& [key, text] : inner.all()) add_name_space(key, text, "/namespaces" + step_of(key));
    }
    return finish();
}

} // namespace

bytes compile_schema(std::string_view source, std::string_view definitions, const compile_options& options,
                     std::vector<mistake>& mistakes) {
    return compilation{options, mistakes}.schema(source, definitions);
}

bytes compile_contract(std::string_view source, const compile_options& options,
                       std::vector<mistake>& mistakes) {
    return compilation{options, mistakes}.contract(source);
}

} // namespace roomcast::core::contract
