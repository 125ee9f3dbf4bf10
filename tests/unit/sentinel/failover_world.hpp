// A small simulated world for the failover machine: its actions are applied to the view, or fail.
#pragma once

#include "sentinel/failover.hpp"
#include "views.hpp"

#include <functional>
#include <string>
#include <vector>

namespace portal::sentinel {

using replication::Epoch;
using replication::Role;

class World {
  public:
    View view = healthy_view();
    Timing timing;
    Failover failover{timing};
    Decision last;
    std::vector<std::string> done;
    /// Returns true when the action with this number shall fail.
    std::function<bool(std::size_t)> fails = [](std::size_t) { return false; };
    std::size_t actions = 0;
    bool portal1_answers = true;
    bool hand_over_fails = false;
    Milliseconds guarded{0};  // of the last hand-over
    TimePoint handed_over_at;

    NodeView& node(const std::string& name) { return name == "redis-0" ? view.nodes[0] : view.nodes[1]; }

    void kill(const std::string& name) {
        refuse(node(name), view.now);
        for (auto& other : view.nodes) {
            if (other.report && other.report->role == Role::replica && other.report->leader.host == name) {
                lose_link(other);
                other.asked_at = other.reported_at = view.now;
            }
        }
    }

    void start(const std::string& name, std::uint64_t keys) {
        auto& born = node(name);
        born.health = Health::up;
        born.refused = false;
        replication::NodeReport report;
        report.role = Role::replica;
        report.leader = {"127.0.0.1", 1};
        report.run_id = name + "-second-run";
        report.replid = name + "-new";
        report.keys = keys;
        born.report = report;
        refresh(born);
    }

    /// One turn: time passes, marks are written, the machine decides, the world obeys.
    void turn() {
        view.now += kTick;
        for (auto& portal : view.portals) {
            if (portal.mark.portal == view.self || portal1_answers) {
                portal.changed_at = view.now;
                if (view.record.phase == Phase::fencing) {
                    portal.mark.fenced = view.record.epoch;
                }
            }
        }
        last = failover.decide(view);
        for (auto& action : last.actions) {
            std::visit([this](auto& what) { apply(what, fails(actions++)); }, action);
        }
    }
    bool run_until(const std::function<bool()>& reached, int turns = 2000) {
        for (int i = 0; i < turns; ++i) {
            if (reached()) {
                return true;
            }
            turn();
        }
        return reached();
    }
    bool leads(const std::string& name) const {
        return view.record.phase == Phase::leading && view.record.leader == name;
    }
    void ask(const std::string& to) {
        view.portals[1].mark.wants_id = "request-1";
        view.portals[1].mark.wants_to = to;
        view.portals[1].mark.wants_in = view.record.phase == Phase::fencing ? view.record.epoch : Epoch{0};
    }

  private:
    void refresh(NodeView& seen) { seen.asked_at = seen.reported_at = view.now; }

    void apply(WriteRecord& write, bool fail) {
        done.emplace_back("write " + std::string(to_string(write.next.phase)));
        if (fail) {
            return;
        }
        if (write.next.epoch != view.record.epoch || write.next.phase != view.record.phase) {
            view.phase_since = view.now;
        }
        view.record = write.next;
    }
    void apply(Promote& promote, bool fail) {
        done.push_back("promote " + promote.node);
        auto& chosen = node(promote.node);
        if (fail || chosen.health != Health::up) {
            failover.promotion_failed(promote.node, "broken", view.now);
            return;
        }
        chosen.report->role = Role::leader;
        chosen.report->link_up = false;
        refresh(chosen);
    }
    void apply(Follow& follow, bool fail) {
        done.push_back("follow " + follow.step.node);
        auto& follower = node(follow.step.node);
        if (!fail) {
            follower.report->role = Role::replica;
            follower.report->leader = *follow.step.leader;
            if (find_node(view, follow.step.leader->host) != nullptr) {
                follower.report->keys = node(follow.step.leader->host).report->keys;
            }
        }
        view.now += kTick;
        refresh(follower);
    }
    void apply(HandOver& move, bool) {
        const bool fail = hand_over_fails;
        done.push_back("hand over to " + move.to);
        if (!fail) {
            node(move.to).report->role = Role::leader;
            node(move.from).report->role = Role::replica;
            node(move.from).report->leader = {move.to, 6379};
        }
        guarded = move.guarded;
        handed_over_at = view.now;
        failover.handed_over(fail ? "it did not catch up" : "", view.now);
        refresh(node(move.from));
        refresh(node(move.to));
    }
    void apply(GiveAway&, bool) { done.emplace_back("give away"); }
    void apply(ProbeNow& ask, bool fail) {
        if (auto& asked = node(ask.node); !fail && asked.health == Health::up) {
            refresh(asked);
        }
    }
};

}  // namespace portal::sentinel
