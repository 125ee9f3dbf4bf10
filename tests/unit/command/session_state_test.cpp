#include "command/session_state.hpp"

#include <gtest/gtest.h>

namespace portal::command {
namespace {

TEST(SessionState, ResetForgetsEverything) {
    SessionState state;
    state.database = 3;
    state.name = "x";
    state.protocol = resp::Protocol::resp3;
    state.watching = true;
    state.subscriptions.channels.insert("c");
    state.reset();
    EXPECT_EQ(state.database, 0U);
    EXPECT_EQ(state.name, "");
    EXPECT_EQ(state.protocol, resp::Protocol::resp2);
    EXPECT_FALSE(state.needs_pinned());
}

TEST(PubSubFrames, MessagesConfirmationsAndRepliesAreToldApart) {
    Confirmation confirmation;
    EXPECT_EQ(classify_pubsub("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n", confirmation), PubSubFrame::message);
    EXPECT_EQ(classify_pubsub(">4\r\n$8\r\npmessage\r\n$1\r\np\r\n$1\r\nc\r\n$2\r\nhi\r\n", confirmation),
              PubSubFrame::message);
    EXPECT_EQ(classify_pubsub(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", confirmation), PubSubFrame::message);
    EXPECT_EQ(classify_pubsub("*2\r\n$4\r\npong\r\n$0\r\n\r\n", confirmation), PubSubFrame::reply);
    EXPECT_EQ(classify_pubsub("-ERR no\r\n", confirmation), PubSubFrame::reply);
    EXPECT_EQ(classify_pubsub("$9\r\nsubscribe\r\n", confirmation), PubSubFrame::reply);
    ASSERT_EQ(classify_pubsub("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n", confirmation), PubSubFrame::confirmation);
    EXPECT_EQ(confirmation.kind, Handling::subscribe);
    EXPECT_EQ(confirmation.name, "c");
    EXPECT_EQ(confirmation.remaining, 1);
}

TEST(PubSubFrames, ATruncatedFrameIsNeverReadPastItsEnd) {
    const std::string_view whole = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        Confirmation confirmation;
        EXPECT_NE(classify_pubsub(std::string(whole.substr(0, size)), confirmation), PubSubFrame::confirmation) << size;
    }
}

TEST(PubSubFrames, ConfirmationsKeepTheNamesThatAreSubscribed) {
    Subscriptions subscriptions;
    const auto take = [&](std::string_view frame) {
        Confirmation confirmation;
        ASSERT_EQ(classify_pubsub(frame, confirmation), PubSubFrame::confirmation);
        apply(subscriptions, confirmation);
    };
    take("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    take("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    take("*3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:2\r\n");
    EXPECT_EQ(subscriptions.count(), 2U);
    take("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n");
    take("*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:1\r\n");
    EXPECT_EQ(subscriptions.count(), 1U);
    take("*3\r\n$12\r\npunsubscribe\r\n$2\r\na*\r\n:0\r\n");
    EXPECT_EQ(subscriptions.count(), 0U);
}

}  // namespace
}  // namespace portal::command
