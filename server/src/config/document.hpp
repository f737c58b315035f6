#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the operator chose: one file, the environment, flags. Validated as a whole, each mistake with its
/// place.
namespace roomcast::server::config {

using json = nlohmann::ordered_json;

/// Where a value stands.
struct place {
    std::string path;     ///< e.g. `namespaces./chat.events.join.do[0]`, or the variable or flag it came from
    std::size_t line = 0; ///< of the file; 0: not from the file
};

struct mistake {
    place at;
    std::string expected; ///< what is wrong and what would be right
};

using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The file as JSON, with `${VAR}` and `${VAR:-default}` replaced, and where each of its values stands.
class document {
public:
    /// Longest single value, in bytes.
    static constexpr std::size_t max_value_bytes = 8192;
    /// Longest name of a member, in bytes.
    static constexpr std::size_t max_key_bytes = 1024;
    /// Most values in one file: aliases can multiply them.
    static constexpr std::size_t max_values = 200'000;
    static constexpr std::size_t max_depth = 64;

    json root = json::object();

    /// Reads YAML or JSON into `root`. @param mistakes gets what is wrong with it
    void read(std::string_view text, const environment& environment_of, std::vector<mistake>& mistakes);
    /// Sets a value from elsewhere. @param path dotted, e.g. `cors.origin` @param source named in mistakes
    void set(std::string_view path, json value, std::string source);

    /// Takes a value out, so that the rest can be looked at. @param pointer JSON pointer into `root`
    void drop(const std::string& pointer);

    /// @param pointer JSON pointer into `root`
    place at(const std::string& pointer) const;

private:
    std::map<std::string, std::size_t> lines_;
    std::map<std::string, std::string> sources_; ///< pointer -> variable or flag
};

/// A value of a document that was found valid, and where it stands. Cheap to copy; the document outlives it.
class node {
public:
    node(const document& of, const json& value, std::string pointer)
        : of_(&of), value_(&value), pointer_(std::move(pointer)) {}
    explicit node(const document& of) : node(of, of.root, {}) {}

    const json& value() const { return *value_; }
    const std::string& pointer() const { return pointer_; }
    place at() const { return of_->at(pointer_); }

    bool has(const std::string& key) const { return value_->is_object() && value_->contains(key); }
    /// The member of this name; null when there is none.
    node operator[](const std::string& key) const;
    node operator[](std::size_t index) const;
    /// Members of an object with their names; none for any other value.
    std::vector<std::pair<std::string, node>> members() const;
    /// Elements of a list; the value itself when it is none; nothing for null.
    std::vector<node> items() const;

    std::string text(std::string_view otherwise = {}) const;
    bool boolean(bool otherwise) const;

private:
    const document* of_;
    const json* value_;
    std::string pointer_;
};

/// One more step of a JSON pointer, escaped.
std::string pointer_to(const std::string& pointer, const std::string& key);

/// A YAML text as JSON, without variables; for values of environment variables and flags.
/// @return nothing when it is no YAML
std::optional<json> parse_value(std::string_view text);

/// `file:line: path: expected`
std::string describe(const mistake& what, std::string_view file);

} // namespace roomcast::server::config
