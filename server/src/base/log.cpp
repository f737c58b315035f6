#include "base/log.hpp"

#include "roomcast/core/bytes.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>
#include <string>

namespace roomcast::server::base {

namespace {

constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info", "warn", "error", "off"};
/// Longest message and longest text of a field, in bytes; more is cut.
constexpr std::size_t longest_message = 2000;
constexpr std::size_t longest_text = 256;
/// A template of the operator's with a peer's words in it.
constexpr std::size_t longest_ready_made = 500;
constexpr std::string_view cut_mark = "…";
constexpr std::size_t app_scope = log_scope{"app"}.index();

/// The names of fields in lines for people, where they are shorter.
std::string_view short_name(std::string_view name) {
    if (name == "connection") return "conn";
    if (name == "namespace") return "ns";
    return name;
}

std::string_view shortened(std::string_view text, std::size_t longest, bool& is_cut) {
    is_cut = text.size() > longest;
    if (!is_cut) return text;
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end);
}

void append_hex(std::string& out, unsigned value, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        out += "0123456789abcdef"[(value >> static_cast<unsigned>(shift)) & 0xFU];
    }
}

/// Would it begin another line, move a terminal's cursor, or turn the order of what stands there?
/// @param one a character of several bytes in UTF-8
bool is_treacherous(std::string_view one) {
    return (one >= "\xC2\x80" && one < "\xC2\xA0") ||          // C1 controls
           (one >= "\xE2\x80\xA8" && one <= "\xE2\x80\xAE") || // ends of lines, overrides
           (one >= "\xE2\x81\xA6" && one <= "\xE2\x81\xA9");   // isolates
}

unsigned code_point(std::string_view one) {
    unsigned code = static_cast<unsigned char>(one[0]) & (one.size() == 2 ? 0x1FU : 0x0FU);
    for (const char each : one.substr(1)) code = (code << 6U) | (static_cast<unsigned char>(each) & 0x3FU);
    return code;
}

enum class quoting : std::uint8_t { none, text, json };

/// Appends what a peer may have written, so that it can be nothing but text where it stands.
void append_escaped(std::string& out, std::string_view given, std::size_t longest, quoting how) {
    bool is_cut = false;
    const std::string_view text = shortened(given, longest, is_cut);
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        const auto first = static_cast<unsigned char>(*at);
        if (first >= 0x80) {
            const std::size_t length = core::utf8_length(at, end);
            const std::string_view one{at, std::max<std::size_t>(length, 1)};
            if (length == 0) {
                if (how == quoting::json) {
                    out += "\\ufffd";
                } else {
                    out += "\\x";
                    append_hex(out, first, 2);
                }
            } else if (is_treacherous(one)) {
                out += "\\u";
                append_hex(out, code_point(one), 4);
            } else {
                out += one;
            }
            at += one.size();
            continue;
        }
        ++at;
        const bool is_quote = first == '"' || first == '\\';
        if (first == '\n') {
            out += "\\n";
        } else if (first == '\r') {
            out += "\\r";
        } else if (first == '\t') {
            out += "\\t";
        } else if (first < 0x20 || first == 0x7F) {
            out += how == quoting::json ? "\\u00" : "\\x";
            append_hex(out, first, 2);
        } else {
            if (is_quote && how != quoting::none) out += '\\';
            out += static_cast<char>(first);
        }
    }
    if (is_cut) out += cut_mark;
}

/// A field's text in a line for people: in quotes where its end could not be seen.
void append_value(std::string& out, std::string_view text) {
    const bool is_plain = text.find_first_of(" \"\\=\t\r\n") == std::string_view::npos;
    if (!is_plain) out += '"';
    append_escaped(out, text, longest_text, is_plain ? quoting::none : quoting::text);
    if (!is_plain) out += '"';
}

void append_time(std::string& out, bool is_utc) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    const auto seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    if (is_utc) {
        ::gmtime_r(&seconds, &parts);
    } else {
        ::localtime_r(&seconds, &parts);
    }
    char text[40];
    out.append(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts));
    const std::string fraction = std::to_string(ms % 1000);
    out += '.';
    out.append(3 - fraction.size(), '0');
    out += fraction;
    if (is_utc) out += 'Z';
}

std::string json_line(log_level level, std::string_view scope, const about& what, std::string_view message) {
    std::string out = "{\"time\":\"";
    append_time(out, true);
    out += "\",\"level\":\"";
    out += name_of(level);
    out += "\",\"scope\":\"";
    out += scope;
    out += "\",\"message\":\"";
    append_escaped(out, message, longest_message, quoting::json);
    out += '"';
    for (const about::field& each : what) {
        out += ",\"";
        out += each.name;
        out += "\":";
        if (each.is_number) {
            out += std::to_string(each.number);
        } else {
            out += '"';
            append_escaped(out, each.text, longest_text, quoting::json);
            out += '"';
        }
    }
    out += '}';
    return out;
}

std::string text_line(log_level level, std::string_view scope, const about& what, std::string_view message) {
    std::string out;
    append_time(out, false);
    out += ' ';
    out += name_of(level);
    out.append(6 - name_of(level).size(), ' ');
    out += '[';
    out += scope;
    out += "] ";
    append_escaped(out, message, longest_message, quoting::none);
    for (const about::field& each : what) {
        out += ' ';
        out += short_name(each.name);
        out += '=';
        if (each.is_number) {
            out += std::to_string(each.number);
        } else {
            append_value(out, each.text);
        }
    }
    return out;
}

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// The words of a kind of lines with their gaps.
std::string with_gaps(std::string_view format) {
    std::string out;
    for (std::size_t i = 0; i < format.size(); ++i) {
        if (format[i] != '{') {
            out += format[i];
            continue;
        }
        out += cut_mark;
        i = std::min(format.find('}', i), format.size());
    }
    return out;
}

/// A line as it is, and its end.
std::shared_ptr<spdlog::sinks::sink> prepared(std::shared_ptr<spdlog::sinks::sink> to) {
    to->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::local, "\n"));
    return to;
}

} // namespace

/// Where the lines of all scopes come together.
class log_desk {
public:
    log_desk() {
        for (std::size_t i = 0; i < loggers_.size(); ++i) loggers_[i].scope_ = i;
    }
    /// The one of the process: lines come from everywhere, and standard output is one as well.
    static log_desk& here() {
        static log_desk only;
        return only;
    }

    logger& of(std::size_t scope) { return loggers_[scope]; }
    void use(log_format how) { format_ = how; }
    void use(log_level all, const std::vector<std::pair<std::string_view, log_level>>& scopes) {
        for (std::size_t i = 0; i < loggers_.size(); ++i) {
            log_level chosen = all;
            for (const auto& [name, level] : scopes) {
                if (name == log_scopes[i]) chosen = level;
            }
            loggers_[i].level_ = chosen;
        }
    }
    void use(std::shared_ptr<spdlog::sinks::sink> to) {
        if (!to) to = std::make_shared<spdlog::sinks::stdout_sink_mt>();
        const std::lock_guard guard{writing_};
        sink_ = prepared(std::move(to));
    }
    flood_gate& gate() { return gate_; }

    void tell(const std::vector<flood_gate::tally>& kept_back) {
        for (const flood_gate::tally& each : kept_back) {
            const bool is_any = each.group == flood_gate::any_group;
            const auto level = is_any ? log_level::warn : static_cast<log_level>(each.group & 0xFFU);
            const std::size_t scope = is_any ? 0 : each.group >> 8U;
            about what;
            what.with("left_out", each.count);
            if (each.lost > 0) what.with("lost", each.lost);
            write(level, scope, what,
                  "… " + std::to_string(each.count) + (each.count == 1 ? " line" : " lines") +
                      " left out like: " + with_gaps(each.kind));
        }
    }
    void write(log_level level, std::size_t scope, const about& what, std::string_view message) {
        const std::string line = format_ == log_format::json
                                     ? json_line(level, log_scopes[scope], what, message)
                                     : text_line(level, log_scopes[scope], what, message);
        put_down(line);
    }
    bool print(std::string_view line) {
        if (format_ == log_format::json) return false;
        std::string safe;
        append_escaped(safe, line, longest_message, quoting::none);
        put_down(safe);
        return true;
    }

private:
    void put_down(std::string_view line) {
        const std::lock_guard guard{writing_};
        const spdlog::details::log_msg whole{spdlog::string_view_t{}, spdlog::level::info,
                                             spdlog::string_view_t{line.data(), line.size()}};
        sink_->log(whole);
    }

    std::array<logger, log_scopes.size()> loggers_;
    std::atomic<log_format> format_{log_format::text};
    flood_gate gate_;
    /// Guards the sink: it may be replaced, and tests' own ones are not all safe for several threads.
    std::mutex writing_;
    std::shared_ptr<spdlog::sinks::sink> sink_ = prepared(std::make_shared<spdlog::sinks::stdout_sink_mt>());
};

void logger::put(log_level level, const about& what, std::string_view kind, fmt::string_view said,
                 fmt::format_args arguments) {
    log_desk& desk = log_desk::here();
    const std::int64_t now = now_ms();
    desk.tell(desk.gate().take_due(now));
    if (scope_ != app_scope) {
        const auto group = static_cast<std::uint32_t>(scope_ << 8U) | static_cast<std::uint32_t>(level);
        if (!desk.gate().pass(kind, group, now, what.lost())) return;
    }
    fmt::memory_buffer message;
    fmt::vformat_to(fmt::appender(message), said, arguments);
    desk.write(level, scope_, what, {message.data(), message.size()});
}

void logger::write(log_level level, const about& what, std::string_view kind, std::string_view text) {
    if (!is_on(level)) return;
    bool is_cut = false;
    text = shortened(text, longest_ready_made, is_cut);
    const std::string_view mark = is_cut ? cut_mark : std::string_view{};
    put(level, what, kind, "{}{}", fmt::make_format_args(text, mark));
}

std::optional<log_level> log_level_of(std::string_view word) {
    const auto found = std::find(level_names.begin(), level_names.end(), word);
    if (found == level_names.end()) return std::nullopt;
    return static_cast<log_level>(found - level_names.begin());
}

std::string_view name_of(log_level level) {
    return level_names[static_cast<std::size_t>(level)];
}

logger& log(log_scope scope) {
    return log_desk::here().of(scope.index());
}

bool print(std::string_view line) {
    return log_desk::here().print(line);
}

void use_format(log_format how) {
    log_desk::here().use(how);
}

void use_levels(log_level all, const std::vector<std::pair<std::string_view, log_level>>& scopes) {
    log_desk::here().use(all, scopes);
}

void use_sampling(flood_gate::bounds chosen) {
    log_desk::here().gate().use(chosen);
}

void use_sink(std::shared_ptr<spdlog::sinks::sink> to) {
    log_desk::here().use(std::move(to));
}

void tell_kept_back() {
    log_desk::here().tell(log_desk::here().gate().take_due(now_ms()));
}

void tell_all_kept_back() {
    log_desk::here().tell(log_desk::here().gate().take_all());
}

std::uint64_t lines_kept_back() {
    return log_desk::here().gate().kept_back();
}

} // namespace roomcast::server::base
