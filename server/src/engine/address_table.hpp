#pragma once

#include "roomcast/core/time.hpp"
#include "roomcast/server/options.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace roomcast::server::engine {

/// Counts the sessions of each address, over all shards.
/// @thread any
class address_table : public std::enable_shared_from_this<address_table> {
public:
    /// A counted session; gives its place back at its end.
    class ticket {
    public:
        ticket() = default;
        ticket(std::shared_ptr<address_table> of, std::string address)
            : of_(std::move(of)), address_(std::move(address)) {}
        ticket(ticket&&) noexcept = default;
        ticket& operator=(ticket&& other) noexcept;
        ticket(const ticket&) = delete;
        ticket& operator=(const ticket&) = delete;
        ~ticket() { give_back(); }

    private:
        void give_back();
        std::shared_ptr<address_table> of_;
        std::string address_;
    };

    address_table(std::size_t most, rate how_often) : most_(most), how_often_(how_often) {}

    /// @return nothing when this address has too many sessions, or opens them too fast
    std::optional<ticket> admit(std::string_view address, core::time_point now);

    /// What is counted as one address: an IPv4 address, or the /64 network of an IPv6 address.
    static std::string counted_as(std::string_view address);

private:
    struct entry {
        std::size_t sessions = 0;
        core::time_point next_free{}; ///< when a bucket that fills at the rate is full again
    };
    /// Guards its part of the table. Taken when a session opens or ends, never for a message: sessions of one
    /// address are on all shards.
    struct part {
        std::mutex changing;
        std::unordered_map<std::string, entry> entries;
        std::size_t swept_at = 64;
    };
    part& part_of(const std::string& address);
    void give_back(const std::string& address);

    std::size_t most_;
    rate how_often_;
    std::array<part, 16> parts_;
};

} // namespace roomcast::server::engine
