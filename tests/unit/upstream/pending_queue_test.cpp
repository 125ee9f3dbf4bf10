#include "upstream/pending_queue.hpp"

#include <algorithm>
#include <string>
#include <tuple>
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

PendingRequest request(std::uint64_t sequence, std::size_t size = 0) {
    PendingRequest made;
    made.sequence = sequence;
    made.size = size;
    return made;
}

TEST(PendingQueue, KeepsOrderWhileItGrowsAndWrapsAround) {
    PendingQueue queue;
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < round % 37; ++i) {
            queue.push(request(in++));
        }
        for (int i = 0; i < round % 31 && !queue.empty(); ++i) {
            ASSERT_EQ(queue.front().sequence, out++);
            queue.pop();
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
        queue.push(std::move(made));
    }
    EXPECT_EQ(alive, 1);
    queue.pop();
    EXPECT_EQ(alive, 0);
}

TEST(PendingQueue, DrainSortsRequestsBySentPartlySentAndUnsent) {
    PendingQueue queue;
    queue.push(request(0, 3));
    queue.push(request(1, 4));
    queue.push(request(2, 2));
    std::vector<std::tuple<std::uint64_t, std::string, bool>> seen;
    queue.drain("abcdefghi", 5, [&](const PendingRequest& each, std::string_view command, bool sent) {
        seen.emplace_back(each.sequence, command, sent);
    });
    EXPECT_TRUE(queue.empty());
    const std::vector<std::tuple<std::uint64_t, std::string, bool>> expected = {
        {0, "abc", true}, {1, "defg", true}, {2, "hi", false}};
    EXPECT_EQ(seen, expected);
}

TEST(PendingQueue, ARequestThatBeginsWhereWritingStoppedWasNotSent) {
    PendingQueue queue;
    queue.push(request(0, 3));
    queue.push(request(1, 3));
    std::vector<bool> sent;
    queue.drain("abcdef", 3, [&](const PendingRequest&, std::string_view, bool was_sent) { sent.push_back(was_sent); });
    EXPECT_EQ(sent, (std::vector<bool>{true, false}));
}

TEST(PendingQueue, WhoseSentRequestsMustNotBeSentAgainIsBoundToTheLink) {
    int alive = 0;
    PendingQueue queue;
    const auto push = [&](bool repeatable, bool unit) {
        PendingRequest made = request(0, 2);
        made.sink = ReplySinkPtr(new CountingSink(alive));
        made.repeatable = repeatable;
        made.unit = unit;
        const ReplySink* sink = made.sink.get();
        queue.push(std::move(made));
        return sink;
    };
    push(true, false);
    const ReplySink* const writes = push(false, false);
    const ReplySink* const in_unit = push(true, true);
    const ReplySink* const partly_sent = push(false, false);
    push(false, false);  // not sent
    std::vector<const ReplySink*> expected = {writes, in_unit, partly_sent};
    std::ranges::sort(expected);
    EXPECT_EQ(queue.bound_sinks(7), expected);
    EXPECT_TRUE(queue.bound_sinks(2).empty());
}

}  // namespace
}  // namespace portal::upstream
