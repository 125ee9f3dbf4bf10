#include "storage/successor.hpp"

#include <algorithm>
#include <utility>

namespace portal::storage {

std::optional<std::string> successor(const std::vector<NodeStanding>& nodes) {
    const bool leader_leaves =
        std::any_of(nodes.begin(), nodes.end(), [](const auto& node) { return node.leads && node.leaving; });
    const NodeStanding* best = nullptr;
    for (const auto& node : nodes) {
        const bool could_lead = !node.leads && !node.leaving && node.in_sync && node.up && node.priority > 0;
        const auto place = [](const NodeStanding& one) { return std::pair(one.priority, ~one.offset); };
        if (could_lead && (best == nullptr || place(node) < place(*best))) {
            best = &node;
        }
    }
    return leader_leaves && best != nullptr ? std::optional(best->name) : std::nullopt;
}

}  // namespace portal::storage
