#include "conversation/reply_sequencer.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

TEST(ReplySequencer, TheOldestReplyPassesStraightThrough) {
    ReplySequencer replies;
    std::string out;
    const auto slot = replies.open();
    EXPECT_TRUE(replies.is_front(slot));
    replies.finish(slot, "a", out);
    EXPECT_EQ(out, "a");
    EXPECT_EQ(replies.outstanding(), 0U);
}

TEST(ReplySequencer, AnEarlyReplyWaitsForTheOlderOnes) {
    ReplySequencer replies;
    std::string out;
    const auto first = replies.open();
    const auto second = replies.open();
    replies.finish(second, "b", out);
    EXPECT_EQ(out, "");
    EXPECT_EQ(replies.stored_bytes(), 1U);
    EXPECT_EQ(replies.outstanding(), 2U);
    out += "a";  // the caller writes the front's bytes itself
    ASSERT_TRUE(replies.is_front(first));
    replies.finish_front(out);
    EXPECT_EQ(out, "ab");
    EXPECT_EQ(replies.stored_bytes(), 0U);
    EXPECT_EQ(replies.outstanding(), 0U);
}

TEST(ReplySequencer, AMutedReplyTakesItsPlaceWithoutBytes) {
    ReplySequencer replies;
    std::string out;
    const auto first = replies.open();
    const auto second = replies.open();
    replies.finish(second, "b", out);
    replies.finish(first, "", out);
    EXPECT_EQ(out, "b");
}

TEST(ReplySequencer, AnyOrderOfFinishingGivesTheOrderOfOpening) {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        ReplySequencer replies;
        std::string out;
        std::string expected;
        std::vector<std::pair<ReplySequencer::Slot, std::string>> open;
        for (int i = 0; i < 20; ++i) {
            open.emplace_back(replies.open(),
                              std::string(1 + static_cast<std::size_t>(i) % 3, static_cast<char>('a' + i)));
            expected += open.back().second;
        }
        std::shuffle(open.begin(), open.end(), random);
        for (const auto& [slot, bytes] : open) {
            replies.finish(slot, bytes, out);
        }
        ASSERT_EQ(out, expected);
        ASSERT_EQ(replies.stored_bytes(), 0U);
    }
}

TEST(ReplySequencer, LaterRepliesThatGoOutOneByOneLeaveTheOthersInPlace) {
    ReplySequencer replies;
    std::string out;
    std::string expected;
    for (int i = 0; i < 500; ++i) {
        replies.open();
    }
    for (ReplySequencer::Slot slot = 1; slot < 500; slot += 2) {
        replies.finish(slot, std::to_string(slot) + " ", out);
    }
    for (ReplySequencer::Slot slot = 0; slot < 500; slot += 2) {
        if (slot % 10 == 0) {  // early ones come while some have gone out
            const auto more = replies.open();
            replies.finish(more, std::to_string(more) + " ", out);
        }
        replies.finish(slot, std::to_string(slot) + " ", out);
    }
    for (ReplySequencer::Slot slot = 0; slot < 550; ++slot) {
        expected += std::to_string(slot) + " ";
    }
    EXPECT_EQ(out, expected);
    EXPECT_EQ(replies.outstanding(), 0U);
}

}  // namespace
}  // namespace portal::conversation
