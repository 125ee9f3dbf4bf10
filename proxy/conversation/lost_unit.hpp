// Where a transaction that travelled in one piece ends among requests that came back. Pure.
#pragma once

#include "command/command_table.hpp"
#include "conversation/lost_request.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace portal::conversation {

[[nodiscard]] inline bool ends_transaction(command::Handling handling) noexcept {
    return handling == command::Handling::exec || handling == command::Handling::discard;
}

/// The part of `lost`, which begins with a request of a unit, that belongs to the same one: at least one request. Its
/// last one is EXEC or DISCARD, unless that is not there.
[[nodiscard]] std::span<Lost> unit_at_front(std::span<Lost> lost) noexcept;

/// A MULTI among `lost` was sent and not answered, and so was a write behind it: if the node has refused the MULTI, it
/// has executed the write. `unit`: whether those are meant that travelled in one piece. `opening`: the slot of the
/// MULTI, where another one among them is nested and opens nothing.
[[nodiscard]] bool may_have_run(std::span<const Lost> lost, bool unit,
                                std::optional<std::uint64_t> opening = std::nullopt) noexcept;

}  // namespace portal::conversation
