// One process under two names: an error that names both, and nothing else comes of it.
#include "sentinel/twins.hpp"

#include "failover_world.hpp"
#include "sentinel/standing.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

/// The address of `alias` leads to the process of `owner`.
void mislead(std::vector<NodeView>& nodes, const std::string& alias, const std::string& owner) {
    const auto at = [&](const std::string& name) {
        return std::ranges::find_if(nodes, [&](const NodeView& node) { return node.node.name == name; });
    };
    at(alias)->report = at(owner)->report;
}

View misled_view(const std::string& alias, const std::string& owner) {
    auto view = healthy_view();
    mislead(view.nodes, alias, owner);
    set_twins_apart(view.nodes, view.record, view.phase_since);
    return view;
}

TEST(Twins, nodes_with_processes_of_their_own_are_left_alone) {
    auto view = healthy_view();
    set_twins_apart(view.nodes, view.record, view.phase_since);
    for (const auto& node : view.nodes) {
        EXPECT_EQ(node.twin_of, "");
        EXPECT_EQ(node.health, Health::up);
        EXPECT_TRUE(node.report);
    }
}

TEST(Twins, a_name_that_leads_to_the_leader_counts_as_down_and_the_error_names_both) {
    const auto view = misled_view("redis-1", "redis-0");
    const auto& alias = view.nodes[1];
    EXPECT_EQ(alias.twin_of, "redis-0");
    EXPECT_EQ(alias.health, Health::down);
    EXPECT_FALSE(alias.report);
    EXPECT_EQ(alias.trouble, twins_sentence("redis-0", "redis-1"));
    EXPECT_NE(alias.trouble.find("redis-0 and redis-1 lead to one process"), std::string::npos) << alias.trouble;
    EXPECT_EQ(view.nodes[0].twin_of, "");
    EXPECT_EQ(judge_leader(view, {}).state, LeaderState::fine);
}

TEST(Twins, the_name_by_which_the_record_knows_the_process_keeps_it_also_against_the_recorded_leader) {
    const auto view = misled_view("redis-0", "redis-1");
    EXPECT_EQ(view.nodes[0].twin_of, "redis-1");
    EXPECT_EQ(view.nodes[1].twin_of, "");
}

TEST(Twins, without_a_record_the_first_of_the_configuration_keeps_it) {
    auto view = healthy_view();
    mislead(view.nodes, "redis-1", "redis-0");
    set_twins_apart(view.nodes, std::nullopt, view.phase_since);
    EXPECT_EQ(view.nodes[0].twin_of, "");
    EXPECT_EQ(view.nodes[1].twin_of, "redis-0");
}

TEST(Twins, servers_that_tell_no_run_id_are_not_taken_for_one) {
    auto view = healthy_view();
    view.nodes[0].report->run_id.clear();
    view.nodes[1].report->run_id.clear();
    set_twins_apart(view.nodes, view.record, view.phase_since);
    EXPECT_EQ(view.nodes[1].twin_of, "");
}

TEST(Twins, an_old_report_of_a_node_that_does_not_answer_now_makes_no_twin) {
    auto view = healthy_view();
    mislead(view.nodes, "redis-1", "redis-0");
    silence(view.nodes[1], view.now);
    set_twins_apart(view.nodes, view.record, view.phase_since);
    EXPECT_EQ(view.nodes[1].twin_of, "");
    EXPECT_TRUE(view.nodes[1].report);
}

/// A machine whose nodes are set apart in each turn, as Standing does it.
class TwinsMachine : public ::testing::Test {
  protected:
    void run(int turns) {
        for (int i = 0; i < turns; ++i) {
            set_twins_apart(world.view.nodes, world.view.record, world.view.phase_since);
            world.turn();
            for (auto& node : world.view.nodes) {
                node.asked_at = node.reported_at = node.heard_at = world.view.now;
            }
        }
    }
    World world;
};

TEST_F(TwinsMachine, the_leader_is_never_told_to_follow_itself_and_is_not_replaced) {
    mislead(world.view.nodes, "redis-1", "redis-0");
    run(500);
    EXPECT_TRUE(world.done.empty()) << world.done.front();
    EXPECT_EQ(world.view.record.epoch, Epoch{7});
}

TEST_F(TwinsMachine, a_leader_whose_address_leads_to_its_replica_is_not_replaced_while_the_replica_hears_it) {
    mislead(world.view.nodes, "redis-0", "redis-1");
    run(500);
    EXPECT_TRUE(world.done.empty() || world.done.front() == "give away") << world.done.front();
    EXPECT_EQ(world.view.record.epoch, Epoch{7});
    EXPECT_NE(world.last.why.find("redis-1 and redis-0 lead to one process"), std::string::npos) << world.last.why;
}

TEST_F(TwinsMachine, once_the_replica_hears_it_no_more_it_is_replaced) {
    mislead(world.view.nodes, "redis-0", "redis-1");
    lose_link(world.view.nodes[1]);
    set_twins_apart(world.view.nodes, world.view.record, world.view.phase_since);
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-1"); }));
    EXPECT_EQ(world.view.record.epoch, Epoch{8});
}

TEST(TwinsStanding, nothing_is_routed_to_a_leader_whose_address_leads_to_another_node) {
    auto view = healthy_view();
    Standing standing("portal-0", {}, view.now);
    standing.read({view.record, "1", {}}, view.now, view.now);
    ASSERT_TRUE(standing.topology(standing.look(view.nodes, view.now)).leader);
    mislead(view.nodes, "redis-0", "redis-1");
    const auto topology = standing.topology(standing.look(view.nodes, view.now));
    EXPECT_FALSE(topology.leader);
    EXPECT_NE(topology.reason.find("redis-0"), std::string::npos) << topology.reason;
}

}  // namespace
}  // namespace portal::sentinel
