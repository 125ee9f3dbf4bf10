// Requests too large to be gathered: which are passed on as they come, and what stands in the way of one. Pure.
#pragma once

#include "command/command_table.hpp"
#include "route/router.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portal::conversation {

/// A request of this size or more travels alone, on a link that serves nobody else meanwhile, whatever its command: a
/// node ends a connection on which more comes than it takes (proto-max-bulk-len, client-query-buffer-limit, neither of
/// which can be less than four times as much). One that is not complete, and is this long already or announces to
/// become it, is not gathered if its name tells all that has to be known.
inline constexpr std::size_t kLargeRequest = 256 * 1024;
[[nodiscard]] constexpr bool is_large(std::string_view frame) noexcept {
    return frame.size() >= kLargeRequest;
}

/// Enough of a request of `present` bytes, with `announced` more to come, is there to know its command, and it is
/// large.
[[nodiscard]] bool shows_that_it_is_large(std::size_t present, std::size_t announced) noexcept;
/// Nothing but its name has to be known of such a request, and the portal does not answer it. The others are gathered
/// whole, however large.
[[nodiscard]] bool passes_as_it_comes(const command::CommandRow& row, bool resp2_subscriber) noexcept;

/// What stands in the way of one.
struct LargeFacts {
    bool idle = true;           // nothing that the client has sent before is unanswered
    bool own_owes = false;      // the client's own link still owes an answer: that to a fence
    bool has_link = true;       // a link of its own can be had
    bool refusing = false;      // the wait for a leader or a link is over
    bool awaits_proof = false;  // it writes, and nobody confirms writes now
};

enum class LargeStep : std::uint8_t {
    answer,       // the portal does
    drain,        // what was sent before must be answered first
    await_link,   // its link must owe nothing
    hold,         // there is nobody to send it to
    refuse,       // nor will there be in time
    await_proof,  // nor will it be told before writes can be proven
    forward,
};

[[nodiscard]] LargeStep next_step(route::Destination destination, const LargeFacts& facts) noexcept;

}  // namespace portal::conversation
