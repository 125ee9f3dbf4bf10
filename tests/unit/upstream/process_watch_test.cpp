// What the numbers of connections tell of the process that gave them.
#include "upstream/process_watch.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using std::chrono::milliseconds;

constexpr ProcessWatch::Time kNow{std::chrono::hours(1)};

TEST(ProcessWatchTest, NumbersThatGrowAreThoseOfOneProcess) {
    ProcessWatch watch;
    for (const std::uint64_t id : {7U, 8U, 20U, 21U}) {
        EXPECT_TRUE(watch.same_process(watch.newest(), id, kNow));
    }
    EXPECT_EQ(watch.newest(), 21U);
}

TEST(ProcessWatchTest, ANumberThatFallsIsThatOfAnotherProcess) {
    ProcessWatch watch;
    EXPECT_TRUE(watch.same_process(watch.newest(), 40, kNow));
    EXPECT_FALSE(watch.same_process(watch.newest(), 3, kNow));
    EXPECT_FALSE(watch.same_process(watch.newest(), 4, kNow + milliseconds(50)));
    watch.forget();
    EXPECT_TRUE(watch.same_process(watch.newest(), 5, kNow + milliseconds(60)));
}

/// Of two that are begun together the second may be accepted first, or be ready first.
TEST(ProcessWatchTest, ConnectionsThatAreBegunTogetherMayComeInAnyOrder) {
    ProcessWatch watch;
    const std::uint64_t before = watch.newest();
    EXPECT_TRUE(watch.same_process(before, 40, kNow));
    EXPECT_TRUE(watch.same_process(before, 39, kNow));
    EXPECT_EQ(watch.newest(), 40U) << "one that is begun now comes behind both";
}

TEST(ProcessWatchTest, WithoutANumberNothingIsKnown) {
    ProcessWatch watch;
    EXPECT_TRUE(watch.same_process(watch.newest(), 40, kNow));
    EXPECT_TRUE(watch.same_process(watch.newest(), 0, kNow));
    EXPECT_EQ(watch.newest(), 40U);
}

TEST(ProcessWatchTest, ANodeThatNumbersOtherwiseIsBelievedAfterAWhile) {
    ProcessWatch watch;
    EXPECT_TRUE(watch.same_process(watch.newest(), 40, kNow));
    EXPECT_FALSE(watch.same_process(watch.newest(), 3, kNow));
    EXPECT_FALSE(watch.same_process(watch.newest(), 3, kNow + ProcessWatch::kDoubt - milliseconds(1)));
    EXPECT_TRUE(watch.same_process(watch.newest(), 3, kNow + ProcessWatch::kDoubt));
    EXPECT_TRUE(watch.same_process(watch.newest(), 2, kNow + ProcessWatch::kDoubt));
}

}  // namespace
}  // namespace portal::upstream
