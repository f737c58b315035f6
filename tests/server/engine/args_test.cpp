#include "roomcast/server/args.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace roomcast::server {
namespace {

using texts = std::vector<std::string>;

texts parts_of(const core::sio::attachments& parts) {
    return parts ? *parts : texts{};
}
core::sio::attachments attached(texts parts) {
    return std::make_shared<const texts>(std::move(parts));
}

TEST(EngineArgs, ValuesBecomeJson) {
    EXPECT_EQ(args{}.text(), "[]");
    EXPECT_EQ((args{"a\"b", 42, -7L, true, false, nullptr, 1.5, json{R"({"a": 1})"}, std::string{"s"},
                    texts{"x", "y\n"}}
                   .text()),
              R"(["a\"b",42,-7,true,false,null,1.5,{"a": 1},"s",["x","y\n"]])");
    EXPECT_EQ((args{std::numeric_limits<std::uint64_t>::max()}.text()), "[18446744073709551615]");
}

TEST(EngineArgs, NumbersThatJsonDoesNotKnowBecomeNull) {
    EXPECT_EQ((args{std::nan(""), std::numeric_limits<double>::infinity()}.text()), "[null,null]");
}

TEST(EngineArgs, BinaryValuesBecomeNumberedPlaceholders) {
    const args some{binary{"x"}, "t", binary{"y"}};
    EXPECT_EQ(some.text(), R"([{"_placeholder":true,"num":0},"t",{"_placeholder":true,"num":1}])");
    EXPECT_EQ(parts_of(some.parts()), (texts{"x", "y"}));
}

TEST(EngineArgs, TextThatIsNotJsonIsAMistakeOfTheCaller) {
    for (const char* text : {"", "{", "nul", "1 2", "\"\xff\""}) {
        EXPECT_THROW((args{json{text}}), std::invalid_argument) << text;
    }
}

TEST(EngineArgs, NameComesInFront) {
    EXPECT_EQ(args{}.text_with_name("m"), R"(["m"])");
    EXPECT_EQ((args{1}.text_with_name("a\"")), R"(["a\"",1])");
    EXPECT_EQ(args::from_checked("[ 1 , 2]").text_with_name("m"), R"(["m", 1 , 2])");
    EXPECT_EQ(args::from_checked(" [ ]").text_with_name("m"), R"(["m" ])");
}

TEST(EngineArguments, AreReadByIndexBehindTheName) {
    const arguments given{R"(["m", "t\u00e9", 42 ,1.5,true,null,{"a":[1]}])", nullptr, 1};
    EXPECT_EQ(given.size(), 6U);
    EXPECT_EQ(given.text(0), "t\xc3\xa9");
    EXPECT_EQ(given.integer(1), 42);
    EXPECT_EQ(given.number(1), 42.0);
    EXPECT_EQ(given.number(2), 1.5);
    EXPECT_EQ(given.boolean(3), true);
    EXPECT_EQ(given.json(4), "null");
    EXPECT_EQ(given.json(5), R"({"a":[1]})");
}

TEST(EngineArguments, OtherTypesAndPlacesGiveNothing) {
    const arguments given{R"(["m","t",1.5])", nullptr, 1};
    EXPECT_EQ(given.integer(0), std::nullopt);
    EXPECT_EQ(given.integer(1), std::nullopt);
    EXPECT_EQ(given.number(0), std::nullopt);
    EXPECT_EQ(given.boolean(0), std::nullopt);
    EXPECT_EQ(given.text(1), std::nullopt);
    EXPECT_EQ(given.json(2), "");
    EXPECT_EQ(given.text(2), std::nullopt);
    EXPECT_EQ(given.bytes(0), nullptr);
    EXPECT_EQ(given.bytes(2), nullptr);
    EXPECT_EQ(arguments{}.size(), 0U);
}

TEST(EngineArguments, BytesAreThoseThatThePlaceholderNames) {
    const arguments given{
        R"(["m",{"_placeholder":true,"num":1},{"num":0},{"_placeholder":true,"num":2},{"_placeholder":1,"num":0}])",
        attached({"x", "y"}), 1};
    ASSERT_NE(given.bytes(0), nullptr);
    EXPECT_EQ(*given.bytes(0), "y");
    for (const std::size_t none : {1U, 2U, 3U, 4U}) EXPECT_EQ(given.bytes(none), nullptr) << none;
}

TEST(EngineArguments, CopyKeepsTheTextAndTheAttachments) {
    const arguments given{R"(["m", "t" ,{"_placeholder":true,"num":1}])", attached({"x", "y"}), 1};
    EXPECT_EQ(given.copy().text(), R"(["t",{"_placeholder":true,"num":1}])");
    EXPECT_EQ(parts_of(given.copy().parts()), (texts{"x", "y"}));
}

TEST(EngineArguments, CopyOfSomeTakesTheirAttachmentsOnly) {
    const arguments given{R"([{"_placeholder":true,"num":0},"t",{"_placeholder":true,"num":1}])",
                          attached({"x", "y"}), 0};
    EXPECT_EQ(given.copy(1).text(), R"(["t",{"_placeholder":true,"num":0}])");
    EXPECT_EQ(parts_of(given.copy(1).parts()), texts{"y"});
    EXPECT_EQ(given.copy(9).text(), "[]");
    EXPECT_EQ(parts_of(given.copy(9).parts()), texts{});
}

TEST(EngineArguments, PickGivesOneArgumentWithItsAttachments) {
    const arguments given{R"(["t",{"b":{"_placeholder":true,"num":1}}])", attached({"x", "y"}), 0};
    EXPECT_EQ(given.pick(0).text(), R"(["t"])");
    EXPECT_EQ(parts_of(given.pick(0).parts()), texts{});
    EXPECT_EQ(given.pick(1).text(), R"([{"b":{"_placeholder":true,"num":0}}])");
    EXPECT_EQ(parts_of(given.pick(1).parts()), texts{"y"});
    EXPECT_EQ(given.pick(2).text(), "[]");
}

TEST(EngineArguments, PickAndCopyWithoutAttachmentsGiveTheArgumentsAsTheyCame) {
    const arguments given{R"(["m","t",[1]])", nullptr, 1};
    EXPECT_EQ(given.pick(1).text(), "[[1]]");
    EXPECT_EQ(given.copy().text(), R"(["t",[1]])");
    EXPECT_EQ(given.copy(1).text(), "[[1]]");
}

} // namespace
} // namespace roomcast::server
