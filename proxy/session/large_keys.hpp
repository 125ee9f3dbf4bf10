// Keys that lately held a large value: commands on them travel on a link of their own from the start, so that nobody
// has to wait behind their replies. A hint only: a forgotten key or a collision of hashes costs time, never an answer.
// Pure; one shard.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portal::session {

class LargeKeys {
  public:
    using Clock = std::chrono::steady_clock;
    /// A key is remembered for this long after the last large request or reply.
    static constexpr std::chrono::minutes kRemembered{1};

    /// False costs one look; as long as there are none, no key is hashed.
    [[nodiscard]] bool any() const noexcept { return count_ > 0; }
    [[nodiscard]] bool contains(std::string_view key) const noexcept;
    void note(std::string_view key, Clock::time_point now) noexcept;
    /// To be called now and then.
    void forget_old(Clock::time_point now) noexcept;

  private:
    struct Entry {
        std::uint64_t hash = 0;  // 0: free
        Clock::time_point until;
    };
    static constexpr std::size_t kEntries = 256;

    std::array<Entry, kEntries> entries_{};  // by hash; a newer key takes an older one's place
    std::size_t count_ = 0;
};

}  // namespace portal::session
