#include "replication/reconfigure.hpp"

#include <algorithm>

namespace portal::replication {
namespace {

/// Replicas acknowledge once per second; more than this many seconds without one means that it does not keep up.
constexpr std::int64_t kMaxLagSeconds = 10;

const SeenNode* find(const std::vector<SeenNode>& seen, const std::string& name) {
    const auto found = std::find_if(seen.begin(), seen.end(), [&](const SeenNode& s) { return s.node.name == name; });
    return found == seen.end() ? nullptr : &*found;
}

std::string describe(const NodeReport& report) {
    if (report.role == Role::leader) {
        return "it claims to lead";
    }
    return "it follows " + report.leader.host + ":" + std::to_string(report.leader.port);
}

/// One process under two names. Where a server tells no run_id, by where it listens.
bool is_same_process(const SeenNode& one, const SeenNode& other) {
    if (!one.report.run_id.empty() && !other.report.run_id.empty()) {
        return one.report.run_id == other.report.run_id;
    }
    return is_at(one.node.endpoint, other) || std::ranges::any_of(one.addresses, [&](const std::string& address) {
               return is_at({address, one.node.endpoint.port}, other);
           });
}

}  // namespace

bool is_at(const Endpoint& endpoint, const SeenNode& seen) noexcept {
    return endpoint.port == seen.node.endpoint.port &&
           (endpoint.host == seen.node.endpoint.host ||
            std::find(seen.addresses.begin(), seen.addresses.end(), endpoint.host) != seen.addresses.end());
}

std::vector<ReplicaofStep> reconfigure(const std::string& leader, const std::vector<SeenNode>& seen) {
    std::vector<ReplicaofStep> steps;
    const auto* wanted = find(seen, leader);
    if (wanted == nullptr) {
        return steps;
    }
    if (wanted->report.role != Role::leader) {
        steps.push_back({leader, std::nullopt, describe(wanted->report)});
    }
    for (const auto& other : seen) {
        if (&other == wanted || is_same_process(other, *wanted) ||
            (other.report.role == Role::replica && is_at(other.report.leader, *wanted))) {
            continue;
        }
        steps.push_back({other.node.name, wanted->node.endpoint, describe(other.report)});
    }
    return steps;
}

std::optional<ConnectedReplica> listed_replica(const SeenNode& leader, const SeenNode& replica) {
    for (const auto& listed : leader.report.replicas) {
        if (is_at(listed.endpoint, replica)) {
            return listed;
        }
    }
    return std::nullopt;
}

bool is_in_sync(const SeenNode& replica, const SeenNode& leader) {
    const auto& report = replica.report;
    if (report.role != Role::replica || !report.link_up || report.sync_in_progress || report.loading ||
        !is_at(report.leader, leader) || report.replid != leader.report.replid) {
        return false;
    }
    if (const auto listed = listed_replica(leader, replica)) {
        return listed->state == "online" && listed->lag >= 0 && listed->lag <= kMaxLagSeconds;
    }
    // Behind address translation the leader may know it by another address; then its own account has to do.
    return report.leader_heard_seconds_ago >= 0 && report.leader_heard_seconds_ago <= kMaxLagSeconds;
}

bool has_caught_up(const SeenNode& replica, const SeenNode& leader) {
    if (!is_in_sync(replica, leader)) {
        return false;
    }
    const auto listed = listed_replica(leader, replica);
    return !listed || listed->offset > 0;
}

}  // namespace portal::replication
