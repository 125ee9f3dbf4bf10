#include "sentinel/standing.hpp"

#include "sentinel/leader_watch.hpp"
#include "sentinel/twins.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {

namespace {

/// A permit is shorter than what others wait by this part of it, so that clocks may differ in their rates.
constexpr int kClockRates = 100;

void add_node(replication::Topology& topology, const Record& record, const NodeView& node) {
    topology.nodes.push_back(node.node);
    if (node.report && !node.report->run_id.empty()) {
        topology.processes.by_node[node.node.name] = node.report->run_id;
    }
    if (is_named(record.in_sync, node.node.name) && was_restarted(record, node)) {
        topology.processes.behind.push_back(node.node.name);
    }
    if (node.health == Health::up && !node.addresses.empty()) {
        topology.addresses.by_host[node.node.endpoint.host] = node.addresses;
    }
}

}  // namespace

Standing::Standing(std::string self, Timing timing, TimePoint now)
    : self_(std::move(self)), timing_(timing), role_(self_, timing.lease, now), proven_sync_(timing) {
    mark_.portal = self_;
    // Another place to begin in each life, so that no mark is like one of the life before.
    const auto begun = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
    beats_ = static_cast<std::uint64_t>(begun.count());
}

void Standing::arbiter_failed(std::string error, Milliseconds after, TimePoint now) {
    arbiter_error_ = std::move(error);
    next_beat_ = now + after;
}

Standing::Reading Standing::read(Snapshot snapshot, TimePoint asked_at, TimePoint now) {
    Reading reading;
    reading.before = record_;
    if (snapshot.record && record_ && snapshot.record->epoch < record_->epoch) {
        reading.gone_back = true;
        arbiter_failed("the record went back to an older epoch; it was replaced by hand or restored from a copy",
                       timing_.fence_after / 4, now);
        return reading;
    }
    arbiter_error_.clear();
    confirmed_at_ = asked_at;
    permit_from_ = marked_at_;
    version_ = std::move(snapshot.version);
    reading.suspects = take_in_marks(snapshot.marks, now);
    // A record that vanished is written anew by due_record, from what this portal remembers.
    role_.observe(snapshot.record, now);
    if (!snapshot.record) {
        next_beat_ = now + timing_.fence_after / 4;
        return reading;
    }
    reading.first = !record_;
    reading.new_phase =
        reading.first || record_->epoch != snapshot.record->epoch || record_->phase != snapshot.record->phase;
    record_ = std::move(snapshot.record);
    marks_are_of_phase_ = true;
    if (record_->acting != self_) {
        proven_sync_.forget();
    }
    if (reading.new_phase) {
        phase_since_ = now;
        // A portal that has just started may read a record that is older than the nodes' last restart.
        vouched_for_ = !reading.first;
    }
    return reading;
}

std::vector<std::string> Standing::take_in_marks(const std::vector<Mark>& marks, TimePoint now) {
    std::vector<std::string> suspects;
    std::map<std::string, PortalView> seen;
    for (const auto& mark : marks) {
        if (mark.portal == self_) {
            continue;
        }
        const auto before = portals_.find(mark.portal);
        const bool changed = before == portals_.end() || before->second.mark != mark;
        if (!mark.suspects.empty() && (before == portals_.end() || before->second.mark.suspects != mark.suspects)) {
            suspects.push_back(mark.suspects);
        }
        seen[mark.portal] = {mark, changed ? now : before->second.changed_at};
    }
    portals_ = std::move(seen);
    return suspects;
}

std::optional<Record> Standing::due_record(const std::vector<NodeView>& nodes, TimePoint now) {
    if (role_.may_take(now)) {
        return record_.value_or(Record{});
    }
    if (!record_ || !role_.held_here(now)) {
        return std::nullopt;
    }
    const auto view = look(nodes, now);
    const bool proven = timing_.proven != ProvenWrites::off;
    // By the word of a leader that lives: what it said before this process was paused may be long over.
    const auto* leader = find_node(view, record_->leader);
    const bool heard = verdict_.state == LeaderState::fine && now - leader->asked_at <= timing_.down_after;
    auto next = !heard ? *record_ : proven ? proven_sync_.kept_up(view) : kept_up(view);
    if (role_.renewal_due(now) || next.in_sync != record_->in_sync || (proven && sync_differs(next, *record_))) {
        return next;
    }
    return std::nullopt;
}

Record Standing::begin_write(Record next, std::string holder, TimePoint now) {
    next.acting = std::move(holder);
    if (next.id.empty()) {
        next.id = offered_id_;
    }
    for (const auto& account : accounts_) {
        add_account(next, account);
    }
    next.renewals = (record_ ? record_->renewals : 0) + 1;
    role_.asking(now);
    return next;
}

bool Standing::written(Record record, std::string version, TimePoint asked_at, TimePoint now) {
    accounts_.clear();
    const bool new_phase = !record_ || record_->epoch != record.epoch || record_->phase != record.phase;
    record_ = std::move(record);
    version_ = std::move(version);
    confirmed_at_ = asked_at;
    permit_from_ = marked_at_;
    role_.observe(record_, now);
    if (new_phase) {
        phase_since_ = now;
        marks_are_of_phase_ = false;
        vouched_for_ = record_->phase == Phase::leading;
        proven_sync_.began(*record_);
    }
    return new_phase;
}

View Standing::look(const std::vector<NodeView>& nodes, TimePoint now) {
    View view;
    view.self = self_;
    view.now = now;
    view.record = *record_;
    view.phase_since = phase_since_;
    view.marks_are_of_phase = marks_are_of_phase_;
    view.nodes = nodes;
    set_twins_apart(view.nodes, record_, phase_since_);
    view.portals.push_back({own_mark(), now});
    for (const auto& [name, portal] : portals_) {
        view.portals.push_back(portal);
    }
    verdict_ = record_->phase == Phase::leading ? judge_leader(view, timing_) : LeaderVerdict{};
    vouched_for_ = vouched_for_ || reaches_leader();
    return view;
}

std::string Standing::why_nobody_leads(const View& view) const {
    std::string why = view.record.phase == Phase::fencing ? view.record.reason : "no leader was chosen yet";
    const auto& acting = view.record.acting;
    if (acting == self_ && !waits_for_.empty()) {
        why += "; " + waits_for_;
    } else if (const auto waits = waits_of(acting); !waits.empty()) {
        why += "; " + waits;
    } else if (acting != self_ && !acting.empty() && view.now - view.phase_since > 2 * timing_.fence_after) {
        why += "; " + acting + " acts, and has not said what it waits for";
    }
    return why;
}

replication::Topology Standing::topology(const View& view) const {
    replication::Topology topology;
    topology.epoch = view.record.epoch;
    topology.in_sync = view.record.in_sync;
    if (published_) {
        topology.processes.by_node = published_->processes.by_node;  // a node that answers with errors does not say
    }
    for (const auto& node : view.nodes) {
        add_node(topology, view.record, node);
    }
    const auto* leader = find_node(view, view.record.leader);
    if (view.record.phase != Phase::leading) {
        topology.reason = why_nobody_leads(view);
    } else if (verdict_.state == LeaderState::lost || leader == nullptr || !leader->twin_of.empty()) {
        topology.reason = verdict_.why;
    } else if (!vouched_for_) {
        topology.reason = "checking that " + view.record.leader + " still leads";
    } else {
        topology.leader = leader->node;
        topology.reason = view.record.reason;
    }
    topology.fencing = view.record.phase == Phase::fencing;
    topology.notice = view.record.notice;
    if (timing_.proven != ProvenWrites::off && (topology.leader || topology.fencing)) {
        topology.confirming = confirmers(view, arbiter_error_.empty());
    }
    return topology;
}

/// What that other portal says that it waits for.
std::string Standing::waits_of(const std::string& acting) const {
    const auto other = portals_.find(acting);
    return other == portals_.end() ? std::string() : other->second.mark.waits_for;
}

std::uint64_t Standing::published(replication::TopologyPtr topology) {
    const bool goes_on = published_ && !published_->leader && !topology->leader && published_->epoch == topology->epoch;
    published_ = std::move(topology);
    ++serial_;
    stopped_ = goes_on ? stopped_ : serial_;
    return serial_;
}

bool Standing::leads_here() const {
    return record_ && record_->phase == Phase::leading && published_ && published_->leader &&
           published_->epoch == record_->epoch;
}

/// Once the shards have stopped in this epoch, another reason for it starts nothing again.
bool Standing::fenced_here() const {
    return record_ && record_->phase == Phase::fencing && published_ && !published_->leader &&
           published_->epoch == record_->epoch && applied_ >= stopped_;
}

Mark Standing::own_mark() const {
    auto mark = mark_;
    mark.fenced = fenced_here() ? record_->epoch : mark_.fenced;
    mark.waits_for = record_ && record_->acting == self_ ? waits_for_ : "";
    mark.wants_id = wants_id_;
    mark.wants_to = wants_to_;
    mark.wants_in = wants_in_;
    return mark;
}

void Standing::ask_for(std::string id, std::string to) {
    wants_id_ = std::move(id);
    wants_to_ = std::move(to);
    const bool nobody_leads = record_ && record_->phase == Phase::fencing && !wants_id_.empty();
    wants_in_ = nobody_leads ? record_->epoch : replication::Epoch{0};
}

std::optional<Mark> Standing::due_mark(const View& view, TimePoint now) {
    auto mark = own_mark();
    mark.reaches_leader = view.record.phase == Phase::leading && reaches_leader();
    const bool suspected = verdict_.state == LeaderState::dead || verdict_.state == LeaderState::lost;
    mark.suspects = suspected ? view.record.leader : "";
    // While the arbiter does not answer, the next beat is the next attempt to read, whatever there is to say.
    if (!arbiter_error_.empty() || (now < next_beat_ && mark == mark_)) {
        return std::nullopt;
    }
    // Also after an attempt that seemed to fail, and was seen by the others: they must see this one as well.
    mark.beat = ++beats_;
    return mark;
}

void Standing::mark_written(Mark mark, TimePoint asked_at) {
    mark_ = std::move(mark);
    marked_at_ = asked_at;
    next_beat_ = asked_at + timing_.fence_after / 4;
}

std::optional<TimePoint> Standing::permit() const {
    if (!arbiter_error_.empty() || !leads_here() || !permit_from_ || !shards_know()) {
        return std::nullopt;
    }
    return *permit_from_ + timing_.fence_after - timing_.fence_after / kClockRates;
}

/// Else a shard could still forward by an older record on the permit that this one gives.
bool Standing::shards_know() const {
    return applied_ == serial_;
}

std::optional<TimePoint> Standing::failsafe_until(const View& view) const {
    if (!timing_.failsafe || arbiter_error_.empty() || !leads_here() || !permit_from_ || !shards_know()) {
        return std::nullopt;
    }
    const auto agreed = agreed_since(view, timing_);
    return agreed ? std::optional(*agreed + timing_.fence_after - timing_.fence_after / kClockRates) : std::nullopt;
}

}  // namespace portal::sentinel
