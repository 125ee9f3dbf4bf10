// Views for the decision tests: two nodes, two portals, a clock that stands until it is moved.
#pragma once

#include "sentinel/view.hpp"

#include <string>

namespace portal::sentinel {

inline constexpr Milliseconds kTick{10};

inline NodeView node_view(const std::string& name, replication::Role role, TimePoint now) {
    NodeView view;
    view.node = {name, {name, 6379}};
    view.health = Health::up;
    view.asked_at = view.reported_at = now;
    replication::NodeReport report;
    report.role = role;
    report.run_id = name + "-run";
    report.replid = "history";
    report.offset = 100;
    report.keys = 5;
    view.report = report;
    return view;
}

/// redis-0 leads, redis-1 follows it and is in sync; portal-0 acts and portal-1 is live.
inline View healthy_view() {
    View view;
    view.self = "portal-0";
    view.now = TimePoint{} + std::chrono::hours(1);
    view.phase_since = view.now - std::chrono::minutes(1);
    view.record.epoch = replication::Epoch{7};
    view.record.phase = Phase::leading;
    view.record.leader = "redis-0";
    view.record.in_sync = {"redis-0", "redis-1"};
    view.record.acting = "portal-0";
    auto leader = node_view("redis-0", replication::Role::leader, view.now);
    leader.report->replicas = {{{"redis-1", 6379}, "online", 100, 0}};
    auto replica = node_view("redis-1", replication::Role::replica, view.now);
    replica.report->leader = {"redis-0", 6379};
    replica.report->link_up = true;
    replica.report->leader_heard_seconds_ago = 0;
    replica.heard_at = view.now;
    for (auto& node : {leader, replica}) {
        view.record.known[node.node.name] = {node.report->run_id, "history", 100, 5};
        view.nodes.push_back(node);
    }
    for (const auto* name : {"portal-0", "portal-1"}) {
        PortalView portal;
        portal.mark.portal = name;
        portal.mark.reaches_leader = true;
        portal.changed_at = view.now;
        view.portals.push_back(portal);
    }
    return view;
}

inline void refuse(NodeView& node, TimePoint since) {
    node.health = Health::down;
    node.refused = true;
    node.failing_since = since;
    node.trouble = "connection refused";
}
inline void silence(NodeView& node, TimePoint since) {
    node.health = Health::down;
    node.refused = false;
    node.failing_since = since;
    node.trouble = "no answer in time";
}
inline void lose_link(NodeView& replica) {
    replica.report->link_up = false;
    replica.report->leader_heard_seconds_ago = -1;
    replica.heard_at = TimePoint{};
}

}  // namespace portal::sentinel
