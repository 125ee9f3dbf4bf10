#include "storage/successor.hpp"

#include <algorithm>

namespace portal::storage {

std::optional<std::string> successor(const std::vector<NodeStanding>& nodes) {
    const bool leader_leaves =
        std::any_of(nodes.begin(), nodes.end(), [](const auto& node) { return node.leads && node.leaving; });
    const NodeStanding* best = nullptr;
    for (const auto& node : nodes) {
        const bool could_lead = !node.leads && !node.leaving && node.in_sync && node.up;
        if (could_lead && (best == nullptr || best->offset < node.offset)) {
            best = &node;
        }
    }
    return leader_leaves && best != nullptr ? std::optional(best->name) : std::nullopt;
}

}  // namespace portal::storage
