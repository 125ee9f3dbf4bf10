// A WATCH lasts as long as the node says, and no longer: whatever is refused, whatever link is lost, an EXEC behind it
// is answered nil unless it is known that nothing has changed.
#include "portal_fixture.hpp"

#include <atomic>
#include <utility>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kNoMulti = "-NOPERM this user has no permissions to run the 'multi' command\r\n";
const std::string kNoDiscard = "-NOPERM this user has no permissions to run the 'discard' command\r\n";
const std::string kAbortedExec =
    "-EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'exec' command\r\n";
const std::string kAborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
const std::string kWithoutMulti = "-ERR EXEC without MULTI\r\n";
const std::string kNil = "*-1\r\n";
const std::string kValue = "$1\r\nv\r\n";
/// MULTI, GET k, EXEC in one piece.
const std::string kWhole = "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n";

/// What redis-server keeps of one connection; every write touches what it watches.
struct Connection {
    bool in_multi = false, failed = false, watching = false, touched = false;
    int queued = 0;
};

/// Answers as redis-server does, to a user that may lack commands.
class Server {
  public:
    std::atomic<bool> multi{true}, exec{true}, discard{true};

    std::string operator()(const Words& words) const {
        thread_local Connection here;  // each connection of a FakeNode has a thread
        if (words[0] == "MULTI") {
            return begin(here, words);
        }
        if (words[0] == "EXEC") {
            return finish(here);
        }
        if (words[0] == "DISCARD") {
            if (!discard) {
                here.failed = true;
                return kNoDiscard;
            }
            return std::exchange(here, {}).in_multi ? "+OK\r\n" : "-ERR DISCARD without MULTI\r\n";
        }
        if (here.in_multi) {
            ++here.queued;
            return "+QUEUED\r\n";
        }
        here.touched = here.touched || (here.watching && words[0] == "SET");
        if (words[0] == "WATCH" || words[0] == "UNWATCH") {
            here.watching = words[0] == "WATCH";
            here.touched = here.touched && here.watching;
        }
        return words[0] == "GET" ? kValue : "+OK\r\n";
    }

  private:
    std::string begin(Connection& here, const Words& words) const {
        if (words.size() != 1) {
            here.failed = here.in_multi;
            return "-ERR wrong number of arguments for 'multi' command\r\n";
        }
        if (!multi) {
            return kNoMulti;
        }
        if (std::exchange(here.in_multi, true)) {
            return "-ERR MULTI calls can not be nested\r\n";
        }
        return "+OK\r\n";
    }
    std::string finish(Connection& here) const {
        if (!exec) {
            here = {};
            return kAbortedExec;
        }
        if (!here.in_multi) {
            return kWithoutMulti;
        }
        const Connection was = std::exchange(here, {});
        if (was.failed || was.touched) {
            return was.failed ? kAborted : kNil;
        }
        std::string ran = "*" + std::to_string(was.queued) + "\r\n";
        for (int i = 0; i < was.queued; ++i) {
            ran += kValue;
        }
        return ran;
    }
};

class WatchedKeysTest : public PortalTest {
  protected:
    Server server_;
    FakeNode::Script script() {
        return [this](const Words& words) { return server_(words); };
    }
};

TEST_F(WatchedKeysTest, AMultiThatIsRefusedTakesNoWatchAway) {
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\nSET k 1\r\n", "+OK\r\n+OK\r\n");
    server_.multi = false;
    app->expect(kWhole, kNoMulti + kValue + kWithoutMulti);
    server_.multi = true;
    app->expect(kWhole, "+OK\r\n+QUEUED\r\n" + kNil);
    app->expect(kWhole, "+OK\r\n+QUEUED\r\n*1\r\n" + kValue);  // that EXEC has ended it
}

TEST_F(WatchedKeysTest, AWatchThatIsAnsweredBehindAMultiEndsNoTransaction) {
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\nMULTI\r\nGET k\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    app->expect("CLIENT INFO\r\n", "+QUEUED\r\n");
    app->expect("DISCARD\r\n", "+OK\r\n");
    app->expect("UNWATCH\r\nMULTI\r\nGET k\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    app->expect("SET k 1\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", "*2\r\n" + kValue + kValue);
}

TEST_F(WatchedKeysTest, AMultiThatIsRefusedWithinATransactionDoesNotEndIt) {
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("MULTI now\r\n", "-ERR wrong number of arguments for 'multi' command\r\n");
    app->expect("SET k 1\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", kAborted);
    app->expect("GET k\r\n", kValue);
}

TEST_F(WatchedKeysTest, AMultiThatIsRefusedDoesNotEndTheTransactionThatBeginsBehindIt) {
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("MULTI now\r\nMULTI\r\nGET k\r\n",
                "-ERR wrong number of arguments for 'multi' command\r\n+OK\r\n+QUEUED\r\n");
    app->expect("SET k 1\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", "*2\r\n" + kValue + kValue);
}

/// Redis forgets what is watched when it refuses an EXEC, wherever it stands.
TEST_F(WatchedKeysTest, AnExecThatIsRefusedOutsideOfATransactionEndsAWatchWhoseLinkWasLost) {
    FakeNode first(script());
    FakeNode second(script());
    lead(first);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    lead(second);
    server_.exec = false;
    app->expect("EXEC\r\n", kAbortedExec);
    server_.exec = true;
    app->expect(kWhole, "+OK\r\n+QUEUED\r\n*1\r\n" + kValue);
}

/// As redis-server 6.0 refuses it: the transaction goes on there, and its link cannot be used any more.
TEST_F(WatchedKeysTest, AnExecThatIsRefusedWithoutEndingAnythingTakesNoWatchAway) {
    std::atomic<bool> refuses{true};
    FakeNode node([&](const Words& words) {
        return words[0] == "EXEC" && refuses ? "-NOPERM this user has no permissions\r\n" : server_(words);
    });
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\nSET k 1\r\n", "+OK\r\n+OK\r\n");
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("EXEC\r\n", "-NOPERM this user has no permissions\r\n");
    refuses = false;
    app->expect(kWhole, "+OK\r\n+QUEUED\r\n" + kNil);
}

/// It goes where the WATCH before it goes, and is bound to it, though all of it is there.
TEST_F(WatchedKeysTest, AWholeTransactionBehindAWatchThatIsNotAnsweredIsNotRunElsewhere) {
    FakeNode first([](const Words& words) -> std::string {
        return words[0] == "EXEC"                         ? "-EXECABORT Transaction discarded because of: READONLY You "
                                                            "can't write against a read only replica.\r\n"
               : words[0] == "GET"                        ? "+QUEUED\r\n"
               : words[0] == "WATCH" && words[1] == "two" ? FakeNode::kPause + "+OK\r\n"
                                                          : "+OK\r\n";
    });
    FakeNode second(script());
    lead(first);
    const auto app = client();
    app->expect("WATCH one\r\n", "+OK\r\n");
    app->expect("UNWATCH\r\nWATCH two\r\n", "+OK\r\n");
    app->send(kWhole);
    wait_for([&] { return counters().commands.get() == 6; }, "all of the transaction is on its way");
    first.release();
    app->expect("+OK\r\n+OK\r\n+QUEUED\r\n");
    lead(second);
    app->expect(kNil);
    EXPECT_TRUE(second.seen().empty());
}

TEST_F(WatchedKeysTest, ALinkThatIsLostInTheTurnOfATransactionTakesItsWatchAlong) {
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    in_one_turn([&] {
        node.cut();
        app->send(kWhole);
    });
    app->expect("+OK\r\n+QUEUED\r\n" + kNil);
    EXPECT_EQ(node.seen(), Words{"WATCH k"});
}

TEST_F(WatchedKeysTest, ALinkThatIsLostInTheTurnOfACommandIsTrackedAgainBeforeIt) {
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("CLIENT TRACKING ON\r\n", "+OK\r\n");
    in_one_turn([&] {
        node.cut();
        app->send("GET k\r\n");
    });
    app->expect(kValue);
    EXPECT_EQ(node.seen(), (Words{"CLIENT TRACKING ON", "CLIENT TRACKING ON", "GET k"}));
}

/// The transaction of a lost WATCH ends those that were made after the loss, too.
TEST_F(WatchedKeysTest, AnExecThatIsAnsweredNilForALostLinkEndsEveryWatch) {
    FakeNode first(script());
    FakeNode second(script());
    lead(first);
    const auto app = client();
    app->expect("WATCH one\r\n", "+OK\r\n");
    lead(second);
    app->expect("WATCH two\r\n", "+OK\r\n");
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("EXEC\r\n", kNil);
    app->expect("SET two 1\r\n", "+OK\r\n");
    app->expect(kWhole, "+OK\r\n+QUEUED\r\n*1\r\n" + kValue);
}

TEST_F(WatchedKeysTest, WordsAreCountedInATransactionWhoseLinkIsLostToo) {
    const std::string arity = "-ERR wrong number of arguments for '";
    FakeNode first(script());
    FakeNode second(script());
    lead(first);
    const auto app = client();
    app->expect("WATCH one\r\n", "+OK\r\n");
    lead(second);
    app->expect("MULTI now\r\n", arity + "multi' command\r\n");
    app->expect("MULTI\r\nGET k\r\n", "+OK\r\n+QUEUED\r\n");
    app->expect("DISCARD it\r\n", arity + "discard' command\r\n");
    app->expect("GET\r\n", arity + "get' command\r\n");
    app->expect("EXEC\r\n", kAborted);
    app->expect(kWhole, "+OK\r\n+QUEUED\r\n*1\r\n" + kValue);
}

/// The portal discards what found no leader; a node that refuses that goes on queueing.
TEST_F(WatchedKeysTest, ATransactionThatTheNodeDoesNotGiveUpIsGivenUpWithItsLink) {
    config_.hold.time = std::chrono::milliseconds(50);
    FakeNode node(script());
    lead(node);
    const auto app = client();
    app->expect("CLIENT TRACKING ON\r\n", "+OK\r\n");
    app->expect("MULTI\r\n", "+OK\r\n");
    server_.discard = false;
    fence();
    app->expect("EXEC\r\n", "-NOLEADER no leader within the hold time: the record could not be confirmed in time\r\n");
    confirm();
    app->expect("GET k\r\n", kValue);
}

}  // namespace
}  // namespace portal::testing
