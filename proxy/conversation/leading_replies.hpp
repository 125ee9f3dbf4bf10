// Error replies by which a node says that it does not lead (any more), or that it still loads its data. What was
// answered so was not executed. Pure.
#pragma once

#include "command/command_table.hpp"

#include <string_view>

namespace portal::conversation {

/// `frame`, a whole reply, says READONLY, LOADING or MASTERDOWN, or is the end of a blocked pop whose node was demoted.
[[nodiscard]] bool says_not_leading(std::string_view frame) noexcept;

/// EXEC's own form of it: "-EXECABORT Transaction discarded because of: READONLY ...".
[[nodiscard]] bool exec_says_not_leading(std::string_view frame) noexcept;

/// What runs code of others can be answered with any words, READONLY among them.
[[nodiscard]] bool may_say_anything(const command::CommandRow& row) noexcept;

/// The words of an error reply, without '-' and line end.
[[nodiscard]] std::string_view error_words(std::string_view frame) noexcept;

}  // namespace portal::conversation
