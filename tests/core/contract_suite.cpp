// The official JSON Schema test suite against our compiler and validator.
//
// contract-suite TESTS EXCLUSIONS: TESTS is a directory of one draft in the suite's form, EXCLUSIONS the file
// that names what we do not claim, and why. It is exact: an excluded test that passes is a failure, too.
// (What it names and this version of the suite does not have, another version has.)

#include "roomcast/core/contract/compiler.hpp"
#include "roomcast/core/contract/schema.hpp"
#include "roomcast/core/value.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace contract = roomcast::core::contract;
namespace value = roomcast::core::value;

/// What of the suite's optional part we claim; formats are checked there, and nowhere else.
const std::set<std::string> claimed_options{
    "optional/bignum.json",
    "optional/dependencies-compatibility.json",
    "optional/ecmascript-regex.json",
    "optional/float-overflow.json",
    "optional/non-bmp-regex.json",
    "optional/zeroTerminatedFloats.json",
    "optional/anchor.json",
    "optional/id.json",
    "optional/no-schema.json",
    "optional/unknownKeyword.json",
    "optional/refOfUnknownKeyword.json",
    "optional/dynamicRef.json",
    "optional/format/date-time.json",
    "optional/format/date.json",
    "optional/format/time.json",
    "optional/format/email.json",
    "optional/format/uuid.json",
    "optional/format/uri.json",
    "optional/format/ipv4.json",
    "optional/format/ipv6.json",
};

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string member_text(std::string_view object, std::string_view name) {
    const auto found = value::member(object, name);
    return found ? value::text(*found).value_or("") : "";
}

class run {
public:
    run(std::filesystem::path directory, const std::string& exclusions)
        : directory_(std::move(directory)), draft_(directory_.filename().string()) {
        std::istringstream lines(exclusions);
        for (std::string line; std::getline(lines, line);) {
            if (line.rfind(draft_ + "/", 0) == 0) excluded_names_.insert(line.substr(0, line.find(" -- ")));
        }
    }

    int all() {
        std::set<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
            if (entry.path().extension() == ".json") files.insert(entry.path());
        }
        for (const auto& path : files) {
            const std::string name = path.lexically_relative(directory_).generic_string();
            if (name.rfind("optional/", 0) != 0 || claimed_options.count(name) != 0)
                file(name, text_of(path));
        }
        std::printf("%s: %zu files of the suite\n[  PASSED  ] %zu tests.\n", draft_.c_str(), files.size(),
                    passed_);
        if (excluded_ > 0) std::printf("%zu excluded\n", excluded_);
        if (failed_ > 0) std::printf("[  FAILED  ] %zu tests.\n", failed_);
        return failed_ > 0 || passed_ == 0 ? 1 : 0;
    }

private:
    void file(const std::string& name, const std::string& text) {
        if (value::check_whole(text, 200)) {
            ++failed_;
            std::printf("%s is not JSON\n", name.c_str());
            return;
        }
        value::walker groups{text};
        while (groups.next()) group(name, groups.element());
    }

    void group(const std::string& file, std::string_view group) {
        contract::compile_options options;
        if (draft_ == "draft7") options.fallback = contract::draft::draft_07;
        if (file.rfind("optional/format/", 0) == 0) options.formats = contract::format_rule::check;
        std::vector<contract::mistake> mistakes;
        const std::string compiled =
            contract::compile_schema(value::member(group, "schema").value_or("null"), "", options, mistakes);
        std::string reason;
        for (const auto& one : mistakes) reason += one.pointer + " " + one.message + "; ";
        std::optional<contract::schema> schema;
        if (mistakes.empty()) {
            auto loaded = contract::schema::load(compiled);
            if (loaded) schema = *loaded;
            if (!loaded) reason = loaded.error().message();
        }
        const std::string name = draft_ + "/" + file + ": " + member_text(group, "description");
        value::walker tests{value::member(group, "tests").value_or("[]")};
        while (tests.next()) {
            const std::string own = name + ": " + member_text(tests.element(), "description");
            contract::violation why;
            const bool is_valid =
                schema && schema->check(value::member(tests.element(), "data").value_or("null"), why);
            const bool is_right = schema && is_valid == (value::member(tests.element(), "valid") == "true");
            judge(own, is_right, !schema ? reason : why.path + " " + why.rule + " " + why.message);
        }
    }

    void judge(const std::string& name, bool is_right, const std::string& reason) {
        const bool is_excluded = excluded_names_.count(name) != 0;
        if (is_right && is_excluded) {
            ++failed_;
            std::printf("excluded, and passes: %s\n", name.c_str());
        } else if (is_right) {
            ++passed_;
        } else if (is_excluded) {
            ++excluded_;
        } else {
            ++failed_;
            std::printf("wrong: %s (%s)\n", name.c_str(), reason.c_str());
        }
    }

    std::filesystem::path directory_;
    std::string draft_;
    std::set<std::string> excluded_names_;
    std::size_t passed_ = 0;
    std::size_t failed_ = 0;
    std::size_t excluded_ = 0;
};

} // namespace

int main(int count, char** arguments) {
    if (count != 3 || !std::filesystem::is_directory(arguments[1])) {
        std::fprintf(stderr, "usage: contract-suite DIRECTORY-OF-A-DRAFT EXCLUSIONS\n");
        return 2;
    }
    return run{arguments[1], text_of(arguments[2])}.all();
}
