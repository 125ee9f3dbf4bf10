// The immutable snapshot that shards route by: which node leads, in which epoch, and whether forwarding is allowed.
// Made by the monitor, posted to every shard; a newer epoch always wins. Pure values.
#pragma once

#include "replication/node.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace portal::replication {

/// Counts changes of leader. Grows by one with each; 0 means "no record yet".
enum class Epoch : std::uint64_t {};

constexpr Epoch next(Epoch epoch) noexcept {
    return Epoch{static_cast<std::uint64_t>(epoch) + 1};
}

/// A replica whose word is needed before a proven write is answered, and where a leader may say that it listens.
struct Confirmer {
    std::string name;
    std::vector<std::string> hosts;
    std::uint16_t port = 0;
    bool operator==(const Confirmer&) const = default;
};

/// Where the names of nodes have led to: what probes are connected to, the present one first. No part of what a
/// topology is: another address alone is no reason to publish one.
struct KnownAddresses {
    std::map<std::string, std::vector<std::string>> by_host;
    bool operator==(const KnownAddresses& /*other*/) const noexcept { return true; }
};

/// What the process of each node calls itself; another one when it has been started again. No part of what a topology
/// is: nobody is fenced or led otherwise for it.
struct Processes {
    std::map<std::string, std::string> by_node;
    /// In-sync replicas that were started again and have not caught up since: they may lack everything.
    std::vector<std::string> behind;
    bool operator==(const Processes& /*other*/) const noexcept { return true; }
    [[nodiscard]] bool same(const Processes& other) const noexcept {
        return by_node == other.by_node && behind == other.behind;
    }
};

/// One published view of the cluster. Holders share it read-only across threads.
struct Topology {
    Epoch epoch{0};
    /// The leader to forward to; empty while there is none or while this portal must not forward (fencing, isolation).
    std::optional<Node> leader;
    std::vector<Node> nodes;
    KnownAddresses addresses;
    Processes processes;
    /// Names of the nodes (leader included) that hold every confirmed write.
    std::vector<std::string> in_sync;
    /// With proven writes: every replica that may be promoted, now or as soon as it has joined the in-sync set.
    std::vector<Confirmer> confirming;
    /// The leader is being replaced: who may be promoted does not change before another one is recorded.
    bool fencing = false;
    /// By which clients are told of the change of leader that began this epoch; 0: the record does not say.
    std::int64_t notice = 0;
    /// One sentence for logs, status and client errors: why there is no leader, or how this one came to lead.
    std::string reason;

    bool operator==(const Topology&) const = default;
};

/// What the process of that node calls itself; empty: it has not said.
[[nodiscard]] inline std::string process_of(const Topology& topology, const std::string& node) {
    const auto found = topology.processes.by_node.find(node);
    return found == topology.processes.by_node.end() ? std::string() : found->second;
}

using TopologyPtr = std::shared_ptr<const Topology>;

}  // namespace portal::replication
