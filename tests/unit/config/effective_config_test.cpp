#include "config/effective_config.hpp"

#include "config_fixture.hpp"

namespace portal::config {
namespace {

using testing::ConfigTest;
using testing::kMinimal;

using EffectiveConfig = ConfigTest;

TEST_F(EffectiveConfig, prints_a_configuration_that_loads_again_and_prints_the_same) {
    write("tls.crt", "x");
    write("password", "the secret\n");
    const std::string text = effective_yaml(
        good("listen:\n  - {address: '[::1]:6380', tls: {certificate: tls.crt, key: tls.crt}}\n"
             "nodes:\n  - {name: redis-0, address: '127.0.0.1:6390', tls: {server_name: 'null'}}\n"
             "arbiter: {etcd: {endpoints: ['http://e:1'], prefix: ': odd # prefix'}}\n"
             "commands: {deny: []}\nhold: {time: 0s, bytes: 1500}\nmonitor: {password_file: password}\nthreads: 2\n"));
    EXPECT_EQ(effective_yaml(good(text)), text);
    EXPECT_EQ(text.find("the secret"), std::string::npos);
    const Config again = good(text);
    EXPECT_EQ(again.nodes[0].tls->server_name, "null");
    EXPECT_EQ(std::get<EtcdArbiter>(again.arbiter).prefix, ": odd # prefix");
    EXPECT_EQ(again.monitor.password, "the secret");
}

TEST_F(EffectiveConfig, masks_a_password) {
    const std::string text = effective_yaml(good(kMinimal + "monitor: {password: hunter2}\n"));
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
    EXPECT_NE(text.find("password: \"********\""), std::string::npos) << text;
}

TEST_F(EffectiveConfig, prints_defaults_with_their_units) {
    const std::string text = effective_yaml(good(kMinimal));
    for (const char* line :
         {"ping_interval: 200ms", "lease: 4s", "bytes: 64MiB", "threads: auto", "idle_time: 0s", "keepalive: 5m",
          "answer_time: 0s", "in_doubt: error", "level: info", "tls: ~", "rotation: 12h"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
    }
}

}  // namespace
}  // namespace portal::config
