// Compiled with the generated header and run: what is read is written again, and what does not fit is
// refused.
#include "contract.hpp"

#include <cstdio>
#include <string>

namespace {

using nlohmann::json;
int failed = 0;

void require(bool is_right, const char* what) {
    if (is_right) return;
    std::printf("wrong: %s\n", what);
    ++failed;
}

template <class T>
void round_trip(const char* text) {
    const json from = json::parse(text);
    require(json(from.get<T>()) == from, text);
}

template <class T>
void refused(const char* text) {
    bool has_thrown = false;
    try {
        (void)json::parse(text).get<T>();
    } catch (const json::exception&) {
        has_thrown = true;
    }
    require(has_thrown, text);
}

} // namespace

int main() {
    namespace politics = contract::politics;
    round_trip<contract::vote>(R"({"billId":"b-1","choice":"abs-tain","class":3,"weight":0.5})");
    round_trip<contract::comment>(
        R"({"text":"a","parent":{"text":"p"},"replies":[{"text":"r","replies":[]}],"author":{"id":"x","roles":["admin"]}})");
    round_trip<contract::totals>(R"({"x":1,"y":-2})");
    round_trip<contract::main::receives::join>(R"(["room"])");
    round_trip<contract::main::receives::join>(R"(["room",{"any":1}])");
    round_trip<politics::receives::vote_cast>(R"([{"billId":"b","choice":"yes"}])");
    round_trip<politics::receives::vote_cast_ack>(R"([{"ok":true,"total":4}])");
    round_trip<politics::receives::upload>(R"([{"_placeholder":true,"num":0},"name"])");
    round_trip<politics::receives::tags>(R"([1,"a","b"])");
    round_trip<politics::receives::comment>(R"([{"text":"a"},"either"])");
    round_trip<politics::sends::election_results_update>(R"([{"x":1},"2026-01-01T00:00:00Z"])");

    refused<contract::vote>(R"({"choice":"yes"})");
    refused<contract::vote>(R"({"billId":"b","choice":"maybe"})");
    refused<contract::vote>(R"({"billId":7,"choice":"yes"})");
    refused<politics::receives::vote_cast>("[]");

    politics::receives::vote_cast cast;
    cast.the_vote.bill_id = "b";
    cast.the_vote.choice = contract::choice::no;
    require(json(cast).dump() == R"([{"billId":"b","choice":"no"}])", "a struct that was filled in");
    require(std::string{politics::receives::vote_cast::name_of_event} == "vote-cast", "the name of an event");
    return failed;
}
