// No byte, reply or state of one client reaches another, whatever values hold and whatever a node refuses.
#include "observe/log.hpp"
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

std::string bulk(const std::string& value) {
    return "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
}

class NothingCrossesTest : public PortalTest {
  protected:
    void wait_seen(const FakeNode& node, const std::string& command, std::size_t count = 1) {
        wait_for(
            [&] {
                const std::vector<std::string> seen = node.seen();
                return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), command)) >= count;
            },
            command.c_str());
    }
};

/// In the midst of a reply a byte means nothing, not even where a read of the socket began.
TEST_F(NothingCrossesTest, ALargeValueOfBytesThatMeanSomethingComesBackAsItWas) {
    for (const char byte : std::string_view(">*+-$:_\r")) {
        const std::string value(1024 * 1024, byte);
        FakeNode node([&](const Words&) { return bulk(value); });
        lead(node);
        const auto app = client();
        app->expect("GET a\r\n", bulk(value));
    }
}

TEST_F(NothingCrossesTest, RandomLargeValuesComeBackAsTheyWereInBothProtocols) {
    std::mt19937 random(20261129);
    constexpr std::string_view kMeaning = ">*+-$:_\r\n";
    for (int round = 0; round < 40; ++round) {
        std::string value(300 * 1024 + random() % (700 * 1024), 0);
        for (char& each : value) {
            each = random() % 2 == 0 ? kMeaning[random() % kMeaning.size()] : static_cast<char>(random());
        }
        const std::string reply = round % 2 == 0 ? bulk(value) : "*2\r\n" + bulk("k") + bulk(value);
        FakeNode node([&](const Words&) { return reply; });
        lead(node);
        const auto app = client();
        if (round % 4 < 2) {
            app->say_hello("HELLO 3\r\n");
        }
        app->send("GET a\r\n");
        const std::string got = app->read(reply.size());
        ASSERT_TRUE(got == reply) << "round " << round << ": " << got.size() << " bytes, they differ at "
                                  << std::mismatch(got.begin(), got.end(), reply.begin(), reply.end()).first -
                                         got.begin();
    }
}

/// A node whose user may open a transaction and not end it by DISCARD.
std::string without_discard(const Words& words) {
    thread_local bool in_multi = false;  // each connection has a thread
    if (words[0] == "MULTI") {
        in_multi = true;
        return "+OK\r\n";
    }
    if (words[0] == "DISCARD") {
        return "-NOPERM this user has no permissions to run the 'discard' command\r\n";
    }
    if (words[0] == "EXEC") {
        in_multi = false;
        return "*0\r\n";
    }
    if (in_multi) {
        return "+QUEUED\r\n";
    }
    return words[0] == "GET" ? "$5\r\nvalue\r\n" : "+OK\r\n";
}

TEST_F(NothingCrossesTest, ADiscardThatIsRefusedLeavesNobodyElseInTheTransaction) {
    FakeNode node(without_discard);
    lead(node);
    const auto other = client();
    other->expect("GET k\r\n", "$5\r\nvalue\r\n");
    const auto app = client();
    app->expect("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$7\r\nDISCARD\r\n",
                "+OK\r\n+QUEUED\r\n-NOPERM this user has no permissions to run the 'discard' command\r\n");
    for (int i = 0; i < 20; ++i) {
        other->expect("GET k\r\n", "$5\r\nvalue\r\n");
    }
    app->expect("GET k\r\n", "+QUEUED\r\n");  // it is still in its own
}

TEST_F(NothingCrossesTest, ALinkOnWhichDiscardWasRefusedServesNobodyElse) {
    FakeNode node(without_discard);
    lead(node);
    auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("DISCARD\r\n", "-NOPERM this user has no permissions to run the 'discard' command\r\n");
    app.reset();
    wait_for([&] { return node.left() == 1; }, "its link ends");
    const auto other = client();
    other->expect("WATCH a\r\nGET k\r\n", "+OK\r\n$5\r\nvalue\r\n");
}

TEST_F(NothingCrossesTest, AnAnswerThatCannotBeEndsASharedLink) {
    std::atomic<bool> queues{false};
    FakeNode node([&](const Words& words) -> std::string {
        if (words[0] == "PING") {
            return "+PONG\r\n";
        }
        return queues.exchange(false) ? "+QUEUED\r\n" : "$5\r\nvalue\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");
    queues = true;
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");  // asked again, elsewhere
    EXPECT_GE(node.left(), 1U);
}

/// Denied for EXEC and DISCARD as for all else, also in one packet.
TEST_F(NothingCrossesTest, ADeniedExecIsDeniedInsideAWholeTransactionToo) {
    config_.commands.deny = {"exec"};
    FakeNode node(without_discard);
    lead(node);
    const auto app = client();
    app->expect("*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n",
                "+OK\r\n+QUEUED\r\n-DENIED this command is not allowed through the portal: EXEC\r\n");
}

TEST_F(NothingCrossesTest, AnotherLoginDuringAWatchDoesNotReachWhoeverUsesTheLinkNext) {
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("AUTH app pw\r\n", "+OK\r\n");
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->expect("AUTH admin pw\r\n", "+OK\r\n");
    app->expect("UNWATCH\r\n", "+OK\r\n");
    wait_for([&] { return node.left() == 1; }, "the link on which two users logged in ends");
}

TEST_F(NothingCrossesTest, AnotherLoginByHelloDuringAWatchIsMadeWhereTheWatchIs) {
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("AUTH app pw\r\n", "+OK\r\n");
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->say_hello("HELLO 2 AUTH admin pw\r\n");
    app->expect("UNWATCH\r\n", "+OK\r\n");
    wait_for([&] { return node.left() == 1; }, "the link on which two users logged in ends");
}

/// Servers before 2026 send such an error as two replies.
TEST_F(NothingCrossesTest, ASurplusReplyOfAScriptReachesNobodyElse) {
    FakeNode node([](const Words& words) -> std::string {
        if (words[0] == "EVAL") {
            return "-ERR one\r\n" + FakeNode::kPause + "+of somebody else\r\n";
        }
        return "$5\r\nvalue\r\n";
    });
    lead(node);
    const auto other = client();
    other->expect("EVAL_RO y 0\r\n", "$5\r\nvalue\r\n");
    const auto app = client();
    app->expect("EVAL x 0\r\n", "-ERR one\r\n");
    other->send("EVAL_RO y 0\r\n");  // in the same lane
    wait_for([&] { return counters().fences.get() >= 1; }, "a fence is on its way");
    node.release();
    other->expect("$5\r\nvalue\r\n");
    EXPECT_EQ(counters().fences_broken.get() + counters().upstream_lost.get() > 0, true);
}

/// A node that answers a login twice, the second time when the next one is on its way.
TEST_F(NothingCrossesTest, ASurplusAnswerToALoginLetsNobodyElseIn) {
    FakeNode node([](const Words& words) -> std::string {
        if (words[0] == "AUTH") {
            return words[2] == "right" ? "+OK\r\n" + FakeNode::kPause + "+OK\r\n"
                                       : "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        }
        return "$5\r\nvalue\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("AUTH app right\r\n", "+OK\r\n");
    const auto other = client();
    other->send("AUTH app wrong\r\n");
    wait_for([&] { return counters().commands.get() >= 2; }, "the second login is on its way");
    node.release();
    EXPECT_EQ(other->line(), "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
}

TEST_F(NothingCrossesTest, WhoBreaksFencesAtWillCannotFloodTheLog) {
    constexpr std::uint64_t kTimes = 50;
    FakeNode node([](const Words& words) -> std::string {
        return words[0] == "EVAL" ? "-ERR one\r\n+of somebody else\r\n" : "$5\r\nvalue\r\n";
    });
    lead(node);
    const auto app = client();
    const auto before = observe::logged_lines(observe::LogLevel::warn);
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < kTimes && !HasFailure(); ++i) {
        app->expect("EVAL x 0\r\nGET k\r\n", "-ERR one\r\n$5\r\nvalue\r\n");
    }
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - began).count();
    EXPECT_EQ(counters().fences_broken.get(), kTimes);
    EXPECT_LE(observe::logged_lines(observe::LogLevel::warn) - before, 2 * static_cast<std::uint64_t>(seconds));
}

TEST_F(NothingCrossesTest, AnyShiftOfRepliesEndsABusySharedLinkSoon) {
    std::atomic<bool> twice{false};
    FakeNode node([&](const Words& words) -> std::string {
        return twice.exchange(false) ? bulk(words[1]) + bulk(words[1]) : bulk(words[1]);
    });
    lead(node);
    const auto app = client();
    app->expect("GET 0\r\n", bulk("0"));
    twice = true;
    std::string burst;
    for (int i = 0; i < 100; ++i) {
        burst += "GET a\r\n";  // all alike, so that a shift shows in nothing
    }
    wait_for(
        [&] {
            app->send(burst);
            (void)app->read(100 * 7);
            return counters().fences_broken.get() + counters().upstream_lost.get() > 0;
        },
        "the link ends");
}

TEST_F(NothingCrossesTest, AReadThatEndsItsConnectionIsAskedOnceMoreAloneAndThenNoMore) {
    FakeNode node(
        [](const Words& words) -> std::string { return words[1] == "big" ? FakeNode::kCut : "$5\r\nvalue\r\n"; });
    lead(node);
    const auto app = client();
    const auto other = client();
    other->expect("GET k\r\n", "$5\r\nvalue\r\n");
    app->send("GET big\r\n");
    EXPECT_TRUE(app->closed());
    const std::vector<std::string> seen = node.seen();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "GET big"), 2);
    other->expect("GET k\r\n", "$5\r\nvalue\r\n");
}

TEST_F(NothingCrossesTest, AReadThatEndsTheConnectionOfAClientThatTracksIsAskedOnceMoreOnly) {
    FakeNode node([](const Words& words) -> std::string { return words[0] == "GET" ? FakeNode::kCut : "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("CLIENT TRACKING ON\r\n", "+OK\r\n");
    app->send("GET big\r\n");
    wait_for([&] { return counters().client_connections.get() == 0; }, "its client is closed");
    const std::vector<std::string> seen = node.seen();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "GET big"), 2);
}

TEST_F(NothingCrossesTest, AReadThatIsAskedAloneGoesOnAConnectionThatWasMadeForIt) {
    // An idle link may be lost with the same node, unnoticed so far: then the client would be closed for nothing.
    std::atomic<int> asked{0};
    FakeNode node([&](const Words& words) -> std::string {
        if (words[0] == "GET") {
            return ++asked == 1 ? FakeNode::kCutThis : "$5\r\nvalue\r\n";
        }
        return "+OK\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("SET k v\r\n", "+OK\r\n");  // there is a shared link
    const auto other = client();
    other->expect("WATCH k\r\nUNWATCH\r\n", "+OK\r\n+OK\r\n");  // and now an idle one
    const int before = node.accepted();
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");
    EXPECT_EQ(node.accepted(), before + 1);
}

TEST_F(NothingCrossesTest, AReadAtWhichALostLeaderWorkedForLongIsNotAskedOfTheNext) {
    config_.monitor.down_after = std::chrono::milliseconds(200);
    FakeNode first([](const Words&) { return FakeNode::kPause; });
    FakeNode second([](const Words&) { return "$5\r\nvalue\r\n"; });
    lead(first);
    const auto app = client();
    const auto reader = client();
    app->send("EVAL_RO endless 0\r\n");
    wait_seen(first, "EVAL_RO endless 0");
    reader->send("GET k\r\n");
    wait_for([&] { return counters().commands.get() >= 2; }, "the other one asks, too");
    std::this_thread::sleep_for(std::chrono::milliseconds(250));  // the time that makes it suspect
    lead(second);
    EXPECT_EQ(app->read(8), "-INDOUBT");
    reader->expect("$5\r\nvalue\r\n");
    EXPECT_EQ(second.seen(), (Words{"GET k"}));
}

TEST_F(NothingCrossesTest, ANodeThatIsFullClosesNobodyAndSaysWhy) {
    config_.hold.time = std::chrono::milliseconds(300);
    FakeNode node([](const Words& words) { return words[0] == "AUTH" ? "+OK\r\n" : "$5\r\nvalue\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("AUTH app pw\r\nGET k\r\n", "+OK\r\n$5\r\nvalue\r\n");
    const auto other = client();
    other->expect("AUTH app pw\r\n", "+OK\r\n");
    node.fill();
    other->send("BLPOP q 0\r\n");
    wait_for([&] { return node.turned_away() > 0; }, "a connection is turned away");
    for (int i = 0; i < 100; ++i) {
        app->expect("GET k\r\n", "$5\r\nvalue\r\n");
    }
    other->expect("-NOLEADER no leader within the hold time: ERR max number of clients reached\r\n");
    other->expect("GET k\r\n", "$5\r\nvalue\r\n");
}

TEST_F(NothingCrossesTest, ANodeThatIsFullMakesNoWriteDoubtful) {
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    node.fill();
    lead(node);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_for([&] { return node.turned_away() > 0; }, "a connection is turned away");
    node.fill(false);
    app->expect("+OK\r\n");
    EXPECT_EQ(counters().commands_in_doubt.get(), 0U);
}

TEST_F(NothingCrossesTest, ALeaseThatIsRefusedLeavesNoSessionBehindIt) {
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->say_hello("HELLO 3\r\n");
    node.answer_hello("-NOPERM this user has no permissions to run the 'hello' command\r\n");
    app->send("WATCH k\r\n");
    EXPECT_EQ(app->read(7).substr(0, 1), "-");
    app->send("GET k\r\n");
    wait_for([&] { return !app->silent(); }, "GET is answered, too");
}

TEST_F(NothingCrossesTest, MoreClientsThanLeasesWaitForOne) {
    config_.limits.leases = 1;
    std::atomic<int> pops{0};
    FakeNode node([&](const Words& words) -> std::string {
        if (words[0] != "BLPOP") {
            return "$5\r\nvalue\r\n";
        }
        return ++pops == 1 ? FakeNode::kPause + "$-1\r\n" : "$3\r\ntwo\r\n";
    });
    lead(node);
    const auto first = client();
    const auto second = client();
    first->send("BLPOP q 0\r\n");
    wait_seen(node, "BLPOP q 0");
    second->send("BLPOP r 0\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the second one waits");
    const auto other = client();
    other->expect("GET k\r\n", "$5\r\nvalue\r\n");
    node.release();
    first->expect("$-1\r\n");
    second->expect("$3\r\ntwo\r\n");
}

TEST_F(NothingCrossesTest, AnAnswerThatComesAfterThePermitHasRunOutIsNotBelieved) {
    FakeNode first([](const Words&) { return FakeNode::kPause + "+OK\r\n"; });
    FakeNode second([](const Words&) { return "+OK\r\n"; });
    lead(first);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_seen(first, "SET a 1");
    run_out();
    first.release();
    wait_for([&] { return counters().upstream_lost.get() > 0; }, "the link is given up");
    lead(second);
    app->expect("-INDOUBT the leader was lost after this command was sent: it may or may not have been executed\r\n");
}

/// A change of leader begins with the permit, before the shards hear of it; no other node leads before they say so.
TEST_F(NothingCrossesTest, AnAnswerBehindARevokedPermitIsBelievedUntilItWouldHaveRunOut) {
    FakeNode node([](const Words&) { return FakeNode::kPause + "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_seen(node, "SET a 1");
    fence();
    node.release();
    app->expect("+OK\r\n");
    EXPECT_EQ(counters().commands_in_doubt.get(), 0U);
}

TEST_F(NothingCrossesTest, TrackingThatIsSwitchedOffWithARedirectionLeavesNothingBehind) {
    FakeNode node([](const Words& words) { return words[0] == "PING" ? "+PONG\r\n" : "+OK\r\n"; });
    lead(node);
    const auto target = client();
    target->send("CLIENT ID\r\n");
    wait_for([&] { return !target->silent(); }, "its id");
    const std::string id = target->read(4).substr(1, 1);
    auto app = client();
    app->expect("CLIENT TRACKING OFF REDIRECT " + id + "\r\n", "+OK\r\n");
    app.reset();
    wait_for([&] { return counters().client_connections.get() == 1; }, "the client is gone");
    wait_for([&] { return counters().upstream_links_pinned.get() == 0; }, "and so are its links");
    node.die();
    FakeNode next([](const Words&) { return "+OK\r\n"; });
    lead(next);
    target->expect("SET a 1\r\n", "+OK\r\n");
}

/// From its first script on, client and node speak with each other.
TEST_F(NothingCrossesTest, TheDebuggerOfScriptsBelongsToTheOneWhoAskedForIt) {
    FakeNode node([](const Words& words) -> std::string {
        thread_local bool debugging = false;
        if (words[0] == "SCRIPT") {
            debugging = true;
            return "+OK\r\n";
        }
        if (words[0] == "EVAL" && debugging) {
            return "*1\r\n+* Stopped at 1\r\n";
        }
        if (words[0] == "c") {
            return "*1\r\n+<endsession>\r\n:7\r\n";
        }
        return words[0] == "EVAL" ? ":1\r\n" : "+OK\r\n";
    });
    lead(node);
    const auto app = client();
    const auto other = client();
    app->expect("SCRIPT DEBUG YES\r\n", "+OK\r\n");
    other->expect("EVAL x 0\r\n", ":1\r\n");
    app->expect("EVAL x 0\r\n", "*1\r\n+* Stopped at 1\r\n");
    other->expect("EVAL x 0\r\n", ":1\r\n");
    app->expect("c\r\n", "*1\r\n+<endsession>\r\n:7\r\n");
    auto leaver = client();
    leaver->expect("SCRIPT DEBUG YES\r\n", "+OK\r\n");
    leaver.reset();
    wait_for([&] { return counters().client_connections.get() == 2; }, "it has left");
    other->expect("EVAL x 0\r\n", ":1\r\n");
    other->expect("WATCH k\r\nEVAL x 0\r\n", "+OK\r\n:1\r\n");
}

}  // namespace
}  // namespace portal::testing
