// Which portal acts, switchovers, logins, and nodes that come and go.
#include "two_monitors.hpp"

namespace portal::sentinel {
namespace {

TEST_F(MonitorTest, when_the_acting_portal_stops_the_other_acts_at_once) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    ASSERT_TRUE(eventually([&] { return portal0->acts() != portal1->acts(); }));
    auto& acting = portal0->acts() ? portal0 : portal1;
    auto& other = portal0->acts() ? portal1 : portal0;
    const auto stopped_at = steady_clock::now();
    acting->monitor().stop();
    EXPECT_EQ(acting->leader(), "") << "a stopped portal forwards nothing";
    EXPECT_TRUE(eventually([&] { return other->acts(); }, seconds(2)));
    EXPECT_LT(steady_clock::now() - stopped_at, seconds(2)) << "given away, not timed out";

    redis0.kill();
    EXPECT_TRUE(eventually([&] { return other->leader() == "redis-1"; }, seconds(2))) << trouble();
}

TEST_F(MonitorTest, when_the_acting_portal_and_the_leader_are_killed_together_the_other_portal_takes_over) {
    redis0.start();
    redis1.start();
    PortalProcess acting("portal-0", record_path(), redis0, redis1);
    ASSERT_TRUE(acts("portal-0"));
    portal1 = std::make_unique<Portal>(config_for("portal-1"));
    ASSERT_TRUE(eventually([&] { return portal1->leader() == "redis-0" && portal1->in_sync("redis-1"); }));
    const auto killed_at = steady_clock::now();
    acting.kill();
    redis0.kill();
    EXPECT_TRUE(eventually([&] { return portal1->leader() == "redis-1"; }));
    std::cout << "after both were killed, the other portal routes to the new leader after "
              << std::chrono::duration_cast<milliseconds>(steady_clock::now() - killed_at).count() << " ms\n";
    EXPECT_TRUE(portal1->acts());
}

TEST_F(MonitorTest, an_acting_portal_that_wakes_from_a_long_pause_disturbs_nothing) {
    redis0.start();
    redis1.start();
    PortalProcess sleeper("portal-0", record_path(), redis0, redis1);
    ASSERT_TRUE(acts("portal-0"));
    portal1 = std::make_unique<Portal>(config_for("portal-1"));
    ASSERT_TRUE(eventually([&] { return portal1->leader() == "redis-0" && portal1->in_sync("redis-1"); }));
    sleeper.pause();
    ASSERT_TRUE(acts("portal-1")) << "its lease ran out";
    EXPECT_EQ(portal1->leader(), "redis-0") << "and nothing else happened";
    redis0.kill();
    ASSERT_TRUE(eventually([&] { return portal1->leader() == "redis-1"; }));
    sleeper.resume();
    redis0.start();
    EXPECT_TRUE(eventually([&] { return portal1->in_sync("redis-0"); }));
    EXPECT_EQ(portal1->epoch(), 2U);
    EXPECT_EQ(redis1.info("role"), "master");
    EXPECT_TRUE(portal1->acts());
}

TEST_F(MonitorTest, nodes_with_a_password_are_led_with_it_and_named_when_it_is_wrong) {
    const std::vector<std::string> locked{"--requirepass", "secret-1", "--masterauth", "secret-1"};
    redis0.start(locked);
    redis1.start(locked);
    auto config = config_for("portal-0");
    config.monitor.password = "secret-2";
    portal0 = std::make_unique<Portal>(config);
    EXPECT_TRUE(
        eventually([&] { return portal0->reason().find("login as user default failed") != std::string::npos; }));
    EXPECT_EQ(boost::json::serialize(portal0->monitor().status()).find("secret"), std::string::npos);
    portal0.reset();
    config.monitor.password = "secret-1";
    portal0 = std::make_unique<Portal>(config);
    EXPECT_TRUE(eventually([&] { return portal0->leader() == "redis-0" && portal0->in_sync("redis-1"); }))
        << portal0->reason();
}

TEST_F(MonitorTest, a_planned_switchover_moves_the_leader_through_either_portal_and_back) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    const auto asked_at = steady_clock::now();
    EXPECT_EQ(portal0->switchover("redis-1"), "");
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    std::cout << "planned switchover took "
              << std::chrono::duration_cast<milliseconds>(steady_clock::now() - asked_at).count() << " ms\n";
    ASSERT_TRUE(in_sync("redis-0"));
    EXPECT_EQ(portal1->switchover(std::nullopt), "");
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    EXPECT_EQ(portal1->switchover("redis-7"), "no node is called redis-7; the nodes are redis-0, redis-1");
}

TEST_F(MonitorTest, a_node_added_while_running_follows_and_one_removed_is_forgotten) {
    redis0.start();
    redis1.start();
    RedisProcess redis2(folder.path() / "redis-2");
    redis2.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    write_to_both();
    auto nodes = config_for("").nodes;
    nodes.push_back({"redis-2", {"127.0.0.1", redis2.port()}, std::nullopt});
    set_nodes(nodes);
    ASSERT_TRUE(in_sync("redis-2")) << trouble();
    EXPECT_EQ(redis2.ask({"GET", "key"}), "kept");

    nodes.erase(nodes.begin() + 1);
    set_nodes(nodes);
    EXPECT_TRUE(eventually([&] { return !portal0->in_sync("redis-1") && !portal1->in_sync("redis-1"); }));
    EXPECT_TRUE(eventually([&] { return recorded_keys("redis-1") == 0 && recorded_keys("redis-2") == 1; }));
    redis0.kill();
    ASSERT_TRUE(both_route_to("redis-2")) << trouble();
    EXPECT_EQ(redis2.ask({"GET", "key"}), "kept");
}

TEST_F(MonitorTest, a_leader_removed_from_the_configuration_goes_on_until_another_leads) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    set_nodes({config_for("").nodes[1]});
    ASSERT_TRUE(eventually([&] { return leaves(*portal0, "redis-0") && leaves(*portal1, "redis-0"); }));
    EXPECT_EQ(portal0->leader() + portal1->leader(), "redis-0redis-0");
    EXPECT_EQ(portal0->epoch(), 1U);
    EXPECT_EQ(portal0->switchover(std::nullopt), "");
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(eventually([&] { return !leaves(*portal0, "redis-0") && !leaves(*portal1, "redis-0"); }));
}

TEST_F(MonitorTest, a_leader_whose_address_changes_leads_on_only_when_the_same_process_answers_there) {
    redis0.start();
    redis1.start();
    start_portals();
    ASSERT_TRUE(both_route_to("redis-0")) << trouble();
    ASSERT_TRUE(in_sync("redis-1"));
    write_to_both();
    auto nodes = config_for("").nodes;
    nodes[0].address.host = "localhost";  // the same process
    set_nodes(nodes);
    ASSERT_TRUE(eventually([&] {
        return portal0->leader_host() == "localhost" && portal1->leader_host() == "localhost";
    })) << trouble();
    EXPECT_EQ(portal0->epoch(), 1U);

    RedisProcess other(folder.path() / "other");
    other.start_bare();  // leads, too, and is empty
    nodes[0].address.port = other.port();
    set_nodes(nodes);
    ASSERT_TRUE(both_route_to("redis-1")) << trouble();
    EXPECT_TRUE(eventually([&] { return other.ask({"GET", "key"}) == "kept"; })) << trouble();
}

}  // namespace
}  // namespace portal::sentinel
