#include "sentinel/proven_sync.hpp"

#include "sentinel/leader_watch.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {
using replication::Role;

namespace {

/// Replicas acknowledge once per second, and the leader counts whole seconds since: one that is silent for more than
/// two does not keep up.
constexpr std::int64_t kMaxLagSeconds = 2;

/// It replicates from this leader, by its own account.
bool follows(const NodeView& node, const NodeView& leader) {
    const auto& report = *node.report;
    return report.role == Role::replica && report.link_up && !report.sync_in_progress && !report.loading &&
           replication::is_at(report.leader, seen(leader)) && report.replid == leader.report->replid;
}

/// By the leader's word, if it tells this node from others; else by the node's own, as long as the leader has not
/// spoken later.
bool keeps_up(const NodeView& node, const NodeView& leader) {
    if (const auto listed = replication::listed_replica(seen(leader), seen(node))) {
        return listed->state == "online" && listed->lag >= 0 && listed->lag <= kMaxLagSeconds;
    }
    if (node.health == Health::up && node.report) {
        return replication::is_in_sync(seen(node), seen(leader)) || leader.asked_at <= node.reported_at;
    }
    return leader.asked_at <= node.failing_since;
}

}  // namespace

void ProvenSync::began(const Record& record) {
    epoch_ = record.epoch;
    joining_at_begin_ = record.joining;
    catching_up_.clear();
}

void ProvenSync::forget() {
    joining_at_begin_.clear();
    catching_up_.clear();
}

Record ProvenSync::kept_up(const View& view) {
    auto record = view.record;
    const auto* leader = find_node(view, record.leader);
    if (leader == nullptr || leader->health != Health::up || !leader->report) {
        return record;
    }
    if (epoch_ != record.epoch) {  // begun by another portal, some time ago
        epoch_ = record.epoch;
        forget();
    }
    record.known[record.leader] = known_data(*leader->report);
    std::vector<std::string> in_sync{record.leader};
    std::vector<std::string> joining;
    for (const auto& node : view.nodes) {
        if (&node == leader) {
            continue;
        }
        const auto& name = node.node.name;
        switch (standing_of(node, *leader, view)) {
            case Place::in_sync:
                in_sync.push_back(name);
                break;
            case Place::restarted:
                in_sync.push_back(name);
                continue;
            case Place::joining:
                joining.push_back(name);
                continue;  // what is known of it stays what it was when it could be promoted
            case Place::outside:
                if (is_named(record.in_sync, name)) {
                    continue;
                }
                break;
        }
        if (node.health == Health::up && node.report && belongs(record, node, *leader)) {
            record.known[name] = known_data(*node.report);
        }
    }
    if (timing_.proven == ProvenWrites::strict && in_sync.size() == 1) {
        // Nothing is answered without a replica, so whoever had everything still has: it stays a candidate.
        in_sync = record.in_sync;
    }
    record.in_sync = std::move(in_sync);
    record.joining = std::move(joining);
    return record;
}

ProvenSync::Place ProvenSync::standing_of(const NodeView& node, const NodeView& leader, const View& view) {
    const auto& name = node.node.name;
    const bool up = node.health == Health::up && node.report;
    if (is_named(view.record.in_sync, name)) {
        if (up && was_restarted(view.record, node)) {
            // What it was known to have says nothing of what the new process has. But a leader that nobody has heard
            // since may have lost even more.
            if (leader.asked_at <= node.reported_at) {
                return Place::restarted;
            }
            return timing_.proven == ProvenWrites::strict && has_caught_up(node, leader, view.now, view)
                       ? Place::in_sync
                       : Place::outside;
        }
        catching_up_.erase(name);
        return keeps_up(node, leader) ? Place::in_sync : Place::outside;
    }
    if (!is_named(view.record.joining, name)) {
        catching_up_.erase(name);
        const bool follows_well = up && belongs(view.record, node, leader) && keeps_up(node, leader) &&
                                  replication::has_caught_up(seen(node), seen(leader));
        return follows_well ? Place::joining : Place::outside;
    }
    const bool from_begin = is_named(joining_at_begin_, name);
    if (has_caught_up(node, leader, from_begin ? view.now : view.now + timing_.fence_after, view)) {
        return Place::in_sync;
    }
    const bool young = view.now - catching_up_[name].noticed < timing_.fence_after + timing_.down_after;
    if (keeps_up(node, leader) || young) {
        return Place::joining;
    }
    catching_up_.erase(name);
    std::erase(joining_at_begin_, name);
    return Place::outside;
}

/// It has what the leader had at some moment after `not_before`, as that was when its process was first asked for here.
bool ProvenSync::has_caught_up(const NodeView& node, const NodeView& leader, TimePoint not_before, const View& view) {
    const auto run_id = node.report ? node.report->run_id : std::string{};
    CatchingUp& state =
        catching_up_.try_emplace(node.node.name, CatchingUp{view.now, not_before, {}, run_id}).first->second;
    if (node.health != Health::up || !node.report) {
        return false;
    }
    if (state.run_id != run_id) {
        state.run_id = run_id;
        state.target.reset();
    }
    if (!state.target && leader.asked_at >= state.not_before) {
        state.target = leader.report->offset;
    }
    return state.target && follows(node, leader) && node.report->offset >= *state.target;
}

std::vector<replication::Confirmer> confirmers(const View& view, bool record_confirmed) {
    std::vector<replication::Confirmer> list;
    for (const auto& node : view.nodes) {
        const auto& name = node.node.name;
        const bool wanted =
            !record_confirmed || is_named(view.record.in_sync, name) || is_named(view.record.joining, name);
        if (!wanted || name == view.record.leader) {
            continue;
        }
        replication::Confirmer confirmer{name, {node.node.endpoint.host}, node.node.endpoint.port};
        for (const auto& address : node.addresses) {
            if (!is_named(confirmer.hosts, address)) {
                confirmer.hosts.push_back(address);
            }
        }
        list.push_back(std::move(confirmer));
    }
    return list;
}

bool sync_differs(const Record& a, const Record& b) {
    if (a.in_sync != b.in_sync || a.joining != b.joining) {
        return true;
    }
    return std::ranges::any_of(a.in_sync, [&](const std::string& name) {
        const auto here = a.known.find(name);
        const auto there = b.known.find(name);
        return (here == a.known.end()) != (there == b.known.end()) ||
               (here != a.known.end() && here->second.run_id != there->second.run_id);
    });
}

}  // namespace portal::sentinel
