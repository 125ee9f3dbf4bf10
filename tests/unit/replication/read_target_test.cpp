#include "replication/read_target.hpp"

#include <gtest/gtest.h>

namespace portal::replication {
namespace {

Topology led_by_first(std::vector<std::string> in_sync) {
    Topology topology;
    topology.epoch = Epoch{3};
    for (const char* name : {"redis-0", "redis-1", "redis-2"}) {
        topology.nodes.push_back({name, {name, 6379}});
    }
    topology.leader = topology.nodes.front();
    topology.in_sync = std::move(in_sync);
    return topology;
}

std::string target(const Topology& topology, std::size_t turn) {
    const auto seen = for_reads(topology, turn);
    return seen.leader ? seen.leader->name : "";
}

TEST(ReadTarget, readers_spread_over_the_replicas_that_are_in_sync) {
    const auto topology = led_by_first({"redis-2", "redis-0", "redis-1"});
    EXPECT_TRUE(has_replica(topology));
    EXPECT_EQ(target(topology, 0), "redis-1");
    EXPECT_EQ(target(topology, 1), "redis-2");
    EXPECT_EQ(target(topology, 2), "redis-1");
    EXPECT_EQ(for_reads(topology, 0).epoch, topology.epoch);
}

TEST(ReadTarget, a_replica_that_is_not_in_sync_serves_nobody) {
    const auto topology = led_by_first({"redis-0", "redis-2"});
    EXPECT_EQ(target(topology, 0), "redis-2");
    EXPECT_EQ(target(topology, 1), "redis-2");
}

TEST(ReadTarget, a_replica_that_was_started_again_serves_nobody_until_it_has_caught_up) {
    auto topology = led_by_first({"redis-0", "redis-1", "redis-2"});
    topology.processes.behind = {"redis-1"};
    EXPECT_EQ(target(topology, 0), "redis-2");
    EXPECT_EQ(target(topology, 1), "redis-2");
    topology.processes.behind = {"redis-1", "redis-2"};
    EXPECT_FALSE(has_replica(topology));
    EXPECT_EQ(target(topology, 0), "redis-0");
}

TEST(ReadTarget, the_leader_serves_readers_while_there_is_no_replica) {
    const auto topology = led_by_first({"redis-0"});
    EXPECT_FALSE(has_replica(topology));
    EXPECT_EQ(target(topology, 1), "redis-0");
}

TEST(ReadTarget, without_a_leader_readers_wait_too) {
    auto topology = led_by_first({"redis-0", "redis-1"});
    topology.leader.reset();
    EXPECT_FALSE(has_replica(topology));
    EXPECT_EQ(target(topology, 0), "");
}

TEST(ReadTarget, readers_need_nobody_to_confirm) {
    auto topology = led_by_first({"redis-0", "redis-1"});
    topology.confirming.push_back({"redis-1", {"redis-1"}, 6379});
    EXPECT_TRUE(for_reads(topology, 0).confirming.empty());
}

}  // namespace
}  // namespace portal::replication
