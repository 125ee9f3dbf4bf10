#include "session/client_subscriptions.hpp"

#include "command/classifier.hpp"
#include "fake_feature_host.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using upstream::PubSubFrame;
using upstream::SubscriptionKind;

template <typename... Words>
std::string request(Words... words) {
    std::string frame;
    resp::write_request(frame, words...);
    return frame;
}

const command::CommandRow& row_of(const std::string& frame) {
    return command::classify(resp::RequestView(frame));
}

/// A command of a transaction.
QueuedCommands::Own queued(std::string frame) {
    QueuedCommands::Own own;
    own.row = &row_of(frame);
    own.frame = std::move(frame);
    return own;
}

PubSubFrame heard(SubscriptionKind kind, const std::string& name) {
    PubSubFrame head;
    head.type = PubSubFrame::Type::message;
    head.kind = kind;
    head.name = name;
    return head;
}

TEST(ClientSubscriptions, WhatATransactionSubscribedToIsOnTheLinkAndConfirmedNameByName) {
    FakeFeatureHost host;
    ClientSubscriptions subscriptions(host);
    const auto subscribe = queued(request("SUBSCRIBE", "a", "b"));
    std::string out;
    EXPECT_FALSE(subscriptions.take_confirmation(subscribe, "*3\r\n", out)) << "another is still to come";
    EXPECT_TRUE(subscriptions.take_confirmation(subscribe, "*3\r\n", out));
    EXPECT_EQ(out,
              "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
              "*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n");
    EXPECT_TRUE(host.client.listens);
    EXPECT_TRUE(host.client.listens_on_link);
    EXPECT_TRUE(host.client.needs_link());
    EXPECT_TRUE(subscriptions.listens_on_link(heard(SubscriptionKind::channel, "a")));
    EXPECT_FALSE(subscriptions.listens_on_link(heard(SubscriptionKind::pattern, "a")));
    EXPECT_FALSE(subscriptions.listens_on_link(heard(SubscriptionKind::channel, "c")));
}

TEST(ClientSubscriptions, AnUnsubscribeOfEverythingInATransactionTakesAFrameForEachNameOnTheLink) {
    FakeFeatureHost host;
    ClientSubscriptions subscriptions(host);
    std::string out;
    const auto subscribe = queued(request("PSUBSCRIBE", "a*", "b*"));
    subscriptions.take_confirmation(subscribe, "*3\r\n", out);
    subscriptions.take_confirmation(subscribe, "*3\r\n", out);
    out.clear();
    const auto unsubscribe = queued(request("PUNSUBSCRIBE"));
    EXPECT_FALSE(subscriptions.take_confirmation(unsubscribe, "*3\r\n", out));
    EXPECT_TRUE(subscriptions.take_confirmation(unsubscribe, "*3\r\n", out));
    EXPECT_EQ(out,
              "*3\r\n$12\r\npunsubscribe\r\n$2\r\na*\r\n:1\r\n"
              "*3\r\n$12\r\npunsubscribe\r\n$2\r\nb*\r\n:0\r\n");
    EXPECT_FALSE(host.client.listens);
    EXPECT_FALSE(host.client.needs_link());
}

TEST(ClientSubscriptions, ASubscribeThatTheNodeRefusesIsOneFrame) {
    FakeFeatureHost host;
    ClientSubscriptions subscriptions(host);
    std::string out;
    EXPECT_TRUE(subscriptions.take_confirmation(queued(request("SUBSCRIBE", "a", "b")), "-NOPERM no\r\n", out));
    EXPECT_EQ(out, "") << "the refusal is for the answer of EXEC to hold";
    EXPECT_FALSE(host.client.listens);
    EXPECT_FALSE(subscriptions.take_confirmation(queued(request("SUBSCRIBE", "a", "b")), "*3\r\n", out))
        << "the next one begins anew";
}

TEST(ClientSubscriptions, ToStopListeningToNothingIsConfirmedWithAName) {
    FakeFeatureHost host;
    ClientSubscriptions subscriptions(host);
    host.mutes = true;
    const std::string frame = request("UNSUBSCRIBE", "x");
    EXPECT_TRUE(subscriptions.take(row_of(frame), resp::RequestView(frame)));
    const std::string all = request("SUNSUBSCRIBE");
    EXPECT_TRUE(subscriptions.take(row_of(all), resp::RequestView(all)));
    ASSERT_EQ(host.replies.size(), 2U) << "also with CLIENT REPLY OFF";
    EXPECT_EQ(host.replies[0], "*3\r\n$11\r\nunsubscribe\r\n$1\r\nx\r\n:0\r\n");
    EXPECT_EQ(host.replies[1], "*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n");
}

TEST(ClientSubscriptions, AnUnsubscribeWaitsUntilEverythingBeforeItIsAnswered) {
    FakeFeatureHost host;
    ClientSubscriptions subscriptions(host);
    host.sent.note_sent(nullptr, 1);
    const std::string frame = request("UNSUBSCRIBE", "x");
    EXPECT_FALSE(subscriptions.take(row_of(frame), resp::RequestView(frame)));
    EXPECT_EQ(host.waits, Wait::drained);
    EXPECT_TRUE(host.replies.empty());
}

TEST(ClientSubscriptions, AClientThatLosesMessagesOrItsRightIsCutOff) {
    FakeFeatureHost host;
    ClientSubscriptions subscriptions(host);
    subscriptions.on_message_dropped();
    subscriptions.on_subscription_denied();
    upstream::SubscribeRequest again{SubscriptionKind::channel, {"a"}, kNoSlot};
    subscriptions.on_subscribe_refused(again, "-NOPERM no\r\n");
    using observe::Closed;
    EXPECT_EQ(host.cut_offs, (std::vector{Closed::output_limit, Closed::backend, Closed::backend}));
}

TEST(SubscriberMode, RefusesWhatHasNothingToDoWithListening) {
    const auto refusal = [](const std::string& frame) {
        return subscriber_mode_refusal(row_of(frame), resp::RequestView(frame).argc());
    };
    EXPECT_EQ(refusal(request("PING")), "");
    EXPECT_EQ(refusal(request("PUNSUBSCRIBE")), "");
    EXPECT_EQ(refusal(request("NOSUCH")), "") << "that is said instead";
    EXPECT_TRUE(refusal(request("GET", "k")).starts_with("ERR Can't execute 'get'"));
    EXPECT_TRUE(refusal(request("GET")).starts_with("ERR wrong number"));
    EXPECT_TRUE(refusal(request("EXEC")).starts_with("EXECABORT"));
}

TEST(SubscriberMode, ANameIsLongWhenItIsALargeRequestByItself) {
    const std::string name(256 * 1024, 'x');
    const auto is_long = [](const std::string& frame) {
        return has_long_name(row_of(frame), resp::RequestView(frame));
    };
    EXPECT_TRUE(is_long(request("SUBSCRIBE", "a", name)));
    EXPECT_FALSE(is_long(request("SUBSCRIBE", "a", name.substr(1))));
    EXPECT_FALSE(is_long(request("PUBLISH", name, "m")));
}

}  // namespace
}  // namespace portal::session
