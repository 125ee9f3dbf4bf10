// What a client sees when its leader is lost, one situation a test, with nodes that fail at an exact point.
#include "binary_content.hpp"
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kInDoubt =
    "-INDOUBT the leader was lost after this command was sent: it may or may not have been executed\r\n";

std::string ok(const Words&) {
    return "+OK\r\n";
}
std::string silent(const Words&) {
    return FakeNode::kSilence;
}

class SessionLossTest : public PortalTest {
  protected:
    /// Waits until the node has seen `count` commands.
    void wait_seen(const FakeNode& node, std::size_t count) {
        wait_for([&] { return node.seen().size() >= count; }, "commands at the node");
    }
};

TEST_F(SessionLossTest, AReadThatWasSentGoesToTheNextLeaderAndAWriteIsInDoubt) {
    FakeNode first(silent);
    FakeNode second([](const Words& words) { return words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n"; });
    lead(first);
    const auto app = client();
    app->send("GET a\r\nSET b 1\r\nGET c\r\n");
    wait_seen(first, 3);
    first.die();
    lead(second);
    app->expect(std::string("$1\r\nv\r\n") + std::string(kInDoubt) + "$1\r\nv\r\n");
    EXPECT_EQ(second.seen(), (Words{"GET a", "GET c"}));
    app->expect("SET d 1\r\n", "+OK\r\n");
    EXPECT_EQ(counters().commands_replayed.get(), 2U);
    EXPECT_EQ(counters().commands_in_doubt.get(), 1U);
}

TEST_F(SessionLossTest, AWriteThatWasNeverSentWaitsAndThenRuns) {
    FakeNode node(ok);
    nobody_leads("nobody was chosen yet");
    const auto app = client();
    app->send("SET a 1\r\nSET b 2\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    lead(node);
    app->expect("+OK\r\n+OK\r\n");
    EXPECT_EQ(node.seen(), (Words{"SET a 1", "SET b 2"}));
    EXPECT_EQ(counters().sessions_held.get(), 0U);
    EXPECT_EQ(counters().held_bytes.get(), 0U);
}

TEST_F(SessionLossTest, ALeaderThatRefusesConnectionsForAMomentIsTriedAgain) {
    auto gone = std::make_unique<FakeNode>(ok);
    FakeNode back(ok);
    lead(*gone);
    const auto app = client();
    app->expect("SET a 1\r\n", "+OK\r\n");
    gone->die();
    wait_for([&] { return counters().upstream_lost.get() >= 1; }, "the link is lost");
    app->send("SET b 1\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    lead(back);
    app->expect("+OK\r\n");
}

TEST_F(SessionLossTest, AfterTheHoldTimeTheClientIsToldWhyThereIsNoLeader) {
    config_.hold.time = std::chrono::milliseconds(150);
    nobody_leads("no node can be reached");
    const auto app = client();
    const std::string error = "-NOLEADER no leader within the hold time: no node can be reached\r\n";
    app->expect("SET a 1\r\nGET a\r\nCLIENT GETNAME\r\n", error + error + "$-1\r\n");
    EXPECT_EQ(counters().commands_no_leader.get(), 2U);
    FakeNode node(ok);
    lead(node);
    app->expect("SET b 1\r\n", "+OK\r\n");
}

TEST_F(SessionLossTest, WithoutHoldTimeTheClientIsToldAtOnce) {
    config_.hold.time = std::chrono::milliseconds(0);
    nobody_leads("nobody yet");
    const auto app = client();
    app->expect("SET a 1\r\n", "-NOLEADER no leader within the hold time: nobody yet\r\n");
    FakeNode node(ok);
    lead(node);
    app->expect("SET a 1\r\n", "+OK\r\n");
}

TEST_F(SessionLossTest, WhenTooMuchWaitsTheClientIsToldAtOnce) {
    config_.hold.bytes = {1000};
    FakeNode node(silent);
    lead(node);
    const auto app = client();
    app->send("GET " + std::string(2000, 'k') + "\r\n");
    wait_seen(node, 1);
    node.die();
    nobody_leads("gone");
    app->expect("-NOLEADER no leader, and too much is waiting for one already: ");
}

TEST_F(SessionLossTest, CommandsThatDoNotFitIntoTheHoldAreEachAnsweredOnce) {
    config_.hold.bytes = {3000};
    nobody_leads("gone");
    const auto app = client();
    const std::string error = "-NOLEADER no leader within the hold time: gone\r\n";
    std::string requests;
    for (int i = 0; i < 100; ++i) {
        requests += "SET k" + std::to_string(i) + " " + std::string(100, 'v') + "\r\n";
    }
    app->send(requests);
    std::string expected;
    for (int i = 0; i < 100; ++i) {
        expected += error;
    }
    app->expect(expected);
    EXPECT_EQ(counters().commands_no_leader.get(), 100U);
    FakeNode node(ok);
    lead(node);
    app->expect("SET last 1\r\n", "+OK\r\n");
    EXPECT_EQ(node.seen(), Words{"SET last 1"});
    EXPECT_EQ(counters().held_bytes.get(), 0U);
}

TEST_F(SessionLossTest, InDoubtMayCloseTheConnectionInstead) {
    config_.writes.in_doubt = config::InDoubt::close;
    FakeNode node(silent);
    lead(node);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_seen(node, 1);
    node.die();
    EXPECT_TRUE(app->closed());
}

TEST_F(SessionLossTest, InDoubtMayCloseTheClientsOfOneListener) {
    config_.listen.front().in_doubt = config::InDoubt::close;
    FakeNode node(silent);
    lead(node);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_seen(node, 1);
    node.die();
    EXPECT_TRUE(app->closed());
}

TEST_F(SessionLossTest, InDoubtMayBeToldToTheClientsOfOneListener) {
    config_.writes.in_doubt = config::InDoubt::close;
    config_.listen.front().in_doubt = config::InDoubt::error;
    FakeNode node(silent);
    FakeNode next(ok);
    lead(node);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_seen(node, 1);
    node.die();
    lead(next);
    app->expect(std::string(kInDoubt));
    app->expect("SET b 1\r\n", "+OK\r\n");
}

TEST_F(SessionLossTest, AWatchBecomesAnAbortedExec) {
    FakeNode first(ok);
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    first.die();
    lead(second);
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("SET k 1\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", "*-1\r\n");
    EXPECT_TRUE(second.seen().empty());
    app->expect("SET k 2\r\n", "+OK\r\n");
}

TEST_F(SessionLossTest, AWholeTransactionThatWasSentIsInDoubtAsAWhole) {
    FakeNode first(silent);
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->send("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n");
    wait_seen(first, 3);
    first.die();
    lead(second);
    app->expect("+OK\r\n+QUEUED\r\n" + std::string(kInDoubt));
    EXPECT_TRUE(second.seen().empty());
    app->expect("SET k 2\r\n", "+OK\r\n");
}

TEST_F(SessionLossTest, SubscriptionsAreMadeAgainAndTheClientSeesNothing) {
    const auto script = [](const Words& words) -> std::string {
        if (words[0] == "SUBSCRIBE") {
            return ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
        }
        return "+OK\r\n";
    };
    FakeNode first(script);
    FakeNode second([&](const Words& words) {
        return words[0] == "SUBSCRIBE" ? script(words) + ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n"
                                       : script(words);
    });
    lead(first);
    const auto app = client();
    app->expect("SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    first.die();
    lead(second);
    app->expect("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    EXPECT_EQ(second.seen(), (Words{"SUBSCRIBE c"}));
}

TEST_F(SessionLossTest, ABlockedPopIsArmedAgain) {
    FakeNode first(silent);
    FakeNode second([](const Words&) { return "*2\r\n$1\r\nq\r\n$1\r\nv\r\n"; });
    lead(first);
    const auto app = client();
    app->send("BLPOP q 0\r\n");
    wait_seen(first, 1);
    first.die();
    lead(second);
    app->expect("*2\r\n$1\r\nq\r\n$1\r\nv\r\n");
}

/// Else the next leader pops a value for nobody, however much later one comes.
TEST_F(SessionLossTest, ABlockedPopIsGivenUpWhenItsClientHasLeftMeanwhile) {
    FakeNode first(silent);
    FakeNode second(silent);
    lead(first);
    auto app = client();
    app->send("BLPOP queue 0\r\n");
    wait_seen(first, 1);
    nobody_leads("a failover");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the client is held");
    app.reset();
    lead(second);
    wait_for([&] { return counters().client_connections.get() == 0; }, "the portal lets its client go");
    wait_for([&] { return counters().upstream_links_pinned.get() == 0; }, "its link ends");
}

TEST_F(SessionLossTest, WaitNeverConfirmsWritesThatAnEarlierLeaderAnswered) {
    const auto script = [](const Words& words) -> std::string {
        return words[0] == "WAIT" ? ":1\r\n" : words[0] == "PING" ? "+PONG\r\n" : "+OK\r\n";
    };
    FakeNode first(script);
    FakeNode second(script);
    lead(first);
    const auto app = client();
    app->expect("SET a 1\r\nWAIT 1 100\r\n", "+OK\r\n:1\r\n");
    EXPECT_EQ(first.seen(), (Words{"SET a 1", "PING", "WAIT 1 100"}));
    first.die();
    lead(second);
    app->expect("WAIT 1 100\r\n", ":0\r\n");
    app->expect("SET a 2\r\nWAIT 1 100\r\n", "+OK\r\n:1\r\n");
}

TEST_F(SessionLossTest, HalfAReplyEndsTheConnectionBecauseNothingHonestCanFollow) {
    FakeNode node([](const Words&) { return "$2000000\r\n" + binary_content(1'000'000); });
    lead(node);
    const auto app = client();
    app->send("GET big\r\n");
    EXPECT_EQ(app->read(600'000).size(), 600'000U);
    node.die();
    EXPECT_LE(app->read(2'000'000).size(), 400'010U);  // what the node had sent, and nothing behind it
    EXPECT_TRUE(app->closed());
}

/// A SELECT that is on its way decides on which database the client's own link is made.
TEST_F(SessionLossTest, TrackingGoesOnInADatabaseThatWasSelectedBeforeThereWasALinkAgain) {
    config_.hold.time = std::chrono::seconds(1);
    std::atomic<bool> slow = false;
    FakeNode node{[&](const std::vector<std::string>& words) {
        return words[0] == "GET" && words[1] == "cut" ? FakeNode::kCutThis
               : words[0] == "SELECT" && slow         ? FakeNode::kPause + "+OK\r\n"
                                                      : std::string("+OK\r\n");
    }};
    lead(node);
    const auto selects = [&] {
        const std::vector<std::string> seen = node.seen();
        return std::count(seen.begin(), seen.end(), "SELECT 1");
    };
    const auto other = client();
    other->expect("SELECT 1\r\nGET k\r\n", "+OK\r\n+OK\r\n");  // so that there is a link for that database
    const auto app = client();
    app->expect("CLIENT TRACKING ON\r\n", "+OK\r\n");
    node.fill();
    slow = true;
    const auto before = selects();
    app->send("GET cut\r\nGET k\r\nSELECT 1\r\nSET a 1\r\n");
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(app->line().starts_with("-NOLEADER"));
    }
    wait_for([&] { return selects() == before + 1; }, "the SELECT at the node");
    slow = false;
    node.fill(false);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // a link that may not be made yet would be by now
    node.release();
    app->expect("+OK\r\n+OK\r\n");
    EXPECT_EQ(selects(), before + 2) << "its own link is of the database that it had before";
}

/// A login of a client that tracks needs a link of its own as any other command of its: where none can be had it is
/// told so, and what is leased later begins with tracking.
TEST_F(SessionLossTest, ALoginDoesNotTakeThePlaceOfTrackingThatIsToGoOn) {
    config_.hold.time = std::chrono::milliseconds(300);
    FakeNode node{[&](const std::vector<std::string>& words) {
        return words[0] == "GET" && words[1] == "cut" ? FakeNode::kCutThis : std::string("+OK\r\n");
    }};
    lead(node);
    const auto count = [&](std::string_view words) {
        const std::vector<std::string> seen = node.seen();
        return std::count(seen.begin(), seen.end(), words);
    };
    const auto other = client();
    other->expect("WATCH k\r\n", "+OK\r\n");
    const auto app = client();
    app->expect("CLIENT TRACKING ON\r\n", "+OK\r\n");
    config_.limits.leases = 1;
    reload();
    const auto third = client();
    third->send("WATCH k\r\n");
    EXPECT_TRUE(third->line().starts_with("-NOLEADER")) << "the new limit holds";
    app->send("GET cut\r\nGET k\r\nAUTH bob pw\r\n");
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(app->line().starts_with("-NOLEADER")) << i;
    }
    EXPECT_EQ(count("AUTH bob pw"), 0);
    other->expect("UNWATCH\r\n", "+OK\r\n");
    wait_for([&] { return count("CLIENT TRACKING ON") == 2; }, "tracking on the link that can be had now");
    app->expect("AUTH bob pw\r\n", "+OK\r\n");
    EXPECT_EQ(count("CLIENT TRACKING ON"), 2);
}

}  // namespace
}  // namespace portal::testing
