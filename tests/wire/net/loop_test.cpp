#include "net/loop.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using std::chrono::milliseconds;

/// One end of a pair of sockets, watched; the other end is the test's.
class Pair final : public Loop::Watch {
  public:
    Pair(Loop& loop, std::function<void(Pair&)> called) : loop_(loop), called_(std::move(called)) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0);
        EXPECT_TRUE(loop_.add(ends_[0], *this));
    }
    ~Pair() {
        leave();
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    void leave() {
        if (!left_) {
            loop_.remove(ends_[0], *this);
            left_ = true;
        }
    }
    void send() const { EXPECT_EQ(::send(ends_[1], "x", 1, 0), 1); }
    void on_events(std::uint32_t events) override {
        if (events == 0 || (events & EPOLLIN) != 0) {
            ++calls;
            called_(*this);
        }
    }
    int calls = 0;

  private:
    Loop& loop_;
    std::function<void(Pair&)> called_;
    std::array<int, 2> ends_{};
    bool left_ = false;
};

class LoopTest : public ::testing::Test {
  protected:
    Turn turn_;
    Loop loop_{turn_};
    Loop::Timer deadline_{loop_};

    void run() {
        deadline_.start(std::chrono::seconds(5), [this] {
            ADD_FAILURE() << "nothing has stopped the loop";
            loop_.stop();
        });
        loop_.run();
    }
};

/// A listener's certificates are posted to a loop that is not running yet, and a client may be there already.
TEST_F(LoopTest, WhatWasPostedBeforeItRunsComesBeforeAnyEvent) {
    bool ready = false;
    bool found_ready = false;
    Pair pair(loop_, [&](Pair& /*pair*/) {
        found_ready = ready;
        loop_.stop();
    });
    pair.send();
    loop_.post([&] { ready = true; });
    run();
    EXPECT_TRUE(found_ready);
}

TEST_F(LoopTest, AWatchThatWasRemovedIsNotCalledThoughItWasReadyInTheSameTurn) {
    std::unique_ptr<Pair> first;
    std::unique_ptr<Pair> second;
    int calls = 0;
    const auto remove_other = [&](Pair& called) {
        ++calls;
        (&called == first.get() ? second : first).reset();
        loop_.post([this] { loop_.stop(); });
    };
    first = std::make_unique<Pair>(loop_, remove_other);
    second = std::make_unique<Pair>(loop_, remove_other);
    first->send();
    second->send();
    run();
    EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, ReadinessIsToldOnceAndAgainOnRequest) {
    Pair quiet(loop_, [](Pair&) {});
    quiet.send();
    Pair busy(loop_, [this](Pair& self) {
        if (self.calls < 5) {
            loop_.again(self);
            loop_.again(self);
        } else {
            loop_.stop();
        }
    });
    busy.send();
    run();
    EXPECT_EQ(busy.calls, 5);
    EXPECT_EQ(quiet.calls, 1);
}

TEST_F(LoopTest, OneThatAsksAgainDoesNotKeepOthersWaiting) {
    Pair other(loop_, [this](Pair&) { loop_.stop(); });
    Pair busy(loop_, [&](Pair& self) {
        loop_.again(self);
        if (self.calls == 3) {
            other.send();
        }
    });
    busy.send();
    run();
    EXPECT_LE(busy.calls, 5);
}

TEST_F(LoopTest, TimersRunInTheirOrderAndACancelledOneNever) {
    std::vector<int> order;
    Loop::Timer late(loop_), early(loop_), cancelled(loop_);
    late.start(milliseconds(20), [&] {
        order.push_back(2);
        late.start(milliseconds(1), [&] {
            order.push_back(3);
            loop_.stop();
        });
    });
    cancelled.start(milliseconds(2), [&] { order.push_back(-1); });
    early.start(milliseconds(1), [&] {
        order.push_back(1);
        cancelled.cancel();
    });
    run();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(LoopTest, TasksOfOtherThreadsRunInTheirOrder) {
    std::vector<int> order;
    std::thread poster([&] {
        for (int i = 0; i < 1000; ++i) {
            loop_.post([&order, i] { order.push_back(i); });
        }
        loop_.post([this] { loop_.stop(); });
    });
    run();
    poster.join();
    ASSERT_EQ(order.size(), 1000U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
}

}  // namespace
}  // namespace portal::net
