#include "session/spare_buffers.hpp"

#include <gtest/gtest.h>

namespace portal::session {
namespace {

std::string with_room(std::size_t capacity) {
    std::string buffer;
    buffer.reserve(capacity);
    return buffer;
}

TEST(SpareBuffers, WhatOneGivesBackTheNextIsLent) {
    SpareBuffers spare;
    std::string first = with_room(5000);
    const char* room = first.data();
    spare.take_back(first);
    EXPECT_LE(first.capacity(), SpareBuffers::kSmall);
    EXPECT_EQ(spare.kept(), 5000U);
    std::string second;
    spare.lend(second);
    EXPECT_EQ(second.data(), room);
    EXPECT_EQ(second, "");
    EXPECT_EQ(spare.kept(), 0U);
}

TEST(SpareBuffers, ASmallBufferIsKeptByItsClient) {
    SpareBuffers spare;
    std::string own = with_room(SpareBuffers::kSmall);
    const char* room = own.data();
    spare.take_back(own);
    EXPECT_EQ(own.data(), room);
    EXPECT_EQ(spare.kept(), 0U);
}

TEST(SpareBuffers, WhoHasRoomIsLentNone) {
    SpareBuffers spare;
    std::string given = with_room(5000);
    spare.take_back(given);
    std::string own = with_room(1000);
    const char* room = own.data();
    spare.lend(own);
    EXPECT_EQ(own.data(), room);
    EXPECT_EQ(spare.kept(), 5000U);
}

TEST(SpareBuffers, WithNothingToLendTheBufferStaysAsItIs) {
    SpareBuffers spare;
    std::string own;
    spare.lend(own);
    EXPECT_LE(own.capacity(), SpareBuffers::kSmall);
}

TEST(SpareBuffers, NoMoreIsKeptThanTheBound) {
    SpareBuffers spare;
    for (int i = 0; i < 100; ++i) {
        std::string large = with_room(100'000);
        spare.take_back(large);
        EXPECT_LE(large.capacity(), SpareBuffers::kSmall);
        EXPECT_LE(spare.kept(), SpareBuffers::kMost);
    }
    std::string huge = with_room(2 * SpareBuffers::kMost);
    spare.take_back(huge);
    EXPECT_LE(spare.kept(), SpareBuffers::kMost);
}

}  // namespace
}  // namespace portal::session
