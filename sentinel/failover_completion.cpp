// Failover, phase fencing: waits until nobody forwards to the old leader, chooses the next one, promotes and records
// it.
#include "sentinel/failover.hpp"

#include <algorithm>

namespace portal::sentinel {
using replication::Role;

namespace {

bool has_said_so(const View& view, const PortalView& portal) {
    return portal.mark.fenced >= view.record.epoch;
}

/// Nobody forwards by the record any more.
bool permits_over(const View& view, const Timing& timing) {
    // A permit to forward ends `fence_after` after the newest mark that its portal wrote before this phase began (see
    // Standing::permit): whoever has been still for that long does not forward any more, unless by failsafe.
    return view.now - view.phase_since >= timing.fence_after ||
           std::ranges::all_of(view.portals, [&](const PortalView& portal) {
               return has_said_so(view, portal) ||
                      (view.marks_are_of_phase && view.now - portal.changed_at >= timing.fence_after);
           });
}

std::string unfenced(const View& view) {
    std::string names;
    for (const auto& portal : view.portals) {
        if (!has_said_so(view, portal)) {
            names +=
                (names.empty() ? "" : ", ") + (portal.mark.portal == view.self ? "this portal" : portal.mark.portal);
        }
    }
    return names;
}

/// The node that somebody has `asked` for (null: nobody has), if it can lead. Who asked while a leader led wanted to
/// lose nothing; he is told what this waits for, and may ask again.
const NodeView* named_by_operator(const View& view, const Mark* asked) {
    const bool knowingly = asked != nullptr && asked->wants_in == view.record.epoch;
    const NodeView* named = knowingly ? find_node(view, asked->wants_to) : nullptr;
    const bool fit = named != nullptr && named->health == Health::up && named->report && !named->report->loading;
    const bool may = fit && (named->node.name == view.record.leader || !replication::is_barred(*named->report));
    return may ? named : nullptr;
}

}  // namespace

/// Phase fencing, begun by this portal or by one that did not finish it.
Decision Failover::complete(const View& view) {
    if (auto disarming = disarm(view); !disarming.empty()) {
        return {Step::fencing, std::move(disarming), "a node that came back empty leads by itself", view.now + kSoon};
    }
    return conclude(view);
}

/// A node that came back empty and leads by itself, as its own configuration has it, would have its emptiness copied by
/// whoever follows it. As a replica of nobody it serves no copy.
std::vector<Action> Failover::disarm(const View& view) {
    std::vector<Action> actions;
    for (const auto& node : view.nodes) {
        const auto known = view.record.known.find(node.node.name);
        if (node.health != Health::up || !node.report || known == view.record.known.end() ||
            node.report->role != Role::leader || node.report->run_id == promoted_run_ ||
            replication::data_kept(*node.report, known->second) != replication::Kept::nothing) {
            continue;
        }
        const auto told = told_at_.find(node.node.name);
        if (told == told_at_.end() || node.asked_at > told->second) {
            told_at_[node.node.name] = view.now;
            // Nothing listens there.
            replication::Endpoint nobody{"127.0.0.1", 1};
            actions.emplace_back(Follow{{node.node.name, std::move(nobody), "it came back empty and leads by itself"}});
        }
    }
    return actions;
}

Decision Failover::conclude(const View& view) {
    if (timeline_.epoch != view.record.epoch) {
        note_begun(view);
    }
    watch_agreement(view);
    note_fenced(view);
    if (!permits_over(view, timing_)) {
        return {Step::fencing, ask_again(view, view.phase_since),
                "waiting for " + unfenced(view) + " to stop forwarding", view.now + kSoon};
    }
    const bool by_failsafe = forwards_by_failsafe(view);
    if (!by_failsafe && !timeline_.fenced) {
        timeline_.fenced = view.now;
        note_fenced(view);
    }
    if (planned_ && !planned_->tried_at) {
        // Whoever still forwards can write nothing while the role moves; it is waited for afterwards.
        const auto guarded = by_failsafe ? timing_.fence_after : Milliseconds(0);
        return {Step::promoting,
                {HandOver{view.record.leader, planned_->to, guarded}},
                "handing over to " + planned_->to,
                {}};
    }
    if (by_failsafe) {
        return outwait_failsafe(view);
    }

    const auto not_before = planned_ ? *planned_->tried_at : view.phase_since;
    if (const NodeView* node = first_unsettled(view, not_before)) {
        return {Step::choosing, ask_again(view, not_before), "waiting for a report of " + node->node.name,
                view.now + kSoon};
    }
    return choose(view, not_before);
}

/// Of a change of leader that this portal has not worked on before.
void Failover::note_begun(const View& view) {
    timeline_ = {};
    timeline_.from = view.record.leader;
    timeline_.epoch = view.record.epoch;
    timeline_.reason = view.record.reason;
    timeline_.detected = view.phase_since;
    planned_.reset();
    agreed_at_ = view.now;
}

/// A node that may be about to answer, or whose last report is older than what counts now; null: there is none.
const NodeView* Failover::first_unsettled(const View& view, TimePoint not_before) const {
    const auto found = std::ranges::find_if(view.nodes, [&](const NodeView& node) {
        const auto told = told_at_.find(node.node.name);
        const bool was_asked = node.asked_at >= not_before && (told == told_at_.end() || node.asked_at > told->second);
        return node.health == Health::suspected || (node.health == Health::up && !was_asked);
    });
    return found == view.nodes.end() ? nullptr : &*found;
}

/// All have reported.
Decision Failover::choose(const View& view, TimePoint not_before) {
    const auto waited = std::chrono::duration_cast<Milliseconds>(view.now - view.phase_since);
    const auto looked_at = contenders(view, not_before);
    auto choice = replication::choose_candidate(looked_at, waited, timing_.patience);
    if (!choice.node && !planned_) {
        if (const NodeView* named = named_by_operator(view, pending_request(view, timing_))) {
            choice.node = named->node.name;
            choice.why = "chosen by the operator";
        }
    }
    note_candidates(view, looked_at, choice);
    if (!choice.node) {
        return {Step::choosing, {}, choice.why, view.now + timing_.ping_interval};
    }
    for (const auto& refused : choice.refused) {
        choice.why += "; not " + refused.node + ": " + refused.why;
    }
    return promote_or_record(view, *find_node(view, *choice.node), choice.why);
}

void Failover::watch_agreement(const View& view) {
    // What was not looked at does not count as disagreement.
    const bool looked_away = view.now - looked_at_ > timing_.down_after;
    if (looked_away || may_agree(view, timing_)) {
        agreed_at_ = view.now;
    }
    looked_at_ = view.now;
}

bool Failover::forwards_by_failsafe(const View& view) const {
    const bool all_said_so =
        view.marks_are_of_phase &&
        std::ranges::all_of(view.portals, [&](const PortalView& portal) { return has_said_so(view, portal); });
    return timing_.failsafe && !all_said_so && view.now - agreed_at_ < timing_.fence_after;
}

/// Nobody is promoted beside a leader that others may go on with: where it leads on, it has its role back.
Decision Failover::outwait_failsafe(const View& view) {
    const auto not_before = planned_ ? *planned_->tried_at : view.phase_since;
    if (may_agree(view, timing_) && leads_on(view, not_before)) {
        return promote_or_record(view, *find_node(view, view.record.leader),
                                 "the nodes agree on it, and " + unfenced(view) + " may go on by failsafe");
    }
    return {Step::fencing, ask_again(view, std::max(not_before, view.now - timing_.ping_interval)),
            "waiting until " + unfenced(view) + ", which may go on by failsafe, must have seen that the nodes disagree",
            view.now + kSoon};
}

/// Who has said so; and once all are fenced, whose permit must have run out.
void Failover::note_fenced(const View& view) {
    for (const auto& portal : view.portals) {
        const bool said_so = has_said_so(view, portal);
        const bool noted = std::ranges::any_of(
            timeline_.fencing, [&](const Fenced& fenced) { return fenced.portal == portal.mark.portal; });
        if (!noted && (said_so || timeline_.fenced)) {
            timeline_.fencing.push_back({portal.mark.portal, view.now, said_so});
        }
    }
}

/// As of the choice: a node that leads already was chosen before.
void Failover::note_candidates(const View& view, const std::vector<replication::Contender>& looked_at,
                               const replication::Choice& choice) {
    const auto* chosen = choice.node ? find_node(view, *choice.node) : nullptr;
    if (chosen != nullptr && chosen->report->role == Role::leader && !timeline_.candidates.empty()) {
        return;
    }
    timeline_.candidates.clear();
    for (const auto& each : looked_at) {
        auto& candidate = timeline_.candidates.emplace_back();
        candidate.node = each.name;
        if (each.report) {
            candidate.offset = each.report->offset;
        }
        const auto refused = std::ranges::find(choice.refused, each.name, &replication::Refusal::node);
        candidate.verdict = choice.node == each.name          ? "chosen: " + choice.why
                            : refused != choice.refused.end() ? refused->why
                                                              : choice.why;
    }
}

Decision Failover::promote_or_record(const View& view, const NodeView& node, const std::string& why) {
    const auto& name = node.node.name;
    if (node.report->role != Role::leader) {
        promoted_run_ = node.report->run_id;
        return {Step::promoting, {Promote{name}}, name + " becomes leader: " + why, std::nullopt};
    }
    auto record = view.record;
    const bool first = record.phase == Phase::bootstrapping;
    record.epoch = first ? replication::next(record.epoch) : record.epoch;
    record.phase = Phase::leading;
    record.reason = first ? name + " leads: " + why : view.record.reason;
    record.leader = name;
    record.in_sync = {name};
    record.joining.clear();
    const auto leading = seen(node);
    for (const auto& other : view.nodes) {
        if (other.health != Health::up || !other.report) {
            continue;
        }
        record.known[other.node.name] = known_data(*other.report);
        if (timing_.proven != ProvenWrites::off) {
            // It may be behind still. Its word is needed from the first reply on, so that it joins without delay.
            if (&other != &node) {
                record.joining.push_back(other.node.name);
            }
        } else if (&other != &node && replication::has_caught_up(seen(other), leading)) {
            record.in_sync.push_back(other.node.name);
        }
    }
    if (planned_ && planned_->epoch == record.epoch) {
        record.answered_id = planned_->id;
        const std::string cause = planned_->error.empty() ? "the old leader has its role back" : planned_->error;
        record.answered_error = name == planned_->to ? "" : planned_->to + " was not promoted: " + cause;
    } else if (const auto* asked = pending_request(view, timing_); asked != nullptr && asked->wants_to == name) {
        record.answered_id = asked->wants_id;
        record.answered_error.clear();
    }
    timeline_.to = name;
    timeline_.epoch = record.epoch;
    timeline_.reason = record.reason;
    timeline_.promoted = view.now;
    told_at_.clear();
    return {Step::recording, {WriteRecord{std::move(record)}}, name + " leads: " + why, std::nullopt};
}

std::vector<replication::Contender> Failover::contenders(const View& view, TimePoint not_before) const {
    std::vector<replication::Contender> list;
    for (const auto& node : view.nodes) {
        auto& contender = list.emplace_back();
        contender.name = node.node.name;
        contender.restart_loses = timing_.proven != ProvenWrites::off;
        contender.led = node.node.name == view.record.leader;
        contender.trouble = node.trouble;
        const auto aside = set_aside_.find(node.node.name);
        if (aside != set_aside_.end() && view.now < aside->second.until) {
            contender.trouble = aside->second.why;
        } else if (node.health == Health::up && node.asked_at >= not_before) {
            contender.report = node.report;
        }
        contender.in_sync = is_named(view.record.in_sync, node.node.name);
        if (const auto known = view.record.known.find(node.node.name); known != view.record.known.end()) {
            contender.known = known->second;
        }
    }
    return list;
}

}  // namespace portal::sentinel
