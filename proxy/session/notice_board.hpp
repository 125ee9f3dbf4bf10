// When the clients of one shard are told of maintenance, and by which number. A hold is worth telling when it has
// lasted for a moment: most switchovers are over before. A change of leader has its number from the record, so that all
// portals tell it by the same; what concerns this portal alone is numbered by the date. Numbers never go back. Pure but
// for the date.
#pragma once

#include "net/turn.hpp"

#include <cstdint>
#include <optional>

namespace portal::session {

class NoticeBoard {
  public:
    using Time = net::Turn::Clock::time_point;

    /// What a look at the shard has come to.
    enum class Event : std::uint8_t { nothing, hold_begins, hold_ends };

    /// How commands fare now.
    struct Now {
        Time at;
        bool forwarding = true;
        bool replacing = false;     // the leader is being replaced, which the record says
        std::int64_t recorded = 0;  // the number of the newest change of leader; 0: the record has none
        std::int64_t date = 0;      // milliseconds of Unix time
    };
    Event look(const Now& now);

    /// The number by which the hold was told that goes on now.
    [[nodiscard]] std::optional<std::int64_t> announced() const noexcept {
        return announced_ ? std::optional(number_) : std::nullopt;
    }
    /// The number by which a hold ends that was told. While it goes on: for a client whose commands are refused.
    [[nodiscard]] std::int64_t end_number() const noexcept { return announced_ ? number_ + 1 : ended_by_; }

    // --- the portal goes away
    /// From `now` on clients are told, one after the other; at `until` they are closed. Told again it changes nothing.
    void begin_move(Time now, Time until, std::int64_t date);
    [[nodiscard]] bool draining() const noexcept { return moving_.has_value(); }
    /// Who was told, or is to be told, may still leave by itself.
    [[nodiscard]] bool may_stay(Time now) const noexcept { return moving_ && now < moving_->cut_at; }
    struct Move {
        std::int64_t number = 0;
        std::int64_t seconds = 0;  // until the client is closed
    };
    /// It is the turn of this client. Clients are spread over the time by their ids.
    [[nodiscard]] std::optional<Move> due_move(std::uint64_t client, Time now) const noexcept;

  private:
    struct Moving {
        Time began, told_by, cut_at;
        std::int64_t number = 0;
    };

    std::int64_t next(std::int64_t wanted) noexcept;
    std::int64_t next_of_date(std::int64_t date) noexcept;

    std::optional<Time> held_since_;
    bool announced_ = false;
    std::int64_t number_ = 0;    // of the hold that was told last
    std::int64_t ended_by_ = 0;  // and of its end
    std::int64_t last_ = 0;      // the newest that was given out
    std::int64_t recorded_ = 0;
    std::optional<Moving> moving_;
};

}  // namespace portal::session
