#include "session/outgoing_messages.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using resp::Protocol;
using upstream::Message;
using upstream::MessagePtr;

/// All that is to be sent, piece by piece; `output` keeps what stands behind the last message and was not taken.
std::string drained(OutgoingMessages& messages, std::string& output, Protocol protocol) {
    std::string all;
    std::string gathered;
    while (!messages.empty()) {
        all += messages.next(output, protocol, gathered);
        messages.trim(output);
    }
    return all;
}

TEST(OutgoingMessages, KeepTheirPlacesAmongTheReplies) {
    const MessagePtr a(new Message(">1\r\n+a\r\n"));
    const MessagePtr b(new Message(">1\r\n+b\r\n"));
    OutgoingMessages messages;
    std::string output = "+1\r\n";
    messages.push(a, output.size());
    messages.push(b, output.size());
    output += "+2\r\n";
    messages.push(a, output.size());
    output += "+3\r\n";
    EXPECT_EQ(drained(messages, output, Protocol::resp3) + output,
              "+1\r\n>1\r\n+a\r\n>1\r\n+b\r\n+2\r\n>1\r\n+a\r\n+3\r\n");
}

TEST(OutgoingMessages, MoreMayBeQueuedWhileSomeAreSent) {
    const MessagePtr small(new Message(">1\r\n+a\r\n"));
    const MessagePtr big(new Message(">1\r\n$300000\r\n" + std::string(300'000, 'x') + "\r\n"));
    OutgoingMessages messages;
    std::string output = "first";
    std::string expected = output;
    std::string sent;
    std::string gathered;
    for (int i = 0; i < 50; ++i) {
        const MessagePtr& each = i % 7 == 0 ? big : small;
        messages.push(each, output.size());
        expected += each->frame(Protocol::resp2);
        const std::string reply = ":" + std::to_string(i) + "\r\n";
        output += reply;
        expected += reply;
        sent += messages.next(output, Protocol::resp2, gathered);
        messages.trim(output);
    }
    sent += drained(messages, output, Protocol::resp2) + output;
    EXPECT_EQ(sent == expected, true) << sent.size() << " bytes for " << expected.size();
}

TEST(OutgoingMessages, EachClientGetsTheFirstByteOfItsProtocolFromTheOneCopy) {
    const MessagePtr message(new Message(">1\r\n+a\r\n"));
    OutgoingMessages resp2, resp3;
    resp2.push(message, 0);
    resp3.push(message, 0);
    std::string none;
    EXPECT_EQ(drained(resp2, none, Protocol::resp2), "*1\r\n+a\r\n");
    EXPECT_EQ(drained(resp3, none, Protocol::resp3), ">1\r\n+a\r\n");
}

TEST(OutgoingMessages, AMessageIsSentFromWhereItStandsAndIsGoneWithItsLastClient) {
    const MessagePtr message(new Message(">1\r\n+a\r\n"));
    OutgoingMessages messages;
    std::string none;
    std::string gathered;
    messages.push(message, 0);
    EXPECT_EQ(messages.next(none, Protocol::resp3, gathered).data(), message->frame(Protocol::resp3).data());
    messages.trim(none);
    EXPECT_EQ(message->use_count(), 1U);
    EXPECT_EQ(messages.bytes(), 0U);
}

TEST(OutgoingMessages, SmallOnesLeaveTogetherAndNoPieceIsLong) {
    const MessagePtr message(new Message(">1\r\n$1000\r\n" + std::string(1000, 'x') + "\r\n"));
    OutgoingMessages messages;
    for (int i = 0; i < 1000; ++i) {
        messages.push(message, 0);
    }
    std::string none;
    std::string gathered;
    int pieces = 0;
    while (!messages.empty()) {
        EXPECT_LE(messages.next(none, Protocol::resp3, gathered).size(), 64U * 1024);
        messages.trim(none);
        ++pieces;
    }
    EXPECT_LE(pieces, 17);
}

TEST(OutgoingMessages, WhatWaitsIsCountedWithWhatItCostsToRememberIt) {
    const MessagePtr message(new Message(">0\r\n"));
    OutgoingMessages messages;
    messages.push(message, 0);
    EXPECT_GT(messages.bytes(), message->size());
}

}  // namespace
}  // namespace portal::session
