// Proven writes: when a reply goes out, in which order, and what a client is told when nobody confirms.
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::vector<replication::Confirmer> kReplica{{"replica", {"10.0.0.1"}, 6379}};

/// What a leader says whose replica has confirmed up to `confirmed` of 100.
std::string role(const std::string& confirmed) {
    return "*3\r\n$6\r\nmaster\r\n:100\r\n*1\r\n*3\r\n$8\r\n10.0.0.1\r\n$4\r\n6379\r\n$" +
           std::to_string(confirmed.size()) + "\r\n" + confirmed + "\r\n";
}

class ProvenWritesTest : public PortalTest {
  protected:
    ProvenWritesTest() {
        config_.writes.proven = config::Proven::strict;
        config_.hold.time = std::chrono::milliseconds(400);
    }

    /// A leader that confirms as `confirmed_` says, and holds WAIT back until release() while `slow_`.
    FakeNode::Script leader() {
        return [this](const Words& words) -> std::string {
            if (words[0] == "ROLE") {
                return role(confirmed_ ? "100" : "99");
            }
            if (words[0] == "WAIT") {
                return (slow_ ? FakeNode::kPause : "") + (confirmed_ ? ":1\r\n" : ":0\r\n");
            }
            if (words[0] == "MULTI") {
                return "+OK\r\n";
            }
            if (words[0] == "EXEC") {
                return "*1\r\n+OK\r\n";
            }
            return words[0] == "GET" ? "$1\r\nv\r\n" : words[0] == "BLPOP" ? "*2\r\n$1\r\nl\r\n$1\r\nx\r\n" : "+OK\r\n";
        };
    }

    static bool saw(const FakeNode& node, std::string_view command) {
        return std::ranges::any_of(node.seen(), [&](const std::string& each) { return each.starts_with(command); });
    }
    /// A client whose write `node`, the leader, has answered and no replica has confirmed.
    std::unique_ptr<TestClient> with_an_unproven_write(FakeNode& node) {
        confirmed_ = false;
        lead(node, kReplica);
        auto app = client();
        app->send("SET a 1\r\n");
        wait_for([&] { return counters().replies_unproven.get() == 1; }, "the reply waits");
        return app;
    }
    void wait_saw(const FakeNode& node, std::string_view command) {
        wait_for([&] { return saw(node, command); }, "the command at the node");
    }

    std::atomic<bool> confirmed_{true};
    std::atomic<bool> slow_{false};
};

TEST_F(ProvenWritesTest, AWriteIsAnsweredWhenTheReplicaHasConfirmedAndReadsOfOthersPass) {
    FakeNode node(leader());
    slow_ = true;
    lead(node, kReplica);
    const auto writer = client();
    const auto reader = client();
    writer->send("SET a 1\r\n");
    wait_saw(node, "WAIT 1 ");
    reader->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_TRUE(writer->silent());
    EXPECT_EQ(counters().replies_unproven.get(), 1U);
    node.release();
    writer->expect("+OK\r\n");
    EXPECT_EQ(counters().proofs.get(), 1U);
    EXPECT_EQ(counters().replies_unproven.get(), 0U);
}

TEST_F(ProvenWritesTest, WhatAClientAsksForBehindItsWriteWaitsInOrder) {
    FakeNode node(leader());
    slow_ = true;
    lead(node, kReplica);
    const auto app = client();
    app->send("GET a\r\nSET a 1\r\nGET a\r\nSET b 2\r\nPING\r\n");
    app->expect("$1\r\nv\r\n");
    wait_saw(node, "WAIT 1 ");
    wait_saw(node, "PING");
    EXPECT_TRUE(app->silent());
    slow_ = false;
    node.release();
    app->expect("+OK\r\n$1\r\nv\r\n+OK\r\n+OK\r\n");
}

TEST_F(ProvenWritesTest, WhatAnEarlierEpochAnsweredIsInDoubtThoughTheSameNodeLeadsAgain) {
    FakeNode node(leader());
    const auto app = with_an_unproven_write(node);
    confirmed_ = true;
    lead(node, kReplica);
    EXPECT_TRUE(app->read(8).starts_with("-INDOUBT"));
}

TEST_F(ProvenWritesTest, InStrictABlockedPopIsInDoubtSinceItMayHaveTakenSomething) {
    FakeNode node([usual = leader()](const Words& words) {
        return words[0] == "BLPOP" ? FakeNode::kPause + std::string("*-1\r\n") : usual(words);
    });
    lead(node, kReplica);
    const auto app = client();
    app->send("BLPOP empty 0\r\n");
    wait_saw(node, "BLPOP empty");
    lead(node, kReplica);
    EXPECT_TRUE(app->read(8).starts_with("-INDOUBT"));
}

TEST_F(ProvenWritesTest, ManyWritesShareARound) {
    FakeNode node(leader());
    slow_ = true;
    lead(node, kReplica);
    const auto app = client();
    std::string requests;
    std::string expected;
    for (int i = 0; i < 500; ++i) {
        requests += "SET a " + std::to_string(i) + "\r\n";
        expected += "+OK\r\n";
    }
    app->send("SET first 1\r\n");
    wait_saw(node, "WAIT 1 ");
    app->send(requests);
    wait_saw(node, "SET a 499");
    wait_for([&] { return counters().replies_unproven.get() == 501; }, "all replies wait");
    slow_ = false;
    node.release();
    app->expect("+OK\r\n" + expected);
    EXPECT_EQ(counters().proofs.get(), 2U);
}

TEST_F(ProvenWritesTest, TransactionsAndBlockedPopsAreWrites) {
    FakeNode node(leader());
    slow_ = true;
    lead(node, kReplica);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("SET a 1\r\n", "+OK\r\n");  // this leader says OK where others say QUEUED
    app->send("EXEC\r\n");
    wait_saw(node, "WAIT 1 ");
    EXPECT_TRUE(app->silent());
    node.release();
    app->expect("*1\r\n+OK\r\n");
    app->send("BLPOP l 0\r\n");
    wait_for([&] { return std::ranges::count(node.seen(), "WAIT 1 250") == 2; }, "a round for the pop");
    EXPECT_TRUE(app->silent());
    node.release();
    app->expect("*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
}

TEST_F(ProvenWritesTest, InStrictAnUnconfirmedWriteIsRefusedAndTheNextIsNotSent) {
    FakeNode node(leader());
    lead(node, kReplica);
    const auto app = client();
    app->expect("SET a 1\r\n", "+OK\r\n");
    confirmed_ = false;
    app->expect(
        "SET a 2\r\n",
        "-NOPROOF no replica confirmed this command within the hold time: it was executed, and may be lost with the "
        "leader\r\n");
    app->expect("SET a 3\r\n",
                "-NOPROOF no replica confirms writes now, within the hold time: this command was not executed\r\n");
    EXPECT_FALSE(saw(node, "SET a 3"));
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(counters().commands_unproven.get(), 2U);
    EXPECT_GE(counters().proofs_failed.get(), 1U);
    app->send("SET a 4\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    confirmed_ = true;
    app->expect("+OK\r\n");
    EXPECT_TRUE(saw(node, "SET a 4"));
}

TEST_F(ProvenWritesTest, ARefusedTransactionDoesNotRunInPieces) {
    FakeNode node(leader());
    confirmed_ = false;
    lead(node, kReplica);
    const auto app = client();
    app->expect("SET a 1\r\n", "-NOPROOF no replica confirmed");
    (void)app->read(
        std::string(" this command within the hold time: it was executed, and may be lost with the leader\r\n").size());
    app->send("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n");
    app->expect("+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n");
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("SET c 1\r\n", "+OK\r\n");
    app->expect("EXEC\r\n", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    EXPECT_FALSE(saw(node, "SET b"));
    EXPECT_FALSE(saw(node, "EXEC"));
    EXPECT_TRUE(saw(node, "DISCARD"));
}

TEST_F(ProvenWritesTest, WithTheLeaderWhatIsNotProvenIsInDoubt) {
    FakeNode first(leader());
    FakeNode second(leader());
    slow_ = true;
    lead(first, kReplica);
    const auto app = client();
    app->send("SET a 1\r\nGET a\r\n");
    wait_saw(first, "WAIT 1 ");
    wait_for([&] { return counters().replies_unproven.get() == 1; }, "the reply waits");
    slow_ = false;
    first.die();
    lead(second, kReplica);
    app->expect(
        "-INDOUBT the leader was lost before a replica had confirmed this command: it was executed, and may be lost\r\n"
        "$1\r\nv\r\n");
    EXPECT_EQ(counters().commands_in_doubt.get(), 1U);
    EXPECT_EQ(counters().replies_unproven.get(), 0U);
    app->expect("SET b 1\r\n", "+OK\r\n");
}

TEST_F(ProvenWritesTest, AvailableGoesOnWhenNobodyIsRequiredAnyMore) {
    config_.writes.proven = config::Proven::available;
    config_.hold.time = std::chrono::seconds(10);
    FakeNode node(leader());
    confirmed_ = false;
    lead(node, kReplica);
    const auto app = client();
    app->send("SET a 1\r\n");
    wait_for([&] { return counters().proofs_failed.get() >= 1; }, "a round that nobody confirms");
    EXPECT_TRUE(app->silent());
    lead_on(node, {});
    app->expect("+OK\r\n");
    app->expect("SET a 2\r\n", "+OK\r\n");
    EXPECT_EQ(counters().commands_unproven.get(), 0U);
    EXPECT_EQ(counters().proofs.get(), 0U);
}

/// Whose record says at the end that the leader was alone, and nobody else can be promoted.
TEST_F(ProvenWritesTest, WhatTheNextFailoverFindsUnprovenAndNobodyMustConfirmIsAnswered) {
    config_.writes.proven = config::Proven::available;
    FakeNode node(leader());
    const auto app = with_an_unproven_write(node);
    fail_over(1);
    app->expect("+OK\r\n");
}

TEST_F(ProvenWritesTest, WhatIsNotProvenIsInDoubtWhenAnotherNodeHasLedWhileThisPortalSlept) {
    config_.writes.proven = config::Proven::available;
    FakeNode node(leader());
    const auto app = with_an_unproven_write(node);
    fail_over(2);
    EXPECT_TRUE(app->read(8).starts_with("-INDOUBT"));
}

TEST_F(ProvenWritesTest, AClientThatLeavesTakesItsRepliesAlong) {
    FakeNode node(leader());
    slow_ = true;
    lead(node, kReplica);
    auto app = client();
    app->send("SET a 1\r\nSET b 1\r\n");
    wait_for([&] { return counters().replies_unproven.get() == 2; }, "both replies wait");
    app.reset();
    slow_ = false;
    node.release();
    wait_for([&] { return counters().replies_unproven.get() == 0; }, "nothing waits any more");
    const auto next = client();
    next->expect("SET c 1\r\n", "+OK\r\n");
}

TEST_F(ProvenWritesTest, ALeaderThatDoesNotAnswerRoleGetsNoWrites) {
    FakeNode node([](const Words& words) -> std::string {
        return words[0] == "ROLE" ? "-NOPERM this user has no permissions to run the 'role' command\r\n" : "+OK\r\n";
    });
    lead(node, kReplica);
    const auto app = client();
    app->expect("SET a 1\r\n",
                "-NOPROOF no replica confirms writes now, within the hold time: this command was not executed\r\n");
    app->expect("GET a\r\n", "+OK\r\n");
    EXPECT_FALSE(saw(node, "SET"));
}

}  // namespace
}  // namespace portal::testing
