// Who leads, at first and after a loss, and that no data is wiped.
#include "two_monitors.hpp"

namespace portal::sentinel {
namespace {

TEST_F(MonitorTest, nodes_that_boot_as_replicas_of_nobody_get_a_first_leader_and_a_follower) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    EXPECT_EQ(redis0.info("role"), "master");
    EXPECT_TRUE(eventually([&] { return redis1.info("master_link_status") == "up"; }));
    EXPECT_EQ(portal0->epoch(), 1U);
    EXPECT_NE(portal0->acts(), portal1->acts()) << "exactly one acts";
}

TEST_F(MonitorTest, a_missing_node_without_a_record_is_waited_for_and_named) {
    redis0.start();
    start_portals();
    EXPECT_TRUE(eventually([&] {
        return portal0->reason().find("waiting for redis-1") != std::string::npos ||
               portal1->reason().find("waiting for redis-1") != std::string::npos;
    }));
    EXPECT_EQ(portal0->leader(), "");
    redis1.start();
    EXPECT_TRUE(both_route_to("redis-0"));
}

TEST_F(MonitorTest, a_bare_leader_with_data_is_adopted) {
    redis0.start();
    redis1.start_bare();
    redis1.ask({"SET", "key", "kept"});
    start_portals();
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(eventually([&] { return redis0.ask({"GET", "key"}) == "kept"; }));
}

TEST_F(MonitorTest, an_existing_pair_is_adopted) {
    redis0.start();
    redis1.start_bare();
    redis0.ask({"REPLICAOF", "127.0.0.1", std::to_string(redis1.port())});
    redis1.ask({"SET", "key", "kept"});
    start_portals();
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(in_sync("redis-0"));
}

TEST_F(MonitorTest, of_two_leaders_the_only_one_with_data_leads) {
    redis0.start_bare();
    redis1.start_bare();
    redis1.ask({"SET", "key", "kept"});
    start_portals();
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(eventually([&] { return redis0.ask({"GET", "key"}) == "kept"; }));
}

TEST_F(MonitorTest, two_leaders_with_data_are_left_alone_until_the_operator_decides) {
    redis0.start_bare();
    redis1.start_bare();
    redis0.ask({"SET", "key", "zero"});
    redis1.ask({"SET", "key", "one"});
    start_portals();
    ASSERT_TRUE(eventually([&] { return trouble().find("redis-portal switchover --to NODE") != std::string::npos; }))
        << trouble();
    EXPECT_EQ(redis0.info("role") + redis1.info("role"), "mastermaster");
    EXPECT_EQ(portal0->switchover("redis-1"), "");
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(eventually([&] { return redis0.ask({"GET", "key"}) == "one"; }));
}

TEST_F(MonitorTest, a_node_that_turns_up_later_with_data_of_its_own_is_not_overwritten) {
    redis0.start_bare();
    redis0.ask({"SET", "key", "zero"});
    redis1.start_bare();
    redis1.ask({"SET", "key", "one"});
    redis1.ask({"SAVE"});
    redis1.kill();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    redis1.start_bare();
    EXPECT_TRUE(eventually([&] {
        return (portal0->text("decision") + portal1->text("decision")).find("redis-1 holds data") != std::string::npos;
    }));
    EXPECT_EQ(redis1.ask({"GET", "key"}), "one");
    EXPECT_EQ(redis1.info("role"), "master");
    EXPECT_EQ(portal0->leader() + portal1->leader(), "redis-0redis-0");
    redis1.ask({"FLUSHALL"});
    EXPECT_TRUE(eventually([&] { return redis1.ask({"GET", "key"}) == "zero"; }));
}

TEST_F(MonitorTest, a_killed_leader_is_replaced_at_once_and_comes_back_as_a_replica) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    write_to_both();

    const auto killed_at = steady_clock::now();
    redis0.kill();
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - killed_at);
    std::cout << "both portals route to the new leader after " << took.count() << " ms\n";
    EXPECT_LT(took, milliseconds(900)) << "noticed by a refused connection, not by a timeout";
    EXPECT_EQ(redis1.ask({"GET", "key"}), "kept");
    EXPECT_EQ(redis1.ask({"SET", "after", "too"}), "OK");

    redis0.wipe();
    redis0.start();
    ASSERT_TRUE(in_sync("redis-0")) << trouble();
    EXPECT_EQ(redis0.ask({"GET", "key"}), "kept");
    EXPECT_EQ(redis0.ask({"GET", "after"}), "too");
    EXPECT_EQ(portal0->leader(), "redis-1");
}

TEST_F(MonitorTest, a_leader_that_restarts_empty_within_an_instant_does_not_wipe_its_replica) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    write_to_both();
    redis0.kill();
    redis0.wipe();
    redis0.start();
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_EQ(redis1.ask({"GET", "key"}), "kept");
    EXPECT_TRUE(eventually([&] { return redis0.ask({"GET", "key"}) == "kept"; }));
}

TEST_F(MonitorTest, a_leader_reborn_empty_while_its_replica_is_away_is_not_promoted) {
    redis0.start();
    redis1.start({"--appendonly", "yes"});
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    write_to_both();
    ASSERT_TRUE(eventually([&] { return recorded_keys("redis-0") == 1; })) << "the record learns of the data";

    redis1.kill();
    redis0.kill();
    redis0.wipe();
    redis0.start();
    EXPECT_TRUE(eventually([&] { return trouble().find("may hold the data") != std::string::npos; })) << trouble();
    EXPECT_EQ(redis0.info("role"), "slave");
    redis1.start({"--appendonly", "yes"});
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(eventually([&] { return redis0.ask({"GET", "key"}) == "kept"; }));
}

TEST_F(MonitorTest, a_paused_leader_is_replaced_and_demoted_when_it_wakes) {
    redis0.start();
    redis1.start();
    start_portals(milliseconds(0));
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    const auto paused_at = steady_clock::now();
    redis0.pause();
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    std::cout << "a paused leader was replaced after "
              << std::chrono::duration_cast<milliseconds>(steady_clock::now() - paused_at).count() << " ms\n";
    redis0.resume();
    EXPECT_TRUE(eventually([&] { return redis0.info("role") == "slave"; }));
    EXPECT_EQ(portal0->leader(), "redis-1");
}

TEST_F(MonitorTest,
       a_leader_that_is_silent_while_its_machine_acknowledges_is_replaced_after_busy_after_and_not_before) {
    constexpr milliseconds kBusyAfter{2500};
    redis0.start();
    redis1.start();
    start_portals(kBusyAfter);
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    const auto paused_at = steady_clock::now();
    redis0.pause();
    while (steady_clock::now() - paused_at < kBusyAfter - milliseconds(200)) {
        ASSERT_EQ(portal0->leader() + portal1->leader(), "redis-0redis-0") << trouble();
        std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_TRUE(both_route_to("redis-1")) << trouble();
    redis0.resume();
    EXPECT_TRUE(eventually([&] { return redis0.info("role") == "slave"; }));
}

TEST_F(MonitorTest, an_agent_s_word_that_the_process_is_stopped_ends_the_patience) {
    redis0.start();
    redis1.start();
    start_portals(std::chrono::minutes(1));
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    const auto run_id = redis0.info("run_id");
    redis0.pause();
    const bool replaced = eventually([&] {
        for (auto* portal : {portal0.get(), portal1.get()}) {
            portal->monitor().note_process("redis-0", {ProcessState::stopped, steady_clock::now(), run_id});
        }
        return portal0->leader() == "redis-1" && portal1->leader() == "redis-1";
    });
    EXPECT_TRUE(replaced) << trouble();
    redis0.resume();
}

/// redis-1's address as another name of redis-0's.
std::vector<config::Node> two_names_of_one(std::uint16_t port) {
    return {{"redis-0", {"127.0.0.1", port}, std::nullopt}, {"redis-1", {"localhost", port}, std::nullopt}};
}

TEST_F(MonitorTest,
       a_node_s_address_that_is_another_name_of_the_leader_changes_nothing_and_is_an_error_with_both_names) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    set_nodes(two_names_of_one(redis0.port()));
    for (const auto* portal : {portal0.get(), portal1.get()}) {
        EXPECT_TRUE(eventually([&] {
            return portal->node_text("redis-1", "trouble").find("redis-0 and redis-1 lead to one process") == 0;
        }));
    }
    const auto since = steady_clock::now();
    while (steady_clock::now() - since < seconds(3)) {
        ASSERT_EQ(redis0.info("role"), "master") << "it was told to follow itself";
        ASSERT_EQ(portal0->leader() + portal1->leader(), "redis-0redis-0") << trouble();
        std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_EQ(portal0->epoch(), 1U);
    set_nodes(config_for("any").nodes);
    EXPECT_TRUE(in_sync("redis-1"));
    EXPECT_EQ(portal0->epoch(), 1U);
}

TEST_F(MonitorTest, a_leader_s_address_that_leads_to_its_replica_is_no_loss_of_the_leader) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    const auto port = redis1.port();
    set_nodes({{"redis-0", {"localhost", port}, std::nullopt}, {"redis-1", {"127.0.0.1", port}, std::nullopt}});
    EXPECT_TRUE(both_route_to(""));
    std::this_thread::sleep_for(seconds(3));
    EXPECT_EQ(portal0->leader() + portal1->leader(), "") << "nothing goes to a replica as if it led";
    EXPECT_EQ(redis1.info("role"), "slave");
    set_nodes(config_for("any").nodes);
    EXPECT_TRUE(both_route_to("redis-0")) << trouble();
    EXPECT_EQ(portal0->epoch(), 1U);
}

TEST_F(MonitorTest, an_empty_server_under_two_names_is_not_made_a_replica_of_itself) {
    redis0.start_bare();
    for (auto* portal : {&portal0, &portal1}) {
        auto config = config_for(portal == &portal0 ? "portal-0" : "portal-1");
        config.nodes = two_names_of_one(redis0.port());
        *portal = std::make_unique<Portal>(config);
    }
    EXPECT_TRUE(eventually([&] {
        return trouble().find("redis-0 and redis-1 lead to one process") != std::string::npos;
    })) << trouble();
    std::this_thread::sleep_for(seconds(2));
    EXPECT_EQ(redis0.info("role"), "master");
    EXPECT_EQ(portal0->leader() + portal1->leader(), "") << "one of the two names is wrong, and nobody knows which";
}

}  // namespace
}  // namespace portal::sentinel
