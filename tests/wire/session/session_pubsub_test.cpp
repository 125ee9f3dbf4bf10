#include "binary_content.hpp"
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

std::string bulk(std::string_view text) {
    return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

std::string confirmed(std::string_view word, std::string_view name, int count, char first = '*') {
    return first + ("3\r\n" + bulk(word)) + bulk(name) + ":" + std::to_string(count) + "\r\n";
}

std::string message(std::string_view channel, std::string_view text, char first = '*') {
    return first + ("3\r\n" + bulk("message")) + bulk(channel) + bulk(text);
}

/// Confirms subscriptions, and publishes by what PUBLISH says, on the same connection.
std::string pubsub_node(const Words& words) {
    std::string out;
    std::string word = words[0];
    std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    if (word.ends_with("subscribe")) {
        for (std::size_t i = 1; i < words.size(); ++i) {
            out += confirmed(word, words[i], static_cast<int>(i), '>');
        }
        return out;
    }
    if (word == "publish") {
        return message(words[1], words[2], '>') + ":1\r\n";
    }
    return word == "ping" ? "+PONG\r\n" : "+OK\r\n";
}

class SessionPubSubTest : public PortalTest {
  protected:
    static Words subscribes(const FakeNode& node) {
        Words all = node.seen();
        std::erase_if(all, [](const std::string& each) { return each.find("SUBSCRIBE") == std::string::npos; });
        return all;
    }
    static void speak_resp3(const TestClient& app) {
        app.send("HELLO 3\r\n");
        std::string hello;
        while (!hello.ends_with("*0\r\n")) {
            const std::string more = app.read(1);
            ASSERT_FALSE(more.empty()) << hello;
            hello += more;
        }
    }
    void wait_subscribes(const FakeNode& node, std::size_t count) {
        wait_for([&] { return subscribes(node).size() >= count; }, "the node is asked");
    }
};

TEST_F(SessionPubSubTest, SubscribersOfOneChannelCostTheNodeOneAndEachHearsInItsOwnProtocol) {
    FakeNode node(pubsub_node);
    lead(node);
    const auto first = client();
    const auto second = client();
    const auto publisher = client();
    first->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    speak_resp3(*second);
    second->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1, '>'));
    // With RESP3 a subscriber may publish, and hears itself before the reply.
    second->expect("PUBLISH c hi\r\n", message("c", "hi", '>') + ":2\r\n");
    first->expect(message("c", "hi"));
    EXPECT_EQ(subscribes(node), (Words{"SUBSCRIBE c"}));
}

TEST_F(SessionPubSubTest, AMessageThatComesWithinALargeReplyFollowsIt) {
    const std::string large = bulk(binary_content(4'000'000));
    FakeNode node([&](const Words& words) {
        return words[0] == "GET" ? large.substr(0, 2'000'000) + FakeNode::kPause + large.substr(2'000'000)
                                 : pubsub_node(words);
    });
    lead(node);
    const auto listener = client();
    const auto publisher = client();
    for (const auto* each : {listener.get(), publisher.get()}) {
        speak_resp3(*each);
        each->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1, '>'));
    }
    listener->send("GET big\r\n");
    listener->expect(large.substr(0, 1'000'000));
    publisher->expect("PUBLISH c hi\r\n", message("c", "hi", '>') + ":2\r\n");
    node.release();
    listener->expect(large.substr(1'000'000) + message("c", "hi", '>'));
    publisher->expect("PUBLISH c again\r\n", message("c", "again", '>') + ":2\r\n");
    listener->expect(message("c", "again", '>'));
}

TEST_F(SessionPubSubTest, WhenTheLastSubscriberLeavesTheNodeIsToldOnce) {
    FakeNode node(pubsub_node);
    lead(node);
    const auto first = client();
    auto second = client();
    first->expect("SUBSCRIBE c d\r\n", confirmed("subscribe", "c", 1) + confirmed("subscribe", "d", 2));
    second->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    first->expect("UNSUBSCRIBE c\r\n", confirmed("unsubscribe", "c", 1));
    EXPECT_EQ(subscribes(node), (Words{"SUBSCRIBE c d"}));
    second.reset();
    wait_subscribes(node, 2);
    first->expect("UNSUBSCRIBE\r\n", confirmed("unsubscribe", "d", 0));
    wait_subscribes(node, 3);
    EXPECT_EQ(subscribes(node), (Words{"SUBSCRIBE c d", "UNSUBSCRIBE c", "UNSUBSCRIBE d"}));
}

TEST_F(SessionPubSubTest, ConfirmationsKeepTheirPlaceAmongOtherReplies) {
    FakeNode node(pubsub_node);
    lead(node);
    const auto app = client();
    app->expect("SET a 1\r\nSUBSCRIBE c\r\nUNSUBSCRIBE c\r\nSET a 2\r\nPSUBSCRIBE p\r\nPING\r\nPING x\r\n",
                "+OK\r\n" + confirmed("subscribe", "c", 1) + confirmed("unsubscribe", "c", 0) + "+OK\r\n" +
                    confirmed("psubscribe", "p", 1) + "*2\r\n" + bulk("pong") + bulk("") + "*2\r\n" + bulk("pong") +
                    bulk("x"));
}

TEST_F(SessionPubSubTest, ARespTwoSubscriberMayDoLittleElseAndIsToldSoAsRedisWordsIt) {
    FakeNode node(pubsub_node);
    lead(node);
    const auto app = client();
    const std::string end =
        "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n";
    app->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    app->expect("GET a\r\n", "-ERR Can't execute 'get" + end);
    app->expect("CONFIG GET a\r\n", "-ERR Can't execute 'config|get" + end);
    app->expect("EXEC\r\n", "-EXECABORT Transaction discarded because of: Can't execute 'exec" + end);
    app->expect("UNSUBSCRIBE\r\nSUBSCRIBE d\r\nCLIENT ID\r\nPUBLISH d x\r\n",
                confirmed("unsubscribe", "c", 0) + confirmed("subscribe", "d", 1) + "-ERR Can't execute 'client|id" +
                    end + "-ERR Can't execute 'publish" + end);
    app->expect("GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    app->expect("PING a b\r\n", "-ERR wrong number of arguments for 'ping' command\r\n");
    app->expect("RESET\r\nGET a\r\n", "+RESET\r\n+OK\r\n");
}

TEST_F(SessionPubSubTest, ThousandsOfSubscriptionsInOnePipelineAreConfirmedInOrder) {
    FakeNode node(pubsub_node);
    lead(node);
    const auto app = client();
    std::string commands, confirmations;
    for (int i = 1; i <= 10'000; ++i) {  // more than a session has in flight at a time
        commands += "SUBSCRIBE c" + std::to_string(i) + "\r\n";
        confirmations += confirmed("subscribe", "c" + std::to_string(i), i);
    }
    app->expect(commands, confirmations);
}

TEST_F(SessionPubSubTest, WhatTheNodeRefusesIsRefusedToThatClientOnly) {
    const std::string refusal =
        "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";
    FakeNode node([&](const Words& words) {
        return words[0] == "SUBSCRIBE" && words.back() == "secret" ? refusal : pubsub_node(words);
    });
    lead(node);
    const auto app = client();
    const auto other = client();
    other->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    app->expect("SUBSCRIBE c secret\r\n", refusal);
    app->expect("SET a 1\r\n", "+OK\r\n");
    app->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
}

TEST_F(SessionPubSubTest, WhoIsNotAllowedAnyMoreIsClosedWhenSubscriptionsAreMadeAgain) {
    FakeNode first(pubsub_node);
    FakeNode second([&](const Words& words) {
        const bool secret = std::ranges::find(words, "secret") != words.end();
        return words[0] == "SUBSCRIBE" && secret ? std::string("-NOPERM no\r\n") : pubsub_node(words);
    });
    lead(first);
    const auto stays = client();
    const auto goes = client();
    stays->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    goes->expect("SUBSCRIBE secret\r\n", confirmed("subscribe", "secret", 1));
    first.die();
    lead(second);
    EXPECT_TRUE(goes->closed());
    const auto publisher = client();
    wait_subscribes(second, 3);  // both at once, then one by one
    stays->expect("SUBSCRIBE d\r\n", confirmed("subscribe", "d", 2));
}

TEST_F(SessionPubSubTest, AfterAChangeOfPasswordWhoKnowsTheNewOneStaysSubscribed) {
    const auto node_with = [](const Words& accepted) {
        return [accepted](const Words& words) -> std::string {
            if (words[0] == "AUTH") {
                return std::ranges::find(accepted, words[2]) != accepted.end() ? "+OK\r\n" : "-WRONGPASS no\r\n";
            }
            return pubsub_node(words);
        };
    };
    FakeNode first(node_with({"old", "new"}));
    FakeNode second(node_with({"new"}));
    lead(first);
    const auto before = client();
    const auto after = client();
    before->expect("AUTH ann old\r\nSUBSCRIBE c\r\n", "+OK\r\n" + confirmed("subscribe", "c", 1));
    after->expect("AUTH ann new\r\nSUBSCRIBE c\r\n", "+OK\r\n" + confirmed("subscribe", "c", 1));
    first.die();
    lead(second);
    EXPECT_TRUE(before->closed());
    wait_subscribes(second, 1);
    after->expect("SUBSCRIBE d\r\n", confirmed("subscribe", "d", 2));
}

TEST_F(SessionPubSubTest, ASubscriptionThatFindsNoLeaderInTimeIsRefused) {
    config_.hold.time = std::chrono::milliseconds(300);
    FakeNode silent([](const Words&) { return FakeNode::kSilence; });
    lead(silent);
    const auto app = client();
    app->send("SUBSCRIBE c\r\n");
    wait_subscribes(silent, 1);
    nobody_leads("a test");
    app->expect("-NOLEADER ");
}

TEST_F(SessionPubSubTest, ABurstOfMoreThanOneTurnHandsOnReachesEverybodyInOrder) {
    constexpr int kMessages = 3000;
    const auto numbered = [](char first) {
        std::string all;
        for (int i = 0; i < kMessages; ++i) {
            all += message("c", std::to_string(i), first);
        }
        return all;
    };
    FakeNode node(
        [&](const Words& words) { return words[0] == "PUBLISH" ? numbered('>') + ":1\r\n" : pubsub_node(words); });
    lead(node);
    std::vector<std::unique_ptr<TestClient>> listeners;
    for (int i = 0; i < 40; ++i) {
        listeners.push_back(client());
        listeners.back()->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    }
    const auto publisher = client();
    speak_resp3(*publisher);
    publisher->expect("SUBSCRIBE x\r\n", confirmed("subscribe", "x", 1, '>'));
    for (int round = 0; round < 3; ++round) {
        publisher->expect("PUBLISH c all\r\n", ":40\r\n");
        for (const auto& each : listeners) {
            EXPECT_EQ(each->read(numbered('*').size()) == numbered('*'), true);
        }
    }
    EXPECT_EQ(counters().messages_received.get(), 3U * kMessages);
    EXPECT_EQ(counters().messages_delivered.get(), 3U * kMessages * listeners.size());
}

TEST_F(SessionPubSubTest, ASubscriberThatDoesNotReadIsClosedAndTheOthersHearOn) {
    config_.limits.output_bytes.count = 4 * 1024 * 1024;
    FakeNode node(pubsub_node);
    lead(node);
    const auto slow = client();
    const auto quick = client();
    slow->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    speak_resp3(*quick);
    quick->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1, '>'));
    const std::string text(100'000, 'x');
    const std::string heard = message("c", text, '>');
    const auto& closed = counters().client_connections_closed;
    const auto over_limit = static_cast<std::size_t>(observe::Closed::output_limit);
    for (int i = 0; i < 1000 && closed[over_limit].get() == 0; ++i) {
        quick->send("*3\r\n" + bulk("PUBLISH") + bulk("c") + bulk(text));
        ASSERT_EQ(quick->read(heard.size()), heard);
        const std::string count = quick->line();
        ASSERT_TRUE(count == ":2\r\n" || count == ":1\r\n") << count;  // of the two, until one is closed
    }
    EXPECT_EQ(closed[over_limit].get(), 1U);
    quick->expect("PING\r\n", "+PONG\r\n");
}

/// What redis-server answers that knows of one connection that listens, whoever is behind it.
std::string counting_node(const Words& words) {
    if (words[0] == "PUBSUB") {
        return words[1] == "SHARDCHANNELS" ? "*3\r\n" + bulk("a") + bulk("__redis-portal__:subscribers") + bulk("b")
                                           : "*4\r\n" + bulk("c") + ":1\r\n" + bulk("nobody") + ":0\r\n";
    }
    if (words[0] == "MULTI" || words[0] == "EXEC") {
        return words[0] == "MULTI" ? "+OK\r\n" : "*1\r\n:1\r\n";
    }
    return words[0] == "PUBLISH" || words[0] == "SPUBLISH" ? std::string(":1\r\n") : pubsub_node(words);
}

TEST_F(SessionPubSubTest, ClientsAreCountedWhereTheNodeCountsTheLinkThatTheyShare) {
    std::atomic<bool> queues{false};
    FakeNode node([&](const std::vector<std::string>& words) {
        queues = words[0] == "MULTI" || (queues && words[0] != "EXEC");
        return queues && words[0] == "PUBLISH" ? std::string("+QUEUED\r\n") : counting_node(words);
    });
    lead(node);
    const auto asks = client();
    asks->expect("PUBLISH c x\r\n", ":1\r\n");
    std::vector<std::unique_ptr<TestClient>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(client());
        all.back()->expect("SUBSCRIBE c\r\nSUBSCRIBE c\r\n",
                           confirmed("subscribe", "c", 1) + confirmed("subscribe", "c", 1));
    }
    const std::string counted = "*4\r\n" + bulk("c") + ":5\r\n" + bulk("nobody") + ":0\r\n";
    asks->expect("PUBLISH c x\r\nPUBSUB NUMSUB c nobody\r\n", ":5\r\n" + counted);
    asks->expect("SPUBLISH c x\r\n", ":1\r\n");  // a shard channel is another one
    for (int i = 0; i < 3; ++i) {
        all[static_cast<std::size_t>(i)]->expect("PSUBSCRIBE c* ?\r\n",
                                                 confirmed("psubscribe", "c*", 2) + confirmed("psubscribe", "?", 3));
        all[static_cast<std::size_t>(i)]->expect("SSUBSCRIBE c\r\n", confirmed("ssubscribe", "c", 1));
    }
    asks->expect("PUBLISH c x\r\nPUBLISH x x\r\nPUBLISH cc x\r\nSPUBLISH c x\r\n", ":9\r\n:3\r\n:3\r\n:3\r\n");
    asks->expect("PUBSUB SHARDCHANNELS\r\n", "*2\r\n" + bulk("a") + bulk("b"));
    asks->expect("MULTI\r\nPUBLISH c x\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");  // Redis's own
    all[4].reset();
    wait_for([&] { return counters().client_connections.get() == 5; }, "it is gone");
    all[3]->expect("UNSUBSCRIBE c\r\n", confirmed("unsubscribe", "c", 0));
    asks->expect("PUBLISH c x\r\n", ":7\r\n");
    node.cut();
    const auto counted_again = [&] {
        asks->send("PUBLISH c x\r\n");
        return asks->line() == ":7\r\n";
    };
    wait_for(counted_again, "they listen again");
}

TEST_F(SessionPubSubTest, AnErrorOrAQueuedPublishIsNoCount) {
    FakeNode node([](const Words& words) {
        return words[0] == "PUBLISH" ? std::string("-NOPERM no\r\n") : counting_node(words);
    });
    lead(node);
    const auto first = client();
    const auto second = client();
    const auto asks = client();
    first->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    second->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1));
    asks->expect("PUBLISH c x\r\nPUBLISH c\r\n", "-NOPERM no\r\n-NOPERM no\r\n");
}

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
    speak_resp3(*app);
    app->expect("SUBSCRIBE c\r\n", confirmed("subscribe", "c", 1, '>'));
    app->send("*3\r\n" + bulk("PUBLISH") + bulk("c") + bulk(large));
    wait_for([&] { return node.received() > large.size(); }, "it has arrived");
    other->expect("SUBSCRIBE c d\r\n", confirmed("subscribe", "c", 1) + confirmed("subscribe", "d", 2));
    node.release();
    app->expect(":1\r\n");
}

}  // namespace
}  // namespace portal::testing
