// Which deadline of one client is due first, and from when it counts. Computed anew from the client's state whenever
// that may have changed, so none can be forgotten. Pure: knows no queue, and is given the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace portal::session {

class Deadlines {
  public:
    using Clock = std::chrono::steady_clock;
    using Time = Clock::time_point;

    enum class Kind : std::uint8_t {
        none,
        handshake,  // it has not finished its PROXY header and its TLS handshake
        output,     // it takes nothing of what waits for it
        hold,       // it waits for a leader
        block,      // it has gone; what it asked for has not been answered, so it is blocked, and so is what is behind
        idle,       // nothing has gone either way
    };

    /// How long each may last; zero: for ever.
    struct Durations {
        Clock::duration handshake{}, output{}, hold{}, idle{}, block{};
    };

    struct State {
        bool closed = false;
        bool established = false;
        bool busy = false;  // it waits for something that is not its own, or listens, so it is not idle
        Time connected_at{};
        Time active_at{};                   // when something went either way last
        std::optional<Time> stalled_since;  // its socket is full
        std::optional<Time> held_since;
        std::optional<Time> blocked_since;  // only of one that has gone, and has more behind
    };

    struct Due {
        Kind kind = Kind::none;
        Time since{};
        Time at{};
        friend bool operator==(const Due&, const Due&) = default;
    };

    explicit Deadlines(const Durations& durations) noexcept : durations_(durations) {}

    /// A busy client is looked at again one idle time from `now`.
    [[nodiscard]] Due due(const State& state, Time now) const noexcept;

  private:
    Durations durations_;
};

}  // namespace portal::session
