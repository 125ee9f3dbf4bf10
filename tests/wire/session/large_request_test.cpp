// Requests that are too large to be gathered: passed on as they come, and what becomes of them when something fails
// midway.
#include "binary_content.hpp"
#include "conversation/client_errors.hpp"
#include "portal_fixture.hpp"

#include <algorithm>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kSize = 4 * 1024 * 1024;
const std::string kLost = "-" + std::string(session::client_errors::kLargeLost) + "\r\n";
const std::string kInDoubt = "-" + std::string(session::client_errors::kInDoubt) + "\r\n";

/// A SET of kSize bytes, cut in the middle of the value.
struct LargeSet {
    explicit LargeSet(const std::string& name = "SET") {
        const std::string whole = "*3\r\n$" + std::to_string(name.size()) + "\r\n" + name + "\r\n$3\r\nbig\r\n$" +
                                  std::to_string(kSize) + "\r\n" + binary_content(kSize) + "\r\n";
        begin = whole.substr(0, whole.size() / 2);
        end = whole.substr(whole.size() / 2);
    }
    std::string begin, end;
};

std::string encoded(const Words& words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return out;
}

std::string ok(const Words& words) {
    return words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n";
}
std::string silent(const Words&) {
    return FakeNode::kSilence;
}

class LargeRequestTest : public PortalTest {
  protected:
    void wait_arrived(const FakeNode& node, std::size_t bytes) {
        wait_for([&] { return node.received() >= bytes; }, "bytes at the node");
    }
    void wait_seen(const FakeNode& node, std::size_t count) {
        wait_for([&] { return node.seen().size() >= count; }, "commands at the node");
    }
    const LargeSet set_;
};

TEST_F(LargeRequestTest, IsPassedOnWhileItArrivesAndOthersAreServedMeanwhile) {
    FakeNode node(ok);
    lead(node);
    const auto app = client();
    const auto other = client();
    app->send(set_.begin);
    wait_arrived(node, set_.begin.size());
    other->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"GET a"}));
    app->expect(set_.end, "+OK\r\n");
    ASSERT_EQ(node.seen().size(), 2U);
    EXPECT_TRUE(same_bytes(node.seen()[1], "SET big " + binary_content(kSize)));
    EXPECT_EQ(counters().commands.get(), 2U);
}

TEST_F(LargeRequestTest, KeepsItsPlaceAmongTheRequestsBeforeAndBehindIt) {
    FakeNode node([](const Words& words) { return ":" + std::to_string(words[1].size()) + "\r\n"; });
    lead(node);
    const auto app = client();
    app->send("GET a\r\nGET aa\r\n" + set_.begin);
    app->send(set_.end + "GET aaaa\r\n" + set_.begin);
    app->send(set_.end + "GET aaaaa\r\n");
    app->expect(":1\r\n:2\r\n:3\r\n:4\r\n:3\r\n:5\r\n");
}

TEST_F(LargeRequestTest, OfManySmallWordsIsPassedOnAsWell) {
    FakeNode node([](const Words& words) { return ":" + std::to_string(words.size()) + "\r\n"; });
    lead(node);
    const auto app = client();
    std::string push = "*200002\r\n$5\r\nRPUSH\r\n$1\r\nl\r\n";
    for (int i = 0; i < 200000; ++i) {
        push += "$3\r\nabc\r\n";
    }
    app->send(std::string_view(push).substr(0, 1000001));
    wait_arrived(node, 900000);
    app->expect(std::string_view(push).substr(1000001), ":200002\r\n");
}

TEST_F(LargeRequestTest, ThatIsDeniedIsAnsweredAndTheNodeSeesNothingOfIt) {
    config_.commands.deny = {"append"};
    FakeNode node(ok);
    lead(node);
    const auto app = client();
    const LargeSet append("APPEND");
    app->send(append.begin);
    app->send(append.end);
    app->expect("GET a\r\n", "-" + std::string(session::client_errors::kDenied) + "APPEND\r\n$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"GET a"}));
    EXPECT_EQ(counters().leases.get(), 0U);
}

TEST_F(LargeRequestTest, InsideATransactionTravelsOnItsLink) {
    FakeNode node([](const Words& words) {
        return words[0] == "MULTI" ? "+OK\r\n" : words[0] == "EXEC" ? "*1\r\n+OK\r\n" : "+QUEUED\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->send(set_.begin);
    app->expect(set_.end, "+QUEUED\r\n");
    app->expect("EXEC\r\n", "*1\r\n+OK\r\n");
    EXPECT_EQ(counters().leases.get(), 1U);
}

TEST_F(LargeRequestTest, OfWhichTheLeaderHadOnlyAPartChangedNothingAndSaysSo) {
    FakeNode first(ok);
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->send(set_.begin);
    wait_arrived(first, set_.begin.size());
    first.die();
    lead(second);
    app->send(set_.end);
    app->expect("GET a\r\n", kLost + "$1\r\nv\r\n");
    EXPECT_EQ(second.seen(), (Words{"GET a"}));
    EXPECT_EQ(counters().commands_in_doubt.get(), 0U);
}

TEST_F(LargeRequestTest, ThatTheLeaderHadWholeIsInDoubt) {
    FakeNode first(silent);
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->send(set_.begin);
    app->send(set_.end);
    wait_seen(first, 1);
    first.die();
    lead(second);
    app->expect(kInDoubt);
    app->expect("GET a\r\n", "$1\r\nv\r\n");
}

TEST_F(LargeRequestTest, WithAScriptThatIsNotAnsweredLetsNobodyWait) {
    FakeNode node(silent);
    lead(node);
    const auto app = client();
    app->send(encoded({"EVAL", binary_content(300 * 1024), "0"}));
    app->expect(kInDoubt);
    app->send(encoded({"EVAL_RO", binary_content(300 * 1024), "0"}));
    app->expect(kLost);
}

TEST_F(LargeRequestTest, WaitsForTheAnswerToAFenceOnItsConnection) {
    FakeNode node([](const Words& words) {
        return words[0] == "EVAL" ? FakeNode::kPause + "$1\r\nv\r\n" + FakeNode::kPause : "+OK\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    app->send("EVAL x 0\r\n");
    wait_for([&] { return counters().fences.get() == 1; }, "a fence is on its way");
    node.release();
    app->expect("$1\r\nv\r\n");
    app->send(set_.begin);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // what may not begin would have by now
    node.release();
    app->expect(set_.end, "+OK\r\n");
    EXPECT_EQ(counters().leases.get(), 1U);
}

TEST_F(LargeRequestTest, InsideATransactionWhoseLeaderIsLostEndsWithExecAbort) {
    FakeNode first(ok);
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->send(set_.begin);
    wait_arrived(first, set_.begin.size());
    first.die();
    lead(second);
    app->expect(set_.end, "+QUEUED\r\n");
    app->expect("EXEC\r\n", "-" + std::string(session::client_errors::kExecAbort) + "\r\n");
}

TEST_F(LargeRequestTest, OfAClientThatLeavesMidwayIsNeverCompleted) {
    FakeNode node(ok);
    lead(node);
    auto app = client();
    app->send(set_.begin);
    wait_arrived(node, set_.begin.size());
    app.reset();
    wait_for([&] { return node.left() == 1; }, "its link has ended");
    const auto other = client();
    other->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"GET a"}));
}

TEST_F(LargeRequestTest, WaitsForALeaderWithoutBeingRead) {
    FakeNode node(ok);
    nobody_leads("nobody was chosen yet");
    const auto app = client();
    std::thread sender([&] {
        app->send(set_.begin);
        app->send(set_.end);
    });
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the session is held");
    EXPECT_LT(counters().held_bytes.get(), 512U * 1024);
    lead(node);
    sender.join();
    app->expect("+OK\r\n");
    EXPECT_EQ(counters().held_bytes.get(), 0U);
}

TEST_F(LargeRequestTest, IsRefusedWhenTheHoldHasEnded) {
    config_.hold.time = std::chrono::milliseconds(1);
    FakeNode node(ok);
    nobody_leads("nobody was chosen yet");
    const auto app = client();
    app->send(set_.begin);
    app->expect("-NOLEADER no leader within the hold time: nobody was chosen yet\r\n");
    lead(node);
    app->send(set_.end);
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"GET a"}));
}

TEST_F(LargeRequestTest, ThatTheNodeRefusesMidwayGetsItsErrorAndTheRestIsSwallowed) {
    FakeNode node(ok);
    lead(node);
    const auto app = client();
    app->send(set_.begin);
    wait_arrived(node, set_.begin.size());
    wait_for([&] { return node.surveys() == 1; }, "the portal has asked what it wants to know");
    app->send(set_.end.substr(0, 1000));
    wait_arrived(node, set_.begin.size() + 1000);
    node.say("-ERR Protocol error: invalid bulk length\r\n");
    app->expect("-ERR Protocol error: invalid bulk length\r\n");
    app->send(set_.end.substr(1000));
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"GET a"}));
}

TEST_F(LargeRequestTest, InWhichTheClientBreaksTheProtocolIsNeverCompleted) {
    FakeNode node(ok);
    lead(node);
    const auto app = client();
    app->send("*4\r\n" + set_.begin.substr(4));
    app->send(set_.end + "nonsense\r\n");
    app->expect("-ERR Protocol error: expected '$', got 'n'\r\n");
    EXPECT_TRUE(app->closed());
    wait_for([&] { return node.left() == 1; }, "its link has ended");
    EXPECT_TRUE(node.seen().empty());
}

/// A node ends a connection on which more comes than it takes, with everything that others have asked for there.
TEST_F(LargeRequestTest, TravelsAloneWhateverItsCommand) {
    const std::string large(300 * 1024, 'x');
    const std::string refusal = "-ERR Protocol error: invalid bulk length\r\n";
    for (const Words& words :
         {Words{"PING", large}, Words{"ECHO", large}, Words{"PUBLISH", "c", large}, Words{"SPUBLISH", "c", large},
          Words{"CLIENT", "KILL", "USER", large}, Words{"AUTH", "ann", large}, Words{"AUTH", large, "ann"},
          Words{"HELLO", "2", "AUTH", "ann", large}}) {
        SCOPED_TRACE(words[0]);
        FakeNode node([&](const Words& each) {
            return std::ranges::find(each, large) != each.end() ? FakeNode::kPause + refusal : "+OK\r\n";
        });
        lead(node);
        const auto app = client();
        const auto other = client();
        const auto newcomer = client();
        other->expect("SET a b\r\n", "+OK\r\n");
        app->send(encoded(words));
        wait_arrived(node, large.size());
        other->expect("SET a b\r\n", "+OK\r\n");
        newcomer->expect("AUTH bob secret\r\n", "+OK\r\n");
        node.release();
        app->expect(refusal);
        other->expect("SET a b\r\n", "+OK\r\n");
        if (HasFailure()) {
            return;  // each wait for what never comes takes seconds
        }
    }
}

TEST_F(LargeRequestTest, NamesNoChannel) {
    const std::string large(300 * 1024, 'x');
    FakeNode node(ok);
    lead(node);
    const auto app = client();
    const std::string refusal = "-ERR the portal subscribes to no name of 256 KiB or more\r\n";
    for (const char* word : {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"}) {
        app->expect(encoded({word, "short", large}), refusal);
    }
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"GET a"}));
}

}  // namespace
}  // namespace portal::testing
