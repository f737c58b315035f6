#include "base/ids.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace roomcast::server::base {
namespace {

TEST(BaseIds, HaveTwentyCharactersOfBase64Url) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    id_maker maker{3};
    for (int i = 0; i < 1'000; ++i) {
        const std::string id = maker.next();
        EXPECT_EQ(id.size(), 20U);
        EXPECT_EQ(id.find_first_not_of(alphabet), std::string::npos) << id;
    }
}

TEST(BaseIds, AreNeverTheSame) {
    id_maker one{1};
    id_maker other{1};
    std::set<std::string> seen;
    for (int i = 0; i < 5'000; ++i) {
        seen.insert(one.next());
        seen.insert(other.next());
    }
    EXPECT_EQ(seen.size(), 10'000U);
}

TEST(BaseIds, TellTheShardThatMadeThem) {
    for (int shard = 0; shard < 256; ++shard) {
        id_maker maker{static_cast<std::uint8_t>(shard)};
        EXPECT_EQ(shard_of(maker.next()), static_cast<std::uint8_t>(shard));
    }
}

TEST(BaseIds, ArePublicUnderANameThatAnybodyCanWorkOut) {
    // printf %s lv_VI97HAXpY6yYWAAAC | sha256sum
    EXPECT_EQ(public_name("lv_VI97HAXpY6yYWAAAC"), "64df2b1453cb");
}

TEST(BaseIds, WhatCannotBeOneOfOursHasNoShard) {
    for (const char* id : {"", "abc", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAA=",
                           "AAAAAAAAAAAAAAAAAA==", "AAAAAAAAAA AAAAAAAAA", "AAAAAAAAAAAAAAAAAAA\xff"}) {
        EXPECT_EQ(shard_of(id), std::nullopt) << id;
    }
}

} // namespace
} // namespace roomcast::server::base
