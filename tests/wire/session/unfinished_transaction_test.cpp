// A transaction in pieces whose leader is lost, or leads no more, before its EXEC: it goes on at the next leader. Where
// that would be a guess, its EXEC fails, and nothing of it runs.
#include "binary_content.hpp"
#include "portal_fixture.hpp"

#include <memory>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kAborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
const std::string kReadOnly = "-READONLY You can't write against a read only replica.\r\n";
const std::string kInDoubt =
    "-INDOUBT the leader was lost after this command was sent: it may or may not have been executed\r\n";

const std::string kNotConfirmed =
    "-NOLEADER no leader within the hold time: the record could not be confirmed in time\r\n";

/// Queues as Redis does, and runs what it has queued; outside of a transaction it says OK.
class Transactions {
  public:
    std::string operator()(const Words& words) {
        if (words[0] == "MULTI") {
            queued_ = std::make_shared<int>(0);
            return "+OK\r\n";
        }
        if (!queued_) {
            return words[0] == "EXEC" ? "-ERR EXEC without MULTI\r\n" : "+OK\r\n";
        }
        if (words[0] == "EXEC" || words[0] == "DISCARD") {
            const int count = *std::exchange(queued_, nullptr);
            std::string ran = "*" + std::to_string(count) + "\r\n";
            for (int i = 0; i < count; ++i) {
                ran += "+OK\r\n";
            }
            return words[0] == "EXEC" ? ran : "+OK\r\n";
        }
        ++*queued_;
        return "+QUEUED\r\n";
    }

  private:
    std::shared_ptr<int> queued_;
};

class UnfinishedTransactionTest : public PortalTest {
  protected:
    void wait_held() {
        wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    }
};

TEST_F(UnfinishedTransactionTest, GoesOnAtTheNextLeader) {
    FakeNode first{Transactions()};
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("SET k 1\r\nGET k\r\n", "+QUEUED\r\n+QUEUED\r\n");
    first.die();
    wait_held();
    app->send("SET k 2\r\n");
    lead(second);
    app->expect("+QUEUED\r\n");
    app->expect("EXEC\r\n", "*3\r\n+OK\r\n+OK\r\n+OK\r\n");
    EXPECT_EQ(second.seen(), (Words{"MULTI", "SET k 1", "GET k", "SET k 2", "EXEC"}));
    app->expect("SET k 3\r\n", "+OK\r\n");
    EXPECT_EQ(counters().commands_in_doubt.get(), 0U);
    EXPECT_EQ(counters().held_bytes.get(), 0U);
}

TEST_F(UnfinishedTransactionTest, GoesOnThroughTwoLossesAsOne) {
    FakeNode first{Transactions()};
    FakeNode second([](const Words& words) { return words[0] == "MULTI" ? "+OK\r\n" : FakeNode::kSilence; });
    FakeNode third{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    first.die();
    lead(second);
    app->send("SET k 2\r\nEXEC\r\n");
    wait_for([&] { return second.seen().size() >= 2; }, "the second leader hears of it");
    second.die();
    lead(third);
    app->expect("+QUEUED\r\n");
    app->expect("*2\r\n+OK\r\n+OK\r\n");
    EXPECT_EQ(third.seen(), (Words{"MULTI", "SET k 1", "SET k 2", "EXEC"}));
}

TEST_F(UnfinishedTransactionTest, ThatWasNeverSentRunsAtTheNextLeader) {
    auto gone = std::make_unique<FakeNode>(Transactions());
    FakeNode second{Transactions()};
    lead(*gone);
    const auto app = client();
    app->expect("PING\r\n", "+OK\r\n");
    app->send("MULTI\r\n");  // on a link that cannot be set up any more
    gone->die();
    app->send("SET k 1\r\nEXEC\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    EXPECT_EQ(second.seen(), (Words{"MULTI", "SET k 1", "EXEC"}));
}

TEST_F(UnfinishedTransactionTest, MayBeDiscardedAtTheNextLeader) {
    FakeNode first{Transactions()};
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    first.die();
    lead(second);
    app->expect("DISCARD\r\n", "+OK\r\n");
    app->expect("EXEC\r\n", "-ERR EXEC without MULTI\r\n");
}

TEST_F(UnfinishedTransactionTest, WhoseExecWasSentIsInDoubt) {
    FakeNode first([](const Words& words) {
        return words[0] == "MULTI" ? "+OK\r\n" : words[0] == "EXEC" ? FakeNode::kCut : "+QUEUED\r\n";
    });
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("SET k 1\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", kInDoubt);
    first.die();
    lead(second);
    app->expect("SET k 2\r\n", "+OK\r\n");
    EXPECT_EQ(second.seen(), Words{"SET k 2"});
}

TEST_F(UnfinishedTransactionTest, WithAnErrorInItFailsAtExecAndRunsNowhere) {
    FakeNode first([](const Words& words) {
        return words[0] == "MULTI" ? "+OK\r\n" : words[0] == "NOSUCH" ? "-ERR unknown command\r\n" : "+QUEUED\r\n";
    });
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\nNOSUCH\r\n", "+OK\r\n+QUEUED\r\n-ERR unknown command\r\n");
    first.die();
    lead(second);
    app->expect("SET k 2\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", kAborted);
    EXPECT_TRUE(second.seen().empty());
}

TEST_F(UnfinishedTransactionTest, TooLongToBeKeptFailsAtExec) {
    FakeNode first{Transactions()};
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    for (int i = 0; i < 6; ++i) {
        app->expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n" + binary_content(200'000) + "\r\n", "+QUEUED\r\n");
    }
    first.die();
    lead(second);
    app->expect("EXEC\r\n", kAborted);
    EXPECT_TRUE(second.seen().empty());
    app->expect("SET k 1\r\n", "+OK\r\n");
}

TEST_F(UnfinishedTransactionTest, FailsAtExecWhenNoLeaderComes) {
    config_.hold.time = std::chrono::milliseconds(100);
    FakeNode first{Transactions()};
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    first.die();
    nobody_leads("gone");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    wait_for([&] { return counters().sessions_held.get() == 0; }, "the hold is over");
    lead(second);
    app->expect("EXEC\r\n", kAborted);
    EXPECT_TRUE(second.seen().empty());
}

TEST_F(UnfinishedTransactionTest, OfWhichACommandFoundNoLeaderFailsAtExec) {
    config_.hold.time = std::chrono::milliseconds(50);
    FakeNode node{Transactions()};
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    fence();
    app->expect("SET k 2\r\n", kNotConfirmed);
    confirm();
    app->expect("EXEC\r\n", kAborted);
    app->expect("SET k 3\r\n", "+OK\r\n");
    EXPECT_EQ(node.seen(), (Words{"MULTI", "SET k 1", "DISCARD", "SET k 3"}));
}

TEST_F(UnfinishedTransactionTest, IsDiscardedWithoutALeader) {
    config_.hold.time = std::chrono::milliseconds(50);
    FakeNode node{Transactions()};
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    fence();
    app->expect("DISCARD\r\n", "+OK\r\n");
    confirm();
    app->expect("SET k 3\r\n", "+OK\r\n");
    EXPECT_EQ(node.seen(), (Words{"MULTI", "SET k 1", "DISCARD", "SET k 3"}));
}

TEST_F(UnfinishedTransactionTest, WhoseLinkIsLostIsDiscardedWithoutALeader) {
    config_.hold.time = std::chrono::milliseconds(100);
    FakeNode first([](const Words& words) {
        return words[0] == "MULTI" ? "+OK\r\n" : words[0] == "DISCARD" ? FakeNode::kSilence : "+QUEUED\r\n";
    });
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    app->send("DISCARD\r\n");
    wait_for([&] { return first.seen().size() == 3; }, "it was sent");
    nobody_leads("gone");
    first.die();
    app->expect("+OK\r\n");
    app->expect("EXEC\r\n", "-NOLEADER no leader within the hold time: gone\r\n");
}

TEST_F(UnfinishedTransactionTest, WhoseExecFoundNoLeaderIsOver) {
    config_.hold.time = std::chrono::milliseconds(50);
    FakeNode node{Transactions()};
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSET k 1\r\n", "+OK\r\n+QUEUED\r\n");
    fence();
    app->expect("EXEC\r\n", kNotConfirmed);
    confirm();
    app->expect("SET k 3\r\n", "+OK\r\n");
    app->expect("EXEC\r\n", "-ERR EXEC without MULTI\r\n");
    EXPECT_EQ(node.seen(), (Words{"MULTI", "SET k 1", "DISCARD", "SET k 3", "EXEC"}));
}

TEST_F(UnfinishedTransactionTest, WithoutAnyLeaderEndsWithTheExecThatIsRefused) {
    config_.hold.time = std::chrono::milliseconds(50);
    FakeNode node{Transactions()};
    nobody_leads("gone");
    const auto app = client();
    const std::string error =
        "-NOLEADER no leader within the hold time, when the transaction began: nothing of it was executed\r\n";
    app->expect("MULTI\r\nSET k 2\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n" + error);
    lead(node);
    app->expect("SET k 3\r\n", "+OK\r\n");
    EXPECT_EQ(node.seen(), Words{"SET k 3"});
}

TEST_F(UnfinishedTransactionTest, WhoseNodeLeadsNoMoreRunsAtTheNextLeader) {
    FakeNode first([](const Words& words) -> std::string {
        return words[0] == "MULTI"  ? "+OK\r\n"
               : words[0] == "SET"  ? kReadOnly
               : words[0] == "EXEC" ? kAborted
                                    : "+QUEUED\r\n";
    });
    FakeNode second{Transactions()};
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("GET a\r\nSET a 1\r\n", "+QUEUED\r\n+QUEUED\r\n");
    app->send("EXEC\r\nSET b 1\r\n");
    wait_held();
    lead(second);
    app->expect("*2\r\n+OK\r\n+OK\r\n");
    app->expect("+OK\r\n");
    EXPECT_EQ(second.seen(), (Words{"MULTI", "GET a", "SET a 1", "EXEC", "SET b 1"}));
}

TEST_F(UnfinishedTransactionTest, RefusedByANodeThatComesBackRunsOnTheSameLink) {
    std::atomic<bool> replica{true};
    Transactions behaves;
    FakeNode node([&](const Words& words) -> std::string {
        const std::string answer = behaves(words);
        return replica && words[0] == "EXEC" ? "-EXECABORT Transaction discarded because of: READONLY You can't write "
                                               "against a read only replica.\r\n"
                                             : answer;
    });
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("SET a 1\r\n", "+QUEUED\r\n");
    app->send("EXEC\r\n");
    wait_held();
    replica = false;
    app->expect("*1\r\n+OK\r\n");
    app->expect("SET b 1\r\n", "+OK\r\n");
}

}  // namespace
}  // namespace portal::testing
