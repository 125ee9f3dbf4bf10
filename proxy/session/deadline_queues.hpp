// The queues in which the clients of one shard stand for their deadlines, one for each kind. One shard.
#pragma once

#include "net/deadline.hpp"
#include "session/deadlines.hpp"

namespace portal::session {

class DeadlineQueues {
  public:
    explicit DeadlineQueues(const Deadlines::Durations& durations) noexcept;

    /// Those that are armed move by as much.
    void change_durations(const Deadlines::Durations& durations) noexcept;
    /// Which deadline of a client is due first.
    [[nodiscard]] const Deadlines& rules() const noexcept { return rules_; }
    /// `deadline` stands for `due` from now on, and for nothing else.
    void arm(net::Deadline& deadline, const Deadlines::Due& due) noexcept;
    /// Ends what has waited too long.
    void expire(Deadlines::Time now);

  private:
    Deadlines rules_;
    net::DeadlineQueue handshake_, output_, hold_, idle_, block_;
};

}  // namespace portal::session
