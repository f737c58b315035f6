#pragma once

#include "config/settings.hpp"

#include "roomcast/server/event.hpp"
#include "roomcast/server/socket.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The configuration's event rules: templates and actions. They are checked when the configuration is loaded.
namespace roomcast::server::rules {

/// What a template may speak of.
struct subject {
    const roomcast::server::socket& sender;
    const roomcast::server::event& event;
};

/// Text with parts of an event in it: `election-{args.0}`, `{sender}`, `{args.0.id}`. `{{` stands for `{`.
class text_template {
public:
    /// @param mistakes gets what is wrong with it
    static text_template compile(const std::string& text, const config::place& at,
                                 std::vector<config::mistake>& mistakes);

    /// The text for this event; nothing when a part is missing, or is no text, number or boolean.
    std::optional<std::string> render(const subject& about) const;
    /// When the whole template is one part, such as `{args.1}`: its JSON text; else the rendered text as
    /// JSON.
    std::optional<std::string> render_json(const subject& about) const;

private:
    struct piece {
        enum class kind { literal, sender, argument };
        kind what = kind::literal;
        std::string literal;
        std::size_t index = 0;
        std::vector<std::string> members;
    };
    static std::optional<std::string_view> find(const piece& part, const subject& about);

    std::vector<piece> pieces_;
};

/// An argument list: `{args}` (all that came, as they came), or a list of values.
class args_template {
public:
    static args_template compile(const config::value_text& given, std::vector<config::mistake>& mistakes);
    std::optional<args> render(const subject& about) const;

private:
    struct node {
        config::value_text::kind what = config::value_text::kind::literal;
        std::string literal;
        text_template text;
        std::vector<node> items;
        std::vector<std::pair<std::string, node>> members;
    };
    static node compile_node(const config::value_text& given, std::vector<config::mistake>& mistakes);
    static bool append(std::string& out, const node& value, const subject& about);

    std::vector<node> items_;
    bool is_all_ = false;
};

} // namespace roomcast::server::rules
