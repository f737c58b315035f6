#include "api/answers.hpp"
#include "api/secret_guard.hpp"
#include "api/settings.hpp"
#include "api/state_reader.hpp"
#include "rules/keeper.hpp"
#include "rules/revocations.hpp"
#include "rules/signature.hpp"

#include <gtest/gtest.h>

namespace api = roomcast::server::api;
namespace core = roomcast::core;
namespace outbound = roomcast::server::outbound;
namespace rules = roomcast::server::rules;
namespace server = roomcast::server;
using namespace std::chrono_literals;

TEST(SecretGuard, OpensForEachOfItsSecretsAndNothingElse) {
    const api::secret_guard guard{{"one secret", "another"}};
    EXPECT_TRUE(guard.opens("one secret"));
    EXPECT_TRUE(guard.opens("another"));
    for (const char* wrong : {"", "one secre", "one secret ", "one secreT", "one secret,another"}) {
        EXPECT_FALSE(guard.opens(wrong)) << wrong;
    }
    EXPECT_FALSE(api::secret_guard{{}}.opens(""));
}

TEST(SecretGuard, FindsTheSecretInEitherHeader) {
    EXPECT_EQ(api::secret_in("Bearer x", ""), "x");
    EXPECT_EQ(api::secret_in("bearer   x", "y"), "x");
    EXPECT_EQ(api::secret_in("Basic x", "y"), "y");
    EXPECT_EQ(api::secret_in("", ""), "");
}

TEST(Times, AreWrittenAsJavaScriptAndHttpDo) {
    EXPECT_EQ(api::iso_time(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(api::iso_time(1'795'248'001'234), "2026-11-21T08:00:01.234Z");
    EXPECT_EQ(api::http_time(1'795'248'001'234), "Sat, 21 Nov 2026 08:00:01 GMT");
    EXPECT_EQ(api::http_time(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(Tags, AreFoundInAList) {
    for (const char* list : {R"("a")", R"(W/"a")", R"("b", "a")", R"("b,", W/"a" ,)", "*", R"(x, "a")"}) {
        EXPECT_TRUE(api::names_tag(list, R"("a")")) << list;
    }
    for (const char* list : {"", "a", R"("b")", R"("aa")", R"("a)", R"("b, "a)", ",,,", "W/"}) {
        EXPECT_FALSE(api::names_tag(list, R"("a")")) << list;
    }
}

TEST(Patterns, HaveStarsForAnyText) {
    EXPECT_TRUE(api::fits("election-7", "election-*"));
    EXPECT_TRUE(api::fits("", "*"));
    EXPECT_TRUE(api::fits("abcabd", "*ab*d"));
    EXPECT_TRUE(api::fits("same", "same"));
    EXPECT_FALSE(api::fits("election", "election-*"));
    EXPECT_FALSE(api::fits("x", ""));
    EXPECT_FALSE(api::fits("abc", "*b"));
}

TEST(Patterns, CostNoMoreThanLengthTimesLength) {
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "a*";
    EXPECT_FALSE(api::fits(std::string(60'000, 'a') + 'c', pattern + 'b'));
}

TEST(QueryTemplate, FillsInParametersAndNamesAMissingOne) {
    std::string wrong;
    const auto made = api::query_template::compile("a-{query.x}-{{{query.y}", wrong);
    ASSERT_TRUE(made) << wrong;
    std::string missing;
    const auto both = [](const std::string& name) -> std::optional<std::string> { return name + name; };
    EXPECT_EQ(made->render(both, missing), "a-xx-{yy");
    const auto one = [](const std::string& name) -> std::optional<std::string> {
        if (name == "x") return "1";
        return std::nullopt;
    };
    EXPECT_EQ(made->render(one, missing), std::nullopt);
    EXPECT_EQ(missing, "y");
}

TEST(QueryTemplate, KnowsNothingButTheQuery) {
    for (const char* text : {"{", "{query.}", "{args.0}", "a{query.x"}) {
        std::string wrong;
        EXPECT_FALSE(api::query_template::compile(text, wrong)) << text;
        EXPECT_NE(wrong, "");
    }
}

TEST(VerdictTable, ForgetsAfterTheTimeAndWithAnotherProgram) {
    api::verdict_table table{2};
    const auto by = std::make_shared<const rules::program>();
    constexpr core::time_point start{};
    EXPECT_EQ(table.find("a", by, start), nullptr);
    table.keep("a", {}, start + 5s, start);
    EXPECT_NE(table.find("a", by, start + 4s), nullptr);
    EXPECT_EQ(table.find("a", by, start + 5s), nullptr);
    EXPECT_EQ(table.find("a", std::make_shared<const rules::program>(), start), nullptr);
}

TEST(VerdictTable, DoesNotGrowWithEverNewCredentials) {
    api::verdict_table table{100};
    for (int i = 0; i < 1000; ++i) table.keep(std::to_string(i), {}, core::time_point{5s}, {});
    EXPECT_LE(table.size(), 100U);
}

TEST(Revocations, EndWithTheirTimeOrWhenLifted) {
    rules::revocations table{2};
    constexpr core::time_point start{};
    EXPECT_TRUE(table.add("a", start + 1h, start));
    EXPECT_TRUE(table.has("a", start + 59min));
    EXPECT_FALSE(table.has("a", start + 60min));
    EXPECT_TRUE(table.add("b", start + 2h, start));
    table.lift("b");
    EXPECT_FALSE(table.has("b", start));
}

TEST(Revocations, AreRefusedRatherThanForgottenWhenThereAreTooMany) {
    rules::revocations table{2};
    constexpr core::time_point start{};
    EXPECT_TRUE(table.add("a", start + 1h, start));
    EXPECT_TRUE(table.add("b", start + 2h, start));
    EXPECT_FALSE(table.add("c", start + 1h, start));
    EXPECT_TRUE(table.has("a", start));
    EXPECT_TRUE(table.add("c", start + 3h, start + 1h));
}

TEST(Keeper, TellsOfARoomOnceHoweverManyThreadsHaveMembers) {
    rules::keeper one;
    using server::room_change;
    EXPECT_TRUE(one.note_room("r", room_change::occupied));
    EXPECT_FALSE(one.note_room("r", room_change::occupied));
    EXPECT_FALSE(one.note_room("r", room_change::vacated));
    EXPECT_TRUE(one.note_room("r", room_change::vacated));
    EXPECT_FALSE(one.note_room("r", room_change::vacated));
}

TEST(Keeper, TheSameContentKeepsItsTagAndTime) {
    rules::keeper one;
    const server::args first{1};
    one.retain("r", "e", first, 1000, 100);
    const std::size_t tag = one.retained("r", "e")->tag;
    one.retain("r", "e", first, 1000, 200);
    EXPECT_EQ(one.retained("r", "e")->tag, tag);
    EXPECT_EQ(one.retained("r", "e")->changed_ms, 100);
    one.retain("r", "e", server::args{2}, 1000, 300);
    EXPECT_NE(one.retained("r", "e")->tag, tag);
    EXPECT_EQ(one.retained("r", "e")->changed_ms, 300);
    EXPECT_EQ(one.retained("r", "other"), nullptr);
}

TEST(Keeper, EachChangeOfOneEventHasALaterTime) {
    rules::keeper one;
    one.retain("r", "e", server::args{1}, 1000, 100);
    one.retain("r", "e", server::args{2}, 1000, 100);
    EXPECT_EQ(one.retained("r", "e")->changed_ms, 101);
    one.retain("r", "e", server::args{1}, 1000, 50); // the clock was set back
    EXPECT_EQ(one.retained("r", "e")->changed_ms, 102);
    one.retain("r", "e", server::args{2}, 1000, 200);
    EXPECT_EQ(one.retained("r", "e")->changed_ms, 200);
}

TEST(Signature, HasOneForEachSecretAndNoneWithout) {
    outbound::request what;
    what.body = "body";
    rules::sign(what, {}, 5);
    rules::sign(what, {""}, 5);
    EXPECT_TRUE(what.headers.empty());
    rules::sign(what, {"a", "b"}, 5);
    const outbound::header_list expected{
        {"X-Roomcast-Timestamp", "5"},
        {"X-Roomcast-Signature", "sha256=" + rules::hmac_sha256_hex("a", "5.body") +
                                     ", sha256=" + rules::hmac_sha256_hex("b", "5.body")}};
    EXPECT_EQ(what.headers, expected);
}
