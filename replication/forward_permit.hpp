// The moment until which this portal may forward commands. The monitor extends it each time it has confirmed the
// record; shards read it before they forward, so a portal that was paused or cut off stops by itself (design section 4,
// rule 2). One writer (monitor thread), many readers; a relaxed atomic, no read-modify-write.
#pragma once

#include <atomic>
#include <chrono>

namespace portal::replication {

class ForwardPermit {
  public:
    using Clock = std::chrono::steady_clock;

    void extend(Clock::time_point until) noexcept {
        granted_.store(until.time_since_epoch().count(), std::memory_order_release);
        until_.store(until.time_since_epoch().count(), std::memory_order_release);
    }
    /// Nothing more is forwarded. Nobody acts on that before the shards have said that they stopped.
    void revoke() noexcept {
        until_.store(Clock::time_point::min().time_since_epoch().count(), std::memory_order_release);
    }
    [[nodiscard]] bool valid(Clock::time_point now) const noexcept {
        return now.time_since_epoch().count() < until_.load(std::memory_order_acquire);
    }
    /// What was forwarded may still be answered, also behind a revocation: no other node leads before what was granted
    /// has run out, or the shards have said that they stopped.
    [[nodiscard]] bool answers_hold(Clock::time_point now) const noexcept {
        return now.time_since_epoch().count() < granted_.load(std::memory_order_acquire);
    }

  private:
    std::atomic<Clock::rep> granted_{Clock::time_point::min().time_since_epoch().count()};
    std::atomic<Clock::rep> until_{Clock::time_point::min().time_since_epoch().count()};
};

}  // namespace portal::replication
