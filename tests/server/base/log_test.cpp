#include "base/log.hpp"

#include <gtest/gtest.h>

#include <spdlog/sinks/sink.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace roomcast::server::base {
namespace {

/// Keeps lines as they would be printed.
class kept_lines final : public spdlog::sinks::sink {
public:
    void log(const spdlog::details::log_msg& line) override {
        spdlog::memory_buf_t formatted;
        formatter_->format(line, formatted);
        text.append(formatted.data(), formatted.size());
    }
    void flush() override {}
    void set_pattern(const std::string&) override {}
    void set_formatter(std::unique_ptr<spdlog::formatter> by) override { formatter_ = std::move(by); }

    std::string text;

private:
    std::unique_ptr<spdlog::formatter> formatter_;
};

/// An argument that tells whether anybody made text of it.
struct watched {
    int* formatted;
};

} // namespace
} // namespace roomcast::server::base

template <>
struct fmt::formatter<roomcast::server::base::watched> : fmt::formatter<int> {
    template <class Context>
    auto format(const roomcast::server::base::watched& one, Context& context) const {
        ++*one.formatted;
        return fmt::formatter<int>::format(0, context);
    }
};

namespace roomcast::server::base {
namespace {

class Log : public testing::Test {
protected:
    void SetUp() override {
        use_levels(log_level::info, {});
        use_format(log_format::text);
        use_sampling({0, 10'000});
        use_sink(lines_);
    }
    void TearDown() override {
        use_sampling({});
        use_sink(nullptr);
    }
    /// What stands behind the time.
    std::string text() const {
        constexpr std::size_t time_length = std::string_view{"2026-01-01T00:00:00.000 "}.size();
        std::string all;
        std::string_view rest = lines_->text;
        while (!rest.empty()) {
            const std::string_view line = rest.substr(0, rest.find('\n') + 1);
            rest.remove_prefix(line.size());
            all += line.substr(time_length);
        }
        return all;
    }
    /// What stands behind the time, in JSON.
    std::string json() const { return lines_->text.substr(lines_->text.find("\"level\"")); }

    std::shared_ptr<kept_lines> lines_ = std::make_shared<kept_lines>();
};

TEST_F(Log, WritesLinesForPeople) {
    log("http").warn(about{}.with("connection", "c1").with("namespace", "/").with("count", 3U), "a {} line",
                     "new");
    EXPECT_EQ(text(), "warn  [http] a new line conn=c1 ns=/ count=3\n");
}

TEST_F(Log, WritesJson) {
    use_format(log_format::json);
    log("http").warn(about{}.with("connection", "c1").with("count", 3U), "a {} line", "\"new\"");
    EXPECT_EQ(json(),
              R"("level":"warn","scope":"http","message":"a \"new\" line","connection":"c1","count":3})"
              "\n");
    EXPECT_EQ(lines_->text.substr(0, 9), R"({"time":")");
}

TEST_F(Log, PrintsALineAsItIsForPeopleAlone) {
    EXPECT_TRUE(print("🚀 \x1b[1mA service\n"));
    EXPECT_EQ(lines_->text, "🚀 \\x1b[1mA service\\n\n");
    use_format(log_format::json);
    EXPECT_FALSE(print("another"));
    EXPECT_EQ(lines_->text.find("another"), std::string::npos);
}

TEST_F(Log, LeavesOutWhatIsNotKnown) {
    log("http").info(about{}.with("user", "").with("address", "::1"), "a line");
    EXPECT_EQ(text(), "info  [http] a line address=::1\n");
}

TEST_F(Log, HoldsToTheLevelOfEachScope) {
    use_levels(log_level::warn, {{"auth", log_level::debug}, {"api", log_level::off}});
    log("auth").debug("of auth");
    log("http").info("of http");
    log("http").warn("of http, too");
    log("api").error("of api");
    EXPECT_EQ(text(), "debug [auth] of auth\nwarn  [http] of http, too\n");
}

TEST_F(Log, MakesNoTextOfWhatIsNotWritten) {
    int formatted = 0;
    log("http").debug("{}", watched{&formatted});
    EXPECT_EQ(formatted, 0);
    log("http").info("{}", watched{&formatted});
    EXPECT_EQ(formatted, 1);
}

TEST_F(Log, LetsNoTextBeginALineOrTurnOne) {
    log("rules").info(about{}.with("user", "a\nb"), "{}",
                      "x\r\n2026 [app] ✓ forged\x1b[2J\x7f\xC2\x9B\xE2\x80\xAEz");
    EXPECT_EQ(text(),
              "info  [rules] x\\r\\n2026 [app] ✓ forged\\x1b[2J\\x7f\\u009b\\u202ez user=\"a\\nb\"\n");
}

TEST_F(Log, ShowsTheEndOfEachFieldInLinesForPeople) {
    log("rules").info(about{}.with("user", "x conn=other").with("room", "a\"b"), "a line");
    EXPECT_EQ(text(), "info  [rules] a line user=\"x conn=other\" room=\"a\\\"b\"\n");
}

TEST_F(Log, WritesBytesThatAreNoTextSoThatTheyAreSeen) {
    log("rules").info(about{}.with("user", "\xC3\x28"), "\xFFx\xE2\x82");
    EXPECT_EQ(text(), "info  [rules] \\xffx\\xe2\\x82 user=\\xc3(\n");
}

TEST_F(Log, WritesValidJsonWhateverTheBytes) {
    use_format(log_format::json);
    log("rules").info(about{}.with("user", std::string_view{"\0\xED\xA0\x80", 4}), "\xFF\x7F\t\x01\\");
    EXPECT_EQ(json(), R"("level":"info","scope":"rules","message":"\ufffd\u007f\t\u0001\\",)"
                      R"("user":"\u0000\ufffd\ufffd\ufffd"})"
                      "\n");
}

TEST_F(Log, BoundsTheLengthOfALine) {
    const std::string endless(1'000'000, 'x');
    log("rules").info(about{}.with("user", endless).with("event", endless), "{}", endless);
    EXPECT_LT(lines_->text.size(), 2700U);
    EXPECT_NE(lines_->text.find("x… user="), std::string::npos);
}

TEST_F(Log, CutsBetweenCharacters) {
    std::string euros;
    for (int i = 0; i < 1000; ++i) euros += "€";
    log("rules").info("{}", euros);
    EXPECT_EQ(text().find("\\x"), std::string::npos);
}

TEST_F(Log, CountsWhatIsTooMuchAndSaysSo) {
    use_sampling({2, 3'600'000});
    const std::uint64_t before = lines_kept_back();
    for (int i = 0; i < 5; ++i) log("hub").info("line {} of a test of counting", i);
    log("hub").info("another kind in a test of counting");
    EXPECT_EQ(lines_kept_back() - before, 3U);
    tell_all_kept_back();
    EXPECT_EQ(text(), "info  [hub] line 0 of a test of counting\n"
                      "info  [hub] line 1 of a test of counting\n"
                      "info  [hub] another kind in a test of counting\n"
                      "info  [hub] … 3 lines left out like: line … of a test of counting left_out=3\n");
}

TEST_F(Log, SaysHowMuchWasLostWithLinesThatWereLeftOut) {
    use_sampling({1, 3'600'000});
    for (const std::uint64_t count : {7U, 20U, 13U})
        log("api").error(about{}.losing(count), "events were given up");
    tell_all_kept_back();
    EXPECT_EQ(text(), "error [api] events were given up lost=7\n"
                      "error [api] … 2 lines left out like: events were given up left_out=2 lost=33\n");
}

TEST_F(Log, WritesAllThatTheProgramSaysOfItself) {
    use_sampling({1, 3'600'000});
    for (int i = 0; i < 3; ++i) log("app").error("mistake {}", i);
    EXPECT_EQ(text(), "error [app] mistake 0\nerror [app] mistake 1\nerror [app] mistake 2\n");
}

TEST_F(Log, CountsReadyMadeLinesByTheirKind) {
    use_sampling({1, 3'600'000});
    for (const char* words : {"a", "b", "c"})
        log("rules").write(log_level::info, {}, "the rule of this test", words);
    tell_all_kept_back();
    EXPECT_EQ(text(),
              "info  [rules] a\ninfo  [rules] … 2 lines left out like: the rule of this test left_out=2\n");
}

TEST(LogLevel, IsReadAsItIsNamed) {
    EXPECT_EQ(log_level_of("warn"), log_level::warn);
    EXPECT_EQ(log_level_of("off"), log_level::off);
    EXPECT_EQ(log_level_of("warning"), std::nullopt);
    EXPECT_EQ(name_of(log_level::trace), "trace");
}

} // namespace
} // namespace roomcast::server::base
