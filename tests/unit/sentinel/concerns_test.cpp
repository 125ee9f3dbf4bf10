// What operators are told: nothing that is not known, and every reason to worry.
#include "sentinel/concerns.hpp"

#include "sentinel/node_json.hpp"
#include "sentinel/twins.hpp"
#include "views.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

class Concerns : public ::testing::Test {
  protected:
    std::vector<std::string> found() const { return concerns(view, timing, circumstances); }
    std::string all() const {
        std::string text;
        for (const auto& sentence : found()) {
            text += sentence + "\n";
        }
        return text;
    }
    void expect(const std::string& sentence) const { EXPECT_NE(all().find(sentence), std::string::npos) << all(); }

    View view = healthy_view();
    Timing timing;
    Circumstances circumstances{"file /var/lib/record", "", false};
};

TEST_F(Concerns, there_are_none_while_all_is_well) {
    EXPECT_EQ(all(), "");
    view.nodes.pop_back();
    view.portals.pop_back();
    EXPECT_EQ(all(), "") << "one node and one portal may be all that was wanted";
}

TEST_F(Concerns, a_node_that_does_not_answer_and_the_loss_that_threatens) {
    refuse(view.nodes[1], view.now);
    view.record.in_sync = {"redis-0"};
    ASSERT_EQ(found().size(), 2U);
    EXPECT_EQ(found()[0], "no replica is in sync: if redis-0 is lost now, its data is") << "the gravest first";
    EXPECT_EQ(found()[1], "redis-1 does not answer: connection refused");
}

TEST_F(Concerns, a_dead_replica_that_the_record_still_names_is_no_replica_in_sync) {
    refuse(view.nodes[1], view.now);
    expect("no replica is in sync");
}

TEST_F(Concerns, a_replica_that_is_not_in_sync_with_its_reason) {
    view.record.in_sync = {"redis-0"};
    lose_link(view.nodes[1]);
    expect("redis-1 is not in sync: its link to the leader is down");
    view.nodes[1].report->sync_in_progress = true;
    expect("redis-1 is not in sync: it copies the leader's data");
    view.nodes[1].report->loading = true;
    expect("redis-1 is not in sync: it loads its data");
}

TEST_F(Concerns, a_module_that_a_node_lacks) {
    view.nodes[0].report->modules = {"search", "ReJSON"};
    view.nodes[1].report->modules = {"ReJSON", "bf"};
    expect("redis-1 has not loaded what the leader has: search; load it there");
    EXPECT_EQ(found().size(), 1U) << "that a replica has more than the leader loses nothing";
    view.nodes[1].report->modules = {"ReJSON", "search"};
    EXPECT_EQ(all(), "");
    view.nodes[1].report.reset();
    EXPECT_EQ(all().find("loaded"), std::string::npos) << "of a node that cannot be read nothing is known";
}

TEST_F(Concerns, a_second_leader) {
    view.nodes[1].report->role = replication::Role::leader;
    expect("redis-1 leads as well, beside the recorded leader redis-0");
}

TEST_F(Concerns, two_names_of_one_process) {
    view.nodes[1].report = view.nodes[0].report;
    set_twins_apart(view.nodes, view.record, view.phase_since);
    expect("redis-0 and redis-1 lead to one process");
}

TEST_F(Concerns, a_refused_login) {
    view.nodes[0].login = {LoginState::Word::refused, "WRONGPASS invalid username-password pair"};
    expect("redis-0 refuses the monitor's login");
    expect("WRONGPASS");
}

TEST_F(Concerns, an_arbiter_that_does_not_answer) {
    circumstances.arbiter_error = "no answer in time";
    expect("the arbiter (file /var/lib/record) cannot be used: no answer in time");
    circumstances.failsafe_active = true;
    expect("this portal goes on by failsafe");
}

TEST_F(Concerns, a_portal_that_is_away_and_one_that_does_not_reach_the_leader) {
    view.portals[1].mark.reaches_leader = false;
    expect("portal-1 does not reach the leader");
    view.portals[1].changed_at = view.now - 4 * timing.fence_after;
    expect("portal-1 is away");
    view.record.acting.clear();
    expect("no portal acts");
}

TEST_F(Concerns, what_lasts_for_moments_only_is_none) {
    view.nodes[0].health = view.nodes[1].health = Health::suspected;
    view.record.in_sync = {"redis-0", "redis-1"};
    view.portals[1].changed_at = view.now - timing.fence_after;
    EXPECT_EQ(all().find("portal-1"), std::string::npos) << all();
    EXPECT_EQ(all().find("does not answer"), std::string::npos) << all();
}

TEST(NodeJson, a_node_that_does_not_answer_has_no_role_no_link_no_offset_and_no_lag) {
    auto view = healthy_view();
    view.nodes[1].report->offset = 40;
    auto replica = node_json(view.nodes[1], view);
    EXPECT_EQ(replica.at("role").as_string(), "replica");
    EXPECT_EQ(replica.at("lag_bytes").to_number<int>(), 60);
    EXPECT_TRUE(replica.at("link_up").as_bool());
    for (auto* lose : {refuse, silence}) {
        lose(view.nodes[1], view.now);
        replica = node_json(view.nodes[1], view);
        EXPECT_EQ(replica.at("role").as_string(), "unknown");
        EXPECT_EQ(replica.at("health").as_string(), "down");
        for (const auto* key : {"offset", "lag_bytes", "link_up", "keys", "priority", "loading"}) {
            EXPECT_FALSE(replica.contains(key)) << key;
        }
    }
}

TEST(NodeJson, the_lag_of_a_replica_is_unknown_without_its_leader_or_with_another_history) {
    auto view = healthy_view();
    view.nodes[1].report->replid = "another";
    EXPECT_FALSE(node_json(view.nodes[1], view).contains("lag_bytes"));
    EXPECT_TRUE(node_json(view.nodes[1], view).contains("offset"));
    view = healthy_view();
    silence(view.nodes[0], view.now);
    EXPECT_FALSE(node_json(view.nodes[1], view).contains("lag_bytes"));
    view = healthy_view();
    view.record.phase = Phase::fencing;
    EXPECT_FALSE(node_json(view.nodes[1], view).contains("lag_bytes"));
}

TEST(NodeJson, a_busy_leader_keeps_its_role_and_a_leader_has_no_link) {
    auto view = healthy_view();
    EXPECT_FALSE(node_json(view.nodes[0], view).contains("link_up"));
    EXPECT_EQ(node_json(view.nodes[0], view).at("lag_bytes").to_number<int>(), 0);
    view.nodes[0].health = Health::busy;
    const auto busy = node_json(view.nodes[0], view);
    EXPECT_EQ(busy.at("role").as_string(), "leader");
    EXPECT_FALSE(busy.contains("offset"));
}

}  // namespace
}  // namespace portal::sentinel
