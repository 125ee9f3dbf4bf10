// CLIENT REPLY OFF and SKIP where the portal itself answers, or the leader is lost.
#include "portal_fixture.hpp"

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

class ReplyModeTest : public PortalTest {};

TEST_F(ReplyModeTest, OffMutesAlsoWhatTellsOfALostTransaction) {
    FakeNode node([](const Words& words) { return words[0] == "SET" ? FakeNode::kCut : "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->send("CLIENT REPLY OFF\r\n");
    app->send("*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n*1\r\n$7\r\nDISCARD\r\n");
    app->expect("CLIENT REPLY ON\r\nPING\r\n", "+OK\r\n+OK\r\n");
}

TEST_F(ReplyModeTest, SkipIsOverBehindTheMultiOfABrokenWatch) {
    const auto ok = [](const Words&) { return "+OK\r\n"; };
    FakeNode first(ok);
    FakeNode second(ok);
    lead(first);
    const auto app = client();
    app->expect("WATCH k\r\n", "+OK\r\n");
    first.die();
    lead(second);
    app->expect("CLIENT REPLY SKIP\r\nMULTI\r\nSET k 1\r\nEXEC\r\n", "+QUEUED\r\n*-1\r\n");
    app->expect("PING\r\n", "+OK\r\n");
}

/// OFF is over with RESET, which is answered; SKIP is about the very RESET behind it.
TEST_F(ReplyModeTest, ResetIsAnsweredBehindOffAndNotBehindSkip) {
    FakeNode node([](const Words& words) { return words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n"; });
    lead(node);
    client()->expect("CLIENT REPLY SKIP\r\nRESET\r\nGET k\r\n", "$1\r\nv\r\n");
    client()->expect("CLIENT REPLY OFF\r\nRESET\r\nGET k\r\n", "+RESET\r\n$1\r\nv\r\n");
}

/// redis-server 7.0 answers nothing either; it then leaves a connection open on which it takes nothing more.
TEST_F(ReplyModeTest, QuitThatIsMutedIsNotAnsweredAndEndsTheConnection) {
    FakeNode node([](const Words& words) { return words[0] == "PING" ? "+PONG\r\n" : "+OK\r\n"; });
    lead(node);
    for (const std::string mode : {"OFF", "SKIP"}) {
        const auto app = client();
        app->send("PING\r\nCLIENT REPLY " + mode + "\r\nQUIT\r\nCLIENT REPLY ON\r\nPING\r\n");
        EXPECT_EQ(app->read(100), "+PONG\r\n");
        EXPECT_TRUE(app->closed());
    }
}

}  // namespace
}  // namespace portal::testing
