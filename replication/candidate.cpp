#include "replication/candidate.hpp"

#include "replication/contenders.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace portal::replication {
namespace {

/// Smaller is better; nodes of one tier are compared by their data.
enum class Tier : std::uint8_t { in_sync, in_sync_behind, out_of_sync, empty, refused };

struct Ranked {
    const Contender* contender = nullptr;
    Kept kept = Kept::all;
    Tier tier = Tier::refused;
    std::string why_refused;
    std::uint64_t offset = 0;
    std::uint32_t priority = kUsualPriority;
    Tier barred_from = Tier::refused;  // where it would stand if it could be promoted
};

/// How far a node's data reaches. One that leads has all that its replicas copied from it, also where their reports are
/// newer than its own.
std::uint64_t reach(const NodeReport& report, const std::vector<Contender>& contenders) {
    auto offset = report.offset;
    for (const auto& other : contenders) {
        const bool copies = report.role == Role::leader && other.report && other.report->role == Role::replica &&
                            other.report->link_up && other.report->replid == report.replid;
        if (copies) {
            offset = std::max(offset, other.report->offset);
        }
    }
    return offset;
}

Ranked rank(const Contender& contender, const std::vector<Contender>& contenders) {
    Ranked ranked{&contender, Kept::all, Tier::refused, {}, 0};
    if (!contender.report) {
        ranked.why_refused = contender.trouble.empty() ? "unreachable" : contender.trouble;
        return ranked;
    }
    const auto& report = *contender.report;
    ranked.offset = reach(report, contenders);
    ranked.kept = data_kept(report, contender.known, contender.restart_loses);
    if (report.cluster) {
        ranked.why_refused = "runs in cluster mode";
    } else if (report.loading) {
        ranked.why_refused = "still loading its data";
    } else if (report.sync_in_progress) {
        ranked.why_refused = "in the middle of a full synchronization";
    } else if (ranked.kept == Kept::nothing || ranked.kept == Kept::never_any) {
        ranked.tier = Tier::empty;
        ranked.why_refused = ranked.kept == Kept::nothing ? "came back empty" : "empty";
    } else if (contender.in_sync) {
        ranked.tier = ranked.kept == Kept::some ? Tier::in_sync_behind : Tier::in_sync;
        ranked.why_refused = ranked.kept == Kept::some ? "restarted and may be behind" : "lower offset";
    } else {
        ranked.tier = report.keys > 0 ? Tier::out_of_sync : Tier::empty;
        ranked.why_refused = "not in sync";
    }
    if (is_barred(report) && !contender.led) {
        ranked.barred_from = std::exchange(ranked.tier, Tier::refused);
        ranked.why_refused =
            report.priority == 0 ? "replica-priority 0, so it is never promoted" : "acl.strict bars it";
    }
    return ranked;
}

/// As Sentinel does it. A node that leads does not say its own, so it is compared by its data with the best of the
/// others; one that led and may not be promoted comes last.
void set_priorities(std::vector<Ranked>& ranking) {
    constexpr auto kLast = std::numeric_limits<std::uint32_t>::max();
    const auto leads = [](const Ranked& ranked) { return ranked.contender->report->role == Role::leader; };
    auto best = kLast;
    for (auto& ranked : ranking) {
        if (ranked.tier != Tier::refused && !leads(ranked)) {
            const auto said = ranked.contender->report->priority;
            ranked.priority = said == 0 ? kLast : said;
            best = ranked.tier == Tier::in_sync ? std::min(best, ranked.priority) : best;
        }
    }
    for (auto& ranked : ranking) {
        if (ranked.tier != Tier::refused && leads(ranked)) {
            ranked.priority = best;
        }
    }
}

bool better(const Ranked& a, const Ranked& b) {
    if (a.tier != b.tier) {
        return a.tier < b.tier;
    }
    if (a.tier == Tier::refused) {
        return false;
    }
    const auto& x = *a.contender->report;
    const auto& y = *b.contender->report;
    const bool x_leads = x.role == Role::leader;
    const bool y_leads = y.role == Role::leader;
    if (a.tier == Tier::in_sync && a.priority != b.priority) {
        return a.priority < b.priority;
    }
    // In-sync nodes share one history, so offsets compare. A restarted node may have forgotten its offset but not its
    // keys.
    return a.tier == Tier::in_sync ? std::tuple(a.offset, x_leads, x.keys) > std::tuple(b.offset, y_leads, y.keys)
                                   : std::tuple(x.keys, a.offset, x_leads) > std::tuple(y.keys, b.offset, y_leads);
}

/// The barred node that stands before the best of those that may be promoted: it holds what that one lacks.
const Ranked* barred_before(Tier best, const std::vector<Ranked>& ranking) {
    const auto found = std::ranges::find_if(ranking, [&](const Ranked& each) { return each.barred_from < best; });
    return found == ranking.end() ? nullptr : &*found;
}

/// Nobody can be promoted: what the operator can do.
std::string nobody(const std::vector<Ranked>& ranking) {
    std::string text = "no node can be promoted";
    const Ranked* syncing = nullptr;
    const Ranked* barred = nullptr;
    for (const auto& each : ranking) {
        text += (&each == &ranking.front() ? ": " : ", ") + each.contender->name + " (" + each.why_refused + ")";
        if (each.barred_from != Tier::refused) {
            barred = barred == nullptr ? &each : barred;
        } else if (ready(*each.contender) && syncing == nullptr) {
            syncing = &each;
        }
    }
    if (barred != nullptr) {
        return text + "; bring the leader back, or let another node lead: " +
               why_barred(barred->contender->name, *barred->contender->report);
    }
    return syncing == nullptr ? text + "; bring one back"
                              : text + "; bring the leader back, or run 'redis-portal switchover --to " +
                                    syncing->contender->name + "' to go on with what that one holds";
}

/// Why the best node must not be promoted yet; empty when it may.
std::string objection(const std::vector<Ranked>& ranking, const std::vector<Contender>& contenders,
                      bool patience_over) {
    const auto& best = ranking.front();
    const auto& name = best.contender->name;
    if (const auto* barred = barred_before(best.tier, ranking); barred != nullptr && best.tier != Tier::refused) {
        return name + " lacks what " + barred->contender->name + " may hold; " +
               why_barred(barred->contender->name, *barred->contender->report) +
               "; or run 'redis-portal switchover --to " + name + "' to go on without it";
    }
    const auto decide = "; bring it back, or run 'redis-portal switchover --to " + name + "' to go on without it";
    switch (best.tier) {
        case Tier::in_sync:
            return {};
        case Tier::in_sync_behind: {
            const auto missing = not_ready(contenders, true);
            return missing.empty() || patience_over
                       ? std::string{}
                       : name + " restarted and may be behind; waiting for " + joined(missing);
        }
        case Tier::out_of_sync: {
            const auto missing = not_ready(contenders, true);
            return missing.empty() ? std::string{}
                                   : name + " is not in sync and " + joined(missing) +
                                         " may hold confirmed writes that it lacks" + decide;
        }
        case Tier::empty: {
            const auto missing = not_ready(contenders, false);
            return missing.empty() ? std::string{}
                                   : name + " is empty and " + joined(missing) + " may hold the data" + decide;
        }
        case Tier::refused:
            break;
    }
    return nobody(ranking);
}

std::string reason_for(const Ranked& best) {
    switch (best.tier) {
        case Tier::in_sync:
            return best.priority < kUsualPriority ? "in sync, replica-priority " + std::to_string(best.priority)
                                                  : "in sync, highest offset";
        case Tier::in_sync_behind:
            return "restarted, but holds the most of what is left";
        case Tier::out_of_sync:
            return "not in sync, but the only one that still holds data";
        default:
            return "no node holds data";
    }
}

}  // namespace

Kept data_kept(const NodeReport& report, const std::optional<KnownData>& known, bool restart_loses) noexcept {
    if (!known) {
        return report.keys > 0 || report.offset > 0 ? Kept::all : Kept::never_any;
    }
    if (!report.run_id.empty() && report.run_id == known->run_id) {
        return Kept::all;
    }
    if (descends_from(report, known->replid)) {
        return report.offset >= known->offset && !restart_loses ? Kept::all : Kept::some;
    }
    if (report.keys > 0) {
        return Kept::some;
    }
    return known->keys > 0 ? Kept::nothing : Kept::never_any;
}

bool is_barred(const NodeReport& report) noexcept {
    return report.role == Role::replica && (report.priority == 0 || !report.barred.empty());
}

std::string why_barred(const std::string& name, const NodeReport& report) {
    if (report.priority != 0) {
        return report.barred;
    }
    return name + " has replica-priority 0; CONFIG SET replica-priority " + std::to_string(kUsualPriority) +
           " there lets it lead";
}

std::string why_no_cluster(const std::string& name) {
    return name +
           " runs in cluster mode (cluster-enabled yes), which portals do not serve: use a client that speaks to " +
           "the cluster, or start the node with cluster-enabled no";
}

Choice choose_candidate(const std::vector<Contender>& contenders, std::chrono::milliseconds waited,
                        std::chrono::milliseconds patience) {
    std::vector<Ranked> ranking;
    ranking.reserve(contenders.size());
    for (const auto& contender : contenders) {
        ranking.push_back(rank(contender, contenders));
    }
    set_priorities(ranking);
    std::stable_sort(ranking.begin(), ranking.end(), better);

    Choice choice;
    if (ranking.empty()) {
        choice.why = "no node is configured";
        return choice;
    }
    const auto objected = objection(ranking, contenders, waited >= patience);
    const bool promote = objected.empty();
    if (promote) {
        choice.node = ranking.front().contender->name;
        choice.why = reason_for(ranking.front());
    } else {
        choice.why = objected;
    }
    for (auto refused = ranking.begin() + (promote ? 1 : 0); refused != ranking.end(); ++refused) {
        choice.refused.push_back({refused->contender->name, refused->why_refused});
    }
    return choice;
}

}  // namespace portal::replication
