#include "sentinel/concerns.hpp"

#include <algorithm>

namespace portal::sentinel {
using replication::Role;

namespace {

/// A portal that has not renewed its mark for so many times `fence_after` is away, and not merely slow.
constexpr int kAway = 3;

void add_loss_ahead(const View& view, std::vector<std::string>& found) {
    const bool wants_replicas = view.nodes.size() > 1;
    const bool has_one = std::ranges::any_of(view.nodes, [&](const NodeView& node) {
        return node.node.name != view.record.leader && node.health == Health::up && node.report &&
               is_named(view.record.in_sync, node.node.name);
    });
    if (view.record.phase == Phase::leading && wants_replicas && !has_one) {
        found.push_back("no replica is in sync: if " + view.record.leader + " is lost now, its data is");
    }
}

std::string why_out_of_sync(const replication::NodeReport& report) {
    return report.loading            ? "it loads its data"
           : report.sync_in_progress ? "it copies the leader's data"
           : !report.link_up         ? "its link to the leader is down"
                                     : "it has not caught up";
}

/// What is wrong with one node; empty: nothing.
std::string trouble_of(const NodeView& node, const View& view) {
    const auto& name = node.node.name;
    if (!node.twin_of.empty()) {
        return node.trouble;
    }
    const std::string trouble = node.trouble.empty() ? "" : ": " + node.trouble;
    switch (node.health) {
        case Health::down:
            return name + " does not answer" + trouble;
        case Health::busy:
            return name + " is busy" + trouble;
        case Health::suspected:
            return {};
        case Health::up:
            break;
    }
    if (!node.report) {
        return name + " answers, but cannot be read" + trouble;
    }
    if (node.report->cluster) {
        return replication::why_no_cluster(name);
    }
    if (view.record.phase != Phase::leading || name == view.record.leader) {
        return {};
    }
    if (node.report->role == Role::leader) {
        return name + " leads as well, beside the recorded leader " + view.record.leader;
    }
    return is_named(view.record.in_sync, name) ? std::string()
                                               : name + " is not in sync: " + why_out_of_sync(*node.report);
}

/// A replica would answer their commands with an error once it leads. While it copies data of theirs it cannot even
/// follow.
void add_missing_modules(const View& view, std::vector<std::string>& found) {
    const auto* leader = find_node(view, view.record.leader);
    if (view.record.phase != Phase::leading || leader == nullptr || !leader->report) {
        return;
    }
    for (const auto& node : view.nodes) {
        std::string missing;
        for (const auto& module : leader->report->modules) {
            if (node.report && std::ranges::find(node.report->modules, module) == node.report->modules.end()) {
                missing += (missing.empty() ? "" : ", ") + module;
            }
        }
        if (!missing.empty()) {
            found.push_back(node.node.name + " has not loaded what the leader has: " + missing +
                            "; load it there (MODULE LOAD, or loadmodule in redis.conf), else its commands fail when " +
                            node.node.name + " leads");
        }
    }
}

void add_nodes(const View& view, std::vector<std::string>& found) {
    for (const auto& node : view.nodes) {
        if (auto trouble = trouble_of(node, view); !trouble.empty()) {
            found.push_back(std::move(trouble));
        }
        if (node.login.word == LoginState::Word::refused) {
            found.push_back(login_sentence(node));
        }
        for (const auto& stranger : strangers_among(node.visitors.monitors, view.record.id)) {
            found.push_back(stranger_sentence(node.node.name, stranger));
        }
        for (const auto& address : node.visitors.sentinels) {
            found.push_back(sentinel_sentence(node.node.name, address));
        }
    }
}

void add_portals(const View& view, const Timing& timing, std::vector<std::string>& found) {
    for (const auto& portal : view.portals) {
        const auto& name = portal.mark.portal;
        if (name == view.self) {
            continue;
        }
        if (view.now - portal.changed_at >= kAway * timing.fence_after) {
            found.push_back(name + " is away: it renews its mark no longer");
        } else if (view.record.phase == Phase::leading && !portal.mark.reaches_leader &&
                   view.now - view.phase_since >= kAway * timing.fence_after) {
            found.push_back(name + " does not reach the leader");
        }
    }
    if (view.record.acting.empty()) {
        found.emplace_back("no portal acts, so nobody would replace a lost leader");
    }
}

}  // namespace

std::vector<std::string> concerns(const View& view, const Timing& timing, const Circumstances& circumstances) {
    std::vector<std::string> found;
    add_loss_ahead(view, found);
    if (!circumstances.arbiter_error.empty()) {
        found.push_back("the arbiter (" + circumstances.arbiter + ") cannot be used: " + circumstances.arbiter_error +
                        (circumstances.failsafe_active ? "; this portal goes on by failsafe" : ""));
    }
    add_nodes(view, found);
    add_missing_modules(view, found);
    add_portals(view, timing, found);
    found.insert(found.end(), circumstances.settings.begin(), circumstances.settings.end());
    return found;
}

}  // namespace portal::sentinel
