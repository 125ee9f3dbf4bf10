#include "session/notice_board.hpp"

#include <algorithm>
#include <chrono>

namespace portal::session {

namespace {

/// Nearly all planned changes of leader are over by then. Two messages to every client cost more than that.
constexpr std::chrono::milliseconds kWorthTelling{50};
/// Where no change of leader is recorded, the portal waits for the arbiter or for one to begin.
constexpr std::chrono::milliseconds kWithoutRecord{500};

}  // namespace

NoticeBoard::Event NoticeBoard::look(const Now& now) {
    recorded_ = now.recorded;
    if (now.forwarding) {
        held_since_.reset();
        if (!announced_) {
            return Event::nothing;
        }
        announced_ = false;
        ended_by_ = recorded_ >= number_ ? next(recorded_ + 1) : next_of_date(now.date);
        return Event::hold_ends;
    }
    if (!held_since_) {
        held_since_ = now.at;
    }
    const bool recorded = now.replacing && recorded_ > 0;
    if (announced_ || now.at - *held_since_ < (recorded ? kWorthTelling : kWithoutRecord)) {
        return Event::nothing;
    }
    announced_ = true;
    number_ = recorded ? next(recorded_) : next_of_date(now.date);
    return Event::hold_begins;
}

std::int64_t NoticeBoard::next(std::int64_t wanted) noexcept {
    last_ = std::max(wanted, last_ + 1);
    return last_;
}

/// Behind the two numbers of the change of leader that is recorded: that it begins, and that it is over.
std::int64_t NoticeBoard::next_of_date(std::int64_t date) noexcept {
    return next(std::max(date, recorded_ + 2));
}

void NoticeBoard::begin_move(Time now, Time until, std::int64_t date) {
    if (!moving_) {
        const auto time = until - now;
        moving_ = Moving{now, now + time / 2, until - time / 8, next_of_date(date)};
    }
}

std::optional<NoticeBoard::Move> NoticeBoard::due_move(std::uint64_t client, Time now) const noexcept {
    if (!moving_) {
        return std::nullopt;
    }
    constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15U;  // neighbours end up far from each other
    const double part = static_cast<double>((client * kGolden) >> 32U) / 4294967296.0;
    const auto turn = std::chrono::duration_cast<Time::duration>((moving_->told_by - moving_->began) * part);
    if (now < moving_->began + turn) {
        return std::nullopt;
    }
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(moving_->cut_at - now).count();
    return Move{moving_->number, std::max<std::int64_t>(1, left)};
}

}  // namespace portal::session
