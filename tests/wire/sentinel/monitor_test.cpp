// Two monitors with one record, and real redis-server processes: who leads, who acts, and that no data is wiped.
#include "sentinel/monitor.hpp"

#include "redis_process.hpp"
#include "two_nodes.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <iterator>
#include <mutex>
#include <thread>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using replication::TopologyPtr;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::RedisProcess;
using testing::ScratchFolder;

bool eventually(const std::function<bool()>& holds, milliseconds limit = seconds(10)) {
    const auto give_up = steady_clock::now() + limit;
    while (!holds()) {
        if (steady_clock::now() > give_up) {
            return false;
        }
        std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
}

/// A monitor and what it published, as a portal without shards.
class Portal {
  public:
    Portal(const config::Config& config)
        : permit_(std::make_shared<replication::ForwardPermit>()),
          monitor_(std::make_unique<Monitor>(config, make_arbiter(config), permit_,
                                             [this](TopologyPtr topology, std::function<void()> applied) {
                                                 const std::lock_guard lock(mutex_);
                                                 topology_ = std::move(topology);
                                                 applied();
                                             })) {
        monitor_->start();
    }

    /// Name of the node that this portal forwards to right now; empty while it forwards nothing.
    std::string leader() const {
        const std::lock_guard lock(mutex_);
        const bool forwards = topology_ && topology_->leader && permit_->valid(steady_clock::now());
        return forwards ? topology_->leader->name : "";
    }
    std::string leader_host() const {
        const std::lock_guard lock(mutex_);
        return topology_ && topology_->leader ? topology_->leader->endpoint.host : "";
    }
    std::uint64_t epoch() const {
        const std::lock_guard lock(mutex_);
        return topology_ ? static_cast<std::uint64_t>(topology_->epoch) : 0;
    }
    std::string reason() const { return text("reason"); }
    bool acts() const {
        const auto status = monitor_->status();
        const auto* here = status.if_contains("acting_here");
        return here != nullptr && here->as_bool();
    }
    bool in_sync(const std::string& node) const {
        const std::lock_guard lock(mutex_);
        return topology_ && std::count(topology_->in_sync.begin(), topology_->in_sync.end(), node) == 1;
    }
    std::string text(const std::string& key) const {
        const auto status = monitor_->status();
        const auto* value = status.if_contains(key);
        return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
    }
    std::string switchover(std::optional<std::string> to) {
        std::promise<std::string> answer;
        monitor_->switchover(std::move(to), [&](std::string error) { answer.set_value(std::move(error)); });
        return answer.get_future().get();
    }
    Monitor& monitor() { return *monitor_; }

  private:
    mutable std::mutex mutex_;
    TopologyPtr topology_;
    std::shared_ptr<replication::ForwardPermit> permit_;
    std::unique_ptr<Monitor> monitor_;
};

/// A portal in a process of its own, so that it can be killed and paused like one.
class PortalProcess {
  public:
    PortalProcess(const std::string& name, const std::filesystem::path& record, const RedisProcess& redis0,
                  const RedisProcess& redis1) {
        child_.spawn(
            {WIRE_SENTINEL_PORTAL, name, record, std::to_string(redis0.port()), std::to_string(redis1.port())});
    }
    void kill() { child_.kill(); }
    void pause() { child_.signal(SIGSTOP); }
    void resume() { child_.signal(SIGCONT); }

  private:
    testing::ChildProcess child_;
};

class MonitorTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = RedisProcess::unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
    }

    config::Config config_for(const std::string& name) const {
        return testing::two_nodes(name, record_path(), redis0.port(), redis1.port());
    }
    std::filesystem::path record_path() const { return folder.path() / "record"; }
    void start_portals() {
        portal0 = std::make_unique<Portal>(config_for("portal-0"));
        portal1 = std::make_unique<Portal>(config_for("portal-1"));
    }
    bool both_route_to(const std::string& node, milliseconds limit = seconds(10)) const {
        return eventually([&] { return portal0->leader() == node && portal1->leader() == node; }, limit);
    }
    bool in_sync(const std::string& node) const {
        return eventually([&] { return portal0->in_sync(node) && portal1->in_sync(node); });
    }
    /// A write to redis-0 that redis-1 has, too.
    void write_to_both() {
        redis0.ask({"SET", "key", "kept"});
        ASSERT_TRUE(eventually([&] { return redis1.ask({"GET", "key"}) == "kept"; }));
    }
    boost::json::object record() const {
        std::ifstream file(record_path());
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        boost::system::error_code error;
        auto record = boost::json::parse(text, error);
        return error ? boost::json::object{} : record.as_object();
    }
    std::uint64_t recorded_keys(const std::string& node) const {
        const auto read = record();
        const auto* known = read.if_contains("known");
        const auto* data = known == nullptr ? nullptr : known->as_object().if_contains(node);
        return data == nullptr ? 0 : data->at("keys").to_number<std::uint64_t>();
    }
    void set_nodes(const std::vector<config::Node>& nodes) {
        portal0->monitor().set_nodes(nodes);
        portal1->monitor().set_nodes(nodes);
    }
    static bool leaves(Portal& portal, const std::string& name) {
        const auto status = portal.monitor().status();
        const auto& nodes = status.at("nodes").as_array();
        return std::any_of(nodes.begin(), nodes.end(), [&](const boost::json::value& node) {
            return node.at("name").as_string() == name && node.as_object().contains("leaving");
        });
    }
    bool acts(const std::string& portal) const {
        return eventually([&] {
            const auto read = record();
            const auto* acting = read.if_contains("acting");
            return acting != nullptr && acting->as_string() == portal;
        });
    }
    std::string trouble() const { return portal0->reason() + " / " + portal1->reason(); }

    ScratchFolder folder;
    RedisProcess redis0{folder.path() / "redis-0"};
    RedisProcess redis1{folder.path() / "redis-1"};
    std::unique_ptr<Portal> portal0;
    std::unique_ptr<Portal> portal1;
};

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
    start_portals();
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
    EXPECT_TRUE(eventually([&] { return portal0->reason().find("login as monitor failed") != std::string::npos; }));
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
    EXPECT_EQ(portal1->switchover("redis-7"), "no node is called redis-7");
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
