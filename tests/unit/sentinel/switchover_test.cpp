// The failover machine: planned changes of leader, the first leader, and what proven writes add.
#include "failover_world.hpp"
#include "sentinel/login_check.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

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

TEST(FailoverMachine, a_switchover_waits_for_whom_goes_on_by_failsafe_before_anybody_writes_to_the_new_leader) {
    World world;
    world.timing.failsafe = true;
    world.failover = Failover(world.timing);
    world.ask("redis-1");
    world.turn();
    ASSERT_EQ(world.view.record.phase, Phase::fencing);
    world.portal1_answers = false;
    world.view.portals[1].mark.fenced = Epoch{7};
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.done, (std::vector<std::string>{"write fencing", "hand over to redis-1", "write leading"}));
    EXPECT_EQ(world.guarded, world.timing.fence_after) << "the old leader takes no writes meanwhile";
    EXPECT_GE(world.view.now - world.handed_over_at, world.timing.fence_after);
    EXPECT_EQ(world.view.record.answered_error, "");
}

TEST(FailoverMachine, a_switchover_that_fails_while_somebody_goes_on_by_failsafe_leaves_the_old_leader) {
    World world;
    world.timing.failsafe = true;
    world.failover = Failover(world.timing);
    world.hand_over_fails = true;
    world.ask("redis-1");
    world.turn();
    world.portal1_answers = false;
    world.view.portals[1].mark.fenced = Epoch{7};
    ASSERT_TRUE(world.run_until([&] {
        world.node("redis-1").heard_at = world.view.now;
        return world.view.record.answered_id == "request-1";
    }));
    EXPECT_TRUE(world.leads("redis-0"));
    EXPECT_NE(world.view.record.answered_error.find("did not catch up"), std::string::npos);
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
    for (const auto& [to, error] : std::vector<std::pair<std::string, std::string>>{
             {"redis-9", "no node is called redis-9; the nodes are redis-0, redis-1"},
             {"redis-1", "redis-1 is not in sync"},
             {"", "no replica is in sync"},
             {"redis-0", ""}}) {
        World world;
        world.node("redis-1").report->sync_in_progress = true;
        world.ask(to);
        ASSERT_TRUE(world.run_until([&] { return world.view.record.answered_id == "request-1"; }));
        EXPECT_EQ(world.view.record.answered_error, error);
        EXPECT_EQ(world.view.record.epoch, Epoch{7});
        EXPECT_EQ(world.view.record.phase, Phase::leading);
    }
}

TEST(FailoverMachine, a_switchover_waits_a_moment_for_a_replica_that_is_not_in_sync_yet) {
    for (const std::string to : {"redis-1", ""}) {
        World world;
        world.view.record.in_sync = {"redis-0"};
        world.ask(to);
        const auto asked_at = world.view.now;
        world.run_until([&] { return world.view.now - asked_at >= Milliseconds(2000); });
        EXPECT_EQ(world.view.record.answered_id, "") << world.view.record.answered_error;
        EXPECT_EQ(world.view.record.phase, Phase::leading)
            << "a node that the record does not name would not be chosen";
        world.view.record.in_sync = {"redis-0", "redis-1"};
        ASSERT_TRUE(world.run_until([&] { return world.view.record.answered_id == "request-1"; }));
        EXPECT_EQ(world.view.record.answered_error, "");
        EXPECT_TRUE(world.leads("redis-1"));
    }
}

TEST(FailoverMachine, a_switchover_waits_for_no_replica_that_is_down) {
    World world;
    world.kill("redis-1");
    world.ask("");
    world.turn();
    EXPECT_EQ(world.view.record.answered_error, "no replica is in sync");
}

TEST(FailoverMachine, the_switchover_after_one_that_was_refused_is_waited_for_as_well) {
    World world;
    world.node("redis-1").report->link_up = false;
    world.ask("redis-1");
    ASSERT_TRUE(world.run_until([&] { return world.view.record.answered_id == "request-1"; }));
    world.view.portals[1].mark.wants_id = "request-2";
    world.turn();
    EXPECT_EQ(world.view.record.answered_id, "request-1");
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

TEST(FailoverMachine, no_switchover_and_no_failover_goes_to_a_node_with_replica_priority_0) {
    World world;
    world.node("redis-1").report->priority = 0;
    world.turn();
    EXPECT_NE(world.last.why.find("no node may take over: redis-1 has replica-priority 0"), std::string::npos)
        << world.last.why;
    for (const auto* to : {"redis-1", ""}) {
        world.view.record.answered_id.clear();
        world.ask(to);
        world.turn();
        EXPECT_NE(world.view.record.answered_error.find("redis-1 has replica-priority 0"), std::string::npos);
    }
    world.ask("");
    world.view.portals[1].mark.wants_id.clear();
    world.kill("redis-0");
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }, 3000));
    EXPECT_EQ(world.last.step, Step::choosing);
    EXPECT_NE(world.last.why.find("redis-1 has replica-priority 0"), std::string::npos) << world.last.why;
    world.ask("redis-1");
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }, 100)) << "not even when it is named";
    world.node("redis-1").report->priority = 100;
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
}

TEST(FailoverMachine, no_switchover_and_no_failover_goes_to_a_node_that_is_barred) {
    World world;
    world.node("redis-1").report->barred = "redis-1 refuses the user app";
    world.ask("redis-1");
    world.turn();
    EXPECT_NE(world.view.record.answered_error.find("redis-1 refuses the user app"), std::string::npos);
    world.view.portals[1].mark.wants_id.clear();
    world.kill("redis-0");
    EXPECT_FALSE(world.run_until([&] { return world.leads("redis-1"); }, 3000));
    EXPECT_NE(world.last.why.find("redis-1 refuses the user app"), std::string::npos) << world.last.why;
    world.node("redis-1").report->barred.clear();
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
}

TEST(FailoverMachine, a_leader_that_is_busy_for_too_long_is_replaced_only_when_a_node_can_take_over) {
    World world;
    auto& leader = world.node("redis-0");
    silence(leader, world.view.now);
    leader.overdue = true;
    lose_link(world.node("redis-1"));
    silence(world.node("redis-1"), world.view.now);
    for (int i = 0; i < 10; ++i) {
        world.turn();
        ASSERT_EQ(world.view.record.phase, Phase::leading) << "clients would gain nothing";
    }
    EXPECT_NE(world.last.why.find("no node in sync can take over"), std::string::npos) << world.last.why;
    EXPECT_GT(*world.last.look_again, world.view.now);
    world.node("redis-1").health = Health::up;
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
}

TEST(FailoverMachine, a_switchover_asked_of_a_busy_leader_is_answered_at_once) {
    World world;
    world.node("redis-0").health = Health::busy;
    world.node("redis-0").trouble = "no answer, but its machine acknowledges what it is sent";
    world.node("redis-0").unserved_since = world.view.now;
    world.ask("redis-1");
    world.turn();
    EXPECT_EQ(world.view.record.leader, "redis-0");
    EXPECT_EQ(world.view.record.answered_id, "request-1");
    EXPECT_NE(world.view.record.answered_error.find("redis-0 is busy"), std::string::npos);
    world.turn();
    EXPECT_NE(world.last.why.find("no failover"), std::string::npos);
    EXPECT_TRUE(world.last.actions.empty());
}

TEST(Switchover, is_refused_before_anything_stops_when_a_node_refuses_the_monitor_s_login) {
    for (const auto* refusing : {"redis-0", "redis-1"}) {
        World world;
        world.node(refusing).login = {LoginState::Word::refused, "WRONGPASS invalid username-password pair"};
        world.ask("");
        world.turn();
        EXPECT_EQ(world.done, std::vector<std::string>{"write leading"}) << "nothing but the answer";
        EXPECT_NE(world.view.record.answered_error.find(std::string(refusing) + " refuses the monitor's login"),
                  std::string::npos)
            << world.view.record.answered_error;
        EXPECT_NE(world.view.record.answered_error.find("WRONGPASS"), std::string::npos);
        EXPECT_TRUE(world.leads("redis-0"));
    }
}

TEST(RefusedLogin, is_what_another_password_or_permission_would_cure_and_nothing_else) {
    for (const auto* error :
         {"login as user default failed: WRONGPASS invalid username-password pair or user is disabled.",
          "NOAUTH Authentication required.", "NOPERM this user has no permissions to run the 'info' command",
          "login as user default failed: ERR invalid password"}) {
        EXPECT_TRUE(is_refused_login(error)) << error;
    }
    for (const auto* error : {"ERR max number of clients reached", "LOADING Redis is loading the dataset in memory",
                              "BUSY Redis is busy running a script.", "MASTERDOWN Link with MASTER is down", ""}) {
        EXPECT_FALSE(is_refused_login(error)) << error;
    }
}

}  // namespace
}  // namespace portal::sentinel
