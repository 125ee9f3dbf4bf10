#include "sentinel/twins.hpp"

#include <algorithm>

namespace portal::sentinel {
namespace {

bool answers_as(const NodeView& node, const std::string& run_id) {
    return node.health == Health::up && node.report && !run_id.empty() && node.report->run_id == run_id;
}

/// How strong a name's claim to the process is that it leads to.
int claim(const NodeView& node, const std::optional<Record>& record) {
    if (!record) {
        return 0;
    }
    const auto known = record->known.find(node.node.name);
    const bool recorded = known != record->known.end() && known->second.run_id == node.report->run_id;
    return (recorded ? 2 : 0) + (record->leader == node.node.name ? 1 : 0);
}

void disown(NodeView& alias, const std::string& owner, TimePoint since) {
    alias.twin_of = owner;
    alias.trouble = twins_sentence(owner, alias.node.name);
    alias.health = Health::down;
    alias.refused = alias.overdue = false;
    alias.failing_since = std::min(since, alias.asked_at);
    alias.report.reset();
    alias.heard_at = TimePoint{};
}

}  // namespace

void set_twins_apart(std::vector<NodeView>& nodes, const std::optional<Record>& record, TimePoint since) {
    for (auto& first : nodes) {
        const std::string run_id = first.report ? first.report->run_id : "";
        if (!answers_as(first, run_id)) {
            continue;
        }
        auto* owner = &first;
        for (auto& other : nodes) {
            if (answers_as(other, run_id) && claim(other, record) > claim(*owner, record)) {
                owner = &other;
            }
        }
        for (auto& other : nodes) {
            if (&other != owner && answers_as(other, run_id)) {
                disown(other, owner->node.name, since);
            }
        }
    }
}

std::string twins_sentence(const std::string& name, const std::string& twin) {
    return name + " and " + twin +
           " lead to one process (they report the same run_id); give each node the address of " +
           "a redis-server of its own";
}

}  // namespace portal::sentinel
