// Which process answers a probe: known by what it has told on a connection, as long as that lasts. Real redis-servers.
#include "sentinel/node_probe.hpp"

#include "one_loop.hpp"
#include "two_monitors.hpp"

#include <boost/asio/detached.hpp>

namespace portal::sentinel {
namespace {

class NodeProbeTest : public MonitorTest {
  protected:
    void watch() {
        probe = std::make_shared<NodeProbe>(loop.executor(),
                                            config::Node{"redis-0", {"127.0.0.1", redis0.port()}, std::nullopt}, login,
                                            NodeProbe::Timing{milliseconds(50), milliseconds(500), milliseconds(0)},
                                            [this](Observation observation) { newest = std::move(observation); });
        boost::asio::co_spawn(loop.executor(), probe->run(), boost::asio::detached);
    }
    void TearDown() override {
        if (probe) {
            probe->stop();
            loop.run_for(milliseconds(50));
        }
    }
    bool comes_to(ProbeResult result) {
        newest.reset();
        return loop.run_until([&] { return newest && newest->result == result; }, seconds(5));
    }

    testing::OneLoop loop;
    std::shared_ptr<Login> login = std::make_shared<Login>(Login{"watcher", "secret-1"});
    std::shared_ptr<NodeProbe> probe;
    std::optional<Observation> newest;
};

TEST_F(NodeProbeTest, an_error_is_of_the_process_that_has_told_its_name_on_this_connection) {
    redis0.start_bare();
    redis0.ask({"ACL", "SETUSER", "watcher", "on", ">secret-1", "+@all"});
    watch();
    ASSERT_TRUE(comes_to(ProbeResult::answered));
    const std::string process = newest->run_id;
    EXPECT_EQ(process, redis0.info("run_id"));
    redis0.ask({"ACL", "SETUSER", "watcher", "-info"});
    ASSERT_TRUE(comes_to(ProbeResult::denied));
    EXPECT_EQ(newest->run_id, process);
}

TEST_F(NodeProbeTest, of_a_process_that_never_told_its_name_nothing_is_known) {
    redis0.start_bare();
    redis0.ask({"ACL", "SETUSER", "watcher", "on", ">secret-1", "+@all"});
    watch();
    ASSERT_TRUE(comes_to(ProbeResult::answered));
    redis0.kill();
    redis0.start_bare({"--user", "watcher", "on", ">secret-1", "+@all", "-info"});
    ASSERT_TRUE(comes_to(ProbeResult::denied));
    EXPECT_NE(newest->detail.find("NOPERM"), std::string::npos) << newest->detail;
    EXPECT_EQ(newest->run_id, "") << "another process answers there";
}

}  // namespace
}  // namespace portal::sentinel
