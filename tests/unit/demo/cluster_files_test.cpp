#include "demo/cluster_files.hpp"

#include "demo/child_process.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace portal::demo {
namespace {

const SharedFiles kShared{.certificate = "/d/certs/tls.crt",
                          .key = "/d/certs/tls.key",
                          .password_file = "/d/password",
                          .arbiter_record = "/d/arbiter/record"};
const PortalFiles kPortal{.name = "portal-1",
                          .port = 6381,
                          .admin_port = 9381,
                          .admin_socket = "/d/portal-1/admin.sock",
                          .config = {},
                          .log = {}};

std::vector<NodeFiles> two_nodes() {
    return {{.name = "redis-0", .port = 6390, .config = {}, .data = {}, .log = {}, .pid_file = {}},
            {.name = "redis-1", .port = 6391, .config = {}, .data = {}, .log = {}, .pid_file = {}}};
}

YAML::Node yaml_with(const std::vector<std::string>& settings) {
    return YAML::Load(portal_yaml(kPortal, kShared, two_nodes(), settings));
}

TEST(PortalYaml, NamesListenerNodesAndSharedFiles) {
    const YAML::Node root = yaml_with({});
    EXPECT_EQ(root["name"].as<std::string>(), "portal-1");
    EXPECT_EQ(root["listen"][0]["address"].as<std::string>(), "127.0.0.1:6381");
    EXPECT_EQ(root["listen"][0]["tls"]["key"].as<std::string>(), "/d/certs/tls.key");
    ASSERT_EQ(root["nodes"].size(), 2U);
    EXPECT_EQ(root["nodes"][1]["address"].as<std::string>(), "127.0.0.1:6391");
    EXPECT_EQ(root["monitor"]["password_file"].as<std::string>(), "/d/password");
    EXPECT_EQ(root["arbiter"]["file"]["path"].as<std::string>(), "/d/arbiter/record");
    EXPECT_EQ(root["admin"]["address"].as<std::string>(), "127.0.0.1:9381");
    EXPECT_EQ(root["admin"]["socket"].as<std::string>(), "/d/portal-1/admin.sock");
}

TEST(PortalYaml, ASettingReplacesOrAddsTheKeyAtItsPath) {
    const YAML::Node root =
        yaml_with({"writes.proven=strict", "threads=2", "listen.0.tls.min_version=1.3", "commands.deny=[get, set]"});
    EXPECT_EQ(root["writes"]["proven"].as<std::string>(), "strict");
    EXPECT_EQ(root["threads"].as<int>(), 2);
    EXPECT_EQ(root["listen"][0]["tls"]["min_version"].as<std::string>(), "1.3");
    EXPECT_EQ(root["listen"][0]["tls"]["key"].as<std::string>(), "/d/certs/tls.key") << "its neighbours stay";
    EXPECT_EQ(root["commands"]["deny"].size(), 2U);
}

TEST(PortalYaml, TheLastOfTwoSettingsOfOneKeyHolds) {
    EXPECT_EQ(yaml_with({"threads=2", "threads=3"})["threads"].as<int>(), 3);
}

TEST(PortalYaml, ASettingThatFitsNowhereIsAnErrorThatQuotesIt) {
    for (const std::string setting :
         {"threads", "name.below=1", "listen.first=1", "=1", "a..b=1", "threads=[", "listen.99999999999999999999=1"}) {
        try {
            yaml_with({setting});
            ADD_FAILURE() << setting << " was taken";
        } catch (const ClusterError& error) {
            EXPECT_NE(std::string(error.what()).find(setting), std::string::npos) << error.what();
        }
    }
}

TEST(RedisConf, MakesAReplicaOfNobodyOnLoopback) {
    NodeFiles node = two_nodes()[0];
    node.data = "/with space/\"quotes\"";
    const std::string text = redis_conf(node, "secret");
    EXPECT_NE(text.find("\nreplicaof 127.0.0.1 1\n"), std::string::npos);
    EXPECT_NE(text.find("bind 127.0.0.1\n"), std::string::npos);
    EXPECT_NE(text.find("\nrequirepass secret\nmasterauth secret\n"), std::string::npos);
    EXPECT_NE(text.find("dir \"/with space/\\\"quotes\\\"\"\n"), std::string::npos);
}

TEST(ShellLine, QuotesOnlyWhatAShellWouldTakeApart) {
    EXPECT_EQ(shell_line({"redis-server", "/tmp/a-b_1/redis.conf"}), "redis-server /tmp/a-b_1/redis.conf");
    EXPECT_EQ(shell_line({"echo", "two words", "it's", "$HOME", ""}), "echo 'two words' 'it'\\''s' '$HOME' ''");
}

TEST(RandomPassword, IsLongAndNeverTheSame) {
    EXPECT_EQ(random_password().size(), 32U);
    EXPECT_NE(random_password(), random_password());
}

}  // namespace
}  // namespace portal::demo
