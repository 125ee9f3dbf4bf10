// Clients that close their sending side behind their requests: what they have asked for is answered, as by Redis, and
// who waits for others is let go.
#include "portal_fixture.hpp"

#include <algorithm>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

/// `empty` holds nothing, `slow` is answered once the test says so.
std::string lists(const Words& words) {
    const std::string& word = words[0];
    if (word == "MULTI" || word == "WATCH" || word == "SET" || word == "DISCARD") {
        return "+OK\r\n";
    }
    if (word == "EXEC") {
        return "*1\r\n+OK\r\n";
    }
    if (word == "BLPOP" && words[1] == "empty") {
        return FakeNode::kBlock;
    }
    if (word == "BLPOP" && words[1] == "slow") {
        return FakeNode::kPause + "*2\r\n$4\r\nslow\r\n$1\r\ne\r\n";
    }
    return word == "BLPOP" ? "*2\r\n$1\r\nq\r\n$1\r\ne\r\n" : "$1\r\nv\r\n";
}

class HalfClosedTest : public PortalTest {
  protected:
    const std::string popped_ = "*2\r\n$1\r\nq\r\n$1\r\ne\r\n";

    void wait_seen(const FakeNode& node, std::size_t count) {
        wait_for([&] { return node.seen().size() >= count; }, "commands at the node");
    }
    /// Sends all of it and its end, and reads to the end.
    static void ask(const TestClient& app, std::string_view bytes, std::string_view expected) {
        app.send(bytes);
        app.finish_sending();
        app.expect(expected);
        EXPECT_TRUE(app.closed());
    }
};

TEST_F(HalfClosedTest, GetTheAnswersThatComeByALeasedLink) {
    FakeNode node(lists);
    lead(node);
    ask(*client(), "GET k\r\nBLPOP q 0\r\nGET k\r\nBLPOP q 0\r\nBLPOP q 0\r\nGET k\r\n",
        "$1\r\nv\r\n" + popped_ + "$1\r\nv\r\n" + popped_ + popped_ + "$1\r\nv\r\n");
    ask(*client(), "GET k\r\nMULTI\r\nSET k v\r\nEXEC\r\nGET k\r\n",
        "$1\r\nv\r\n+OK\r\n+OK\r\n*1\r\n+OK\r\n$1\r\nv\r\n");
    ask(*client(), "WATCH k\r\nGET k\r\nMULTI\r\nSET k v\r\nEXEC\r\n", "+OK\r\n$1\r\nv\r\n+OK\r\n+OK\r\n*1\r\n+OK\r\n");
    ask(*client(), "WATCH k\r\nBLPOP q 0\r\nMULTI\r\nSET k v\r\nEXEC\r\nBLPOP q 0\r\n",
        "+OK\r\n" + popped_ + "+OK\r\n+OK\r\n*1\r\n+OK\r\n" + popped_);
    EXPECT_EQ(counters().client_connections.get(), 0U);
}

TEST_F(HalfClosedTest, GetAnAnswerThatIsLate) {
    FakeNode node(lists);
    lead(node);
    const auto app = client();
    app->send("BLPOP slow 0\r\nGET k\r\n");
    app->finish_sending();
    wait_seen(node, 1);
    node.release();
    app->expect("*2\r\n$4\r\nslow\r\n$1\r\ne\r\n$1\r\nv\r\n");
    EXPECT_TRUE(app->closed());
}

TEST_F(HalfClosedTest, AreLetGoWhereTheyAreBlocked) {
    FakeNode node(lists);
    lead(node);
    for (const std::string behind : {"", "GET k\r\nBLPOP q 0\r\n", "MULTI\r\nSET k v\r\nEXEC\r\nGET k\r\n"}) {
        for (const std::string before : {"", "GET k\r\n", "WATCH k\r\n"}) {
            SCOPED_TRACE(before + "BLPOP " + behind);
            const std::size_t links = node.left();
            ask(*client(), before + "BLPOP empty 0\r\n" + behind,
                before.empty()          ? ""
                : before == "GET k\r\n" ? "$1\r\nv\r\n"
                                        : "+OK\r\n");
            wait_for([&] { return node.left() > links; }, "its link ends");
        }
    }
    EXPECT_EQ(counters().client_connections.get(), 0U);
}

TEST_F(HalfClosedTest, AreLetGoWithMoreRequestsBehindThanAreTakenAtATime) {
    FakeNode node(lists);
    lead(node);
    std::string many;
    for (int i = 0; i < 8000; ++i) {
        many += "BLPOP empty 0\r\n";
    }
    for (const std::string before : {"", "WATCH k\r\n"}) {
        const std::size_t links = node.left();
        ask(*client(), before + many, before.empty() ? "" : "+OK\r\n");
        wait_for([&] { return node.left() > links; }, "its link ends");
    }
}

TEST_F(HalfClosedTest, AreLetGoByAChangeOfLeaders) {
    FakeNode first(lists);
    FakeNode second(lists);
    nobody_leads("nobody was chosen yet");
    const auto app = client();
    const auto other = client();
    app->send("BLPOP empty 0\r\n");
    app->finish_sending();
    other->send("BLPOP q 0\r\n");
    other->finish_sending();
    wait_for([&] { return counters().sessions_held.get() == 2; }, "both are held");
    lead(second);
    EXPECT_TRUE(app->closed());
    other->expect(popped_);
    EXPECT_TRUE(other->closed());
}

TEST_F(HalfClosedTest, AreLetGoThoughTheNodeDoesNotSeeTheirEnd) {
    config_.monitor.down_after = std::chrono::milliseconds(20);
    FakeNode node([](const Words& words) { return words[0] == "BLPOP" ? FakeNode::kPause : "$1\r\nv\r\n"; });
    lead(node);
    ask(*client(), "GET k\r\nBLPOP q 0\r\n", "$1\r\nv\r\n");
    const auto other = client();
    other->expect("GET k\r\n", "$1\r\nv\r\n");
}

TEST_F(HalfClosedTest, WhoIsPausedGetsTheAnswersToWhatWasNot) {
    FakeNode node([](const Words& words) {
        return words[0] == "GET"     ? FakeNode::kPause + "$1\r\nv\r\n"
               : words[1] == "PAUSE" ? "-ERR no time\r\n"
                                     : "+OK\r\n";
    });
    lead(node);
    client()->expect("CLIENT PAUSE 3600000 WRITE\r\n", "+OK\r\n");
    const auto app = client();
    app->send("GET k\r\nSET k v\r\n");
    app->finish_sending();
    wait_seen(node, 2);
    node.release();
    app->expect("$1\r\nv\r\n");
    EXPECT_TRUE(app->closed());
}

TEST_F(HalfClosedTest, WhatIsNotWholeIsNeverCompletedAndWhatStoodBeforeIsAnswered) {
    FakeNode node(lists);
    lead(node);
    const auto app = client();
    const std::string large = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n" + std::string(2000000, 'x');
    ask(*app, "GET k\r\n" + large, "$1\r\nv\r\n");
    wait_for([&] { return node.left() == 1; }, "its link ends");
    EXPECT_EQ(node.seen(), Words{"GET k"});
}

}  // namespace
}  // namespace portal::testing
