// A template of an operator, filled with what a client sends. Input: what there is to speak of, the template
// up to the end of its line, then the arguments as JSON.

#include "json_oracle.hpp"

#include "fuzz/input.hpp"

#include "rules/template.hpp"

#include "roomcast/core/value.hpp"

namespace {

namespace config = roomcast::server::config;
namespace core = roomcast::core;
namespace fuzz = roomcast::fuzz;
namespace rules = roomcast::server::rules;
namespace server = roomcast::server;

constexpr std::size_t max_depth = 64;

const config::json& declared() {
    static const config::json schemas = config::json::parse(
        R"([{"type":"object","properties":{"a":{"$ref":"#/schemas/A"}},"additionalProperties":false},"A",true])");
    return schemas;
}

const config::json& named() {
    static const config::json schemas =
        config::json::parse(R"({"A":{"type":"array"},"B":{"$ref":"#/schemas/B"}})");
    return schemas;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::input given{data, size};
    const std::uint8_t flags = given.octet();
    rules::scope in;
    in.has_args = (flags & 1U) != 0;
    in.has_user = (flags & 2U) != 0;
    in.has_answer = (flags & 4U) != 0;
    in.has_reason = (flags & 8U) != 0;
    in.has_room = (flags & 16U) != 0;
    in.is_pattern = (flags & 32U) != 0;
    in.named_schemas = &named();
    if ((flags & 64U) == 0) in.argument_schemas = &declared();
    const std::string text{given.line()};
    std::vector<config::mistake> mistakes;
    const auto made = rules::text_template::compile(text, {"p", 1}, in, mistakes);
    if (!mistakes.empty() || !core::is_utf8(text)) return 0;
    // These need a socket.
    if (text.find("sender") != std::string::npos || text.find("nsp") != std::string::npos) return 0;

    const std::string args{given.rest()};
    if (core::value::check_whole(args, max_depth) || core::value::kind_of(args) != core::value::kind::array ||
        args.front() != '[') {
        return 0;
    }
    const server::socket nobody{nullptr};
    rules::visitor who;
    who.is_user = (flags & 128U) != 0;
    who.user_json = R"({"id":"u","name":null})";
    who.claims_json = R"({"role":["a",{"b":1}],"n":-1.5e3,"t":"\u0000\"é"})";
    who.matches = {"/a", "a\"\n"};
    const server::arguments came{args, nullptr, 0};
    const rules::subject about{nobody, who, came, R"({"ack":[1,"x"]})", "reason \"", "room"};

    const auto rendered = made.render(about);
    const auto json = made.render_json(about);
    if (rendered) {
        fuzz::require(core::is_utf8(*rendered), "a text is UTF-8");
        fuzz::require(json.has_value(), "what is text is JSON, too");
    }
    if (json) {
        fuzz::require(!core::value::check_whole(*json, max_depth + 1), "JSON is JSON");
        if (!rendered) {
            const auto kind = core::value::kind_of(*json);
            fuzz::require(kind == core::value::kind::null || kind == core::value::kind::array ||
                              kind == core::value::kind::object,
                          "only what is no text, number or boolean is JSON alone");
        }
    }
    if (made.is_constant()) {
        fuzz::require(rendered && *rendered == made.leading_literal(), "a constant is its own text");
    } else if (rendered) {
        fuzz::require(rendered->starts_with(made.leading_literal()), "it begins with its literal");
    }
    return 0;
}
