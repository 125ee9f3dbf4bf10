// What a node has sent is cut into replies, whatever pieces it comes in.
#include "upstream/link_reader.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

constexpr resp::ReplyLimits kLimits{};
constexpr std::string_view kReplies = "+OK\r\n$5\r\nhello\r\n>2\r\n$1\r\na\r\n:1\r\n*2\r\n+x\r\n-e\r\n_\r\n";
const std::vector<std::string> kEach = {"+OK\r\n", "$5\r\nhello\r\n", ">2\r\n$1\r\na\r\n:1\r\n", "*2\r\n+x\r\n-e\r\n",
                                        "_\r\n"};

void put(LinkReader& reader, std::string_view bytes) {
    EXPECT_TRUE(reader.input().append(bytes));
}

TEST(LinkReader, RepliesComeWholeHoweverTheyAreSplit) {
    for (std::size_t split = 0; split <= kReplies.size(); ++split) {
        LinkReader reader{kLimits};
        std::vector<std::string> seen;
        for (const std::string_view part : {kReplies.substr(0, split), kReplies.substr(split)}) {
            put(reader, part);
            while (!reader.empty()) {
                const LinkReader::Piece piece = reader.next();
                if (!piece.whole()) {
                    break;
                }
                EXPECT_EQ(reader.type(), piece.bytes.front());
                seen.emplace_back(piece.bytes);
                reader.take(piece);
                EXPECT_FALSE(reader.within_reply());
            }
        }
        EXPECT_EQ(seen, kEach) << split;
        EXPECT_TRUE(reader.empty());
    }
}

TEST(LinkReader, PiecesThatAreTakenAsTheyComeMakeUpTheReply) {
    const std::string reply = "$300\r\n" + std::string(300, '>') + "\r\n";
    for (std::size_t split = 7; split < reply.size(); ++split) {
        LinkReader reader{kLimits};
        put(reader, std::string_view(reply).substr(0, split));
        const LinkReader::Piece head = reader.next();
        EXPECT_FALSE(head.whole());
        EXPECT_EQ(reader.type(), '$');
        EXPECT_GE(reader.expected(), 300u);
        std::string seen(head.bytes);
        reader.take(head);
        EXPECT_TRUE(reader.within_reply());
        put(reader, std::string(std::string_view(reply).substr(split)) + "+OK\r\n");
        const LinkReader::Piece rest = reader.next();
        EXPECT_TRUE(rest.whole());
        EXPECT_EQ(reader.type(), '$') << "whatever the rest begins with";
        seen.append(rest.bytes);
        reader.take(rest);
        EXPECT_FALSE(reader.within_reply());
        EXPECT_EQ(seen, reply) << split;
        EXPECT_EQ(reader.next().bytes, "+OK\r\n");
    }
}

TEST(LinkReader, APieceThatIsNotTakenComesAgainWithWhatFollows) {
    LinkReader reader{kLimits};
    put(reader, "$5\r\nhel");
    EXPECT_FALSE(reader.next().whole());
    EXPECT_FALSE(reader.next().whole());
    put(reader, "lo\r\n");
    const LinkReader::Piece piece = reader.next();
    EXPECT_TRUE(piece.whole());
    EXPECT_EQ(piece.bytes, "$5\r\nhello\r\n");
}

class Nobody final : public ReplySink {
  public:
    bool on_reply(PendingRequest&, const resp::ReplyHead&, std::string_view) override { return true; }
    void on_lost(PendingRequest&, std::string_view, const Loss&) override {}
    void on_refused(PendingRequest&, std::string_view, std::string_view) override {}
    bool take_push(const resp::ReplyHead&, const PendingRequest*) override { return false; }
    void on_pinned_lost() override {}
};

TEST(LinkReader, OnlyALargeReplyThatMayComeInPartsIsTakenBeforeItIsWhole) {
    PendingRequest swallowed;
    PendingRequest whole;
    whole.sink = ReplySinkPtr(new Nobody);
    PendingRequest parts = whole;
    parts.parts = true;
    struct Case {
        std::string_view bytes;
        bool swallowed, whole, parts;
    };
    for (const Case& each : {Case{"$262143\r\nabc", true, false, true}, Case{"$262000\r\nabc", true, false, false},
                             Case{"$262144\r\n", true, false, true}, Case{">3\r\n$900000\r\nabc", false, false, false},
                             Case{"+1700000000.0 [0 127.0.0.1:1] \"SET\"", false, false, false},
                             Case{"*100000\r\n:1\r\n", true, false, true}}) {
        LinkReader reader{kLimits};
        put(reader, each.bytes);
        EXPECT_FALSE(reader.next().whole());
        EXPECT_EQ(reader.takes_part(swallowed), each.swallowed) << each.bytes;
        EXPECT_EQ(reader.takes_part(whole), each.whole) << each.bytes;
        EXPECT_EQ(reader.takes_part(parts), each.parts) << each.bytes;
    }
}

TEST(LinkReader, TheRestOfAReplyIsTakenAsItComes) {
    PendingRequest whole;
    whole.sink = ReplySinkPtr(new Nobody);
    LinkReader reader{kLimits};
    put(reader, "$300000\r\nabc");
    reader.take(reader.next());
    put(reader, ">+");
    const LinkReader::Piece rest = reader.next();
    EXPECT_FALSE(rest.whole());
    EXPECT_TRUE(reader.takes_part(whole));
}

TEST(LinkReader, AFenceIsAnsweredShortly) {
    PendingRequest fence;
    fence.fence = Fence::behind_plain;
    LinkReader reader{kLimits};
    put(reader, "$4000\r\nabc");
    EXPECT_FALSE(reader.next().whole());
    EXPECT_FALSE(reader.takes_part(fence));
    LinkReader longer{kLimits};
    put(longer, "$4096\r\nabc");
    EXPECT_FALSE(longer.next().whole());
    EXPECT_TRUE(longer.takes_part(fence));
}

TEST(LinkReader, WhatIsNoReplyIsAnError) {
    LinkReader reader{kLimits};
    put(reader, "GET x\r\n");
    EXPECT_EQ(reader.next().status, resp::ScanStatus::error);
}

}  // namespace
}  // namespace portal::upstream
