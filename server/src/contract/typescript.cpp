#include "contract/generate.hpp"
#include "contract/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

// Code is put together once, and reads best in the order in which it comes out.
// NOLINTBEGIN(performance-inefficient-string-concatenation)
namespace roomcast::server::contract {

namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 64;

bool is_identifier(const std::string& name) {
    const auto is_part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '$';
    };
    return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
           std::all_of(name.begin(), name.end(), is_part);
}

std::string property_name(const std::string& name) {
    return is_identifier(name) ? name : json(name).dump();
}

std::string indented(std::size_t depth) {
    return std::string(depth * 2, ' ');
}

/// Writes the declarations of one contract.
class writer {
public:
    explicit writer(const json& source) : source_(source) {}

    std::string run() {
        unique_names names({"Binary", "Main", "ServerError"});
        const json schemas = source_.value("schemas", json::object());
        for (const auto& [name, schema] : schemas.items())
            names_[name] = names.of(identifier(name, letter_case::pascal));
        out_ += "// Made from the contract of the server. With socket.io-client:\n"
                "//   import { io, type Socket } from \"socket.io-client\";\n"
                "//   const socket: Socket<NAME.ServerToClientEvents, NAME.ClientToServerEvents> = "
                "io(\"/name\");\n"
                "// where NAME is the namespace below (Main for \"/\").\n\n"
                "/** Bytes that travel as an attachment. */\n"
                "export type Binary = ArrayBuffer | ArrayBufferView;\n\n"
                "/** Why something was refused: of the server, of a rule, or of the backend. */\n"
                "export interface ServerError {\n"
                "  code: string;\n"
                "  message: string;\n"
                "  /** What was sent. */\n"
                "  event?: string;\n"
                "  /** A JSON Pointer into its arguments, and the keyword of the schema that they break. */\n"
                "  path?: string;\n"
                "  rule?: string;\n"
                "  /** The action of the rule that they do not fit. */\n"
                "  action?: string;\n"
                "  /** What a backend adds. */\n"
                "  [more: string]: unknown;\n"
                "}\n";
        for (const auto& [name, schema] : schemas.items()) {
            root_ = &schema;
            out_ += '\n' + comment(schema, 0);
            out_ += "export type " + names_.at(name) + " = " + type(schema, 0) + ";\n";
        }
        const json spaces = source_.value("namespaces", json::object());
        for (const auto& [key, space] : spaces.items()) name_space(names, key, space);
        return out_;
    }

private:
    void name_space(unique_names& names, const std::string& key, const json& space) {
        const std::string name = key == "/" ? "Main" : names.of(identifier(key, letter_case::pascal));
        out_ += "\n/** The namespace " + without_end(key) + " */\nexport namespace " + name + " {\n";
        const bool has_auth = space.value("has_auth", false);
        events("ClientToServerEvents", "What clients send.", space.value("receives", json::object()),
               has_auth ? sign_in_receives() : own_events{});
        own_events sends{{"error", "What was sent is refused, and there is no acknowledgement to say so.",
                          "(error: ServerError) => void"}};
        if (has_auth) {
            for (const own_event& each : sign_in_sends()) sends.push_back(each);
        }
        events("ServerToClientEvents", "What the server sends.", space.value("sends", json::object()), sends);
        out_ += "}\n";
    }

    /// An event of the server's own; one of the contract by the same name takes its place.
    struct own_event {
        std::string name;
        std::string purpose;
        std::string function;
    };
    using own_events = std::vector<own_event>;

    static own_events sign_in_receives() {
        return {{"auth:refresh", "A fresh credential of the same user, in place of one that ends.",
                 "(credential: string | { token: string }, ack?: (answer: { ok: true; expires: number | null "
                 "} | { error: ServerError }) => void) => void"}};
    }

    static own_events sign_in_sends() {
        return {{"auth:expiring", "The credential ends in so many seconds; expires: Unix time in seconds.",
                 "(notice: { expires: number | null; seconds: number }) => void"},
                {"auth:expired", "The credential has ended; the connection ends, too.",
                 "(notice: { code: \"expired\"; message: string }) => void"},
                {"auth:revoked", "The user or the session was revoked; the connection ends, too.",
                 "(notice: { code: \"user_revoked\" | \"session_revoked\" | \"revoked\" }) => void"}};
    }

    void events(const std::string& name, const std::string& purpose, const json& events,
                const own_events& more) {
        out_ += "  /** " + purpose + " */\n  export interface " + name + " {\n";
        for (const auto& [event, content] : events.items()) {
            out_ += comment(content, 2) + "    " + property_name(event) + ": " + function(content) + ";\n";
        }
        for (const own_event& each : more) {
            if (events.contains(each.name)) continue;
            out_ += "    /** " + each.purpose + " */\n    " + property_name(each.name) + ": " +
                    each.function + ";\n";
        }
        out_ += "  }\n";
    }

    /// One argument of an event as TypeScript has it.
    struct argument {
        std::string name;
        std::string type;
        bool is_optional = false;
        std::string text() const { return name + ": " + type; }
    };

    std::string function(const json& event) {
        unique_names names(reserved());
        const std::vector<argument> args = arguments(event.value("args", json::array()), names);
        std::string rest;
        bool takes_anything = false;
        if (event.contains("rest")) {
            root_ = &event["rest"];
            const std::string each = type(event["rest"], 2);
            takes_anything = each == "unknown";
            rest = "..." + names.of("rest") + ": " + in_array(each) + "[]";
        }
        const bool has_ack = event.contains("ack");
        std::string plain = with_optional(args);
        if (!rest.empty()) plain = listed({plain, rest});
        // Answered without a schema: it can be asked for, and holds anything. A rest of anything takes the
        // callback as well.
        const bool is_answered = event.value("is_answered", false) && !takes_anything;
        if (!has_ack && !is_answered) return "(" + plain + ") => void";

        unique_names inner_names(reserved());
        const std::string inner =
            has_ack ? with_optional(arguments(event["ack"], inner_names)) : "...answer: unknown[]";
        const std::string ack = names.of("ack");
        const std::string callback = "(" + inner + ") => void";
        const std::size_t required = count_of_required(args);
        if (required == args.size() && rest.empty()) {
            return "(" + listed({plain, ack + (has_ack ? ": " : "?: ") + callback}) + ") => void";
        }
        // A parameter list has no place for a callback behind what may be missing: tuples have.
        std::vector<std::string> forms;
        if (!has_ack) forms.push_back('[' + plain + ']');
        for (std::size_t count = required; count <= args.size(); ++count) {
            std::vector<std::string> parts;
            for (std::size_t i = 0; i < count; ++i) parts.push_back(args[i].text());
            if (count == args.size() && !rest.empty()) parts.push_back(rest);
            parts.push_back(ack + ": " + callback);
            forms.push_back('[' + listed(parts) + ']');
        }
        return "(...args: " + joined(forms, " | ") + ") => void";
    }

    std::vector<argument> arguments(const json& args, unique_names& names) {
        std::vector<argument> all;
        for (const auto& one : args) {
            root_ = &one;
            argument made;
            made.name = names.of(argument_name(one, all.size() + 1));
            made.type = type(one, 2);
            made.is_optional = one.is_object() && one.value("x-optional", false);
            all.push_back(std::move(made));
        }
        return all;
    }

    static std::size_t count_of_required(const std::vector<argument>& args) {
        std::size_t count = args.size();
        while (count > 0 && args[count - 1].is_optional) --count;
        return count;
    }

    /// As parameters, or as elements of a tuple: what may be missing has a question mark.
    static std::string with_optional(const std::vector<argument>& args) {
        const std::size_t required = count_of_required(args);
        std::vector<std::string> parts;
        for (std::size_t i = 0; i < args.size(); ++i) {
            parts.push_back(args[i].name + (i < required ? ": " : "?: ") + args[i].type);
        }
        return listed(parts);
    }

    static std::string listed(const std::vector<std::string>& parts) {
        std::string out;
        for (const std::string& one : parts) {
            if (!out.empty() && !one.empty()) out += ", ";
            out += one;
        }
        return out;
    }

    static std::set<std::string> reserved() {
        return {"arguments", "await",      "break",   "case",    "catch",      "class",     "const",
                "continue",  "debugger",   "default", "delete",  "do",         "else",      "enum",
                "eval",      "export",     "extends", "false",   "finally",    "for",       "function",
                "if",        "implements", "import",  "in",      "instanceof", "interface", "let",
                "new",       "null",       "package", "private", "protected",  "public",    "return",
                "static",    "super",      "switch",  "this",    "throw",      "true",      "try",
                "typeof",    "var",        "void",    "while",   "with",       "yield"};
    }

    static std::string argument_name(const json& schema, std::size_t number) {
        if (schema.is_object() && schema.contains("title") && schema["title"].is_string()) {
            return identifier(schema["title"].get<std::string>(), letter_case::camel);
        }
        if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) {
            const std::string name = named_schema(schema["$ref"].get<std::string>());
            if (!name.empty()) return identifier(name, letter_case::camel);
        }
        return "arg" + std::to_string(number);
    }

    static std::string without_end(std::string text) {
        for (std::size_t at = text.find("*/"); at != std::string::npos; at = text.find("*/", at + 3))
            text.insert(at + 1, " ");
        return text;
    }

    static std::string comment(const json& content, std::size_t depth) {
        if (!content.is_object() || !content.contains("description") || !content["description"].is_string())
            return {};
        std::string text = without_end(content["description"].get<std::string>());
        for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) {
            text.insert(at + 1, indented(depth) + " * ");
        }
        return indented(depth) + "/** " + text + " */\n";
    }

    static std::string in_array(const std::string& type) {
        const bool is_word = is_identifier(type);
        return is_word ? type : "(" + type + ")";
    }

    static std::string joined(const std::vector<std::string>& parts, const std::string& between) {
        std::vector<std::string> unique;
        for (const auto& one : parts) {
            if (std::find(unique.begin(), unique.end(), one) == unique.end()) unique.push_back(one);
        }
        std::string out;
        for (const auto& one : unique) {
            if (!out.empty()) out += between;
            const bool is_compound =
                unique.size() > 1 && one.find_first_of("|&") != std::string::npos && one.front() != '{';
            out += is_compound ? "(" + one + ")" : one;
        }
        return out;
    }

    std::string type(const json& schema, std::size_t depth) {
        if (schema.is_boolean()) return schema.get<bool>() ? "unknown" : "never";
        if (!schema.is_object() || depth > max_depth) return "unknown";
        if (schema.value("x-binary", false)) return "Binary";
        std::vector<std::string> all;
        if (schema.contains("$ref") && schema["$ref"].is_string())
            all.push_back(reference(schema["$ref"].get<std::string>(), depth));
        if (schema.contains("const")) {
            all.push_back(literal(schema["const"]));
        } else if (schema.contains("enum") && schema["enum"].is_array() && !schema["enum"].empty()) {
            std::vector<std::string> each;
            for (const auto& one : schema["enum"]) each.push_back(literal(one));
            all.push_back(joined(each, " | "));
        } else if (const std::string own = by_type(schema, depth); !own.empty()) {
            all.push_back(own);
        }
        for (const char* keyword : {"anyOf", "oneOf"}) {
            if (!schema.contains(keyword)) continue;
            std::vector<std::string> each;
            for (const auto& one : schema[keyword]) each.push_back(type(one, depth));
            all.push_back(joined(each, " | "));
        }
        if (schema.contains("allOf")) {
            for (const auto& one : schema["allOf"]) all.push_back(type(one, depth));
        }
        all.erase(std::remove(all.begin(), all.end(), "unknown"), all.end());
        return all.empty() ? "unknown" : joined(all, " & ");
    }

    std::string reference(const std::string& target, std::size_t depth) {
        const std::string name = named_schema(target);
        if (const auto found = names_.find(name); found != names_.end()) return found->second;
        if (target.size() < 2 || target[0] != '#' || target[1] != '/' || ++hops_ > 1000) return "unknown";
        try {
            // A schema that holds itself without a name of its own ends at `max_depth`.
            return type(root_->at(json::json_pointer(target.substr(1))), depth + 8);
        } catch (const json::exception&) {
            return "unknown";
        }
    }

    static std::string literal(const json& value) {
        return value.is_structured() ? "unknown" : value.dump(-1, ' ', true);
    }

    std::string by_type(const json& schema, std::size_t depth) {
        std::vector<std::string> each;
        json types = schema.value("type", json());
        if (types.is_string()) types = json::array({types});
        if (!types.is_array()) {
            const bool is_object = schema.contains("properties") || schema.contains("additionalProperties");
            const bool is_array = schema.contains("items") || schema.contains("prefixItems");
            if (is_object == is_array) return {};
            types = json::array({is_object ? "object" : "array"});
        }
        for (const auto& one : types) {
            if (one == "string" || one == "boolean" || one == "null") {
                each.push_back(one.get<std::string>());
            } else if (one == "number" || one == "integer") {
                each.emplace_back("number");
            } else if (one == "array") {
                each.push_back(array(schema, depth));
            } else if (one == "object") {
                each.push_back(object(schema, depth));
            }
        }
        return joined(each, " | ");
    }

    std::string array(const json& schema, std::size_t depth) {
        json prefix = schema.value("prefixItems", json());
        json items = schema.value("items", json(true));
        if (items.is_array()) {
            prefix = items;
            items = schema.value("additionalItems", json(true));
        }
        if (!prefix.is_array()) return in_array(type(items, depth + 1)) + "[]";
        const std::size_t least = schema.value("minItems", std::size_t{0});
        std::string out = "[";
        std::size_t number = 0;
        for (const auto& one : prefix) {
            if (out.size() > 1) out += ", ";
            out += in_array(type(one, depth + 1)) + (number++ < least ? "" : "?");
        }
        if (items != json(false))
            out += std::string(out.size() > 1 ? ", " : "") + "..." + in_array(type(items, depth + 1)) + "[]";
        return out + "]";
    }

    std::string object(const json& schema, std::size_t depth) {
        const json properties = schema.value("properties", json::object());
        const json additional = schema.value("additionalProperties", json());
        if (properties.empty()) {
            if (additional == json(false)) return "Record<string, never>";
            return "Record<string, " +
                   (additional.is_null() ? std::string{"unknown"} : type(additional, depth + 1)) + ">";
        }
        const json required = schema.value("required", json::array());
        std::string out = "{\n";
        for (const auto& [name, inner] : properties.items()) {
            const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
            out += comment(inner, depth + 1) + indented(depth + 1) + property_name(name) +
                   (is_required ? ": " : "?: ") + type(inner, depth + 1) + ";\n";
        }
        if (!additional.is_null() && additional != json(false))
            out += indented(depth + 1) + "[name: string]: unknown;\n";
        return out + indented(depth) + "}";
    }

    const json& source_;
    const json* root_ = nullptr;
    std::map<std::string, std::string> names_;
    std::size_t hops_ = 0;
    std::string out_;
};

} // namespace

std::string typescript(const nlohmann::json& source) {
    return writer{source}.run();
}

} // namespace roomcast::server::contract
// NOLINTEND(performance-inefficient-string-concatenation)
