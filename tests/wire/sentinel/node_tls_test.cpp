// A monitor that reaches its nodes over TLS with a password: real redis-server processes, which replicate over TLS,
// too.
#include "certs/certificate_authority.hpp"
#include "redis_process.hpp"
#include "sentinel/monitor.hpp"

#include <chrono>
#include <iostream>
#include <thread>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::RedisProcess;
using testing::ScratchFolder;

class NodeTlsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = RedisProcess::unavailable(); !why.empty()) {
            std::cout << "skipped: " << why << "\n";
            GTEST_SKIP() << why;
        }
        ASSERT_TRUE(certs::init_directory(tls(""), {"127.0.0.1"}));
        ASSERT_TRUE(certs::init_directory(folder.path() / "other", {"127.0.0.1"}));
        config.name = "portal-0";
        config.arbiter = config::FileArbiter{folder.path() / "record"};
        config.monitor.password = "secret-1";
        for (const auto& [name, port] : {std::pair{"redis-0", port0}, std::pair{"redis-1", port1}}) {
            config.nodes.push_back({name, {"127.0.0.1", port}, config::NodeTls{tls("ca.crt"), {}, {}, {}}});
        }
    }
    std::string tls(const std::string& file) const { return folder.path() / "tls" / file; }

    void start(RedisProcess& node, std::uint16_t tls_port) {
        node.start({"--tls-port", std::to_string(tls_port), "--tls-cert-file", tls("tls.crt"), "--tls-key-file",
                    tls("tls.key"), "--tls-ca-cert-file", tls("ca.crt"), "--tls-auth-clients", "no",
                    "--tls-replication", "yes", "--requirepass", "secret-1", "--masterauth", "secret-1"});
    }
    /// Runs a monitor until its status has this text, or for some seconds.
    bool status_comes_to_say(const std::string& text) {
        Monitor monitor(config, make_arbiter(config), std::make_shared<replication::ForwardPermit>(),
                        [](const auto&, const std::function<void()>& applied) { applied(); });
        monitor.start();
        const auto give_up = steady_clock::now() + seconds(10);
        do {
            last_status = boost::json::serialize(monitor.status());
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        } while (last_status.find(text) == std::string::npos && steady_clock::now() < give_up);
        return last_status.find(text) != std::string::npos;
    }

    ScratchFolder folder;
    config::Config config;
    RedisProcess redis0{folder.path() / "0"};
    RedisProcess redis1{folder.path() / "1"};
    std::uint16_t port0 = testing::free_port();
    std::uint16_t port1 = testing::free_port();
    std::string last_status;
};

TEST_F(NodeTlsTest, nodes_are_probed_led_and_made_to_follow_over_tls) {
    start(redis0, port0);
    start(redis1, port1);
    EXPECT_TRUE(status_comes_to_say(R"("name":"redis-1","address":"127.0.0.1:)" + std::to_string(port1) +
                                    R"(","health":"up","role":"replica","in_sync":true)"))
        << last_status;
}

TEST_F(NodeTlsTest, a_node_whose_certificate_another_authority_signed_is_not_trusted) {
    start(redis0, port0);
    start(redis1, port1);
    for (auto& node : config.nodes) {
        node.tls->ca = folder.path() / "other/ca.crt";
    }
    EXPECT_TRUE(status_comes_to_say("TLS handshake with 127.0.0.1:" + std::to_string(port0))) << last_status;
    EXPECT_EQ(last_status.find(R"("leader":"redis)"), std::string::npos) << last_status;
}

}  // namespace
}  // namespace portal::sentinel
