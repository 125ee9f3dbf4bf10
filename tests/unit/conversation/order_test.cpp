#include "conversation/order.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

using std::chrono::seconds;

TEST(Order, WhatIsOnItsWayKeepsLaterRequestsOnTheSameLink) {
    const int one = 0;
    const int two = 0;
    Order order;
    EXPECT_TRUE(order.may_use(&one));
    order.note_sent(&one, 10);
    EXPECT_TRUE(order.may_use(&one));
    EXPECT_FALSE(order.may_use(&two));
    order.note_moved(&two);
    EXPECT_TRUE(order.may_use(&two));
    EXPECT_FALSE(order.may_use(&one));
    order.note_back(10);
    EXPECT_TRUE(order.idle());
    EXPECT_TRUE(order.may_use(&one));
}

TEST(Order, IsFullWhenTooMuchIsAwaitedAndHasRoomAgainAtHalf) {
    Order order;
    for (int i = 0; i < 64; ++i) {
        order.learn(1);  // the guess of 32 KiB fades
    }
    std::uint32_t sent = 0;
    while (!order.full(0)) {
        order.note_sent(nullptr, 1);
        ASSERT_LT(++sent, 2000U);
    }
    EXPECT_FALSE(order.has_room(0));
    for (std::uint32_t left = sent; left > sent / 2; --left) {
        order.note_back(1);
    }
    EXPECT_TRUE(order.has_room(0));
    EXPECT_FALSE(order.has_room(ReplyWindow::kRequests));
}

TEST(Order, IsFullOfOneRequestThatIsLongEnough) {
    Order order;
    order.note_sent(nullptr, ReplyWindow::kBytes);
    EXPECT_TRUE(order.full(0));
    EXPECT_FALSE(order.has_room(0));
}

TEST(Order, APartOfALargeReplyWaitsForItsTurn) {
    Order order;
    const auto first = order.open();
    const auto second = order.open();
    order.keep_part(second, "be");
    order.keep_part(second, "gin");
    EXPECT_TRUE(order.has_part(second));
    EXPECT_FALSE(order.has_part(first));
    EXPECT_FALSE(order.part_is_due());
    EXPECT_EQ(order.stored_bytes(), 5U);
    std::string out;
    order.finish(first, "+OK\r\n", out);
    EXPECT_TRUE(order.part_is_due());
    EXPECT_EQ(order.take_part(), "begin");
    EXPECT_FALSE(order.has_part());
    EXPECT_EQ(order.stored_bytes(), 0U);
}

TEST(Order, TheOldestThatIsBlockedHasWaitedAndThoseBehindItHaveNot) {
    Order order;
    const Order::Time start{};
    std::string out;
    const auto first = order.open();
    order.note_blocking(first, start);
    const auto second = order.open();
    order.note_blocking(second, start + seconds(1));
    EXPECT_TRUE(order.blocks());
    EXPECT_EQ(order.take_blocked_time(start + seconds(3)), seconds(3));
    EXPECT_EQ(order.take_blocked_time(start + seconds(3)), seconds(0));
    order.finish(first, "*-1\r\n", out);
    EXPECT_TRUE(order.blocks());
    order.finish(second, "*-1\r\n", out);
    EXPECT_FALSE(order.blocks());
}

TEST(Order, RepliesLeaveInTheOrderOfTheirSlotsWheneverTheyCome) {
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        Order order;
        std::vector<Order::Slot> open;
        std::string out;
        std::string expected;
        for (int i = 0; i < 20; ++i) {
            open.push_back(order.open());
            expected += std::to_string(open.back()) + ";";
        }
        while (!open.empty()) {
            const auto at = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
            order.finish(*at, std::to_string(*at) + ";", out);
            open.erase(at);
        }
        EXPECT_EQ(out, expected);
        EXPECT_EQ(order.outstanding(), 0U);
        EXPECT_EQ(order.stored_bytes(), 0U);
    }
}

}  // namespace
}  // namespace portal::conversation
