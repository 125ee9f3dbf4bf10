// The timeout inside a request that blocks, so that a request that has waited already can be sent again with the time
// that remains. Pure.
#pragma once

#include "command/command_table.hpp"
#include "resp/request_view.hpp"

#include <chrono>
#include <string>

namespace portal::command {

/// The request, a row of Handling::blocking, with `waited` taken off its timeout; at least a millisecond remains, so
/// that the node answers as after any timeout. One that waits for ever, does not block, or has no valid timeout comes
/// back as it is.
[[nodiscard]] std::string with_less_timeout(const CommandRow& row, const resp::RequestView& request,
                                            std::chrono::steady_clock::duration waited);

}  // namespace portal::command
