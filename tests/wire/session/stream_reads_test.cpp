// An XREAD that waits for what comes behind `$` goes on at the next leader where it stood, and not at the end there.
#include "portal_fixture.hpp"
#include "script_node.hpp"

#include <algorithm>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kEntry = "*1\r\n*2\r\n" + bulk("7-3") + "*2\r\n" + bulk("f") + bulk("v");
const std::string kRead = "*1\r\n*2\r\n" + bulk("s") + kEntry;
const std::string kXread = frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});

/// A node whose XREAD waits for ever.
FakeNode::Script node_with(std::string last) {
    return [last = std::move(last)](const Words& words) {
        return words[0] == "XREVRANGE"         ? last
               : words[0].starts_with("XREAD") ? FakeNode::kBlock
                                               : std::string("+OK\r\n");
    };
}

class StreamReadsTest : public PortalTest {
  protected:
    void wait_blocked(const FakeNode& node, std::size_t reads = 1) {
        wait_for(
            [&] {
                return static_cast<std::size_t>(std::ranges::count_if(
                           node.seen(), [](const std::string& each) { return each.starts_with("XREAD"); })) == reads;
            },
            "XREAD waits at the node");
    }
    /// What the next leader is asked when the one before had `last`.
    Words asked_again(const std::string& last, const std::string& request) {
        FakeNode first(node_with(last));
        FakeNode second(node_with(last));
        lead(first);
        const auto app = client();
        app->send(request);
        wait_blocked(first);
        first.die();
        lead(second);
        wait_blocked(second);
        return second.seen();
    }
};

TEST_F(StreamReadsTest, ItIsArmedAgainBehindTheLastEntryThatWasThereWhenItCame) {
    EXPECT_EQ(asked_again(kEntry, kXread), (Words{"XREAD BLOCK 0 STREAMS s 7-3"}));
}

TEST_F(StreamReadsTest, WhereTheStreamWasEmptyItIsArmedAgainAtItsBeginning) {
    EXPECT_EQ(asked_again("*0\r\n", kXread), (Words{"XREAD BLOCK 0 STREAMS s 0-0"}));
}

TEST_F(StreamReadsTest, WhoMayNotReadRangesIsArmedAgainAsItCame) {
    EXPECT_EQ(asked_again("-NOPERM no\r\n", kXread).back(), "XREAD BLOCK 0 STREAMS s $");
}

TEST_F(StreamReadsTest, APlusAndSeveralStreamsAreKnownToo) {
    EXPECT_EQ(asked_again(kEntry, frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "t", "u", "+", "5-0", "$"})),
              (Words{"XREAD BLOCK 0 STREAMS s t u 7-3 5-0 7-3"}));
}

TEST_F(StreamReadsTest, AGroupIsReadOnAsItCame) {
    EXPECT_EQ(asked_again(kEntry, frame_of({"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"})),
              (Words{"XREADGROUP GROUP g c BLOCK 0 STREAMS s >"}));
}

/// Its id is at the beginning, and the rest is read over as it comes: here it never comes to its end.
TEST_F(StreamReadsTest, OfALargeEntryNoMoreIsNeededThanItsBeginning) {
    const std::string head =
        "*1\r\n*2\r\n" + bulk("7-3") + "*2\r\n" + bulk("f") + "$1000000\r\n" + binary_content(500'000);
    FakeNode first([&](const Words&) { return head + FakeNode::kPause; });
    FakeNode second(node_with(kEntry));
    lead(first);
    const auto app = client();
    app->send(kXread);
    wait_for([&] { return counters().upstream_received_bytes.get() > 500'000; }, "a part of it has come");
    first.die();
    lead(second);
    wait_blocked(second);
    EXPECT_EQ(second.seen(), (Words{"XREAD BLOCK 0 STREAMS s 7-3"}));
}

TEST_F(StreamReadsTest, ItGoesOnOverSeveralLeaders) {
    FakeNode first(node_with(kEntry));
    FakeNode second(node_with("*0\r\n"));
    FakeNode third([](const Words& words) { return words[0] == "XREAD" ? kRead : std::string("*0\r\n"); });
    lead(first);
    const auto app = client();
    app->send(kXread);
    wait_blocked(first);
    first.die();
    lead(second);
    wait_blocked(second);
    second.die();
    lead(third);
    app->expect(kRead);
    EXPECT_EQ(third.seen(), (Words{"XREAD BLOCK 0 STREAMS s 7-3"}));
}

TEST_F(StreamReadsTest, TheQuestionIsNotSeenAndTheNextReadIsANewOne) {
    int reads = 0;
    FakeNode node([&reads](const Words& words) {
        if (words[0] == "XREAD") {
            return ++reads < 3 ? kRead : FakeNode::kBlock;
        }
        return words[0] == "XREVRANGE" ? kEntry : std::string("+OK\r\n");
    });
    FakeNode second(node_with("*0\r\n"));
    lead(node);
    const auto app = client();
    app->expect(kXread, kRead);
    app->expect("PING\r\n", "+OK\r\n");
    app->expect(kXread, kRead);
    app->send(frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "9-9"}));
    wait_blocked(node, 3);
    node.die();
    lead(second);
    wait_blocked(second);
    EXPECT_EQ(second.seen(), (Words{"XREAD BLOCK 0 STREAMS s 9-9"}));
}

TEST_F(StreamReadsTest, NothingIsAskedWhereNothingWaits) {
    FakeNode node([](const Words& words) {
        return words[0] == "EXEC" ? std::string("*1\r\n*-1\r\n") : words[0] == "MULTI" ? "+OK\r\n" : "+QUEUED\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\n" + kXread + "EXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n*-1\r\n");
    EXPECT_EQ(node.seen(), (Words{"MULTI", "XREAD BLOCK 0 STREAMS s $", "EXEC"}));
}

}  // namespace
}  // namespace portal::testing
