#include "upstream/pubsub_frame.hpp"

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using Type = PubSubFrame::Type;

TEST(PubSubFrame, MessagesConfirmationsAndRepliesAreToldApart) {
    const auto message = read_pubsub_frame(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    EXPECT_EQ(message.type, Type::message);
    EXPECT_EQ(message.name, "c");
    const auto pattern = read_pubsub_frame(">4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$1\r\nc\r\n$2\r\nhi\r\n");
    EXPECT_EQ(pattern.type, Type::message);
    EXPECT_EQ(pattern.kind, SubscriptionKind::pattern);
    EXPECT_EQ(pattern.name, "p*") << "the pattern, not the channel";
    const auto confirmed = read_pubsub_frame("*3\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n:1\r\n");
    EXPECT_EQ(confirmed.type, Type::subscribed);
    EXPECT_EQ(confirmed.kind, SubscriptionKind::shard_channel);
    EXPECT_EQ(read_pubsub_frame(">3\r\n$12\r\npunsubscribe\r\n$1\r\nc\r\n:0\r\n").type, Type::unsubscribed);
    for (const auto* reply : {"+PONG\r\n", "-ERR no\r\n", ":1\r\n", "*2\r\n$3\r\nfoo\r\n$3\r\nbar\r\n", "*0\r\n",
                              ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", ">1\r\n$7\r\nmessage\r\n"}) {
        EXPECT_EQ(read_pubsub_frame(reply).type, Type::reply) << reply;
    }
}

TEST(PubSubFrame, AFrameThatEndsAnywhereIsNeverReadPastItsEnd) {
    const std::string_view whole = ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string part(whole.substr(0, size));  // a copy of its own, so that a sanitizer sees its end
        const PubSubFrame frame = read_pubsub_frame(part);
        EXPECT_TRUE(frame.type == Type::reply || frame.name == "c") << size;
    }
    EXPECT_EQ(read_pubsub_frame(">3\r\n$9\r\nsubscribe\r\n$18446744073709551615\r\nc\r\n").type, Type::reply);
}

}  // namespace
}  // namespace portal::upstream
