// Which node should lead instead of one that is about to stop. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portal::storage {

struct NodeStanding {
    std::string name;
    bool leads = false;
    bool in_sync = false;
    bool up = false;
    bool leaving = false;  // its agent says that it is about to stop
    std::uint64_t offset = 0;
    std::uint64_t priority = 100;  // its replica-priority; 0: it is never promoted
};

/// The node to switch over to: when the leader is leaving, the in-sync replica that stays with the lowest
/// replica-priority, and of those the one with the most data. Nothing
/// when the leader stays or nobody could take over.
[[nodiscard]] std::optional<std::string> successor(const std::vector<NodeStanding>& nodes);

}  // namespace portal::storage
