#include "sentinel/arbiter/still_marks.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using std::chrono::minutes;

class StillMarksTest : public ::testing::Test {
  protected:
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    StillMarks marks{minutes(60)};
};

TEST_F(StillMarksTest, a_mark_counts_from_when_it_was_first_seen_as_it_is) {
    EXPECT_FALSE(marks.observe({{"portal-1", "7"}}, now));
    EXPECT_FALSE(marks.observe({{"portal-1", "7"}}, now + minutes(59)));
    EXPECT_EQ(marks.observe({{"portal-1", "7"}}, now + minutes(60)), "portal-1");
}

TEST_F(StillMarksTest, a_mark_that_moves_is_never_forgotten) {
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(marks.observe({{"portal-1", std::to_string(i)}}, now));
        now += minutes(59);
    }
}

TEST_F(StillMarksTest, a_mark_that_was_away_begins_anew) {
    EXPECT_FALSE(marks.observe({{"portal-1", "7"}}, now));
    EXPECT_FALSE(marks.observe({}, now + minutes(30)));
    EXPECT_FALSE(marks.observe({{"portal-1", "7"}}, now + minutes(61)));
}

}  // namespace
}  // namespace portal::sentinel
