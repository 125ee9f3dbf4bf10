// How much of one client is taken, sent or asked for at a time, whatever the configuration allows in all.
#pragma once

#include <cstddef>

namespace portal::session {

/// Output is sent before the turn ends when it has grown to this many bytes.
inline constexpr std::size_t kSendAt = 256 * 1024;
/// More bytes of requests than this in flight, and no further commands are taken until some are answered.
inline constexpr std::size_t kWindowBytes = 1024 * 1024;
/// A link that owes the node this much lets each client add one request at a time.
inline constexpr std::size_t kLinkBytes = 8 * 1024 * 1024;
/// So much is read of a client that waits in a way in which its end must be noticed.
inline constexpr std::size_t kReadAhead = 64 * 1024;

}  // namespace portal::session
