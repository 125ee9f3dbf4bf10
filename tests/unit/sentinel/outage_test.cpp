#include "sentinel/outage.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using Kind = Outage::News::Kind;

class OutageTest : public ::testing::Test {
  protected:
    Kind after(Milliseconds time, bool has_leader, const std::string& reason = "gone") {
        now += time;
        news = outage.look(has_leader, reason, now);
        return news.kind;
    }
    Outage outage;
    Outage::News news;
    TimePoint now = TimePoint{} + std::chrono::hours(1);
};

TEST_F(OutageTest, a_change_of_leader_is_none) {
    EXPECT_EQ(after(Milliseconds(0), true), Kind::nothing);
    EXPECT_EQ(after(Milliseconds(10), false), Kind::nothing);
    EXPECT_EQ(after(Outage::kMoment - Milliseconds(20), false), Kind::nothing);
    EXPECT_EQ(after(Milliseconds(10), true), Kind::nothing);
    EXPECT_EQ(after(Outage::kMoment, false), Kind::nothing) << "it is counted anew";
}

TEST_F(OutageTest, what_lasts_is_told_once_for_each_reason_and_so_is_its_end) {
    after(Milliseconds(0), false);
    EXPECT_EQ(after(Outage::kMoment, false), Kind::begun);
    EXPECT_EQ(news.lasted, Outage::kMoment);
    EXPECT_EQ(after(Outage::kPause, false), Kind::nothing) << "the same reason";
    EXPECT_EQ(after(Milliseconds(1), false, "another"), Kind::goes_on);
    EXPECT_EQ(after(Milliseconds(1), false, "a third"), Kind::nothing) << "too soon";
    EXPECT_EQ(after(Outage::kPause, false, "a third"), Kind::goes_on);
    EXPECT_EQ(after(Milliseconds(1), true), Kind::over);
    EXPECT_GE(news.lasted, 2 * Outage::kPause);
    EXPECT_EQ(after(Milliseconds(1), true), Kind::nothing);
}

}  // namespace
}  // namespace portal::sentinel
