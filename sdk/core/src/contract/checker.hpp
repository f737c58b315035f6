#pragma once

#include "roomcast/core/contract/form.hpp"
#include "roomcast/core/contract/schema.hpp"
#include "roomcast/core/contract/violation.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roomcast::core::contract {

class comparison;

/// Which members or elements of one value some schema has looked at, for `unevaluated…`.
class marks {
public:
    void set(std::size_t index);
    bool has(std::size_t index) const;
    void set_all() { has_all_ = true; }
    void add(const marks& other);

private:
    std::uint64_t& word_at(std::size_t index);

    bool has_all_ = false;
    std::vector<std::uint64_t> words_;
};

/// A schema at work on a value, and the one whose work it is part of.
struct frame {
    enum class step : std::uint8_t { same, member, element };

    const frame* up = nullptr;
    word node = 0;
    step kind = step::same;
    std::string_view key{}; ///< of a member, with quotes
    std::size_t index = 0;  ///< of an element
};

/// One check of one text. It goes over the text once for each schema that applies, without a tree.
class checker {
public:
    /// @param size_bytes of the text: what its check may cost
    checker(const form& loaded, attachments present, std::size_t size_bytes, violation& why);

    /// Checks the value at `at`, its first character. `stop` moves behind it if that was found out, else it
    /// is null.
    bool run(const frame& here, const char* at, const char* end, const char*& stop) {
        end_ = end;
        return apply(here, at, nullptr, stop);
    }

private:
    bool apply(const frame& here, const char* at, marks* seen, const char*& stop);
    bool rules(const frame& here, const word* node, word type, const char* at, marks* seen,
               const char*& stop);
    bool with_marks(const frame& here, const word* node, word type, const char* at, marks* seen,
                    const char*& stop);
    bool unevaluated(const frame& here, const word* group, word type, const char* at, const marks& mine);

    bool values(const frame& here, const word* group, const char* at, const char* stop, bool has_escapes);
    bool number(const frame& here, const word* group, std::string_view token);
    bool string(const frame& here, const word* group, std::string_view token, bool has_escapes);
    bool array(const frame& here, const word* group, const char* at, marks* seen, const char*& stop);
    bool object(const frame& here, const word* group, const char* at, marks* seen, const char*& stop);
    bool are_unique(const frame& here, const char* at);
    /// Is a hash there twice, from this one on? Takes them away.
    bool has_duplicate(std::size_t first_hash);
    bool finish(const frame& here, const comparison& done);

    bool place(const frame& here, const word* group, word type, const char* at, marks* seen,
               const char*& stop);
    bool one_place(const frame& here, place_rule rule, const word* from, const word* to, word type,
                   const char* at, marks* seen, const char*& stop);
    bool attempt(const frame& inner, const char* at, marks* seen, const char*& stop);
    word dynamic_target(const frame& here, word fallback, word anchor) const;

    bool is_attachment(const char* at);
    bool has_member(const char* at, std::string_view name);
    std::string_view rest(const char* at) const { return {at, static_cast<std::size_t>(end_ - at)}; }
    const char* behind(const char* at);
    void charge(std::size_t size_bytes);
    bool spend(const frame& here, std::size_t steps);

    bool fail(const frame& here, const char* words);
    bool fail(const frame& here, const char* words, std::string_view detail);
    bool fail_bound(const frame& here, const char* words, word bound);
    bool fail_for_good(const frame& here, const char* words);
    bool fail_type(const frame& here, word allowed);

    const form& form_;
    violation& why_;
    const char* end_ = nullptr;
    std::size_t steps_left_;
    std::size_t depth_ = 0;
    std::size_t tries_ = 0; ///< how many alternatives are being tried: their failures are not reported
    bool has_failed_ = false;
    attachments attachments_;
    std::vector<std::uint64_t> hashes_; ///< of names that no schema knows, of all objects around
};

} // namespace roomcast::core::contract
