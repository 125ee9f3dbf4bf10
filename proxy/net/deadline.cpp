#include "net/deadline.hpp"

namespace portal::net {

void DeadlineQueue::arm(Deadline& deadline, Clock::time_point now) noexcept {
    deadline.disarm();
    if (duration_ == Clock::duration::zero()) {
        return;
    }
    deadline.at_ = now + duration_;
    waiting_.push_back(deadline);
}

void DeadlineQueue::change_duration(Clock::duration duration) noexcept {
    for (Deadline& deadline : waiting_) {
        deadline.at_ += duration - duration_;
    }
    duration_ = duration;
    if (duration == Clock::duration::zero()) {
        waiting_.clear();
    }
}

void DeadlineQueue::expire(Clock::time_point now) {
    while (!waiting_.empty() && waiting_.front().at_ <= now) {
        Deadline& deadline = waiting_.front();
        waiting_.pop_front();
        deadline.expired();
    }
}

}  // namespace portal::net
