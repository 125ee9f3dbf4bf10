// Output buffers that no client of a shard has a use for at present. An idle client keeps no large one, and one that
// gets much at a time would else allocate its own anew for each turn. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace portal::session {

class SpareBuffers {
  public:
    /// A client keeps a buffer of this capacity or less.
    static constexpr std::size_t kSmall = 512;
    /// So much capacity is kept of all together; the rest is given back to the allocator.
    static constexpr std::size_t kMost = 1024 * 1024;

    /// `buffer`, which is empty and about to take much, gets room from here, if there is any.
    void lend(std::string& buffer) {
        if (buffer.capacity() <= kSmall && !spare_.empty()) {
            buffer = std::move(spare_.back());
            spare_.pop_back();
            kept_ -= buffer.capacity();
        }
    }

    /// `buffer`, which is empty, keeps its room only if that is small.
    void take_back(std::string& buffer) {
        if (buffer.capacity() <= kSmall) {
            return;
        }
        std::string large = std::exchange(buffer, {});
        if (large.capacity() <= kMost - kept_) {
            kept_ += large.capacity();
            spare_.push_back(std::move(large));
        }
    }

    /// Capacity of all that are here.
    [[nodiscard]] std::size_t kept() const noexcept { return kept_; }

  private:
    std::vector<std::string> spare_;
    std::size_t kept_ = 0;
};

}  // namespace portal::session
