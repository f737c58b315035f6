#include "contract/generate.hpp"
#include "contract/names.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace roomcast::server::contract {

namespace {

using nlohmann::json;

constexpr std::size_t max_depth = 100;

/// A key of a component: AsyncAPI allows few characters.
std::string component_key(const std::string& name) {
    return identifier(name, letter_case::pascal);
}

/// AsyncAPI's own schemas are those of draft 07 with more.
class converter {
public:
    explicit converter(const json& source) {
        unique_names names({});
        const json schemas = source.value("schemas", json::object());
        for (const auto& [name, schema] : schemas.items()) keys_[name] = names.of(component_key(name));
    }

    const std::string& key_of(const std::string& name) const { return keys_.at(name); }

    /// @param home where the schema will stand in the document
    json convert(const json& schema, const std::string& home) const { return convert(schema, home, 0); }

private:
    json convert(const json& schema, const std::string& home, std::size_t depth) const {
        if (depth > max_depth) return json::object();
        if (schema.is_array()) {
            json out = json::array();
            for (const auto& one : schema) out.push_back(convert(one, home, depth + 1));
            return out;
        }
        if (!schema.is_object()) return schema;
        json out = json::object();
        const bool has_prefix = schema.contains("prefixItems");
        for (const auto& [key, value] : schema.items()) {
            if (key == "$ref" && value.is_string()) {
                out[key] = reference(value.get<std::string>(), home);
            } else if (key == "enum" || key == "const" || key == "default" || key == "examples" ||
                       key == "required") {
                out[key] = value;
            } else if (key == "$defs") {
                out["definitions"] = convert(value, home, depth + 1);
            } else if (key == "prefixItems") {
                out["items"] = convert(value, home, depth + 1);
            } else if (key == "items" && has_prefix) {
                out["additionalItems"] = convert(value, home, depth + 1);
            } else if (key == "dependentRequired" || key == "dependentSchemas") {
                out["dependencies"].update(convert(value, home, depth + 1));
            } else if (key == "$schema" || key == "deprecated" || key == "x-optional") {
                // said otherwise here, or about the argument and not the schema
            } else {
                out[key] = convert(value, home, depth + 1);
            }
        }
        return out;
    }

    std::string reference(const std::string& target, const std::string& home) const {
        if (const auto found = keys_.find(named_schema(target)); found != keys_.end()) {
            return "#/components/schemas/" + found->second;
        }
        if (target == "#") return home;
        if (!target.starts_with("#/")) return target;
        std::string own = target.substr(1);
        if (own.starts_with("/$defs/")) own.replace(0, 7, "/definitions/");
        return home + own;
    }

    std::map<std::string, std::string> keys_;
};

class document {
public:
    explicit document(const json& source) : source_(source), schemas_(source) {}

    json run(const json& info) {
        json out = {{"asyncapi", "3.0.0"}, {"info", info}, {"defaultContentType", "application/json"}};
        out["channels"] = json::object();
        out["operations"] = json::object();
        json components = {{"schemas", json::object()}};
        const json schemas = source_.value("schemas", json::object());
        for (const auto& [name, schema] : schemas.items()) {
            const std::string& key = schemas_.key_of(name);
            components["schemas"][key] = schemas_.convert(schema, "#/components/schemas/" + key);
        }
        unique_names channels({});
        const json spaces = source_.value("namespaces", json::object());
        for (const auto& [name, space] : spaces.items()) {
            const std::string channel = channels.of(name == "/" ? "Main" : component_key(name));
            json& entry = out["channels"][channel];
            entry = {{"address", name},
                     {"messages", json::object()},
                     {"description", "The Socket.IO namespace " + name}};
            unique_names messages({});
            unique_names operations({});
            for (const char* way : {"receives", "sends"}) {
                const json events = space.value(way, json::object());
                for (const auto& [event, content] : events.items()) {
                    const std::string message = messages.of(component_key(event));
                    add(out, channel, message, way, event, content, operations);
                }
            }
        }
        out["components"] = components;
        return out;
    }

private:
    void add(json& out, const std::string& channel, const std::string& message, const std::string& way,
             const std::string& event, const json& content, unique_names& operations) {
        json& messages = out["channels"][channel]["messages"];
        const std::string home = "#/channels/" + channel + "/messages/" + message + "/payload";
        messages[message] = {{"name", event},
                             {"contentType", "application/json"},
                             {"payload", list(content.value("args", json::array()),
                                              content.value("rest", json(false)), home)}};
        if (content.contains("description")) messages[message]["description"] = content["description"];
        const std::string operation =
            channel + "." + operations.of((way == "receives" ? "receive" : "send") + component_key(event));
        const std::string channel_reference = "#/channels/" + channel;
        json& entry = out["operations"][operation];
        entry = {{"action", way == "receives" ? "receive" : "send"},
                 {"channel", {{"$ref", channel_reference}}},
                 {"messages", json::array({{{"$ref", channel_reference + "/messages/" + message}}})}};
        if (!content.contains("ack")) return;
        const std::string answer = message + ".ack";
        const std::string answer_home = "#/channels/" + channel + "/messages/" + answer + "/payload";
        messages[answer] = {{"name", event + " (acknowledgement)"},
                            {"contentType", "application/json"},
                            {"payload", list(content["ack"], json(false), answer_home)}};
        entry["reply"] = {{"channel", {{"$ref", channel_reference}}},
                          {"messages", json::array({{{"$ref", channel_reference + "/messages/" + answer}}})}};
    }

    /// The schema of the array of arguments.
    json list(const json& args, const json& rest, const std::string& home) const {
        std::size_t least = 0;
        json items = json::array();
        for (const auto& one : args) {
            items.push_back(schemas_.convert(one, home + "/items/" + std::to_string(items.size())));
            if (!(one.is_object() && one.value("x-optional", json()) == json(true))) least = items.size();
        }
        json out = {{"type", "array"}, {"minItems", least}};
        if (items.empty()) {
            out["items"] = schemas_.convert(rest, home + "/items");
        } else {
            out["items"] = items;
            out["additionalItems"] = schemas_.convert(rest, home + "/additionalItems");
        }
        return out;
    }

    const json& source_;
    converter schemas_;
};

} // namespace

std::string asyncapi(const nlohmann::json& source, const nlohmann::json& info) {
    return document{source}.run(info).dump(2) + "\n";
}

} // namespace roomcast::server::contract
