// Messages that subscribers may have missed are counted, and told to those who want that.
#include "pubsub_node.hpp"

#include <atomic>
#include <utility>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

class MessageGapTest : public SessionPubSubTest {
  protected:
    [[nodiscard]] std::uint64_t gaps(observe::Gap why) const { return at(counters().message_gaps, why).get(); }
    /// Two listen to three names in all, and one does not.
    void listen() {
        app_ = client();
        first_ = client();
        second_ = client();
        app_->expect("SET a 1\r\n", "+OK\r\n");
        first_->expect("SUBSCRIBE c d\r\n", confirmed("subscribe", "c", 1) + confirmed("subscribe", "d", 2));
        second_->expect("SUBSCRIBE c\r\nPSUBSCRIBE p\r\n",
                        confirmed("subscribe", "c", 1) + confirmed("psubscribe", "p", 2));
    }
    std::unique_ptr<TestClient> app_, first_, second_;
};

TEST_F(MessageGapTest, IsCountedAndOtherwiseIgnoredUnlessAskedFor) {
    FakeNode node(pubsub_node);
    lead(node);
    listen();
    node.cut();
    wait_subscribes(node, 4);  // all is subscribed again, channels and patterns apart
    EXPECT_EQ(gaps(observe::Gap::link_lost), 1U);
    EXPECT_EQ(gaps(observe::Gap::leader_changed), 0U);
    EXPECT_EQ(counters().message_gap_names.get(), 3U);
    EXPECT_EQ(counters().message_gap_subscribers.get(), 2U);
    first_->expect("UNSUBSCRIBE c\r\n", confirmed("unsubscribe", "c", 1));
    second_->expect("UNSUBSCRIBE c\r\n", confirmed("unsubscribe", "c", 1));
}

TEST_F(MessageGapTest, ClosesThoseWhoListenedThereAndNobodyElse) {
    config_.pubsub.on_gap = config::OnGap::close;
    FakeNode node(pubsub_node);
    lead(node);
    listen();
    const auto left = client();
    left->expect("SUBSCRIBE e\r\nUNSUBSCRIBE e\r\n", confirmed("subscribe", "e", 1) + confirmed("unsubscribe", "e", 0));
    node.cut();
    EXPECT_TRUE(first_->closed());
    EXPECT_TRUE(second_->closed());
    app_->expect("SET a 1\r\n", "+OK\r\n");
    left->expect("SET a 1\r\n", "+OK\r\n");
    EXPECT_EQ(at(counters().client_connections_closed, observe::Closed::gap).get(), 2U);
}

TEST_F(MessageGapTest, AChangeOfLeaderIsOneToo) {
    config_.pubsub.on_gap = config::OnGap::close;
    FakeNode first(pubsub_node);
    FakeNode second(pubsub_node);
    lead(first);
    listen();
    lead(second);
    EXPECT_TRUE(first_->closed());
    EXPECT_TRUE(second_->closed());
    EXPECT_EQ(gaps(observe::Gap::leader_changed), 1U);
    EXPECT_EQ(gaps(observe::Gap::link_lost), 0U);
    app_->expect("SET a 1\r\n", "+OK\r\n");
}

TEST_F(MessageGapTest, AListenerChoosesForItsClients) {
    config_.pubsub.on_gap = config::OnGap::close;
    config_.listen.front().on_gap = config::OnGap::ignore;
    FakeNode node(pubsub_node);
    lead(node);
    listen();
    node.cut();
    wait_subscribes(node, 4);
    first_->expect("UNSUBSCRIBE c\r\n", confirmed("unsubscribe", "c", 1));
}

TEST_F(MessageGapTest, ALinkThatWasLostBeforeItListenedAgainLosesNothingMore) {
    FakeNode node(pubsub_node);
    FakeNode refuses([](const Words& words) {
        return words[0].ends_with("SUBSCRIBE") ? FakeNode::kCutThis : std::string("+OK\r\n");
    });
    lead(node);
    listen();
    lead(refuses);
    wait_subscribes(refuses, 3);
    EXPECT_EQ(gaps(observe::Gap::leader_changed) + gaps(observe::Gap::link_lost), 1U);
}

/// A node that takes no message of that size ends the connection that it came by.
TEST_F(SessionPubSubTest, ALargeMessageOfASubscriberDoesNotTravelOnTheLinkByWhichAllHear) {
    const std::string large(300 * 1024, 'x');
    FakeNode node([&](const Words& words) {
        return words[0] == "PUBLISH" && words[2] == large ? FakeNode::kPause + ":1\r\n" : pubsub_node(words);
    });
    lead(node);
    const auto app = client();
    const auto other = client();
    app->say_hello("HELLO 3\r\n");
    app->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1, '>'));
    app->send("*3\r\n" + bulk("PUBLISH") + bulk("c") + bulk(large));
    wait_for([&] { return node.received() > large.size(); }, "it has arrived");
    other->expect("SUBSCRIBE c d\r\n", confirmed("subscribe", "c", 1) + confirmed("subscribe", "d", 2));
    node.release();
    app->expect(":1\r\n");
}

}  // namespace
}  // namespace portal::testing
