#include "sentinel/node_account.hpp"

#include "sentinel/leader_watch.hpp"

#include <utility>

namespace portal::sentinel {

NodeAccount::NodeAccount(replication::Node node, const Timing& timing, TimePoint now)
    : health_(timing.ping_interval, {timing.down_after, timing.busy_after}, now) {
    view_.node = std::move(node);
}

bool NodeAccount::note(const Observation& observation) {
    health_.note(observation);
    view_.addresses = observation.addresses;
    if (observation.result == ProbeResult::answered || observation.result == ProbeResult::denied) {
        view_.asked_at = observation.asked_at;
        view_.reported_at = observation.at;
        view_.heard_at = observation.report ? latest_hearing(view_, *observation.report, observation.at) : TimePoint{};
        view_.report = observation.report;
        if (observation.report) {
            run_id_ = observation.report->run_id;
        }
    }
    const auto before = std::exchange(view_.health, health_.assess(observation.at));
    return before != view_.health;
}

void NodeAccount::note(AgentWord word) {
    if (!run_id_.empty() && word.run_id == run_id_) {
        health_.note(std::move(word));
    }
}

NodeView NodeAccount::seen(TimePoint now) const {
    auto seen = view_;
    seen.health = health_.assess(now);
    seen.refused = health_.refused();
    seen.overdue = health_.overdue(now);
    seen.failing_since = health_.failing_since();
    seen.unserved_since = health_.unserved_since();
    seen.trouble = health_.trouble(now);
    return seen;
}

}  // namespace portal::sentinel
