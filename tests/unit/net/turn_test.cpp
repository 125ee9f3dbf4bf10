#include "net/turn.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

class Item final : public Flushable {
  public:
    Item(std::vector<int>& log, int id) : log_(log), id_(id) {}
    void flush() override { log_.push_back(id_); }

  private:
    std::vector<int>& log_;
    int id_;
};

class TurnTest : public ::testing::Test {
  protected:
    Turn turn_;
    std::vector<int> log_;
};

TEST_F(TurnTest, EachMarkedItemIsFlushedOnceWhenTheReadyEventsAreOver) {
    Item a(log_, 1), b(log_, 2);
    turn_.mark(a);
    turn_.mark(b);
    turn_.mark(a);
    EXPECT_TRUE(log_.empty());
    EXPECT_FALSE(turn_.end());
    EXPECT_EQ(log_, (std::vector<int>{1, 2}));
    EXPECT_FALSE(turn_.end());
    EXPECT_EQ(log_.size(), 2U);
    EXPECT_EQ(turn_.flushed_turns(), 1U);
}

TEST_F(TurnTest, TellsHowLongEachTurnTookThatHadAnEvent) {
    std::vector<Turn::Clock::duration> told;
    Turn turn([&told](Turn::Clock::duration took) { told.push_back(took); });
    turn.end();
    EXPECT_TRUE(told.empty()) << "nothing has happened in it";
    const auto before = Turn::Clock::now();
    turn.begin_event();
    while (Turn::Clock::now() == turn.now()) {
    }
    turn.begin_event();
    turn.end();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_GT(told[0].count(), 0) << "counts from the first event";
    EXPECT_LE(told[0], Turn::Clock::now() - before);
    turn.end();
    EXPECT_EQ(told.size(), 1U) << "the next turn has had no event";
}

TEST_F(TurnTest, ManyForLaterNeverKeepAMarkedOneWaiting) {
    std::vector<std::unique_ptr<Item>> many;
    for (int i = 0; i < 1000; ++i) {
        many.push_back(std::make_unique<Item>(log_, i));
        turn_.mark_later(*many.back());
    }
    Item other(log_, -1);
    EXPECT_TRUE(turn_.end());
    const std::size_t first = log_.size();
    EXPECT_LT(first, many.size() / 2);
    turn_.mark(other);  // becomes ready while the many are being flushed
    while (turn_.end()) {
    }
    EXPECT_EQ(log_.size(), many.size() + 1);
    EXPECT_EQ(log_[first], -1);
}

TEST_F(TurnTest, AMarkBringsForwardWhatWaitsForLater) {
    Item a(log_, 1), b(log_, 2);
    turn_.mark_later(a);
    turn_.mark_later(b);
    turn_.mark(b);
    turn_.mark_later(b);
    EXPECT_FALSE(turn_.end());
    EXPECT_EQ(log_, (std::vector<int>{2, 1}));
}

TEST_F(TurnTest, WhatIsDestroyedLeavesByItself) {
    auto gone = std::make_unique<Item>(log_, 1);
    auto gone_later = std::make_unique<Item>(log_, 2);
    Item stays(log_, 3);
    turn_.mark(*gone);
    turn_.mark_later(*gone_later);
    turn_.mark(stays);
    gone.reset();
    gone_later.reset();
    EXPECT_FALSE(turn_.end());
    EXPECT_EQ(log_, (std::vector<int>{3}));
}

}  // namespace
}  // namespace portal::net
