// How much of one client is taken, sent or asked for at a time, and how long is waited for it, whatever the
// configuration allows in all.
#pragma once

#include "conversation/large_rules.hpp"

#include <chrono>
#include <cstddef>

namespace portal::session {

using conversation::is_large;
using conversation::kLargeRequest;

/// Output is sent before the turn ends when it has grown to this many bytes.
inline constexpr std::size_t kSendAt = 256 * 1024;
/// A link that owes the node this much lets each client add one request at a time.
inline constexpr std::size_t kLinkBytes = 8 * 1024 * 1024;
/// So much is read of a client that waits in a way in which its end must be noticed.
inline constexpr std::size_t kReadAhead = 64 * 1024;

/// The client is read on while the link has no more than this to write.
inline constexpr std::size_t kUnwritten = 128 * 1024;

/// What a client that has gone asked for last has been answered by then, unless it is blocked.
inline constexpr std::chrono::milliseconds kBlock{50};

}  // namespace portal::session
