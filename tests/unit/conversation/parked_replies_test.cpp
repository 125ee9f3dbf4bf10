#include "conversation/parked_replies.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

TEST(ParkedReplies, ComeBackInOrderWithTheirBytes) {
    ParkedReplies parked;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (int round = 0; round < 3000; ++round) {
        for (int i = 0; i < round % 5; ++i, ++in) {
            parked.push(in, upstream::Ticket{in / 3}, {}, std::to_string(in) + "\r\n");
        }
        for (int i = 0; i < round % 4 && !parked.empty(); ++i, ++out) {
            ASSERT_EQ(parked.front().slot, out);
            ASSERT_EQ(parked.front().ticket, upstream::Ticket{out / 3});
            ASSERT_EQ(parked.front_reply(), std::to_string(out) + "\r\n");
            parked.pop();
        }
        ASSERT_EQ(parked.size(), in - out);
    }
    std::size_t bytes = 0;
    for (std::uint64_t each = out; each < in; ++each) {
        bytes += std::to_string(each).size() + 2;
    }
    EXPECT_EQ(parked.bytes(), bytes);
    parked.clear();
    EXPECT_TRUE(parked.empty());
    EXPECT_EQ(parked.bytes(), 0U);
}

}  // namespace
}  // namespace portal::conversation
