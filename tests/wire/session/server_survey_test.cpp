// What the leader says of its commands decides which link one takes that the portal's table lacks.
#include "binary_content.hpp"
#include "portal_fixture.hpp"

namespace portal::testing {
namespace {

constexpr std::string_view kJsonGet = "*2\r\n$8\r\nJSON.GET\r\n$1\r\nk\r\n";
const std::string kJsonCommands = "*1\r\n*6\r\n$8\r\njson.get\r\n:-2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n";

FakeNode::Script pong() {
    return [](const std::vector<std::string>&) { return std::string("+PONG\r\n"); };
}

class ServerSurvey : public PortalTest {
  protected:
    /// Pinned links that a client of JSON.GET needs.
    std::uint64_t leases_for(const FakeNode& node) {
        lead(node);
        wait_for([&] { return node.surveys() == 1 && counters().upstream_links_pinned.get() == 0; },
                 "the leader has answered COMMAND");
        client()->expect(kJsonGet, "+PONG\r\n");
        return counters().leases.get();
    }
};

TEST_F(ServerSurvey, AReadThatTheLeaderDescribesNeedsNoLease) {
    const FakeNode node(pong(), kJsonCommands);
    EXPECT_EQ(leases_for(node), 0U);
}

TEST_F(ServerSurvey, ACommandThatTheLeaderDoesNotDescribeIsLeased) {
    const FakeNode node(pong(), "*1\r\n*6\r\n+other\r\n:1\r\n*0\r\n:0\r\n:0\r\n:0\r\n");
    EXPECT_EQ(leases_for(node), 1U);
}

TEST_F(ServerSurvey, ALeaderThatRefusesToTellItsCommandsServesThemOnLeases) {
    const FakeNode node(pong(), "-NOPERM this user has no permissions to run the 'command' command\r\n");
    EXPECT_EQ(leases_for(node), 1U);
}

TEST_F(ServerSurvey, AnEndlessAnswerIsNotKept) {
    const FakeNode node(pong(), "*1\r\n$8000000\r\n" + binary_content(8000000) + "\r\n");
    EXPECT_EQ(leases_for(node), 1U);
}

TEST_F(ServerSurvey, ALeaderThatDiesWhileAskedIsFollowedByAnotherThatIsAsked) {
    const FakeNode dies(pong(), FakeNode::kCut);
    const FakeNode next(pong(), kJsonCommands);
    lead(dies);
    wait_for([&] { return counters().upstream_lost.get() > 0; }, "the first leader cuts its links");
    EXPECT_EQ(leases_for(next), 0U);
}

}  // namespace
}  // namespace portal::testing
