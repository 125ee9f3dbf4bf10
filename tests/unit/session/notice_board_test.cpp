#include "session/notice_board.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using Event = NoticeBoard::Event;
using Time = NoticeBoard::Time;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kDate = 1'796'000'000'000;

class NoticeBoardTest : public ::testing::Test {
  protected:
    Event forwards(milliseconds at, std::int64_t recorded) {
        return board_.look({start_ + at, true, false, recorded, kDate + at.count()});
    }
    Event replaces(milliseconds at, std::int64_t recorded) {
        return board_.look({start_ + at, false, true, recorded, kDate + at.count()});
    }
    /// The record says that there is a leader, but this portal may not forward.
    Event stands(milliseconds at, std::int64_t recorded) {
        return board_.look({start_ + at, false, false, recorded, kDate + at.count()});
    }

    const Time start_ = Time() + std::chrono::hours(1);
    NoticeBoard board_;
};

TEST_F(NoticeBoardTest, AHoldThatIsOverInAMomentIsNotTold) {
    EXPECT_EQ(replaces(milliseconds(0), 700), Event::nothing);
    EXPECT_EQ(replaces(milliseconds(49), 700), Event::nothing);
    EXPECT_EQ(forwards(milliseconds(49), 700), Event::nothing);
    EXPECT_EQ(replaces(milliseconds(60), 700), Event::nothing) << "another hold";
}

TEST_F(NoticeBoardTest, AChangeOfLeaderHasItsNumbersFromTheRecord) {
    replaces(milliseconds(0), 700);
    EXPECT_EQ(replaces(milliseconds(50), 700), Event::hold_begins);
    EXPECT_EQ(board_.announced(), 700);
    EXPECT_EQ(replaces(milliseconds(100), 700), Event::nothing) << "told once";
    EXPECT_EQ(forwards(milliseconds(300), 700), Event::hold_ends);
    EXPECT_EQ(board_.end_number(), 701);
    EXPECT_EQ(board_.announced(), std::nullopt);
    EXPECT_EQ(forwards(milliseconds(301), 700), Event::nothing);
}

TEST_F(NoticeBoardTest, WhatConcernsThisPortalAloneIsNumberedByTheDate) {
    stands(milliseconds(0), 700);
    EXPECT_EQ(stands(milliseconds(100), 700), Event::nothing) << "a change of leader may follow, with its number";
    EXPECT_EQ(stands(milliseconds(500), 700), Event::hold_begins);
    EXPECT_EQ(board_.announced(), kDate + 500);
    EXPECT_EQ(forwards(milliseconds(900), 700), Event::hold_ends);
    EXPECT_EQ(board_.end_number(), kDate + 900);
}

TEST_F(NoticeBoardTest, AHoldThatBecomesAChangeOfLeaderEndsByItsNumber) {
    stands(milliseconds(0), 700);
    EXPECT_EQ(stands(milliseconds(500), 700), Event::hold_begins);
    EXPECT_EQ(replaces(milliseconds(600), kDate + 600), Event::nothing) << "the clients wait already";
    EXPECT_EQ(forwards(milliseconds(700), kDate + 600), Event::hold_ends);
    EXPECT_EQ(board_.end_number(), kDate + 601);
}

TEST_F(NoticeBoardTest, NumbersNeverGoBackWhateverTheClocksAndTheRecordSay) {
    std::vector<std::int64_t> numbers;
    const auto hold = [&](milliseconds at, bool replacing, std::int64_t recorded, std::int64_t date) {
        board_.look({start_ + at, false, replacing, recorded, date});
        EXPECT_EQ(board_.look({start_ + at + seconds(1), false, replacing, recorded, date}), Event::hold_begins);
        numbers.push_back(*board_.announced());
        EXPECT_EQ(board_.look({start_ + at + seconds(2), true, false, recorded, date}), Event::hold_ends);
        numbers.push_back(board_.end_number());
    };
    hold(seconds(0), true, kDate, kDate);
    hold(seconds(10), true, kDate - 5000, kDate - 5000);   // a portal whose clock is behind was acting
    hold(seconds(20), false, kDate - 5000, kDate - 9000);  // and so is this one's now
    hold(seconds(30), true, 0, kDate - 9000);              // a record of an older version has no number
    hold(seconds(40), true, kDate + 100, kDate - 9000);
    EXPECT_TRUE(std::ranges::is_sorted(numbers, std::ranges::less_equal()));
    EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end()) << "none is given twice";
}

TEST_F(NoticeBoardTest, ClientsMoveOneAfterTheOtherInTheFirstHalfOfTheTime) {
    forwards(milliseconds(0), kDate + 1000);  // the clock of the acting portal is ahead
    EXPECT_FALSE(board_.may_stay(start_));
    EXPECT_FALSE(board_.due_move(1, start_ + seconds(9)));
    board_.begin_move(start_, start_ + seconds(16), kDate);
    board_.begin_move(start_ + seconds(4), start_ + seconds(20), kDate + 4000);
    EXPECT_TRUE(board_.may_stay(start_ + milliseconds(13'999)));
    EXPECT_FALSE(board_.may_stay(start_ + seconds(14)));
    std::vector<int> told_by;
    for (int at = 0; at <= 8; ++at) {
        int told = 0;
        for (std::uint64_t client = 1; client <= 1000; ++client) {
            const auto move = board_.due_move(client, start_ + seconds(at));
            told += move ? 1 : 0;
            if (move) {
                EXPECT_EQ(move->seconds, 14 - at);
                EXPECT_EQ(move->number, kDate + 1002) << "behind both numbers of the change that is recorded";
            }
        }
        told_by.push_back(told);
    }
    for (int at = 0; at <= 8; ++at) {
        EXPECT_NEAR(told_by[static_cast<std::size_t>(at)], 125 * at, 20) << at << " s";
    }
    EXPECT_EQ(told_by.back(), 1000);
}

}  // namespace
}  // namespace portal::session
