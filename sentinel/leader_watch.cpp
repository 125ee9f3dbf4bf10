#include "sentinel/leader_watch.hpp"

#include <algorithm>

namespace portal::sentinel {
using replication::Role;

namespace {

constexpr Milliseconds kReplicationPing{1000};
/// By how much two portals may differ in when a replica last heard its leader: it says so in whole seconds.
constexpr Milliseconds kHeardApart{2000};

/// The recorded process itself loads its data again (DEBUG RELOAD). One that was restarted is lost, loading or not.
LeaderVerdict judge_loading(const View& view, const NodeView& leader, Milliseconds busy_after) {
    if (busy_after == Milliseconds(0)) {
        return {LeaderState::fine, {}};
    }
    return view.now - leader.unserved_since < busy_after
               ? LeaderVerdict{LeaderState::busy, leader.node.name + " loads its data"}
               : LeaderVerdict{LeaderState::dead, leader.node.name + " has loaded its data for too long"};
}

LeaderVerdict judge_answering(const View& view, const NodeView& leader, Milliseconds busy_after) {
    if (!leader.report) {
        return {LeaderState::fine, "answers, but cannot be read: " + leader.trouble};
    }
    const auto& report = *leader.report;
    const auto known = view.record.known.find(leader.node.name);
    std::string contradiction;
    if (report.role != Role::leader) {
        contradiction = "no longer leads: it follows " + report.leader.host + ":" + std::to_string(report.leader.port);
    } else if (known != view.record.known.end() && !known->second.run_id.empty() &&
               known->second.run_id != report.run_id) {
        contradiction = "was restarted";
    }
    if (contradiction.empty()) {
        return report.loading ? judge_loading(view, leader, busy_after) : LeaderVerdict{LeaderState::fine, {}};
    }
    // A report from before this epoch may be from before the promotion.
    return leader.asked_at < view.phase_since
               ? LeaderVerdict{LeaderState::unclear, "waiting for its next report"}
               : LeaderVerdict{LeaderState::lost, leader.node.name + " " + contradiction};
}

/// Another node whose own fate is open. If it goes silent, too, then this portal may be the one that is cut off.
const NodeView* undecided(const View& view, const NodeView& leader) {
    const auto found = std::find_if(view.nodes.begin(), view.nodes.end(), [&](const NodeView& node) {
        return node.node.name != leader.node.name && node.health == Health::suspected;
    });
    return found == view.nodes.end() ? nullptr : &*found;
}

LeaderVerdict judge_refusing(const View& view, const NodeView& leader) {
    for (const auto& other : view.nodes) {
        if (other.node.name == leader.node.name || other.health != Health::up || !other.report ||
            other.report->role != Role::replica) {
            continue;
        }
        if (other.asked_at < leader.failing_since) {
            return {LeaderState::unclear, "asking " + other.node.name};
        }
        if (other.report->link_up && replication::is_at(other.report->leader, {leader.node, leader.addresses, {}})) {
            return {LeaderState::cut_off,
                    leader.node.name + " refuses connections, but " + other.node.name + " is connected to it"};
        }
    }
    return {LeaderState::dead, leader.node.name + " is gone: " + leader.trouble};
}

/// A leader with nothing to replicate sends its replicas a ping each second, which a probe sees a moment later.
Milliseconds longest_silence(const Timing& timing) {
    return std::max(timing.down_after, kReplicationPing + timing.ping_interval);
}

/// The word of a replica that it is connected to this leader and has heard from it lately.
bool hears(const NodeView& replica, const NodeView& leader, const View& view, const Timing& timing) {
    return replica.health == Health::up && replica.report && view.now - replica.heard_at < longest_silence(timing) &&
           replication::is_at(replica.report->leader, {leader.node, leader.addresses, {}});
}

/// The word of a node that nobody who asks it can take for agreement with the record.
bool disagrees(const NodeView& node, const NodeView* leader, const View& view, const Timing& timing) {
    if (node.health != Health::up || !node.report) {
        return false;
    }
    if (&node == leader) {
        return judge_answering(view, node, timing.busy_after).state == LeaderState::lost;
    }
    return node.report->role != Role::replica || view.now - node.heard_at >= longest_silence(timing) + kHeardApart ||
           (leader != nullptr && !replication::is_at(node.report->leader, {leader->node, leader->addresses, {}}));
}

LeaderVerdict judge_silent(const View& view, const NodeView& leader, const Timing& timing) {
    for (const auto& other : view.nodes) {
        if (other.node.name != leader.node.name && hears(other, leader, view, timing)) {
            return {LeaderState::cut_off,
                    leader.node.name + " does not answer here, but " + other.node.name + " still hears it"};
        }
    }
    return {LeaderState::dead, leader.node.name + " is silent: " + leader.trouble};
}

/// Its address leads to the process of another node. While that one is connected to a leader, the recorded leader lives
/// somewhere, and only its address is wrong. When it was heard last does not count: nobody asks that leader to speak
/// any more, and a change of leader would not mend the address.
LeaderVerdict judge_misled(const View& view, const NodeView& leader) {
    const auto* other = find_node(view, leader.twin_of);
    const bool lives = other->report && other->report->role == Role::replica && other->report->link_up;
    return lives ? LeaderVerdict{LeaderState::cut_off, leader.trouble}
                 : LeaderVerdict{LeaderState::dead, leader.trouble + "; " + other->node.name + " has lost its leader"};
}

}  // namespace

LeaderVerdict judge_leader(const View& view, const Timing& timing) {
    const auto* leader = find_node(view, view.record.leader);
    if (leader == nullptr) {
        return {LeaderState::dead, view.record.leader + " is not configured any more"};
    }
    if (!leader->twin_of.empty()) {
        return judge_misled(view, *leader);
    }
    switch (leader->health) {
        case Health::up:
            return judge_answering(view, *leader, timing.busy_after);
        case Health::suspected:
            return {LeaderState::unclear, leader->node.name + " is suspected: " + leader->trouble};
        case Health::busy:
            return {LeaderState::busy, leader->node.name + " is busy: " + leader->trouble};
        case Health::down:
            break;
    }
    if (const auto* other = undecided(view, *leader); other != nullptr) {
        return {LeaderState::unclear, leader->node.name + " is down; looking at " + other->node.name};
    }
    return leader->refused ? judge_refusing(view, *leader) : judge_silent(view, *leader, timing);
}

TimePoint latest_hearing(const NodeView& before, const replication::NodeReport& report, TimePoint at) {
    if (!report.link_up) {
        return {};
    }
    // Whole seconds, rounded either way: "2" may be little more than one.
    const auto by_count = at - std::chrono::seconds(std::max<std::int64_t>(0, report.leader_heard_seconds_ago - 1));
    const bool same = before.report && before.report->link_up && before.report->offset == report.offset;
    return same ? std::min(before.heard_at, by_count) : by_count;
}

std::optional<TimePoint> agreed_since(const View& view, const Timing& timing) {
    const auto* leader = find_node(view, view.record.leader);
    if (leader == nullptr || !leader->report || judge_leader(view, timing).state != LeaderState::fine) {
        return std::nullopt;
    }
    // Another history than the record's: it has followed somebody since, and leads by a record that is not known here.
    const auto known = view.record.known.find(leader->node.name);
    if (known == view.record.known.end() || known->second.replid != leader->report->replid) {
        return std::nullopt;
    }
    auto since = leader->asked_at;
    for (const auto& node : view.nodes) {
        if (&node == leader) {
            continue;
        }
        if (!hears(node, *leader, view, timing) || node.report->role != Role::replica) {
            return std::nullopt;
        }
        since = std::min(since, node.asked_at);
    }
    return since;
}

bool may_agree(const View& view, const Timing& timing) {
    const auto* leader = find_node(view, view.record.leader);
    return std::ranges::none_of(view.nodes,
                                [&](const NodeView& node) { return disagrees(node, leader, view, timing); });
}

bool leads_on(const View& view, TimePoint not_before) {
    const auto* leader = find_node(view, view.record.leader);
    return leader != nullptr && leader->health == Health::up && leader->report && leader->asked_at >= not_before &&
           judge_answering(view, *leader, Milliseconds(0)).state == LeaderState::fine;
}

bool isolated(const View& view, const Timing& timing) {
    const bool reaches_none = std::all_of(view.nodes.begin(), view.nodes.end(), [&](const NodeView& node) {
        return node.health == Health::down && view.now - node.failing_since >= 2 * timing.ping_interval;
    });
    return reaches_none && std::any_of(view.portals.begin(), view.portals.end(), [&](const PortalView& portal) {
               return portal.mark.portal != view.self && portal.mark.reaches_leader &&
                      view.now - portal.changed_at < timing.fence_after;
           });
}

bool belongs(const Record& record, const NodeView& node, const NodeView& leader) {
    return record.known.contains(node.node.name) || node.report->keys == 0 ||
           replication::share_history(*node.report, *leader.report);
}

bool was_restarted(const Record& record, const NodeView& node) {
    const auto known = record.known.find(node.node.name);
    return node.report && known != record.known.end() && !known->second.run_id.empty() &&
           known->second.run_id != node.report->run_id;
}

replication::KnownData known_data(const replication::NodeReport& report) {
    return {report.run_id, report.replid, report.offset, report.keys};
}

namespace {

/// A node that was in sync stays so until the leader has spoken later than what speaks against it.
bool may_keep_up(const NodeView& node, const NodeView& leader) {
    if (node.health == Health::up && node.report) {
        return replication::is_in_sync(seen(node), seen(leader)) || leader.asked_at <= node.reported_at;
    }
    const auto listed = replication::listed_replica(seen(leader), {node.node, node.addresses, {}});
    return (listed && listed->state == "online") || leader.asked_at <= node.failing_since;
}

}  // namespace

Record kept_up(const View& view) {
    auto record = view.record;
    const auto* leader = find_node(view, record.leader);
    if (leader == nullptr || leader->health != Health::up || !leader->report) {
        return record;
    }
    const auto leading = seen(*leader);
    std::vector<std::string> in_sync{record.leader};
    for (const auto& node : view.nodes) {
        const bool up = node.health == Health::up && node.report;
        bool known_anew = up && belongs(record, node, *leader);
        if (&node != leader) {
            const bool was_in_sync = is_named(record.in_sync, node.node.name);
            const bool restarted = was_in_sync && was_restarted(record, node);
            const bool caught_up = up && replication::has_caught_up(seen(node), leading);
            if (caught_up || (was_in_sync && may_keep_up(node, *leader))) {
                in_sync.push_back(node.node.name);
                // What it held as another process is what it must show before it may be promoted.
                known_anew = known_anew && (caught_up || !restarted);
            }
        }
        if (known_anew) {
            record.known[node.node.name] = known_data(*node.report);
        }
    }
    // Should a node that was removed come back one day, then what it holds must speak for itself.
    std::erase_if(record.known, [&](const auto& known) { return find_node(view, known.first) == nullptr; });
    record.in_sync = std::move(in_sync);
    return record;
}

}  // namespace portal::sentinel
