#include "replication/read_target.hpp"

#include <algorithm>
#include <utility>

namespace portal::replication {

namespace {

std::vector<const Node*> replicas(const Topology& topology) {
    std::vector<const Node*> found;
    for (const Node& node : topology.nodes) {
        const auto is_among = [&node](const std::vector<std::string>& names) {
            return std::ranges::find(names, node.name) != names.end();
        };
        if (topology.leader && node.name != topology.leader->name && is_among(topology.in_sync) &&
            !is_among(topology.processes.behind)) {
            found.push_back(&node);
        }
    }
    return found;
}

}  // namespace

bool has_replica(const Topology& topology) {
    return !replicas(topology).empty();
}

Topology for_reads(Topology topology, std::size_t turn) {
    topology.confirming.clear();
    if (const auto found = replicas(topology); !found.empty()) {
        Node chosen = *found[turn % found.size()];
        topology.leader = std::move(chosen);
    }
    return topology;
}

}  // namespace portal::replication
