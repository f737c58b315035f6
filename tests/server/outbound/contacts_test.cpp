#include "outbound/contacts.hpp"

#include "outbound/client.hpp"

#include "local_server.hpp"

#include <gtest/gtest.h>

#include <future>

namespace roomcast::server::outbound {
namespace {

using namespace std::chrono_literals;

const std::string somewhere = "http://app.example";
constexpr contacts::ending good{failure::none, 200, true};
constexpr contacts::ending unconnected{failure::connect_failed, 0, false};
constexpr contacts::ending silent{failure::timed_out, 0, true};

std::uint64_t failures(const contacts& all) {
    return all.of(purpose::forward, somewhere).failures_in_a_row;
}

TEST(OutboundContacts, CountsFailuresInARowUntilAnAnswer) {
    contacts all;
    all.note(purpose::forward, somewhere, unconnected, 1ms, 1000);
    all.note(purpose::forward, somewhere, {failure::none, 503, true}, 1ms, 2000);
    contact_figures now = all.of(purpose::forward, somewhere);
    EXPECT_EQ(now.failures_in_a_row, 2U);
    EXPECT_EQ(now.why, "status 503");
    EXPECT_EQ(now.last_failure_ms, 2000);
    EXPECT_EQ(now.last_success_ms, 0);
    all.note(purpose::forward, somewhere, good, 1ms, 3000);
    now = all.of(purpose::forward, somewhere);
    EXPECT_EQ(now.failures_in_a_row, 0U);
    EXPECT_EQ(now.last_success_ms, 3000);
    EXPECT_EQ(now.last_failure_ms, 2000);
}

TEST(OutboundContacts, OneServerIsJudgedForEachPurpose) {
    contacts all;
    all.note(purpose::webhook, somewhere, {failure::none, 404, true}, 1ms, 1000);
    all.note(purpose::forward, somewhere, {failure::none, 404, true}, 1ms, 1000);
    EXPECT_EQ(all.of(purpose::webhook, somewhere).failures_in_a_row, 1U);
    EXPECT_EQ(all.of(purpose::forward, somewhere).failures_in_a_row, 0U);
    EXPECT_EQ(all.of(purpose::callout, somewhere).last_failure_ms, 0);
}

TEST(OutboundContacts, OurOwnBoundsSayNothingAboutTheServer) {
    contacts all;
    for (const failure why : {failure::queue_full, failure::invalid_request, failure::stopped}) {
        all.note(purpose::forward, somewhere, {why, 0, false}, 0ms, 1000);
    }
    EXPECT_EQ(failures(all), 0U);
    EXPECT_EQ(all.by_purpose()[static_cast<std::size_t>(purpose::forward)].failed, 3U);
}

TEST(OutboundContacts, AConnectionHealsOnlyTheWantOfOne) {
    contacts all;
    all.note(purpose::forward, somewhere, unconnected, 1ms, 1000);
    all.note_check(purpose::forward, somewhere, {failure::none, 0, true}, 2000);
    EXPECT_EQ(failures(all), 0U);
    all.note(purpose::forward, somewhere, silent, 1ms, 3000);
    all.note_check(purpose::forward, somewhere, {failure::none, 0, true}, 4000);
    EXPECT_EQ(failures(all), 1U);
}

TEST(OutboundContacts, ChecksWhatWasNotHeardOfForAWhileAndOnce) {
    contacts all;
    const auto is_due = [&](std::int64_t heard_ms, bool is_failing, std::int64_t now_ms) {
        return all.take_check(purpose::forward, somewhere, heard_ms, is_failing, now_ms);
    };
    EXPECT_TRUE(is_due(0, false, 1000));
    EXPECT_FALSE(is_due(0, false, 1001));
    EXPECT_FALSE(is_due(20'000, false, 40'000));
    EXPECT_TRUE(is_due(20'000, false, 50'000));
    EXPECT_FALSE(is_due(50'000, true, 51'999));
    EXPECT_TRUE(is_due(50'000, true, 52'000));
    EXPECT_TRUE(is_due(50'000, false, 10)) << "the clock was set back";
}

TEST(OutboundContacts, TheClientNotesWhatCameOfItsRequests) {
    local_server server{[](const std::string&) { return local_server::answer{local_server::ok("{}")}; }};
    client one;
    std::promise<void> told;
    request what;
    what.url = server.url("/secret?token=1");
    what.what = purpose::keys;
    one.send(what, [&](const response&) { told.set_value(); });
    told.get_future().wait();
    const std::string origin = server.url("");
    EXPECT_GT(one.contact().of(purpose::keys, origin).last_success_ms, 0);
    const purpose_figures keys = one.contact().by_purpose()[static_cast<std::size_t>(purpose::keys)];
    EXPECT_EQ(keys.succeeded, 1U);
    EXPECT_GT(keys.times.sum_s, 0);
}

TEST(OutboundContacts, ACheckConnectsAndItsConnectionIsUsedByTheNextRequest) {
    local_server server{[](const std::string&) { return local_server::answer{local_server::ok("{}")}; }};
    client one;
    const auto ask = [&](bool is_check) {
        auto told = std::make_shared<std::promise<response>>();
        auto result = told->get_future();
        const auto done = [told](response got) { told->set_value(std::move(got)); };
        if (is_check) {
            one.check({purpose::forward, server.url(""), {}}, 5s, done);
        } else {
            request what;
            what.url = server.url("/");
            what.method = "POST";
            one.send(what, done);
        }
        return result.get();
    };
    EXPECT_EQ(ask(true).why, failure::none);
    EXPECT_EQ(ask(true).why, failure::none);
    EXPECT_EQ(server.requests().size(), 0U);
    EXPECT_EQ(ask(false).status, 200U);
    EXPECT_EQ(server.connections(), 1);
    EXPECT_GT(one.contact().of(purpose::forward, server.url("")).last_success_ms, 0);
}

} // namespace
} // namespace roomcast::server::outbound
