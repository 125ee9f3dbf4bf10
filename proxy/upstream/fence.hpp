// A question with an answer that nobody can guess. It is sent behind requests that may be answered more or fewer times
// than once: if the node's next reply is not its answer, replies and requests do not belong together any more. Pure,
// but for the random bytes.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace portal::upstream {

/// Random bytes from the kernel, fetched in portions. One for each shard.
class NonceSource {
  public:
    static constexpr std::size_t kBytes = 16;
    /// 32 hexadecimal digits, into `out`.
    void next(std::array<char, 2 * kBytes>& out);

  private:
    std::array<unsigned char, 64 * kBytes> random_{};
    std::size_t used_ = sizeof random_;
};

/// How the node is asked: users that may not ECHO are answered by an error that quotes an unknown command.
enum class FenceStyle : unsigned char { echo, unknown_command };

/// The node is busy with a script or a module, and refuses nearly everything, an ECHO too.
[[nodiscard]] constexpr bool says_busy(std::string_view reply) noexcept {
    return reply.starts_with("-BUSY ");
}

/// The node refuses nearly everything for a while: what was asked may be asked again.
[[nodiscard]] constexpr bool says_later(std::string_view reply) noexcept {
    return says_busy(reply) || reply.starts_with("-LOADING ") || reply.starts_with("-MASTERDOWN ");
}

/// Overwrites `frame` with the request.
void write_fence(std::string& frame, FenceStyle style, NonceSource& nonces);
/// A quick look: false if `reply` is no answer to any fence.
[[nodiscard]] bool may_answer_fence(std::string_view reply) noexcept;
/// True if `reply` (whole) is the answer to `frame`.
[[nodiscard]] bool answers_fence(std::string_view frame, std::string_view reply) noexcept;

}  // namespace portal::upstream
