#include "engine/timer_heap.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace roomcast::server::engine {
namespace {

using core::duration;
using core::never;
using core::time_point;

constexpr time_point at(int moment) {
    return time_point{duration{moment}};
}

/// Notes its own name when its time has come.
class noting_node final : public timer_node {
public:
    noting_node(int name, std::vector<int>& into) : name_(name), into_(&into) {}
    void on_timer(time_point now) override {
        into_->push_back(name_);
        if (then) then(now);
    }
    std::function<void(time_point)> then;

private:
    int name_;
    std::vector<int>* into_;
};

struct nodes {
    timer_heap heap;
    std::vector<int> rung;
    noting_node one{1, rung};
    noting_node two{2, rung};
    noting_node three{3, rung};

    std::vector<int> run(int moment) {
        rung.clear();
        heap.run(at(moment));
        return rung;
    }
};

using names = std::vector<int>;

TEST(EngineTimerHeap, RingsTheEarliestFirst) {
    nodes some;
    some.heap.set(some.one, at(30));
    some.heap.set(some.two, at(10));
    some.heap.set(some.three, at(20));
    EXPECT_EQ(some.heap.next(), at(10));
    EXPECT_EQ(some.run(9), names{});
    EXPECT_EQ(some.run(20), (names{2, 3}));
    EXPECT_EQ(some.heap.next(), at(30));
    EXPECT_EQ(some.run(30), names{1});
    EXPECT_EQ(some.heap.next(), never);
    EXPECT_EQ(some.run(1'000), names{});
}

TEST(EngineTimerHeap, DeadlineMovesBothWays) {
    nodes some;
    some.heap.set(some.one, at(10));
    some.heap.set(some.two, at(20));
    some.heap.set(some.one, at(30));
    EXPECT_EQ(some.heap.next(), at(20));
    some.heap.set(some.one, at(5));
    EXPECT_EQ(some.heap.next(), at(5));
    EXPECT_EQ(some.heap.size(), 2U);
    EXPECT_EQ(some.run(30), (names{1, 2}));
}

TEST(EngineTimerHeap, UnsetNodeDoesNotRing) {
    nodes some;
    some.heap.set(some.one, at(10));
    some.heap.set(some.two, at(10));
    some.heap.unset(some.one);
    some.heap.unset(some.one);
    some.heap.unset(some.three);
    EXPECT_EQ(some.one.deadline(), never);
    EXPECT_EQ(some.run(10), names{2});
}

TEST(EngineTimerHeap, NodeThatIsDestroyedLeavesTheHeap) {
    nodes some;
    {
        noting_node brief{4, some.rung};
        some.heap.set(brief, at(1));
        some.heap.set(some.one, at(2));
    }
    EXPECT_EQ(some.heap.size(), 1U);
    EXPECT_EQ(some.run(2), names{1});
}

TEST(EngineTimerHeap, NodeIsUnsetWhenItRingsAndMaySetItselfAgain) {
    nodes some;
    some.one.then = [&](time_point now) {
        EXPECT_EQ(some.one.deadline(), never);
        some.heap.set(some.one, now + duration{10});
    };
    some.heap.set(some.one, at(10));
    EXPECT_EQ(some.run(15), names{1});
    EXPECT_EQ(some.heap.next(), at(25));
}

TEST(EngineTimerHeap, NodeMayUnsetOrDestroyOthersThatAreDue) {
    nodes some;
    auto other = std::make_unique<noting_node>(4, some.rung);
    some.one.then = [&](time_point) {
        some.heap.unset(some.two);
        other.reset();
    };
    some.heap.set(some.one, at(1));
    some.heap.set(some.two, at(2));
    some.heap.set(*other, at(3));
    some.heap.set(some.three, at(4));
    EXPECT_EQ(some.run(10), (names{1, 3}));
}

TEST(EngineTimerHeap, BehavesAsAListThatIsSearchedEachTime) {
    constexpr unsigned seed = 99;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    constexpr int count = 100;
    timer_heap heap;
    std::vector<int> rung;
    std::vector<std::unique_ptr<noting_node>> all;
    std::vector<time_point> model(count, never);
    for (int name = 0; name < count; ++name) all.push_back(std::make_unique<noting_node>(name, rung));
    int now = 0;
    for (int step = 0; step < 20'000; ++step) {
        const auto which = static_cast<std::size_t>(random() % count);
        switch (random() % 8) {
        case 0:
            heap.unset(*all[which]);
            model[which] = never;
            break;
        case 1:
            all[which] = std::make_unique<noting_node>(static_cast<int>(which), rung);
            model[which] = never;
            break;
        case 2: {
            now += static_cast<int>(random() % 20);
            rung.clear();
            heap.run(at(now));
            std::vector<int> due;
            for (int name = 0; name < count; ++name) {
                if (model[static_cast<std::size_t>(name)] <= at(now)) due.push_back(name);
            }
            // Those of one moment ring in any order.
            EXPECT_TRUE(std::is_sorted(rung.begin(), rung.end(), [&](int x, int y) {
                return model[static_cast<std::size_t>(x)] < model[static_cast<std::size_t>(y)];
            }));
            for (const int name : due) model[static_cast<std::size_t>(name)] = never;
            std::sort(rung.begin(), rung.end());
            ASSERT_EQ(rung, due);
            break;
        }
        default:
            model[which] = at(now + static_cast<int>(random() % 100));
            heap.set(*all[which], model[which]);
        }
        ASSERT_EQ(heap.next(), *std::min_element(model.begin(), model.end()));
        ASSERT_EQ(heap.size(),
                  static_cast<std::size_t>(count - std::count(model.begin(), model.end(), never)));
    }
}

} // namespace
} // namespace roomcast::server::engine
