#include "config/spelling.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::config {
namespace {

TEST(Spelling, counts_each_kind_of_typing_error_once) {
    EXPECT_EQ(typing_distance("lease", "lease"), 0U);
    EXPECT_EQ(typing_distance("lease", "leas"), 1U);
    EXPECT_EQ(typing_distance("lease", "leasee"), 1U);
    EXPECT_EQ(typing_distance("lease", "leese"), 1U);
    EXPECT_EQ(typing_distance("lease", "laese"), 1U);
    EXPECT_EQ(typing_distance("", "abc"), 3U);
    EXPECT_EQ(typing_distance("kitten", "sitting"), 3U);
}

TEST(Spelling, finds_the_nearest_word_and_none_that_is_far) {
    const std::vector<std::string_view> words = {"time", "bytes", "down_after", "fence_after"};
    EXPECT_EQ(nearest_word("tme", words), "time");
    EXPECT_EQ(nearest_word("down-after", words), "down_after");
    EXPECT_EQ(nearest_word("fenceafter", words), "fence_after");
    EXPECT_EQ(nearest_word("xyzzy", words), std::nullopt);
    EXPECT_EQ(nearest_word(std::string(100'000, 'a'), words), std::nullopt);
    EXPECT_EQ(nearest_word("a", {}), std::nullopt);
}

}  // namespace
}  // namespace portal::config
