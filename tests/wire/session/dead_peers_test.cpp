// Peers that have gone without a word: what the kernel is told to do about them, and a node that is silent on one
// connection while a command waits there.
#include "portal_fixture.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;
using std::chrono::milliseconds;

constexpr std::string_view kInDoubt =
    "-INDOUBT the leader was lost after this command was sent: it may or may not have been executed\r\n";

int option(int socket, int level, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket, level, name, &value, &size), 0);
    return value;
}

/// A socket of this process that is connected to that port: the portal's end of a link.
int socket_to(std::uint16_t port) {
    for (int descriptor = 3; descriptor < 1024; ++descriptor) {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
            address.sin_family == AF_INET && ntohs(address.sin_port) == port) {
            return descriptor;
        }
    }
    return -1;
}

class DeadPeersTest : public PortalTest {
  protected:
    DeadPeersTest() { config_.upstream.answer_time = milliseconds(200); }
};

std::string pong(const Words&) {
    return "+PONG\r\n";
}

TEST_F(DeadPeersTest, ClientsAreProbedByTheKernel) {
    config_.limits.keepalive = std::chrono::seconds(300);
    FakeNode node(pong);
    lead(node);
    client()->expect("PING\r\n", "+PONG\r\n");
    const auto second = client();
    second->expect("PING\r\n", "+PONG\r\n");
    EXPECT_EQ(option(newest_socket(), SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(newest_socket(), IPPROTO_TCP, TCP_KEEPIDLE), 300);
    EXPECT_EQ(option(newest_socket(), IPPROTO_TCP, TCP_KEEPINTVL), 100);
    EXPECT_EQ(option(newest_socket(), IPPROTO_TCP, TCP_KEEPCNT), 3);
    EXPECT_EQ(option(newest_socket(), IPPROTO_TCP, TCP_USER_TIMEOUT), 600'000);
}

TEST_F(DeadPeersTest, AReloadCountsForNewClientsAndZeroSwitchesProbesOff) {
    FakeNode node(pong);
    lead(node);
    config_.limits.keepalive = milliseconds(0);
    reload();
    const auto unprobed = client();
    unprobed->expect("PING\r\n", "+PONG\r\n");
    EXPECT_EQ(option(newest_socket(), SOL_SOCKET, SO_KEEPALIVE), 0);
    config_.limits.keepalive = std::chrono::seconds(2);
    reload();
    const auto probed = client();
    probed->expect("PING\r\n", "+PONG\r\n");
    EXPECT_EQ(option(newest_socket(), SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(newest_socket(), IPPROTO_TCP, TCP_KEEPIDLE), 2);
    EXPECT_EQ(option(newest_socket(), IPPROTO_TCP, TCP_KEEPINTVL), 1);
}

TEST_F(DeadPeersTest, LinksAreProbedAndUnacknowledgedBytesEndThemInSeconds) {
    FakeNode node([](const Words&) { return "$1\r\nv\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("GET k\r\n", "$1\r\nv\r\n");
    const int link = socket_to(node.port());
    ASSERT_GE(link, 0);
    EXPECT_EQ(option(link, SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(link, IPPROTO_TCP, TCP_KEEPIDLE), 5);
    EXPECT_EQ(option(link, IPPROTO_TCP, TCP_KEEPINTVL), 1);
    EXPECT_EQ(option(link, IPPROTO_TCP, TCP_USER_TIMEOUT), 10'000);
}

TEST_F(DeadPeersTest, ALinkOnWhichTheNodeIsSilentIsEndedAndItsRequestsAreLost) {
    FakeNode node([](const Words& words) { return words[0] == "SET" ? FakeNode::kSilence : "$1\r\nv\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("GET k\r\n", "$1\r\nv\r\n");
    app->expect("SET k 1\r\n", kInDoubt);
    wait_for([&] { return node.left() == 1; }, "the link has ended");
    app->expect("GET k\r\n", "$1\r\nv\r\n");
}

TEST_F(DeadPeersTest, WhatWasSentWhileTheLinkWasMadeIsWaitedForNoLonger) {
    FakeNode node([](const Words&) { return FakeNode::kSilence; });
    lead(node);
    client()->expect("SET k 1\r\n", kInDoubt);
}

TEST_F(DeadPeersTest, ACommandThatBlocksMayWaitWhileOthersAreEnded) {
    FakeNode node([](const Words&) { return FakeNode::kSilence; });
    lead(node);
    const auto blocked = client();
    blocked->send("BLPOP k 0\r\nGET k\r\n");  // what stands behind it waits as well
    wait_for([&] { return node.seen().size() == 2; }, "it blocks");
    const auto app = client();
    for (int i = 0; i < 3; ++i) {  // each takes as long as the time that a link has
        app->expect("SET k 1\r\n", kInDoubt);
    }
    wait_for([&] { return node.left() == 3; }, "three links have ended");
    EXPECT_TRUE(blocked->silent());
    EXPECT_EQ(node.seen().size(), 5U);
}

TEST_F(DeadPeersTest, WhateverTheNodeSaysOnTheLinkIsASignOfLife) {
    config_.upstream.answer_time = milliseconds(1500);
    constexpr int kPieces = 12;  // together slower than the node may be silent
    std::string reply = "$" + std::to_string(kPieces) + "\r\n";
    for (int i = 0; i < kPieces; ++i) {
        reply += FakeNode::kPause + "v";
    }
    FakeNode node([&](const Words&) { return reply + "\r\n"; });
    lead(node);
    const auto slow = client();
    slow->send("GET k\r\n");
    wait_for([&] { return node.seen().size() == 1; }, "the node has the command");
    for (int i = 0; i < kPieces; ++i) {
        std::this_thread::sleep_for(milliseconds(200));
        node.release();
    }
    slow->expect("$12\r\nvvvvvvvvvvvv\r\n");
    EXPECT_EQ(node.left(), 0U);
}

TEST_F(DeadPeersTest, WithoutATimeASilentNodeIsWaitedForAndAReloadGivesOne) {
    config_.upstream.answer_time = milliseconds(0);
    FakeNode node([](const Words& words) { return words[0] == "SET" ? FakeNode::kSilence : "$1\r\nv\r\n"; });
    lead(node);
    const auto app = client();
    app->send("SET k 1\r\n");
    wait_for([&] { return node.seen().size() == 1; }, "it waits");
    EXPECT_TRUE(app->silent());
    config_.upstream.answer_time = milliseconds(200);
    reload();
    lead_on(node, {});         // has been taken over when this has
    app->send("SET k 2\r\n");  // the next command on that link
    app->expect(std::string(kInDoubt) + std::string(kInDoubt));
}

}  // namespace
}  // namespace portal::testing
