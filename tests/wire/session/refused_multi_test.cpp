// A transaction that the node has not begun, or that is over for the client though not for its link. What the client
// sees is what it would see on a connection of its own: a MULTI that is refused opens nothing, what follows it is
// judged alone, and a WATCH ends where its client was told so and nowhere else.
#include "binary_content.hpp"
#include "conversation/client_errors.hpp"
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <thread>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kNoMulti = "-NOPERM this user has no permissions to run the 'multi' command\r\n";
const std::string kReadOnly = "-READONLY You can't write against a read only replica.\r\n";
const std::string kLoading = "-LOADING Redis is loading the dataset in memory\r\n";
const std::string kOom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
const std::string kInDoubt =
    "-INDOUBT the leader was lost after this command was sent: it may or may not have been executed\r\n";
const std::string kAborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
const std::string kNoExec = "-ERR EXEC without MULTI\r\n";

/// Requests in one piece. A transaction among them can travel whole, which lines as people type them cannot.
std::string piece(std::initializer_list<Words> requests) {
    std::string bytes;
    for (const Words& each : requests) {
        bytes += "*" + std::to_string(each.size()) + "\r\n";
        for (const std::string& word : each) {
            bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
        }
    }
    return bytes;
}

/// One connection's worth of Redis: queues and runs. `refusal` answers a command before it is looked at.
class Node {
  public:
    using Refusal = std::function<std::string(const Words&)>;
    explicit Node(Refusal refusal = [](const Words&) { return std::string(); })
        : refusal_(std::move(refusal)),
          open_(std::make_shared<bool>(false)),
          failed_(std::make_shared<bool>(false)),
          queued_(std::make_shared<int>(0)) {}

    std::string operator()(const Words& words) {
        if (std::string refused = refusal_(words); !refused.empty()) {
            *failed_ = true;
            return refused;
        }
        if (words[0] == "MULTI") {
            *open_ = true;
            *failed_ = false;
            *queued_ = 0;
            return "+OK\r\n";
        }
        if (words[0] == "EXEC") {
            std::string ran = "*" + std::to_string(*queued_) + "\r\n";
            for (int i = 0; i < *queued_; ++i) {
                ran += "+OK\r\n";
            }
            return !std::exchange(*open_, false) ? kNoExec : *failed_ ? kAborted : ran;
        }
        if (words[0] == "DISCARD") {
            return std::exchange(*open_, false) ? "+OK\r\n" : "-ERR DISCARD without MULTI\r\n";
        }
        *queued_ += *open_ ? 1 : 0;
        return *open_ ? "+QUEUED\r\n" : words[0] == "GET" ? "$5\r\nvalue\r\n" : "+OK\r\n";
    }

  private:
    Refusal refusal_;
    std::shared_ptr<bool> open_, failed_;
    std::shared_ptr<int> queued_;
};

/// May not open a transaction; and does not lead any more.
std::string without_multi(const Words& words) {
    return words[0] == "MULTI" ? kNoMulti : words[0] == "SET" ? kReadOnly : "";
}

class RefusedMultiTest : public PortalTest {
  protected:
    void wait_held() {
        wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    }
};

TEST_F(RefusedMultiTest, WhatFollowsItInOnePieceIsNotQueued) {
    FakeNode first{Node(without_multi)};
    FakeNode second{Node()};
    lead(first);
    const auto app = client();
    app->send(piece({{"MULTI"}, {"GET", "k"}, {"SET", "k", "1"}, {"EXEC"}}));
    app->expect(kNoMulti + "$5\r\nvalue\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n" + kNoExec);
    EXPECT_EQ(second.seen(), (Words{"SET k 1"}));
}

TEST_F(RefusedMultiTest, WhatFollowsItBehindAWatchIsNotQueued) {
    FakeNode first{Node(without_multi)};
    FakeNode second{Node()};
    lead(first);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send(piece({{"MULTI"}, {"GET", "k"}, {"SET", "k", "1"}, {"EXEC"}}));
    app->expect(kNoMulti + "$5\r\nvalue\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n" + kNoExec);
    EXPECT_EQ(second.seen(), (Words{"SET k 1"}));
}

TEST_F(RefusedMultiTest, ByANodeThatLoadsItsDataIsNotAskedAgainBehindWhatFollowedIt) {
    std::atomic<int> refusals{2};
    FakeNode node{Node([&](const Words& words) {
        return (words[0] == "MULTI" || words[0] == "SET") && refusals-- > 0 ? kLoading : std::string();
    })};
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->expect(piece({{"MULTI"}, {"SET", "k", "1"}, {"EXEC"}}), kLoading + "+OK\r\n" + kNoExec);
    EXPECT_EQ(node.seen(), (Words{"WATCH k", "MULTI", "SET k 1", "EXEC", "SET k 1"}));
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");  // nothing is open
}

TEST_F(RefusedMultiTest, WhatFollowsItIsNotQueuedWhenItsLinkIsLostEither) {
    FakeNode node{Node([](const Words& words) {
        return words[0] == "MULTI" ? kNoMulti : words[0] == "SET" ? FakeNode::kCut : std::string();
    })};
    lead(node);
    const auto app = client();
    app->expect(piece({{"MULTI"}, {"SET", "k", "1"}, {"EXEC"}}), kNoMulti + kInDoubt + kInDoubt);
}

TEST_F(RefusedMultiTest, ThatIsSentAgainForAClientThatWasToldItsTransactionIsOpenClosesIt) {
    FakeNode first{Node([](const Words& words) { return words[0] == "SET" ? kReadOnly : std::string(); })};
    FakeNode second{Node([](const Words& words) { return words[0] == "MULTI" ? kNoMulti : std::string(); })};
    lead(first);
    const auto app = client();
    app->send(piece({{"MULTI"}, {"SET", "k", "1"}, {"EXEC"}}));
    app->expect("+OK\r\n+QUEUED\r\n");
    lead(second);
    EXPECT_TRUE(app->closed());
}

TEST_F(RefusedMultiTest, AndADeniedCommandBehindItLeaveNoTransactionToAbort) {
    config_.commands.deny = {"flushall"};
    FakeNode node{Node([](const Words& words) {
        return words[0] == "MULTI"     ? kNoMulti
               : words[0] == "DISCARD" ? "-ERR DISCARD without MULTI\r\n"
                                       : std::string();
    })};
    lead(node);
    const auto app = client();
    app->expect(piece({{"MULTI"}, {"FLUSHALL"}, {"EXEC"}}),
                kNoMulti + "-DENIED this command is not allowed through the portal: FLUSHALL\r\n" + kNoExec);
}

TEST_F(RefusedMultiTest, LeavesTheWatchBeforeItAsItIs) {
    std::atomic<bool> refuses{true};
    FakeNode node{Node(
        [&](const Words& words) { return words[0] == "MULTI" && refuses.exchange(false) ? kNoMulti : std::string(); })};
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->expect(piece({{"MULTI"}, {"EXEC"}}), kNoMulti + kNoExec);
    app->expect(piece({{"MULTI"}, {"SET", "k", "1"}, {"EXEC"}}), "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    EXPECT_EQ(node.left(), 0U) << "the connection that watches was given up for another one";
}

TEST_F(RefusedMultiTest, ACommandThatAWholeTransactionLacksIsNotRunBecauseTheNodeLeadsNoMore) {
    FakeNode first{Node([](const Words& words) {
        return words[0] == "LPOP"   ? kOom
               : words[0] == "EXEC" ? "-EXECABORT Transaction discarded because of: " + kReadOnly.substr(1)
                                    : std::string();
    })};
    FakeNode second{Node()};
    lead(first);
    const auto app = client();
    app->expect(
        piece({{"MULTI"}, {"SET", "k", "1"}, {"LPOP", "l"}, {"EXEC"}}),
        "+OK\r\n+QUEUED\r\n" + kOom +
            "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n");
    lead(second);
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");
    EXPECT_EQ(second.seen(), (Words{"GET k"}));
}

/// The node may have refused the MULTI, and then it has executed the write; its answers are lost with the link.
TEST_F(RefusedMultiTest, WhatCameBehindAMultiThatNobodyAnsweredIsInDoubtHoweverItEnds) {
    for (const std::string& end : {std::string("DISCARD"), std::string("EXEC")}) {
        FakeNode node([&](const Words& words) -> std::string {
            const bool unanswered = words[0] == "MULTI" || words[0] == "SET";
            return unanswered ? FakeNode::kSilence : words[0] == "GET" ? FakeNode::kCut : "+OK\r\n";
        });
        lead(node);
        const auto app = client();
        app->expect("WATCH k\r\n", "+OK\r\n");
        app->expect("MULTI\r\nSET k v\r\nGET k\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
        app->send(end + "\r\n");
        EXPECT_EQ(app->read(8), "-INDOUBT") << end;
        const std::vector<std::string> seen = node.seen();
        EXPECT_EQ(std::count(seen.begin(), seen.end(), "SET k v"), 1);
    }
}

TEST_F(RefusedMultiTest, AMultiThatWaitsForALeaderWhenItsWatchIsLostIsNotAskedOfTheNext) {
    FakeNode first([](const Words& words) -> std::string {
        return words[0] == "MULTI" ? "-LOADING Redis is loading the dataset in memory\r\n" : "+OK\r\n";
    });
    FakeNode second([](const Words& words) -> std::string {
        return words[0] == "MULTI" ? "-NOPERM this user has no permissions to run the 'multi' command\r\n" : "+OK\r\n";
    });
    lead(first);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send("MULTI\r\n");
    wait_held();
    lead(second);
    app->expect("+OK\r\n");  // and its EXEC will tell that the watch is lost
    app->expect("SET k v\r\nEXEC\r\nSET k v\r\n", "+QUEUED\r\n*-1\r\n+OK\r\n");
    EXPECT_EQ(second.seen(), (Words{"SET k v"}));
}

TEST_F(RefusedMultiTest, AWatchEndsWithTheExecThatThePortalAnswersForIt) {
    FakeNode node{Node()};
    lead(node);
    const auto app = client();
    app->expect("WATCH a\r\n", "+OK\r\n");
    node.cut();
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");  // the loss is known
    app->expect("WATCH b\r\n", "+OK\r\n");
    app->expect("MULTI\r\nSET k 1\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*-1\r\n");
    node.cut();
    app->expect("GET k\r\n", "$5\r\nvalue\r\n");
    app->expect("MULTI\r\nSET k 2\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
}

/// A node that lets nobody discard: what it queues for a connection ends with the connection only.
class UndiscardableTest : public RefusedMultiTest {
  protected:
    std::string answer(const Words& words) {
        if (words[0] == "MULTI") {
            return "+OK\r\n";
        }
        if (words[0] == "DISCARD") {
            return FakeNode::kPause + kOom;
        }
        for (int i = 0; i < 100 && node_.left() == 0; ++i) {  // its connection ends at about the same time
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return node_.left() == 0 ? "+QUEUED\r\n" : "+OK\r\n";
    }
    void wait_discard() {
        wait_for([&] { return !node_.seen().empty() && node_.seen().back() == "DISCARD"; }, "DISCARD at the node");
    }
    FakeNode node_{[this](const Words& words) { return answer(words); }};
};

TEST_F(UndiscardableTest, WhatFollowsATransactionWithADeniedCommandIsNotQueued) {
    config_.commands.deny = {"append"};
    lead(node_);
    const auto app = client();
    app->expect("MULTI\r\nAPPEND k v\r\n", "+OK\r\n-" + std::string(session::client_errors::kDenied) + "APPEND\r\n");
    app->send("EXEC\r\nSET k v\r\n");
    wait_discard();
    node_.release();
    app->expect(kAborted + "+OK\r\n");
}

TEST_F(UndiscardableTest, WhatFollowsATransactionThatFoundNoLeaderIsNotQueued) {
    config_.hold.time = std::chrono::milliseconds(50);
    lead(node_);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    fence();
    app->expect("EXEC\r\n", "-NOLEADER no leader within the hold time: the record could not be confirmed in time\r\n");
    confirm();
    app->send("SET k v\r\n");
    wait_discard();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // what may not be sent would be by now
    node_.release();
    app->expect("+OK\r\n");
}

/// The loss and the command are read in the same turn in some of the rounds only.
TEST_F(RefusedMultiTest, ATransactionThatBeginsJustWhenAWatchIsLostIsOneOfItsOwn) {
    FakeNode node{Node()};
    lead(node);
    const auto app = client();
    for (int i = 0; i < 300 && !HasFailure(); ++i) {
        app->expect("WATCH k\r\n", "+OK\r\n");
        node.cut();
        app->expect(piece({{"MULTI"}, {"GET", "k"}, {"DISCARD"}}), "+OK\r\n+QUEUED\r\n+OK\r\n");
        app->expect("GET k\r\n", "$5\r\nvalue\r\n");
    }
}

TEST_F(RefusedMultiTest, ADatabaseThatIsSelectedJustWhenAWatchIsLostIsTheOneThatIsUsed) {
    FakeNode node{Node()};
    lead(node);
    const auto app = client();
    for (int i = 0; i < 300 && !HasFailure(); ++i) {
        app->expect("WATCH k\r\n", "+OK\r\n");
        node.cut();
        const std::string index = std::to_string(i % 7);
        app->expect("SELECT " + index + "\r\n", "+OK\r\n");
        app->expect("UNWATCH\r\n", "+OK\r\n");
        app->send("CLIENT INFO\r\n");
        const std::string size = app->read(1) == "$" ? app->read(3) : "0";
        EXPECT_NE(app->read(std::stoul(size) + 4).find(" db=" + index + " "), std::string::npos) << "round " << i;
    }
}

// What stands before a transaction, on a link of the client's own, and waits for a leader.

TEST_F(RefusedMultiTest, AWriteBeforeATransactionThatWasRefusedForNotLeadingRunsAtTheNextLeader) {
    FakeNode first{Node([](const Words& words) { return words[0] == "SET" ? kReadOnly : std::string(); })};
    FakeNode second{Node()};
    lead(first);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send(piece({{"SET", "a", "1"}, {"MULTI"}, {"GET", "b"}, {"GET", "c"}}));
    wait_held();
    lead(second);
    app->expect("+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", "*-1\r\n");
    const std::vector<std::string> seen = second.seen();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "SET a 1"), 1);
}

TEST_F(RefusedMultiTest, AWriteBeforeATransactionThatIsSentAgainIsNotQueuedInIt) {
    std::atomic<bool> leads = false;
    FakeNode node{Node([&](const Words& words) { return words[0] != "SET" ? "" : leads ? "+OK\r\n" : kReadOnly; })};
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send(piece({{"SET", "a", "1"}, {"MULTI"}, {"GET", "b"}}));
    wait_held();
    leads = true;  // the same node, on the same connection, leads after all
    app->expect("+OK\r\n+OK\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", "*-1\r\n");
}

TEST_F(RefusedMultiTest, WhatOnlyReadsInATransactionBehindARefusedCommandIsQueuedOnce) {
    FakeNode node{Node([](const Words& words) { return words[0] == "EVAL" ? kReadOnly : std::string(); })};
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->expect(piece({{"EVAL", "x", "0"}, {"MULTI"}, {"GET", "k"}, {"ECHO", "a"}}),
                kReadOnly + "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    app->send("EXEC\r\n");
    EXPECT_EQ(app->read(4), "*2\r\n");
    const std::vector<std::string> seen = node.seen();
    EXPECT_EQ(std::count(seen.begin(), seen.end(), "GET k"), 1);
}

TEST_F(RefusedMultiTest, WhatComesBeforeALoginIsNotAskedAgainAsTheNewUser) {
    FakeNode node{Node([](const Words& words) { return words[0] == "EVAL" ? kReadOnly : std::string(); })};
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send(piece({{"EVAL", "x", "0"}, {"GET", "k"}, {"AUTH", "u", "p"}}));
    app->expect(kReadOnly + "$5\r\nvalue\r\n");
    EXPECT_EQ(app->read(3), "+OK");
    const std::vector<std::string> seen = node.seen();
    const auto login = std::find(seen.begin(), seen.end(), "AUTH u p");
    EXPECT_EQ(std::count(login, seen.end(), "GET k"), 0);
    EXPECT_EQ(std::count(seen.begin(), login, "GET k"), 2);
}

/// Redis 7.0 puts what a transaction causes for its own client between the elements of EXEC's answer.
TEST_F(RefusedMultiTest, AMessageWithinTheAnswerToExecIsNoElementOfIt) {
    const std::string answer = "*3\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n:1\r\n+OK\r\n$2\r\npp\r\n";
    FakeNode node{Node([&](const Words& words) { return words[0] == "EXEC" ? answer : std::string(); })};
    lead(node);
    const auto app = client();
    app->send("HELLO 3\r\n");
    for (std::string next = app->read(1); !next.empty() && next != "*"; next = app->read(1)) {
    }
    app->expect("0\r\n");
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->expect(piece({{"MULTI"}, {"INCR", "n"}, {"SET", "k", "v"}, {"PING", "pp"}, {"EXEC"}, {"GET", "k"}}),
                "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n" + answer);
}

/// No link to another database can be set up while the node is busy, since SELECT is refused then, but MULTI is not.
TEST_F(RefusedMultiTest, WhileTheNodeIsBusyNothingRunsThatTheClientMeansToBeInside) {
    const std::string busy = "-BUSY Redis is busy running a script.\r\n";
    std::atomic<bool> runs{false};
    FakeNode node([&](const Words&) { return runs.load() ? busy : std::string("+OK\r\n"); });
    lead(node);
    const auto app = client();
    app->expect("SELECT 1\r\n", "+OK\r\n");
    runs = true;
    app->expect("MULTI\r\n", "+OK\r\n");
    runs = false;
    app->expect("INCR a\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", kAborted);
    app->expect("GET a\r\n", "+OK\r\n");
    const Words seen = node.seen();
    EXPECT_EQ(std::ranges::count(seen, "INCR a"), 0);
}

}  // namespace
}  // namespace portal::testing
