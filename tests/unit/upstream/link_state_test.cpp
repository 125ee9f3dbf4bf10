// What a connection carries is what the node has said, not what it was asked.
#include "upstream/link_state.hpp"

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

resp::ReplyHead reply(std::string_view bytes) {
    return {bytes, bytes.front(), true};
}

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kQueued = "+QUEUED\r\n";
constexpr std::string_view kRefused = "-NOPERM User app has no permissions to run the 'discard' command\r\n";
constexpr std::string_view kAborted = "-EXECABORT Transaction discarded because of: NOPERM\r\n";

TEST(LinkState, ATransactionEndsWhenTheNodeSaysSo) {
    LinkState state;
    EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
    EXPECT_TRUE(state.in_transaction());
    EXPECT_FALSE(state.fit_for_reuse());
    EXPECT_TRUE(state.answered(Effect::none, reply(kQueued), false));
    EXPECT_TRUE(state.answered(Effect::exec, reply("*1\r\n+OK\r\n"), false));
    EXPECT_FALSE(state.in_transaction());
    EXPECT_TRUE(state.fit_for_reuse());
}

TEST(LinkState, ADiscardThatIsRefusedEndsNothing) {
    LinkState state;
    EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
    EXPECT_TRUE(state.answered(Effect::discard, reply(kRefused), false));
    EXPECT_TRUE(state.in_transaction());
    EXPECT_FALSE(state.fit_for_reuse());
    EXPECT_TRUE(state.answered(Effect::discard, reply(kOk), false));
    EXPECT_TRUE(state.fit_for_reuse());
}

TEST(LinkState, AnExecThatIsAbortedEndsItAndOneThatIsRefusedOtherwiseLeavesNobodyKnowsWhat) {
    LinkState aborted;
    EXPECT_TRUE(aborted.answered(Effect::multi, reply(kOk), false));
    EXPECT_TRUE(aborted.answered(Effect::exec, reply(kAborted), false));
    EXPECT_TRUE(aborted.fit_for_reuse());
    LinkState refused;
    EXPECT_TRUE(refused.answered(Effect::multi, reply(kOk), false));
    EXPECT_TRUE(refused.answered(Effect::exec, reply(kRefused), false));
    EXPECT_FALSE(refused.fit_for_reuse());
}

/// A node that wants a login meanwhile refuses both.
TEST(LinkState, AnExecThatIsRefusedAsItsMultiWasLeavesNothing) {
    LinkState state;
    EXPECT_TRUE(state.answered(Effect::multi, reply("-NOAUTH Authentication required.\r\n"), false));
    EXPECT_TRUE(state.answered(Effect::exec, reply("-NOAUTH Authentication required.\r\n"), false));
    EXPECT_TRUE(state.fit_for_reuse());
}

TEST(LinkState, AnUnwatchThatIsRefusedOrOnlyQueuedEndsNoWatch) {
    LinkState state;
    EXPECT_TRUE(state.answered(Effect::watch, reply(kOk), false));
    EXPECT_TRUE(state.answered(Effect::unwatch, reply(kRefused), false));
    EXPECT_FALSE(state.fit_for_reuse());
    EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
    EXPECT_TRUE(state.answered(Effect::unwatch, reply(kQueued), false));
    EXPECT_TRUE(state.answered(Effect::exec, reply("-ERR EXEC without MULTI\r\n"), false));
    EXPECT_FALSE(state.fit_for_reuse());
    EXPECT_TRUE(state.answered(Effect::unwatch, reply(kOk), false));
    EXPECT_TRUE(state.fit_for_reuse());
}

TEST(LinkState, QueuedOutsideATransactionCannotBe) {
    for (const Effect effect : {Effect::none, Effect::lasting, Effect::multi, Effect::exec, Effect::discard,
                                Effect::watch, Effect::unwatch}) {
        LinkState state;
        EXPECT_FALSE(state.answered(effect, reply(kQueued), false));
    }
    LinkState script;  // it may answer with this very word
    EXPECT_TRUE(script.answered(Effect::none, reply(kQueued), true));
}

TEST(LinkState, WhatBeginsOrEndsAStateIsAcceptedInOneWayOnly) {
    for (const Effect effect : {Effect::multi, Effect::discard, Effect::watch, Effect::unwatch}) {
        for (const std::string_view neighbours : {"+PONG\r\n", ":1\r\n", "$2\r\nOK\r\n", "*0\r\n", "_\r\n"}) {
            LinkState state;
            EXPECT_FALSE(state.answered(effect, reply(neighbours), false)) << neighbours;
        }
    }
    for (const std::string_view neighbours : {"+OK\r\n", ":1\r\n", "$-1\r\n", "%0\r\n"}) {
        LinkState state;
        EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
        EXPECT_FALSE(state.answered(Effect::exec, reply(neighbours), true)) << neighbours;
    }
    for (const std::string_view answer : {"*-1\r\n", "*0\r\n", "_\r\n"}) {
        LinkState state;
        EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
        EXPECT_TRUE(state.answered(Effect::exec, reply(answer), false)) << answer;
        EXPECT_TRUE(state.answered(Effect::exec, reply("$4\r\nmark\r\n"), false)) << "of several frames";
    }
}

TEST(LinkState, EndsOfTransactionsAreNeverQueued) {
    for (const Effect effect : {Effect::multi, Effect::exec, Effect::discard}) {
        LinkState state;
        EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
        EXPECT_FALSE(state.answered(effect, reply(kQueued), true));
    }
}

TEST(LinkState, WhateverLastsTaintsForGoodUnlessTheNodeRefusedIt) {
    LinkState state;
    EXPECT_TRUE(state.answered(Effect::lasting, reply("-WRONGPASS no\r\n"), false));
    EXPECT_TRUE(state.fit_for_reuse());
    EXPECT_TRUE(state.answered(Effect::lasting, reply(kOk), false));
    EXPECT_FALSE(state.fit_for_reuse());
    EXPECT_TRUE(state.answered(Effect::lasting, reply("-ERR no\r\n"), false));
    EXPECT_FALSE(state.fit_for_reuse());
}

TEST(LinkState, AValueInsideATransactionSaysThatItIsOverAndNobodyKnowsHow) {
    LinkState state;
    EXPECT_TRUE(state.answered(Effect::multi, reply(kOk), false));
    EXPECT_TRUE(state.answered(Effect::none, reply("$1\r\nv\r\n"), false));
    EXPECT_TRUE(state.answered(Effect::exec, reply("*0\r\n"), false));
    EXPECT_FALSE(state.fit_for_reuse());
}

}  // namespace
}  // namespace portal::upstream
