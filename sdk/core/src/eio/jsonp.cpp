#include "roomcast/core/eio/jsonp.hpp"

#include "roomcast/core/eio/request.hpp"
#include "roomcast/core/value.hpp"

namespace roomcast::core::eio {

std::string jsonp_index(std::string_view asked) {
    std::string digits;
    for (const char each : asked) {
        if (each >= '0' && each <= '9') digits += each;
    }
    return digits;
}

std::string wrap_jsonp(std::string_view index, std::string_view payload) {
    std::string script = "___eio[";
    script += index;
    script += "](";
    std::string literal;
    value::append_string(literal, payload);
    // In a script U+2028 and U+2029 end a line even within a string.
    for (std::size_t at = 0; at < literal.size();) {
        const std::string_view rest = std::string_view{literal}.substr(at);
        if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
            script += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
            at += 3;
        } else {
            script += literal[at++];
        }
    }
    script += ");";
    return script;
}

std::optional<std::string> unwrap_jsonp(std::string_view form) {
    while (!form.empty()) {
        const std::size_t end = form.find('&');
        const std::string_view pair = form.substr(0, end);
        form = end == std::string_view::npos ? std::string_view{} : form.substr(end + 1);
        if (!pair.starts_with("d=")) continue;
        const std::string escaped = percent_decode(pair.substr(2));
        std::string payload;
        payload.reserve(escaped.size());
        // The client writes a line feed as `\n`, and what was `\n` already as `\\n`.
        for (std::size_t at = 0; at < escaped.size();) {
            const std::string_view rest = std::string_view{escaped}.substr(at);
            if (rest.starts_with("\\\\n")) {
                payload += "\\n";
                at += 3;
            } else if (rest.starts_with("\\n")) {
                payload += '\n';
                at += 2;
            } else {
                payload += escaped[at++];
            }
        }
        return payload;
    }
    return std::nullopt;
}

} // namespace roomcast::core::eio
