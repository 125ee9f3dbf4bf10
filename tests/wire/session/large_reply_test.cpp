// Replies that are too large to be gathered: who waits behind one is served elsewhere, whoever reads slowly slows down
// the node only, and what becomes of all when something fails midway.
#include "binary_content.hpp"
#include "conversation/client_errors.hpp"
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kSize = 4 * 1024 * 1024;
const std::string kValue = binary_content(kSize);
const std::string kLarge = "$" + std::to_string(kSize) + "\r\n" + kValue + "\r\n";
/// Nothing comes until the first release, the first half until the second.
const std::string kLargeInTwo =
    FakeNode::kPause + kLarge.substr(0, kSize / 2) + FakeNode::kPause + kLarge.substr(kSize / 2);

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

class LargeReplyTest : public PortalTest {
  protected:
    /// The first command about "big" is answered in two, later ones at once, any GET with its key, all else OK.
    std::string answer(const Words& words) {
        if (words.size() > 1 && words[1] == "big") {
            return asked_++ == 0 ? kLargeInTwo : kLarge;
        }
        return words[0] == "GET" ? bulk(words[1]) : "+OK\r\n";
    }
    void wait_sent(std::size_t commands) {
        wait_for([&] { return counters().commands.get() >= commands; }, "commands are sent");
    }
    /// `app` asks, and `others` ask behind it, before the first byte of its reply comes.
    void ask_behind(const TestClient& app, std::string_view large, const TestClient& other, std::string_view small) {
        app.send(large);
        wait_sent(1);
        other.send(small);
        wait_sent(2);
    }
    static std::size_t times(const FakeNode& node, const std::string& command) {
        const std::vector<std::string> seen = node.seen();
        return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), command));
    }

    std::atomic<int> asked_{0};
    FakeNode node_{[this](const Words& words) { return answer(words); }};
};

TEST_F(LargeReplyTest, WhoReadsBehindItIsAnsweredOnAnotherLink) {
    lead(node_);
    const auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\n", *other, "GET a\r\n");
    node_.release();
    other->expect(bulk("a"));
    other->expect("SET a 1\r\nGET b\r\n", "+OK\r\n" + bulk("b"));
    EXPECT_EQ(counters().requests_moved.get(), 1U);
    node_.release();
    app->expect(kLarge);
    app->expect("GET c\r\n", bulk("c"));
    other->expect("GET d\r\n", bulk("d"));
    EXPECT_EQ(asked_.load(), 1);
}

TEST_F(LargeReplyTest, ItIsAskedForAgainBehindTheWritesThatWaitForIt) {
    lead(node_);
    const auto app = client();
    const auto other = client();
    const auto third = client();
    ask_behind(*app, "GET big\r\n", *other, "SET a 1\r\n");
    node_.release();
    third->expect("GET a\r\n", bulk("a"));  // while the first copy is stuck
    EXPECT_EQ(times(node_, "GET big"), 1U);
    node_.release();
    other->expect("+OK\r\n");
    app->expect(kLarge);
    EXPECT_EQ(times(node_, "GET big"), 2U);
    EXPECT_EQ(times(node_, "SET a 1"), 1U);
    app->expect("GET c\r\n", bulk("c"));
    other->expect("GET d\r\n", bulk("d"));
}

TEST_F(LargeReplyTest, ThatCannotBeAskedForAgainComesBeforeTheWritesBehindIt) {
    lead(node_);
    const auto app = client();
    const auto other = client();
    const auto third = client();
    app->send("GETDEL big\r\n");
    wait_sent(1);
    other->send("SET a 1\r\n");
    third->send("GET b\r\n");
    wait_sent(3);
    node_.release();
    third->expect(bulk("b"));
    node_.release();
    app->expect(kLarge);
    other->expect("+OK\r\n");
    EXPECT_EQ(times(node_, "GETDEL big"), 1U);
    EXPECT_EQ(times(node_, "SET a 1"), 1U);
    app->expect("GET c\r\n", bulk("c"));
    other->expect("GET d\r\n", bulk("d"));
}

TEST_F(LargeReplyTest, TheNextTimeItIsAskedForOnALinkOfItsOwnAtOnce) {
    lead(node_);
    const auto app = client();
    const auto other = client();
    node_.release();
    node_.release();
    app->expect("GET big\r\n", kLarge);
    asked_ = 0;
    app->send("GET big\r\n");
    wait_for([&] { return asked_ == 1; }, "the node is asked");
    other->expect("SET a 1\r\nGET a\r\n", "+OK\r\n" + bulk("a"));  // on the shared link, which is free
    EXPECT_EQ(counters().leases.get(), 1U);
    node_.release();
    node_.release();
    app->expect(kLarge);
    EXPECT_EQ(counters().requests_moved.get(), 0U);
}

TEST_F(LargeReplyTest, ItsOwnClientsFurtherRequestsStayBehindIt) {
    lead(node_);
    const auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\nSET k 1\r\nGET c\r\n", *other, "GET a\r\n");
    wait_sent(4);
    node_.release();
    other->expect(bulk("a"));
    app->send("GET d\r\n");
    node_.release();
    app->expect(kLarge + "+OK\r\n" + bulk("c") + bulk("d"));
    EXPECT_EQ(times(node_, "SET k 1"), 1U);
}

TEST_F(LargeReplyTest, AWriteBehindItThatWasNotSentYetIsTakenAlong) {
    lead(node_);
    const auto app = client();
    app->send("GET big\r\n");
    wait_sent(1);
    // The node does not read now, so that at some point the link's socket is full.
    const std::string set = "*3\r\n$3\r\nSET\r\n$1\r\nf\r\n$200000\r\n" + binary_content(200000) + "\r\n";
    std::vector<std::unique_ptr<TestClient>> fillers;
    for (int i = 0; i < 64; ++i) {
        fillers.push_back(client());
        fillers.back()->send(set);
    }
    wait_sent(65);
    const auto other = client();
    other->send("SET a 1\r\n");
    wait_sent(66);
    node_.release();
    other->expect("+OK\r\n");
    node_.release();
    app->expect(kLarge);
    for (const auto& each : fillers) {
        each->expect("+OK\r\n");
    }
    EXPECT_EQ(times(node_, "SET a 1"), 1U);
    EXPECT_EQ(node_.seen().size(), 67U);  // with GET big, asked for twice
}

TEST_F(LargeReplyTest, AClientThatReadsSlowlySlowsDownTheNodeOnly) {
    constexpr std::size_t kHuge = 64 * 1024 * 1024;
    const std::string huge = "$" + std::to_string(kHuge) + "\r\n" + binary_content(kHuge) + "\r\n";
    config_.limits.output_bytes = {1 << 20};
    FakeNode node([&](const Words& words) { return words[1] == "huge" ? huge : bulk(words[1]); });
    lead(node);
    const auto slow = client();
    const auto other = client();
    slow->send("GET huge\r\n");
    wait_for([&] { return counters().upstream_received_bytes.get() > 1 << 20; }, "the reply has begun");
    for (int i = 0; i < 100; ++i) {
        other->expect("GET a\r\n", bulk("a"));
    }
    EXPECT_LT(counters().upstream_received_bytes.get(), kHuge / 2);
    EXPECT_TRUE(same_bytes(slow->read(huge.size()), huge));
    slow->expect("GET b\r\n", bulk("b"));
    EXPECT_EQ(counters().client_connections.get(), 2U);
}

TEST_F(LargeReplyTest, AClientThatNeverReadsItIsClosedWhenItsTimeIsOver) {
    constexpr std::size_t kHuge = 64 * 1024 * 1024;
    const std::string huge = "$" + std::to_string(kHuge) + "\r\n" + binary_content(kHuge) + "\r\n";
    config_.limits.output_time = std::chrono::milliseconds(100);
    FakeNode node([&](const Words& words) { return words[1] == "huge" ? huge : bulk(words[1]); });
    lead(node);
    const auto never = client();
    const auto other = client();
    never->send("GET huge\r\n");
    const auto closed = [&](observe::Closed why) {
        return counters().client_connections_closed.at(static_cast<std::size_t>(why)).get();
    };
    wait_for([&] { return closed(observe::Closed::output_limit) == 1; }, "it is closed");
    EXPECT_LT(counters().upstream_received_bytes.get(), kHuge / 2);
    other->expect("GET a\r\n", bulk("a"));
}

TEST_F(LargeReplyTest, WhenTheLeaderIsLostMidwayItsClientIsClosedAndTheOthersAreNot) {
    FakeNode second([](const Words& words) { return bulk(words[1]); });
    lead(node_);
    const auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\n", *other, "GET a\r\n");
    node_.release();
    other->expect(bulk("a"));
    static_cast<void>(app->read(kSize / 4));
    node_.die();
    lead(second);
    other->expect("GET b\r\n", bulk("b"));
    const std::string rest = app->read(kSize);
    EXPECT_LT(rest.size(), kSize);
    EXPECT_TRUE(app->closed());
    EXPECT_TRUE(second.seen() == Words{"GET b"});
}

TEST_F(LargeReplyTest, AWriteThatWaitsBehindItWhenTheLeaderIsLostIsInDoubt) {
    FakeNode second([](const Words& words) { return bulk(words[1]); });
    lead(node_);
    const auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\n", *other, "SET a 1\r\n");
    node_.release();
    wait_for([&] { return counters().requests_moved.get() == 1; }, "its reply has begun");
    node_.die();
    lead(second);
    other->expect("-" + std::string(session::client_errors::kInDoubt) + "\r\n");
    app->expect(bulk("big"));
    app->expect("GET c\r\n", bulk("c"));
}

TEST_F(LargeReplyTest, WhoeverLeavesBeforeItIsAskedForAgainIsForgotten) {
    lead(node_);
    auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\n", *other, "SET a 1\r\n");
    node_.release();
    wait_for([&] { return counters().requests_moved.get() == 1; }, "its reply has begun");
    app->break_off();
    wait_for([&] { return counters().client_connections.get() == 1; }, "it has left");
    node_.release();
    other->expect("+OK\r\n");
    other->expect("WATCH a\r\nGET b\r\n", "+OK\r\n" + bulk("b"));  // on a link of its own
    EXPECT_EQ(times(node_, "GET big"), 1U);
}

TEST_F(LargeReplyTest, WhoeverOnlyClosesItsSendingSideGetsIt) {
    lead(node_);
    const auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\n", *other, "SET a 1\r\n");
    app->finish_sending();
    node_.release();
    wait_for([&] { return counters().requests_moved.get() == 1; }, "its reply has begun");
    node_.release();
    other->expect("+OK\r\n");
    app->expect(kLarge);
    EXPECT_TRUE(app->closed());
}

TEST_F(LargeReplyTest, WhenItsClientLeavesMidwayItsLinkEndsAndTheOthersGoOn) {
    lead(node_);
    auto app = client();
    const auto other = client();
    ask_behind(*app, "GET big\r\n", *other, "GET a\r\n");
    node_.release();
    other->expect(bulk("a"));
    static_cast<void>(app->read(kSize / 4));
    app.reset();
    node_.release();
    wait_for([&] { return node_.left() == 1; }, "its link has ended");
    other->expect("GET b\r\n", bulk("b"));
}

TEST_F(LargeReplyTest, OfATransactionComesInPartsAndEndsIt) {
    FakeNode node([](const Words& words) {
        return words[0] == "MULTI"  ? "+OK\r\n"
               : words[0] == "EXEC" ? "*1\r\n" + kLarge
               : words[1] == "big"  ? "+QUEUED\r\n"
                                    : bulk(words[1]);
    });
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect("GET big\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", "*1\r\n" + kLarge);
    app->expect("GET a\r\n", bulk("a"));
    wait_for([&] { return counters().upstream_links_shared.get() == 1; }, "the transaction has ended");
}

TEST_F(LargeReplyTest, OfMillionsOfElementsIsPassedOnWithoutItsSizeBeingAnnounced) {
    std::string elements = "*300000\r\n";
    for (int i = 0; i < 300000; ++i) {
        elements += "$3\r\nabc\r\n";
    }
    FakeNode node([&](const Words& words) { return words[0] == "LRANGE" ? elements : bulk(words[1]); });
    lead(node);
    const auto app = client();
    app->expect("LRANGE l 0 -1\r\nGET a\r\n", elements + bulk("a"));
}

}  // namespace
}  // namespace portal::testing
