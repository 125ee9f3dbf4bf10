#include "resp/byte_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

TEST(ByteBuffer, HoldsNothingAndNoMemoryAtFirst) {
    const ByteBuffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(buffer.size(), 0U);
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_EQ(buffer.view(), "");
}

TEST(ByteBuffer, PreparedSpaceBecomesContentByCommit) {
    ByteBuffer buffer;
    const std::span<char> space = buffer.prepare(5);
    ASSERT_GE(space.size(), 5U);
    EXPECT_TRUE(buffer.empty());
    std::memcpy(space.data(), "hello", 5);
    buffer.commit(5);
    EXPECT_EQ(buffer.view(), "hello");
    buffer.consume(2);
    EXPECT_EQ(buffer.view(), "llo");
    EXPECT_TRUE(buffer.append(" world"));
    EXPECT_EQ(buffer.view(), "llo world");
}

TEST(ByteBuffer, KeepsTheContentWhileItGrowsAndIsConsumed) {
    ByteBuffer buffer;
    std::string expected;
    char next = 'a';
    for (std::size_t round = 0; round < 2000; ++round) {
        const std::string piece(round * 7 % 301, next);
        next = next == 'z' ? 'a' : static_cast<char>(next + 1);
        ASSERT_TRUE(buffer.append(piece));
        expected += piece;
        const std::size_t n = std::min(expected.size(), round * 11 % 307);
        buffer.consume(n);
        expected.erase(0, n);
        ASSERT_EQ(buffer.view(), expected) << round;
    }
}

TEST(ByteBuffer, UsesConsumedSpaceAgainInsteadOfGrowing) {
    ByteBuffer buffer;
    for (int i = 0; i < 10000; ++i) {
        ASSERT_TRUE(buffer.append("0123456789"));
        if (i > 0) {
            buffer.consume(10);
        }
    }
    EXPECT_EQ(buffer.size(), 10U);
    EXPECT_LE(buffer.capacity(), 512U);
}

TEST(ByteBuffer, CapacityStaysInProportionToTheContent) {
    // One byte out, one byte in, with a content that is never small: the space must neither grow without end nor be
    // compacted for each byte.
    ByteBuffer buffer;
    ASSERT_TRUE(buffer.append(std::string(10000, 'x')));
    std::size_t moves = 0;
    const char* last = buffer.view().data();
    for (int i = 0; i < 100000; ++i) {
        buffer.consume(1);
        ASSERT_TRUE(buffer.append("y"));
        moves += buffer.view().data() != last + 1 ? 1U : 0U;
        last = buffer.view().data();
    }
    EXPECT_EQ(buffer.size(), 10000U);
    EXPECT_LE(buffer.capacity(), 40000U);
    EXPECT_LE(moves, 20U);
}

TEST(ByteBuffer, NeverHoldsMoreThanItsMaximum) {
    ByteBuffer buffer(1000);
    EXPECT_EQ(buffer.maximum(), 1000U);
    EXPECT_TRUE(buffer.append(std::string(600, 'a')));
    EXPECT_FALSE(buffer.append(std::string(401, 'b')));
    EXPECT_EQ(buffer.view(), std::string(600, 'a'));
    EXPECT_TRUE(buffer.prepare(401).empty());
    EXPECT_EQ(buffer.prepare(1).size(), 400U);
    EXPECT_TRUE(buffer.append(std::string(400, 'c')));
    EXPECT_TRUE(buffer.prepare(1).empty());
    EXPECT_TRUE(buffer.append(""));
    buffer.consume(1);
    EXPECT_EQ(buffer.prepare(1).size(), 1U);
}

TEST(ByteBuffer, AMaximumBelowTheSmallestCapacityHoldsToo) {
    ByteBuffer buffer(10);
    EXPECT_EQ(buffer.prepare(1).size(), 10U);
    EXPECT_TRUE(buffer.prepare(11).empty());
    EXPECT_FALSE(buffer.append(std::string(11, 'x')));
}

TEST(ByteBuffer, ClearKeepsTheMemoryAndReleaseGivesItBack) {
    ByteBuffer buffer;
    EXPECT_TRUE(buffer.append("hello"));
    buffer.clear();
    EXPECT_TRUE(buffer.empty());
    EXPECT_GT(buffer.capacity(), 0U);
    buffer.release();
    EXPECT_EQ(buffer.capacity(), 0U);
    EXPECT_EQ(buffer.view(), "");
    EXPECT_TRUE(buffer.append("again"));
    EXPECT_EQ(buffer.view(), "again");
}

TEST(ByteBuffer, AMovedFromBufferIsEmptyAndCanBeUsedAgain) {
    ByteBuffer first(100);
    EXPECT_TRUE(first.append("hello"));
    ByteBuffer second(std::move(first));
    EXPECT_EQ(second.view(), "hello");
    EXPECT_EQ(second.maximum(), 100U);
    EXPECT_TRUE(first.empty());  // NOLINT: what a moved-from buffer is, is the point
    EXPECT_EQ(first.capacity(), 0U);
    EXPECT_TRUE(first.append("new"));
    second = std::move(first);
    EXPECT_EQ(second.view(), "new");
}

}  // namespace
}  // namespace portal::resp
