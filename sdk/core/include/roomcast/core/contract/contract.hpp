#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/contract/form.hpp"
#include "roomcast/core/contract/limits.hpp"
#include "roomcast/core/contract/schema.hpp"
#include "roomcast/core/contract/violation.hpp"
#include "roomcast/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace roomcast::core::contract {

/// Seen from the server, as in the source: clients send what it `receives`.
enum class direction : std::uint8_t { receives, sends };

/// What the contract says about one event. Light; look it up once and keep it. It keeps the contract alive.
/// @thread any, also at once
class event {
public:
    std::string_view name() const;
    /// Does the contract describe an acknowledgement?
    bool has_ack() const;

    /// @param args checked JSON: the array of the arguments, without the event's name
    [[nodiscard]] bool check_args(std::string_view args, violation& why,
                                  attachments present = attachments::none) const;
    /// The same for what acknowledges the event. Without `ack` in the contract everything is right.
    [[nodiscard]] bool check_ack(std::string_view args, violation& why,
                                 attachments present = attachments::none) const;
    /// The same for one argument, when each stands alone. @param checked one JSON value
    [[nodiscard]] bool check_arg(std::size_t index, std::string_view checked, violation& why,
                                 attachments present = attachments::none) const;
    /// Are so many arguments right?
    [[nodiscard]] bool check_count(std::size_t count, violation& why) const;

private:
    friend class contract;
    event(std::shared_ptr<const form> loaded, word at) : form_(std::move(loaded)), at_(at) {}

    std::shared_ptr<const form> form_;
    word at_;
};

/// The contract of a server: which events there are, and what they carry. Copies are cheap.
/// @thread any, also at once
class contract {
public:
    /// @param compiled of `compile_contract`; may come from anywhere
    /// @errors invalid_contract, unknown_contract_version, contract_too_large
    static result<contract> load(bytes_view compiled, const limits& bounds = {});

    bool has_name_space(std::string_view name) const;
    /// Are events without an entry refused here? (A namespace that the contract does not know is open.)
    bool is_closed(std::string_view name_space) const;
    /// @param name_space as in the source: of a pattern its key, with `^`
    std::optional<event> find(std::string_view name_space, direction way, std::string_view event_name) const;

private:
    explicit contract(std::shared_ptr<const form> loaded) : form_(std::move(loaded)) {}
    const word* name_space_of(std::string_view name) const;

    std::shared_ptr<const form> form_;
};

/// What to answer when a closed namespace does not know the event.
violation unknown_event(std::string_view event_name);

} // namespace roomcast::core::contract
