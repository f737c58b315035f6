#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace roomcast::server::base {

/// Lets so many things of one kind through in an interval, and counts the others until it is over. What it
/// keeps is bounded, whatever kinds there are.
/// @thread any
class flood_gate {
public:
    struct bounds {
        std::uint32_t burst = 100; ///< of one kind in an interval; 0: everything passes
        std::int64_t interval_ms = 10'000;
    };
    /// What was kept back of one kind.
    struct tally {
        std::string kind;
        std::uint32_t group = 0;
        std::uint64_t count = 0;
        std::uint64_t lost = 0; ///< sum of what `pass` was told of them
    };
    /// Above them all others are counted as one, of `any_group`.
    static constexpr std::size_t most_kinds = 256;
    static constexpr std::uint32_t any_group = ~std::uint32_t{0};

    void use(bounds chosen);
    /// @param group with `kind` it names what is counted together
    /// @param lost how much went with the thing itself, for the sum of what is kept back
    bool pass(std::string_view kind, std::uint32_t group, std::int64_t now_ms, std::uint64_t lost = 0);
    /// What was kept back in intervals that are over, each told once.
    std::vector<tally> take_due(std::int64_t now_ms);
    /// The same without waiting for their end.
    std::vector<tally> take_all();
    /// All that were ever kept back.
    std::uint64_t kept_back() const;
    std::size_t kinds() const;

private:
    struct counted {
        tally back;
        std::int64_t since_ms = 0;
        std::uint32_t passed = 0;
    };

    counted& place_of(std::string_view kind, std::uint32_t group, std::int64_t now_ms);
    bool is_over(const counted& one, std::int64_t now_ms) const;
    static void take(counted& one, std::vector<tally>& into);

    /// Guards all below: lines of several threads meet here, and which of them is one too many must be
    /// decided at once. Whoever says nothing does not come here.
    mutable std::mutex counting_;
    bounds chosen_;
    std::unordered_map<std::string, counted> kinds_;
    std::string key_; ///< of the one that is looked for; kept for its memory
    std::int64_t next_due_ms_ = 0;
    bool has_due_ = false;
    std::uint64_t kept_back_ = 0;
};

} // namespace roomcast::server::base
