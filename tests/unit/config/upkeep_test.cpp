// Section `upkeep` of a portal's file, and the file of the agent.
#include "config/agent_loader.hpp"
#include "config/effective_config.hpp"
#include "config_fixture.hpp"

namespace portal::config {
namespace {

using testing::ConfigTest;
using testing::kMinimal;

const std::string kAgents =
    "upkeep:\n"
    "  agents: [{node: redis-0, address: 'redis-0:9121', claim: data-0}]\n";

class UpkeepTest : public ConfigTest {};

TEST_F(UpkeepTest, agents_are_read_and_printed_again) {
    const auto result = load(kMinimal + kAgents);
    ASSERT_TRUE(result.config) << all(result);
    ASSERT_EQ(result.upkeep.agents.size(), 1U);
    EXPECT_EQ(result.upkeep.agents[0].address, (Address{"redis-0", 9121}));
    EXPECT_FALSE(result.upkeep.auto_expand);
    const auto text = effective_yaml(*result.config, result.upkeep);
    const auto again = load(text);
    ASSERT_TRUE(again.config) << all(again) << text;
    EXPECT_EQ(effective_yaml(*again.config, again.upkeep), text);
}

TEST_F(UpkeepTest, an_agent_of_no_node_and_a_second_one_are_refused) {
    expect_problem_after_minimal("upkeep: {agents: [{node: redis-9, address: 'a:1'}]}\n", 1, "is no name of a node");
    expect_problem_after_minimal(
        "upkeep:\n  agents:\n    - {node: redis-0, address: 'a:1'}\n    - {node: redis-0, address: 'b:1'}\n", 4,
        "one agent stands beside each node");
}

TEST_F(UpkeepTest, growing_volumes_need_kubernetes_a_claim_for_each_node_and_a_limit) {
    const auto without = load(kMinimal + "upkeep: {auto_expand: {limit: 64GiB}}\n");
    EXPECT_NE(all(without).find("needs arbiter.kubernetes"), std::string::npos) << all(without);
    EXPECT_NE(all(without).find("needs an agent with a claim for each node"), std::string::npos) << all(without);
    const auto no_limit = load(kMinimal + "upkeep: {auto_expand: {threshold: 75}}\n");
    EXPECT_NE(all(no_limit).find("upkeep.auto_expand.limit: is missing"), std::string::npos) << all(no_limit);
}

TEST_F(UpkeepTest, the_agent_s_file_may_be_nearly_empty_and_names_every_mistake) {
    write("password", "secret\n");
    const auto good = load_agent_text("redis: {password_file: password}\n", path("agent.yaml"));
    ASSERT_TRUE(good.config);
    EXPECT_EQ(good.config->listen, (Address{"0.0.0.0", 9121}));
    EXPECT_FALSE(good.config->hand_over.listen);
    const auto bad = load_agent_text("lisen: 'a:1'\nprobes: {answer_time: 2}\n", path("agent.yaml"));
    ASSERT_EQ(bad.problems.size(), 2U);
    EXPECT_NE(bad.problems[0].message.find("did you mean listen?"), std::string::npos);
    EXPECT_NE(bad.problems[1].message.find("has no unit"), std::string::npos);
}

TEST_F(UpkeepTest, a_port_for_the_hand_over_goes_with_a_token) {
    const auto load = [this](const std::string& text) { return load_agent_text(text, path("agent.yaml")); };
    const auto without = load("hand_over: {listen: '127.0.0.1:9123'}\n");
    ASSERT_EQ(without.problems.size(), 1U);
    EXPECT_EQ(without.problems[0].message, "hand_over.listen: goes with token_file; give both or neither");
    write("token", "short");
    const auto guessed = load("hand_over: {listen: '127.0.0.1:9123', token_file: token}\n");
    ASSERT_EQ(guessed.problems.size(), 1U);
    EXPECT_NE(guessed.problems[0].message.find("fewer than 16 characters"), std::string::npos);
    write("token", "0123456789abcdef");
    EXPECT_TRUE(load("hand_over: {listen: '127.0.0.1:9123', token_file: token}\n").config);
    EXPECT_TRUE(load("hand_over: {socket: agent.sock}\n").config);
    EXPECT_FALSE(load("hand_over: {socket: /" + std::string(107, 'x') + "}\n").config);
}

}  // namespace
}  // namespace portal::config
