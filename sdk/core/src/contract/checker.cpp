#include "checker.hpp"

#include "decimal.hpp"
#include "equality.hpp"
#include "format.hpp"
#include "json_text.hpp"
#include "pattern.hpp"

#include "roomcast/core/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace roomcast::core::contract {

namespace {

constexpr std::size_t free_steps = 10'000;
constexpr const char* duplicate = "uniqueKeys|names a member twice";
constexpr const char* too_much_work = "limits|takes more work than allowed";
/// Passing over so many bytes of a text costs as much as applying a schema.
constexpr std::size_t bytes_per_step = 32;

constexpr auto bit_counts = [] {
    std::array<std::uint8_t, 128> table{};
    for (std::size_t i = 1; i < table.size(); ++i) table[i] = static_cast<std::uint8_t>(table[i / 2] + i % 2);
    return table;
}();

/// The words of one of a node's groups.
const word* group_of(const form& loaded, const word* node, word bit) {
    const word before = (*node & all_groups & (bit - 1)) >> 8U;
    return loaded.at(node[1 + std::size_t{bit_counts[before]}]);
}

word type_of(char first) {
    switch (first) {
    case '"': return type_string;
    case '{': return type_object;
    case '[': return type_array;
    case 't':
    case 'f': return type_boolean;
    case 'n': return type_null;
    default: return type_number;
    }
}

/// How many characters a checked string stands for, from what is between its quotes.
std::size_t points_in(std::string_view raw) {
    std::size_t count = 0;
    bool after_high = false;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const char c = raw[i];
        if (c == '\\' && i + 1 < raw.size()) {
            const bool is_unit = raw[i + 1] == 'u' && raw.size() - i >= 6;
            const bool is_surrogate = is_unit && (raw[i + 2] | 0x20) == 'd';
            const char kind = is_surrogate ? static_cast<char>(raw[i + 3] | 0x20) : '0';
            const bool is_low = is_surrogate && kind >= 'c' && kind <= 'f';
            if (!(is_low && after_high)) ++count;
            after_high = is_surrogate && (kind == '8' || kind == '9' || kind == 'a' || kind == 'b');
            i += is_unit ? 5 : 1;
            continue;
        }
        after_high = false;
        if ((static_cast<unsigned char>(c) & 0xc0U) != 0x80U) ++count;
    }
    return count;
}

/// Heap sort: never slow, whatever the numbers are, and a fourth of the library's code in WebAssembly.
void sort(std::uint64_t* first, std::size_t count) {
    std::size_t unsorted = count / 2;
    while (count > 1) {
        if (unsorted > 0) {
            --unsorted;
        } else {
            std::swap(first[0], first[--count]);
        }
        std::size_t parent = unsorted;
        for (std::size_t child = parent * 2 + 1; child < count; child = parent * 2 + 1) {
            if (child + 1 < count && first[child] < first[child + 1]) ++child;
            if (first[child] <= first[parent]) break;
            std::swap(first[child], first[parent]);
            parent = child;
        }
    }
}

/// As deep as schemas within each other may be.
void append_path(std::string& path, const frame& here) {
    if (here.up != nullptr) append_path(path, *here.up);
    if (here.kind == frame::step::element) {
        path.push_back('/');
        append_number(path, here.index);
    } else if (here.kind == frame::step::member) {
        std::string room;
        append_step(path, decoded(here.key, room));
    }
}

/// The next member or element: behind white space and a comma.
const char* next_item(const char* at, const char* end) {
    at = skip_space(at, end);
    if (at != end && *at == ',') at = skip_space(at + 1, end);
    return at;
}

} // namespace

void marks::set(std::size_t index) {
    word_at(index / 64) |= std::uint64_t{1} << index % 64;
}

bool marks::has(std::size_t index) const {
    return has_all_ || (index / 64 < words_.size() && (words_[index / 64] >> index % 64 & 1U) != 0);
}

void marks::add(const marks& other) {
    has_all_ = has_all_ || other.has_all_;
    for (std::size_t i = 0; i < other.words_.size(); ++i) word_at(i) |= other.words_[i];
}

std::uint64_t& marks::word_at(std::size_t index) {
    while (words_.size() <= index) words_.push_back(0);
    return words_[index];
}

checker::checker(const form& loaded, attachments present, std::size_t size_bytes, violation& why)
    : form_(loaded), why_(why), steps_left_(free_steps + size_bytes * loaded.bounds().max_steps_per_byte),
      attachments_(present) {}

// --- one value, one schema ---

bool checker::apply(const frame& here, const char* at, marks* seen, const char*& stop) {
    const word* const node = form_.node(here.node);
    const word first = *node;
    word type = type_of(*at);
    stop = nullptr;
    if (type == type_object && attachments_ == attachments::present && is_attachment(at)) type = type_binary;
    if ((first & type) == 0) {
        const bool is_whole = type == type_number && (first & type_integer) != 0 &&
                              is_integer({at, static_cast<std::size_t>(behind(at) - at)});
        if (!is_whole) return fail_type(here, first & 0xffU);
    }
    if (!spend(here, 1)) return false;
    if ((first & all_groups) == 0) return true;
    if (++depth_ > form_.bounds().max_depth) {
        return fail_for_good(here, "limits|is nested deeper than its schema is followed");
    }
    const bool is_right = (first & group_unevaluated) == 0 ? rules(here, node, type, at, seen, stop)
                                                           : with_marks(here, node, type, at, seen, stop);
    --depth_;
    return is_right;
}

bool checker::rules(const frame& here, const word* node, word type, const char* at, marks* seen,
                    const char*& stop) {
    const word groups = *node;
    bool has_escapes = false;
    switch (type) {
    case type_number:
        stop = behind(at);
        if ((groups & group_number) != 0 &&
            !number(here, group_of(form_, node, group_number), {at, static_cast<std::size_t>(stop - at)})) {
            return false;
        }
        break;
    case type_string:
        stop = string_end(at, end_, has_escapes);
        charge(static_cast<std::size_t>(stop - at));
        if ((groups & group_string) != 0 && !string(here, group_of(form_, node, group_string),
                                                    {at, static_cast<std::size_t>(stop - at)}, has_escapes)) {
            return false;
        }
        break;
    case type_array:
        if ((groups & group_array) != 0 && !array(here, group_of(form_, node, group_array), at, seen, stop))
            return false;
        break;
    case type_object:
        if ((groups & group_object) != 0 &&
            !object(here, group_of(form_, node, group_object), at, seen, stop))
            return false;
        break;
    default: break;
    }
    if ((groups & group_values) != 0 &&
        !values(here, group_of(form_, node, group_values), at, stop, has_escapes))
        return false;
    return (groups & group_place) == 0 ||
           place(here, group_of(form_, node, group_place), type, at, seen, stop);
}

bool checker::with_marks(const frame& here, const word* node, word type, const char* at, marks* seen,
                         const char*& stop) {
    marks mine;
    if (!rules(here, node, type, at, &mine, stop)) return false;
    const word* const group = group_of(form_, node, group_unevaluated);
    const word inner = type == type_object ? group[0] : type == type_array ? group[1] : 0;
    if (inner != 0) {
        if (!unevaluated(here, group, type, at, mine)) return false;
        mine.set_all();
    }
    if (seen != nullptr) seen->add(mine);
    return true;
}

bool checker::unevaluated(const frame& here, const word* group, word type, const char* at,
                          const marks& mine) {
    value::walker each{rest(at)};
    for (std::size_t index = 0; each.next(); ++index) {
        charge(each.element().size());
        if (mine.has(index)) continue;
        const char* ignored = nullptr;
        const bool is_object = type == type_object;
        const frame inner{&here, group[is_object ? 0 : 1] - 1,
                          is_object ? frame::step::member : frame::step::element, each.raw_key(), index};
        const bool is_false = (*form_.node(inner.node) & (all_groups | 0xffU)) == 0;
        if (is_false) {
            return fail(inner, is_object ? "unevaluatedProperties|is not part of the schema"
                                         : "unevaluatedItems|is not part of the schema");
        }
        if (!apply(inner, each.element().data(), nullptr, ignored)) return false;
    }
    return true;
}

bool checker::values(const frame& here, const word* group, const char* at, const char* stop,
                     bool has_escapes) {
    if (stop == nullptr) stop = behind(at);
    const std::string_view own{at, static_cast<std::size_t>(stop - at)};
    for (word i = 0; i < group[0]; ++i) {
        const std::string_view allowed = form_.text(group + 1 + std::size_t{i} * 2);
        if (own == allowed) return true;
        // The compiler escapes only what must be: a string without escapes is the same bytes or another one.
        if (*at == '"' && !has_escapes) continue;
        comparison both{steps_left_};
        const bool are_equal = both.equal(own, allowed);
        if (!finish(here, both)) return false;
        if (are_equal) return true;
    }
    if (group[0] == 1) return fail(here, "const|must be ", form_.text(group + 1));
    return fail(here, "enum|must be one of the allowed values");
}

bool checker::number(const frame& here, const word* group, std::string_view token) {
    for (word i = 0; i < group[0]; ++i) {
        const word* const one = group + 1 + std::size_t{i} * 3;
        const std::string_view bound = form_.text(one + 1);
        switch (static_cast<number_rule>(one[0])) {
        case number_rule::minimum:
            if (compare(token, bound) < 0) return fail(here, "minimum|must be at least ", bound);
            break;
        case number_rule::maximum:
            if (compare(token, bound) > 0) return fail(here, "maximum|must be at most ", bound);
            break;
        case number_rule::exclusive_minimum:
            if (compare(token, bound) <= 0) return fail(here, "exclusiveMinimum|must be above ", bound);
            break;
        case number_rule::exclusive_maximum:
            if (compare(token, bound) >= 0) return fail(here, "exclusiveMaximum|must be below ", bound);
            break;
        case number_rule::multiple_of:
            if (!is_multiple(token, bound)) return fail(here, "multipleOf|must be a multiple of ", bound);
            break;
        }
    }
    return true;
}

bool checker::string(const frame& here, const word* group, std::string_view token, bool has_escapes) {
    const word least = group[0];
    const word most = group[1];
    const std::string_view raw = inside(token);
    // No character takes less than a byte of the text.
    if (least > 0 || raw.size() > most) {
        const std::size_t points = points_in(raw);
        if (points < least) return fail_bound(here, "minLength|must have at least | characters", least);
        if (points > most) return fail_bound(here, "maxLength|must have at most | characters", most);
    }
    if (group[2] == 0 && group[3] == 0) return true;
    charge(raw.size());
    std::string room;
    const std::string_view text = has_escapes ? decoded(token, room) : raw;
    if (group[2] != 0 && !has_match(form_, form_.pattern(group[2] - 1), text)) {
        return fail(here, "pattern|must match the pattern");
    }
    return has_format(static_cast<format>(group[3]), text) || fail(here, "format|must have the format");
}

bool checker::array(const frame& here, const word* group, const char* at, marks* seen, const char*& stop) {
    const word most = group[1];
    const word contained = group[3];
    const word items = group[6];
    const word prefixes = group[7];
    const char* const start = at;
    std::size_t count = 0;
    std::size_t matches = 0;
    at = skip_space(at + 1, end_);
    while (at != end_ && *at != ']') {
        if (count == most) return fail_bound(here, "maxItems|must have at most | items", most);
        if (!spend(here, 1)) return false;
        const char* behind_item = nullptr;
        const word node = count < prefixes ? group[array_head + count] + 1 : items;
        frame inner{&here, node - 1, frame::step::element, {}, count};
        if (node != 0) {
            if (!apply(inner, at, nullptr, behind_item)) return false;
            if (seen != nullptr) seen->set(count);
        }
        if (contained != 0) {
            inner.node = contained - 1;
            if (attempt(inner, at, nullptr, behind_item)) {
                ++matches;
                if (seen != nullptr) seen->set(count);
            }
            if (has_failed_) return false;
        }
        ++count;
        at = next_item(behind_item != nullptr ? behind_item : behind(at), end_);
    }
    stop = at == end_ ? end_ : at + 1;
    if (count < group[0]) return fail_bound(here, "minItems|must have at least | items", group[0]);
    if (contained != 0) {
        if (matches < group[4])
            return fail_bound(here, "contains|must contain at least | items of the kind wanted", group[4]);
        if (matches > group[5])
            return fail_bound(here, "maxContains|must contain at most | items of the kind", group[5]);
    }
    return group[2] == 0 || are_unique(here, start);
}

bool checker::are_unique(const frame& here, const char* at) {
    const std::size_t first_hash = hashes_.size();
    comparison one{steps_left_};
    value::walker each{rest(at)};
    // That two items differ and have the same hash of 64 bits does not happen unless somebody works for it,
    // and he only gets his own array refused.
    while (each.next()) hashes_.push_back(one.hash(each.element()));
    const bool is_twice = has_duplicate(first_hash);
    if (!finish(here, one)) return false;
    return !is_twice || fail(here, "uniqueItems|must not have the same item twice");
}

bool checker::finish(const frame& here, const comparison& done) {
    steps_left_ = done.steps_left();
    if (done.has_duplicate()) return fail_for_good(here, duplicate);
    return !done.has_failed() || fail_for_good(here, too_much_work);
}

bool checker::has_duplicate(std::size_t first_hash) {
    std::uint64_t* const first = hashes_.data() + first_hash;
    const std::size_t count = hashes_.size() - first_hash;
    sort(first, count);
    bool is_twice = false;
    for (std::size_t i = 1; i < count; ++i) is_twice = is_twice || first[i] == first[i - 1];
    while (hashes_.size() > first_hash) hashes_.pop_back();
    return is_twice;
}

bool checker::object(const frame& here, const word* group, const char* at, marks* seen, const char*& stop) {
    const word additional = group[2];
    const word names = group[3];
    const word properties = group[4];
    const word mask = group[5];
    const word patterns = group[6];
    const word* const property = group + object_head;
    const word* const buckets = property + std::size_t{properties} * property_words;
    const word* const pattern = buckets + (mask + 1);

    std::array<std::uint64_t, 8> found{};
    const std::size_t first_hash = hashes_.size();
    std::size_t count = 0;
    word expected = 0;
    std::string room;
    at = skip_space(at + 1, end_);
    while (at != end_ && *at == '"') {
        if (!spend(here, 1)) return false;
        const char* const key_start = at;
        std::string_view key;
        // Members mostly come in the order of the schema.
        word known = properties;
        const char* key_end = nullptr;
        if (expected < properties) {
            const word* const one = property + std::size_t{expected} * property_words;
            const std::string_view name = form_.text(one);
            const bool is_long_enough = static_cast<std::size_t>(end_ - at) > name.size() + 1;
            if ((one[3] & property_is_plain) != 0 && is_long_enough && at[name.size() + 1] == '"' &&
                std::memcmp(at + 1, name.data(), name.size()) == 0) {
                known = expected;
                key = name;
                key_end = at + name.size() + 2;
            }
        }
        if (key_end == nullptr) {
            bool is_escaped = false;
            key_end = string_end(at, end_, is_escaped);
            key = inside({at, static_cast<std::size_t>(key_end - at)});
            if (is_escaped) key = decoded({at, static_cast<std::size_t>(key_end - at)}, room);
            charge(key.size());
            const std::uint64_t hash = hash_of(key);
            if (properties != 0) {
                for (word slot = static_cast<word>(hash) & mask; buckets[slot] != 0;
                     slot = (slot + 1) & mask) {
                    if (form_.text(property + std::size_t{buckets[slot] - 1} * property_words) != key)
                        continue;
                    known = buckets[slot] - 1;
                    break;
                }
            }
            if (known == properties) hashes_.push_back(hash);
        }
        const std::string_view raw_key{key_start, static_cast<std::size_t>(key_end - key_start)};
        const char* item = skip_space(key_end, end_);
        item = item == end_ ? item : skip_space(item + 1, end_);
        if (item == end_) break;
        const char* behind_item = nullptr;
        frame inner{&here, 0, frame::step::member, raw_key, count};
        bool is_covered = false;
        if (known < properties) {
            expected = known + 1;
            const std::uint64_t bit = std::uint64_t{1} << known % 64;
            if ((found[known / 64] & bit) != 0) return fail_for_good(inner, "uniqueKeys|is there twice");
            found[known / 64] |= bit;
            const word node = property[std::size_t{known} * property_words + 2];
            if (node != 0) {
                is_covered = true;
                inner.node = node - 1;
                if (!apply(inner, item, nullptr, behind_item)) return false;
            }
        }
        for (word i = 0; i < patterns; ++i) {
            charge(key.size());
            if (!has_match(form_, form_.pattern(pattern[std::size_t{i} * 2]), key)) continue;
            is_covered = true;
            inner.node = pattern[std::size_t{i} * 2 + 1];
            if (!apply(inner, item, nullptr, behind_item)) return false;
        }
        if (!is_covered && additional != 0) {
            is_covered = true;
            inner.node = additional - 1;
            if ((*form_.node(inner.node) & (all_groups | 0xffU)) == 0) {
                return fail(inner, "additionalProperties|is not a property that the schema knows");
            }
            if (!apply(inner, item, nullptr, behind_item)) return false;
        }
        if (names != 0) {
            const char* ignored = nullptr;
            const frame name{&here, names - 1, frame::step::member, raw_key, count};
            const bool is_right = attempt(name, at, nullptr, ignored);
            if (has_failed_) return false;
            if (!is_right) return fail(name, "propertyNames|is not a name that the schema allows");
        }
        if (is_covered && seen != nullptr) seen->set(count);
        ++count;
        at = next_item(behind_item != nullptr ? behind_item : behind(item), end_);
    }
    stop = at == end_ ? end_ : at + 1;
    if (hashes_.size() > first_hash) {
        if (has_duplicate(first_hash)) return fail_for_good(here, duplicate);
    }
    for (word i = 0; i < properties; ++i) {
        const word* const one = property + std::size_t{i} * property_words;
        if ((one[3] & property_is_required) != 0 && (found[i / 64] >> i % 64 & 1U) == 0) {
            return fail(here, "required|must have the property ", form_.text(one));
        }
    }
    if (count < group[0]) return fail_bound(here, "minProperties|must have at least | properties", group[0]);
    if (count > group[1]) return fail_bound(here, "maxProperties|must have at most | properties", group[1]);
    return true;
}

// --- other schemas for the same value ---

bool checker::place(const frame& here, const word* group, word type, const char* at, marks* seen,
                    const char*& stop) {
    const word* entry = group + 1;
    for (word i = 0; i < group[0]; ++i) {
        const word* const from = entry + 2;
        const word* const to = from + entry[1];
        if (!one_place(here, static_cast<place_rule>(entry[0]), from, to, type, at, seen, stop)) return false;
        entry = to;
    }
    return true;
}

bool checker::one_place(const frame& here, place_rule rule, const word* from, const word* to, word type,
                        const char* at, marks* seen, const char*& stop) {
    frame inner{&here, *from, frame::step::same, {}, 0};
    std::size_t matches = 0;
    const char* behind_value = nullptr;
    switch (rule) {
    case place_rule::dynamic_reference: inner.node = dynamic_target(here, from[0], from[1]); [[fallthrough]];
    case place_rule::reference:
        if (!apply(inner, at, seen, behind_value)) return false;
        break;
    case place_rule::all_of:
        for (; from != to; ++from) {
            inner.node = *from;
            if (!apply(inner, at, seen, behind_value)) return false;
        }
        break;
    case place_rule::any_of:
        for (; from != to && (matches == 0 || seen != nullptr); ++from) {
            inner.node = *from;
            if (attempt(inner, at, seen, behind_value)) ++matches;
            if (has_failed_) return false;
        }
        if (matches == 0) return fail(here, "anyOf|must match one of the alternatives");
        break;
    case place_rule::one_of:
        for (; from != to && matches < 2; ++from) {
            inner.node = *from;
            if (attempt(inner, at, seen, behind_value)) ++matches;
            if (has_failed_) return false;
        }
        if (matches == 0) return fail(here, "oneOf|must match one of the alternatives");
        if (matches > 1) return fail(here, "oneOf|must match only one of the alternatives");
        break;
    case place_rule::none_of:
        if (attempt(inner, at, nullptr, behind_value))
            return fail(here, "not|must not match the schema under not");
        return !has_failed_;
    case place_rule::condition: {
        const bool is_met = attempt(inner, at, seen, behind_value);
        if (has_failed_) return false;
        const word next = from[is_met ? 1 : 2];
        inner.node = next - 1;
        if (next != 0 && !apply(inner, at, seen, behind_value)) return false;
        break;
    }
    case place_rule::dependent_schema:
        if (type != type_object || !has_member(at, form_.text(from))) return true;
        inner.node = from[2];
        if (!apply(inner, at, seen, behind_value)) return false;
        break;
    case place_rule::dependent_names:
        if (type != type_object || !has_member(at, form_.text(from))) return true;
        for (const word* name = from + 2; name != to; name += 2) {
            if (!spend(here, 1)) return false;
            if (!has_member(at, form_.text(name))) {
                return fail(here, "dependentRequired|must have the property ", form_.text(name));
            }
        }
        break;
    }
    if (behind_value != nullptr) stop = behind_value;
    return true;
}

bool checker::attempt(const frame& inner, const char* at, marks* seen, const char*& stop) {
    const std::size_t depth = depth_;
    const std::size_t hashes = hashes_.size();
    const char* behind_value = nullptr;
    ++tries_;
    bool is_right = false;
    if (seen != nullptr) {
        marks own;
        is_right = apply(inner, at, &own, behind_value);
        if (is_right) seen->add(own);
    } else {
        is_right = apply(inner, at, nullptr, behind_value);
    }
    --tries_;
    // What failed left its traces where it stood.
    depth_ = depth;
    while (hashes_.size() > hashes) hashes_.pop_back();
    if (is_right && behind_value != nullptr) stop = behind_value;
    return is_right;
}

word checker::dynamic_target(const frame& here, word fallback, word anchor) const {
    const word* const table = form_.at(form_.head_of(head_dynamic));
    word target = fallback;
    for (const frame* one = &here; one != nullptr; one = one->up) {
        const word resource = *form_.node(one->node) >> 16U;
        for (word i = 0; i < table[0]; ++i) {
            const word* const entry = table + 1 + std::size_t{i} * 3;
            if (entry[0] == resource && entry[1] == anchor) target = entry[2];
        }
    }
    return target;
}

// --- the text ---

bool checker::is_attachment(const char* at) {
    bool is_placeholder = false;
    value::walker each{rest(at)};
    while (each.next()) {
        charge(each.element().size());
        // The last of several equal keys counts, as for the decoder.
        if (value::is_text(each.raw_key(), "_placeholder")) is_placeholder = each.element() == "true";
    }
    return is_placeholder;
}

bool checker::has_member(const char* at, std::string_view name) {
    value::walker each{rest(at)};
    bool is_found = false;
    while (!is_found && each.next()) {
        charge(each.element().size() + bytes_per_step);
        is_found = value::is_text(each.raw_key(), name);
    }
    return is_found;
}

const char* checker::behind(const char* at) {
    const std::size_t length = value::length_of(rest(at));
    charge(length);
    return at + length;
}

void checker::charge(std::size_t size_bytes) {
    steps_left_ -= std::min(steps_left_, size_bytes / bytes_per_step);
}

bool checker::spend(const frame& here, std::size_t steps) {
    if (has_failed_) return false;
    if (steps > steps_left_) return fail_for_good(here, too_much_work);
    steps_left_ -= steps;
    return true;
}

// --- what is wrong ---

bool checker::fail(const frame& here, const char* words, std::string_view detail) {
    if (tries_ > 0 || has_failed_) return false;
    has_failed_ = true;
    // "rule|before|after": one word for each call keeps the module small.
    std::array<std::string*, 2> parts{&why_.rule, &why_.message};
    std::size_t part = 0;
    why_.rule.clear();
    why_.message.clear();
    bool has_detail = false;
    for (; *words != '\0'; ++words) {
        if (*words != '|') {
            parts[part]->push_back(*words);
        } else if (part == 0) {
            part = 1;
        } else {
            why_.message += detail;
            has_detail = true;
        }
    }
    if (!has_detail) why_.message += detail;
    why_.path.clear();
    append_path(why_.path, here);
    return false;
}

bool checker::fail(const frame& here, const char* words) {
    return fail(here, words, {});
}

bool checker::fail_bound(const frame& here, const char* words, word bound) {
    if (tries_ > 0) return false;
    std::string number;
    append_number(number, bound);
    return fail(here, words, number);
}

bool checker::fail_for_good(const frame& here, const char* words) {
    const std::size_t tries = tries_;
    tries_ = 0;
    fail(here, words);
    tries_ = tries;
    return false;
}

bool checker::fail_type(const frame& here, word allowed) {
    if (tries_ > 0) return false;
    if (allowed == 0) return fail(here, "false|must not be there");
    if (allowed == type_binary) return fail(here, "x-binary|must be an attachment");
    constexpr std::array<std::string_view, 7> names{"null",  "boolean", "number", "string",
                                                    "array", "object",  "integer"};
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if ((allowed >> i & 1U) == 0) continue;
        if (!list.empty()) list += " or ";
        list += names[i];
    }
    return fail(here, "type|must be ", list);
}

} // namespace roomcast::core::contract
