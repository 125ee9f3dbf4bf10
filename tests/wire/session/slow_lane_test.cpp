// What may keep the node for long (scripts, functions, commands of modules) travels apart, so that nothing else waits
// behind it: neither other clients, nor what ends it.
#include "portal_fixture.hpp"

#include <algorithm>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kBusy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL.\r\n";

class SlowLaneTest : public PortalTest {
  protected:
    void wait_seen(const FakeNode& node, const std::string& command) {
        wait_for([&] { return std::ranges::count(node.seen(), command) > 0; }, command.c_str());
    }
};

/// The script "loop" never ends; the others end at once.
std::string answer(const Words& words) {
    if (words[0] == "EVAL" || words[0] == "FCALL") {
        return words[1] == "loop" ? FakeNode::kBlock : "$1\r\ns\r\n";
    }
    return words[0] == "GET"     ? "$1\r\nv\r\n"
           : words[0] == "MULTI" ? "+OK\r\n"
           : words[0] == "EXEC"  ? "*1\r\n:1\r\n"
                                 : "+OK\r\n";
}

TEST_F(SlowLaneTest, NothingElseWaitsBehindAScriptNorDoesWhatKillsIt) {
    for (const std::string script : {"EVAL loop 0", "FCALL loop 0"}) {
        FakeNode node(answer);
        lead(node);
        const auto looping = client();
        looping->send(script + "\r\n");
        wait_seen(node, script);
        const auto other = client();
        other->expect("GET k\r\nSCRIPT KILL\r\nFUNCTION KILL\r\nSET k v\r\n", "$1\r\nv\r\n+OK\r\n+OK\r\n+OK\r\n");
        EXPECT_TRUE(looping->silent());
    }
}

TEST_F(SlowLaneTest, WhatFollowsAScriptOfItsOwnClientStaysBehindIt) {
    FakeNode node(answer);
    lead(node);
    const auto app = client();
    app->expect("EVAL fine 0\r\nGET k\r\nEVAL fine 0\r\nGET k\r\n", "$1\r\ns\r\n$1\r\nv\r\n$1\r\ns\r\n$1\r\nv\r\n");
    app->send("EVAL loop 0\r\nGET k\r\n");
    wait_seen(node, "EVAL loop 0");
    const auto other = client();
    other->expect("GET k\r\n", "$1\r\nv\r\n");
    EXPECT_TRUE(app->silent());
}

TEST_F(SlowLaneTest, ATransactionInOnePieceWithAScriptTravelsThereAsAWhole) {
    FakeNode node([](const Words& words) { return words[0] == "EXEC" ? FakeNode::kBlock : answer(words); });
    lead(node);
    const auto app = client();
    app->send("*1\r\n$5\r\nMULTI\r\n*3\r\n$4\r\nEVAL\r\n$4\r\nfine\r\n$1\r\n0\r\n*1\r\n$4\r\nEXEC\r\n");
    wait_seen(node, "EXEC");
    EXPECT_EQ(counters().leases.get(), 0U);
    const auto other = client();
    other->expect("GET k\r\n", "$1\r\nv\r\n");
}

TEST_F(SlowLaneTest, AnotherScriptDoesNotWaitBehindOneThatHasBeenThereForLong) {
    std::atomic<bool> busy = false;
    FakeNode node([&](const Words& words) { return busy && words[0] == "EVAL" ? std::string(kBusy) : answer(words); });
    lead(node);
    const auto looping = client();
    looping->send("EVAL loop 0\r\n");
    wait_seen(node, "EVAL loop 0");
    busy = true;
    std::vector<std::unique_ptr<TestClient>> others;
    const auto answered = [](const std::unique_ptr<TestClient>& each) { return !each->silent(); };
    wait_for(
        [&] {
            others.push_back(client());
            others.back()->send("EVAL fine 0\r\n");
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            return std::ranges::any_of(others, answered);
        },
        "what Redis says to others");
    (*std::ranges::find_if(others, answered))->expect(kBusy);
    EXPECT_TRUE(looping->silent());
}

/// Redis refuses to ECHO, too, as long as it is busy.
TEST_F(SlowLaneTest, ThatTheNodeIsBusyIsNoReasonToGiveUpALink) {
    std::atomic<bool> busy = false;
    FakeNode node([&](const Words& words) { return busy ? std::string(kBusy) : answer(words); });
    lead(node);
    const auto first = client();
    const auto second = client();
    first->expect("EVAL fine 0\r\n", "$1\r\ns\r\n");
    node.refuse_echo(std::string(kBusy));
    busy = true;
    for (int i = 0; i < 3; ++i) {
        first->expect("EVAL fine 0\r\n", kBusy);
        second->expect("EVAL fine 0\r\n", kBusy);
    }
    EXPECT_EQ(counters().fences_broken.get(), 0U);
    EXPECT_EQ(counters().commands_in_doubt.get(), 0U);
}

TEST_F(SlowLaneTest, WhoWantsADatabaseThatABusyNodeDoesNotSelectIsToldSo) {
    FakeNode node([&](const Words& words) {
        return words[0] == "SELECT" || words[0] == "GET" ? std::string(kBusy) : answer(words);
    });
    lead(node);
    client()->expect("SELECT 1\r\nGET k\r\n", std::string(kBusy) + std::string(kBusy));
}

}  // namespace
}  // namespace portal::testing
