// The failover machine against a small simulated world: its actions are applied to the view, or fail.
#include "sentinel/failover.hpp"

#include "views.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

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
            const auto& leader = node(follow.step.leader->host);
            follower.report->role = Role::replica;
            follower.report->leader = *follow.step.leader;
            follower.report->keys = leader.report->keys;
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

TEST(FailoverMachine, does_nothing_while_all_is_well) {
    World world;
    world.turn();
    EXPECT_TRUE(world.last.actions.empty());
    EXPECT_EQ(world.last.step, Step::watching);
}

TEST(FailoverMachine, a_dead_leader_is_replaced_in_this_order) {
    World world;
    world.kill("redis-0");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.done, (std::vector<std::string>{"write fencing", "promote redis-1", "write leading"}));
    EXPECT_EQ(world.view.record.epoch, Epoch{8});
    EXPECT_EQ(world.view.record.in_sync, std::vector<std::string>{"redis-1"});
    const auto& timeline = world.failover.timeline();
    EXPECT_EQ(timeline.from, "redis-0");
    EXPECT_EQ(timeline.to, "redis-1");
    EXPECT_TRUE(timeline.noticed && timeline.detected && timeline.fenced && timeline.promoted);
}

TEST(FailoverMachine, whatever_fails_once_the_failover_ends_with_one_leader_in_the_record) {
    for (std::size_t failing = 0; failing < 8; ++failing) {
        World world;
        world.fails = [failing](std::size_t number) { return number == failing; };
        world.kill("redis-0");
        ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); })) << "action " << failing << " failed";
        EXPECT_EQ(world.view.record.epoch, Epoch{8});
        world.start("redis-0", 0);
        EXPECT_TRUE(world.run_until([&] { return world.node("redis-0").report->leader.host == "redis-1"; }))
            << "action " << failing << " failed";
        EXPECT_EQ(world.node("redis-1").report->keys, 5U) << "nothing is wiped";
    }
}

TEST(FailoverMachine, whatever_fails_every_second_time_it_still_ends) {
    World world;
    world.fails = [](std::size_t number) { return number % 2 == 0; };
    world.kill("redis-0");
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
}

TEST(FailoverMachine, another_portal_completes_what_this_one_left_at_any_step) {
    for (int turns = 0; turns < 8; ++turns) {
        World world;
        world.kill("redis-0");
        for (int i = 0; i < turns; ++i) {
            world.turn();
        }
        world.failover = Failover(world.timing);
        ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); })) << "left after turn " << turns;
        EXPECT_EQ(world.view.record.epoch, Epoch{8}) << "one change of leader, not two";
    }
}

TEST(FailoverMachine, nobody_is_promoted_before_every_live_portal_has_stopped_forwarding) {
    World world;
    world.portal1_answers = false;
    world.kill("redis-0");
    world.turn();
    ASSERT_EQ(world.view.record.phase, Phase::fencing);
    const auto fencing_since = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_GE(world.view.now - world.view.portals[1].changed_at, world.timing.fence_after)
        << "its permit to forward has run out by then";
    EXPECT_LE(world.view.now - fencing_since, world.timing.fence_after + 10 * kTick) << "and nobody waits longer";
}

TEST(FailoverMachine, a_portal_that_has_been_gone_for_long_is_not_waited_for) {
    World world;
    world.portal1_answers = false;
    world.view.portals[1].changed_at = world.view.now - std::chrono::minutes(5);
    world.kill("redis-0");
    const auto killed_at = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_LT(world.view.now - killed_at, Milliseconds(200));
}

TEST(FailoverMachine, that_a_mark_stood_still_counts_only_if_it_was_read_after_the_failover_began) {
    World world;
    world.portal1_answers = false;
    world.view.portals[1].changed_at = world.view.now - world.timing.fence_after;
    world.kill("redis-0");
    // portal-1 was cut off from the arbiter and has come back; what was read so far does not show it yet.
    world.view.marks_are_of_phase = false;
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }, 20));
    EXPECT_EQ(world.last.step, Step::fencing);
    world.view.marks_are_of_phase = true;
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); }, 20));
}

TEST(FailoverMachine, with_failsafe_a_portal_that_has_been_gone_for_long_is_waited_for_since_it_may_still_forward) {
    World world;
    world.timing.failsafe = true;
    world.failover = Failover(world.timing);
    world.portal1_answers = false;
    world.view.portals[1].changed_at = world.view.now - std::chrono::minutes(5);
    world.kill("redis-0");
    world.turn();
    ASSERT_EQ(world.view.record.phase, Phase::fencing);
    const auto fencing_since = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_GE(world.view.now - fencing_since, world.timing.fence_after);
}

TEST(FailoverMachine, a_leader_reborn_empty_never_leads_over_its_replica) {
    World world;
    world.kill("redis-0");
    world.start("redis-0", 0);
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_TRUE(world.run_until([&] { return world.node("redis-0").report->keys == 5; }));
}

TEST(FailoverMachine, a_leader_reborn_empty_waits_while_its_replica_is_away_until_the_operator_decides) {
    World world;
    world.kill("redis-0");
    world.kill("redis-1");
    world.start("redis-0", 0);
    EXPECT_FALSE(world.run_until(
        [&] { return world.view.record.phase == Phase::leading && world.view.record.epoch == Epoch{8}; }));
    EXPECT_EQ(world.last.step, Step::choosing);
    EXPECT_NE(world.last.why.find("switchover --to redis-0"), std::string::npos) << world.last.why;
    world.ask("redis-0");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-0"); }));
    EXPECT_EQ(world.view.record.answered_id, "request-1");
    EXPECT_EQ(world.view.record.answered_error, "");
}

TEST(FailoverMachine, a_replica_in_full_sync_leads_only_when_the_operator_says_so) {
    World world;
    world.kill("redis-0");
    world.node("redis-1").report->sync_in_progress = true;
    world.view.record.in_sync = {"redis-0"};
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_NE(world.last.why.find("switchover --to redis-1"), std::string::npos) << world.last.why;
    world.ask("redis-1");
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
}

TEST(FailoverMachine, with_no_replica_the_leader_itself_leads_again_after_its_restart) {
    World world;
    refuse(world.node("redis-1"), world.view.now - std::chrono::hours(1));
    world.view.record.in_sync = {"redis-0"};
    world.node("redis-0").report->replicas.clear();
    world.kill("redis-0");
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-0") && world.view.record.epoch == Epoch{8}; }, 100));
    world.start("redis-0", 5);
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-0"); }));
}

TEST(FailoverMachine, a_node_that_claims_to_lead_is_made_a_replica) {
    World world;
    world.node("redis-1").report->role = Role::leader;
    world.turn();
    EXPECT_EQ(world.last.step, Step::following);
    EXPECT_EQ(world.done, std::vector<std::string>{"follow redis-1"});
}

TEST(FailoverMachine, a_node_with_data_that_the_record_never_knew_is_not_overwritten) {
    for (const auto role : {Role::leader, Role::replica}) {
        World world;
        auto& stranger = world.node("redis-1");
        world.view.record.known.erase("redis-1");
        world.view.record.in_sync = {"redis-0"};
        stranger.report->role = role;
        stranger.report->leader = {"127.0.0.1", 1};
        stranger.report->replid = "its-own";
        world.turn();
        EXPECT_TRUE(world.done.empty());
        EXPECT_NE(world.last.why.find("REPLICAOF redis-0 6379"), std::string::npos) << world.last.why;
        EXPECT_FALSE(kept_up(world.view).known.contains("redis-1")) << "time does not make it known";
        stranger.report->keys = 0;
        world.turn();
        EXPECT_EQ(world.done, std::vector<std::string>{"follow redis-1"}) << "an empty node has nothing to lose";
    }
}

TEST(FailoverMachine, nobody_is_made_a_replica_of_a_leader_that_was_restarted) {
    World world;
    world.node("redis-0").report->run_id = "second";
    world.node("redis-0").report->keys = 0;
    world.node("redis-1").report->leader = {"127.0.0.1", 1};
    world.turn();
    EXPECT_EQ(world.done, std::vector<std::string>{"write fencing"});
}

TEST(FailoverMachine, a_leader_that_others_still_reach_is_left_alone_and_the_role_given_away) {
    World world;
    silence(world.node("redis-0"), world.view.now - Milliseconds(1500));
    world.node("redis-1").heard_at = world.view.now;
    world.turn();
    EXPECT_EQ(world.done, std::vector<std::string>{"give away"});
    world.done.clear();
    world.view.portals[1].mark.reaches_leader = false;
    world.turn();
    EXPECT_TRUE(world.done.empty()) << "nobody would do better";
}

TEST(FailoverMachine, a_leader_that_falls_silent_soon_after_a_failover_is_given_more_time) {
    World world;
    world.kill("redis-0");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    world.failover.recorded(world.view.now);
    world.start("redis-0", 5);
    ASSERT_TRUE(world.run_until([&] { return world.node("redis-0").report->leader.host == "redis-1"; }));
    lose_link(world.node("redis-0"));
    world.view.record.in_sync = {"redis-0", "redis-1"};
    world.done.clear();

    const auto fell_silent = world.view.now;
    world.node("redis-1").reported_at = fell_silent;
    silence(world.node("redis-1"), fell_silent);
    ASSERT_TRUE(world.run_until([&] { return !world.done.empty(); }));
    EXPECT_EQ(world.done, std::vector<std::string>{"write fencing"});
    EXPECT_GE(world.view.now - fell_silent, 2 * world.timing.down_after);

    World calm;  // a minute later nothing of it counts any more
    calm.kill("redis-0");
    ASSERT_TRUE(calm.run_until([&] { return calm.leads("redis-1"); }));
    calm.failover.recorded(calm.view.now - std::chrono::minutes(1));
    calm.done.clear();
    silence(calm.node("redis-1"), calm.view.now - Milliseconds(1000));
    calm.node("redis-1").reported_at = calm.view.now - Milliseconds(1000);
    calm.turn();
    EXPECT_EQ(calm.done, std::vector<std::string>{"write fencing"});
}

TEST(FailoverMachine, a_process_that_is_gone_is_replaced_at_once_however_many_failovers_there_were) {
    World world;
    world.kill("redis-0");
    for (int i = 0; i < 5; ++i) {
        world.run_until([&] { return world.leads("redis-1"); });
        world.failover.recorded(world.view.now);
    }
    world.start("redis-0", 5);
    ASSERT_TRUE(world.run_until([&] { return world.node("redis-0").report->leader.host == "redis-1"; }));
    world.done.clear();
    refuse(world.node("redis-1"), world.view.now);
    lose_link(world.node("redis-0"));
    world.turn();
    world.turn();
    EXPECT_FALSE(world.done.empty());
}

TEST(FailoverMachine, a_planned_switchover_hands_over_and_answers) {
    World world;
    world.ask("redis-1");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.done, (std::vector<std::string>{"write fencing", "hand over to redis-1", "write leading"}));
    EXPECT_EQ(world.view.record.answered_id, "request-1");
    EXPECT_EQ(world.view.record.answered_error, "");
    EXPECT_TRUE(world.failover.timeline().planned);
}

TEST(FailoverMachine, what_a_portal_asked_for_before_it_died_is_not_done_again_once_another_was_answered) {
    World world;
    world.ask("redis-1");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    // portal-1 dies with its request in its mark; portal-0 was asked for something else since.
    world.portal1_answers = false;
    world.view.now += world.timing.fence_after;
    world.view.record.answered_id = "request-2";
    world.turn();
    EXPECT_TRUE(world.leads("redis-1"));
    EXPECT_EQ(world.view.record.answered_id, "request-2");
}

TEST(FailoverMachine, a_switchover_that_fails_leaves_the_old_leader_and_says_why) {
    World world;
    world.ask("redis-1");
    world.hand_over_fails = true;
    ASSERT_TRUE(world.run_until([&] { return world.view.record.answered_id == "request-1"; }));
    EXPECT_TRUE(world.leads("redis-0"));
    EXPECT_EQ(world.view.record.epoch, Epoch{8});
    EXPECT_NE(world.view.record.answered_error.find("did not catch up"), std::string::npos);
}

TEST(FailoverMachine, a_switchover_that_cannot_be_is_refused_before_anything_stops) {
    for (const auto& [to, error] :
         std::vector<std::pair<std::string, std::string>>{{"redis-9", "no node is called redis-9"},
                                                          {"redis-1", "redis-1 is not in sync"},
                                                          {"", "no replica is in sync"},
                                                          {"redis-0", ""}}) {
        World world;
        world.node("redis-1").report->sync_in_progress = true;
        world.ask(to);
        world.turn();
        EXPECT_EQ(world.view.record.answered_id, "request-1");
        EXPECT_EQ(world.view.record.answered_error, error);
        EXPECT_EQ(world.view.record.epoch, Epoch{7});
        EXPECT_EQ(world.view.record.phase, Phase::leading);
    }
}

class Bootstrap : public ::testing::Test {
  protected:
    Bootstrap() {
        world.view.record = Record{};
        world.view.record.acting = "portal-0";
        for (auto& node : world.view.nodes) {
            node.report->role = Role::replica;
            node.report->leader = {"127.0.0.1", 1};
            node.report->link_up = false;
            node.report->replicas.clear();
            node.report->replid = node.node.name;
        }
    }
    World world;
};

TEST_F(Bootstrap, promotes_the_node_with_the_most_data_and_records_it_as_the_first_epoch) {
    world.node("redis-1").report->keys = 50;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.done, (std::vector<std::string>{"promote redis-1", "write leading"}));
    EXPECT_EQ(world.view.record.epoch, Epoch{1});
    EXPECT_EQ(world.view.record.reason, "redis-1 leads: holds the most data");
}

TEST_F(Bootstrap, adopts_a_leader_without_touching_it) {
    world.node("redis-1").report->role = Role::leader;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.done, std::vector<std::string>{"write leading"});
}

TEST_F(Bootstrap, decides_nothing_before_every_node_was_reached_or_is_down) {
    world.node("redis-0").report->role = Role::leader;
    world.node("redis-1").health = Health::suspected;
    world.turn();
    EXPECT_TRUE(world.last.actions.empty()) << "redis-1 may lead data of its own";
    EXPECT_EQ(world.last.why, "looking at redis-1");
}

TEST_F(Bootstrap, waits_for_a_missing_node_until_the_operator_decides) {
    refuse(world.node("redis-0"), world.view.now);
    EXPECT_FALSE(world.run_until([&] { return world.view.record.phase == Phase::leading; }));
    EXPECT_EQ(world.last.step, Step::bootstrapping);
    world.ask("redis-1");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.view.record.answered_id, "request-1");
}

TEST_F(Bootstrap, whatever_fails_once_it_ends_with_a_leader) {
    for (std::size_t failing = 0; failing < 3; ++failing) {
        World copy = world;
        copy.fails = [failing](std::size_t number) { return number == failing; };
        EXPECT_TRUE(copy.run_until([&] { return copy.leads("redis-0"); })) << "action " << failing << " failed";
    }
}

TEST_F(Bootstrap, an_operator_who_names_nobody_is_asked_to) {
    world.ask("");
    world.turn();
    EXPECT_NE(world.view.record.answered_error.find("--to NODE"), std::string::npos);
}

void prove_writes(World& world) {
    world.timing.proven = ProvenWrites::strict;
    world.timing.patience = Milliseconds::max();
    world.failover = Failover(world.timing);
}

TEST(FailoverMachine, with_proven_writes_a_node_that_restarted_waits_for_one_that_may_hold_more) {
    World world;
    prove_writes(world);
    world.start("redis-1", 5);
    world.node("redis-1").report->replid = "history";
    world.node("redis-1").report->offset = 100000;  // no offset makes up for the restart
    world.kill("redis-0");
    EXPECT_FALSE(world.run_until(
        [&] { return world.view.record.phase == Phase::leading && world.view.record.leader == "redis-1"; }));
    world.start("redis-0", 9);
    EXPECT_TRUE(world.run_until(
        [&] { return world.view.record.phase == Phase::leading && world.view.record.leader == "redis-0"; }));
}

TEST(FailoverMachine, with_proven_writes_only_the_new_leader_is_in_sync_and_the_others_join) {
    World world;
    prove_writes(world);
    world.ask("redis-1");
    ASSERT_TRUE(world.run_until(
        [&] { return world.view.record.phase == Phase::leading && world.view.record.leader == "redis-1"; }));
    EXPECT_EQ(world.view.record.in_sync, std::vector<std::string>{"redis-1"});
    EXPECT_EQ(world.view.record.joining, std::vector<std::string>{"redis-0"});
}

}  // namespace
}  // namespace portal::sentinel
