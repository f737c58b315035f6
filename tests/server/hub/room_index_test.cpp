#include "hub/room_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace roomcast::server::hub {
namespace {

using names = std::vector<std::string>;

struct one_member final : member {
    using member::member;
};

/// Ids of the selected, sorted; one that is selected twice stands there twice.
names selected(const room_index& rooms, const target& whom) {
    names ids;
    rooms.select(whom, [&](const member& one) { ids.push_back(one.id()); });
    std::sort(ids.begin(), ids.end());
    return ids;
}

struct three {
    room_index rooms;
    one_member a{"a"};
    one_member b{"b"};
    one_member c{"c"};
    three() {
        for (member* each : {static_cast<member*>(&a), static_cast<member*>(&b), static_cast<member*>(&c)}) {
            rooms.add(*each);
        }
    }
};

TEST(HubRoomIndex, NoRoomsMeansEverybody) {
    three it;
    EXPECT_EQ(selected(it.rooms, {}), (names{"a", "b", "c"}));
    EXPECT_EQ(it.rooms.members(), 3U);
}

TEST(HubRoomIndex, SeveralRoomsAreAUnionAndNobodyIsChosenTwice) {
    three it;
    EXPECT_TRUE(it.rooms.join(it.a, "x"));
    EXPECT_TRUE(it.rooms.join(it.a, "y"));
    EXPECT_TRUE(it.rooms.join(it.b, "y"));
    EXPECT_EQ(selected(it.rooms, {{"x", "y"}, {}}), (names{"a", "b"}));
    EXPECT_EQ(selected(it.rooms, {{"x", "x"}, {}}), names{"a"});
    EXPECT_EQ(selected(it.rooms, {{"nobody"}, {}}), names{});
}

TEST(HubRoomIndex, ExceptTakesMembersOfARoomOut) {
    three it;
    it.rooms.join(it.a, "x");
    it.rooms.join(it.b, "x");
    it.rooms.join(it.b, "y");
    EXPECT_EQ(selected(it.rooms, {{"x"}, {"y"}}), names{"a"});
    EXPECT_EQ(selected(it.rooms, {{}, {"x"}}), names{"c"});
    EXPECT_EQ(selected(it.rooms, {{}, {"nobody"}}), (names{"a", "b", "c"}));
}

TEST(HubRoomIndex, IdIsARoomOfItsOwn) {
    three it;
    it.rooms.join(it.a, "x");
    EXPECT_EQ(selected(it.rooms, {{"b"}, {}}), names{"b"});
    EXPECT_EQ(selected(it.rooms, {{"a", "x"}, {}}), names{"a"});
    EXPECT_EQ(selected(it.rooms, {{}, {"a"}}), (names{"b", "c"}));
    EXPECT_EQ(selected(it.rooms, {{"x"}, {"a"}}), names{});
    EXPECT_EQ(it.rooms.rooms_of(it.b), names{});
}

TEST(HubRoomIndex, RoomNamedAsAnIdHasItsMembersAndTheOneOfThatId) {
    three it;
    it.rooms.join(it.a, "b");
    EXPECT_EQ(selected(it.rooms, {{"b"}, {}}), (names{"a", "b"}));
    EXPECT_EQ(selected(it.rooms, {{}, {"b"}}), names{"c"});
}

TEST(HubRoomIndex, JoinAndLeaveTellWhetherTheyChangedAnything) {
    three it;
    EXPECT_TRUE(it.rooms.join(it.a, "x"));
    EXPECT_FALSE(it.rooms.join(it.a, "x"));
    EXPECT_EQ(it.rooms.size_of("x"), 1U);
    EXPECT_TRUE(it.rooms.leave(it.a, "x"));
    EXPECT_FALSE(it.rooms.leave(it.a, "x"));
    EXPECT_EQ(it.rooms.size_of("x"), 0U);
}

TEST(HubRoomIndex, EmptyRoomIsGone) {
    three it;
    it.rooms.join(it.a, "x");
    it.rooms.join(it.b, "x");
    EXPECT_EQ(it.rooms.rooms(), 1U);
    it.rooms.leave(it.a, "x");
    it.rooms.remove(it.b);
    EXPECT_EQ(it.rooms.rooms(), 0U);
}

TEST(HubRoomIndex, RemovedMemberIsUnknown) {
    three it;
    it.rooms.join(it.a, "x");
    it.rooms.join(it.a, "y");
    it.rooms.remove(it.a);
    EXPECT_EQ(it.rooms.find("a"), nullptr);
    EXPECT_EQ(it.rooms.members(), 2U);
    EXPECT_EQ(it.rooms.rooms_of(it.a), names{});
    EXPECT_EQ(selected(it.rooms, {{"x", "y", "a"}, {}}), names{});
}

TEST(HubRoomIndex, RenamedMemberKeepsItsRooms) {
    three it;
    it.rooms.join(it.a, "x");
    it.rooms.rename(it.a, "z");
    EXPECT_EQ(it.rooms.find("a"), nullptr);
    EXPECT_EQ(it.rooms.find("z"), &it.a);
    EXPECT_EQ(selected(it.rooms, {{"x"}, {}}), names{"z"});
    EXPECT_EQ(selected(it.rooms, {{}, {"z"}}), (names{"b", "c"}));
    EXPECT_EQ(it.rooms.members(), 3U);
}

TEST(HubRoomIndex, EveryRoomIsListedWithItsSize) {
    three it;
    it.rooms.join(it.a, "x");
    it.rooms.join(it.b, "x");
    it.rooms.join(it.b, "y");
    std::map<std::string, std::size_t> seen;
    it.rooms.for_each_room([&](const std::string& name, std::size_t size) { seen.emplace(name, size); });
    EXPECT_EQ(seen, (std::map<std::string, std::size_t>{{"x", 2}, {"y", 1}}));
}

TEST(HubRoomIndex, BehavesAsSetsOfNames) {
    constexpr unsigned seed = 4711;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    const auto pick = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
    const auto room = [&] { return "r" + std::to_string(pick(6)); };
    room_index rooms;
    std::map<std::string, std::unique_ptr<one_member>> members;
    std::map<std::string, std::set<std::string>> model; // rooms by id
    int next_id = 0;
    const auto any = [&] { return std::next(model.begin(), pick(static_cast<int>(model.size())))->first; };
    for (int step = 0; step < 10'000; ++step) {
        const int action = pick(20);
        if (model.empty() || (action == 0 && model.size() < 12)) {
            const std::string id = "m" + std::to_string(next_id++);
            members[id] = std::make_unique<one_member>(id);
            rooms.add(*members[id]);
            model[id];
        } else if (action == 1) {
            const std::string id = any();
            rooms.remove(*members[id]);
            members.erase(id);
            model.erase(id);
        } else if (action == 2) {
            const std::string id = any();
            const std::string other = "n" + std::to_string(next_id++);
            rooms.rename(*members[id], other);
            members[other] = std::move(members[id]);
            members.erase(id);
            model[other] = model[id];
            model.erase(id);
        } else if (action < 9) {
            const std::string id = any();
            const std::string name = room();
            ASSERT_EQ(rooms.join(*members[id], name), model[id].insert(name).second);
        } else if (action < 14) {
            const std::string id = any();
            const std::string name = room();
            ASSERT_EQ(rooms.leave(*members[id], name), model[id].erase(name) == 1);
        } else {
            target whom;
            const auto name = [&] { return model.empty() || pick(3) != 0 ? room() : any(); };
            for (int i = pick(4); i > 0; --i) whom.rooms.push_back(name());
            for (int i = pick(3); i > 0; --i) whom.except.push_back(name());
            names expected;
            for (const auto& [id, joined] : model) {
                const auto is_named = [&, &own = id, &in = joined](const std::string& each) {
                    return each == own || in.count(each) == 1;
                };
                const bool is_in =
                    whom.rooms.empty() || std::any_of(whom.rooms.begin(), whom.rooms.end(), is_named);
                const bool is_out = std::any_of(whom.except.begin(), whom.except.end(), is_named);
                if (is_in && !is_out) expected.push_back(id);
                ASSERT_EQ(rooms.matches(*members[id], whom), is_in && !is_out);
            }
            ASSERT_EQ(selected(rooms, whom), expected);
        }
        std::map<std::string, std::size_t> sizes;
        for (const auto& [id, joined] : model) {
            for (const std::string& each : joined) ++sizes[each];
        }
        ASSERT_EQ(rooms.members(), model.size());
        ASSERT_EQ(rooms.rooms(), sizes.size());
        for (const auto& [name, size] : sizes) ASSERT_EQ(rooms.size_of(name), size);
    }
}

} // namespace
} // namespace roomcast::server::hub
