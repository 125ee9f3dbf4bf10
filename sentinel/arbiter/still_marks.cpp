#include "sentinel/arbiter/still_marks.hpp"

namespace portal::sentinel {

std::optional<std::string> StillMarks::observe(const std::map<std::string, std::string>& versions, TimePoint now) {
    std::optional<std::string> forgotten;
    std::map<std::string, Seen> seen;
    for (const auto& [portal, version] : versions) {
        const auto before = seen_.find(portal);
        const bool still = before != seen_.end() && before->second.version == version;
        const auto since = still ? before->second.since : now;
        seen[portal] = {version, since};
        if (now - since >= forget_after_) {
            forgotten = portal;
        }
    }
    seen_ = std::move(seen);
    return forgotten;
}

}  // namespace portal::sentinel
