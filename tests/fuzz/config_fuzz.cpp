// A configuration of anybody's making: read, checked against its schema, turned into rules. The text may be
// broken in any way; what comes of it is a list of mistakes, or a program whose printed configuration makes
// the same one.

#include "fuzz/input.hpp"

#include "config/settings.hpp"
#include "rules/program.hpp"

#include <algorithm>

namespace {

namespace config = roomcast::server::config;
namespace fuzz = roomcast::fuzz;
namespace rules = roomcast::server::rules;

/// Some variables are there, one of them with what could be taken for another; the others are not.
std::optional<std::string> variable(const std::string& name) {
    if (name == "A") return "value";
    if (name == "S") return "a secret of more than thirty-two characters";
    if (name == "V") return "${A} {args.0}\n\"'";
    return std::nullopt;
}

struct outcome {
    config::loaded loaded;
    std::shared_ptr<const rules::program> program;
};

outcome read(std::string_view text) {
    outcome made;
    made.loaded = config::load(text, variable, {});
    std::vector<config::mistake> of_rules;
    made.program = rules::program::compile(made.loaded.chosen, nullptr, of_rules, made.loaded.remarks);
    config::add_new(std::move(of_rules), made.loaded.mistakes);
    return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t longest = 20'000;
    if (size > longest) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const outcome first = read(text);
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) +
                       static_cast<std::size_t>(std::count(text.begin(), text.end(), '\r')) + 1;
    for (const config::mistake& each : first.loaded.mistakes) {
        fuzz::require(each.at.line <= lines, "a mistake stands in the file");
        fuzz::require(!config::describe(each, "f").empty(), "a mistake has words");
    }
    const std::string printed = config::print(first.loaded.chosen);
    if (!first.loaded.mistakes.empty()) return 0;
    for (const auto& space : first.program->name_spaces()) {
        if (!space->is_pattern) {
            fuzz::require(first.program->find(space->key) == space.get(), "a namespace is found by its name");
        }
    }
    // Secrets are masked in it, so only its form must be right.
    const config::loaded again = config::load(printed, variable, {});
    fuzz::require(again.mistakes.empty(), "what is printed can be read");
    fuzz::require(config::print(again.chosen) == printed, "what is printed does not change any more");
    fuzz::require(config::fixed_differences(first.loaded.chosen, again.chosen).empty(),
                  "nothing fixed has changed");
    return 0;
}
