// How long this portal has had no leader to forward to, and when that is worth an error: a change of leader takes
// moments, and everybody who reads logs at night wants to hear of the rest. Pure: time is passed in.
#pragma once

#include "sentinel/observation.hpp"

#include <optional>
#include <string>

namespace portal::sentinel {

class Outage {
  public:
    /// A change of leader is over by then, and a portal that starts has found one.
    static constexpr Milliseconds kMoment{2000};
    /// Another reason is told no sooner than so long after the one before.
    static constexpr Milliseconds kPause{10000};

    struct News {
        enum class Kind : std::uint8_t { nothing, begun, goes_on, over };
        Kind kind = Kind::nothing;
        Milliseconds lasted{0};
    };
    /// Once per turn. `over` follows only on `begun`.
    News look(bool has_leader, const std::string& reason, TimePoint now) {
        if (has_leader) {
            const bool was_told = told_at_.has_value();
            const News over{was_told ? News::Kind::over : News::Kind::nothing, lasted(now)};
            since_.reset();
            told_at_.reset();
            return over;
        }
        since_ = since_.value_or(now);
        const bool due = told_at_ ? reason != told_ && now - *told_at_ >= kPause : lasted(now) >= kMoment;
        if (!due) {
            return {};
        }
        const auto kind = told_at_ ? News::Kind::goes_on : News::Kind::begun;
        told_at_ = now;
        told_ = reason;
        return {kind, lasted(now)};
    }

  private:
    [[nodiscard]] Milliseconds lasted(TimePoint now) const {
        return since_ ? std::chrono::duration_cast<Milliseconds>(now - *since_) : Milliseconds(0);
    }

    std::optional<TimePoint> since_;
    std::optional<TimePoint> told_at_;
    std::string told_;
};

}  // namespace portal::sentinel
