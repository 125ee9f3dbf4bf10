// Who else works on a node.
#include "sentinel/visitors.hpp"

#include "concerns_of.hpp"
#include "failover_world.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

TEST(Visitors, are_known_by_the_names_of_their_connections) {
    const auto visitors = visitors_of(
        "id=3 addr=10.0.0.1:4000 laddr=10.0.0.9:6379 fd=8 name=redis-portal:aa11:portal-0 age=1 cmd=info\n"
        "id=4 addr=10.0.0.2:4000 fd=9 name=redis-portal:bb22:portal-1 age=1\n"
        "id=5 addr=10.0.0.2:4001 fd=9 name=redis-portal:bb22:portal-1 age=1\n"
        "id=6 addr=10.0.0.3:4000 fd=9 name=sentinel-0a1b2c3d-cmd age=1\n"
        "id=7 addr=10.0.0.3:4001 fd=9 name=app age=1\n"
        "id=8 addr=10.0.0.3:4002 fd=9 name= age=1\n"
        "id=9 addr=10.0.0.3:4002 name=redis-portal: age=1\n"
        "name=redis-portal:only-a-record");
    EXPECT_EQ(visitors.monitors, (std::vector<Visitor>{{"aa11", "portal-0"}, {"bb22", "portal-1"}}));
    EXPECT_EQ(visitors.sentinels, std::vector<std::string>{"10.0.0.3"});
    EXPECT_EQ(connection_name("aa11", "portal-0"), "redis-portal:aa11:portal-0");
    EXPECT_EQ(connection_name("", "portal-0"), "") << "a record of an older version has no id";
}

TEST(Visitors, only_those_with_another_record_are_strangers) {
    const std::vector<Visitor> monitors{{"aa11", "portal-0"}, {"bb22", "portal-1"}};
    EXPECT_EQ(strangers_among(monitors, "aa11"), (std::vector<Visitor>{{"bb22", "portal-1"}}));
    EXPECT_TRUE(strangers_among(monitors, "").empty());
}

TEST(Visitors, strangers_and_sentinels_are_a_concern) {
    auto view = healthy_view();
    view.record.id = "aa11";
    view.nodes[1].visitors = {{{"bb22", "portal-9"}, {"aa11", "portal-1"}}, {"10.0.0.3"}};
    const auto text = concerns_of(view);
    EXPECT_NE(text.find("portal portal-9 watches redis-1 by another record (bb22)"), std::string::npos) << text;
    EXPECT_NE(text.find("a Redis Sentinel at 10.0.0.3 watches redis-1"), std::string::npos) << text;
    EXPECT_EQ(text.find("portal-1 watches"), std::string::npos) << text;
}

class VisitorsAtFirst : public ::testing::Test {
  protected:
    void SetUp() override {
        world.view.record = {};
        world.view.record.id = "aa11";
        world.view.phase_since = world.view.now;
    }
    World world;
};

TEST_F(VisitorsAtFirst, no_first_leader_is_chosen_beside_portals_with_another_record) {
    world.node("redis-1").visitors.monitors = {{"bb22", "portal-9"}};
    EXPECT_FALSE(world.run_until([&] { return world.view.record.phase == Phase::leading; }, 500));
    EXPECT_NE(world.last.why.find("portal-9"), std::string::npos) << world.last.why;
    world.node("redis-1").visitors.monitors.clear();
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-0"); }, 50));
}

TEST_F(VisitorsAtFirst, the_operator_may_decide_otherwise) {
    world.node("redis-1").visitors.monitors = {{"bb22", "portal-9"}};
    world.ask("redis-0");
    EXPECT_TRUE(world.run_until([&] { return world.leads("redis-0"); }, 50));
}

TEST_F(VisitorsAtFirst, a_first_leader_waits_a_moment_for_the_answer_and_no_longer) {
    world.node("redis-1").looked_around = false;
    const auto since = world.view.now;
    ASSERT_TRUE(world.run_until([&] { return world.leads("redis-0"); }, 500));
    EXPECT_GE(world.view.now - since, Milliseconds(900));
    EXPECT_LE(world.view.now - since, Milliseconds(1500));
}

}  // namespace
}  // namespace portal::sentinel
