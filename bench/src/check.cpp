#include "scenarios.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include "session.hpp"

namespace roomcast::bench {
namespace {

using namespace std::chrono_literals;

class transcript : public listener {
public:
    void on_packet(client& from, std::string_view packet, steady_time) override {
        heard_.push_back(std::to_string(from.index) + " " + std::string(packet));
    }
    void on_attachment(client& from, std::string_view bytes) override {
        heard_.push_back(std::to_string(from.index) + " binary " + std::string(bytes));
    }
    [[nodiscard]] std::size_t size() const { return heard_.size(); }
    [[nodiscard]] std::vector<std::string> take() { return std::exchange(heard_, {}); }

private:
    std::vector<std::string> heard_;
};

void expect(session& running, transcript& heard, const std::vector<std::string>& wanted) {
    running.turn_until([&] { return heard.size() >= wanted.size(); }, "waiting for an answer");
    running.pool().turn_for(30ms); // what must not come had its chance
    const auto found = heard.take();
    if (found == wanted) return;
    std::string text = "the server answered";
    for (const std::string& line : found) text += "\n  " + line;
    text += "\nwhere the rules of the bench ask for";
    for (const std::string& line : wanted) text += "\n  " + line;
    throw std::runtime_error(text);
}

} // namespace

std::string run_check(const options& chosen) {
    session running(chosen, 3);
    client_pool& pool = running.pool();
    transcript heard;
    pool.set_listener(heard);
    pool.open_ready(3, 3, running.deadline());
    client& publisher = pool.clients()[0];
    client& inside = pool.clients()[1];

    pool.send(publisher, R"(20["echo","text",1,{"deep":[true,null]}])");
    expect(running, heard, {R"(0 30["text",1,{"deep":[true,null]}])"});

    if (chosen.binary == attachments::checked) {
        pool.send(publisher, R"(51-12["echo",{"_placeholder":true,"num":0},"x"])");
        pool.send_attachment(publisher, std::string_view("\0\xff!", 3));
        expect(running, heard,
               {R"(0 61-12[{"_placeholder":true,"num":0},"x"])", "0 binary " + std::string("\0\xff!", 3)});
    }

    pool.send(inside, R"(27["join","room"])");
    expect(running, heard, {"1 37[]"});
    // Only who has joined hears it; that the publisher is not inside is part of the check.
    pool.send(publisher, R"(2["publish","room","payload"])");
    expect(running, heard, {R"(1 2["msg","payload"])"});
    pool.send(publisher, R"(28["publish","elsewhere","payload"])");
    expect(running, heard, {"0 38[]"});

    pool.close_all(1s);
    return json_object{}
        .add("scenario", std::string_view("check"))
        .add("result", std::string_view("ok"))
        .text();
}

} // namespace roomcast::bench
