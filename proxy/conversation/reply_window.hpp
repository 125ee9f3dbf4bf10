// How many requests of one client may be unanswered at a time, so that the node never has to hold much for it: the
// sizes of the next replies are guessed from those of the last. Large ones are remembered longer than small ones. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace portal::conversation {

class ReplyWindow {
  public:
    /// So many replies, or bytes of replies, are awaited at a time.
    static constexpr std::size_t kRequests = 1024;
    static constexpr std::size_t kBytes = 1024 * 1024;

    /// A reply of `size` bytes, or a part of one, has come.
    void learn(std::size_t size) noexcept { expected_ = std::max(size, expected_ - expected_ / 64); }

    /// At least one. Until the first replies have come, as many as would be right for replies of 32 KiB.
    [[nodiscard]] std::uint32_t requests() const noexcept {
        return static_cast<std::uint32_t>(std::clamp<std::size_t>(kBytes / (expected_ + 1), 1, kRequests));
    }

  private:
    std::size_t expected_ = 32 * 1024 - 1;
};

}  // namespace portal::conversation
