// hold.time, output_time and idle_time of one client, in whatever order its states follow each other.
#include "portal_fixture.hpp"

#include <algorithm>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kBig = "$65536\r\n" + std::string(65536, 'x') + "\r\n";
const std::string kNobody = "-NOLEADER no leader within the hold time: nobody\r\n";

std::string node_of_big_values(const Words& words) {
    return words[0] == "PING" ? "+PONG\r\n" : words[0] == "GET" && words[1] == "big" ? kBig : "+OK\r\n";
}

class SessionDeadlinesTest : public PortalTest {
  protected:
    /// Asks for `lazy` until its socket is full, with little enough behind it that the portal goes on reading it.
    /// Returns how many values it has not read. `other` travels on the same link, so its answer comes behind theirs.
    int fill(const TestClient& lazy, const TestClient& other) {
        const std::uint64_t before = counters().client_sent_bytes.get();
        for (int asked = 1; asked < 2000; ++asked) {
            lazy.send("GET big\r\n");
            const auto due = static_cast<std::uint64_t>(asked);
            wait_for([&] { return counters().commands.get() >= 2 * due - 1; }, "the command is taken");
            other.expect("PING\r\n", "+PONG\r\n");
            if (counters().client_sent_bytes.get() - before < due * kBig.size() + (due - 1) * 7) {
                return asked;
            }
        }
        ADD_FAILURE() << "the socket takes everything";
        return 0;
    }
    static void read_all(const TestClient& lazy, int values) {
        for (int i = 0; i < values; ++i) {
            ASSERT_EQ(lazy.read(kBig.size()), kBig) << i;
        }
    }
    [[nodiscard]] std::uint64_t closed_for(observe::Closed reason) const {
        return counters().client_connections_closed[static_cast<std::size_t>(reason)].get();
    }
    /// Another client is let go, who has come later.
    void let_the_idle_time_pass() {
        const auto later = client();
        EXPECT_TRUE(later->closed());
    }
};

TEST_F(SessionDeadlinesTest, AClientThatDoesNotReadIsRefusedWithinTheHoldTimeAllTheSame) {
    config_.hold.time = std::chrono::milliseconds(100);
    FakeNode node(node_of_big_values);
    lead(node);
    const auto lazy = client();
    const auto other = client();
    const int unread = fill(*lazy, *other);
    nobody_leads("nobody");
    lazy->send("GET a\r\n");
    wait_for([&] { return counters().commands_no_leader.get() == 1; }, "the command is refused");
    read_all(*lazy, unread);
    lazy->expect(kNobody);
}

TEST_F(SessionDeadlinesTest, AClientThatReadsAgainWhileItIsHeldIsRefusedWithinTheHoldTime) {
    config_.hold.time = std::chrono::milliseconds(500);
    FakeNode node(node_of_big_values);
    lead(node);
    const auto lazy = client();
    const auto other = client();
    const int unread = fill(*lazy, *other);
    nobody_leads("nobody");
    lazy->send("GET a\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the command waits");
    read_all(*lazy, unread);
    lazy->expect(kNobody);
}

TEST_F(SessionDeadlinesTest, AClientThatDoesNotReadIsClosedInItsTimeThoughItIsHeld) {
    config_.hold.time = std::chrono::minutes(1);
    config_.limits.output_time = std::chrono::milliseconds(500);
    FakeNode node(node_of_big_values);
    lead(node);
    const auto lazy = client();
    const auto other = client();
    fill(*lazy, *other);
    nobody_leads("nobody");
    lazy->send("GET a\r\n");
    wait_for([&] { return closed_for(observe::Closed::output_limit) == 1; }, "the client is closed");
    EXPECT_EQ(counters().commands_no_leader.get(), 0U);
}

TEST_F(SessionDeadlinesTest, AClientThatWasRefusedAndStillDoesNotReadIsClosedInItsTime) {
    config_.hold.time = std::chrono::milliseconds(50);
    config_.limits.output_time = std::chrono::milliseconds(1000);
    FakeNode node(node_of_big_values);
    lead(node);
    const auto lazy = client();
    const auto other = client();
    fill(*lazy, *other);
    nobody_leads("nobody");
    lazy->send("GET a\r\n");
    wait_for([&] { return counters().commands_no_leader.get() == 1; }, "the command is refused");
    wait_for([&] { return closed_for(observe::Closed::output_limit) == 1; }, "the client is closed");
}

TEST_F(SessionDeadlinesTest, AnIdleClientIsClosed) {
    config_.limits.idle_time = std::chrono::milliseconds(200);
    const auto silent = client();
    EXPECT_TRUE(silent->closed());
    EXPECT_EQ(closed_for(observe::Closed::idle), 1U);
}

TEST_F(SessionDeadlinesTest, AClientThatWaitsForItsAnswerIsNotIdleAndIsClosedWhenItIsLater) {
    config_.limits.idle_time = std::chrono::milliseconds(200);
    FakeNode node([](const Words&) { return FakeNode::kPause + "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->send("BLPOP k 0\r\n");
    let_the_idle_time_pass();
    let_the_idle_time_pass();
    EXPECT_TRUE(app->silent());
    node.release();
    app->expect("+OK\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(closed_for(observe::Closed::idle), 3U);
}

TEST_F(SessionDeadlinesTest, ASubscriberIsNotIdleAndIsClosedWhenItListensNoMore) {
    config_.limits.idle_time = std::chrono::milliseconds(200);
    FakeNode node([](const Words& words) {
        return words[0] == "SUBSCRIBE"     ? ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
               : words[0] == "UNSUBSCRIBE" ? ">3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n"
                                           : "+PONG\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    let_the_idle_time_pass();
    let_the_idle_time_pass();
    EXPECT_TRUE(app->silent());
    app->expect("UNSUBSCRIBE c\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(closed_for(observe::Closed::idle), 3U);
}

TEST_F(SessionDeadlinesTest, AClientThatIsPausedIsNotIdle) {
    config_.limits.idle_time = std::chrono::milliseconds(200);
    FakeNode node([](const Words& words) { return words[0] == "CLIENT" ? "+OK\r\n" : "+PONG\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("CLIENT PAUSE 1000 ALL\r\n", "+OK\r\n");
    app->send("PING\r\n");
    let_the_idle_time_pass();
    app->expect("+PONG\r\n");
    EXPECT_TRUE(app->closed());
}

TEST_F(SessionDeadlinesTest, AClientThatWasHeldForLongerThanTheIdleTimeIsNotIdleAtOnce) {
    config_.limits.idle_time = std::chrono::milliseconds(200);
    config_.hold.time = std::chrono::milliseconds(600);
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    nobody_leads("nobody");
    const auto app = client();
    app->expect("GET a\r\n", kNobody);
    lead(node);
    app->expect("GET a\r\n", "+OK\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(closed_for(observe::Closed::idle), 1U);
}

TEST_F(SessionDeadlinesTest, AClientWhoseSocketWasFullAndIsReadAgainIsClosedWhenItIsIdle) {
    config_.limits.idle_time = std::chrono::milliseconds(1500);
    FakeNode node(node_of_big_values);
    lead(node);
    const auto lazy = client();
    const auto other = client();
    read_all(*lazy, fill(*lazy, *other));
    EXPECT_TRUE(lazy->closed());
    EXPECT_EQ(closed_for(observe::Closed::idle), 2U);
}

TEST_F(SessionDeadlinesTest, AnIdleTimeThatComesWithANewConfigurationHoldsForTheClientsThatAreThere) {
    FakeNode node([](const Words&) { return "+OK\r\n"; });
    lead(node);
    const auto app = client();
    app->expect("GET a\r\n", "+OK\r\n");
    config_.limits.idle_time = std::chrono::milliseconds(200);
    reload();
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(closed_for(observe::Closed::idle), 1U);
}

TEST_F(SessionDeadlinesTest, AHoldTimeThatEndsWithANewConfigurationRefusesWhatWaits) {
    config_.hold.time = std::chrono::minutes(1);
    nobody_leads("nobody");
    const auto app = client();
    app->send("GET a\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "the command waits");
    config_.hold.time = std::chrono::milliseconds(0);
    reload();
    app->expect(kNobody);
}

}  // namespace
}  // namespace portal::testing
