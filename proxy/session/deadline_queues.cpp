#include "session/deadline_queues.hpp"

namespace portal::session {

DeadlineQueues::DeadlineQueues(const Deadlines::Durations& durations) noexcept
    : rules_(durations),
      handshake_(durations.handshake),
      output_(durations.output),
      hold_(durations.hold),
      idle_(durations.idle),
      block_(durations.block) {}

void DeadlineQueues::change_durations(const Deadlines::Durations& durations) noexcept {
    rules_ = Deadlines(durations);
    handshake_.change_duration(durations.handshake);
    output_.change_duration(durations.output);
    hold_.change_duration(durations.hold);
    idle_.change_duration(durations.idle);
    block_.change_duration(durations.block);
}

void DeadlineQueues::arm(net::Deadline& deadline, const Deadlines::Due& due) noexcept {
    switch (due.kind) {
        case Deadlines::Kind::none:
            deadline.disarm();
            break;
        case Deadlines::Kind::handshake:
            handshake_.arm(deadline, due.since);
            break;
        case Deadlines::Kind::output:
            output_.arm(deadline, due.since);
            break;
        case Deadlines::Kind::hold:
            hold_.arm(deadline, due.since);
            break;
        case Deadlines::Kind::idle:
            idle_.arm(deadline, due.since);
            break;
        case Deadlines::Kind::block:
            block_.arm(deadline, due.since);
            break;
    }
}

void DeadlineQueues::expire(Deadlines::Time now) {
    handshake_.expire(now);
    idle_.expire(now);
    hold_.expire(now);
    output_.expire(now);
    block_.expire(now);
}

}  // namespace portal::session
