#include "roomcast/core/eio/request.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace roomcast::core::eio {
namespace {

std::string line_of(const request_query& query) {
    return query.transport + "|" + query.version + "|" + (query.has_sid ? query.sid : "no sid");
}
std::string parsed(std::string_view raw) {
    return line_of(parse_query(raw));
}

/// What a request with this query is answered; "" when it may go on.
struct check {
    std::string query = "EIO=4&transport=polling";
    request_facts facts = {.is_get = true, .session = {}};

    std::string operator()() {
        const request_query parsed_query = parse_query(query);
        facts.query = &parsed_query;
        const auto reason = verify(facts);
        return reason ? std::string{message_of(*reason)} : "";
    }
};

TEST(EioRequestQuery, ReadsWhatTheProtocolKnowsAndIgnoresTheRest) {
    EXPECT_EQ(parsed("EIO=4&transport=polling&t=x1&sid=abc&b64"), "polling|4|abc");
    EXPECT_EQ(parsed(""), "||no sid");
    EXPECT_EQ(parsed("&&=&EIO&transport"), "||no sid");
}

TEST(EioRequestQuery, LastOfARepeatedKeyCounts) {
    EXPECT_EQ(parsed("transport=polling&EIO=3&sid=a&transport=websocket&EIO=4&sid=b"), "websocket|4|b");
    EXPECT_EQ(parsed("sid=a&sid="), "||no sid");
}

TEST(EioRequestQuery, EmptySidIsNone) {
    EXPECT_EQ(parsed("EIO=4&transport=polling&sid="), "polling|4|no sid");
}

TEST(EioRequestQuery, KeysAndValuesArePercentDecoded) {
    EXPECT_EQ(parsed("%45IO=%34&trans%70ort=poll%69ng&sid=a%2Bb+c"), "polling|4|a+b c");
}

TEST(EioRequestQuery, ValueMayHoldEqualsSigns) {
    EXPECT_EQ(parsed("sid=a=b=c"), "||a=b=c");
}

TEST(EioRequestQuery, KeysOfObjectPrototypesAreKeysLikeOthers) {
    EXPECT_EQ(parsed("__proto__=1&constructor=2&__proto__[sid]=x&EIO=4"), "|4|no sid");
    EXPECT_EQ((check{"EIO=4&transport=__proto__"}()), "Transport unknown");
    EXPECT_EQ((check{"EIO=4&transport=constructor"}()), "Transport unknown");
}

TEST(EioRequestPercentDecode, UndoesEscapesAndPlus) {
    EXPECT_EQ(percent_decode("a%20b+c%2F%c3%A4%00"), std::string("a b c/\xc3\xa4\0", 9));
}

TEST(EioRequestPercentDecode, LeavesWhatIsNoEscape) {
    for (const char* text : {"%", "%1", "%zz", "%4g", "100%", "%%", ""}) {
        EXPECT_EQ(percent_decode(text), text);
    }
    EXPECT_EQ(percent_decode("%%41"), "%A");
}

TEST(EioRequestVerify, FirstRequestsOfBothTransportsMayGoOn) {
    EXPECT_EQ(check{}(), "");
    EXPECT_EQ((check{"EIO=4&transport=websocket", {.is_get = true, .is_upgrade = true, .session = {}}}()),
              "");
}

TEST(EioRequestVerify, TransportMustBeKnownAndAllowed) {
    for (const char* query :
         {"EIO=4", "EIO=4&transport=", "EIO=4&transport=flashsocket", "EIO=4&transport=Polling"}) {
        EXPECT_EQ((check{query}()), "Transport unknown") << query;
    }
    EXPECT_EQ((check{"EIO=4&transport=polling", {.is_get = true, .allows_polling = false, .session = {}}}()),
              "Transport unknown");
    EXPECT_EQ((check{"EIO=4&transport=websocket",
                     {.is_get = true, .is_upgrade = true, .allows_websocket = false, .session = {}}}()),
              "Transport unknown");
}

TEST(EioRequestVerify, EachFaultIsNamedBeforeThoseBehindIt) {
    // A request with every fault; they are mended one after the other in the order of the checks.
    check with_sid{"transport=x&sid=S", {.is_origin_clean = false, .session = {}}};
    EXPECT_EQ(with_sid(), "Transport unknown");
    with_sid.query = "transport=websocket&sid=S";
    EXPECT_EQ(with_sid(), "Bad request"); // the origin
    with_sid.facts.is_origin_clean = true;
    EXPECT_EQ(with_sid(), "Session ID unknown");
    with_sid.facts.session = transport::polling;
    EXPECT_EQ(with_sid(), "Bad request"); // no upgrade
    with_sid.query = "transport=polling&sid=S";
    EXPECT_EQ(with_sid(), "Bad request"); // the version
    with_sid.query = "transport=polling&sid=S&EIO=4";
    EXPECT_EQ(with_sid(), "");

    check first{"transport=websocket", {.is_origin_clean = false, .session = {}}};
    EXPECT_EQ(first(), "Bad request"); // the origin
    first.facts.is_origin_clean = true;
    EXPECT_EQ(first(), "Bad handshake method");
    first.facts.is_get = true;
    EXPECT_EQ(first(), "Bad request"); // no upgrade
    first.facts.is_upgrade = true;
    EXPECT_EQ(first(), "Unsupported protocol version");
    first.query = "transport=websocket&EIO=3";
    EXPECT_EQ(first(), "Unsupported protocol version");
    first.query = "transport=websocket&EIO=4";
    EXPECT_EQ(first(), "");
}

TEST(EioRequestVerify, SessionIsOnlyReachedOverItsTransport) {
    check poll{"EIO=4&transport=polling&sid=S", {.is_get = true, .session = transport::websocket}};
    EXPECT_EQ(poll(), "Bad request");
    check plain{"EIO=4&transport=websocket&sid=S", {.is_get = true, .session = transport::websocket}};
    EXPECT_EQ(plain(), "Bad request");
    check upgrade{"EIO=4&transport=websocket&sid=S",
                  {.is_get = true, .is_upgrade = true, .session = transport::polling}};
    EXPECT_EQ(upgrade(), "");
}

TEST(EioRequestVerify, AnyMethodMayComeForASession) {
    EXPECT_EQ((check{"EIO=4&transport=polling&sid=S", {.session = transport::polling}}()), "");
}

TEST(EioRequestRefusal, BodyNamesCodeAndWords) {
    EXPECT_EQ(body_of(refusal::transport_unknown), R"({"code":0,"message":"Transport unknown"})");
    EXPECT_EQ(body_of(refusal::unknown_sid), R"({"code":1,"message":"Session ID unknown"})");
    EXPECT_EQ(body_of(refusal::bad_handshake_method), R"({"code":2,"message":"Bad handshake method"})");
    EXPECT_EQ(body_of(refusal::bad_request), R"({"code":3,"message":"Bad request"})");
    EXPECT_EQ(body_of(refusal::forbidden), R"({"code":4,"message":"Forbidden"})");
    EXPECT_EQ(body_of(refusal::unsupported_version),
              R"({"code":5,"message":"Unsupported protocol version"})");
    EXPECT_EQ(body_of(refusal::forbidden, "not \"you\""), R"({"code":4,"message":"not \"you\""})");
}

TEST(EioRequestRefusal, OnlyForbiddenHasAStatusOfItsOwn) {
    EXPECT_EQ(status_of(refusal::forbidden), 403);
    for (const refusal each :
         {refusal::transport_unknown, refusal::unknown_sid, refusal::bad_handshake_method,
          refusal::bad_request, refusal::unsupported_version}) {
        EXPECT_EQ(status_of(each), 400);
    }
}

TEST(EioRequestHeader, ControlCharactersAreNotClean) {
    EXPECT_TRUE(is_clean_header_value(""));
    EXPECT_TRUE(is_clean_header_value("https://example.org\t\x80\xff~"));
    for (const char* dirty : {"a\x01", "\x1f", "a\x7f", "a\nb"}) EXPECT_FALSE(is_clean_header_value(dirty));
}

} // namespace
} // namespace roomcast::core::eio
