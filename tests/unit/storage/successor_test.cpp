#include "storage/successor.hpp"

#include <gtest/gtest.h>

namespace portal::storage {
namespace {

struct SuccessorTest : testing::Test {
    std::vector<NodeStanding> nodes{
        {"a", true, true, true, true, 100}, {"b", false, true, true, false, 90}, {"c", false, true, true, false, 95}};
};

TEST_F(SuccessorTest, the_replica_with_the_most_data_follows_a_leader_that_leaves) {
    EXPECT_EQ(successor(nodes), "c");
}

TEST_F(SuccessorTest, nobody_follows_a_leader_that_stays) {
    nodes[0].leaving = false;
    nodes[1].leaving = true;
    EXPECT_EQ(successor(nodes), std::nullopt);
}

TEST_F(SuccessorTest, priority_goes_before_data_and_0_means_never) {
    nodes[1].priority = 10;
    EXPECT_EQ(successor(nodes), "b");
    nodes[1].priority = 0;
    EXPECT_EQ(successor(nodes), "c");
    nodes[2].priority = 0;
    EXPECT_EQ(successor(nodes), std::nullopt);
}

TEST_F(SuccessorTest, who_leaves_too_or_is_behind_or_down_is_not_chosen) {
    nodes[2].leaving = true;
    EXPECT_EQ(successor(nodes), "b");
    nodes[1].in_sync = false;
    EXPECT_EQ(successor(nodes), std::nullopt);
    nodes[1].in_sync = true;
    nodes[1].up = false;
    EXPECT_EQ(successor(nodes), std::nullopt);
}

}  // namespace
}  // namespace portal::storage
