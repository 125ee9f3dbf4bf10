// Observations of one node over time -> up, suspected, busy or down; and a guard that notices when this process itself
// slept, so that its own pause is not taken for a node's silence. Pure: time is passed in.
#pragma once

#include "sentinel/busy.hpp"
#include "sentinel/observation.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace portal::sentinel {

enum class Health : std::uint8_t {
    up,
    suspected,  // a question is overdue
    busy,       // it lives and gives no proper answer: see busy.hpp
    down
};

std::string_view to_string(Health health) noexcept;

class NodeHealth {
  public:
    NodeHealth(Milliseconds ping_interval, Patience patience, TimePoint now)
        : ping_interval_(ping_interval), patience_(patience), unanswered_since_(now), failing_since_(now) {
        signs_.answered_at = signs_.unserved_since = now;
    }

    void note(const Observation& observation);
    /// About the process that answered last.
    void note(AgentWord word) { signs_.agent = std::move(word); }
    /// Starts the wait for an answer anew, after this process was paused.
    void forgive(TimePoint now);

    /// Down at once when a reconnect was refused, else when a question has not been answered for `down_after` and
    /// judge_busy() finds no life. The time between an answer and the next question does not count: a node that is busy
    /// for less than `down_after` is never down, whenever that begins.
    [[nodiscard]] Health assess(TimePoint now) const;
    /// Down, but only because it has been busy for too long.
    [[nodiscard]] bool overdue(TimePoint now) const;
    [[nodiscard]] bool refused() const { return refused_; }
    /// When the present trouble began. Meaningful unless up.
    [[nodiscard]] TimePoint failing_since() const { return failing_since_; }
    /// It has owed a proper answer since. Later than now while none is due.
    [[nodiscard]] TimePoint unserved_since() const { return signs_.unserved_since; }
    [[nodiscard]] std::string trouble(TimePoint now) const;

  private:
    void note_failing(TimePoint at);
    [[nodiscard]] bool silent(TimePoint now) const { return now - unanswered_since_ >= patience_.down_after; }

    Milliseconds ping_interval_;
    Patience patience_;
    Signs signs_;
    TimePoint unanswered_since_;  // when the question after the last answer was due
    TimePoint failing_since_;
    bool ever_answered_ = false;
    bool failing_ = true;
    bool refused_ = false;
    std::string trouble_ = "not reached yet";
};

/// Notices that the event loop did not run for longer than `limit`.
class PauseGuard {
  public:
    PauseGuard(Milliseconds limit, TimePoint now) : limit_(limit), last_(now) {}
    /// Call often. True when too much time has passed since the call before.
    bool paused(TimePoint now) {
        const bool late = now - last_ > limit_;
        last_ = now;
        return late;
    }

  private:
    Milliseconds limit_;
    TimePoint last_;
};

}  // namespace portal::sentinel
