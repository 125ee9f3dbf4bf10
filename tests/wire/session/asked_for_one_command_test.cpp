// What the portal finds out for one command (whether the user may, whom it redirects to) is good for that command
// alone.
#include "portal_fixture.hpp"

#include <atomic>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

class AskedForOneCommandTest : public PortalTest {};

/// It is asked as `first`, refused for a reason of the portal's own meanwhile, and then another command comes.
TEST_F(AskedForOneCommandTest, TheNodesPermissionIsNotForTheNextCommand) {
    FakeNode node([](const Words& words) {
        return words[0] != "CLIENT"    ? std::string("+OK\r\n")
               : words[1] == "GETNAME" ? FakeNode::kPause + "$-1\r\n"
                                       : std::string("-NOPERM no\r\n");
    });
    lead(node);
    const auto app = client();
    app->send("CLIENT GETNAME\r\n");
    wait_for([&] { return !node.seen().empty(); }, "the question at the node");
    config_.commands.deny = {"client|getname", "append"};
    reload();
    const auto other = client();
    wait_for(
        [&] {
            other->send("APPEND k v\r\n");
            return other->line().starts_with("-DENIED");
        },
        "the new rule holds");
    node.release();
    EXPECT_TRUE(app->line().starts_with("-DENIED"));
    app->expect("CLIENT LIST\r\n", "-NOPERM no\r\n");
}

TEST_F(AskedForOneCommandTest, TheRelayOfARedirectionThatWasRefusedIsNotForTheNextOne) {
    config_.hold.time = std::chrono::milliseconds(300);
    config_.limits.leases = 2;
    FakeNode node([](const Words& words) {
        const bool nobody = words[0] == "CLIENT" && words.back() == "9223372036854775807";
        return nobody ? std::string("-ERR no such client\r\n") : std::string("+OK\r\n");
    });
    lead(node);
    const auto target = client();
    target->send("CLIENT ID\r\n");
    const std::string id = target->line().substr(1);
    const auto other = client();
    other->expect("WATCH k\r\n", "+OK\r\n");
    const auto app = client();
    app->send("CLIENT TRACKING ON REDIRECT " + id);
    EXPECT_TRUE(app->line().starts_with("-NOLEADER")) << "a relay and a link of its own are more than there may be";
    other->expect("UNWATCH\r\n", "+OK\r\n");
    app->expect("CLIENT TRACKING ON REDIRECT 999999\r\n", "-ERR no such client\r\n");
}

/// Nor does it keep a lease.
TEST_F(AskedForOneCommandTest, ARedirectionThatWasRefusedKeepsNoLease) {
    config_.hold.time = std::chrono::milliseconds(300);
    config_.limits.leases = 2;
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    lead(node);
    const auto target = client();
    target->send("CLIENT ID\r\n");
    const std::string id = target->line().substr(1);
    const auto first = client();
    first->expect("WATCH k\r\n", "+OK\r\n");
    const auto app = client();
    app->send("CLIENT TRACKING ON REDIRECT " + id);
    EXPECT_TRUE(app->line().starts_with("-NOLEADER"));
    client()->expect("WATCH k\r\n", "+OK\r\n");
}

}  // namespace
}  // namespace portal::testing
