#include "observe/repeat_limit.hpp"

#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace portal::observe {
namespace {

using std::chrono::milliseconds;

class RepeatLimitTest : public ::testing::Test {
  protected:
    using Told = std::vector<std::tuple<std::string, std::string, std::uint64_t>>;

    Told settle() {
        Told told;
        limit_.settle(now_, [&](std::string_view what, std::string_view subject, std::uint64_t count) {
            told.emplace_back(what, subject, count);
        });
        return told;
    }

    RepeatLimit limit_;
    RepeatLimit::Clock::time_point now_{};
};

TEST_F(RepeatLimitTest, SaysItOnceASecondForEachSubjectAndHowOftenItDidNot) {
    EXPECT_EQ(limit_.ask("broken", "ann", now_), 0U);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(limit_.ask("broken", "ann", now_), std::nullopt);
    }
    EXPECT_EQ(limit_.ask("broken", "bob", now_), 0U);
    EXPECT_EQ(limit_.ask("slow", "ann", now_), 0U);
    now_ += milliseconds(1000);
    EXPECT_EQ(limit_.ask("broken", "ann", now_), 1000U);
    EXPECT_EQ(limit_.ask("broken", "ann", now_), std::nullopt);
}

TEST_F(RepeatLimitTest, TellsWhatWasLeftOutLastWhenNothingComesAnyMore) {
    EXPECT_EQ(limit_.ask("broken", "ann", now_), 0U);
    EXPECT_EQ(limit_.ask("broken", "ann", now_), std::nullopt);
    EXPECT_EQ(settle(), Told{});
    now_ += milliseconds(1000);
    EXPECT_EQ(settle(), (Told{{"broken", "ann", 1}}));
    now_ += milliseconds(1000);
    EXPECT_EQ(settle(), Told{});
}

TEST_F(RepeatLimitTest, RemembersABoundedNumberOfSubjects) {
    for (int i = 0; i < 10000; ++i) {
        (void)limit_.ask("broken", "user " + std::to_string(i), now_);
    }
    EXPECT_LE(limit_.size(), RepeatLimit::kSubjects + 1);
    EXPECT_EQ(limit_.ask("broken", "another", now_), std::nullopt);
    now_ += milliseconds(1000);
    EXPECT_EQ(limit_.ask("broken", "another", now_), 0U);
}

}  // namespace
}  // namespace portal::observe
