#pragma once

#include "roomcast/core/sio/decoder.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::server {

/// JSON text to be sent as it is. Checked when it becomes an argument; text that is not JSON is a mistake of
/// the caller (std::invalid_argument).
struct json {
    std::string text;
};

/// Bytes to be sent as a binary attachment.
struct binary {
    std::string bytes;
};

/// The arguments of an event or of an acknowledgement: a JSON array in text, and its attachments.
/// Values convert as one expects: `args{"text", 42, true, json{R"({"a":1})"}, binary{bytes}}`.
/// @thread A value; not shared between threads.
class args {
public:
    /// One argument.
    class value {
    public:
        value(std::nullptr_t) : text_("null") {}
        value(const char* text) : value(std::string_view{text}) {}
        value(std::string_view text);
        value(const std::string& text) : value(std::string_view{text}) {}
        template <std::same_as<bool> Bool>
        value(Bool given) : text_(given ? "true" : "false") {}
        template <std::integral Number>
        requires(!std::same_as<Number, bool>) value(Number number) : text_(std::to_string(number)) {}
        /// Not a number and infinities become null, as in JSON.stringify.
        value(double number);
        value(json given);
        value(binary given);
        /// A list of values.
        value(const std::vector<std::string>& texts);

    private:
        friend class args;
        std::string text_;
        std::optional<std::string> part_;
    };

    args() = default;
    args(std::initializer_list<value> values);
    /// @param checked_array JSON array text that was checked already, e.g. of an event that is relayed
    /// @param parts the binary parts that its placeholders name, nullptr: none
    static args from_checked(std::string checked_array, core::sio::attachments parts = nullptr) {
        args made;
        made.text_ = std::move(checked_array);
        made.parts_ = std::move(parts);
        return made;
    }

    /// `[…]`
    const std::string& text() const { return text_; }
    const core::sio::attachments& parts() const { return parts_; }
    /// The same list with an event's name in front.
    std::string text_with_name(std::string_view name) const;

private:
    std::string text_ = "[]";
    core::sio::attachments parts_;
};

/// Read access to received arguments. Accessors look at the text when they are called; nothing is parsed
/// ahead.
class arguments {
public:
    arguments() = default;
    /// @param checked_array JSON array; @param skip elements in front that do not count (an event's name)
    arguments(std::string_view checked_array, core::sio::attachments parts, std::size_t skip);

    std::size_t size() const { return elements_.size(); }
    /// The JSON text of an argument; empty when there is none at this index.
    std::string_view json(std::size_t index) const;
    std::optional<std::string> text(std::size_t index) const;
    std::optional<std::int64_t> integer(std::size_t index) const;
    std::optional<double> number(std::size_t index) const;
    std::optional<bool> boolean(std::size_t index) const;
    /// The bytes of a binary argument, nullptr when it is none.
    const std::string* bytes(std::size_t index) const;
    /// All arguments from `first` on, to be sent on as they came, attachments included.
    args copy(std::size_t first = 0) const;
    /// One argument to be sent on.
    args pick(std::size_t index) const;
    const core::sio::attachments& parts() const { return parts_; }

private:
    std::vector<std::string_view> elements_;
    core::sio::attachments parts_;
};

} // namespace roomcast::server
