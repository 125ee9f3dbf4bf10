// Since when the present leader leads and which portal acts, as the record tells them. Pure; wall-clock times are
// passed in, for people alone.
#pragma once

#include "sentinel/arbiter/record.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace portal::sentinel {

class Tenure {
  public:
    using WallTime = std::chrono::system_clock::time_point;

    /// Once per turn. A leader that has its role back after a change that came to nothing has led all the time.
    void look(const Record& record, WallTime now) {
        if (record.phase == Phase::leading && record.leader != leader_) {
            leader_ = record.leader;
            leader_since_ = now;
        }
        if (record.phase == Phase::leading && record.leader_since != 0) {  // also from before this portal started
            leader_since_ = WallTime(std::chrono::seconds(record.leader_since));
        }
        if (!record.acting.empty() && acting_ != record.acting) {
            acting_changes_ += acting_.empty() ? 0U : 1U;
            acting_ = record.acting;
        }
    }

    /// The leader that was recorded last; empty before the first.
    [[nodiscard]] const std::string& leader() const { return leader_; }
    [[nodiscard]] WallTime leader_since() const { return leader_since_; }
    /// How often another portal came to act than before.
    [[nodiscard]] std::uint64_t acting_changes() const { return acting_changes_; }

  private:
    std::string leader_;
    WallTime leader_since_{};
    std::string acting_;
    std::uint64_t acting_changes_ = 0;
};

}  // namespace portal::sentinel
