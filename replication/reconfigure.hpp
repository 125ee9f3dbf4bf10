// Compares who should lead with what the nodes report, and lists the REPLICAOF commands that are missing. Also says
// which replicas are in sync. Pure.
#pragma once

#include "replication/info_parser.hpp"

#include <optional>
#include <string>
#include <vector>

namespace portal::replication {

/// A configured node together with its newest report. `addresses` is what its host was last looked up to; nodes report
/// each other by name or by address, so both count.
struct SeenNode {
    Node node;
    std::vector<std::string> addresses;
    NodeReport report;
};

/// One command to send: REPLICAOF to `leader`, or REPLICAOF NO ONE when it is empty.
struct ReplicaofStep {
    std::string node;
    std::optional<Endpoint> leader;
    std::string why;
    bool operator==(const ReplicaofStep&) const = default;
};

/// True when `endpoint`, as some server reported it, is where `seen` listens.
bool is_at(const Endpoint& endpoint, const SeenNode& seen) noexcept;

/// The commands that make `leader` lead and all other seen nodes follow it. Empty when nothing is to be done, or when
/// the leader itself has not been seen: nothing is pointed at a node that nobody has looked at. A node that is the
/// leader's process under another name is left out: a process that follows itself serves nobody.
std::vector<ReplicaofStep> reconfigure(const std::string& leader, const std::vector<SeenNode>& seen);

/// The leader's own listing of this replica, if it can be told apart.
std::optional<ConnectedReplica> listed_replica(const SeenNode& leader, const SeenNode& replica);

/// True when the replica follows the leader, its first synchronization is done, and it keeps up by both accounts.
bool is_in_sync(const SeenNode& replica, const SeenNode& leader);

/// In sync, and the leader has its acknowledgement. "online" comes before that, and until it arrives the leader sends
/// no commands: a replica joins the in-sync set by this, and stays in it by is_in_sync.
bool has_caught_up(const SeenNode& replica, const SeenNode& leader);

}  // namespace portal::replication
