#include "base/log.hpp"

#include "roomcast/core/value.hpp"

#include <spdlog/formatter.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <mutex>

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

} // namespace

void use_format(log_format how) {
    if (how == log_format::json) {
        spdlog::set_formatter(std::make_unique<json_formatter>());
    } else {
        spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %-5l [%n] %v");
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
