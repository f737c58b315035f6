#include "roomcast/core/contract/form.hpp"

#include "decimal.hpp"

#include "roomcast/core/value.hpp"

#include <array>
#include <bit>
#include <cstddef>

namespace roomcast::core::contract {

namespace {

constexpr std::size_t start_bytes = 12;
constexpr std::size_t max_visits = 64;
constexpr std::size_t max_value_depth = 60;
constexpr std::size_t max_properties = 512; // what the validator's table of found ones holds

constexpr std::size_t place_rules = static_cast<std::size_t>(place_rule::dependent_names) + 1;

word read_word(const char* at) {
    word sum = 0;
    for (unsigned i = 0; i < 4; ++i) sum |= static_cast<word>(static_cast<unsigned char>(at[i])) << 8U * i;
    return sum;
}

/// Goes over every word that the validator could read, once. What follows each other is told by letters:
/// . any word, n node, m node + 1 or 0, t text (two words), v text of a JSON value, d text of a JSON number,
/// p pattern + 1 or 0, P pattern, f format, r number_rule.
class inspection {
public:
    inspection(const std::vector<word>& words, std::string_view pool)
        : words_(words), pool_(pool), budget_((words.size() + pool.size()) * max_visits) {}

    bool run() {
        if (words_.size() < head_size) return false;
        nodes_ = words_[head_nodes];
        patterns_ = words_[head_patterns];
        for (std::size_t i = 0; i < patterns_; ++i) {
            if (!go_to(words_[head_pattern_table] + i) || !pattern()) return false;
        }
        for (std::size_t i = 0; i < nodes_; ++i) {
            if (!go_to(words_[head_node_table] + i) || !node()) return false;
        }
        at_ = head_root;
        if (!list("m", 1)) return false;
        at_ = words_[head_dynamic];
        if (!list("..n", next())) return false;
        at_ = words_[head_events];
        return at_ == 0 || events();
    }

private:
    /// Where the word at `table` says.
    bool go_to(std::size_t table) {
        at_ = table;
        at_ = next();
        return is_right_;
    }

    /// The next word; 0 beyond the end, which is not right.
    word next() {
        if (at_ >= words_.size() || budget_ == 0) {
            is_right_ = false;
            return 0;
        }
        --budget_;
        return words_[at_++];
    }

    /// Are there so many bytes in the pool?
    bool has_pool(std::size_t from, std::size_t count) {
        // Parts may overlap, so that a small form could name a large part again and again.
        is_right_ = is_right_ && from <= pool_.size() && count <= pool_.size() - from && count <= budget_;
        if (is_right_) budget_ -= count;
        return is_right_;
    }

    std::string_view text() {
        const word from = next();
        const word length = next();
        return has_pool(from, length) ? pool_.substr(from, length) : std::string_view{};
    }

    bool is_value(std::string_view one) {
        const auto length = value::check(one, max_value_depth);
        return length && *length == one.size() && one.find_first_of(" \t\r\n") != 0;
    }

    bool list(std::string_view shape, std::size_t count) {
        for (; count > 0 && is_right_; --count) {
            for (const char c : shape) is_right_ = one(c) && is_right_;
        }
        return is_right_;
    }

    bool one(char kind) {
        if (kind == 't') {
            text();
            return is_right_;
        }
        if (kind == 'v' || kind == 'd') {
            const std::string_view own = text();
            return is_value(own) && (kind == 'v' || value::kind_of(own) == value::kind::number);
        }
        const word own = next();
        switch (kind) {
        case 'n': return own < nodes_;
        case 'm': return own <= nodes_;
        case 'P': return own < patterns_;
        case 'p': return own <= patterns_;
        case 'f': return own <= static_cast<word>(format::ipv6);
        case 'r': return own <= static_cast<word>(number_rule::multiple_of);
        default: return true;
        }
    }

    bool node() {
        std::size_t groups = at_;
        const word first = next();
        if ((first & 0x8000U) != 0) return false;
        for (word bit = group_values; bit <= group_unevaluated; bit <<= 1U) {
            if ((first & bit) == 0) continue;
            ++groups;
            if (!go_to(groups) || !group(bit)) return false;
        }
        return is_right_;
    }

    bool group(word bit) {
        const std::size_t start = at_;
        switch (bit) {
        case group_values: return list("v", next());
        case group_number: return list("rd", next()) && are_divisors(start);
        case group_string: return list("..pf", 1);
        case group_array: return list("...m..m", 1) && list("n", next());
        case group_object: return object();
        case group_place: return place();
        default: return list("mm", 1);
        }
    }

    bool are_divisors(std::size_t start) {
        for (std::size_t one = start + 1; one < at_; one += 3) {
            const bool divides = words_[one] == static_cast<word>(number_rule::multiple_of);
            if (divides && !is_divisor(pool_.substr(words_[one + 1], words_[one + 2]))) return false;
        }
        return true;
    }

    bool object() {
        list("..mm", 1);
        const std::size_t properties = next();
        const std::size_t buckets = std::size_t{next()} + 1;
        const std::size_t patterns = next();
        if (properties > max_properties || buckets > max_properties * 4 || !std::has_single_bit(buckets))
            return false;
        for (std::size_t i = 0; i < properties; ++i) {
            const std::string_view name = text();
            list("m", 1);
            const bool is_plain = (next() & property_is_plain) != 0;
            if (is_plain && name.find_first_of("\"\\") != std::string_view::npos) return false;
        }
        // A search ends at an empty bucket, so there must be one.
        bool has_empty = false;
        for (std::size_t i = 0; i < buckets; ++i) {
            const word property = next();
            if (property > properties) return false;
            has_empty = has_empty || property == 0;
        }
        return has_empty && list("Pn", patterns);
    }

    bool place() {
        for (std::size_t left = next(); left > 0 && is_right_; --left) {
            const word rule = next();
            const std::size_t count = next();
            const std::size_t end = at_ + count;
            if (count == 0 || count > words_.size() || rule >= place_rules) return false;
            // The first of these, and then the second as often as they fit.
            constexpr std::array<std::array<std::string_view, 2>, place_rules> shapes{{{"n", ""},
                                                                                       {"n.", ""},
                                                                                       {"n", "n"},
                                                                                       {"n", "n"},
                                                                                       {"n", "n"},
                                                                                       {"n", ""},
                                                                                       {"nmm", ""},
                                                                                       {"tn", ""},
                                                                                       {"t", "t"}}};
            list(shapes[rule][0], 1);
            while (at_ < end && is_right_ && !shapes[rule][1].empty()) list(shapes[rule][1], 1);
            if (at_ != end) return false;
        }
        return is_right_;
    }

    bool pattern() {
        const std::size_t states = next();
        const std::size_t classes = next();
        const word start = next();
        const std::size_t ascii = next();
        const std::size_t ends = next();
        const std::size_t transitions = next();
        const std::size_t ranges = next();
        if (states < 2 || states > 0xffff || classes == 0 || classes > 256 || start >= states || ranges == 0)
            return false;
        if (!has_pool(ascii, 128) || !has_pool(ends, states) || !has_pool(transitions, states * classes * 2))
            return false;
        for (std::size_t i = 0; i < 128; ++i) is_right_ = is_right_ && octet(ascii + i) < classes;
        for (std::size_t i = 0; i < ranges && is_right_; ++i)
            is_right_ = (next() & 0xffU) < classes && is_right_;
        for (std::size_t i = 0; i < states * classes * 2; i += 2) {
            is_right_ = is_right_ && octet(transitions + i) + octet(transitions + i + 1) * 256 < states;
        }
        return is_right_;
    }

    std::size_t octet(std::size_t at) const { return static_cast<unsigned char>(pool_[at]); }

    bool events() {
        for (std::size_t left = next(); left > 0 && is_right_; --left) {
            list("t.", 1);
            for (int way = 0; way < 2 && is_right_; ++way) {
                const word events = next();
                const std::size_t after = at_;
                at_ = events;
                const std::size_t count = next();
                const std::size_t first = at_;
                for (std::size_t i = 0; i < count && is_right_; ++i) is_right_ = go_to(first + i) && event();
                at_ = after;
            }
        }
        return is_right_;
    }

    bool event() {
        list("t", 1);
        const word least = next();
        list("m.", 1);
        const std::size_t args = next();
        const std::size_t ack = next();
        return next() <= ack && least <= args && list("n", args + ack);
    }

    const std::vector<word>& words_;
    std::string_view pool_;
    std::size_t at_ = 0;
    bool is_right_ = true;
    word nodes_ = 0;
    word patterns_ = 0;
    std::size_t budget_;
};

} // namespace

result<form> form::load(bytes_view compiled, const limits& bounds) {
    if (compiled.size() > bounds.max_compiled_bytes) return errc::contract_too_large;
    if (compiled.size() < start_bytes || compiled.substr(0, form_magic.size()) != form_magic)
        return errc::invalid_contract;
    if (compiled[form_magic.size()] != form_version) return errc::unknown_contract_version;
    const std::size_t word_count = read_word(compiled.data() + 4);
    const std::size_t pool_bytes = read_word(compiled.data() + 8);
    const std::size_t rest = compiled.size() - start_bytes;
    if (word_count > rest / 4 || pool_bytes != rest - word_count * 4) return errc::invalid_contract;
    form loaded;
    loaded.bounds_ = bounds;
    loaded.words_ = std::vector<word>(word_count);
    const char* at = compiled.data() + start_bytes;
    for (word& one : loaded.words_) {
        one = read_word(at);
        at += 4;
    }
    loaded.pool_.assign(at, pool_bytes);
    if (!inspection{loaded.words_, loaded.pool_}.run()) return errc::invalid_contract;
    return loaded;
}

} // namespace roomcast::core::contract
