#include "session/client_output.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using upstream::Message;
using upstream::MessagePtr;

MessagePtr message(const std::string& word) {
    return {new Message(">1\r\n+" + word + "\r\n")};
}

/// What a socket that takes everything gets: messages first, then what is left.
std::string drained(ClientOutput& output) {
    std::string all;
    std::string gathered;
    while (output.has_messages()) {
        all += output.next_piece(resp::Protocol::resp3, gathered);
        output.pieces_sent();
    }
    all += output.unsent();
    output.sent(output.unsent().size());
    return all;
}

TEST(ClientOutput, RepliesGoOutAsFarAsTheSocketTakesThem) {
    ClientOutput output;
    output.append("+OK\r\n");
    EXPECT_EQ(output.unsent(), "+OK\r\n");
    output.sent(1);
    EXPECT_EQ(output.unsent(), "OK\r\n");
    EXPECT_EQ(output.unread(), 4U);
    output.append(":1\r\n");
    output.sent(4);
    EXPECT_EQ(output.unsent(), ":1\r\n");
    output.sent(4);
    EXPECT_TRUE(output.empty());
    EXPECT_EQ(output.unread(), 0U);
}

TEST(ClientOutput, AMessageStandsBehindTheRepliesThatWereThereAndBeforeLaterOnes) {
    ClientOutput output;
    output.append("+1\r\n");
    EXPECT_TRUE(output.push(message("a"))) << "the client must be marked";
    EXPECT_FALSE(output.push(message("b"))) << "it is already";
    output.append("+2\r\n");
    EXPECT_EQ(output.message_count(), 2U);
    EXPECT_EQ(drained(output), "+1\r\n>1\r\n+a\r\n>1\r\n+b\r\n+2\r\n");
    EXPECT_TRUE(output.empty());
    EXPECT_FALSE(output.has_messages());
}

TEST(ClientOutput, AMessageBehindRepliesThatAreHalfSentFollowsTheirRest) {
    ClientOutput output;
    output.append("$10\r\n0123456789\r\n");
    output.sent(5);
    output.push(message("a"));
    EXPECT_EQ(drained(output), "0123456789\r\n>1\r\n+a\r\n");
}

TEST(ClientOutput, NothingStandsWithinALargeReply) {
    ClientOutput output;
    output.begin_reply("$6\r\nabc");
    EXPECT_TRUE(output.within_reply());
    EXPECT_FALSE(output.push(message("a")));
    EXPECT_FALSE(output.push(message("b")));
    EXPECT_FALSE(output.has_messages()) << "they wait";
    const std::size_t unread = output.unread();
    EXPECT_GT(unread, output.unsent().size()) << "but count as unread";
    EXPECT_EQ(drained(output), "$6\r\nabc");
    output.append("def\r\n");
    output.end_reply();
    EXPECT_FALSE(output.within_reply());
    EXPECT_EQ(output.message_count(), 2U);
    output.append("+next\r\n");
    EXPECT_EQ(drained(output), "def\r\n>1\r\n+a\r\n>1\r\n+b\r\n+next\r\n");
}

TEST(ClientOutput, MessagesAreCountedAsIfTheyWereThisClientsAlone) {
    ClientOutput first;
    ClientOutput second;
    const MessagePtr shared = message("a");
    first.push(shared);
    second.push(shared);
    EXPECT_GE(first.unread(), shared->size());
    EXPECT_EQ(first.unread(), second.unread());
    first.drop_messages();
    EXPECT_EQ(first.unread(), 0U);
    EXPECT_EQ(shared->use_count(), 2U);
}

}  // namespace
}  // namespace portal::session
