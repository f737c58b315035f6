#pragma once

#include "config/document.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server::config {

/// One setting of the configuration's JSON Schema (server/config.schema.json), which is where its name, its
/// variables, its default and its words stand.
struct setting_description {
    std::string path;                   ///< dotted
    std::string kind;                   ///< duration, size, number, boolean, rate, list, text, enum or yaml
    std::vector<std::string> variables; ///< the first one that is set wins
    std::string expected;
    std::string description;
    json otherwise;       ///< the default; null: none
    bool is_live = false; ///< may change while the server runs
};

/// The schema as it was built in.
const json& schema();
/// All settings outside `namespaces`, in the schema's order.
const std::vector<setting_description>& described_settings();
const setting_description* find_described(std::string_view path);

/// Checks a document against the schema. @param mistakes gets everything that is wrong
/// @param holes JSON pointers of what was taken out before; that it is missing is no mistake
/// @return JSON pointers of what is wrong, for whoever goes on without it
std::vector<std::string> validate(const document& chosen, std::vector<mistake>& mistakes,
                                  const std::vector<std::string>& holes = {});

/// The document with every secret in it replaced by `***`.
json masked(const json& root);

} // namespace roomcast::server::config
