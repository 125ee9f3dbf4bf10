#include "replication/reconfigure.hpp"

#include <gtest/gtest.h>

namespace portal::replication {
namespace {

SeenNode leader(std::string name, std::string address) {
    SeenNode seen{{name, {name + ".redis", 6379}}, {std::move(address)}, {}};
    seen.report.role = Role::leader;
    seen.report.replid = "history";
    seen.report.offset = 100;
    return seen;
}
SeenNode replica_of(std::string name, std::string address, Endpoint followed) {
    auto seen = leader(std::move(name), std::move(address));
    seen.report.role = Role::replica;
    seen.report.leader = std::move(followed);
    seen.report.link_up = true;
    seen.report.leader_heard_seconds_ago = 0;
    return seen;
}
const Endpoint kNobody{"127.0.0.1", 1};

TEST(Reconfigure, does_nothing_when_all_is_as_wanted) {
    EXPECT_TRUE(reconfigure("a", {leader("a", "10.0.0.1"), replica_of("b", "10.0.0.2", {"a.redis", 6379})}).empty());
}

TEST(Reconfigure, takes_an_address_for_the_name_that_it_belongs_to) {
    EXPECT_TRUE(reconfigure("a", {leader("a", "10.0.0.1"), replica_of("b", "10.0.0.2", {"10.0.0.1", 6379})}).empty());
}

TEST(Reconfigure, points_replicas_of_others_and_other_leaders_at_the_leader_by_its_configured_name) {
    const auto steps = reconfigure("a", {leader("a", "10.0.0.1"), replica_of("b", "10.0.0.2", kNobody),
                                         leader("c", "10.0.0.3"), replica_of("d", "10.0.0.4", {"10.0.0.1", 6380})});
    ASSERT_EQ(steps.size(), 3U);
    const Endpoint wanted{"a.redis", 6379};
    EXPECT_EQ(steps[0], (ReplicaofStep{"b", wanted, "it follows 127.0.0.1:1"}));
    EXPECT_EQ(steps[1], (ReplicaofStep{"c", wanted, "it claims to lead"}));
    EXPECT_EQ(steps[2].node, "d") << "the port belongs to the address";
}

TEST(Reconfigure, makes_the_wanted_leader_lead_first) {
    const auto steps = reconfigure("a", {replica_of("a", "10.0.0.1", {"b.redis", 6379}), leader("b", "10.0.0.2")});
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].node, "a");
    EXPECT_FALSE(steps[0].leader);
    EXPECT_EQ(steps[1].node, "b");
}

TEST(Reconfigure, points_nobody_at_a_leader_that_was_not_seen) {
    EXPECT_TRUE(reconfigure("a", {leader("b", "10.0.0.2")}).empty());
}

TEST(Reconfigure, never_points_a_process_at_itself_whatever_its_names) {
    auto leading = leader("a", "10.0.0.1");
    auto twin = leader("b", "10.0.0.9");
    leading.report.run_id = twin.report.run_id = "run";
    EXPECT_TRUE(reconfigure("a", {leading, twin}).empty()) << "one run_id";
    twin.report.run_id.clear();
    EXPECT_EQ(reconfigure("a", {leading, twin}).size(), 1U) << "an old server that does not tell it";
    twin.addresses = {"10.0.0.1"};
    EXPECT_TRUE(reconfigure("a", {leading, twin}).empty()) << "another name of one address";
    twin.node.endpoint.port = 6380;
    EXPECT_EQ(reconfigure("a", {leading, twin}).size(), 1U) << "another port of one machine";
}

class InSync : public ::testing::Test {
  protected:
    SeenNode leading = leader("a", "10.0.0.1");
    SeenNode following = replica_of("b", "10.0.0.2", {"a.redis", 6379});
    void SetUp() override { leading.report.replicas = {{{"10.0.0.2", 6379}, "online", 100, 1}}; }
};

TEST_F(InSync, a_replica_that_is_online_and_acknowledges_is_in_sync) {
    EXPECT_TRUE(is_in_sync(following, leading));
}

TEST_F(InSync, one_that_has_not_acknowledged_anything_yet_does_not_join_but_may_stay) {
    leading.report.replicas[0].offset = 0;
    EXPECT_FALSE(has_caught_up(following, leading));
    EXPECT_TRUE(is_in_sync(following, leading)) << "after a short loss of the link";
}

TEST_F(InSync, one_whose_leader_waits_for_acknowledgements_is_not) {
    leading.report.replicas[0].lag = 30;
    EXPECT_FALSE(is_in_sync(following, leading));
}

TEST_F(InSync, one_in_its_first_synchronization_is_not) {
    leading.report.replicas[0].state = "send_bulk";
    EXPECT_FALSE(is_in_sync(following, leading));
    leading.report.replicas[0].state = "online";
    following.report.sync_in_progress = true;
    EXPECT_FALSE(is_in_sync(following, leading));
}

TEST_F(InSync, one_of_another_leader_or_history_is_not) {
    following.report.replid = "other";
    EXPECT_FALSE(is_in_sync(following, leading));
    following.report.replid = "history";
    following.report.leader = kNobody;
    EXPECT_FALSE(is_in_sync(following, leading));
}

TEST_F(InSync, one_behind_address_translation_is_judged_by_its_own_account) {
    leading.report.replicas[0].endpoint = {"192.168.1.1", 6379};
    EXPECT_TRUE(is_in_sync(following, leading));
    following.report.leader_heard_seconds_ago = 60;
    EXPECT_FALSE(is_in_sync(following, leading));
}

}  // namespace
}  // namespace portal::replication
