#include "base/log.hpp"

#include "roomcast/core/value.hpp"

#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace roomcast::server::base {

namespace {

class json_formatter final : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& into) override {
        std::string text = "{\"time\":\"" + time_of(line.time) + "\",\"level\":\"";
        const auto level = spdlog::level::to_string_view(line.level);
        text.append(level.data(), level.size());
        text += "\",\"scope\":";
        core::value::append_string(text, {line.logger_name.data(), line.logger_name.size()});
        text += ",\"message\":";
        core::value::append_string(text, {line.payload.data(), line.payload.size()});
        text += "}\n";
        into.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<json_formatter>(); }

private:
    static std::string time_of(spdlog::log_clock::time_point at) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
        const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
        std::tm parts{};
        ::gmtime_r(&seconds, &parts);
        char text[40];
        const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
        std::string out(text, length);
        std::string fraction = std::to_string(ms % 1000);
        return out + '.' + std::string(3 - fraction.size(), '0') + fraction + 'Z';
    }
};

/// A message as one line, whatever peers called their things: nothing in it begins another line, moves a
/// terminal's cursor or turns the order of what stands there. JSON escapes by itself.
class printable final : public spdlog::custom_flag_formatter {
public:
    void format(const spdlog::details::log_msg& line, const std::tm&, spdlog::memory_buf_t& into) override {
        const std::string_view text{line.payload.data(), line.payload.size()};
        for (std::size_t i = 0; i < text.size();) {
            const auto first = static_cast<unsigned char>(text[i]);
            const std::size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
            const std::string_view one = text.substr(i, length);
            const bool is_control = first < 0x20 || first == 0x7F || (one >= "\xC2\x80" && one < "\xC2\xA0");
            const bool is_direction =
                (one >= "\xE2\x80\xA8" && one <= "\xE2\x80\xAE") || // ends of lines, overrides
                (one >= "\xE2\x81\xA6" && one <= "\xE2\x81\xA9");   // isolates
            const std::string_view shown = is_control || is_direction ? std::string_view{" "} : one;
            into.append(shown.data(), shown.data() + shown.size());
            i += one.size();
        }
    }
    std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
        return std::make_unique<printable>();
    }
};

} // namespace

void use_format(log_format how) {
    if (how == log_format::json) {
        spdlog::set_formatter(std::make_unique<json_formatter>());
    } else {
        auto lines = std::make_unique<spdlog::pattern_formatter>();
        lines->add_flag<printable>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%e %-5l [%n] %*");
        spdlog::set_formatter(std::move(lines));
    }
}

spdlog::logger& log(const char* scope) {
    // Guards the making of a scope's logger: two threads may log first at once. Lines need no lock of ours.
    static std::mutex making;
    if (const auto known = spdlog::get(scope)) return *known;
    const std::lock_guard guard{making};
    if (const auto known = spdlog::get(scope)) return *known;
    auto made = spdlog::default_logger()->clone(scope);
    spdlog::register_logger(made);
    return *made;
}

} // namespace roomcast::server::base
