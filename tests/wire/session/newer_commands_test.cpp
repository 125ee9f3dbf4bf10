// Commands of Redis 8 and Valkey 9 that wait, that leave something on their connection, or that no portal carries.
#include "portal_fixture.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

std::string waits_or_ok(const Words& words) {
    const bool waits = std::ranges::find(words, "BLOCK") != words.end() || words[0] == "BLMOVEM";
    return waits ? FakeNode::kBlock : words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n";
}

/// What redis-server 8.10 says of TS.READ: not that it may wait.
const std::string kCommands = "*1\r\n*6\r\n$7\r\nts.read\r\n:-3\r\n*2\r\n+readonly\r\n+module\r\n:1\r\n:1\r\n:1\r\n";

class NewerCommands : public PortalTest {
  protected:
    /// Nobody waits behind a command that does.
    void expect_alone(const std::string& request) {
        FakeNode node(waits_or_ok, kCommands);
        lead(node);
        wait_for([&] { return node.surveys() > 0; }, "the portal has asked what there is");
        const auto waiting = client();
        const auto other = client();
        other->expect("GET a\r\n", "$1\r\nv\r\n");
        waiting->send(request + "\r\n");
        wait_for([&] { return node.seen().back() == request; }, "the command at the node");
        other->expect("GET b\r\n", "$1\r\nv\r\n");
        EXPECT_TRUE(waiting->silent());
    }
};

TEST_F(NewerCommands, StreamsWithMaxcountAndMaxsizeWaitOnALinkOfTheirOwn) {
    expect_alone("XREAD MAXCOUNT 5 MAXSIZE 700 BLOCK 0 STREAMS s $");
    expect_alone("XREADGROUP GROUP g c MAXSIZE 700 MAXCOUNT 5 BLOCK 0 STREAMS s >");
}

TEST_F(NewerCommands, ATimeSeriesIsAwaitedOnALinkOfItsOwn) {
    expect_alone("TS.READ series 0 MAX_COUNT 5 BLOCK 0 1");
}

TEST_F(NewerCommands, SeveralElementsAreAwaitedOnALinkOfTheirOwn) {
    expect_alone("BLMOVEM a b LEFT RIGHT 0 COUNT 2 OBO");
}

/// Knows fieldsets as a connection of redis-server 8.10 does, if only one connection asks for them at a time.
std::string importing(const Words& words) {
    if (words[0] != "HIMPORT") {
        return words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n";
    }
    return words[1] == "DISCARD" || words[1] == "DISCARDALL" ? ":1\r\n" : "+OK\r\n";
}

TEST_F(NewerCommands, AFieldsetKeepsItsLinkUntilItIsDiscarded) {
    FakeNode node(importing);
    lead(node);
    const auto app = client();
    app->expect("HIMPORT PREPARE u name email\r\n", "+OK\r\n");
    app->expect("GET a\r\nHIMPORT SET user:1 u ann a@b\r\n", "$1\r\nv\r\n+OK\r\n");
    wait_for([&] { return counters().upstream_links_pinned.get() == 1; },
             "the link by which COMMAND was asked is gone");
    EXPECT_EQ(node.left(), 0U);
    app->expect("HIMPORT DISCARD u\r\n", ":1\r\n");
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    wait_for([&] { return counters().upstream_links_pinned.get() == 0; }, "the lease is over");
    wait_for([&] { return node.left() == 1; }, "nobody else gets the link");
}

TEST_F(NewerCommands, WithALinkOnWhichFieldsetsLiveTheClientIsClosed) {
    FakeNode node(importing);
    lead(node);
    const auto app = client();
    app->expect("HIMPORT PREPARE u name email\r\n", "+OK\r\n");
    node.cut();
    EXPECT_TRUE(app->closed()) << "else it believes that the next link has its fieldsets";

    const auto done = client();
    done->expect("HIMPORT PREPARE u name email\r\nHIMPORT DISCARDALL\r\n", "+OK\r\n:1\r\n");
    node.cut();
    done->expect("GET a\r\n", "$1\r\nv\r\n");
}

TEST_F(NewerCommands, ASearchThatIsReadOnIsNeverReadOnTwice) {
    FakeNode node([](const Words& words) { return words[0] == "FT.CURSOR" ? FakeNode::kCutThis : "$1\r\nv\r\n"; });
    lead(node);
    const auto app = client();
    app->send("FT.CURSOR READ idx 7\r\n");
    EXPECT_TRUE(app->line().starts_with("-INDOUBT ")) << "what the lost answer had would be left out";
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    const auto seen = node.seen();
    EXPECT_EQ(std::ranges::count(seen, "FT.CURSOR READ idx 7"), 1);
}

TEST_F(NewerCommands, ASearchThatIsReadOnTravelsInTheSlowLane) {
    FakeNode node([](const Words& words) {
        return words[0] == "FT.CURSOR" ? FakeNode::kPause + "*2\r\n*0\r\n:7\r\n" : "$1\r\nv\r\n";
    });
    lead(node);
    const auto app = client();
    const auto other = client();
    app->send("FT.CURSOR READ idx 7\r\n");
    wait_for([&] { return !node.seen().empty(); }, "the reading at the node");
    other->expect("GET a\r\n", "$1\r\nv\r\n");
    node.release();
    app->expect("*2\r\n*0\r\n:7\r\n");
}

TEST_F(NewerCommands, ReplicationIsRefusedAtOnceWhateverIsDenied) {
    config_.commands.deny = {};
    FakeNode node([](const Words&) { return FakeNode::kSilence; });
    lead(node);
    const auto app = client();
    const std::string refusal =
        "-DENIED this portal carries no replication (commands.replication: off): connect to a node itself for ";
    app->expect("SYNC\r\nPSYNC ? -1\r\nREPLCONF ACK 0\r\n",
                refusal + "SYNC\r\n" + refusal + "PSYNC\r\n" + refusal + "REPLCONF\r\n");
    app->expect("CLUSTER SYNCSLOTS ACK\r\n",
                "-DENIED what the nodes of a cluster say to each other goes through no portal: CLUSTER\r\n");
    EXPECT_EQ(node.seen(), Words{});
    EXPECT_EQ(counters().commands_denied.get(), 4U);
}

TEST_F(NewerCommands, ASubcommandThatNobodyKnowsHasItsOwnLink) {
    FakeNode node([](const Words& words) { return words[0] == "GET" ? "$1\r\nv\r\n" : FakeNode::kBlock; });
    lead(node);
    const auto app = client();
    const auto other = client();
    other->expect("GET a\r\n", "$1\r\nv\r\n");
    app->send("CLUSTER FROBNICATE\r\n");
    wait_for([&] { return node.seen().back() == "CLUSTER FROBNICATE"; }, "the command at the node");
    other->expect("GET b\r\n", "$1\r\nv\r\n");
}

}  // namespace
}  // namespace portal::testing
