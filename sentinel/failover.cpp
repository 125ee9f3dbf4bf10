#include "sentinel/failover.hpp"

#include "sentinel/switchover_rules.hpp"

#include <algorithm>

namespace portal::sentinel {
using replication::Role;

namespace {

/// How long a node that did not let itself be promoted is left alone.
constexpr Milliseconds kSetAside{1000};
/// How long a failover counts against the next one, and how often that may double the patience with a silent leader.
constexpr std::chrono::minutes kRemembered{1};
constexpr std::size_t kMostDoublings = 3;
/// A leader that has led for so many times `down_after` since shows that the failovers before it helped.
constexpr int kHelped = 3;
/// How long a switchover waits for a replica to be in sync. Its word of how far it is comes once a second.
constexpr Milliseconds kCatchUp{3000};

/// How long a first leader waits for the answer to who else watches the nodes.
constexpr Milliseconds kLookAround{1000};

Decision answer(const View& view, Step step, const Mark& asked, const std::string& error) {
    auto next_record = view.record;
    next_record.answered_id = asked.wants_id;
    next_record.answered_error = error;
    return {step, {WriteRecord{std::move(next_record)}}, error, std::nullopt};
}

std::string no_such_node(const View& view, const std::string& name) {
    std::string names;
    for (const auto& node : view.nodes) {
        names += (names.empty() ? "" : ", ") + node.node.name;
    }
    return "no node is called " + name + "; the nodes are " + names;
}

/// A node with data of its own that was never part of this record: to make it a replica would wipe the only copy.
bool is_stranger(const View& view, const std::string& name) {
    const auto* node = find_node(view, name);
    const auto* leader = find_node(view, view.record.leader);
    return !view.record.known.contains(name) && node->report->keys > 0 &&
           !(leader->report && replication::share_history(*node->report, *leader->report));
}

/// Else to stop forwarding to a leader that lives would help nobody.
bool has_successor(const View& view) {
    return std::ranges::any_of(view.nodes, [&](const NodeView& node) {
        return node.node.name != view.record.leader && node.health == Health::up && node.report &&
               is_named(view.record.in_sync, node.node.name) && !node.report->loading &&
               !node.report->sync_in_progress && !replication::is_barred(*node.report);
    });
}

/// The replica that a planned change leads to: the named one, or the best; null when none fits.
const NodeView* best_target(const View& view, const NodeView& leader, const std::string& wanted) {
    const auto leading = seen(leader);
    const NodeView* target = nullptr;
    for (const auto& node : view.nodes) {
        const bool fits = node.health == Health::up && node.report && !refuses_login(node) &&
                          is_named(view.record.in_sync, node.node.name) &&
                          replication::is_in_sync(seen(node), leading) && !replication::is_barred(*node.report);
        const bool asked_for = wanted.empty() || wanted == node.node.name;
        if (fits && asked_for && (target == nullptr || goes_before(*node.report, *target->report))) {
            target = &node;
        }
    }
    return target;
}

}  // namespace

std::string_view to_string(Step step) noexcept {
    switch (step) {
        case Step::watching:
            return "watching";
        case Step::bootstrapping:
            return "bootstrapping";
        case Step::fencing:
            return "fencing";
        case Step::choosing:
            return "choosing";
        case Step::promoting:
            return "promoting";
        case Step::recording:
            return "recording";
        case Step::following:
            return "following";
    }
    return "unknown";
}

Decision Failover::decide(const View& view) {
    switch (view.record.phase) {
        case Phase::bootstrapping:
            return bootstrap(view);
        case Phase::leading:
            return watch(view);
        case Phase::fencing:
            return complete(view);
    }
    return {};
}

void Failover::promotion_failed(const std::string& node, const std::string& why, TimePoint now) {
    set_aside_[node] = {"could not be promoted: " + why, now + kSetAside};
}

void Failover::recorded(TimePoint now) {
    timeline_.recorded = now;
    if (!timeline_.planned && !timeline_.from.empty()) {
        recent_.push_back(now);
    }
}

void Failover::handed_over(const std::string& error, TimePoint now) {
    if (planned_) {
        planned_->tried_at = now;
        planned_->error = error;
    }
    agreed_at_ = looked_at_ = now;
}

/// The record keeps the newest answer alone, so the mark of a dead portal would look like a new request as soon as
/// another portal was answered. No portal waits for that answer.
const Mark* Failover::pending_request(const View& view, const Timing& timing) {
    for (const auto& portal : view.portals) {
        const bool waits = view.now - portal.changed_at < timing.fence_after;
        if (waits && !portal.mark.wants_id.empty() && portal.mark.wants_id != view.record.answered_id) {
            return &portal.mark;
        }
    }
    return nullptr;
}

std::vector<Action> Failover::ask_again(const View& view, TimePoint not_before) {
    std::vector<Action> actions;
    for (const auto& node : view.nodes) {
        if (node.health != Health::down && node.asked_at < not_before) {
            actions.push_back(ProbeNow{node.node.name});
        }
    }
    return actions;
}

Decision Failover::bootstrap(const View& view) {
    const auto* asked = pending_request(view, timing_);
    std::optional<std::string> forced;
    if (asked != nullptr) {
        if (find_node(view, asked->wants_to) == nullptr) {
            return answer(view, Step::bootstrapping, *asked,
                          asked->wants_to.empty()
                              ? "no leader was ever recorded: say which node shall lead, with --to NODE"
                              : no_such_node(view, asked->wants_to));
        }
        forced = asked->wants_to;
    }
    for (const auto& node : view.nodes) {
        if (!forced && node.health == Health::suspected) {
            return {Step::bootstrapping, {}, "looking at " + node.node.name, view.now + kSoon};
        }
    }
    if (auto others = look_around(view); !forced && others) {
        return *others;
    }
    const auto choice = replication::choose_first_leader(contenders(view, TimePoint::min()), forced);
    if (!choice.node) {
        return {Step::bootstrapping, {}, choice.why, view.now + timing_.ping_interval};
    }
    if (timeline_.to.empty()) {
        timeline_.detected = timeline_.fenced = view.now;
    }
    const auto* node = find_node(view, *choice.node);
    if (node->report->role != Role::leader) {
        bootstrap_why_ = choice.why;
    }
    return promote_or_record(view, *node, bootstrap_why_.empty() ? choice.why : bootstrap_why_);
}

/// No first leader is chosen where portals with another record are at work, who have chosen theirs.
std::optional<Decision> Failover::look_around(const View& view) {
    for (const auto& node : view.nodes) {
        if (node.health != Health::up) {
            continue;
        }
        if (!node.looked_around && view.now - view.phase_since < kLookAround) {
            return Decision{Step::bootstrapping, {}, "looking who else watches " + node.node.name, view.now + kSoon};
        }
        const auto strangers = strangers_among(node.visitors.monitors, view.record.id);
        if (!strangers.empty()) {
            return Decision{
                Step::bootstrapping, {}, stranger_sentence(node.node.name, strangers.front()), view.now + kSoon};
        }
    }
    return std::nullopt;
}

Decision Failover::watch(const View& view) {
    const auto verdict = judge_leader(view, timing_);
    switch (verdict.state) {
        case LeaderState::fine:
            break;
        case LeaderState::unclear: {
            const auto* leader = find_node(view, view.record.leader);
            const auto doubted_since = leader->health == Health::up ? view.phase_since : leader->failing_since;
            return {Step::watching, ask_again(view, doubted_since), verdict.why, view.now + kSoon};
        }
        case LeaderState::busy:
            return wait_for_busy(view, verdict);
        case LeaderState::cut_off:
            return stand_back(view, verdict);
        case LeaderState::dead:
            if (isolated(view, timing_)) {
                return {
                    Step::watching, {GiveAway{}}, "no node answers here, but another portal reaches the leader", {}};
            }
            if (const auto* leader = find_node(view, view.record.leader);
                leader != nullptr && leader->overdue && !has_successor(view)) {
                return wait_for_busy(view, {verdict.state, verdict.why + "; no node in sync can take over"});
            }
            if (auto wait = dampen(view); wait) {
                return *wait;
            }
            return start(view, verdict.why);
        case LeaderState::lost:
            return start(view, verdict.why);
    }
    if (const auto* asked = pending_request(view, timing_); asked != nullptr) {
        return plan(view, *asked);
    }
    auto decision = follow(view);
    if (decision.why.empty()) {
        decision.why = who_is_barred(view, {});
    }
    return decision;
}

/// Clients wait for it as they would without portals. A switchover would have to wait, too: nothing says now how far
/// the leader has come.
Decision Failover::wait_for_busy(const View& view, const LeaderVerdict& verdict) const {
    const auto over = find_node(view, view.record.leader)->unserved_since + timing_.busy_after;
    const auto next = view.now + timing_.ping_interval;
    if (const auto* asked = pending_request(view, timing_); asked != nullptr) {
        return answer(view, Step::watching, *asked, verdict.why + "; ask again when it answers");
    }
    return {Step::watching, {}, verdict.why + "; no failover", over > view.now ? std::min(over, next) : next};
}

/// Nodes that fall silent one right after the other, as on a host that has too much to do, are given more time with
/// each failover, since another one would not help. A process that is gone for certain is replaced at once all the
/// same.
std::optional<Decision> Failover::dampen(const View& view) {
    const auto* leader = find_node(view, view.record.leader);
    if (leader != nullptr && !recent_.empty() && leader->reported_at - recent_.back() >= kHelped * timing_.down_after) {
        recent_.clear();
    }
    while (!recent_.empty() && view.now - recent_.front() >= kRemembered) {
        recent_.pop_front();
    }
    if (leader == nullptr || leader->refused || recent_.empty()) {
        return std::nullopt;
    }
    const auto patience = timing_.down_after * (1 << std::min(recent_.size(), kMostDoublings));
    const auto until = leader->reported_at + patience;
    if (view.now >= until) {
        return std::nullopt;
    }
    return Decision{Step::watching, ask_again(view, view.now - timing_.ping_interval),
                    leader->node.name + " is silent: waiting " + std::to_string(patience.count()) +
                        " ms for it, since there were " + std::to_string(recent_.size()) +
                        " failovers within the last minute",
                    std::min(until, view.now + timing_.ping_interval)};
}

/// The leader lives but not for this portal. Replicas may be a moment behind, so ask again before drawing a conclusion.
Decision Failover::stand_back(const View& view, const LeaderVerdict& verdict) {
    const auto* leader = find_node(view, view.record.leader);
    if (view.now - leader->failing_since < 2 * timing_.ping_interval) {
        return {Step::watching, ask_again(view, view.now - kSoon), verdict.why, view.now + kSoon};
    }
    const bool another_reaches_it =
        std::any_of(view.portals.begin(), view.portals.end(), [&](const PortalView& portal) {
            return portal.mark.portal != view.self && portal.mark.reaches_leader &&
                   view.now - portal.changed_at < timing_.fence_after;
        });
    Decision decision{Step::watching, {}, verdict.why + "; no failover", view.now + timing_.ping_interval};
    if (another_reaches_it) {
        decision.actions.emplace_back(GiveAway{});
    }
    return decision;
}

Decision Failover::start(const View& view, const std::string& why) {
    auto fencing = view.record;
    fencing.epoch = replication::next(view.record.epoch);
    fencing.phase = Phase::fencing;
    fencing.reason = why;

    timeline_ = {};
    timeline_.from = view.record.leader;
    timeline_.epoch = fencing.epoch;
    timeline_.reason = why;
    timeline_.detected = view.now;
    if (const auto* leader = find_node(view, view.record.leader); leader != nullptr && leader->health != Health::up) {
        timeline_.noticed = leader->failing_since;
    }
    set_aside_.clear();
    planned_.reset();
    agreed_at_ = looked_at_ = view.now;
    return {Step::fencing, {WriteRecord{std::move(fencing)}}, why, std::nullopt};
}

Decision Failover::plan(const View& view, const Mark& asked) {
    const auto* leader = find_node(view, view.record.leader);
    if (!leader->report) {
        return answer(view, Step::watching, asked, leader->node.name + " cannot be read: " + leader->trouble);
    }
    if (const auto refused = who_refuses_login(view, asked.wants_to); !refused.empty()) {
        return answer(view, Step::watching, asked, refused);
    }
    const auto* target = best_target(view, *leader, asked.wants_to);
    if (const auto barred = who_is_barred(view, asked.wants_to); target == nullptr && !barred.empty()) {
        return answer(view, Step::watching, asked, barred);
    }
    if (asked.wants_to == view.record.leader) {
        return answer(view, Step::watching, asked, {});
    }
    if (!asked.wants_to.empty() && find_node(view, asked.wants_to) == nullptr) {
        return answer(view, Step::watching, asked, no_such_node(view, asked.wants_to));
    }
    if (target == nullptr) {
        const std::string why = asked.wants_to.empty() ? "no replica is in sync" : asked.wants_to + " is not in sync";
        return await_replica(view, asked, why);
    }
    auto decision = start(view, std::string(kSwitchover) + target->node.name);
    timeline_.planned = true;
    planned_ = Planned{asked.wants_id, target->node.name, timeline_.epoch, std::nullopt, {}};
    return decision;
}

/// A replica that has only just begun to follow, as after another switchover, is in sync within moments. Until the
/// record says so it would not be chosen.
Decision Failover::await_replica(const View& view, const Mark& asked, const std::string& why) {
    if (awaited_.id != asked.wants_id) {
        awaited_ = {asked.wants_id, view.now};
    }
    const bool some_may = std::ranges::any_of(view.nodes, [&](const NodeView& node) {
        const bool wanted = asked.wants_to.empty() || asked.wants_to == node.node.name;
        return wanted && node.node.name != view.record.leader && node.health == Health::up;
    });
    if (!some_may || view.now - awaited_.since >= kCatchUp) {
        return answer(view, Step::watching, asked, why);
    }
    auto decision = follow(view);
    if (decision.actions.empty()) {
        decision = {Step::watching, ask_again(view, view.now - kSoon), why + " yet", std::nullopt};
    }
    decision.look_again = view.now + kSoon;
    return decision;
}

Decision Failover::follow(const View& view) {
    std::vector<replication::SeenNode> settled;
    for (const auto& node : view.nodes) {
        const auto told = told_at_.find(node.node.name);
        const bool has_answered_since = told == told_at_.end() || node.asked_at > told->second;
        if (node.health == Health::up && node.report && has_answered_since) {
            settled.push_back(seen(node));
        }
    }
    Decision decision{Step::watching, {}, {}, std::nullopt};
    for (auto& step : replication::reconfigure(view.record.leader, settled)) {
        if (!step.leader) {
            continue;
        }
        if (is_stranger(view, step.node)) {
            decision.why = step.node +
                           " holds data that these portals have never seen, so it is left alone; empty it, or send it "
                           "REPLICAOF " +
                           step.leader->host + " " + std::to_string(step.leader->port) + ", to have it overwritten";
            continue;
        }
        told_at_[step.node] = view.now;
        decision.step = Step::following;
        decision.why = step.node + " shall follow " + view.record.leader + ": " + step.why;
        decision.actions.emplace_back(Follow{std::move(step)});
    }
    return decision;
}

}  // namespace portal::sentinel
