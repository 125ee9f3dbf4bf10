// What a portal does for the nodes beside routing and failover: the agents that run beside them, and volumes that grow.
// Apart from Config, since neither the data path nor the monitor knows of it. Defaults and units stand here, bounds and
// help texts in upkeep_keys.hpp.
#pragma once

#include "config/config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace portal::config {

/// A `redis-portal agent` beside a node.
struct NodeAgent {
    std::string node;
    Address address;
    std::optional<std::string> claim;  // the PersistentVolumeClaim of the node's data
};

/// When and how far the nodes' volumes grow. Percentages of the file system (threshold) and of the volume (increase).
struct AutoExpand {
    std::uint32_t threshold = 75;
    std::uint32_t increase = 50;
    Bytes min_step{1ULL << 30U};
    Bytes limit;
    Milliseconds cooldown{std::chrono::hours{6}};
};

struct Upkeep {
    std::vector<NodeAgent> agents;
    std::optional<AutoExpand> auto_expand;  // empty: volumes are left as they are
    std::optional<std::string> role;        // the portals' Role in Kubernetes, for people
};

/// The whole file.
struct PortalFile {
    Config config;
    Upkeep upkeep;
};

}  // namespace portal::config
