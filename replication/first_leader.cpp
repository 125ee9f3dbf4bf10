// Who leads first, without a record.
#include "replication/candidate.hpp"
#include "replication/contenders.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace portal::replication {
namespace {

bool holds_data(const NodeReport& report) {
    return report.keys > 0;
}

bool has_replica(const NodeReport& report) {
    return std::any_of(report.replicas.begin(), report.replicas.end(),
                       [](const ConnectedReplica& replica) { return replica.state == "online"; });
}

/// More data, for nodes that may have nothing to do with each other.
bool holds_more(const NodeReport& a, const NodeReport& b) {
    if (holds_data(a) != holds_data(b)) {
        return holds_data(a);
    }
    if (share_history(a, b)) {
        return std::tuple(a.offset, a.keys) > std::tuple(b.offset, b.keys);
    }
    return a.keys > b.keys;
}

Choice chosen(const std::string& name, std::string why) {
    return {name, std::move(why), {}};
}

Choice undecided(std::string why) {
    return {std::nullopt, std::move(why), {}};
}

/// Nodes without a record, as far as they are ready.
struct FirstSight {
    std::vector<const Contender*> leaders;  // by their own word
    std::vector<std::string> leaders_with_data;
    const Contender* most = nullptr;         // holds the most data of those that may lead
    const Contender* most_barred = nullptr;  // and of those that may not
};

FirstSight look_at(const std::vector<Contender>& contenders) {
    FirstSight sight;
    for (const auto& contender : contenders) {
        if (!ready(contender)) {
            continue;
        }
        if (contender.report->role == Role::leader) {
            sight.leaders.push_back(&contender);
            if (holds_data(*contender.report)) {
                sight.leaders_with_data.push_back(contender.name);
            }
        }
        const Contender*& most = is_barred(*contender.report) ? sight.most_barred : sight.most;
        if (most == nullptr || holds_more(*contender.report, *most->report)) {
            most = &contender;
        }
    }
    return sight;
}

Choice choose_named(const Contender& named) {
    if (!ready(named)) {
        return undecided(named.name + " was chosen by the operator but is not ready: " + named.trouble);
    }
    return is_barred(*named.report) ? undecided(why_barred(named.name, *named.report))
                                    : chosen(named.name, "chosen by the operator");
}

/// No leader holds data.
Choice choose_by_data(const FirstSight& sight) {
    const auto* most = sight.most;
    const auto* barred = sight.most_barred;
    if (barred != nullptr &&
        (most == nullptr || (holds_data(*barred->report) && holds_more(*barred->report, *most->report)))) {
        return undecided("no node that may lead holds as much; " + why_barred(barred->name, *barred->report));
    }
    if (most == nullptr) {
        return undecided("no node is configured");
    }
    if (holds_data(*most->report)) {
        return chosen(most->name, "holds the most data");
    }
    if (!sight.leaders.empty()) {
        const auto best = std::find_if(sight.leaders.begin(), sight.leaders.end(),
                                       [](const Contender* leader) { return has_replica(*leader->report); });
        return chosen((best == sight.leaders.end() ? sight.leaders.front() : *best)->name, "adopted: it leads already");
    }
    return chosen(most->name, "first of equals: no node holds data");
}

}  // namespace

Choice choose_first_leader(const std::vector<Contender>& contenders, const std::optional<std::string>& forced) {
    const auto named = std::find_if(contenders.begin(), contenders.end(),
                                    [&](const Contender& c) { return forced && c.name == *forced; });
    const auto clustered = std::ranges::find_if(
        contenders, [](const Contender& contender) { return contender.report && contender.report->cluster; });
    if (clustered != contenders.end()) {
        return undecided(why_no_cluster(clustered->name));
    }
    if (named != contenders.end()) {
        return choose_named(*named);
    }
    const FirstSight sight = look_at(contenders);
    if (sight.leaders_with_data.size() > 1) {
        return undecided(
            joined(sight.leaders_with_data) +
            " both lead and hold data of their own; run 'redis-portal switchover --to NODE' to say whose data "
            "stays (the others are overwritten)");
    }
    if (sight.leaders.size() == 1) {
        const Contender& leader = *sight.leaders.front();
        if (holds_data(*leader.report) || has_replica(*leader.report)) {
            return chosen(leader.name, "adopted: it leads already");
        }
    }
    if (const auto missing = not_ready(contenders, false); !missing.empty()) {
        return undecided("waiting for " + joined(missing) +
                         ": without a record every node must be seen once before a leader is chosen; 'redis-portal "
                         "switchover --to NODE' decides at once");
    }
    if (!sight.leaders_with_data.empty()) {
        return chosen(sight.leaders_with_data.front(), "adopted: the only leader that holds data");
    }
    return choose_by_data(sight);
}

}  // namespace portal::replication
