#pragma once

#include "pattern.hpp"

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/contract/form.hpp"

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace roomcast::core::contract {

/// A node while it is put together: the words it will be, with offsets from its start.
struct draft_node {
    struct reference {
        word at;
        word bias; ///< 1 where 0 means none
    };

    std::vector<word> words{0};
    std::vector<word> offsets;         ///< which words are offsets
    std::vector<reference> references; ///< which words are nodes
};

/// An event of the contract.
struct draft_event {
    word name = 0;
    word name_length = 0;
    word least = 0;
    word rest = 0; ///< + 1
    bool has_ack = false;
    word least_ack = 0;
    std::vector<word> args;
    std::vector<word> ack;
};

struct draft_name_space {
    word name = 0;
    word name_length = 0;
    bool is_closed = false;
    std::vector<draft_event> receives;
    std::vector<draft_event> sends;
};

struct dynamic_anchor {
    word resource;
    word anchor;
    word node;
};

/// Collects what a form is made of, and writes it. Equal nodes become one, and a node that only refers to
/// another one becomes that one.
class form_writer {
public:
    /// Offset of this text in the pool; the same text lies there once.
    word text(std::string_view one);
    word pattern(automaton one);
    word node(draft_node one);

    std::vector<draft_node> nodes;
    std::vector<draft_name_space> name_spaces;
    std::vector<dynamic_anchor> dynamic;
    word root = 0; ///< + 1
    bool has_events = false;

    bytes write();

private:
    void merge();
    std::vector<word> roots() const;
    std::vector<word> written_events(word at, const std::vector<word>& numbers) const;

    std::string pool_;
    std::unordered_map<std::string, word> texts_;
    std::vector<automaton> patterns_;
    std::vector<word> same_as_;
};

} // namespace roomcast::core::contract
