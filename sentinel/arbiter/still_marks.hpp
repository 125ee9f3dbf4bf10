// Finds marks of portals that are gone for good (pods that were killed under names that never come back), so that they
// do not pile up. A mark's age is counted from when this portal first saw it as it is. Pure: time is passed in.
#pragma once

#include "sentinel/observation.hpp"

#include <map>
#include <optional>
#include <string>

namespace portal::sentinel {

/// Far beyond the longest `fence_after`, so that whoever left the mark has long stopped forwarding.
constexpr std::chrono::hours kForgetAfter{1};

class StillMarks {
  public:
    explicit StillMarks(std::chrono::milliseconds forget_after) : forget_after_(forget_after) {}

    /// `versions`: of each mark that is stored, by portal. Returns a portal whose mark stood still for too long.
    std::optional<std::string> observe(const std::map<std::string, std::string>& versions, TimePoint now);

  private:
    struct Seen {
        std::string version;
        TimePoint since;
    };
    std::chrono::milliseconds forget_after_;
    std::map<std::string, Seen> seen_;
};

}  // namespace portal::sentinel
