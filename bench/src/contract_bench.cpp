// From text to verdict: an argument as it came, checked as JSON and against its schema.
// roomcast-bench-contract FILE takes schema and texts from bench/contract.json, as the peer in Node does.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/schema.hpp"
#include "roomcast/core/limits.hpp"
#include "roomcast/core/value.hpp"

namespace {

namespace contract = roomcast::core::contract;
namespace value = roomcast::core::value;

const roomcast::core::limits bounds;

void require(bool is_right, const char* what) {
    if (is_right) return;
    std::fprintf(stderr, "roomcast-bench-contract: %s\n", what);
    std::exit(1);
}

std::string text_of(std::string_view file, std::string_view name) {
    const auto found = value::member(file, name);
    require(found.has_value(), "a member of the file is missing");
    return value::text(*found).value_or("");
}

void add(const std::string& name, const contract::schema& schema, const std::string& text, bool is_right) {
    const auto work = [schema, text](contract::violation& why) {
        return !value::check_whole(text, bounds.max_json_depth) && schema.check(text, why);
    };
    contract::violation first;
    require(work(first) == is_right, "the verdict is wrong");
    benchmark::RegisterBenchmark(name.c_str(), [work, size = text.size()](benchmark::State& state) {
        contract::violation why;
        while (state.KeepRunning()) benchmark::DoNotOptimize(work(why));
        state.counters["bytes"] = static_cast<double>(size);
    });
}

} // namespace

int main(int count, char** words) {
    benchmark::Initialize(&count, words);
    require(count == 2, "wants one file");
    std::ifstream in(words[1], std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    const std::string file = content.str();
    require(!value::check_whole(file, bounds.max_json_depth), "the file is not JSON");

    std::vector<contract::mistake> mistakes;
    contract::compile_options options;
    options.formats = contract::format_rule::check;
    const auto schema = contract::schema::load(
        contract::compile_schema(value::member(file, "schema").value_or("null"), "", options, mistakes));
    require(schema.has_value(), "the schema is not right");
    add("right", *schema, text_of(file, "right"), true);
    add("wrong", *schema, text_of(file, "wrong"), false);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
