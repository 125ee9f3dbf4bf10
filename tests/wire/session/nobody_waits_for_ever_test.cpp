// Waits that must end: of clients that went away behind a block, of those for whom no link can be had, and of replies
// that no node gives.
#include "portal_fixture.hpp"

#include <algorithm>
#include <list>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

std::string lists(const Words& words) {
    if (words[0] == "BLPOP") {
        return FakeNode::kBlock;
    }
    if (words[0] == "CLIENT" && words[1] == "UNBLOCK") {
        return ":1\r\n";
    }
    return words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n";
}

class WaitsTest : public PortalTest {
  protected:
    void wait_seen(const FakeNode& node, const std::string& command) {
        wait_for([&] { return std::ranges::count(node.seen(), command) > 0; }, command.c_str());
    }
};

TEST_F(WaitsTest, WhoIsBlockedAndGoesIsNoticedWhateverStandsBehindTheBlock) {
    FakeNode node(lists);
    lead(node);
    const std::string malformed = "*1\r\n!x\r\n";
    for (const std::string& behind : {std::string("QUIT\r\n"), malformed, std::string("GET k\r\nQUIT\r\n")}) {
        for (const bool reset : {false, true}) {
            SCOPED_TRACE(behind);
            const std::size_t links = node.left();
            auto app = client();
            app->send("BLPOP empty 0\r\n" + behind);
            const auto blocks = static_cast<std::ptrdiff_t>(links) + 1;
            wait_for([&] { return std::ranges::count(node.seen(), "BLPOP empty 0") == blocks; }, "it is blocked");
            if (reset) {
                app->break_off();
            }
            app.reset();
            wait_for([&] { return node.left() > links && counters().client_connections.get() == 0; },
                     "the client and its link are gone");
        }
    }
}

TEST_F(WaitsTest, WhereNoLinkCanBeHadForAClientItIsToldAfterTheHold) {
    config_.limits.leases = 1;
    config_.hold.time = std::chrono::milliseconds(300);
    FakeNode node(lists);
    lead(node);
    const auto blocked = client();
    blocked->send("BLPOP empty 0\r\n");
    wait_seen(node, "BLPOP empty 0");
    for (const std::string command : {"WATCH k\r\n", "WAIT 0 0\r\n", "MONITOR\r\n", "NOSUCH x\r\n"}) {
        SCOPED_TRACE(command);
        const auto app = client();
        app->send(command);
        EXPECT_EQ(app->read(9), "-NOLEADER");
    }
    EXPECT_EQ(counters().sessions_held.get(), 0U);
}

TEST_F(WaitsTest, WhatFollowsAMultiThatWasRefusedRunsNowhere) {
    config_.limits.leases = 1;
    config_.hold.time = std::chrono::milliseconds(200);
    FakeNode node(lists);
    lead(node);
    const auto blocked = client();
    blocked->send("BLPOP empty 0\r\n");
    wait_seen(node, "BLPOP empty 0");
    const auto app = client();
    app->expect("MULTI\r\nINCR a\r\n", "+OK\r\n+QUEUED\r\n");
    app->send("INCR b\r\nEXEC\r\nGET k\r\n");
    app->expect("+QUEUED\r\n");
    EXPECT_TRUE(app->line().starts_with("-NOLEADER"));
    app->expect("$1\r\nv\r\n");
    const auto watcher = client();
    watcher->send("WATCH k\r\n");
    EXPECT_TRUE(watcher->line().starts_with("-NOLEADER"));
    watcher->expect("MULTI\r\nINCR c\r\nEXEC\r\nGET k\r\n", "+OK\r\n+QUEUED\r\n*-1\r\n$1\r\nv\r\n");
    for (const std::string& command : node.seen()) {
        EXPECT_FALSE(command.starts_with("INCR")) << command;
    }
}

TEST_F(WaitsTest, NorDoesItWhenALeaderComesInTheMidstOfIt) {
    config_.hold.time = std::chrono::milliseconds(200);
    FakeNode node(lists);
    nobody_leads("nobody was chosen yet");
    const auto app = client();
    app->expect("MULTI\r\nINCR a\r\n", "+OK\r\n+QUEUED\r\n");
    lead(node);
    app->send("INCR b\r\nEXEC\r\nGET k\r\n");
    app->expect("+QUEUED\r\n");
    EXPECT_TRUE(app->line().starts_with("-NOLEADER"));
    app->expect("$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), Words{"GET k"});
}

TEST_F(WaitsTest, AReadBehindABlockOutlivesEveryChangeOfLeaders) {
    config_.monitor.down_after = std::chrono::milliseconds(20);
    FakeNode nodes[] = {FakeNode(lists), FakeNode(lists), FakeNode(lists), FakeNode(lists)};
    lead(nodes[0]);
    const auto app = client();
    app->send("BLPOP empty 0\r\nGET k\r\n");
    wait_seen(nodes[0], "BLPOP empty 0");
    for (std::size_t i = 1; i < 4; ++i) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(30));  // the node has worked on it long enough to be blamed
        lead(nodes[i]);
        wait_for([&] { return !nodes[i].seen().empty(); }, "it is asked again");
        EXPECT_TRUE(app->silent()) << "change " << i;
    }
    EXPECT_EQ(counters().client_connections.get(), 1U);
}

TEST_F(WaitsTest, ASecondMonitorIsAnsweredByNobodyAsWithRedis) {
    FakeNode node([](const Words& words) {
        return words.size() > 1        ? "-ERR wrong number of arguments for 'monitor' command\r\n"
               : words[0] == "MONITOR" ? "+OK\r\n"
                                       : "+PONG\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("MONITOR\r\nMONITOR\r\nMONITOR\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    app->expect("MONITOR x\r\n", "-ERR wrong number of arguments for 'monitor' command\r\n");
    EXPECT_EQ(std::ranges::count(node.seen(), "MONITOR"), 1);
    app->expect("MONITOR\r\nRESET\r\n", "+RESET\r\n");
    app->expect("MONITOR\r\n", "+OK\r\n");
}

/// A transaction behind a blocked command is broken when the leader is lost again and again. What came before it is no
/// part of it.
TEST_F(WaitsTest, WhatBlocksIsNotAskedAgainWhereOthersWaitBehindIt) {
    std::list<FakeNode> nodes;
    const auto app = client();
    for (int i = 0; i < 6; ++i) {
        FakeNode& node = nodes.emplace_back(
            [](const Words& words) { return words[0] == "BLPOP" ? FakeNode::kBlock : std::string("$1\r\nv\r\n"); });
        lead(node);
        if (i == 0) {
            app->send("BLPOP q 0\r\nMULTI\r\nGET k\r\n");
        }
        wait_seen(node, "BLPOP q 0");
        const auto other = client();
        other->expect("GET k\r\n", "$1\r\nv\r\n");
    }
    EXPECT_TRUE(app->silent());
}

TEST_F(WaitsTest, WaitOfAClientThatHasWrittenNothingWaitsForNobodysWrites) {
    FakeNode node([](const Words& words) { return words[0] == "WAIT" ? ":1\r\n" : "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("WAIT 1 0\r\n", ":1\r\n");
    EXPECT_EQ(std::ranges::count(node.seen(), "PING"), 0);
    app->expect("SET k v\r\nWAIT 1 0\r\n", "+OK\r\n:1\r\n");
    EXPECT_EQ(std::ranges::count(node.seen(), "PING"), 1) << "makes the node take the offset of that write";
}

}  // namespace
}  // namespace portal::testing
