// Whether a user may use a CLIENT subcommand is the node's to say, though the portal answers it: the node is asked the
// same in a form that changes nothing there. Pure.
#pragma once

#include "command/command_table.hpp"
#include "resp/request_view.hpp"

#include <string>
#include <string_view>

namespace portal::session {

/// What the node is asked instead of `request`. It checks permissions first, and then finds nothing to do. `link_name`:
/// what the portal's links are called.
[[nodiscard]] std::string question(const command::CommandRow& row, const resp::RequestView& request,
                                   std::string_view link_name);

/// The node's answer to a question goes to the client, since it says no.
[[nodiscard]] bool is_refusal(std::string_view verdict, command::Handling handling);

}  // namespace portal::session
