#include "app/snapshot.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>

namespace roomcast::server::app {
namespace {

const snapshot sample{1'700'000'000'123, "of the rules", std::string{"of \0 clients", 12}};

std::string refusal_of(std::string_view bytes) {
    std::string why;
    return decode(bytes, why) ? "taken" : why;
}

/// A folder that goes with the test.
class AppSnapshotFile : public ::testing::Test {
protected:
    AppSnapshotFile() {
        std::string pattern = (std::filesystem::temp_directory_path() / "roomcast-snapshot-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        path_ = folder_ + "/state";
    }
    ~AppSnapshotFile() override { std::filesystem::remove_all(folder_); }

    std::string folder_;
    std::string path_;
};

std::error_code error_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

TEST(AppSnapshot, IsReadAsItWasWritten) {
    std::string why;
    const auto read = decode(encode(sample), why);
    ASSERT_TRUE(read) << why;
    EXPECT_EQ(read->saved_ms, sample.saved_ms);
    EXPECT_EQ(read->rules, sample.rules);
    EXPECT_EQ(read->recovery, sample.recovery);
}

TEST(AppSnapshot, CutOffAnywhereIsRefused) {
    const std::string bytes = encode(sample);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(refusal_of(std::string_view{bytes}.substr(0, size)), "it is cut off") << size;
    }
}

TEST(AppSnapshot, ChangedAnywhereIsRefused) {
    const std::string bytes = encode(sample);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int change : {0x01, 0x80, 0xff}) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(changed[at] ^ change);
            EXPECT_NE(refusal_of(changed), "taken") << at;
        }
    }
}

TEST(AppSnapshot, SaysWhatIsWrong) {
    std::string bytes = encode(sample);
    EXPECT_EQ(refusal_of("%PDF-1.7 and more than a head"), "it is no snapshot");
    EXPECT_EQ(refusal_of(bytes + "x"), "there is more behind its end");
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    EXPECT_EQ(refusal_of(bytes), "its checksum is wrong");
    bytes[std::string_view{"roomcast snapshot\n"}.size()] = 2;
    EXPECT_EQ(refusal_of(bytes), "it is of another version of this program");
}

TEST_F(AppSnapshotFile, IsForItsOwnerOnlyAndReplacesTheOneBefore) {
    std::ofstream{path_} << "before";
    ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
    write_whole(path_, "after");
    EXPECT_EQ(read_whole(path_, 100), "after");
    struct stat about {};
    ASSERT_EQ(::stat(path_.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(AppSnapshotFile, ThatIsNotThereIsNone) {
    EXPECT_EQ(read_whole(path_, 100), std::nullopt);
}

TEST_F(AppSnapshotFile, LargerThanItsBoundIsNotRead) {
    write_whole(path_, "12345");
    EXPECT_EQ(read_whole(path_, 5), "12345");
    EXPECT_EQ(error_of([&] { (void)read_whole(path_, 4); }), std::errc::file_too_large);
}

TEST_F(AppSnapshotFile, FoldersAndPipesAreNone) {
    EXPECT_EQ(error_of([&] { (void)read_whole(folder_, 1'000'000); }), std::errc::invalid_argument);
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(error_of([&] { (void)read_whole(path_, 100); }), std::errc::invalid_argument);
    EXPECT_EQ(error_of([&] { check_place(path_); }), std::errc::invalid_argument);
}

TEST_F(AppSnapshotFile, PlaceWithoutItsFolderIsNone) {
    EXPECT_FALSE(error_of([&] { check_place(path_); }));
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
    EXPECT_EQ(error_of([&] { check_place(folder_ + "/none/state"); }), std::errc::no_such_file_or_directory);
}

TEST_F(AppSnapshotFile, LinkInPlaceOfTheUnfinishedOneIsNotFollowed) {
    std::filesystem::create_symlink(folder_ + "/victim", path_ + ".new");
    EXPECT_TRUE(error_of([&] { write_whole(path_, "x"); }));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/victim"));
}

} // namespace
} // namespace roomcast::server::app
