// roomcast-contract-print ts|cpp|asyncapi|compiled SOURCE.json: what is made from a contract, on standard
// output. `check SOURCE.json NAMESPACE EVENT ARGS`: the violation as JSON, or null.

#include "contract/generate.hpp"

#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/contract.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace contract = roomcast::core::contract;
namespace generate = roomcast::server::contract;

int main(int count, char** arguments) {
    const std::vector<std::string> words(arguments + 1, arguments + count);
    if (words.size() < 2) {
        std::cerr << "usage: roomcast-contract-print ts|cpp|asyncapi|compiled|check SOURCE.json [NAMESPACE "
                     "EVENT ARGS]\n";
        return 2;
    }
    std::ifstream file(words[1]);
    std::ostringstream text;
    text << file.rdbuf();

    std::vector<contract::mistake> mistakes;
    contract::compile_options options;
    options.unknown = contract::unknown_keyword::refuse;
    const std::string compiled = contract::compile_contract(text.str(), options, mistakes);
    for (const auto& one : mistakes) std::cerr << one.pointer << ' ' << one.message << '\n';
    if (!mistakes.empty()) return 1;

    const nlohmann::json source = nlohmann::json::parse(text.str());
    if (words[0] == "ts") {
        std::cout << generate::typescript(source);
    } else if (words[0] == "cpp") {
        std::cout << generate::cpp(source);
    } else if (words[0] == "asyncapi") {
        std::cout << generate::asyncapi(source, {{"title", "test"}, {"version", "1.0.0"}});
    } else if (words[0] == "compiled") {
        std::cout << compiled;
    } else if (words[0] == "check" && words.size() == 5) {
        const auto loaded = contract::contract::load(compiled);
        const auto event =
            loaded ? loaded->find(words[2], contract::direction::receives, words[3]) : std::nullopt;
        contract::violation why = contract::unknown_event(words[3]);
        const bool is_right = event && event->check_args(words[4], why);
        std::cout << (is_right ? "null" : to_json(why)) << '\n';
    } else {
        return 2;
    }
    return 0;
}
