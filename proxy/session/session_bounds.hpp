// How much of one client is taken, sent or asked for at a time, whatever the configuration allows in all.
#pragma once

#include <cstddef>
#include <string_view>

namespace portal::session {

/// Output is sent before the turn ends when it has grown to this many bytes.
inline constexpr std::size_t kSendAt = 256 * 1024;
/// A link that owes the node this much lets each client add one request at a time.
inline constexpr std::size_t kLinkBytes = 8 * 1024 * 1024;
/// A request of this size or more travels alone, on a link that serves nobody else meanwhile, whatever its command: a
/// node ends a connection on which more comes than it takes (proto-max-bulk-len, client-query-buffer-limit, neither of
/// which can be less than four times as much). One that is not complete, and is this long already or announces to
/// become it, is not gathered if its name tells all that has to be known.
inline constexpr std::size_t kLargeRequest = 256 * 1024;
[[nodiscard]] constexpr bool is_large(std::string_view frame) noexcept {
    return frame.size() >= kLargeRequest;
}
/// So much is read of a client that waits in a way in which its end must be noticed.
inline constexpr std::size_t kReadAhead = 64 * 1024;

/// The client is read on while the link has no more than this to write.
inline constexpr std::size_t kUnwritten = 128 * 1024;

}  // namespace portal::session
