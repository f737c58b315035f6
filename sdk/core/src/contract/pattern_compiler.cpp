#include "pattern.hpp"

#include "json_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

// The way of a pattern: text -> tree -> steps of a nondeterministic machine -> states of a deterministic one.
// What stands between two characters (^ $ \b \B) is decided when the next character is known, so that a state
// needs to know only the kind of the last one.

namespace roomcast::core::contract {

namespace {

constexpr std::uint32_t last_point = 0x10ffff;
constexpr std::size_t max_groups_deep = 50;
constexpr std::uint32_t endless = 0xffffffff;
/// Enough for every automaton within the limits that is of any use; what takes longer is refused.
constexpr std::size_t max_work = 30'000'000;

struct range {
    std::uint32_t first;
    std::uint32_t last;
    friend bool operator<(const range& a, const range& b) { return a.first < b.first; }
    friend bool operator==(const range& a, const range& b) { return a.first == b.first && a.last == b.last; }
};
using char_set = std::vector<range>;

void normalise(char_set& set) {
    std::sort(set.begin(), set.end());
    char_set out;
    for (const range& one : set) {
        if (!out.empty() && one.first <= out.back().last + 1) {
            out.back().last = std::max(out.back().last, one.last);
        } else {
            out.push_back(one);
        }
    }
    set = std::move(out);
}

char_set complement(char_set set) {
    normalise(set);
    char_set out;
    std::uint32_t next = 0;
    for (const range& one : set) {
        if (one.first > next) out.push_back({next, one.first - 1});
        next = one.last + 1;
    }
    if (next <= last_point) out.push_back({next, last_point});
    return out;
}

const char_set digits{{'0', '9'}};
const char_set word_characters{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
// ECMA-262, WhiteSpace and LineTerminator
const char_set spaces{{0x9, 0xd},       {0x20, 0x20},     {0xa0, 0xa0},     {0x1680, 0x1680},
                      {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
                      {0x3000, 0x3000}, {0xfeff, 0xfeff}};
const char_set line_ends{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

bool contains(const char_set& set, std::uint32_t point) {
    for (const range& one : set) {
        if (point >= one.first && point <= one.last) return true;
    }
    return false;
}

enum class part : std::uint8_t {
    empty,
    set,
    sequence,
    choice,
    repeat,
    text_start,
    text_end,
    boundary,
    no_boundary
};

struct tree_node {
    part kind = part::empty;
    std::uint32_t least = 0; ///< repeat; of a set its number
    std::uint32_t most = 0;
    std::vector<std::uint32_t> inner{};
};

/// Reads the text of a pattern.
class parser {
public:
    parser(std::string_view text, std::string& error)
        : at_(text.data()), end_(at_ + text.size()), error_(error) {}

    bool run(std::uint32_t& root) {
        if (!choice(root, 0)) return false;
        return at_ == end_ || fail("has a ) without its (");
    }

    std::vector<tree_node> nodes;
    std::vector<char_set> sets;

private:
    bool fail(std::string_view what) {
        if (error_.empty()) error_ = what;
        return false;
    }
    bool is_at(char c) const { return at_ != end_ && *at_ == c; }
    bool take(char c) {
        if (!is_at(c)) return false;
        ++at_;
        return true;
    }
    bool take(std::string_view word) {
        if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view{at_, word.size()} != word)
            return false;
        at_ += word.size();
        return true;
    }

    std::uint32_t add(tree_node node) {
        nodes.push_back(std::move(node));
        return static_cast<std::uint32_t>(nodes.size() - 1);
    }
    std::uint32_t add_set(char_set set) {
        normalise(set);
        const auto found = std::find(sets.begin(), sets.end(), set);
        const auto number = static_cast<std::uint32_t>(found - sets.begin());
        if (found == sets.end()) sets.push_back(std::move(set));
        return add({part::set, number, 0, {}});
    }

    bool choice(std::uint32_t& out, std::size_t depth) {
        if (depth > max_groups_deep) return fail("has groups too deep within each other");
        std::vector<std::uint32_t> branches;
        do {
            std::uint32_t branch = 0;
            if (!sequence(branch, depth)) return false;
            branches.push_back(branch);
        } while (take('|'));
        out = branches.size() == 1 ? branches[0] : add({part::choice, 0, 0, std::move(branches)});
        return true;
    }

    bool sequence(std::uint32_t& out, std::size_t depth) {
        std::vector<std::uint32_t> items;
        while (at_ != end_ && *at_ != '|' && *at_ != ')') {
            std::uint32_t item = 0;
            if (!atom(item, depth) || !quantifier(item)) return false;
            items.push_back(item);
        }
        out = items.size() == 1 ? items[0] : add({part::sequence, 0, 0, std::move(items)});
        return true;
    }

    bool atom(std::uint32_t& out, std::size_t depth) {
        switch (*at_) {
        case '^':
            ++at_;
            out = add({part::text_start, 0, 0, {}});
            return true;
        case '$':
            ++at_;
            out = add({part::text_end, 0, 0, {}});
            return true;
        case '.':
            ++at_;
            out = add_set(complement(line_ends));
            return true;
        case '(': return group(out, depth);
        case '[': return bracket(out);
        case '\\': return escape(out);
        case '*':
        case '+':
        case '?': return fail("repeats nothing");
        case ']':
        case '}': return fail("has a lone ] or }: write \\] or \\}");
        case '{': return fail("has a { that repeats nothing: write \\{");
        default: break;
        }
        const std::uint32_t point = next_point(at_, end_);
        out = add_set({{point, point}});
        return true;
    }

    bool group(std::uint32_t& out, std::size_t depth) {
        ++at_;
        if (take("?=") || take("?!") || take("?<=") || take("?<!")) {
            return fail("looks ahead or behind ((?=, (?!, (?<=, (?<!), which takes more than linear time");
        }
        if (take("?<")) {
            const char* const name = at_;
            while (at_ != end_ && *at_ != '>') ++at_;
            if (at_ == name || !take('>')) return fail("has a group whose name does not end");
        } else if (take("?")) {
            if (!take(':')) return fail("has an unknown kind of group");
        }
        if (!choice(out, depth + 1)) return false;
        return take(')') || fail("has a ( without its )");
    }

    bool number(std::uint32_t& out) {
        const char* const first = at_;
        std::uint32_t sum = 0;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9') {
            sum = std::min<std::uint32_t>(sum * 10 + static_cast<std::uint32_t>(*at_ - '0'), 1'000'000);
            ++at_;
        }
        out = sum;
        return at_ != first;
    }

    bool quantifier(std::uint32_t& item) {
        std::uint32_t least = 0;
        std::uint32_t most = endless;
        if (take('+')) {
            least = 1;
        } else if (take('?')) {
            most = 1;
        } else if (take('{')) {
            if (!number(least)) return fail("has a { without a number: write \\{");
            most = least;
            if (take(',') && !number(most)) most = endless;
            if (!take('}')) return fail("has a { without its }");
            if (most < least) return fail("repeats at most fewer times than at least");
        } else if (!take('*')) {
            return true;
        }
        const part kind = nodes[item].kind;
        if (kind == part::text_start || kind == part::text_end || kind == part::boundary ||
            kind == part::no_boundary) {
            return fail("repeats something without length");
        }
        take('?'); // a lazy one matches the same texts
        item = add({part::repeat, least, most, {item}});
        return true;
    }

    /// Behind a backslash: a class such as \d. @return false when it is none
    bool class_escape(char_set& out) {
        if (at_ == end_) return false;
        switch (*at_) {
        case 'd': out = digits; break;
        case 'D': out = complement(digits); break;
        case 'w': out = word_characters; break;
        case 'W': out = complement(word_characters); break;
        case 's': out = spaces; break;
        case 'S': out = complement(spaces); break;
        default: return false;
        }
        ++at_;
        return true;
    }

    bool hex(std::size_t count, std::uint32_t& out) {
        if (static_cast<std::size_t>(end_ - at_) < count) return fail("has an escape with too few digits");
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const char c = *at_++;
            const char small = static_cast<char>(c | 0x20);
            if (c >= '0' && c <= '9') {
                sum = sum * 16 + static_cast<std::uint32_t>(c - '0');
            } else if (small >= 'a' && small <= 'f') {
                sum = sum * 16 + static_cast<std::uint32_t>(small - 'a' + 10);
            } else {
                return fail("has an escape that is not hexadecimal");
            }
        }
        out = sum;
        return true;
    }

    bool unicode_escape(std::uint32_t& out) {
        if (take('{')) {
            const char* const close = std::find(at_, end_, '}');
            if (close == end_ || close == at_ || close - at_ > 6) return fail("has a \\u{ that is not right");
            if (!hex(static_cast<std::size_t>(close - at_), out)) return false;
            ++at_;
            return out <= last_point || fail("has a \\u{ beyond the last character");
        }
        if (!hex(4, out)) return false;
        if (out >= 0xd800 && out < 0xdc00 && take("\\u")) {
            std::uint32_t low = 0;
            if (!hex(4, low)) return false;
            if (low < 0xdc00 || low > 0xdfff) return fail("has half of a surrogate pair");
            out = 0x10000 + ((out - 0xd800) << 10U) + (low - 0xdc00);
        }
        return true;
    }

    /// Behind a backslash: one character.
    bool character_escape(std::uint32_t& out, bool is_in_bracket) {
        if (at_ == end_) return fail("ends with a backslash");
        const char c = *at_++;
        constexpr std::string_view syntax = "^$\\.*+?()[]{}|/-";
        switch (c) {
        case 't': out = '\t'; return true;
        case 'n': out = '\n'; return true;
        case 'v': out = '\v'; return true;
        case 'f': out = '\f'; return true;
        case 'r': out = '\r'; return true;
        case 'b': out = '\b'; return is_in_bracket;
        case 'c':
            if (at_ == end_ || (*at_ | 0x20) < 'a' || (*at_ | 0x20) > 'z')
                return fail("has a \\c without a letter");
            out = static_cast<std::uint32_t>(*at_++) % 32;
            return true;
        case '0':
            if (at_ != end_ && *at_ >= '0' && *at_ <= '9') return fail("has an octal escape");
            out = 0;
            return true;
        case 'x': return hex(2, out);
        case 'u': return unicode_escape(out);
        case 'k': return fail("refers back to a group (\\k), which takes more than linear time");
        case 'p':
        case 'P': return fail("asks for a property of Unicode (\\p), which is not supported");
        default: break;
        }
        if (c >= '1' && c <= '9')
            return fail("refers back to a group (\\1), which takes more than linear time");
        if (syntax.find(c) == std::string_view::npos && !is_punctuation(c)) {
            return fail("has an escape that does not exist");
        }
        out = static_cast<unsigned char>(c);
        return true;
    }

    static bool is_punctuation(char c) {
        constexpr std::string_view marks = "!\"#%&',:;<=>@_`~ ";
        return marks.find(c) != std::string_view::npos;
    }

    bool escape(std::uint32_t& out) {
        ++at_;
        if (take('b')) {
            out = add({part::boundary, 0, 0, {}});
            return true;
        }
        if (take('B')) {
            out = add({part::no_boundary, 0, 0, {}});
            return true;
        }
        char_set set;
        if (!class_escape(set)) {
            std::uint32_t point = 0;
            if (!character_escape(point, false)) return false;
            set = {{point, point}};
        }
        out = add_set(std::move(set));
        return true;
    }

    /// One member of a bracket: a character (`is_class` false) or a class.
    bool bracket_member(char_set& set, bool& is_class) {
        is_class = false;
        std::uint32_t point = 0;
        if (take('\\')) {
            is_class = class_escape(set);
            if (is_class) return true;
            if (!character_escape(point, true)) return false;
        } else {
            point = next_point(at_, end_);
        }
        set = {{point, point}};
        return true;
    }

    bool bracket(std::uint32_t& out) {
        ++at_;
        const bool is_negated = take('^');
        char_set all;
        while (at_ != end_ && *at_ != ']') {
            char_set first;
            bool is_class = false;
            if (!bracket_member(first, is_class)) return false;
            if (is_at('-') && end_ - at_ >= 2 && at_[1] != ']') {
                ++at_;
                char_set last;
                bool is_last_class = false;
                if (!bracket_member(last, is_last_class)) return false;
                if (is_class || is_last_class) return fail("has a range that begins or ends with a class");
                if (last[0].first < first[0].first)
                    return fail("has a range from a greater to a lesser character");
                first[0].last = last[0].first;
            }
            all.insert(all.end(), first.begin(), first.end());
        }
        if (!take(']')) return fail("has a [ without its ]");
        out = add_set(is_negated ? complement(std::move(all)) : std::move(all));
        return true;
    }

    const char* at_;
    const char* end_;
    std::string& error_;
};

enum class step_kind : std::uint8_t { set, split, jump, text_start, text_end, boundary, no_boundary, match };

struct step {
    step_kind kind;
    std::uint32_t first = 0; ///< set: its number; split, jump: where
    std::uint32_t second = 0;
};

/// Writes the steps of a tree one behind the other.
class emitter {
public:
    emitter(const std::vector<tree_node>& nodes, std::size_t max_steps)
        : nodes_(nodes), max_steps_(max_steps) {}

    bool run(std::uint32_t root) { return emit(root) && push({step_kind::match, 0, 0}); }
    std::vector<step> steps;

private:
    bool push(step one) {
        steps.push_back(one);
        return steps.size() <= max_steps_;
    }
    std::uint32_t here() const { return static_cast<std::uint32_t>(steps.size()); }

    bool emit(std::uint32_t number) {
        // Repeating what is empty writes nothing, so the work is counted, not only the steps.
        if (++work_ > max_steps_ * 4) return false;
        const tree_node& node = nodes_[number];
        switch (node.kind) {
        case part::empty: return true;
        case part::set: return push({step_kind::set, node.least, 0});
        case part::text_start: return push({step_kind::text_start, 0, 0});
        case part::text_end: return push({step_kind::text_end, 0, 0});
        case part::boundary: return push({step_kind::boundary, 0, 0});
        case part::no_boundary: return push({step_kind::no_boundary, 0, 0});
        case part::choice: return emit_choice(node);
        case part::repeat: return emit_repeat(node);
        case part::sequence: break;
        }
        return std::all_of(node.inner.begin(), node.inner.end(),
                           [this](std::uint32_t one) { return emit(one); });
    }

    bool emit_choice(const tree_node& node) {
        std::vector<std::uint32_t> jumps;
        for (std::size_t i = 0; i < node.inner.size(); ++i) {
            const bool is_last = i + 1 == node.inner.size();
            const std::uint32_t split = here();
            if (!is_last && !push({step_kind::split, split + 1, 0})) return false;
            if (!emit(node.inner[i])) return false;
            if (is_last) break;
            jumps.push_back(here());
            if (!push({step_kind::jump, 0, 0})) return false;
            steps[split].second = here();
        }
        for (const std::uint32_t jump : jumps) steps[jump].first = here();
        return true;
    }

    bool emit_repeat(const tree_node& node) {
        const std::uint32_t inner = node.inner[0];
        for (std::uint32_t i = 0; i < node.least; ++i) {
            if (!emit(inner)) return false;
        }
        if (node.most == endless) {
            const std::uint32_t split = here();
            if (!push({step_kind::split, split + 1, 0}) || !emit(inner) || !push({step_kind::jump, split, 0}))
                return false;
            steps[split].second = here();
            return true;
        }
        std::vector<std::uint32_t> splits;
        for (std::uint32_t i = node.least; i < node.most; ++i) {
            splits.push_back(here());
            if (!push({step_kind::split, here() + 1, 0}) || !emit(inner)) return false;
        }
        for (const std::uint32_t split : splits) steps[split].second = here();
        return true;
    }

    const std::vector<tree_node>& nodes_;
    std::size_t max_steps_;
    std::size_t work_ = 0;
};

/// Numbers the characters so that those which no set tells apart have the same number.
class alphabet {
public:
    alphabet(const std::vector<char_set>& sets, bool knows_words) {
        std::vector<std::uint32_t> starts{0, 0x80};
        const auto add = [&starts](const char_set& set) {
            for (const range& one : set) {
                starts.push_back(one.first);
                if (one.last < last_point) starts.push_back(one.last + 1);
            }
        };
        for (const char_set& set : sets) add(set);
        if (knows_words) add(word_characters);
        std::sort(starts.begin(), starts.end());
        starts.erase(std::unique(starts.begin(), starts.end()), starts.end());

        std::map<std::string, std::uint32_t> known;
        for (const std::uint32_t start : starts) {
            std::string signature;
            for (const char_set& set : sets) signature.push_back(contains(set, start) ? '1' : '0');
            if (knows_words) signature.push_back(contains(word_characters, start) ? '1' : '0');
            const auto [at, is_new] =
                known.emplace(std::move(signature), static_cast<std::uint32_t>(known.size()));
            if (is_new) representatives.push_back(start);
            intervals.emplace_back(start, at->second);
        }
    }

    /// First code point and class of each interval, ascending.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> intervals;
    /// A character of each class.
    std::vector<std::uint32_t> representatives;
};

enum class neighbour : std::uint8_t { none, word, other };

/// The deterministic machine.
class builder {
public:
    builder(const std::vector<step>& steps, const std::vector<char_set>& sets, const limits& bounds,
            automaton& out)
        : steps_(steps), sets_(sets), bounds_(bounds), out_(out), knows_words_(has_boundary(steps)),
          alphabet_(sets, knows_words_), marks_(steps.size(), 0) {}

    bool run() {
        const std::size_t classes = alphabet_.representatives.size();
        if (classes > 256) return false;
        members_.resize(classes);
        for (std::size_t c = 0; c < classes; ++c) {
            for (const char_set& set : sets_)
                members_[c].push_back(contains(set, alphabet_.representatives[c]));
        }
        // 0 is where nothing can match, 1 where everything has.
        rows_.assign(2, std::vector<std::uint32_t>(classes, 0));
        rows_[1].assign(classes, 1);
        ends_ = {false, true};
        kernels_.resize(2);
        out_.start = state_of({{0}, neighbour::none});
        for (std::size_t state = 2; state < kernels_.size(); ++state) {
            if (kernels_.size() > bounds_.max_pattern_states || kernels_.size() > 0xffff || work_ > max_work)
                return false;
            fill(state);
        }
        prune();
        write();
        return true;
    }

private:
    struct kernel {
        std::vector<std::uint32_t> steps;
        neighbour last = neighbour::none;
        friend bool operator<(const kernel& a, const kernel& b) {
            return a.last != b.last ? a.last < b.last : a.steps < b.steps;
        }
    };

    static bool has_boundary(const std::vector<step>& steps) {
        return std::any_of(steps.begin(), steps.end(), [](const step& one) {
            return one.kind == step_kind::boundary || one.kind == step_kind::no_boundary;
        });
    }

    std::uint32_t state_of(kernel one) {
        const auto [at, is_new] =
            numbers_.emplace(std::move(one), static_cast<std::uint32_t>(kernels_.size()));
        if (is_new) kernels_.push_back(&at->first);
        return at->second;
    }

    /// The steps that want a character, reached between these neighbours. @return whether the end is reached,
    /// too
    bool close(const kernel& from, neighbour next, std::vector<std::uint32_t>& out) {
        out.clear();
        ++mark_;
        std::vector<std::uint32_t>& stack = stack_;
        stack.assign(from.steps.begin(), from.steps.end());
        bool has_match = false;
        while (!stack.empty()) {
            const std::uint32_t at = stack.back();
            stack.pop_back();
            ++work_;
            if (marks_[at] == mark_) continue;
            marks_[at] = mark_;
            const step& one = steps_[at];
            const bool is_boundary = (from.last == neighbour::word) != (next == neighbour::word);
            switch (one.kind) {
            case step_kind::set: out.push_back(at); break;
            case step_kind::jump: stack.push_back(one.first); break;
            case step_kind::split:
                stack.push_back(one.first);
                stack.push_back(one.second);
                break;
            case step_kind::text_start:
                if (from.last == neighbour::none) stack.push_back(at + 1);
                break;
            case step_kind::text_end:
                if (next == neighbour::none) stack.push_back(at + 1);
                break;
            case step_kind::boundary:
                if (is_boundary) stack.push_back(at + 1);
                break;
            case step_kind::no_boundary:
                if (!is_boundary) stack.push_back(at + 1);
                break;
            case step_kind::match: has_match = true; break;
            }
        }
        return has_match;
    }

    void fill(std::size_t state) {
        const kernel& from = *kernels_[state];
        const std::size_t classes = alphabet_.representatives.size();
        std::array<std::vector<std::uint32_t>, 2> reached;
        const bool ends_before_other = close(from, neighbour::other, reached[0]);
        const bool ends_before_word =
            knows_words_ ? close(from, neighbour::word, reached[1]) : ends_before_other;
        std::vector<std::uint32_t> row(classes, 0);
        for (std::size_t c = 0; c < classes; ++c) {
            const bool is_word = knows_words_ && contains(word_characters, alphabet_.representatives[c]);
            if (is_word ? ends_before_word : ends_before_other) {
                row[c] = 1;
                continue;
            }
            kernel to;
            to.last = is_word ? neighbour::word : neighbour::other;
            to.steps.push_back(0); // a match may begin at every character
            for (const std::uint32_t at : reached[is_word ? 1 : 0]) {
                ++work_;
                if (members_[c][steps_[at].first]) to.steps.push_back(at + 1);
            }
            std::sort(to.steps.begin(), to.steps.end());
            to.steps.erase(std::unique(to.steps.begin(), to.steps.end()), to.steps.end());
            work_ += to.steps.size();
            row[c] = state_of(std::move(to));
        }
        std::vector<std::uint32_t> ignored;
        ends_.push_back(close(*kernels_[state], neighbour::none, ignored));
        rows_.push_back(std::move(row));
    }

    /// Leads to state 0 where no match can follow any more, so that an anchored pattern fails at once.
    void prune() {
        std::vector<std::vector<std::uint32_t>> sources(rows_.size());
        std::vector<std::uint32_t> open;
        std::vector<bool> is_alive(rows_.size(), false);
        for (std::uint32_t state = 0; state < rows_.size(); ++state) {
            for (const std::uint32_t to : rows_[state]) {
                if (sources[to].empty() || sources[to].back() != state) sources[to].push_back(state);
            }
            if (ends_[state]) {
                is_alive[state] = true;
                open.push_back(state);
            }
        }
        while (!open.empty()) {
            const std::uint32_t state = open.back();
            open.pop_back();
            for (const std::uint32_t source : sources[state]) {
                if (is_alive[source]) continue;
                is_alive[source] = true;
                open.push_back(source);
            }
        }
        for (auto& row : rows_) {
            for (std::uint32_t& to : row) {
                if (!is_alive[to]) to = 0;
            }
        }
        if (!is_alive[out_.start]) out_.start = 0;
    }

    void write() {
        out_.states = static_cast<word>(rows_.size());
        out_.classes = static_cast<word>(alphabet_.representatives.size());
        out_.ascii_classes.assign(128, '\0');
        for (std::size_t i = 0; i < alphabet_.intervals.size(); ++i) {
            const auto [first, number] = alphabet_.intervals[i];
            const std::uint32_t after =
                i + 1 < alphabet_.intervals.size() ? alphabet_.intervals[i + 1].first : last_point + 1;
            for (std::uint32_t point = first; point < after && point < 0x80; ++point) {
                out_.ascii_classes[point] = static_cast<char>(number);
            }
            const bool is_same = !out_.ranges.empty() && (out_.ranges.back() & 0xffU) == number;
            if (first >= 0x80 && !is_same) out_.ranges.push_back(first << 8U | number);
        }
        for (std::size_t state = 0; state < rows_.size(); ++state) {
            out_.accepts_at_end.push_back(ends_[state] ? '\1' : '\0');
            for (const std::uint32_t to : rows_[state]) {
                out_.transitions.push_back(static_cast<char>(to & 0xffU));
                out_.transitions.push_back(static_cast<char>(to >> 8U));
            }
        }
    }

    const std::vector<step>& steps_;
    const std::vector<char_set>& sets_;
    const limits& bounds_;
    automaton& out_;
    bool knows_words_;
    alphabet alphabet_;
    std::vector<std::vector<bool>> members_; ///< of each class: is it in that set?
    std::map<kernel, std::uint32_t> numbers_;
    std::vector<const kernel*> kernels_;
    std::vector<std::vector<std::uint32_t>> rows_;
    std::vector<bool> ends_;
    std::vector<std::uint32_t> marks_;
    std::vector<std::uint32_t> stack_;
    std::uint32_t mark_ = 0;
    std::size_t work_ = 0;
};

} // namespace

bool compile_pattern(std::string_view utf8, const limits& bounds, automaton& out, std::string& error) {
    error.clear();
    if (utf8.size() > bounds.max_pattern_bytes) {
        error = "is longer than allowed (max_pattern_bytes)";
        return false;
    }
    parser reader{utf8, error};
    std::uint32_t root = 0;
    if (!reader.run(root)) {
        if (error.empty()) error = "is not a regular expression";
        return false;
    }
    emitter writer{reader.nodes, bounds.max_pattern_steps};
    if (!writer.run(root)) {
        error = "becomes too large with its repetitions written out (max_pattern_steps)";
        return false;
    }
    out = {};
    if (!builder{writer.steps, reader.sets, bounds, out}.run()) {
        error = "needs an automaton larger than allowed (max_pattern_states); repeat less, or use maxLength";
        return false;
    }
    return true;
}

} // namespace roomcast::core::contract
