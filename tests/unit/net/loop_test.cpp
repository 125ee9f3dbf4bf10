#include "net/loop.hpp"

#include <cstdint>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Runs a loop that looks again for `busy_poll`, through `rounds` timers of 5 ms, each of which begins the next.
std::uint64_t sleeps_in(Loop& loop, Loop::Clock::duration busy_poll, int rounds) {
    Loop::Timer timer(loop);
    std::function<void()> next = [&] {
        if (rounds-- == 0) {
            loop.stop();
            return;
        }
        timer.start(milliseconds(5), next);
    };
    loop.set_busy_poll(busy_poll);
    next();
    loop.run();
    return loop.sleeps();
}

TEST(LoopBusyPoll, WithoutItALoopThatHasNothingToDoSleeps) {
    Turn turn;
    Loop loop(turn);
    EXPECT_GE(sleeps_in(loop, {}, 5), 5U);
}

TEST(LoopBusyPoll, ALoopThatHadAnEventWithinTheTimeDoesNotSleepAndStillRunsTimers) {
    Turn turn;
    Loop loop(turn);
    EXPECT_EQ(sleeps_in(loop, std::chrono::hours(1), 5), 0U);
}

TEST(LoopBusyPoll, ALoopThatHadNoEventForLongerSleeps) {
    Turn turn;
    Loop loop(turn);
    EXPECT_GE(sleeps_in(loop, microseconds(1), 5), 1U);
}

TEST(LoopBusyPoll, TasksOfOtherThreadsReachALoopThatDoesNotSleep) {
    Turn turn;
    Loop loop(turn);
    loop.set_busy_poll(std::chrono::hours(1));
    int ran = 0;
    std::thread other([&] {
        loop.post([&] { ++ran; });
        loop.post([&] {
            ++ran;
            loop.stop();
        });
    });
    loop.run();
    other.join();
    EXPECT_EQ(ran, 2);
    EXPECT_EQ(loop.sleeps(), 0U);
}

}  // namespace
}  // namespace portal::net
