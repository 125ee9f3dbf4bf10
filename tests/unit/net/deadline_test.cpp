#include "net/deadline.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using namespace std::chrono_literals;

class Probe final : public Deadline {
  public:
    explicit Probe(std::vector<int>& log, int id) : log_(log), id_(id) {}

  private:
    void expired() override { log_.push_back(id_); }
    std::vector<int>& log_;
    int id_;
};

const Deadline::Clock::time_point kStart{};

TEST(DeadlineQueue, ExpiresInTheOrderOfArmingAndOnlyWhatIsDue) {
    std::vector<int> log;
    DeadlineQueue queue(100ms);
    Probe first(log, 1);
    Probe second(log, 2);
    queue.arm(first, kStart);
    queue.arm(second, kStart + 50ms);
    queue.expire(kStart + 99ms);
    EXPECT_TRUE(log.empty());
    queue.expire(kStart + 100ms);
    EXPECT_EQ(log, std::vector<int>{1});
    queue.expire(kStart + 150ms);
    EXPECT_EQ(log, (std::vector<int>{1, 2}));
    EXPECT_FALSE(first.armed());
}

TEST(DeadlineQueue, ArmingAgainStartsAnewAndLeavesTheOtherQueue) {
    std::vector<int> log;
    DeadlineQueue handshake(10ms);
    DeadlineQueue idle(1000ms);
    Probe probe(log, 1);
    handshake.arm(probe, kStart);
    idle.arm(probe, kStart);
    handshake.expire(kStart + 500ms);
    EXPECT_TRUE(log.empty());
    idle.arm(probe, kStart + 900ms);
    idle.expire(kStart + 1500ms);
    EXPECT_TRUE(log.empty());
    idle.expire(kStart + 1900ms);
    EXPECT_EQ(log, std::vector<int>{1});
}

TEST(DeadlineQueue, WhatBeganEarlierPassesEarlierInWhateverOrderTheyWereArmed) {
    std::vector<int> log;
    DeadlineQueue queue(100ms);
    Probe first(log, 1);
    Probe second(log, 2);
    Probe third(log, 3);
    queue.arm(first, kStart + 80ms);
    queue.arm(second, kStart + 20ms);
    queue.arm(third, kStart + 50ms);
    queue.expire(kStart + 120ms);
    EXPECT_EQ(log, std::vector<int>{2});
    queue.expire(kStart + 180ms);
    EXPECT_EQ(log, (std::vector<int>{2, 3, 1}));
}

TEST(DeadlineQueue, AZeroDurationNeverExpires) {
    std::vector<int> log;
    DeadlineQueue never(0ms);
    Probe probe(log, 1);
    never.arm(probe, kStart);
    EXPECT_FALSE(probe.armed());
}

TEST(DeadlineQueue, ADestroyedDeadlineLeavesByItself) {
    std::vector<int> log;
    DeadlineQueue queue(1ms);
    auto gone = std::make_unique<Probe>(log, 1);
    queue.arm(*gone, kStart);
    gone.reset();
    queue.expire(kStart + 1s);
    EXPECT_TRUE(log.empty());
}

}  // namespace
}  // namespace portal::net
