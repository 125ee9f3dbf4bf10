// Nodes that are known by a name: where links to them lead.
#include "portal_fixture.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace portal::testing {
namespace {

class NodeNamesTest : public PortalTest {};

std::string ok(const std::vector<std::string>&) {
    return "+OK\r\n";
}

TEST_F(NodeNamesTest, WhereTheMonitorHasFoundALeaderNothingIsLookedUp) {
    FakeNode node(ok);
    lead_by_name(node, "redis-0.invalid", {"127.0.0.1"});
    client()->expect("SET k 1\r\n", "+OK\r\n");
}

TEST_F(NodeNamesTest, AnAddressThatSwallowsPacketsStarvesNoOther) {
    FakeNode node(ok);
    // Somebody whose queue is full from the start, so that the kernel drops who knocks.
    std::vector<int> sockets;
    sockaddr_in silent{};
    silent.sin_family = AF_INET;
    silent.sin_port = htons(node.port());
    silent.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 0x100);  // 127.0.1.1
    const auto* where = reinterpret_cast<const sockaddr*>(&silent);
    sockets.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(sockets.back(), where, sizeof silent), 0);
    ASSERT_EQ(::listen(sockets.back(), 0), 0);
    for (int i = 0; i < 2; ++i) {
        sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        ::connect(sockets.back(), where, sizeof silent);
    }
    lead_by_name(node, "redis-0.invalid", {"127.0.1.1", "127.0.0.1"});
    client()->expect("SET k 1\r\n", "+OK\r\n");
    for (const int each : sockets) {
        ::close(each);
    }
}

TEST_F(NodeNamesTest, ANameThatNobodyKnowsIsNoLeaderInTime) {
    config_.hold.time = std::chrono::milliseconds(200);
    FakeNode node(ok);
    lead_by_name(node, "redis-0.invalid", {});
    const auto app = client();
    app->send("SET k 1\r\n");
    EXPECT_EQ(app->read(9), "-NOLEADER");
    lead_by_name(node, "redis-0.invalid", {"127.0.0.1"});
    app->send("SET k 2\r\n");
    wait_for([&] { return node.seen() == std::vector<std::string>{"SET k 2"}; },
             "it is served once the address is known");
}

}  // namespace
}  // namespace portal::testing
