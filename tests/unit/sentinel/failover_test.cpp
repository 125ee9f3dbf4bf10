// The failover machine: leaders that are lost, and nodes that may not lead.
#include "failover_world.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

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

/// With failsafe, and portal-1 has not said that it has stopped in an epoch that has begun.
class Failsafe : public ::testing::Test {
  protected:
    Failsafe() {
        world.timing.failsafe = true;
        world.failover = Failover(world.timing);
        world.portal1_answers = false;
        world.view.record.epoch = Epoch{8};
        world.view.record.phase = Phase::fencing;
        world.view.phase_since = world.view.now;
    }
    /// The replica hears the leader all the while.
    bool happens_while_heard(const std::function<bool()>& what, Milliseconds within) {
        return world.run_until(
            [&] {
                world.node("redis-1").heard_at = world.view.now;
                return what();
            },
            static_cast<int>(within / kTick));
    }
    World world;
};

TEST_F(Failsafe, a_leader_on_which_the_nodes_still_agree_has_its_role_back) {
    const auto begun = world.view.now;
    ASSERT_TRUE(happens_while_heard([&] { return world.view.record.phase == Phase::leading; }, Milliseconds(5000)));
    EXPECT_TRUE(world.leads("redis-0"));
    EXPECT_GE(world.view.now - begun, world.timing.fence_after) << "portal-1 had time to say so";
    EXPECT_NE(world.last.why.find("portal-1 may go on by failsafe"), std::string::npos) << world.last.why;
}

TEST_F(Failsafe, nobody_is_promoted_while_a_leader_that_is_silent_here_is_heard_by_its_replica) {
    silence(world.node("redis-0"), world.view.now);
    EXPECT_FALSE(happens_while_heard([&] { return world.view.record.phase == Phase::leading; }, Milliseconds(20000)));
    EXPECT_NE(world.last.why.find("portal-1"), std::string::npos) << world.last.why;
    const auto heard = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_GE(world.view.now - heard, world.timing.down_after + world.timing.fence_after);
}

TEST_F(Failsafe, a_portal_that_takes_over_begins_the_wait_anew) {
    world.kill("redis-0");
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); },
                                 static_cast<int>(world.timing.fence_after / kTick) - 10));
    world.failover = Failover(world.timing);
    const auto began = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_GE(world.view.now - began, world.timing.fence_after);
}

TEST_F(Failsafe, nobody_waits_once_all_portals_have_said_so) {
    world.portal1_answers = true;
    world.kill("redis-0");
    const auto killed_at = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_LT(world.view.now - killed_at, Milliseconds(200));
}

TEST(FailoverMachine, a_leader_reborn_empty_never_leads_over_its_replica) {
    World world;
    world.kill("redis-0");
    world.start("redis-0", 0);
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_TRUE(world.run_until([&] { return world.node("redis-0").report->keys == 5; }));
}

TEST(FailoverMachine, a_leader_reborn_empty_that_leads_by_itself_serves_its_emptiness_to_nobody) {
    World world;
    world.portal1_answers = false;
    world.kill("redis-0");
    world.kill("redis-1");
    world.turn();
    world.start("redis-0", 0);
    world.node("redis-0").report->role = Role::leader;
    EXPECT_FALSE(world.run_until([&] { return world.view.record.phase == Phase::leading; }, 300));
    EXPECT_EQ(world.done, (std::vector<std::string>{"write fencing", "follow redis-0"}))
        << "at once, whoever may still forward to it, and once";
    EXPECT_EQ(world.node("redis-0").report->role, Role::replica);
    EXPECT_EQ(world.node("redis-0").report->leader.host, "127.0.0.1");
    world.start("redis-1", 5);
    world.node("redis-1").report->leader = {"redis-0", 6379};
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_TRUE(world.run_until([&] { return world.node("redis-0").report->leader.host == "redis-1"; }));
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

TEST(FailoverMachine, who_asked_for_a_switchover_while_a_leader_led_gives_nothing_up_by_it) {
    World world;
    world.view.record.in_sync = {"redis-0"};
    world.node("redis-1").report->sync_in_progress = true;
    world.portal1_answers = false;
    world.kill("redis-0");
    world.ask("redis-1");
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }, 150));
    ASSERT_EQ(world.view.record.phase, Phase::fencing);
    world.portal1_answers = true;
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }));
    world.ask("redis-1");
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); })) << "asked again, knowing that nobody leads";
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
}

TEST(FailoverMachine, a_failover_that_helped_for_a_while_does_not_count_against_the_next_one) {
    World world;
    world.kill("redis-0");
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    for (int i = 0; i < 4; ++i) {
        world.failover.recorded(world.view.now);
    }
    world.done.clear();
    world.view.now += 3 * world.timing.down_after;
    const auto fell_silent = world.view.now;
    world.node("redis-1").reported_at = fell_silent;
    silence(world.node("redis-1"), fell_silent);
    ASSERT_TRUE(world.run_until([&] { return !world.done.empty(); }));
    EXPECT_EQ(world.done, std::vector<std::string>{"write fencing"});
    EXPECT_LE(world.view.now - fell_silent, world.timing.down_after + 2 * kTick);
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

}  // namespace
}  // namespace portal::sentinel
