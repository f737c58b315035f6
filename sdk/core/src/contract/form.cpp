#include "roomcast/core/contract/form.hpp"

#include "decimal.hpp"

#include "roomcast/core/value.hpp"

#include <bit>
#include <cstddef>

namespace roomcast::core::contract {

namespace {

constexpr std::size_t start_bytes = 12;
constexpr std::size_t max_visits = 64;
constexpr std::size_t max_value_depth = 60;
constexpr std::size_t max_properties = 512; // what the validator's table of found ones holds

word read_word(const char* at) {
    word sum = 0;
    for (unsigned i = 0; i < 4; ++i) sum |= static_cast<word>(static_cast<unsigned char>(at[i])) << 8U * i;
    return sum;
}

/// Goes over every word that the validator could read, once.
class inspection {
public:
    inspection(const std::vector<word>& words, std::string_view pool)
        : words_(words), pool_(pool), budget_((words.size() + pool.size()) * max_visits) {}

    bool run() {
        if (words_.size() < head_size) return false;
        nodes_ = words_[head_nodes];
        patterns_ = words_[head_patterns];
        const word node_table = words_[head_node_table];
        const word pattern_table = words_[head_pattern_table];
        if (!has(node_table, nodes_) || !has(pattern_table, patterns_) || words_[head_root] > nodes_)
            return false;
        for (word i = 0; i < patterns_; ++i) {
            if (!pattern(words_[pattern_table + i])) return false;
        }
        for (word i = 0; i < nodes_; ++i) {
            if (!node(words_[node_table + i])) return false;
        }
        return dynamic(words_[head_dynamic]) && (words_[head_events] == 0 || events(words_[head_events]));
    }

private:
    bool has(std::size_t at, std::size_t count) {
        return at <= words_.size() && count <= words_.size() - at && spend(count);
    }
    bool has_pool(word at, std::size_t count) {
        return at <= pool_.size() && count <= pool_.size() - at && spend(count);
    }
    /// Parts may overlap, so that a small form could name a large part again and again.
    bool spend(std::size_t count) {
        if (count > budget_) return false;
        budget_ -= count;
        return true;
    }
    /// Reference to a text at this word.
    bool text(std::size_t at) { return has(at, 2) && has_pool(words_[at], words_[at + 1]); }
    std::string_view text_of(std::size_t at) const { return pool_.substr(words_[at], words_[at + 1]); }
    bool is_node(word number) const { return number < nodes_; }
    /// Is it a node + 1, or 0?
    bool may_be_node(word number) const { return number <= nodes_; }

    bool node(word at) {
        if (!has(at, 1)) return false;
        const word first = words_[at];
        if ((first & 0x8000U) != 0 ||
            !has(at + std::size_t{1}, static_cast<std::size_t>(std::popcount(first & all_groups))))
            return false;
        word next = at + 1;
        for (word bit = group_values; bit <= group_unevaluated; bit <<= 1U) {
            if ((first & bit) != 0 && !group(bit, words_[next++])) return false;
        }
        return true;
    }

    bool group(word bit, std::size_t at) {
        switch (bit) {
        case group_values: return values(at);
        case group_number: return numbers(at);
        case group_string:
            return has(at, 4) && words_[at + 2] <= patterns_ &&
                   words_[at + 3] <= static_cast<word>(format::ipv6);
        case group_array: return array(at);
        case group_object: return object(at);
        case group_place: return place(at);
        default: return has(at, 2) && may_be_node(words_[at]) && may_be_node(words_[at + 1]);
        }
    }

    bool values(std::size_t at) {
        if (!has(at, 1) || !has(at + 1, std::size_t{words_[at]} * 2)) return false;
        for (std::size_t i = 0; i < words_[at]; ++i) {
            if (!text(at + 1 + i * 2)) return false;
            const std::string_view one = text_of(at + 1 + i * 2);
            const auto length = value::check(one, max_value_depth);
            if (!length || *length != one.size() || one.find_first_of(" \t\r\n") == 0) return false;
        }
        return true;
    }

    bool numbers(std::size_t at) {
        if (!has(at, 1) || !has(at + 1, std::size_t{words_[at]} * 3)) return false;
        for (std::size_t i = 0; i < words_[at]; ++i) {
            const std::size_t one = at + 1 + i * 3;
            if (words_[one] > static_cast<word>(number_rule::multiple_of) || !text(one + 1)) return false;
            const std::string_view number = text_of(one + 1);
            const auto length = value::check(number, 0);
            if (!length || *length != number.size() || value::kind_of(number) != value::kind::number)
                return false;
            if (number.find_first_of("-0123456789") != 0) return false;
            if (words_[one] == static_cast<word>(number_rule::multiple_of) && !is_divisor(number))
                return false;
        }
        return true;
    }

    bool array(std::size_t at) {
        if (!has(at, array_head) || !has(at + array_head, words_[at + 7])) return false;
        if (!may_be_node(words_[at + 3]) || !may_be_node(words_[at + 6])) return false;
        return are_nodes(at + array_head, words_[at + 7]);
    }

    bool are_nodes(std::size_t at, std::size_t count) {
        if (!has(at, count)) return false;
        for (std::size_t i = 0; i < count; ++i) {
            if (!is_node(words_[at + i])) return false;
        }
        return true;
    }

    bool object(std::size_t at) {
        if (!has(at, object_head) || !may_be_node(words_[at + 2]) || !may_be_node(words_[at + 3]))
            return false;
        const std::size_t properties = words_[at + 4];
        const std::size_t buckets = std::size_t{words_[at + 5]} + 1;
        const std::size_t patterns = words_[at + 6];
        if (properties > max_properties || buckets > max_properties * 4 || !std::has_single_bit(buckets))
            return false;
        std::size_t next = at + object_head;
        if (patterns > words_.size() || !has(next, properties * property_words + buckets + patterns * 2))
            return false;
        for (std::size_t i = 0; i < properties; ++i, next += property_words) {
            if (!text(next) || !may_be_node(words_[next + 2])) return false;
        }
        // A search ends at an empty bucket, so there must be one.
        bool has_empty = false;
        for (std::size_t i = 0; i < buckets; ++i, ++next) {
            if (words_[next] > properties) return false;
            has_empty = has_empty || words_[next] == 0;
        }
        for (std::size_t i = 0; i < patterns; ++i, next += 2) {
            if (words_[next] >= patterns_ || !is_node(words_[next + 1])) return false;
        }
        return has_empty;
    }

    bool place(std::size_t at) {
        if (!has(at, 1)) return false;
        std::size_t next = at + 1;
        for (std::size_t i = 0; i < words_[at]; ++i) {
            if (!has(next, 2) || !has(next + 2, words_[next + 1])) return false;
            if (!one_place(words_[next], next + 2, words_[next + 1])) return false;
            next += 2 + std::size_t{words_[next + 1]};
        }
        return true;
    }

    bool one_place(word rule, std::size_t at, std::size_t count) {
        if (rule > static_cast<word>(place_rule::dependent_names)) return false;
        switch (static_cast<place_rule>(rule)) {
        case place_rule::reference:
        case place_rule::none_of: return count == 1 && is_node(words_[at]);
        case place_rule::dynamic_reference: return count == 2 && is_node(words_[at]);
        case place_rule::all_of:
        case place_rule::any_of:
        case place_rule::one_of: return count > 0 && are_nodes(at, count);
        case place_rule::condition:
            return count == 3 && is_node(words_[at]) && may_be_node(words_[at + 1]) &&
                   may_be_node(words_[at + 2]);
        case place_rule::dependent_schema: return count == 3 && text(at) && is_node(words_[at + 2]);
        case place_rule::dependent_names:
            if (count < 2 || count % 2 != 0) return false;
            for (std::size_t i = 0; i < count; i += 2) {
                if (!text(at + i)) return false;
            }
            return true;
        }
        return false;
    }

    bool pattern(std::size_t at) {
        if (!has(at, pattern_head) || !has(at + pattern_head, words_[at + 6]) || words_[at + 6] == 0)
            return false;
        const std::size_t states = words_[at];
        const std::size_t classes = words_[at + 1];
        if (states < 2 || states > 0xffff || classes == 0 || classes > 256 || words_[at + 2] >= states)
            return false;
        if (!has_pool(words_[at + 3], 128) || !has_pool(words_[at + 4], states)) return false;
        if (!has_pool(words_[at + 5], states * classes * 2)) return false;
        for (std::size_t i = 0; i < 128; ++i) {
            if (static_cast<unsigned char>(pool_[words_[at + 3] + i]) >= classes) return false;
        }
        for (std::size_t i = 0; i < words_[at + 6]; ++i) {
            if ((words_[at + pattern_head + i] & 0xffU) >= classes) return false;
        }
        const char* entry = pool_.data() + words_[at + 5];
        for (std::size_t i = 0; i < states * classes; ++i, entry += 2) {
            const std::size_t to = static_cast<unsigned char>(entry[0]) +
                                   static_cast<unsigned char>(entry[1]) * std::size_t{256};
            if (to >= states) return false;
        }
        return true;
    }

    bool dynamic(std::size_t at) {
        if (!has(at, 1) || !has(at + 1, std::size_t{words_[at]} * 3)) return false;
        for (std::size_t i = 0; i < words_[at]; ++i) {
            if (!is_node(words_[at + 1 + i * 3 + 2])) return false;
        }
        return true;
    }

    bool events(std::size_t at) {
        if (!has(at, 1) || !has(at + 1, std::size_t{words_[at]} * name_space_words)) return false;
        for (std::size_t i = 0; i < words_[at]; ++i) {
            const std::size_t one = at + 1 + i * name_space_words;
            if (!text(one) || !directed(words_[one + 3]) || !directed(words_[one + 4])) return false;
        }
        return true;
    }

    bool directed(std::size_t at) {
        if (!has(at, 1) || !has(at + 1, words_[at])) return false;
        for (std::size_t i = 0; i < words_[at]; ++i) {
            const std::size_t one = words_[at + 1 + i];
            if (!text(one) || !has(one, event_head) || !may_be_node(words_[one + 3])) return false;
            if (!are_nodes(one + event_head, std::size_t{words_[one + 5]} + words_[one + 6])) return false;
            if (words_[one + 2] > words_[one + 5] || words_[one + 7] > words_[one + 6]) return false;
        }
        return true;
    }

    const std::vector<word>& words_;
    std::string_view pool_;
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
    loaded.words_.reserve(word_count);
    const char* at = compiled.data() + start_bytes;
    for (std::size_t i = 0; i < word_count; ++i, at += 4) loaded.words_.push_back(read_word(at));
    loaded.pool_.assign(at, pool_bytes);
    if (!inspection{loaded.words_, loaded.pool_}.run()) return errc::invalid_contract;
    return loaded;
}

} // namespace roomcast::core::contract
