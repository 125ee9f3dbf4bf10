// What a client sees when its node says that it does not lead any more, or loads its data: nothing, while there is
// time.
#include "binary_content.hpp"
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kReadOnly = "-READONLY You can't write against a read only replica.\r\n";
const std::string kLoading = "-LOADING Redis is loading the dataset in memory\r\n";
const std::string kMasterDown = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n";
const std::string kUnblocked =
    "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)\r\n";

std::string ok(const Words&) {
    return "+OK\r\n";
}
/// A leader that was made a replica: it reads, and refuses to write.
std::string demoted(const Words& words) {
    return words[0] == "GET" ? "$5\r\nstale\r\n" : kReadOnly;
}
std::string leading(const Words& words) {
    return words[0] == "GET" ? "$5\r\nfresh\r\n" : "+OK\r\n";
}

class SessionRefusalTest : public PortalTest {
  protected:
    void wait_seen(const FakeNode& node, std::size_t count) {
        wait_for([&] { return node.seen().size() >= count; }, "commands at the node");
    }
    void wait_held() {
        wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    }
};

TEST_F(SessionRefusalTest, WhatWasRefusedRunsOnTheNextLeaderInItsOrderAndReadsBehindItReadTheNewData) {
    FakeNode first(demoted);
    FakeNode second(leading);
    lead(first);
    const auto app = client();
    app->send("GET before\r\nSET a 1\r\nGET a\r\nSET b 2\r\n");
    wait_held();
    lead(second);
    app->expect("$5\r\nstale\r\n+OK\r\n$5\r\nfresh\r\n+OK\r\n");
    EXPECT_EQ(second.seen(), (Words{"SET a 1", "GET a", "SET b 2"}));
    EXPECT_EQ(counters().commands_in_doubt.get(), 0U);
    EXPECT_EQ(counters().held_bytes.get(), 0U);
}

TEST_F(SessionRefusalTest, LoadingAndMasterdownAreHeldLikeReadonly) {
    for (const std::string& refusal : {kLoading, kMasterDown}) {
        FakeNode first([&](const Words&) { return refusal; });
        FakeNode second(leading);
        lead(first);
        const auto app = client();
        app->send("GET a\r\n");
        wait_held();
        lead(second);
        app->expect("$5\r\nfresh\r\n");
    }
}

TEST_F(SessionRefusalTest, ANodeThatRefusesForAWhileOnlyIsAskedAgain) {
    std::atomic<int> refusals{3};
    FakeNode node([&](const Words& words) { return refusals-- > 0 ? kLoading : leading(words); });
    lead(node);
    const auto app = client();
    app->expect("SET a 1\r\nGET a\r\n", "+OK\r\n$5\r\nfresh\r\n");
}

TEST_F(SessionRefusalTest, BeyondTheHoldTimeTheClientIsToldWhy) {
    config_.hold.time = std::chrono::milliseconds(200);
    FakeNode node(demoted);
    lead(node);
    const auto app = client();
    const auto began = std::chrono::steady_clock::now();
    app->expect("SET a 1\r\n",
                "-NOLEADER no leader within the hold time: the node that led answers that it does not lead, or that it "
                "loads its data\r\n");
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(200));
    app->expect("GET a\r\n", "$5\r\nstale\r\n");
}

TEST_F(SessionRefusalTest, BeyondTheHoldBytesTheClientIsToldAtOnce) {
    config_.hold.bytes = {1000};
    FakeNode node(demoted);
    lead(node);
    const auto app = client();
    app->send("SET " + std::string(2000, 'k') + " 1\r\n");
    EXPECT_TRUE(app->read(40).starts_with("-NOLEADER no leader, and too much is wai"));
}

TEST_F(SessionRefusalTest, ATransactionInOnePieceRunsWhollyOnTheNextLeader) {
    FakeNode first([](const Words& words) -> std::string {
        return words[0] == "MULTI"  ? "+OK\r\n"
               : words[0] == "SET"  ? kReadOnly
               : words[0] == "EXEC" ? "-EXECABORT Transaction discarded because of previous errors.\r\n"
                                    : "+QUEUED\r\n";
    });
    FakeNode second([](const Words& words) -> std::string {
        return words[0] == "MULTI"    ? "+OK\r\n"
               : words[0] == "EXEC"   ? "*2\r\n$1\r\n1\r\n+OK\r\n"
               : words[0] == "DBSIZE" ? ":7\r\n"
                                      : "+QUEUED\r\n";
    });
    lead(first);
    const auto app = client();
    app->send(
        "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n2\r\n*1\r\n$"
        "4\r\nEXEC\r\n"
        "*1\r\n$6\r\nDBSIZE\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n+OK\r\n:7\r\n");
    EXPECT_EQ(second.seen(), (Words{"MULTI", "GET a", "SET a 2", "EXEC", "DBSIZE"}));
}

TEST_F(SessionRefusalTest, ATransactionInOnePieceThatIsRefusedAgainAndAgainRunsOnce) {
    std::atomic<int> refusals{3};
    std::atomic<bool> aborted{false};
    FakeNode node([&](const Words& words) -> std::string {
        if (words[0] == "MULTI") {
            aborted = false;
            return "+OK\r\n";
        }
        if (words[0] == "EXEC") {
            return aborted ? "-EXECABORT Transaction discarded because of previous errors.\r\n" : "*1\r\n:1\r\n";
        }
        aborted = refusals-- > 0;
        return aborted ? kLoading : "+QUEUED\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n",
                "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    EXPECT_EQ(node.seen().size(), 12U);
}

TEST_F(SessionRefusalTest, AScriptInATransactionThatIsRefusedRunsWithAllOfItOrNotAtAll) {
    std::atomic<int> refusals{1};
    std::atomic<bool> aborted{false};
    FakeNode node([&](const Words& words) -> std::string {
        if (words[0] == "MULTI") {
            aborted = false;
            return "+OK\r\n";
        }
        if (words[0] == "EXEC") {
            return aborted ? "-EXECABORT Transaction discarded because of previous errors.\r\n" : "*2\r\n:1\r\n:2\r\n";
        }
        if (words[0] == "GET") {
            return "$1\r\n1\r\n";
        }
        if (words[0] == "CLIENT") {
            return ":0\r\n";
        }
        if (words[0] == "SCRIPT") {  // the portal's own question, at its next look
            return "*1\r\n:0\r\n";
        }
        aborted = aborted || refusals-- > 0;
        return aborted ? kLoading : "+QUEUED\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect(
        "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n"
        "*3\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n0\r\n*1\r\n$4\r\nEXEC\r\n",
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n");
    Words seen = node.seen();
    std::erase_if(seen, [](const std::string& each) { return each.starts_with("SCRIPT"); });
    EXPECT_EQ(seen,
              (Words{"MULTI", "INCR a", "EVAL return 1 0", "EXEC", "MULTI", "INCR a", "EVAL return 1 0", "EXEC"}));
    app->expect("GET a\r\nCLIENT ID\r\n", "$1\r\n1\r\n:1\r\n");
}

TEST_F(SessionRefusalTest, ABlockedPopIsArmedAgainWithTheTimeThatRemains) {
    FakeNode first([](const Words& words) { return words[0] == "BLPOP" ? FakeNode::kPause + kUnblocked : "+OK\r\n"; });
    FakeNode second([](const Words&) { return "*2\r\n$1\r\nq\r\n$1\r\nv\r\n"; });
    lead(first);
    const auto app = client();
    app->send("BLPOP q 30\r\n");
    wait_seen(first, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    first.release();
    wait_held();
    lead(second);
    app->expect("*2\r\n$1\r\nq\r\n$1\r\nv\r\n");
    const std::string seen = second.seen().front();
    ASSERT_TRUE(seen.starts_with("BLPOP q 2")) << seen;
    EXPECT_LE(std::stod(seen.substr(8)), 29.88) << seen;
}

TEST_F(SessionRefusalTest, ABlockedPopLostWithItsLinkIsArmedAgainWithTheTimeThatRemains) {
    FakeNode first([](const Words&) { return FakeNode::kSilence; });
    FakeNode second([](const Words&) { return "*-1\r\n"; });
    lead(first);
    const auto app = client();
    app->send("BLPOP q 0.1\r\n");
    wait_seen(first, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    first.die();
    lead(second);
    app->expect("*-1\r\n");
    EXPECT_EQ(second.seen(), (Words{"BLPOP q 0.001"}));
}

TEST_F(SessionRefusalTest, UnblockedByAnotherClientIsTheClientsBusiness) {
    const std::string other = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
    FakeNode node([&](const Words&) { return other; });
    lead(node);
    const auto app = client();
    app->expect("BLPOP q 1\r\n", other);
}

TEST_F(SessionRefusalTest, AScriptThatSaysReadonlyRunsAgainOnAnotherLeaderButNeverTwiceOnOne) {
    FakeNode first(demoted);
    FakeNode second(leading);
    lead(first);
    const auto app = client();
    app->send("EVAL return 0\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n");

    FakeNode liar(demoted);
    lead(liar);
    app->expect("EVAL return 0\r\n", kReadOnly);
    EXPECT_EQ(std::ranges::count(liar.seen(), "EVAL return 0"), 1);
}

TEST_F(SessionRefusalTest, AScriptThatSaysReadonlyMakesNobodyElseWait) {
    FakeNode liar([](const Words& words) { return words[0] == "GET" ? std::string("+OK\r\n") : kReadOnly; });
    lead(liar);
    const auto other = client();
    other->expect("GET k\r\n", "+OK\r\n");
    const auto app = client();
    for (const std::string& script : {std::string("EVAL return 0\r\n"), std::string("EVAL_RO return 0\r\n")}) {
        const std::uint64_t held = counters().commands_held.get();
        app->send(script);
        wait_held();
        other->expect("GET k\r\n", "+OK\r\n");
        EXPECT_EQ(counters().commands_held.get(), held + 1) << script;
        app->expect(kReadOnly);
    }
    EXPECT_EQ(liar.seen(), (Words{"GET k", "EVAL return 0", "GET k", "EVAL_RO return 0", "GET k"})) << "never twice";
}

TEST_F(SessionRefusalTest, WhatWasExecutedBehindARefusalKeepsTheOrderTrue) {
    FakeNode node([](const Words& words) { return words[1] == "a" ? kReadOnly : "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("SET a 1\r\nSET b 1\r\n", kReadOnly + "+OK\r\n");
    EXPECT_EQ(node.seen(), (Words{"SET a 1", "SET b 1"}));
}

TEST_F(SessionRefusalTest, ALargeReplyBehindARefusalIsAskedForAgain) {
    const std::string large = "$600000\r\n" + binary_content(600000) + "\r\n";
    FakeNode first([&](const Words& words) { return words[0] == "GET" ? large : kReadOnly; });
    FakeNode second([&](const Words& words) { return words[0] == "GET" ? large : "+OK\r\n"; });
    lead(first);
    const auto app = client();
    app->send("SET a 1\r\nGET a\r\n");
    wait_held();
    wait_for([&] { return counters().upstream_received_bytes.get() > 600000; }, "the reply has come");
    lead(second);
    EXPECT_TRUE(same_bytes(app->read(5 + large.size()), "+OK\r\n" + large));
}

TEST_F(SessionRefusalTest, ALinkToANodeThatFollowsAnotherCarriesNothing) {
    FakeNode first(ok);
    first.follow();
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n");
    EXPECT_EQ(first.seen(), Words{});
}

}  // namespace
}  // namespace portal::testing
