#include "contract/generate.hpp"
#include "contract/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

// Code is put together once, and reads best in the order in which it comes out.
// NOLINTBEGIN(performance-inefficient-string-concatenation)
namespace roomcast::server::contract {

namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 32;

std::set<std::string> reserved() {
    return {"alignas",       "alignof",      "and",       "and_eq",       "asm",       "auto",
            "bitand",        "bitor",        "bool",      "break",        "case",      "catch",
            "char",          "char8_t",      "char16_t",  "char32_t",     "class",     "compl",
            "concept",       "const",        "consteval", "constexpr",    "constinit", "const_cast",
            "continue",      "co_await",     "co_return", "co_yield",     "decltype",  "default",
            "delete",        "do",           "double",    "dynamic_cast", "else",      "enum",
            "explicit",      "export",       "extern",    "false",        "float",     "for",
            "friend",        "from_json",    "goto",      "if",           "inline",    "int",
            "json",          "long",         "mutable",   "namespace",    "new",       "noexcept",
            "not",           "not_eq",       "nullptr",   "operator",     "or",        "or_eq",
            "private",       "protected",    "public",    "read",         "register",  "reinterpret_cast",
            "requires",      "return",       "short",     "signed",       "sizeof",    "static",
            "static_assert", "static_cast",  "std",       "struct",       "switch",    "template",
            "this",          "thread_local", "throw",     "to_json",      "true",      "try",
            "typedef",       "typeid",       "typename",  "union",        "unsigned",  "using",
            "virtual",       "void",         "volatile",  "wchar_t",      "while",     "write",
            "xor",           "xor_eq",       "nlohmann",  "contract",     "binary",    "receives",
            "sends",         "name_of_event"};
}

/// A C++ string literal.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\' || c == '?') {
            out.push_back('\\');
            out.push_back(c);
        } else if (octet < 0x20) {
            constexpr const char* digits = "01234567";
            out += {'\\', digits[octet >> 6U], digits[octet >> 3U & 7U], digits[octet & 7U]};
        } else {
            out.push_back(c);
        }
    }
    return out + "\"";
}

bool is_true(const json& schema, const char* keyword) {
    return schema.is_object() && schema.value(keyword, json()) == json(true);
}

/// The only type of a schema; empty when there is none or more than one (null beside it makes it optional).
std::string single_type(const json& schema, bool& may_be_null) {
    const json types = schema.value("type", json());
    if (types.is_string()) return types.get<std::string>();
    std::string found;
    if (!types.is_array()) return schema.contains("properties") ? "object" : found;
    for (const auto& one : types) {
        if (one == "null") {
            may_be_null = true;
        } else if (!found.empty()) {
            return {};
        } else {
            found = one.get<std::string>();
        }
    }
    return found;
}

struct field {
    std::string key;
    std::string name;
    std::string type;
    bool is_required = false;
};

class writer {
public:
    explicit writer(const json& source) : source_(source), names_(reserved()) {}

    std::string run() {
        schemas_ = source_.value("schemas", json::object());
        for (const auto& [name, schema] : schemas_.items())
            types_[name] = names_.of(identifier(name, letter_case::snake));
        // A struct that two of them hold within each other is held by pointer: so all are declared first.
        for (const auto& [name, schema] : schemas_.items()) {
            if (is_struct(schema)) declarations_ += "struct " + types_.at(name) + ";\n";
        }
        for (const auto& [name, schema] : schemas_.items()) define(name);
        const json spaces = source_.value("namespaces", json::object());
        for (const auto& [key, space] : spaces.items()) name_space(key, space);
        return "// Made from the contract of the server. Needs C++20 and nlohmann/json.\n#pragma once\n\n"
               "#include <nlohmann/json.hpp>\n\n#include <cstddef>\n#include <cstdint>\n#include "
               "<map>\n#include <memory>\n"
               "#include <optional>\n#include <string>\n#include <utility>\n#include <vector>\n\nnamespace "
               "contract {\n\n"
               "using json = nlohmann::json;\n\n"
               "/// Stands for an attachment: its number in the packet.\n"
               "struct binary {\n    std::size_t number = 0;\n};\n"
               "inline void to_json(json& out, const binary& from) {\n"
               "    out = {{\"_placeholder\", true}, {\"num\", from.number}};\n}\n"
               "inline void from_json(const json& from, binary& out) {\n    "
               "from.at(\"num\").get_to(out.number);\n}\n\n"
               "template <class T>\nvoid write(json& out, const T& from) {\n    out = from;\n}\n"
               "template <class T>\nvoid write(json& out, const std::optional<T>& from) {\n"
               "    if (from) out = *from;\n    else out = nullptr;\n}\n"
               "template <class T>\nvoid write(json& out, const std::shared_ptr<T>& from) {\n"
               "    if (from) out = *from;\n    else out = nullptr;\n}\n"
               "template <class T>\nvoid read(const json& from, T& out) {\n    from.get_to(out);\n}\n"
               "template <class T>\nvoid read(const json& from, std::optional<T>& out) {\n"
               "    if (from.is_null()) out.reset();\n    else out = from.get<T>();\n}\n"
               "template <class T>\nvoid read(const json& from, std::shared_ptr<T>& out) {\n"
               "    out = from.is_null() ? nullptr : std::make_shared<T>(from.get<T>());\n}\n\n" +
               declarations_ + "\n" + out_ + "} // namespace contract\n";
    }

private:
    static bool is_struct(const json& schema) {
        bool may_be_null = false;
        return schema.is_object() && !schema.contains("$ref") && !schema.contains("enum") &&
               !schema.contains("const") && single_type(schema, may_be_null) == "object" && !may_be_null &&
               schema.contains("properties") && !schema["properties"].empty();
    }

    static bool is_enum(const json& schema) {
        const json values = schema.is_object() ? schema.value("enum", json()) : json();
        return values.is_array() && !values.empty() &&
               std::all_of(values.begin(), values.end(), [](const json& one) { return one.is_string(); });
    }

    /// Writes a named schema, those before it that it needs whole.
    void define(const std::string& name) {
        if (!begun_.insert(name).second) return;
        open_.insert(name);
        const json& schema = schemas_[name];
        const std::string type_name = types_.at(name);
        if (is_struct(schema)) {
            out_ += definition(schema, type_name, 0);
        } else if (is_enum(schema)) {
            out_ += enumeration(schema, type_name);
        } else {
            const std::string own = type(schema, type_name + "_value", 0);
            out_ += comment(schema) + "using " + type_name + " = " + own + ";\n\n";
        }
        open_.erase(name);
    }

    static std::string comment(const json& schema) {
        if (!schema.is_object() || !schema.contains("description") || !schema["description"].is_string())
            return {};
        std::string text = schema["description"].get<std::string>();
        for (char& c : text) {
            if (static_cast<unsigned char>(c) < 0x20 || c == '\\') c = ' ';
        }
        return "/// " + text + "\n";
    }

    std::string enumeration(const json& schema, const std::string& name) {
        unique_names values(reserved());
        std::string list;
        std::string write;
        std::string read;
        for (const auto& one : schema["enum"]) {
            const std::string value = values.of(identifier(one.get<std::string>(), letter_case::snake));
            const std::string text = quoted(one.get<std::string>());
            list += (list.empty() ? "" : ", ") + value;
            write += "    case " + name + "::" + value + ": out = " + text + "; break;\n";
            read += "    if (from == " + text + ") {\n        out = " + name + "::" + value +
                    ";\n        return;\n    }\n";
        }
        return comment(schema) + "enum class " + name + " { " + list + " };\n" +
               "inline void to_json(json& out, const " + name + "& from) {\n    switch (from) {\n" + write +
               "    }\n}\n" + "inline void from_json(const json& from, " + name + "& out) {\n" + read +
               "    (void)from.at(\"" + name + "\"); // throws: none of the values\n}\n\n";
    }

    /// The C++ type of a schema; writes the definitions that it needs. @param name what it is called if it
    /// needs one
    std::string type(const json& schema, const std::string& name, std::size_t depth) {
        if (!schema.is_object() || depth > max_depth) return "json";
        if (is_true(schema, "x-binary")) return "binary";
        if (schema.contains("$ref") && schema["$ref"].is_string()) {
            const std::string target = named_schema(schema["$ref"].get<std::string>());
            if (types_.count(target) == 0) return "json";
            const bool is_open = open_.count(target) != 0;
            define(target);
            if (!is_open) return "::contract::" + types_.at(target);
            return is_struct(schemas_[target]) ? "std::shared_ptr<::contract::" + types_.at(target) + ">"
                                               : "json";
        }
        for (const char* keyword : {"anyOf", "oneOf", "allOf", "not", "const"}) {
            if (schema.contains(keyword)) return "json";
        }
        if (is_enum(schema)) {
            const std::string own = names_.of(name);
            out_ += enumeration(schema, own);
            return scope_ + own;
        }
        if (schema.contains("enum")) return "json";
        bool may_be_null = false;
        const std::string kind = single_type(schema, may_be_null);
        std::string own = "json";
        if (kind == "string") own = "std::string";
        if (kind == "boolean") own = "bool";
        if (kind == "integer") own = "std::int64_t";
        if (kind == "number") own = "double";
        if (kind == "array") own = array(schema, name, depth);
        if (kind == "object") own = object(schema, name, depth);
        return may_be_null && own != "json" ? "std::optional<" + own + ">" : own;
    }

    std::string array(const json& schema, const std::string& name, std::size_t depth) {
        const json items = schema.value("items", json());
        if (schema.contains("prefixItems") || items.is_array()) return "json";
        return "std::vector<" + held(type(items, name + "_item", depth + 1)) + ">";
    }

    /// In a container a type that is not whole yet may stand as it is.
    static std::string held(const std::string& type) {
        constexpr std::string_view pointer = "std::shared_ptr<";
        return type.starts_with(pointer) ? type.substr(pointer.size(), type.size() - pointer.size() - 1)
                                         : type;
    }

    std::string object(const json& schema, const std::string& name, std::size_t depth) {
        if (schema.contains("properties") && !schema["properties"].empty()) {
            const std::string own = names_.of(name);
            out_ += definition(schema, own, depth);
            return scope_ + own;
        }
        const json additional = schema.value("additionalProperties", json());
        if (!additional.is_object()) return "json";
        const std::string inner = type(additional, name + "_value", depth + 1);
        return inner == "json" ? inner : "std::map<std::string, " + inner + ">";
    }

    std::string definition(const json& schema, const std::string& name, std::size_t depth) {
        const json required = schema.value("required", json::array());
        std::vector<field> fields;
        unique_names members(reserved());
        for (const auto& [key, inner] : schema["properties"].items()) {
            field one;
            one.key = key;
            one.name = members.of(identifier(key, letter_case::snake));
            one.type = type(inner, name + "_" + one.name, depth + 1);
            one.is_required = std::find(required.begin(), required.end(), key) != required.end();
            const bool holds_nothing =
                one.type.starts_with("std::optional<") || one.type.starts_with("std::shared_ptr<");
            if (!one.is_required && !holds_nothing) one.type = "std::optional<" + one.type + ">";
            fields.push_back(std::move(one));
        }
        std::string out = comment(schema) + "struct " + name + " {\n";
        for (const auto& one : fields) out += "    " + one.type + " " + one.name + "{};\n";
        out += "};\ninline void to_json(json& out, const " + name + "& from) {\n    out = json::object();\n";
        for (const auto& one : fields) {
            const std::string key = quoted(one.key);
            out += one.is_required
                       ? "    write(out[" + key + "], from." + one.name + ");\n"
                       : "    if (from." + one.name + ") write(out[" + key + "], from." + one.name + ");\n";
        }
        out += "}\ninline void from_json(const json& from, " + name + "& out) {\n";
        if (fields.empty()) out += "    (void)from;\n    (void)out;\n";
        for (const auto& one : fields) {
            const std::string key = quoted(one.key);
            out += one.is_required ? "    read(from.at(" + key + "), out." + one.name + ");\n"
                                   : "    if (const auto at = from.find(" + key +
                                         "); at != from.end()) read(*at, out." + one.name + ");\n";
        }
        return out + "}\n\n";
    }

    // --- events ---

    void name_space(const std::string& key, const json& space) {
        const std::string name = names_.of(key == "/" ? "main" : identifier(key, letter_case::snake));
        for (const char* way : {"receives", "sends"}) {
            const json events = space.value(way, json::object());
            // What an event needs is written before it, in the same namespace.
            std::string before;
            std::swap(before, out_);
            std::swap(names_before_, names_);
            names_ = unique_names(reserved());
            scope_ = "::contract::" + name + "::" + way + "::";
            for (const auto& [event, content] : events.items()) one_event(event, content);
            std::swap(names_before_, names_);
            std::swap(before, out_);
            out_ += "/// What the server " + std::string{way} + " in the namespace " + printable(key) +
                    "\nnamespace " + name + "::" + way + " {\n\n" + before + "} // namespace " + name +
                    "::" + way + "\n\n";
        }
    }

    static std::string printable(std::string text) {
        for (char& c : text) {
            if (static_cast<unsigned char>(c) < 0x20 || c == '\\') c = ' ';
        }
        return text;
    }

    void one_event(const std::string& event, const json& content) {
        const std::string name = names_.of(identifier(event, letter_case::snake));
        argument_list(name, "    static constexpr const char* name_of_event = " + quoted(event) + ";\n",
                      content, content.value("args", json::array()), content.value("rest", json()));
        if (content.contains("ack"))
            argument_list(names_.of(name + "_ack"), "", json::object(), content["ack"], json());
    }

    /// A struct that converts from and to an array.
    void argument_list(const std::string& name, const std::string& constants, const json& content,
                       const json& args, const json& rest) {
        std::vector<field> fields;
        unique_names members(reserved());
        std::size_t number = 0;
        for (const auto& schema : args) {
            ++number;
            field one;
            std::string wanted = "arg" + std::to_string(number);
            if (schema.is_object() && schema.contains("title") && schema["title"].is_string()) {
                wanted = identifier(schema["title"].get<std::string>(), letter_case::snake);
            } else if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) {
                const std::string target = named_schema(schema["$ref"].get<std::string>());
                // Not the name of its type: a member cannot be called as what it is.
                if (!target.empty()) wanted = "the_" + identifier(target, letter_case::snake);
            }
            one.name = members.of(wanted);
            one.type = type(schema, name + "_" + one.name, 1);
            one.is_required = !is_true(schema, "x-optional");
            if (!one.is_required && !one.type.starts_with("std::optional<"))
                one.type = "std::optional<" + one.type + ">";
            fields.push_back(std::move(one));
        }
        std::string out = comment(content) + "struct " + name + " {\n" + constants;
        for (const auto& one : fields) out += "    " + one.type + " " + one.name + "{};\n";
        std::string rest_name;
        if (!rest.is_null()) {
            rest_name = members.of("rest");
            out += "    std::vector<" + type(rest, name + "_rest", 1) + "> " + rest_name + "{};\n";
        }
        out += "};\ninline void to_json(json& out, const " + name + "& from) {\n    out = json::array();\n";
        if (fields.empty() && rest_name.empty()) out += "    (void)from;\n";
        for (const auto& one : fields) {
            if (!one.is_required) out += "    if (!from." + one.name + ") return;\n";
            out += "    write(out.emplace_back(), from." + one.name + ");\n";
        }
        if (!rest_name.empty())
            out += "    for (const auto& one : from." + rest_name + ") write(out.emplace_back(), one);\n";
        out += "}\ninline void from_json(const json& from, " + name + "& out) {\n";
        if (fields.empty() && rest_name.empty()) out += "    (void)from;\n    (void)out;\n";
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const std::string at = std::to_string(i);
            if (fields[i].is_required) {
                out += "    read(from.at(" + at + "), out." + fields[i].name + ");\n";
            } else {
                out +=
                    "    if (from.size() > " + at + ") read(from[" + at + "], out." + fields[i].name + ");\n";
            }
        }
        if (!rest_name.empty()) {
            out += "    for (std::size_t i = " + std::to_string(fields.size()) +
                   "; i < from.size(); ++i) read(from[i], out." + rest_name + ".emplace_back());\n";
        }
        out_ += out + "}\n\n";
    }

    const json& source_;
    json schemas_;
    unique_names names_;
    unique_names names_before_{{}};
    std::map<std::string, std::string> types_;
    std::set<std::string> begun_;
    std::set<std::string> open_;
    std::string declarations_;
    /// Types are named in full: a member may be called as its type, and an event as a schema.
    std::string scope_ = "::contract::";
    std::string out_;
};

} // namespace

std::string cpp(const nlohmann::json& source) {
    return writer{source}.run();
}

} // namespace roomcast::server::contract
// NOLINTEND(performance-inefficient-string-concatenation)
