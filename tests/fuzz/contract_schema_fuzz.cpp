// A schema in the first line, a value in the rest. What holds for every schema and every value holds here,
// too.

#include "input.hpp"

#include "json_oracle.hpp"

#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/schema.hpp"
#include "roomcast/core/value.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace contract = roomcast::core::contract;
namespace fuzz = roomcast::fuzz;
namespace value = roomcast::core::value;

/// Small bounds, so that one input is quick.
contract::compile_options options() {
    contract::compile_options out;
    out.formats = contract::format_rule::check;
    out.bounds.max_pattern_steps = 500;
    out.bounds.max_pattern_states = 100;
    out.bounds.max_nodes = 1000;
    return out;
}

struct verdict {
    bool is_compiled = false;
    bool is_right = false;
    contract::violation why;
};

verdict judge(const std::string& schema, std::string_view text) {
    verdict out;
    std::vector<contract::mistake> mistakes;
    const auto chosen = options();
    const std::string form = contract::compile_schema(schema, "", chosen, mistakes);
    fuzz::require(form.empty() != mistakes.empty(), "there is a form or a mistake");
    if (form.empty()) return out;
    const auto loaded = contract::schema::load(form, chosen.bounds);
    fuzz::require(loaded.has_value(), "what was compiled can be loaded");
    out.is_compiled = true;
    out.is_right = loaded->check(text, out.why);
    fuzz::require(out.is_right || !out.why.rule.empty(), "a violation names its rule");
    return out;
}

/// Did a bound end the check, and not the schema?
bool is_cut(const verdict& one) {
    return one.why.rule == "limits" || one.why.rule == "uniqueKeys";
}

/// The value with all its white space and escapes as a tree writes them.
std::string written_again(std::string_view text) {
    const nlohmann::json tree = fuzz::tree_of(text);
    return tree.is_discarded() ? std::string{} : tree.dump();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::input in{data, size};
    const std::string schema{in.line()};
    const std::string_view text = in.rest();
    if (value::check_whole(text, 100)) {
        (void)judge(schema, "null");
        return 0;
    }
    const verdict plain = judge(schema, text);
    if (!plain.is_compiled) return 0;

    // Again is the same; spelt otherwise is the same (but numbers that a tree cannot hold).
    const verdict again = judge(schema, text);
    fuzz::require(again.is_right == plain.is_right && again.why.path == plain.why.path,
                  "the same input, the same answer");

    // What every schema obeys.
    const verdict negated = judge(R"({"not":)" + schema + "}", text);
    const verdict doubled = judge(R"({"allOf":[)" + schema + "," + schema + "]}", text);
    const verdict either = judge(R"({"anyOf":[false,)" + schema + "]}", text);
    const verdict both = judge(R"({"oneOf":[)" + schema + "," + schema + "]}", text);
    // Names, anchors and references to the root mean something else a level deeper.
    const bool stays = schema.find('$') == std::string::npos;
    if (!stays || is_cut(plain)) return 0;
    if (negated.is_compiled && !is_cut(negated))
        fuzz::require(negated.is_right != plain.is_right, "not turns the answer round");
    if (doubled.is_compiled && !is_cut(doubled))
        fuzz::require(doubled.is_right == plain.is_right, "twice is the same");
    if (either.is_compiled && !is_cut(either))
        fuzz::require(either.is_right == plain.is_right, "false adds nothing");
    if (both.is_compiled && !is_cut(both)) fuzz::require(!both.is_right, "two equal schemas are never one");

    const std::string same = R"({"const":)" + std::string{text} + "}";
    const verdict itself = judge(same, text);
    if (itself.is_compiled && !is_cut(itself)) fuzz::require(itself.is_right, "a value is itself");
    const std::string rewritten = written_again(text);
    const bool has_numbers_to_lose = text.find_first_of("0123456789") != std::string_view::npos;
    if (!rewritten.empty() && !has_numbers_to_lose && !value::check_whole(rewritten, 100)) {
        const verdict other = judge(schema, rewritten);
        if (!is_cut(other)) fuzz::require(other.is_right == plain.is_right, "spelling changes nothing");
    }
    return 0;
}
