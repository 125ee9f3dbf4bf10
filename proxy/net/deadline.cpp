#include "net/deadline.hpp"

#include <iterator>

namespace portal::net {

void DeadlineQueue::arm(Deadline& deadline, Clock::time_point since) noexcept {
    deadline.disarm();
    if (duration_ == Clock::duration::zero()) {
        return;
    }
    deadline.at_ = since + duration_;
    auto place = waiting_.end();
    while (place != waiting_.begin() && std::prev(place)->at_ > deadline.at_) {
        --place;
    }
    waiting_.insert(place, deadline);
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
