#pragma once

#include "config/document.hpp"
#include "rules/visitor.hpp"

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
    const socket& sender;
    const visitor& who;
    const arguments& args;
    std::string_view answer{}; ///< of the backend: JSON text
    std::string_view reason{}; ///< of a disconnect
    std::string_view room{};
};

/// What there will be to speak of, known when the configuration is loaded.
struct scope {
    bool has_args = false;
    bool has_user = false;
    bool has_answer = false;
    bool has_reason = false;
    bool has_room = false;
    bool is_pattern = false;
    bool is_value = false; ///< it becomes a JSON value, so that it may stand for a list
    /// The declared schemas of the arguments, nullptr: none are declared.
    const config::json* argument_schemas = nullptr;
    bool has_rest = false;
    const config::json* named_schemas = nullptr; ///< `schemas` of the document
};

/// Text with parts of an event in it: `election-{args.0}`, `user:{user.id}`, `{sender}`. `{{` stands for `{`.
/// A part with a question mark, `{user.name?}`, may be missing: it is empty then (null when it stands alone).
class text_template {
public:
    /// @param mistakes gets what is wrong with it
    static text_template compile(const std::string& text, const config::place& at, const scope& in,
                                 std::vector<config::mistake>& mistakes);

    /// The text for this event; nothing when a part is missing, or is no text, number or boolean.
    std::optional<std::string> render(const subject& about) const;
    /// When the whole template is one part, such as `{args.1}`: its JSON text; else the rendered text as
    /// JSON.
    std::optional<std::string> render_json(const subject& about) const;
    /// The text for a user of whom only the id is known; nothing when it speaks of anything else.
    std::optional<std::string> render_for_user(std::string_view id) const;
    /// The text before the first part.
    std::string_view leading_literal() const;
    /// Does it speak of what the client chose: arguments, or the name of a namespace that a pattern admits?
    bool has_clients_words() const;
    bool is_constant() const { return pieces_.empty() || (pieces_.size() == 1 && is_literal(pieces_[0])); }

private:
    enum class root {
        literal,
        sender,
        nsp,
        argument,
        all_arguments,
        user,
        claims,
        answer,
        reason,
        room,
        match,
        now
    };
    struct piece {
        root what = root::literal;
        std::string literal;
        std::size_t index = 0;
        std::vector<std::string> members;
        bool is_optional = false;
    };
    static bool is_literal(const piece& part) { return part.what == root::literal; }
    static piece compile_part(std::string_view inner, const scope& in, std::string& wrong);
    /// The JSON text that a part stands for.
    static std::optional<std::string_view> find(const piece& part, const subject& about);
    /// The plain text that a part stands for, when it is no JSON.
    static std::optional<std::string> plain(const piece& part, const subject& about);

    std::vector<piece> pieces_;
};

/// A JSON value whose texts are templates.
class value_template {
public:
    static value_template compile(const config::node& given, const scope& in,
                                  std::vector<config::mistake>& mistakes);
    bool append(std::string& out, const subject& about) const;

private:
    enum class kind { literal, text, list, map };
    kind what_ = kind::literal;
    std::string literal_ = "null";
    text_template text_;
    std::vector<value_template> items_;
    std::vector<std::pair<std::string, value_template>> members_;
};

/// An argument list: `{args}` (all that came, as they came), `{answer.ack}`, or a list of values.
class args_template {
public:
    static args_template compile(const config::node& given, const scope& in,
                                 std::vector<config::mistake>& mistakes);
    std::optional<args> render(const subject& about) const;

private:
    enum class kind { list, all, answer };
    kind what_ = kind::list;
    std::vector<value_template> items_;
};

/// One or several texts, such as rooms.
using text_list = std::vector<text_template>;
text_list compile_texts(const config::node& given, const scope& in, std::vector<config::mistake>& mistakes);

} // namespace roomcast::server::rules
