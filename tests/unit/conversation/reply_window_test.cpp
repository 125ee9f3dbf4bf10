#include "conversation/reply_window.hpp"

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

TEST(ReplyWindow, IsNarrowUntilSomethingIsKnown) {
    EXPECT_EQ(ReplyWindow().requests(), 32U);
}

TEST(ReplyWindow, SmallRepliesOpenItWithinAFewHundred) {
    ReplyWindow window;
    for (int i = 0; i < 500; ++i) {
        window.learn(5);
    }
    EXPECT_EQ(window.requests(), ReplyWindow::kRequests);
}

TEST(ReplyWindow, OneLargeReplyClosesItAtOnceAndForAWhile) {
    ReplyWindow window;
    for (int i = 0; i < 400; ++i) {
        window.learn(5);
    }
    window.learn(100'000);
    EXPECT_EQ(window.requests(), 10U);
    for (int i = 0; i < 20; ++i) {
        window.learn(5);
    }
    EXPECT_LT(window.requests(), 16U);
}

TEST(ReplyWindow, LetsAlwaysOneThrough) {
    ReplyWindow window;
    window.learn(std::size_t{1} << 40U);
    EXPECT_EQ(window.requests(), 1U);
}

}  // namespace
}  // namespace portal::conversation
