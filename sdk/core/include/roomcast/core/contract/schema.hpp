#pragma once

#include "roomcast/core/bytes.hpp"
#include "roomcast/core/contract/form.hpp"
#include "roomcast/core/contract/limits.hpp"
#include "roomcast/core/contract/violation.hpp"
#include "roomcast/core/result.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace roomcast::core::contract {

/// Does `{"_placeholder":true,"num":0}` stand for an attachment in a text (a binary event or ack), or is it
/// an object like any other?
enum class attachments : std::uint8_t { none, present };

/// One compiled schema. Copies are cheap and share what was loaded.
/// @thread any, also at once
class schema {
public:
    /// @param compiled of `compile_schema`; may come from anywhere
    /// @errors invalid_contract, unknown_contract_version, contract_too_large
    static result<schema> load(bytes_view compiled, const limits& bounds = {});

    /// Does this value keep to the schema? Time is linear in the text (`max_steps_per_byte`), nesting is
    /// bounded.
    /// @param checked one JSON value that `value::check` accepted
    /// @param why is written when the answer is no
    [[nodiscard]] bool check(std::string_view checked, violation& why,
                             attachments present = attachments::none) const;

private:
    explicit schema(std::shared_ptr<const form> loaded) : form_(std::move(loaded)) {}

    std::shared_ptr<const form> form_;
};

} // namespace roomcast::core::contract
