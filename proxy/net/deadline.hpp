// Deadlines of many connections with one clock: entries of a queue share one duration, so the queue stays sorted nearly
// by itself and arming, disarming and expiring are O(1). Precision is the shard's tick. Single-threaded.
#pragma once

#include <chrono>

#include <boost/intrusive/list.hpp>

namespace portal::net {

/// The one deadline of a connection. It stands in at most one queue; leaves it when destroyed.
class Deadline : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  public:
    using Clock = std::chrono::steady_clock;

    Deadline() = default;
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    [[nodiscard]] bool armed() const noexcept { return is_linked(); }
    void disarm() noexcept {
        if (is_linked()) {
            unlink();
        }
    }

  protected:
    virtual ~Deadline() = default;

  private:
    friend class DeadlineQueue;
    /// The time has passed; the deadline is disarmed already.
    virtual void expired() = 0;
    Clock::time_point at_{};
};

/// All deadlines of one kind (handshake, idle, hold, ...). A zero duration means no deadline: arm() then only disarms.
class DeadlineQueue {
  public:
    using Clock = std::chrono::steady_clock;

    explicit DeadlineQueue(Clock::duration duration) noexcept : duration_(duration) {}

    /// Starts `deadline` anew, leaving whatever queue it stood in. `since` is now, or for a few of many earlier: each
    /// steps ahead of those that began behind it.
    void arm(Deadline& deadline, Clock::time_point since) noexcept;
    /// Deadlines that are armed move by as much; zero disarms them.
    void change_duration(Clock::duration duration) noexcept;
    /// Calls expired() for all that have passed.
    void expire(Clock::time_point now);

  private:
    Clock::duration duration_;
    boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>> waiting_;
};

}  // namespace portal::net
