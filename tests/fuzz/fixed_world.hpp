// A clock that moves only when the harness says so, and nonces that are the same in each run: the same input always
// takes the same way. The programs' own definitions are used in place of the libraries'.
#pragma once

#include <chrono>

namespace portal::fuzz {

/// The clock and the nonces begin anew.
void begin_world() noexcept;
void pass_time(std::chrono::nanoseconds time) noexcept;

}  // namespace portal::fuzz
