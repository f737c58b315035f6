// A compiled form from somebody: a client loads what a server sends. The first octets say how a good form is
// changed; without them the bytes are loaded as they are.

#include "input.hpp"

#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/contract.hpp"
#include "roomcast/core/contract/schema.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace contract = roomcast::core::contract;
namespace fuzz = roomcast::fuzz;

const std::string& good_form() {
    static const std::string form = [] {
        std::vector<contract::mistake> mistakes;
        contract::compile_options options;
        options.formats = contract::format_rule::check;
        return contract::compile_contract(
            R"({"schemas":{"T":{"type":"object","required":["a"],"properties":{"a":{"type":"string",
            "pattern":"^[a-z\u00e9]+\\b","minLength":1,"format":"date"},"b":{"$ref":"#/schemas/T"},"c":{"enum":[1,"x",{"y":[2]}]}},
            "patternProperties":{"^x":{"multipleOf":0.5}},"additionalProperties":{"uniqueItems":true,"contains":{"const":1}},
            "propertyNames":{"maxLength":9},"dependentRequired":{"b":["a"]}}},
            "namespaces":{"/":{"is_closed":true,"receives":{"e":{"args":[{"$ref":"#/schemas/T"},{"prefixItems":[true,false],
            "items":{"type":"integer"},"unevaluatedItems":false,"x-optional":true}],"rest":{"oneOf":[{"type":"null"},{"not":{"minimum":3}}],
            "if":{"type":"string"},"then":{"maxLength":2},"else":{"unevaluatedProperties":false}},"ack":[{"x-binary":true}]}}}}})",
            options, mistakes);
    }();
    return form;
}

void use(std::string_view form) {
    constexpr std::string_view args =
        R"([{"a":"abc","b":{"a":"2024-02-29"},"c":{"y":[2.0]},"x1":1.5,"z":[1,[2],{"k":null}]},[1,2,3],null,"ab",{"q":1},4])";
    const auto loaded = contract::contract::load(form);
    const auto alone = contract::schema::load(form);
    contract::violation why;
    if (alone) (void)alone->check(args, why);
    if (!loaded) return;
    (void)loaded->is_closed("/");
    for (const auto way : {contract::direction::receives, contract::direction::sends}) {
        const auto event = loaded->find("/", way, "e");
        if (!event) continue;
        (void)event->check_args(args, why);
        (void)event->check_args(args, why, contract::attachments::present);
        (void)event->check_ack(R"([{"_placeholder":true,"num":0}])", why, contract::attachments::present);
        (void)to_json(why);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    use({reinterpret_cast<const char*>(data), size});

    fuzz::input in{data, size};
    std::string changed = good_form();
    fuzz::require(contract::contract::load(changed).has_value(), "the good form is loaded");
    while (!in.is_empty()) {
        const std::size_t at = (in.octet() * 256U + in.octet()) % changed.size();
        changed[at] = static_cast<char>(in.octet());
    }
    use(changed);
    return 0;
}
