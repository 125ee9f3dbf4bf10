#include "upstream/pending_queue.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

class CountingSink final : public ReplySink {
  public:
    explicit CountingSink(int& alive) : alive_(alive) { ++alive_; }
    ~CountingSink() override { --alive_; }
    bool on_reply(PendingRequest&, const resp::ReplyHead&, std::string_view) override { return true; }
    void on_lost(PendingRequest&, std::string_view, const Loss&) override {}
    void on_refused(PendingRequest&, std::string_view, std::string_view) override {}
    bool take_push(const resp::ReplyHead&, const PendingRequest*) override { return false; }
    void on_pinned_lost() override {}

  private:
    int& alive_;
};

PendingRequest request(std::uint64_t sequence) {
    PendingRequest made;
    made.sequence = sequence;
    return made;
}

constexpr PendingQueue::Time kStart{};

PendingQueue::Time after(int milliseconds) {
    return kStart + std::chrono::milliseconds(milliseconds);
}

void push(PendingQueue& queue, std::string_view command, PendingRequest made, PendingQueue::Time now = kStart) {
    ASSERT_TRUE(queue.push(command, std::move(made), now));
}

TEST(PendingQueue, KeepsOrderWhileItGrowsAndWrapsAround) {
    PendingQueue queue;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < round % 37; ++i) {
            push(queue, std::to_string(in), request(in));
            ++in;
        }
        queue.note_sent(queue.unsent());
        for (int i = 0; i < round % 31 && !queue.empty(); ++i) {
            ASSERT_EQ(queue.front().sequence, out);
            ASSERT_EQ(queue.front_command(), std::to_string(out++));
            ASSERT_TRUE(queue.pop(kStart));
        }
        ASSERT_EQ(queue.size(), in - out);
    }
}

TEST(PendingQueue, KeepsASinkAliveUntilItsReplyIsPopped) {
    int alive = 0;
    PendingQueue queue;
    {
        PendingRequest made = request(0);
        made.sink = ReplySinkPtr(new CountingSink(alive));
        push(queue, "x", std::move(made));
    }
    EXPECT_EQ(alive, 1);
    queue.note_sent(1);
    EXPECT_TRUE(queue.pop(kStart));
    EXPECT_EQ(alive, 0);
}

TEST(PendingQueue, DrainSortsRequestsBySentPartlySentAndUnsent) {
    PendingQueue queue;
    push(queue, "abc", request(0));
    push(queue, "defg", request(1));
    push(queue, "hi", request(2));
    queue.note_sent(5);
    std::vector<std::tuple<std::uint64_t, std::string, bool>> seen;
    queue.drain(kStart, [&](const PendingRequest& each, std::string_view command, const Loss& loss) {
        seen.emplace_back(each.sequence, command, loss.sent);
    });
    EXPECT_TRUE(queue.empty());
    const std::vector<std::tuple<std::uint64_t, std::string, bool>> expected = {
        {0, "abc", true}, {1, "defg", true}, {2, "hi", false}};
    EXPECT_EQ(seen, expected);
}

TEST(PendingQueue, ARequestThatBeginsWhereWritingStoppedWasNotSent) {
    PendingQueue queue;
    push(queue, "abc", request(0));
    push(queue, "def", request(1));
    queue.note_sent(3);
    std::vector<bool> sent;
    queue.drain(kStart, [&](const PendingRequest&, std::string_view, const Loss& loss) { sent.push_back(loss.sent); });
    EXPECT_EQ(sent, (std::vector<bool>{true, false}));
}

TEST(PendingQueue, OnlyTheOldestRequestOfALostLinkWasWorkedOn) {
    PendingQueue queue;
    push(queue, "abc", request(0), after(10));
    push(queue, "def", request(1), after(20));
    push(queue, "ghi", request(2), after(30));
    queue.note_sent(9);
    EXPECT_TRUE(queue.pop(after(50)));
    std::vector<PendingQueue::Time::duration> worked_on;
    queue.drain(after(90), [&](const PendingRequest&, std::string_view, const Loss& loss) {
        worked_on.push_back(loss.worked_on);
    });
    EXPECT_EQ(worked_on, (std::vector<PendingQueue::Time::duration>{std::chrono::milliseconds(40), {}}));
}

TEST(PendingQueue, NoReplyIsDueToARequestOfWhichNothingWasWritten) {
    PendingQueue queue;
    EXPECT_FALSE(queue.awaits_reply());
    push(queue, "abc", request(0));
    EXPECT_FALSE(queue.awaits_reply());
    queue.note_sent(1);
    EXPECT_TRUE(queue.awaits_reply());
    EXPECT_FALSE(queue.pop(kStart)) << "the node has answered what it had a part of";
}

TEST(PendingQueue, BytesOfAStreamedRequestAreNotKept) {
    PendingQueue queue;
    queue.push_streamed(request(7), kStart);
    EXPECT_TRUE(queue.streams());
    EXPECT_TRUE(queue.lacks_parts());
    EXPECT_TRUE(queue.add_part("abc", false));
    queue.note_sent(2);
    EXPECT_EQ(queue.unsent_bytes(), "c");
    EXPECT_TRUE(queue.add_part("def", true));
    EXPECT_FALSE(queue.lacks_parts());
    EXPECT_EQ(queue.unsent_bytes(), "cdef");
    EXPECT_EQ(queue.front_command(), "");
    queue.note_sent(4);
    EXPECT_TRUE(queue.pop(kStart));
    EXPECT_FALSE(queue.streams());
    EXPECT_TRUE(queue.empty());
}

TEST(PendingQueue, AStreamedRequestWasSentOnceAllOfItHasBeenWritten) {
    struct Stage {
        bool last;
        std::size_t written;
        bool sent;
    };
    for (const Stage& stage : {Stage{false, 3, false}, Stage{true, 2, false}, Stage{true, 3, true}}) {
        PendingQueue queue;
        queue.push_streamed(request(7), kStart);
        EXPECT_TRUE(queue.add_part("abc", stage.last));
        queue.note_sent(stage.written);
        queue.drain(kStart, [&](const PendingRequest& each, std::string_view command, const Loss& loss) {
            EXPECT_TRUE(each.streamed);
            EXPECT_EQ(command, "");
            EXPECT_EQ(loss.sent, stage.sent);
        });
        EXPECT_FALSE(queue.streams());
    }
}

TEST(PendingQueue, AStreamedRequestThatIsAnsweredBeforeTheNodeHasAllOfItWasNot) {
    for (const bool last : {false, true}) {
        PendingQueue queue;
        queue.push_streamed(request(7), kStart);
        EXPECT_TRUE(queue.add_part("abc", last));
        queue.note_sent(2);
        EXPECT_FALSE(queue.pop(kStart));
    }
}

TEST(PendingQueue, WhatIsTakenAwayLeavesTheRepliesToWhatWasSent) {
    int alive = 0;
    PendingQueue queue;
    const ReplySinkPtr leaves(new CountingSink(alive));
    const ReplySinkPtr stays(new CountingSink(alive));
    for (const auto& [command, sink] : {std::pair("a1", leaves), {"b2", stays}, {"a3", leaves}, {"b4", stays}}) {
        PendingRequest made = request(static_cast<std::uint64_t>(command[1] - '0'));
        made.sink = sink;
        push(queue, command, std::move(made), after(10));
    }
    queue.note_sent(3);
    const std::vector<MovedRequest> taken = queue.take([&](const ReplySink& sink) { return &sink == leaves.get(); });
    ASSERT_EQ(taken.size(), 2u);
    EXPECT_EQ(taken[0].command, "a1");
    EXPECT_TRUE(taken[0].sent);
    EXPECT_EQ(taken[1].command, "a3");
    EXPECT_FALSE(taken[1].sent);
    EXPECT_EQ(taken[1].request.sink, leaves);
    EXPECT_EQ(queue.unsent_bytes(), "2b4");
    std::vector<std::tuple<std::string, bool, bool>> left;
    queue.drain(after(20), [&](const PendingRequest& each, std::string_view command, const Loss& loss) {
        left.emplace_back(command, each.sink == stays, loss.sent);
    });
    const std::vector<std::tuple<std::string, bool, bool>> expected = {
        {"a1", false, true}, {"b2", true, true}, {"b4", true, false}};
    EXPECT_EQ(left, expected);
}

TEST(PendingQueue, WhoseSentRequestsMustNotBeSentAgainIsBoundToTheLink) {
    int alive = 0;
    PendingQueue queue;
    const auto add = [&](bool repeatable, bool unit) {
        PendingRequest made = request(0);
        made.sink = ReplySinkPtr(new CountingSink(alive));
        made.repeatable = repeatable;
        made.unit = unit;
        const ReplySink* sink = made.sink.get();
        push(queue, "xy", std::move(made));
        return sink;
    };
    add(true, false);
    const ReplySink* const writes = add(false, false);
    const ReplySink* const in_unit = add(true, true);
    const ReplySink* const partly_sent = add(false, false);
    add(false, false);  // not sent
    queue.note_sent(2);
    EXPECT_TRUE(queue.bound_sinks().empty());
    queue.note_sent(5);
    std::vector<const ReplySink*> expected = {writes, in_unit, partly_sent};
    std::ranges::sort(expected);
    EXPECT_EQ(queue.bound_sinks(), expected);
}

}  // namespace
}  // namespace portal::upstream
