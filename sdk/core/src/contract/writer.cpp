#include "writer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace roomcast::core::contract {

namespace {

constexpr word unseen = 0xffffffffU;
constexpr int most_rounds = 8;

void append_word(bytes& out, word one) {
    for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(one >> shift & 0xffU));
}

/// The node that a node only refers to.
bool is_alias(const draft_node& one, word& target) {
    const bool is_only_place =
        (one.words[0] & (all_groups | 0xffU)) == (static_cast<word>(type_any) | group_place);
    if (!is_only_place || one.words.size() != 6 || one.words[3] != static_cast<word>(place_rule::reference))
        return false;
    target = one.words[5];
    return true;
}

} // namespace

word form_writer::text(std::string_view one) {
    const auto [at, is_new] = texts_.emplace(one, static_cast<word>(pool_.size()));
    if (is_new) pool_ += one;
    return at->second;
}

word form_writer::pattern(automaton one) {
    patterns_.push_back(std::move(one));
    return static_cast<word>(patterns_.size() - 1);
}

word form_writer::node(draft_node one) {
    nodes.push_back(std::move(one));
    return static_cast<word>(nodes.size() - 1);
}

void form_writer::merge() {
    same_as_.resize(nodes.size());
    for (word i = 0; i < nodes.size(); ++i) same_as_[i] = i;
    bool has_changed = true;
    for (int round = 0; round < most_rounds && has_changed; ++round) {
        has_changed = false;
        std::map<std::vector<word>, word> known;
        for (word i = 0; i < nodes.size(); ++i) {
            if (same_as_[i] != i) continue;
            for (const auto& [at, bias] : nodes[i].references) {
                word& number = nodes[i].words[at];
                if (number >= bias) number = same_as_[number - bias] + bias;
            }
            word target = i;
            // Where references depend on who refers, each step of them counts.
            if (!dynamic.empty() || !is_alias(nodes[i], target)) {
                target = known.emplace(nodes[i].words, i).first->second;
            }
            if (target == i || same_as_[target] != target) continue;
            same_as_[i] = target;
            has_changed = true;
        }
    }
    const auto last = [this](word one) {
        while (same_as_[one] != one) one = same_as_[one];
        return one;
    };
    for (word i = 0; i < nodes.size(); ++i) same_as_[i] = last(i);
    for (auto& one : nodes) {
        for (const auto& [at, bias] : one.references) {
            if (one.words[at] >= bias) one.words[at] = same_as_[one.words[at] - bias] + bias;
        }
    }
}

std::vector<word> form_writer::roots() const {
    std::vector<word> all;
    if (root != 0) all.push_back(same_as_[root - 1]);
    const auto add = [&all, this](const std::vector<draft_event>& events) {
        for (const auto& one : events) {
            for (const word node : one.args) all.push_back(same_as_[node]);
            for (const word node : one.ack) all.push_back(same_as_[node]);
            if (one.rest != 0) all.push_back(same_as_[one.rest - 1]);
        }
    };
    for (const auto& one : name_spaces) {
        add(one.receives);
        add(one.sends);
    }
    for (const auto& one : dynamic) all.push_back(same_as_[one.node]);
    return all;
}

std::vector<word> form_writer::written_events(word at, const std::vector<word>& numbers) const {
    std::vector<word> out{static_cast<word>(name_spaces.size())};
    out.resize(1 + name_spaces.size() * name_space_words);
    const auto number = [&](word node) { return numbers[same_as_[node]]; };
    const auto add = [&](const std::vector<draft_event>& events) {
        const std::size_t list = out.size();
        out.push_back(static_cast<word>(events.size()));
        out.resize(out.size() + events.size());
        for (std::size_t i = 0; i < events.size(); ++i) {
            const draft_event& one = events[i];
            out[list + 1 + i] = at + static_cast<word>(out.size());
            const word rest = one.rest == 0 ? 0 : number(one.rest - 1) + 1;
            for (const word each :
                 {one.name, one.name_length, one.least, rest, one.has_ack ? 1U : 0U,
                  static_cast<word>(one.args.size()), static_cast<word>(one.ack.size()), one.least_ack}) {
                out.push_back(each);
            }
            for (const word node : one.args) out.push_back(number(node));
            for (const word node : one.ack) out.push_back(number(node));
        }
        return at + static_cast<word>(list);
    };
    for (std::size_t i = 0; i < name_spaces.size(); ++i) {
        const draft_name_space& one = name_spaces[i];
        const word receives = add(one.receives);
        const word sends = add(one.sends);
        const std::size_t entry = 1 + i * name_space_words;
        out[entry] = one.name;
        out[entry + 1] = one.name_length;
        out[entry + 2] = one.is_closed ? 1 : 0;
        out[entry + 3] = receives;
        out[entry + 4] = sends;
    }
    return out;
}

bytes form_writer::write() {
    merge();
    // Only what can be reached gets a number.
    std::vector<word> numbers(nodes.size(), unseen);
    std::vector<word> order;
    const auto reach = [&](word node) {
        if (numbers[node] != unseen) return;
        numbers[node] = static_cast<word>(order.size());
        order.push_back(node);
    };
    for (const word one : roots()) reach(one);
    for (std::size_t i = 0; i < order.size(); ++i) {
        const draft_node& one = nodes[order[i]];
        for (const auto& [at, bias] : one.references) {
            if (one.words[at] >= bias) reach(one.words[at] - bias);
        }
    }

    std::vector<word> words(head_size, 0);
    words[head_nodes] = static_cast<word>(order.size());
    words[head_node_table] = static_cast<word>(words.size());
    words.resize(words.size() + order.size());
    words[head_patterns] = static_cast<word>(patterns_.size());
    words[head_pattern_table] = static_cast<word>(words.size());
    words.resize(words.size() + patterns_.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        draft_node& one = nodes[order[i]];
        const auto start = static_cast<word>(words.size());
        words[words[head_node_table] + i] = start;
        for (const auto& [at, bias] : one.references) {
            if (one.words[at] >= bias) one.words[at] = numbers[one.words[at] - bias] + bias;
        }
        for (const word at : one.offsets) one.words[at] += start;
        words.insert(words.end(), one.words.begin(), one.words.end());
    }
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
        const automaton& one = patterns_[i];
        words[words[head_pattern_table] + i] = static_cast<word>(words.size());
        for (const word each :
             {one.states, one.classes, one.start, text(one.ascii_classes), text(one.accepts_at_end),
              text(one.transitions), static_cast<word>(one.ranges.size())}) {
            words.push_back(each);
        }
        words.insert(words.end(), one.ranges.begin(), one.ranges.end());
    }
    words[head_dynamic] = static_cast<word>(words.size());
    words.push_back(static_cast<word>(dynamic.size()));
    for (const auto& one : dynamic) {
        for (const word each : {one.resource, one.anchor, numbers[same_as_[one.node]]}) words.push_back(each);
    }
    if (root != 0) words[head_root] = numbers[same_as_[root - 1]] + 1;
    if (has_events) {
        words[head_events] = static_cast<word>(words.size());
        const std::vector<word> events = written_events(words[head_events], numbers);
        words.insert(words.end(), events.begin(), events.end());
    }

    bytes out{form_magic};
    out.push_back(form_version);
    append_word(out, static_cast<word>(words.size()));
    append_word(out, static_cast<word>(pool_.size()));
    for (const word one : words) append_word(out, one);
    return out += pool_;
}

} // namespace roomcast::core::contract
